"""A run changed by hand while it is under way: other target rates, a pause and its end.

A pause stops every schedule and every scaling decision; the run's time goes on. Afterwards each pool has the rate that its
curve asks for by then: a ramp of 60 s that was interrupted at 20 s, for 10 s, goes on at its half.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tressi.errors import ConfigError, ConfigProblem
from tressi.log import mask_url
from tressi.model import Change, Curve
from tressi.text import common_origin, labels, short_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from tressi.autoscale.manager import EndpointAutoscaleManager
    from tressi.model import Pools, ResolvedConfig

# The most that an engine's schedules can hold: one start a nanosecond.
MOST_RPS: Final = 1_000_000_000
_SUGGESTED: Final = 3


class Steering:
    """Passes commands on to the pools and the manager, and each as a `Change` to `note`. `now` is the run's clock."""

    def __init__(
        self,
        pools: Pools,
        manager: EndpointAutoscaleManager,
        note: Callable[[Change], object],
        now: Callable[[], float],
    ) -> None:
        self._pools, self._manager, self._note, self._now = pools, manager, note, now
        # What each pool is to follow, paused or not, by the key of its first endpoint.
        self._curves = {pool.endpoint_keys[0]: pool.curve for pool in pools.all}
        self.paused = False

    def set_target(self, endpoint_key: str, rps: float, by: str = "") -> None:
        """Hold another rate from now on, or from the end of the pause. For the shared pool any of its endpoints will do.

        `by` names who asks for it where it is no person.
        """
        curve = Curve.held(rps)
        self._curves[self._pools.of(endpoint_key).endpoint_keys[0]] = curve
        if not self.paused:
            self._pools.follow(endpoint_key, curve)
        self._note(Change(self._now(), "set-target", endpoint_key, rps, by))

    def pause(self) -> bool:
        """Start nothing more until `resume`; what is in flight ends. Says whether it was under way before."""
        if self.paused:
            return False
        self.paused = self._manager.paused = True
        for key in self._curves:
            self._pools.follow(key, Curve.held(0.0))
        self._note(Change(self._now(), "pause"))
        return True

    def resume(self) -> bool:
        """Go on after a pause; says whether there was one."""
        if not self.paused:
            return False
        self.paused = self._manager.paused = False
        for key, curve in self._curves.items():
            self._pools.follow(key, curve)
        self._note(Change(self._now(), "resume"))
        return True


def endpoint_key_of(config: ResolvedConfig, endpoint: str) -> str:
    """The key of the endpoint or flow that has this key or this name, or is shown so.

    Raises ConfigError where none is, or several, and for the step of a flow, whose rate is the flow's.
    """
    shown = labels({one.endpoint_key: one.name for one in config.endpoints})
    origin = common_origin(shown)
    words: dict[str, tuple[str | None, ...]] = {
        one.endpoint_key: (one.name, shown[one.endpoint_key], short_key(one.endpoint_key, origin)) for one in config.endpoints
    }
    words |= {flow.endpoint_key: (flow.name, flow.endpoint_key) for flow in config.flows}
    steps = {one.endpoint_key: one.flow for one in config.endpoints if one.flow is not None}
    found = [endpoint] if endpoint in words else [key for key, forms in words.items() if endpoint in forms]
    meant = [key for key in found if key not in steps] or found
    if len(meant) > 1 and not set(meant) <= set(steps):
        noun = "endpoints and flows" if config.flows else "endpoints"
        problem = f"{len(meant)} {noun} of this run have that name; use the key of one: {', '.join(meant)}"
        raise ConfigError([ConfigProblem(endpoint, problem)])
    if not meant:
        # Near in the form that was asked for: whole keys are nearly alike by their origin alone.
        short = dict.fromkeys(form for forms in words.values() for form in forms if form)
        from difflib import get_close_matches  # noqa: PLC0415 - only a mistake needs it

        near = get_close_matches(endpoint, words if "://" in endpoint else short, _SUGGESTED)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        noun = "endpoint and no flow" if config.flows else "endpoint"
        raise ConfigError([ConfigProblem(mask_url(endpoint), f"no {noun} of this run has that key or name{hint}")])
    if meant[0] in steps:
        problem = f"has no rate of its own: it is a step of the {steps[meant[0]]}, whose starts per second can be changed"
        raise ConfigError([ConfigProblem(endpoint, problem)])
    return meant[0]


def check_target(endpoint_key: str, rps: float) -> None:
    """Raise ConfigError for a rate that is none."""
    if isinstance(rps, bool) or not isinstance(rps, (int, float)) or not 0 <= rps <= MOST_RPS:
        said = f"a target of {rps!r} RPS is no rate that can be held: use a number from 0 to {MOST_RPS:,}"
        raise ConfigError([ConfigProblem(endpoint_key, said)])
