"""Response parser, connection and reactor: declarations for Cython; Python reaches them through `tressi._wire`."""
