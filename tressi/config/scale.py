"""`--scale`: every rate of a config times a factor, and every bound of workers, so that its proportions stay.

Rates are exact: a factor of 0.1 is a tenth, and no float that is nearly one. Workers are rounded, half up, to at least one.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import TYPE_CHECKING, Any, Final

from tressi.config.defaults import defaults
from tressi.config.resolve import AutoscaleConfigResolver

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Change = Callable[[Any], Any]

RATES: Final = ("rps", "targetRps", "startsPerSecond", "connectionsPerSecond")
WORKERS: Final = ("workers", "minWorkers", "maxWorkers", "initialWorkers")


def scaled(document: Mapping[str, Any], factor: float) -> dict[str, Any]:
    """Return a sound document in the current form with its rates and workers times `factor`."""
    exact = Fraction(str(factor))
    filled = {"workers": defaults("TressiConfigSchema")["workers"], **document}
    new = _section(filled, exact)
    new["requests"] = [_section(request, exact) for request in document["requests"]]
    if "flows" in document:
        new["flows"] = [_section(flow, exact) for flow in document["flows"]]
    return _with_room(new, document)


def _section(section: Mapping[str, Any], factor: Fraction) -> dict[str, Any]:
    new = dict(section)
    for name in RATES:
        if name in new:
            rate = Fraction(str(new[name])) * factor
            new[name] = int(rate) if rate.denominator == 1 else float(rate)
    for name in WORKERS:
        if name in new:
            new[name] = max(1, floor(new[name] * factor + Fraction(1, 2)))
    if "stages" in new:
        new["stages"] = [_section(stage, factor) for stage in new["stages"]]
    if isinstance(new.get("autoscale"), dict):
        new["autoscale"] = _section(new["autoscale"], factor)
    return new


def _with_room(new: dict[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """Raise the limit of all workers to what the endpoints need at least, where rounding up has left no room for that."""
    section = new.get("autoscale") or {}
    holder = section if "maxWorkers" in section else new
    name = "maxWorkers" if holder is section else "workers"
    limit = (old.get("autoscale") or {}).get("maxWorkers", old.get("workers", defaults("TressiConfigSchema")["workers"]))
    if _least(old) <= limit:
        holder[name] = max(holder[name], _least(new))
    return new


def _least(document: Mapping[str, Any]) -> int:
    resolver = AutoscaleConfigResolver(document)
    settings = [resolver.resolve_endpoint_config(request) for request in document["requests"]]
    return sum(one["minWorkers"] for one in settings if one)
