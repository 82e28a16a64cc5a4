"""Figures of what was counted: pure functions of deltas and histograms."""
