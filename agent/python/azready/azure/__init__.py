"""Azure: who this machine is, what the platform asks for, and what it is told."""
