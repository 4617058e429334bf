"""The conformance suite: cases are data, one runner puts any agent under them. `CONTRACT.md` is what they check."""
