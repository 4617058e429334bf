"""The steps: each makes one thing as the platform asks for it."""
