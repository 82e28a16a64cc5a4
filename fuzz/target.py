"""What is fuzzed: a reader of bytes, and what must hold of it for any bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence


@dataclass(frozen=True)
class Target:
    """`check` reads some bytes and raises where a rule is broken.

    It returns what kind of input that was: an input of a new kind is kept, to be changed further.
    """

    name: str
    check: Callable[[bytes], Hashable]
    seeds: Sequence[bytes]
    words: Sequence[bytes]
    is_json: bool = False
