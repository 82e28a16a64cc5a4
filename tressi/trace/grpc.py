"""A gRPC call of a trace: its messages as JSON, and its status, by the rules of the reactor (`wire/grpc.pxd`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from tressi.grpc.method import Method
from tressi.vocabulary import FIRST_GRPC_STATUS, GRPC_STATUSES

if TYPE_CHECKING:
    from tressi.model import GrpcCall
    from tressi.trace.events import Fields

_OK: Final = 200
_UNKNOWN: Final = GRPC_STATUSES.index("UNKNOWN")


class TracedCall:
    """What is called."""

    def __init__(self, call: GrpcCall) -> None:
        self._method = Method(call.descriptors, call.method)

    def sent(self, body: bytes) -> str:
        """The message of a request as JSON."""
        return self._method.shown_request(body)

    def received(self, body: bytes, status: int) -> bytes:
        """The message of a response as JSON; what is none, a proxy's page or nothing, as it came."""
        return self._method.shown(body).encode() if body and status == _OK else body


def status_of(status: int, fields: Fields) -> int:
    """The status of a call as it is counted; `status` is that of HTTP, `fields` are those of the head and those behind."""
    said = _last(fields, "grpc-status")
    if said is None and status != _OK:
        return status
    # `isdecimal` is true of digits of other scripts as well.
    number = int(said) if said and said.isascii() and said.isdecimal() else _UNKNOWN
    return FIRST_GRPC_STATUS + (number if number < len(GRPC_STATUSES) else _UNKNOWN)


def message_of(fields: Fields) -> str | None:
    """What the server says of the call, which is percent-encoded; None: nothing."""
    said = _last(fields, "grpc-message")
    return unquote(said) if said else None


def _last(fields: Fields, wanted: str) -> str | None:
    return next((value for name, value in reversed(fields) if name == wanted), None)
