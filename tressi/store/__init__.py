"""A run that is over, opened again from what it left: its journal."""
