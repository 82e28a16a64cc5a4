"""How each endpoint stands while a run lasts: whether its row belongs among those that need a look, and why.

It is judged of about the last ten seconds and not of one, because a second at a low rate has few requests, and a table whose
rows jump is hard to read: what is counted fades away second by second. A cause becomes grave from 1 % on and stays so until
it is below half of that, and one that was there at all is told for half a minute. Everything here is a pure function of what
was known a second ago and of what the last second brought.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import exp, sqrt
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from tressi.run.flow_parts import is_step, paced
from tressi.run.shortfall import course_words, limits
from tressi.run.tones import TONES, bound_of, bounds_behind, broken_bounds, tone_of_cause, tone_of_endpoint
from tressi.run.trouble import NOTEWORTHY_SHARE, failures_of
from tressi.text import plain
from tressi.ui.standing import missed_cause

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tressi.model import EndpointMoment, EndpointSnapshot, Moment, ResolvedConfig, ThresholdVerdict
    from tressi.run.shortfall import Limit
    from tressi.run.tones import Bound, Tone

Level = Literal[0, 1, 2]  # nothing is wrong; something was; so much that it is grave

FADES_S: Final = 10.0  # after this time what was counted weighs a third
TOLD_S: Final = 30.0  # for so long something that happened once is told
GRAVE: Final = 2
_GRAVE_FROM: Final = NOTEWORTHY_SHARE
_GRAVE_UNTIL: Final = NOTEWORTHY_SHARE / 2
_FEW: Final = 2.0  # requests: one alone is no share
_TOTAL: Final = ""  # in place of an endpoint's key: all together
_CHANCE: Final = 3.0  # standard deviations by which Poisson arrivals may be off


class Cause(NamedTuple):
    """Why starts were missed, in words; `is_growing`: a pool had not yet found its size, and could still grow."""

    words: str
    is_growing: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """What is remembered of one endpoint: counts of the last seconds, which fade, and how grave each cause is.

    `made`, `failed`, `missed` and `due` are attempts, failures, starts missed and starts asked for. `failed_s` and `missed_s`
    are when something of the kind was last seen, None where it never was. `missed_by` is why starts were last missed.
    `beyond` are the limits of response times that do not hold and behind which it stands, `beyond_s` when that was last seen.
    """

    made: float = 0.0
    failed: float = 0.0
    missed: float = 0.0
    due: float = 0.0
    failed_s: float | None = None
    missed_s: float | None = None
    missed_by: Cause | None = None
    beyond: Sequence[Bound] = ()
    beyond_s: float | None = None
    levels: Mapping[str, Level] = field(default_factory=lambda: {"rate": 0, "missed": 0, "failed": 0, "latency": 0})

    @property
    def level(self) -> Level:
        """The gravest of its causes."""
        return max(self.levels.values())


def condition_after(
    before: Condition,
    one: EndpointMoment,
    t: float,
    span_s: float,
    missed_by: Cause | None,
    *,
    chance: bool = False,
    unheld: Sequence[Bound] = (),
) -> Condition:
    """How an endpoint stands after the `span_s` seconds that ended at `t`.

    `missed_by` is why starts were missed in them, None where none was. With `chance`, starts come at random. `unheld` are the
    limits of response times that do not hold at this second.
    """
    beyond = [bound for bound in unheld if bound.is_behind(one.endpoint_key, getattr(one, f"{bound.name}_ms", None))]
    still = [bound for bound in before.beyond if bound in unheld and _is_recent(before.beyond_s, t)]
    fade, made = exp(-span_s / FADES_S), one.current_rps * span_s
    now = replace(
        before,
        made=fade * before.made + made,
        failed=fade * before.failed + one.error_rate * made,
        missed=fade * before.missed + one.missed_now,
        # Without a rate nothing is due.
        due=0.0 if one.target_rps is None else fade * before.due + one.target_rps * span_s,
        failed_s=t if one.error_rate else before.failed_s,
        missed_s=t if one.missed_now else before.missed_s,
        missed_by=missed_by or before.missed_by,
        beyond=beyond or still,
        beyond_s=t if beyond else before.beyond_s,
    )
    return replace(now, levels=_levels(before.levels, now, t, chance=chance))


class Conditions:
    """The conditions of all endpoints and flows of a run, second by second."""

    def __init__(self, config: ResolvedConfig) -> None:
        self._worker_limit, self._is_chance = config.worker_limit, config.arrival == "poisson"
        self._known: dict[str, Condition] = {}
        self._last_t = 0.0

    def see(self, moment: Moment) -> dict[str, dict[str, Any]]:
        """Take a second; the condition of each endpoint of which something is to be said, and that of all together under ""."""
        span_s, self._last_t = moment.t - self._last_t, moment.t
        parts = (*moment.endpoints, *moment.flows)
        causes: dict[str, Cause | None] = {one.endpoint_key: self._cause(one, moment) for one in parts if one.missed_now}
        unheld = [bound for one in moment.thresholds if (bound := _unheld(one)) is not None]
        most = max(parts, key=lambda one: one.missed_now, default=moment.total)
        causes[_TOTAL] = causes.get(most.endpoint_key)
        for one in (moment.total, *parts):
            before = self._known.get(one.endpoint_key, Condition())
            cause = causes.get(one.endpoint_key)
            self._known[one.endpoint_key] = condition_after(
                before, one, moment.t, span_s, cause, chance=self._is_chance, unheld=unheld if one is not moment.total else ()
            )
        said = {key: one for key, one in self._known.items() if one.level or key == _TOTAL}
        dead = {trouble.endpoint_key for trouble in moment.troubles}
        return {key: _document(one, moment.reading.endpoints.get(key), is_dead=key in dead) for key, one in said.items()}

    def _cause(self, one: EndpointMoment, moment: Moment) -> Cause:
        has_room = one.max_workers is not None and one.worker_count < one.max_workers
        is_free = moment.total.worker_count < self._worker_limit
        is_growing = has_room and is_free and not moment.saturated_by and not (one.in_flight and not one.current_rps)
        return Cause(plain(missed_cause(one, moment)), is_growing=is_growing)


def ended(summary: Mapping[str, Any], tone: str) -> dict[str, dict[str, Any]]:
    """The conditions of a run that is over, by its summary; that of all together is the verdict's, whose tone that is."""
    found, parts, broken = limits(summary), paced(summary), broken_bounds(summary["thresholds"])
    every = (*summary["endpoints"], *parts)
    known = {one["endpointKey"]: _ended(one, found[one["endpointKey"]], bounds_behind(one, broken)) for one in every}
    most = max(parts, key=lambda one: one["requestsMissed"], default=None)
    total, level = summary["global"], {"good": 0, "warn": 1, "bad": GRAVE}[tone]
    levels = {"rate": max((known[one["endpointKey"]]["levels"]["rate"] for one in parts), default=0), **_counted(total)}
    tones = _tones(levels)
    missed_by = known[most["endpointKey"]]["missedBy"] if most is not None else ""
    return {
        **known,
        _TOTAL: {"tone": tone, "tones": tones, "level": level, "levels": levels, "missedBy": missed_by, "words": []},
    }


# ------------------------------------------------------------------------------------------------------------ small parts


def _levels(before: Mapping[str, Level], now: Condition, t: float, *, chance: bool) -> dict[str, Level]:
    """How grave each cause is. Starts that are missed while a pool finds its size are no grave matter, nor is its rate then."""
    is_growing = now.missed_by is not None and now.missed_by.is_growing and _is_recent(now.missed_s, t)
    most: Level = 1 if is_growing else GRAVE
    tolerated = _FEW + (_CHANCE * sqrt(now.due) if chance else 0.0)
    short = now.due - now.made - tolerated
    failed = _grave(before["failed"], now.failed, now.made)
    missed = _grave(before["missed"], now.missed, now.made + now.missed)
    return {
        "rate": min(most, _grave(before["rate"], short, now.due)),
        "missed": min(most, missed) or _told(now.missed_s, t),
        "failed": failed or _told(now.failed_s, t),
        "latency": max((GRAVE if one.is_broken else 1 for one in now.beyond), default=0),
    }


def _unheld(verdict: ThresholdVerdict) -> Bound | None:
    """The limit of a response time that a threshold sets and that does not hold."""
    return bound_of(verdict.text, verdict.endpoint_key, is_broken=verdict.settled) if verdict.passed is False else None


def _tones(levels: Mapping[str, int]) -> dict[str, Tone]:
    return {cause: tone_of_cause(cause, level) for cause, level in levels.items()}


def _grave(before: Level, part: float, whole: float) -> Level:
    """2 where a part is grave, 0 where it is not; what was grave stays so until it is well below the limit."""
    share = part / whole if whole > 0 else 0.0
    if before == GRAVE:
        return GRAVE if share >= _GRAVE_UNTIL and part >= _FEW / 2 else 0
    return GRAVE if share > _GRAVE_FROM and part >= _FEW else 0


def _is_recent(seen_s: float | None, t: float) -> bool:
    return seen_s is not None and t - seen_s < TOLD_S


def _told(seen_s: float | None, t: float) -> Level:
    return 1 if _is_recent(seen_s, t) else 0


def _document(one: Condition, reading: EndpointSnapshot | None, *, is_dead: bool) -> dict[str, Any]:
    missed_by = "" if one.missed_by is None else one.missed_by.words
    tones = _tones(one.levels)
    tone = "bad" if is_dead else max(tones.values(), key=TONES.index)
    words = list(_words(one, reading))
    return {"tone": tone, "tones": tones, "level": one.level, "levels": one.levels, "missedBy": missed_by, "words": words}


def _words(one: Condition, reading: EndpointSnapshot | None) -> Iterable[str]:
    """What is wrong, the gravest first, without figures that change each second: those stand in the row."""
    yield from (bound.words() for bound in one.beyond)
    if one.levels["failed"]:
        reasons = failures_of(reading).most_common(1) if reading is not None else []
        what = "failing" if one.levels["failed"] == GRAVE else "has failed"
        yield f"{what}: {plain(reasons[0][0])}" if reasons else what
    if one.levels["missed"] and one.missed_by is not None:
        yield f"starts missed: {one.missed_by.words}"
    elif one.levels["rate"]:
        yield "below its rate"


def _ended(part: Mapping[str, Any], limit: Limit, behind: Sequence[Bound]) -> dict[str, Any]:
    levels: dict[str, Level] = {"rate": GRAVE if limit.is_short else 0, **_counted(part), "latency": GRAVE if behind else 0}
    if limit.is_short and part["requestsMissed"]:
        levels["missed"] = GRAVE
    missed_by = limit.words if part["requestsMissed"] else ""
    tone = tone_of_endpoint(part, limit, behind, is_step=is_step(part))
    return {
        "tone": "good" if tone == "none" else tone,
        "tones": _tones(levels),
        "level": max(levels.values()),
        "levels": levels,
        "missedBy": missed_by,
        "words": [*(bound.words() for bound in behind), plain(course_words(part, limit))],
    }


def _counted(part: Mapping[str, Any]) -> dict[str, Level]:
    """How grave the failures and the missed starts of a whole run are."""
    made, failed, missed = part["requestsMade"], part["requestsFailed"], part["requestsMissed"]
    return {
        "missed": 0 if not missed else GRAVE if missed > _GRAVE_FROM * (made + missed) else 1,
        "failed": 0 if not failed else GRAVE if failed > _GRAVE_FROM * made else 1,
    }
