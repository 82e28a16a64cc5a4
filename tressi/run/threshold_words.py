"""What a threshold's outcome is in words: its metrics with their values, and the limit that they were held to.

While a run lasts most conditions may still come right: a p99 of the whole run falls when the slow seconds become few. Until
they cannot, what is said of a broken one is "so far", and it is said once when it holds again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from tressi.text import milliseconds
from tressi.threshold.expression import Metric, Operation, metrics_of
from tressi.threshold.names import COUNTED, COUNTS, FLOW_COUNTS, SATURATED, SHARES

if TYPE_CHECKING:
    from tressi.model import ThresholdVerdict
    from tressi.threshold.expression import Comparison, Expression, Figure, Outcome

NO_VALUE: Final = "nothing to judge: there was no value"
_MUST_BE: Final = ", must be "

_EARLY_S: Final = 0.1

_Kind = Literal["time", "share", "number"]
_MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_MUST: Final = {"<": "below", "<=": "at most", ">": "above", ">=": "at least", "==": "", "!=": "other than"}


def verdict_words(comparison: Comparison, outcome: Outcome | None, t: float, begin_t: float = 0.0) -> str:
    """Say what the left side was and what it had to be; of a window that ended `t` seconds after the start also when.

    What is judged began `begin_t` seconds after the start.
    """
    if outcome is None:
        return "not judged yet"
    if outcome.left is None or outcome.right is None:
        return NO_VALUE
    kind = _kind(comparison)
    must = f"{_MUST[comparison.symbol]} {_amount(outcome.right, kind)}".strip()
    window_s = comparison.window_s
    amount = _amount(outcome.left, kind)
    # Readings that a window is between may be a little less than its length apart.
    if window_s is not None and t - begin_t >= window_s - (_EARLY_S if begin_t else 0):
        amount = f"at worst {amount} (from {t - window_s:.0f} s to {t:.0f} s)"
    return f"{amount}{_MUST_BE}{must}"


def sides(detail: str) -> tuple[str, str]:
    """The words of a verdict in two: what the left side was, and what it had to be; the second is empty without a value."""
    value, _, limit = detail.partition(_MUST_BE)
    return value, limit


def is_settled(comparison: Comparison, outcome: Outcome) -> bool:
    """Whether a condition is broken and cannot hold again, whatever the rest of the run brings.

    One with a window stays broken. Of the whole run, counts and the largest value only grow, and the smallest only falls.
    """
    if outcome.holds is not False or outcome.left is None or outcome.right is None:
        return False
    if comparison.window_s is not None:
        return True
    left, symbol, right = comparison.left, comparison.symbol, comparison.right
    is_above = outcome.left > outcome.right
    if not isinstance(left, Metric):
        left, symbol, right, is_above = right, _MIRRORED.get(symbol, symbol), left, outcome.left < outcome.right
    if not isinstance(left, Metric) or any(metrics_of(right)):
        return False
    if left.name == SATURATED:
        return is_above or symbol == "!="  # once it was, it stays that
    if left.name in {*COUNTS, *COUNTED, *FLOW_COUNTS} or left.name.endswith(".max"):
        return symbol in {"<", "<="} or (symbol == "==" and is_above)
    return left.name.endswith(".min") and (symbol in {">", ">="} or (symbol == "==" and not is_above))


def standing(verdict: ThresholdVerdict) -> str:
    """How a threshold stands while the run lasts, in a sentence after its text."""
    if verdict.passed is None:
        return f"undecided: {verdict.detail}"
    if verdict.passed:
        return f"holds: {verdict.detail}"
    since = "" if verdict.failed_at is None else f" since {verdict.failed_at:.1f} s"
    return f"BROKEN{since}: {verdict.detail}" if verdict.settled else f"so far {verdict.detail}"


def standing_news(before: ThresholdVerdict | None, now: ThresholdVerdict) -> str | None:
    """What is to be said of a threshold once: when it does not hold, when it can no more, and when it holds again.

    `before` is its verdict a second ago, None in the first one. None where there is nothing new.
    """
    had_failed = before is not None and before.passed is False
    if now.passed:
        return f"holds again: {now.detail}" if had_failed else None
    if now.passed is None or (had_failed and before is not None and before.settled == now.settled):
        return None
    return standing(now)


def _kind(comparison: Comparison) -> _Kind:
    """What both sides are; only alike things are compared."""
    if any(getattr(side, "time", 0) == 1 for side in (comparison.left, comparison.right)):
        return "time"
    return "share" if _is_share(comparison.left) or _is_share(comparison.right) else "number"


def _is_share(expression: Expression) -> bool:
    if isinstance(expression, Operation):
        return _is_share(expression.left) or _is_share(expression.right)
    return isinstance(expression, Metric) and expression.name in SHARES


def _amount(figure: Figure, kind: _Kind) -> str:
    if figure is None or isinstance(figure, bool):
        return str(figure).lower()
    if kind == "time":
        return f"{milliseconds(figure)} ms"
    if kind == "share":
        return f"{100 * figure:.3g} %"
    return f"{figure:.0f}" if float(figure).is_integer() else f"{figure:.4g}"
