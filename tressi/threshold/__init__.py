"""Conditions on the results of a run: from text to a comparison, and from figures to whether it holds."""
