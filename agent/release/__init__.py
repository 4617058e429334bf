"""What a release is made of, and what it is checked with: `python3 build.py release` and `verify`."""
