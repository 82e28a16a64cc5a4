"""When a rate is the one asked for: pure rules that every view shares."""

from __future__ import annotations

from typing import Final

from tressi.vocabulary import MET_SHARE

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
