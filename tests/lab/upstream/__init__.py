"""What the newest cloud-init and WALinuxAgent say on the wire, against azready's table and against the last look.

Whoever provisions without them must follow them: they are written by the people who run the platform.
"""
