"""The agents that most images on Azure carry, from Debian's packages, against the emulator."""
