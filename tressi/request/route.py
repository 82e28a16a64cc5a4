"""Which route a path belongs to: what stands for a thing in it, an id, is folded into a placeholder. Pure functions.

Example: `/users/4711/orders/0f8fad5b-d9cb-469f-a165-70867728950e` is of the route `/users/:id/orders/:id`.

A segment is folded where it is

- a whole number: `4711`
- a UUID: `0f8fad5b-d9cb-469f-a165-70867728950e`, with or without hyphens
- hexadecimal of 16 digits or more with a digit and a letter: a hash, an ObjectId. Shorter ones may be words
- one of these with an ending of letters and digits: `4711.jpg` is of `:id.jpg`

The query is no part of the route.
"""

from __future__ import annotations

import re
from typing import Final

ID: Final = ":id"

_UUID: Final = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_HEX: Final = r"(?=[0-9a-fA-F]*[0-9])(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{16,}"
_FOLDED: Final = re.compile(rf"(?<=/)(?:[0-9]+|{_UUID}|{_HEX})(?=/|$|\.[A-Za-z][A-Za-z0-9]{{0,7}}(?:/|$))")


def path_of(target: str) -> str:
    """The path of a request target, without the query."""
    return target.partition("?")[0]


def route_of(target: str) -> str:
    """The route of a request target: its path with ids folded, without the query."""
    return _FOLDED.sub(ID, path_of(target))
