"""What differs between two configs, as a short list of properties. Pure: two JSON values in, places and values out.

Entries of a list are found again by what they are, not by where they stand: a request by its name, or by its method and
address. So one that was put in front of others is one difference, and not one for each that it has moved.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LONGEST_VALUE: Final = 120  # characters
# What is told elsewhere, or is no part of what was asked for.
_APART: Final = frozenset({"name", "labels", "export", "$schema"})


class Difference(NamedTuple):
    """A property that two configs have another value of, as JSON; None where one has it not."""

    place: str
    before: str | None
    after: str | None


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Every property that differs, in the order of the first config, then those that only the second has."""
    return list(_of_objects(_without(before), _without(after), ""))


def _without(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name not in _APART}


def _of_values(before: Any, after: Any, place: str) -> Iterator[Difference]:  # noqa: ANN401 - any JSON value
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _of_objects(before, after, place)
    elif isinstance(before, list) and isinstance(after, list) and _has_objects(before) and _has_objects(after):
        yield from _of_objects(_by_identity(before), _by_identity(after), place, is_list=True)
    elif before != after or type(before) is not type(after):
        yield Difference(place, _shown(before), _shown(after))


def _of_objects(
    before: Mapping[str, Any], after: Mapping[str, Any], place: str, *, is_list: bool = False
) -> Iterator[Difference]:
    for name in [*before, *(name for name in after if name not in before)]:
        there = f"{place}[{name}]" if is_list else f"{place}.{name}" if place else name
        if name in before and name in after:
            yield from _of_values(before[name], after[name], there)
        else:
            yield Difference(there, *(_shown(one[name]) if name in one else None for one in (before, after)))


def _has_objects(entries: Sequence[Any]) -> bool:
    return any(isinstance(entry, dict) for entry in entries)


def _by_identity(entries: Sequence[Any]) -> dict[str, Any]:
    """The entries by what they are; of several that are alike, the later ones have a number."""
    found, often = {}, Counter[str]()
    for place, entry in enumerate(entries):
        name = _identity(entry) or str(place)
        often[name] += 1
        found[name if often[name] == 1 else f"{name} #{often[name]}"] = entry
    return found


def _identity(entry: Any) -> str | None:  # noqa: ANN401 - any JSON value
    if isinstance(entry, str):
        return entry
    if not isinstance(entry, dict):
        return None
    if isinstance(entry.get("url"), str):
        return str(entry.get("name") or f"{entry.get('method', 'GET')} {entry['url']}")
    return next((entry[name] for name in ("name", "threshold", "request") if isinstance(entry.get(name), str)), None)


def _shown(value: Any) -> str:  # noqa: ANN401 - any JSON value
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"
