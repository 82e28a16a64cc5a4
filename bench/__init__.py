"""Programs that measure tressi side by side with its peers in one run, and print ratios with their spread."""
