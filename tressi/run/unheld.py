"""What the greenlets of a run do until its end, without keeping its runner alive.

A bound method in a waiting greenlet would hold its runner for as long as the run lasts, so that nobody could ever drop it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar
from weakref import WeakMethod

import gevent
from gevent import GreenletExit

if TYPE_CHECKING:
    from collections.abc import Callable

    from gevent.event import Event

SNAPSHOT_S: Final = 1.0

_P = ParamSpec("_P")
_R = TypeVar("_R")


def weakly(method: Callable[_P, _R]) -> Callable[_P, _R]:
    """A method of a runner that does not keep it alive; once it is gone, a call ends the greenlet that makes it."""
    reference = WeakMethod(method)

    def call(*arguments: _P.args, **named: _P.kwargs) -> _R:
        found = reference()
        if found is None:
            raise GreenletExit
        return found(*arguments, **named)

    return call


def after(ended: Event, conduct: Callable[[], object]) -> None:
    """Do the rest of a run once it has ended."""
    ended.wait()
    conduct()


def keep_time(ended: Event, now: Callable[[], float], tick: Callable[[], object], also_s: float = 0.0) -> None:
    """Publish a moment at every whole second of the run, and one at `also_s`."""
    due = min(SNAPSHOT_S, also_s or SNAPSHOT_S)
    while not ended.wait(max(0.0, due - now())):
        begun_s = now()
        if begun_s >= due:
            tick()
            next_s = (now() // SNAPSHOT_S + 1) * SNAPSHOT_S
            due = also_s if begun_s < also_s < next_s else next_s


def guarded(fail: Callable[[BaseException], object], action: Callable[..., object], *arguments: object) -> None:
    """Do `action`; `fail` hears of whatever it raises."""
    try:
        action(*arguments)
    except (Exception, gevent.Timeout) as error:  # noqa: BLE001 - an engine may raise anything
        fail(error)
