"""The attack: what is interrupted, refused, watched or raced, at every moment of a run, and what must be right then."""
