"""What a search found, as a document: the JSON of `tressi capacity`, from which every other output is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tressi.capacity.search import Search
    from tressi.capacity.slo import Condition
    from tressi.capacity.trial import Trial

_SHOWN: Final = 99.0


@dataclass(frozen=True, slots=True)
class Beside:
    """What an endpoint beside the searched one did in a trial: its rate, and its p99 in ms (None without a response)."""

    endpoint_key: str
    rps: float
    p99_ms: float | None


def document_of(
    search: Search, endpoint_key: str | None, beside: Sequence[Sequence[Beside]] = (), interrupted: str | None = None
) -> dict[str, Any]:
    """The document of a search; `endpoint_key` None: all endpoints together. `beside` are the neighbours, trial by trial.

    Rates are RPS, shares 0 to 1, latencies ms. Example: `document["capacity"]["rps"]` is 769.4.
    """
    found = search.found()
    return {
        "capacity": {
            "rps": _rounded(found.rps),
            "low": _rounded(found.low),
            "high": _rounded(found.high),
            "limitedBy": found.limited_by,
            "broke": found.broke,
            "reason": interrupted or found.reason,
        },
        "slo": [one.text for one in search.conditions],
        "conditions": [_condition(one) for one in search.conditions],
        "endpointKey": endpoint_key,
        "precisionPercent": round(100 * search.plan.precision, 6),
        "trials": [_trial(one, beside[place] if place < len(beside) else ()) for place, one in enumerate(search.trials)],
        "seconds": round(search.now_s, 1),
        "budgetSeconds": search.plan.budget_s,
        "expectedSeconds": round(search.expected_s()),
    }


def _condition(one: Condition) -> dict[str, Any]:
    of_time = one.limit_us is not None
    return {
        "text": one.text,
        "allowedShare": one.share,
        "percent": one.percent if of_time else None,
        "limitMs": one.limit_us / 1e3 if one.limit_us is not None else None,
    }


def _trial(trial: Trial, beside: Sequence[Beside]) -> dict[str, Any]:
    place = trial.worst()
    share = trial.shares[place] if trial.shares else None
    limit = trial.conditions[place]
    return {
        "rps": _rounded(trial.rps),
        "seconds": trial.lasted_s,
        "kind": trial.kind,
        "condition": limit.text,
        "allowedShare": limit.share,
        "badShare": None if share is None else round(share.value, 6),
        "low": None if share is None else round(share.low, 6),
        "high": None if share is None else round(share.high, 6),
        "verdict": trial.verdict or "undecided",
        **_percentile(trial, _SHOWN, "p99"),
        "trend": trial.trend,
        "times": [{"percent": percent, **_percentile(trial, percent, "ms")} for percent in sorted(trial.times)],
        "beside": [{"endpointKey": one.endpoint_key, "rps": _rounded(one.rps), "p99": one.p99_ms} for one in beside],
    }


def _percentile(trial: Trial, percent: float, name: str) -> dict[str, float | None]:
    found = trial.times.get(percent)
    if found is None:
        return {name: None, f"{name}Low": None, f"{name}High": None}
    return {name: found.value_ms, f"{name}Low": found.low_ms, f"{name}High": found.high_ms}


def _rounded(rps: float | None) -> float | None:
    """A rate with as many digits as a person or a program has a use for."""
    return None if rps is None else float(f"{rps:.6g}")


def verdict_line(document: Mapping[str, Any], label: str) -> str:
    """The answer in one sentence; `label` is what was searched."""
    found = document["capacity"]
    slo = " and ".join(document["slo"])
    if found["rps"] is None:
        if found["limitedBy"] == "slo":
            return f"{label} does not keep {slo} even at the lowest rate tried ({found['high']:,.4g} RPS)"
        return f"{label}: no rate has held {slo} yet"
    low, high = found["low"], found["high"]
    if high is None:
        whose = {"generator": "the generator's limit", "workers": "the pool's limit, not the target's"}.get(
            found["limitedBy"], "nothing broke by then"
        )
        return f"{label} carries at least {found['rps']:,.4g} RPS with {slo}: {whose}"
    return f"{label} carries {found['rps']:,.4g} RPS ({low:,.4g} to {high:,.4g}) with {slo}"
