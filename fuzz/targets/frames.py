"""What a node of a run says: any bytes are a frame, an answer or facts, or are refused in words; what is taken in adds up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from summaries import endpoint_snapshot, engine_snapshot

from fuzz.target import Target
from tressi.model import NodeFinding
from tressi.nodes.carrier import CarrierError
from tressi.nodes.facts import decode_facts, encode_facts, facts_here
from tressi.nodes.frames import Second, Teller
from tressi.nodes.ledger import Ledger, LedgerError
from tressi.nodes.orders import Answer, decode_answer, encode_answer

if TYPE_CHECKING:
    from collections.abc import Hashable

_KEYS = ("GET http://h/a", "GET http://h/b")


def check(data: bytes) -> Hashable:
    """Read it as each of them."""
    return (_frame(data), _is(decode_answer, data), _is(decode_facts, data))


def _frame(data: bytes) -> Hashable:
    ledger = Ledger(_KEYS, 0, ["node-1", "node-2"])
    try:
        ledger.take(1, _seed())
        if not ledger.take(0, data):
            return "passed over"
    except LedgerError as error:
        return str(error)[:60]
    try:
        read = ledger.read()
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        # Its numbers are checked, its words and names are not: a node is tressi of the same version.
        return type(error).__name__
    return len(read.samples), len(read.found), sum(one.service.count for one in read.endpoints.values()) > 0


def _is(read: object, data: bytes) -> bool:
    try:
        read(data)  # type: ignore[operator] # one of two functions
    except (ValueError, CarrierError):
        return False
    return True


def _seed(second: int = 1) -> bytes:
    reading = engine_snapshot(*(endpoint_snapshot(key, failed=3, missed=2) for key in _KEYS))
    finding = NodeFinding(0, "", "cpu", 99.0, 95.0, 3, 100, 0.0)
    return Teller(_KEYS).frame(0, reading, Second(second, reading, ((1, finding),)) if second else None)


_WORDS = [b"\xc0", b"\x90", b"\x80", b"\xca", b"\xff", b"\x00", b"\x96", b"\xc4\x00", b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff"]
_SEEDS = [_seed(), _seed(0), encode_answer(Answer(1, 2, 3, b"x", None, "gone", grants={0: (3, 2)})), encode_facts(facts_here())]
TARGET = Target("frames", check, _SEEDS, _WORDS)
