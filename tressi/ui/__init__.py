"""What a person watches while a run is under way."""
