"""Thresholds: any text is a comparison that can be judged, or a ThresholdError."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fuzz.target import Target
from tressi.threshold.expression import Comparison, Metric, excess, judge
from tressi.threshold.names import names
from tressi.threshold.parse import ThresholdError, parse

if TYPE_CHECKING:
    from collections.abc import Hashable

_SEEDS = ["p99 < 250ms", "rps > 0.98 * targetRps", "p99[30s] < 250ms", "saturated == false", "errorRate < 0.1%"]
_SEEDS += [
    "service.p(99.95) - firstByte.p50 < 2 * 1.5s",
    "statusCodes(503) + errors(timeout) == 0",
    "(rps / 2) >= 1k",
    "max/min<9",
]
_SEEDS += ["1" + "0" * 400 + " < rps", "rps > " + "0 + " * 300 + "1", "(" * 200 + "rps" + ")" * 200 + " > 1"]
_WORDS = [
    word.encode() for word in (*sorted(names()), "<", "<=", ">", ">=", "==", "!=", "+", "-", "*", "/", "(", ")", "[", "]", "ms")
]
_WORDS += [
    word.encode()
    for word in ("us", "µs", "s", "min", "%", "k", "true", "false", "10s", "0", "1e9", ".", " ", "\t", "\x00", "é")
]


def check(data: bytes) -> Hashable:
    """Parse it, and judge it with figures that are there, missing, and 0."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        comparison = parse(text)
    except ThresholdError as error:
        assert str(error)
        return re.sub(r"\d+", "", str(error))[:60]
    for figure in (1.0, 0, None, 1e308):
        outcome = judge(comparison, lambda metric, figure=figure: _figure(metric, figure))
        opposite = judge(comparison.negated(), lambda metric, figure=figure: _figure(metric, figure))
        assert (outcome.holds is None) is (opposite.holds is None)
        if outcome.holds is not None and outcome.left == outcome.left and outcome.right == outcome.right:
            assert outcome.holds is not opposite.holds
            excess(comparison, outcome)
    return (comparison.symbol, comparison.window_s is None, text.count("("))


def _figure(metric: Metric, figure: float | None) -> float | bool | None:
    return bool(figure) if metric.name == "saturated" and figure is not None else figure


assert Comparison is not None
TARGET = Target("threshold", check, [seed.encode() for seed in _SEEDS], _WORDS)
