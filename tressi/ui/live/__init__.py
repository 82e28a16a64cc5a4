"""The live picture of a run on a terminal: what was seen, how it is looked at, and what that looks like."""
