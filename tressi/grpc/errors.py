"""What can be wrong with a call, in words."""

from __future__ import annotations


class GrpcError(ValueError):
    """A call that cannot be made; `str()` is why.

    `part` is the property of the config's `grpc` that is to blame ("proto", "protoset", "importPaths" or "method"), or empty
    where its message is: then `path` is the place in the message, such as ("items", 0, "sku").
    """

    def __init__(self, message: str, part: str = "", path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.part = part
        self.path = path
