"""Troubles in words, the same on every view, and when they begin and end."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from tressi.model.flow import is_flow_key
from tressi.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tressi.model import Moment, Trouble

_NAMED: Final = 3  # endpoints that are named one by one
# What begins again so soon after it was said is not said again: a target that fails now and then would fill a log.
QUIET_S: Final = 10.0


class Told(NamedTuple):
    """One sentence of all endpoints of which it is true; `words` leave out which they are."""

    kind: str
    endpoint_keys: tuple[str, ...]
    words: str

    def sentence(self, labels: Mapping[str, str]) -> str:
        """The same with the endpoints' names, which `labels` has beside the flows'; where it is true of all, without them."""
        if len(self.endpoint_keys) == sum(not is_flow_key(key) for key in labels):
            return self.words
        named = ", ".join(labels.get(key, plain(key)) for key in self.endpoint_keys[:_NAMED])
        more = len(self.endpoint_keys) - _NAMED
        return f"{named}{f' and {more} more' if more > 0 else ''}: {self.words}"


def told(troubles: Iterable[Trouble]) -> list[Told]:
    """Troubles as sentences: endpoints that fail alike, or give no answer, share one."""
    ordered = sorted(troubles, key=_likeness)
    return [_told(list(alike)) for _, alike in groupby(ordered, key=_likeness)]


def _likeness(trouble: Trouble) -> tuple[str, bool, str]:
    return trouble.kind, trouble.ever, trouble.reason


def _told(alike: list[Trouble]) -> Told:
    first, count = alike[0], sum(one.count for one in alike)
    keys = tuple(one.endpoint_key for one in alike)
    if first.kind == "silent":
        oldest_s = max(one.oldest_s for one in alike)
        return Told("silent", keys, f"no answer: {count} in flight, the oldest for {oldest_s:.1f} s")
    what = f"all of the last {count} requests failed" if first.ever else "all requests fail"
    return Told("failing", keys, f"{what}: {_within(plain(first.reason))}" if first.reason else what)


def _within(words: str) -> str:
    """The words of a system as a part of a sentence: "connection refused", but "SSL …" as it is."""
    return words[:1].lower() + words[1:] if words[1:2].islower() else words


class Begun(NamedTuple):
    """What has begun in a second, and of which endpoints what was said is over."""

    begun: list[Told]
    over: list[tuple[str, tuple[str, ...]]]


class Beginnings:
    """Tells a trouble once, when it begins, and once when it is over."""

    def __init__(self) -> None:
        self._said_s: dict[tuple[str, str], float] = {}
        self._open: set[tuple[str, str]] = set()

    def see(self, moment: Moment) -> Begun:
        """What is to be said of this second."""
        now = {(one.kind, one.endpoint_key): one for one in moment.troubles}
        over = [place for place in self._open if place not in now]
        self._open -= set(over)
        fresh = [place for place in now if place not in self._open and not self._is_recent(place, moment.t)]
        self._open |= set(fresh)
        self._said_s |= dict.fromkeys(fresh, moment.t)
        kinds = sorted({kind for kind, _ in over})
        return Begun(
            told(now[place] for place in fresh),
            [(kind, tuple(key for other, key in sorted(over) if other == kind)) for kind in kinds],
        )

    def _is_recent(self, place: tuple[str, str], t: float) -> bool:
        said_s = self._said_s.get(place)
        return said_s is not None and t - said_s < QUIET_S
