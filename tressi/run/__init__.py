"""One run from start to summary."""
