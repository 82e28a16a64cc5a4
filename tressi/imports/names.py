"""Names that are given once: of slots, of sources of `data`, of requests."""

from __future__ import annotations

import re
from typing import Final

from tressi.imports.marks import BRACE

_ODD: Final = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST: Final = 40


class Names:
    """The names of slots and sources, which stand in the same placeholders."""

    def __init__(self) -> None:
        self._taken = {BRACE}

    def free(self, wanted: str) -> str:
        """A name like the one that is wanted, which no other has."""
        base = _ODD.sub("_", wanted).strip("_-")[:_LONGEST] or "value"
        base = base if base[0].isalpha() or base[0] == "_" else f"value_{base}"
        name, number = base, 1
        while name in self._taken:
            number += 1
            name = f"{base}_{number}"
        self._taken.add(name)
        return name


def unlike(wanted: str, taken: set[str]) -> str:
    """A label like the one that is wanted, which no other has; `taken` gets it."""
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted} ({number})"
    taken.add(name)
    return name
