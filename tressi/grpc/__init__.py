"""Unary gRPC calls as values: what a method is, its message as bytes, a message as JSON. No socket is here, and no config."""
