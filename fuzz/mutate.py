"""Damage to bytes and to JSON documents, all of it decided by a random generator, so that it can be repeated."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

MOST_BYTES = 1 << 16
_NUMBER = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?")
NUMBERS = [b"0", b"-1", b"1", b"2", b"007", b"1e9", b"1e308", b"1e400", b"-0", b"0.1", b"65536", b"4294967296"]
NUMBERS += [b"999999999999999999", b"9223372036854775808", b"18446744073709551616", b"1" + b"0" * 30, b"9" * 5000]
VALUES: list[Any] = [None, True, False, 0, 1, -1, 2, 0.5, 1e-9, 1e9, 1.1e9, 1e308, 2**31, 2**53, 2**63, 2**64, 10**30]
VALUES += [
    "",
    "5",
    "x",
    "null",
    "0",
    "-1",
    "1e9",
    "\x00",
    "\x1b[31m",
    "\u202e",
    "\x85",
    "é",
    "😀",
    "x" * 300,
    "/",
    "GET",
    "http://h",
]
VALUES += [[], {}, [None], [0], [""], {"": None}, {"a": 1}, [[]], [{}]]


def mutated(rng: Random, data: bytes, words: Sequence[bytes], other: bytes) -> bytes:
    """`data` after one to five accidents; `words` mean something to the reader, `other` is another input of it."""
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5))):
        data = rng.choice(_ACCIDENTS)(rng, data, words, other)
    return data[:MOST_BYTES]


def _insert(rng: Random, data: bytes, words: Sequence[bytes], _: bytes) -> bytes:
    at = rng.randint(0, len(data))
    return data[:at] + rng.choice(words) + data[at:]


def _replace(rng: Random, data: bytes, words: Sequence[bytes], _: bytes) -> bytes:
    at, word = rng.randint(0, len(data)), rng.choice(words)
    return data[:at] + word + data[at + len(word) :]


def _delete(rng: Random, data: bytes, _: Sequence[bytes], __: bytes) -> bytes:
    at = rng.randint(0, len(data))
    return data[:at] + data[at + rng.choice((1, 1, 2, 8, 64)) :]


def _repeat(rng: Random, data: bytes, _: Sequence[bytes], __: bytes) -> bytes:
    at, size = rng.randint(0, len(data)), rng.choice((1, 2, 5, 20, 100))
    return data[:at] + data[at : at + size] * rng.choice((1, 1, 2, 10, 300)) + data[at:]


def _flip(rng: Random, data: bytes, _: Sequence[bytes], __: bytes) -> bytes:
    if not data:
        return bytes([rng.randrange(256)])
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def _splice(rng: Random, data: bytes, _: Sequence[bytes], other: bytes) -> bytes:
    return data[: rng.randint(0, len(data))] + other[rng.randint(0, len(other)) :]


def _renumber(rng: Random, data: bytes, _: Sequence[bytes], __: bytes) -> bytes:
    found = list(_NUMBER.finditer(data))
    if not found:
        return data
    one = rng.choice(found)
    return data[: one.start()] + rng.choice(NUMBERS) + data[one.end() :]


def _cut(rng: Random, data: bytes, _: Sequence[bytes], __: bytes) -> bytes:
    return data[: rng.randint(0, len(data))]


_ACCIDENTS = (_insert, _insert, _replace, _replace, _delete, _repeat, _flip, _splice, _renumber, _cut)


def mutated_json(rng: Random, data: bytes, words: Sequence[bytes]) -> bytes | None:
    """A JSON document with some of its values exchanged, moved or gone; None where `data` is no document."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        document = _changed(rng, document, [word.decode("latin-1") for word in words])
    try:
        return json.dumps(document).encode()
    except (ValueError, RecursionError):
        return None


def _changed(rng: Random, value: Any, names: Sequence[str]) -> Any:  # noqa: ANN401 - any JSON value
    """One change, somewhere in it: the deeper, the less likely to go on."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        return _changed_object(rng, value, names)
    if isinstance(value, list) and value and rng.random() < 0.85:
        return _changed_array(rng, value, names)
    if isinstance(value, dict) and rng.random() < 0.5:
        return {**value, rng.choice(names): rng.choice(VALUES)}
    if isinstance(value, str) and rng.random() < 0.3:
        at = rng.randint(0, len(value))
        return value[:at] + str(rng.choice([*names, "\x00", "\n", "é", " ", "%", ":"])) + value[at:]
    return _nested(rng, value) if rng.random() < 0.1 else rng.choice(VALUES)


def _changed_object(rng: Random, value: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """A member changed, left out, or under another name."""
    key = rng.choice(list(value))
    if rng.random() < 0.8:
        return {**value, key: _changed(rng, value[key], names)}
    kept = {name: inner for name, inner in value.items() if name != key}
    return kept if rng.random() < 0.5 else {**kept, rng.choice(names): value[key]}


def _changed_array(rng: Random, value: list[Any], names: Sequence[str]) -> list[Any]:
    """A member changed, left out, or there twice."""
    at = rng.randrange(len(value))
    if rng.random() < 0.8:
        return [*value[:at], _changed(rng, value[at], names), *value[at + 1 :]]
    return value[:at] + value[at + 1 :] if rng.random() < 0.5 else [*value, value[at]]


def _nested(rng: Random, value: Any) -> Any:  # noqa: ANN401 - any JSON value
    for _ in range(rng.choice((1, 3, 50, 150))):
        value = [value] if rng.random() < 0.5 else {"a": value}
    return value
