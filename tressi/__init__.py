"""tressi: a declarative HTTP load generator with one autoscaled worker pool per endpoint."""

__version__ = "0.1.0"
