"""Two sides of runs compared: is one slower, and how sure is that? Pure decisions, and a thin reading of exports."""
