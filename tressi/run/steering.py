"""A run changed by hand while it is under way: other target rates, a pause and its end.

A pause stops every schedule and every scaling decision; the run's time goes on. Afterwards each pool has the target it was
last asked for, at once: a ramp that the pause interrupted is over.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from tressi.errors import ConfigError, ConfigProblem
from tressi.log import mask_url
from tressi.model import Change
from tressi.text import common_origin, labels, short_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from tressi.autoscale.manager import EndpointAutoscaleManager
    from tressi.model import Engine, ResolvedConfig

# The most that an engine's schedules can hold: one start a nanosecond.
MOST_RPS: Final = 1_000_000_000
_SUGGESTED: Final = 3


class Steering:
    """Passes commands on to engine and manager, and each as a `Change` to `note`. `now` is the run's clock."""

    def __init__(
        self,
        config: ResolvedConfig,
        engine: Engine,
        manager: EndpointAutoscaleManager,
        note: Callable[[Change], object],
        now: Callable[[], float],
    ) -> None:
        self._engine, self._manager, self._note, self._now = engine, manager, note, now
        self._autoscaled = {endpoint.endpoint_key for endpoint in config.autoscaled}
        self._targets = targets_of(config)
        # The shared pool answers to any of its endpoints; here it has the name of the first.
        self._shared = next((key for key in self._targets if key not in self._autoscaled), "")
        self.paused = False

    def set_target(self, endpoint_key: str, rps: float) -> None:
        """Hold another rate from now on, or from the end of the pause. For the shared pool any of its endpoints will do."""
        pool = endpoint_key if endpoint_key in self._autoscaled else self._shared
        self._targets[pool] = rps
        if pool != self._shared:
            self._manager.set_target(pool, rps)
        if not self.paused:
            self._engine.set_rate(pool, rps)
        self._note(Change(self._now(), "set-target", endpoint_key, rps))

    def pause(self) -> bool:
        """Start nothing more until `resume`; what is in flight ends. Says whether it was under way before."""
        if self.paused:
            return False
        self.paused = self._manager.paused = True
        for pool in self._targets:
            self._engine.set_rate(pool, 0.0)
        self._note(Change(self._now(), "pause"))
        return True

    def resume(self) -> bool:
        """Go on after a pause; says whether there was one."""
        if not self.paused:
            return False
        self.paused = self._manager.paused = False
        for pool, rps in self._targets.items():
            self._engine.set_rate(pool, rps)
        self._note(Change(self._now(), "resume"))
        return True


def targets_of(config: ResolvedConfig) -> dict[str, float | None]:
    """Each pool's target by its endpoint's key, the shared pool's by that of its first; None where nothing limits it."""
    targets: dict[str, float | None] = {}
    shared = shared_keys(config)
    if shared and config.shared_pool is not None:
        targets[shared[0]] = config.shared_pool.target_rps
    for endpoint in config.autoscaled:
        if endpoint.autoscale is not None:
            targets[endpoint.endpoint_key] = endpoint.autoscale.target_rps
    return targets


def shared_keys(config: ResolvedConfig) -> list[str]:
    """The endpoints of the shared pool, in the config's order."""
    return [endpoint.endpoint_key for endpoint in config.endpoints if endpoint.autoscale is None]


def endpoint_key_of(config: ResolvedConfig, endpoint: str) -> str:
    """The key of the endpoint that has this key or this name, or is shown so. Raises ConfigError where none is, or several."""
    shown = labels({one.endpoint_key: one.name for one in config.endpoints})
    if endpoint in shown:
        return endpoint
    origin = common_origin(shown)
    words = {
        one.endpoint_key: (one.name, shown[one.endpoint_key], short_key(one.endpoint_key, origin)) for one in config.endpoints
    }
    meant = [key for key, forms in words.items() if endpoint in forms]
    if len(meant) > 1:
        problem = f"{len(meant)} endpoints of this run have that name; use the key of one: {', '.join(meant)}"
        raise ConfigError([ConfigProblem(endpoint, problem)])
    if not meant:
        # Near in the form that was asked for: whole keys are nearly alike by their origin alone.
        short = dict.fromkeys(form for forms in words.values() for form in forms if form)
        near = get_close_matches(endpoint, shown if "://" in endpoint else short, _SUGGESTED)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise ConfigError([ConfigProblem(mask_url(endpoint), f"no endpoint of this run has that key or name{hint}")])
    return meant[0]


def check_target(endpoint_key: str, rps: float) -> None:
    """Raise ConfigError for a rate that is none."""
    if isinstance(rps, bool) or not isinstance(rps, (int, float)) or not 0 <= rps <= MOST_RPS:
        said = f"a target of {rps!r} RPS is no rate that can be held: use a number from 0 to {MOST_RPS:,}"
        raise ConfigError([ConfigProblem(endpoint_key, said)])
