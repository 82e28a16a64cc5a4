"""How the picture is looked at, and what a key makes of that: pure functions of the view, the key and what was seen."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from tressi.ui.live.columns import COLUMNS, order

if TYPE_CHECKING:
    from collections.abc import Callable

    from tressi.model import EndpointMoment
    from tressi.ui.live.run_state import Seen

# A target is changed by about this share of it.
STEP_SHARE: Final = 0.1
# The numbers that a step may be, times a power of ten.
_READABLE: Final = (5.0, 2.0, 1.0)
_LEAST_STEP: Final = 0.1  # below one request a second; above it the step is one at least


@dataclass(frozen=True, slots=True)
class View:
    """What is looked at: the endpoint selected ("" the first), the sort column ("" the config's order), the first row shown.

    `message` answers the last key, where there is something to say. `offset` is that of the last picture. `wanted` is what is
    a part of the names of the endpoints shown, and `is_typing` says whether keys are letters of it.
    """

    selected: str = ""
    column: str = ""
    is_reversed: bool = False
    offset: int = 0
    message: str = ""
    is_helping: bool = False
    wanted: str = ""
    is_typing: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """What a key asks of the run. `endpoint_key` and `rps` are those of `set-target`."""

    action: Literal["set-target", "pause", "resume", "stop"]
    endpoint_key: str = ""
    rps: float = 0.0


Pressed = tuple[View, Command | None]


def press(view: View, key: str, seen: Seen, page: int) -> Pressed:
    """What a key makes of the view, and what it asks of the run; `page` is how many endpoints are shown at once."""
    view = replace(view, message="")
    if view.is_typing and key not in _BEYOND_TEXT:
        return _typed(view, key), None
    if view.is_helping and key in {"escape", "?"}:
        return replace(view, is_helping=False), None
    if key in _MOVES:
        return _moved(view, _MOVES[key](page), seen), None
    return _KEYS[key](view, seen) if key in _KEYS else (view, None)


def settled(view: View, seen: Seen, page: int) -> View:
    """The view with an endpoint selected, scrolled just as far as it takes to show it."""
    keys = [one.endpoint_key for one in shown_by(view, seen)]
    if not keys:
        return view
    selected = view.selected if view.selected in keys else keys[0]
    place = keys.index(selected)
    offset = min(max(view.offset, place - page + 1), place, max(0, len(keys) - page))
    return replace(view, selected=selected, offset=offset)


def shown_by(view: View, seen: Seen) -> list[EndpointMoment]:
    """The endpoints and flows that the table has, in its order."""
    return order(seen, view.column, is_reversed=view.is_reversed, wanted=view.wanted)


def stepped(target_rps: float, direction: int) -> float:
    """The next readable rate above (1) or below (-1) a target, about a tenth away, as 550 after 500."""
    least = 1.0 if target_rps > 1 or (target_rps == 1 and direction > 0) else _LEAST_STEP
    step = max(least, _readable(STEP_SHARE * target_rps))
    # Rounded, because 0.3 / 0.1 is not 3.
    steps = round(target_rps / step, 9)
    stepped_to = (math.floor(steps) + 1 if direction > 0 else math.ceil(steps) - 1) * step
    return max(0.0, round(stepped_to, 9))


def _readable(value: float) -> float:
    """The largest of 1, 2, 5, 10, 20, 50 … (and 0.5, 0.2 …) that is no larger than `value`."""
    if value <= 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(value))
    return next((number * power for number in _READABLE if number * power <= value), power)


# ------------------------------------------------------------------------------------------------------------ the keys


def _moved(view: View, by: float, seen: Seen) -> View:
    """The view with another endpoint selected, `by` places further on and within the list."""
    keys = [one.endpoint_key for one in shown_by(view, seen)]
    if not keys:
        return view
    place = keys.index(view.selected) if view.selected in keys else 0
    return replace(view, selected=keys[int(min(max(place + by, 0), len(keys) - 1))])


def _typed(view: View, key: str) -> View:
    """The view with another letter of what is wanted, or one less; enter keeps it, and escape forgets it."""
    if key == "escape":
        return replace(view, wanted="", is_typing=False)
    if key == "enter":
        return replace(view, is_typing=False)
    if key == "backspace":
        return replace(view, wanted=view.wanted[:-1], is_typing=bool(view.wanted))
    return replace(view, wanted=view.wanted + key)


def _filter(view: View, seen: Seen) -> Pressed:
    del seen
    return replace(view, is_typing=True), None


def _forget_filter(view: View, seen: Seen) -> Pressed:
    del seen
    return replace(view, wanted=""), None


def _sort(view: View, seen: Seen) -> Pressed:
    """Sort by the next column; after the last one as the config has it."""
    del seen
    names = ["", *(column.name for column in COLUMNS if column.worth is not None)]
    following = names[(names.index(view.column) + 1) % len(names)]
    return replace(view, column=following, is_reversed=False, message=f"sorted by {following or 'the config'}"), None


def _reverse(view: View, seen: Seen) -> Pressed:
    del seen
    return replace(view, is_reversed=not view.is_reversed), None


def _faster(view: View, seen: Seen) -> Pressed:
    return _step(view, seen, 1)


def _slower(view: View, seen: Seen) -> Pressed:
    return _step(view, seen, -1)


def _step(view: View, seen: Seen, direction: int) -> Pressed:
    """Another target for the selected endpoint; where none limited it, the first one is the rate that came last."""
    one = next((one for one in seen.endpoints if one.endpoint_key == view.selected), None)
    if one is None:
        return view, None
    if one.flow is not None:
        return replace(view, message=f"{seen.label(one.endpoint_key)}: its rate is that of the {seen.label(one.flow)}"), None
    target = seen.target(one.endpoint_key)
    if target is None and direction > 0:
        return replace(view, message=f"{seen.label(one.endpoint_key)}: nothing limits its rate already"), None
    if target is None:
        target = sum(other.current_rps for other in seen.endpoints if other.endpoint_key in seen.pool_of(one.endpoint_key))
    rps = stepped(target, direction)
    if rps == target:
        return replace(view, message=f"{seen.label(one.endpoint_key)}: its target is {rps:g} already"), None
    return view, Command("set-target", one.endpoint_key, rps)


def _pause(view: View, seen: Seen) -> Pressed:
    is_paused = seen.moment is not None and seen.moment.paused
    return view, Command("resume" if is_paused else "pause")


def _stop(view: View, seen: Seen) -> Pressed:
    del seen
    return view, Command("stop")


def _help(view: View, seen: Seen) -> Pressed:
    del seen
    return replace(view, is_helping=True), None


_MOVES: Final[dict[str, Callable[[int], float]]] = {
    "up": lambda _: -1,
    "k": lambda _: -1,
    "down": lambda _: 1,
    "j": lambda _: 1,
    "page-up": lambda page: -page,
    "page-down": lambda page: page,
    "home": lambda _: -math.inf,
    "end": lambda _: math.inf,
}
_KEYS: Final[dict[str, Callable[[View, Seen], Pressed]]] = {
    "s": _sort,
    "r": _reverse,
    "+": _faster,
    "=": _faster,  # the same key, not shifted
    "-": _slower,
    "p": _pause,
    "q": _stop,
    "?": _help,
    "/": _filter,
    "escape": _forget_filter,
}
# Keys that move the selection while a filter is typed, as they do else; letters are letters of it.
_BEYOND_TEXT: Final = frozenset(key for key in _MOVES if len(key) > 1)
