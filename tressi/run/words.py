"""What a threshold's outcome is in words: its metrics with their values, and the limit that they were held to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from tressi.text import milliseconds
from tressi.threshold.expression import Metric, Operation

if TYPE_CHECKING:
    from tressi.threshold.expression import Comparison, Expression, Figure, Outcome

NO_VALUE: Final = "there was no value to judge"

_Kind = Literal["time", "share", "number"]
_MUST: Final = {"<": "below", "<=": "at most", ">": "above", ">=": "at least", "==": "", "!=": "other than"}


def verdict_words(comparison: Comparison, outcome: Outcome | None, t: float) -> str:
    """Say what the left side was and what it had to be; of a window that ended `t` seconds after the start also when."""
    if outcome is None:
        return "not judged yet"
    if outcome.left is None or outcome.right is None:
        return NO_VALUE
    kind = _kind(comparison)
    must = f"{_MUST[comparison.symbol]} {_amount(outcome.right, kind)}".strip()
    window_s = comparison.window_s
    amount = _amount(outcome.left, kind)
    if window_s is not None and t >= window_s:
        amount = f"at worst {amount} (from {t - window_s:.0f} s to {t:.0f} s)"
    return f"{amount}, must be {must}"


def _kind(comparison: Comparison) -> _Kind:
    """What both sides are; only alike things are compared."""
    if any(getattr(side, "time", 0) == 1 for side in (comparison.left, comparison.right)):
        return "time"
    return "share" if _is_share(comparison.left) or _is_share(comparison.right) else "number"


def _is_share(expression: Expression) -> bool:
    if isinstance(expression, Operation):
        return _is_share(expression.left) or _is_share(expression.right)
    return isinstance(expression, Metric) and expression.name == "errorRate"


def _amount(figure: Figure, kind: _Kind) -> str:
    if figure is None or isinstance(figure, bool):
        return str(figure).lower()
    if kind == "time":
        return f"{milliseconds(figure)} ms"
    if kind == "share":
        return f"{100 * figure:.3g} %"
    return f"{figure:.0f}" if float(figure).is_integer() else f"{figure:.4g}"
