"""How each endpoint stands while a run lasts: whether its row belongs among those that need a look, and why.

It is judged of about the last ten seconds and not of one, because a second at a low rate has few requests, and a table whose
rows jump is hard to read: what is counted fades away second by second. A cause becomes grave from 1 % on and stays so until
it is below half of that, and one that was there at all is told for half a minute. Everything here is a pure function of what
was known a second ago and of what the last second brought.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import exp, sqrt
from typing import TYPE_CHECKING, Any, Final

from tressi.run.flow_parts import paced
from tressi.run.shortfall import limits
from tressi.run.trouble import NOTEWORTHY_SHARE, failures_of
from tressi.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tressi.model import EndpointMoment, EndpointSnapshot, Moment, ResolvedConfig
    from tressi.run.shortfall import Limit

Level = int  # 0: nothing is wrong, 1: something was, 2: so much that it is grave

FADES_S: Final = 10.0  # after this time what was counted weighs a third
TOLD_S: Final = 30.0  # for so long something that happened once is told
_GRAVE_FROM: Final = NOTEWORTHY_SHARE
_GRAVE_UNTIL: Final = NOTEWORTHY_SHARE / 2
_FEW: Final = 2.0  # requests: one alone is no share
_TOTAL: Final = ""  # in place of an endpoint's key: all together
_CHANCE: Final = 3.0  # standard deviations by which Poisson arrivals may be off
GROWING: Final = "the pool is growing"


@dataclass(frozen=True, slots=True)
class Condition:
    """What is remembered of one endpoint: counts of the last seconds, which fade, and how grave each cause is.

    `made`, `failed`, `missed` and `due` are attempts, failures, starts missed and starts asked for. `failed_s` and `missed_s`
    are when something of the kind was last seen, None where it never was. `missed_by` says why starts were last missed.
    """

    made: float = 0.0
    failed: float = 0.0
    missed: float = 0.0
    due: float = 0.0
    failed_s: float | None = None
    missed_s: float | None = None
    missed_by: str = ""
    levels: Mapping[str, Level] = field(default_factory=lambda: {"rate": 0, "missed": 0, "failed": 0})

    @property
    def level(self) -> Level:
        """The gravest of its causes."""
        return max(self.levels.values())


def condition_after(before: Condition, one: EndpointMoment, t: float, span_s: float, missed_by: str, *, chance: bool) -> Condition:
    """How an endpoint stands after the second that ended at `t`. With `chance`, its starts come at random."""
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
    )
    return replace(now, levels=_levels(before.levels, now, t, chance=chance))


def missed_cause(one: EndpointMoment, *, limited: bool, late: int, cap: str) -> str:
    """Why an endpoint missed starts in a second; nothing where it missed none.

    `limited`: the generator was the bottleneck. `late` are those it missed while a worker was free. `cap` says what keeps the
    pool from growing, if anything does.
    """
    if not one.missed_now:
        return ""
    if limited or late >= one.missed_now:
        return "the generator was late"
    if one.in_flight and not one.current_rps:
        return "the target gave no answer"
    return f"all workers were busy: {cap}" if cap else GROWING


class Conditions:
    """The conditions of all endpoints and flows of a run, second by second."""

    def __init__(self, config: ResolvedConfig) -> None:
        self._config = config
        self._is_chance = config.arrival == "poisson"
        self._known: dict[str, Condition] = {}
        self._late: dict[str, int] = {}
        self._last_t = 0.0

    def see(self, moment: Moment) -> dict[str, dict[str, Any]]:
        """Take a second; the condition of each endpoint of which something is to be said, and that of all together under ""."""
        span_s, self._last_t = moment.t - self._last_t, moment.t
        parts = (*moment.endpoints, *moment.flows)
        causes = {one.endpoint_key: self._cause(one, moment) for one in parts}
        most = max(parts, key=lambda one: one.missed_now, default=None)
        causes[_TOTAL] = causes[most.endpoint_key] if most is not None else ""
        for one in (moment.total, *parts):
            before = self._known.get(one.endpoint_key, Condition())
            self._known[one.endpoint_key] = condition_after(
                before, one, moment.t, span_s, causes[one.endpoint_key], chance=self._is_chance
            )
        said = {key: one for key, one in self._known.items() if one.level or key == _TOTAL}
        return {key: _document(one, moment.reading.endpoints.get(key)) for key, one in said.items()}

    def _cause(self, one: EndpointMoment, moment: Moment) -> str:
        key = one.endpoint_key
        reading = moment.reading.flows.get(key) or moment.reading.endpoints.get(key)
        late = 0 if reading is None else reading.missed_late
        before, self._late[key] = self._late.get(key, 0), late
        return missed_cause(one, limited=bool(moment.saturated_by), late=late - before, cap=self._cap(one, moment))

    def _cap(self, one: EndpointMoment, moment: Moment) -> str:
        if one.max_workers is None:
            return f"the shared pool has {one.worker_count}"
        if one.worker_count >= one.max_workers:
            return f"{one.max_workers} is the most it may have"
        limit = self._config.worker_limit
        return f"the run has its {limit} workers" if moment.total.worker_count >= limit else ""


def ended(summary: Mapping[str, Any], tone: str) -> dict[str, dict[str, Any]]:
    """The conditions of a run that is over, by its summary; that of all together is the verdict's, whose tone that is."""
    found, parts = limits(summary), paced(summary)
    known = {one["endpointKey"]: _ended(one, found[one["endpointKey"]]) for one in (*summary["endpoints"], *parts)}
    most = max(parts, key=lambda one: one["requestsMissed"], default=None)
    total, level = summary["global"], {"good": 0, "warn": 1, "bad": 2}[tone]
    levels = {"rate": max((known[one["endpointKey"]]["levels"]["rate"] for one in parts), default=0), **_counted(total)}
    missed_by = known[most["endpointKey"]]["missedBy"] if most is not None else ""
    return {**known, _TOTAL: {"level": level, "levels": levels, "missedBy": missed_by, "words": []}}


# ------------------------------------------------------------------------------------------------------------ small parts


def _levels(before: Mapping[str, Level], now: Condition, t: float, *, chance: bool) -> dict[str, Level]:
    """How grave each cause is. Starts that are missed while a pool finds its size are no grave matter, nor is its rate then."""
    most = 1 if now.missed_by == GROWING else 2
    tolerated = _FEW + (_CHANCE * sqrt(now.due) if chance else 0.0)
    short = now.due - now.made - tolerated
    failed = _grave(before["failed"], now.failed, now.made)
    missed = _grave(before["missed"], now.missed, now.made + now.missed)
    return {
        "rate": min(most, _grave(before["rate"], short, now.due)),
        "missed": min(most, missed) or int(_is_recent(now.missed_s, t)),
        "failed": failed or int(_is_recent(now.failed_s, t)),
    }


def _grave(before: Level, part: float, whole: float) -> Level:
    """2 where a part is grave, 0 where it is not; what was grave stays so until it is well below the limit."""
    share = part / whole if whole > 0 else 0.0
    if before == 2:
        return 2 if share >= _GRAVE_UNTIL and part >= _FEW / 2 else 0
    return 2 if share > _GRAVE_FROM and part >= _FEW else 0


def _is_recent(seen_s: float | None, t: float) -> bool:
    return seen_s is not None and t - seen_s < TOLD_S


def _document(one: Condition, reading: EndpointSnapshot | None) -> dict[str, Any]:
    return {"level": one.level, "levels": one.levels, "missedBy": one.missed_by, "words": list(_words(one, reading))}


def _words(one: Condition, reading: EndpointSnapshot | None) -> Iterable[str]:
    """What is wrong, the gravest first, without figures that change each second: those stand in the row."""
    if one.levels["failed"]:
        reasons = failures_of(reading).most_common(1) if reading is not None else []
        what = "failing" if one.levels["failed"] == 2 else "has failed"
        yield f"{what}: {plain(reasons[0][0])}" if reasons else what
    if one.levels["missed"]:
        yield f"starts missed: {one.missed_by}"
    elif one.levels["rate"]:
        yield "below its rate"


def _ended(part: Mapping[str, Any], limit: Limit) -> dict[str, Any]:
    levels = {"rate": 2 if limit.is_short else 0, **_counted(part)}
    if limit.is_short and part["requestsMissed"]:
        levels["missed"] = 2
    missed_by = limit.words if part["requestsMissed"] else ""
    return {"level": max(levels.values()), "levels": levels, "missedBy": missed_by, "words": [plain(limit.words)]}


def _counted(part: Mapping[str, Any]) -> dict[str, Level]:
    """How grave the failures and the missed starts of a whole run are."""
    made, failed, missed = part["requestsMade"], part["requestsFailed"], part["requestsMissed"]
    return {
        "missed": 0 if not missed else 2 if missed > _GRAVE_FROM * (made + missed) else 1,
        "failed": 0 if not failed else 2 if failed > _GRAVE_FROM * made else 1,
    }
