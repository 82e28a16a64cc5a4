"""When a rate is the one asked for, and when a mean has to be said beside it: pure rules that every view shares."""

from __future__ import annotations

from typing import Final

MET_SHARE: Final = 0.99  # of the rate asked for: from here on it counts as held
CLOSE_SHARE: Final = 0.8


def is_met(rps: float, target_rps: float, span_s: float = 1.0) -> bool:
    """Whether a rate over `span_s` seconds is the one asked for: short of it by 1 % at most, or by one request.

    Of 5 requests a second one may end just after it, which is a fifth of them.
    """
    short_rps = target_rps - rps
    # A little more than one: the sums that rates are made of are rounded.
    return short_rps <= (1 - MET_SHARE) * target_rps or short_rps * span_s <= 1 + 1e-6


def is_close(rps: float, target_rps: float) -> bool:
    """Whether a rate that is short is so by a fifth at most."""
    return rps >= CLOSE_SHARE * target_rps


def differs(asked_rps: float | None, mean_rps: float | None) -> bool:
    """Whether the mean of the rate asked for is another than the rate asked for now, through a ramp, a change or a pause."""
    if asked_rps is None or mean_rps is None:
        return False
    return abs(asked_rps - mean_rps) > (1 - MET_SHARE) * max(asked_rps, mean_rps)
