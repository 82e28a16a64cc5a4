"""The two budgets of a run, divided: the total target rate, and the limit of all autoscaled workers together.

Rate: endpoints with a target of their own keep it; what is left of the total is split by weight among those without. The
shared pool counts as one that needs a share unless top-level `rps` is its target; then that is taken off first. A disabled
global section's total binds only the endpoints that enable themselves.

Workers: the limit is the global section's `maxWorkers`, else top-level `workers`. It is no share: which endpoint uses how
much of it is decided by the allocation and by need. The shared pool's workers are apart.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Final

from tressi.config.defaults import defaults
from tressi.config.resolve import AutoscaleConfigResolver, Settings
from tressi.config.stages import parsed, peak, with_targets
from tressi.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tressi.config.messages import Finding, Place
    from tressi.model import Stage


TOTAL: Final = "autoscale.targetRps"
_BOUNDS: Final = ("initialWorkers", "maxWorkers", "minWorkers")


@dataclass(frozen=True, slots=True)
class Budget:
    """Both budgets as divided. `settings` has one entry per request, complete, None for the shared pool."""

    settings: tuple[Settings | None, ...]
    pool_rps: float | None
    worker_limit: int
    findings: tuple[Finding, ...] = field(default=())
    pool_stages: tuple[Stage, ...] = ()


def divide(document: Mapping[str, Any], total_name: str = TOTAL) -> Budget:
    """Resolve every endpoint of a sound document in the current form, and divide both budgets among them.

    `total_name` is what messages call the total rate: what its author has written it as.
    """
    stages = (document.get("autoscale") or {}).get("stages")
    document = with_targets(document)
    resolver = AutoscaleConfigResolver(document)
    requests = document["requests"]
    settings = [resolver.resolve_endpoint_config(request) for request in requests]
    rates = _Rates(document, resolver, settings, total_name)
    limit = resolver.section.get("maxWorkers", document.get("workers", defaults("TressiConfigSchema")["workers"]))
    complete = tuple(
        {"maxWorkers": limit, **one, **_shape(one, rates.of(index), stages)} if one else one
        for index, one in enumerate(settings)
    )
    findings = (*rates.findings(), *_worker_findings(document, complete, limit))
    pool_stages = document.get("stages") or (stages if rates.pool_needs_share else None)
    return Budget(complete, rates.pool(), limit, findings, _following(pool_stages, rates.pool()))


def _shape(one: Settings, rate: float, stages: Sequence[Mapping[str, Any]] | None) -> Settings:
    """An endpoint's target, and the stages that it follows: its own, else those of the total that it has a share of."""
    followed = one.get("stages") or (None if "targetRps" in one else stages)
    return {"targetRps": rate, "stages": _following(followed, rate)}


def _following(stages: Sequence[Mapping[str, Any]] | None, rate: float | None) -> tuple[Stage, ...]:
    return parsed(stages, rate / peak(stages)) if stages and rate is not None and peak(stages) else ()


class _Rates:
    """The division of the total rate; every figure it needs is taken once, here."""

    def __init__(
        self,
        document: Mapping[str, Any],
        resolver: AutoscaleConfigResolver,
        settings: Sequence[Settings | None],
        total_name: str,
    ) -> None:
        self.total_name = total_name
        self.section_enabled = resolver.enabled
        self.total: float | None = resolver.section.get("targetRps")
        self.own: dict[int, float] = {
            index: one["targetRps"] for index, one in enumerate(settings) if one and "targetRps" in one
        }
        self.needy = [index for index, one in enumerate(settings) if one and "targetRps" not in one]
        self.shared = [index for index, one in enumerate(settings) if one is None]
        self.rps: float | None = document.get("rps")
        within_total = resolver.enabled and bool(self.shared)
        self.pool_needs_share = within_total and self.rps is None and self.total is not None
        taken = sum(self.own.values()) + (self.rps or 0 if within_total else 0)
        self.left = max(0.0, (self.total or 0) - taken)
        members = [*self.needy, *(self.shared if self.pool_needs_share else ())]
        self.weights = {index: resolver.weight(document["requests"][index]) for index in members}
        self.weight = sum(self.weights.values())

    def of(self, index: int) -> float:
        """Return an autoscaled endpoint's target."""
        return self.own[index] if index in self.own else self._share([index])

    def pool(self) -> float | None:
        """Return the shared pool's target; None where nothing limits it, or where there is no shared pool."""
        return self._share(self.shared) if self.pool_needs_share else self.rps if self.shared else None

    def findings(self) -> list[Finding]:
        """Return why the total cannot be divided."""
        if self.total is None:
            return self._without_total()
        above: list[Finding] = [
            (
                ("requests", index, "autoscale", "targetRps"),
                f"{rate} is above the total of the run, {self.total_name} {self.total}",
            )
            for index, rate in self.own.items()
            if rate > self.total
        ]
        own = sum(self.own.values())
        if not above and own > self.total:
            return [(("autoscale", "targetRps"), f"{self.total} is less than the endpoints' own targets together, {own}")]
        return above or ([] if self.left > 0 else self._nothing_left())

    def _share(self, indices: Sequence[int]) -> float:
        return self.left * sum(self.weights[index] for index in indices) / self.weight

    def _without_total(self) -> list[Finding]:
        hint = f"; rps ({self.rps}) limits only the shared pool" if self.rps is not None else ""
        message = f"is missing; without it, there or for the whole run, nothing says how far to scale{hint}"
        if self.section_enabled:
            return [(("autoscale", "targetRps"), message)] if self.needy else []
        return [(("requests", index, "autoscale", "targetRps"), message) for index in self.needy]

    def _nothing_left(self) -> list[Finding]:
        message = f"is missing, and nothing of the run's total ({self.total_name} {self.total}) is left for"
        needy: list[Finding] = [
            (("requests", index, "autoscale", "targetRps"), f"{message} this endpoint") for index in self.needy
        ]
        return [*needy, (("rps",), f"{message} the shared pool")] if self.pool_needs_share else needy


def _worker_findings(document: Mapping[str, Any], settings: Sequence[Settings | None], limit: int) -> list[Finding]:
    autoscaled = [(index, one) for index, one in enumerate(settings) if one]
    findings = _bounds_findings(document, autoscaled)
    least = sum(one["minWorkers"] for _, one in autoscaled)
    if findings or least <= limit:
        return findings
    place: Place = ("autoscale", "maxWorkers") if "maxWorkers" in (document.get("autoscale") or {}) else ("workers",)
    what = f"the minWorkers of {len(autoscaled)} autoscaled endpoints together, {least}"
    return [(place, f"the limit of all autoscaled workers, {limit}, is less than {what}")]


def _bounds_findings(document: Mapping[str, Any], autoscaled: Sequence[tuple[int, Settings]]) -> list[Finding]:
    """What is wrong between an endpoint's bounds: at the endpoint where one of them is its own, else once for all heirs."""
    findings: list[Finding] = []
    inherited = document.get("autoscale") or {}
    heirs: dict[Finding, list[int]] = {}
    for index, one in autoscaled:
        own = document["requests"][index].get("autoscale", {})
        for place, message in _bounds(own, inherited, index, one):
            if place[0] == "requests":
                findings.append((place, message))
            else:
                heirs.setdefault((place, message), []).append(index)
    return [*findings, *((place, f"{message}; {_inherited_by(indices)}") for (place, message), indices in heirs.items())]


def _inherited_by(indices: Sequence[int]) -> str:
    more = len(indices) - 1
    others = f" and {more} other endpoint{'s' if more > 1 else ''}" if more else ""
    return f"requests[{indices[0]}]{others} inherit{'' if more else 's'} it"


def _bounds(own: Mapping[str, Any], inherited: Mapping[str, Any], index: int, one: Settings) -> list[Finding]:
    """The bounds of one endpoint that contradict each other: `one` is all that it has of `own` and `inherited` sections."""
    words = {key: f"{key} {one.get(key)}{_source(own, inherited, key)}" for key in _BOUNDS}
    least, most, initial = one["minWorkers"], one["maxWorkers"], one.get("initialWorkers")
    if least > most:
        key = "maxWorkers" if "maxWorkers" in own and "minWorkers" not in own else "minWorkers"
        cap = "maxWorkers" if "maxWorkers" in own else "the limit of all autoscaled workers"
        return [(_origin(own, index, key), f"{words['minWorkers']} is greater than {cap}, {most}")]
    if initial is not None and not least <= initial <= most:
        key = next((name for name in _BOUNDS if name in own), "initialWorkers")
        what = str(initial) if key == "initialWorkers" else words["initialWorkers"]
        return [(_origin(own, index, key), f"{what} is not within {words['minWorkers']} and maxWorkers {most}")]
    return []


def _source(own: Mapping[str, Any], inherited: Mapping[str, Any], key: str) -> str:
    """Where a value comes from that an endpoint with bounds of its own has from the section of all."""
    is_heir = key in inherited and key not in own and not own.keys().isdisjoint(_BOUNDS)
    return f", inherited from autoscale.{key}," if is_heir else ""


def _origin(own: Mapping[str, Any], index: int, key: str) -> Place:
    return ("requests", index, "autoscale", key) if key in own else ("autoscale", key)
