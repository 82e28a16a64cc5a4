"""Wheels, the source distribution, and trying both where there is no compiler: `scripts/wheels` and `scripts/docker-steps`."""
