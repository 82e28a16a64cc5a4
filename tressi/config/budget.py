"""The two budgets of a run, divided: the total target rate, and the limit of all autoscaled workers together.

Rate: endpoints with a target of their own keep it; what is left of the total is split by weight among those without. The
shared pool counts as one that needs a share unless top-level `rps` is its target; then that is taken off first. A disabled
global section's total binds only the endpoints that enable themselves.

Workers: the limit is the global section's `maxWorkers`, else top-level `workers`. It is no share: which endpoint uses how
much of it is decided by the allocation and by need. The shared pool's workers are apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tressi.config.defaults import defaults
from tressi.config.resolve import AutoscaleConfigResolver, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tressi.config.place import Finding, Place


@dataclass(frozen=True, slots=True)
class Budget:
    """Both budgets as divided. `settings` has one entry per request, complete, None for the shared pool."""

    settings: tuple[Settings | None, ...]
    pool_rps: float | None
    worker_limit: int
    findings: tuple[Finding, ...] = field(default=())


def divide(document: Mapping[str, Any]) -> Budget:
    """Resolve every endpoint of a sound document in the current form, and divide both budgets among them."""
    resolver = AutoscaleConfigResolver(document)
    requests = document["requests"]
    settings = [resolver.resolve_endpoint_config(request) for request in requests]
    rates = _Rates(document, resolver, settings)
    limit = resolver.section.get("maxWorkers", document.get("workers", defaults("TressiConfigSchema")["workers"]))
    complete = tuple(
        None if one is None else {"maxWorkers": limit, **one, "targetRps": rates.of(index)}
        for index, one in enumerate(settings)
    )
    findings = (*rates.findings(), *_worker_findings(document, complete, limit))
    return Budget(complete, rates.pool(), limit, findings)


class _Rates:
    """The division of the total rate; every figure it needs is taken once, here."""

    def __init__(
        self, document: Mapping[str, Any], resolver: AutoscaleConfigResolver, settings: Sequence[Settings | None]
    ) -> None:
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
                f"{rate} is above the total of the run, autoscale.targetRps {self.total}",
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
        message = f"is missing, and nothing of the run's total (autoscale.targetRps {self.total}) is left for"
        needy: list[Finding] = [
            (("requests", index, "autoscale", "targetRps"), f"{message} this endpoint") for index in self.needy
        ]
        return [*needy, (("rps",), f"{message} the shared pool")] if self.pool_needs_share else needy


def _worker_findings(document: Mapping[str, Any], settings: Sequence[Settings | None], limit: int) -> list[Finding]:
    autoscaled = [(index, one) for index, one in enumerate(settings) if one]
    findings = [finding for index, one in autoscaled for finding in _bounds(document["requests"][index], index, one)]
    least = sum(one["minWorkers"] for _, one in autoscaled)
    if findings or least <= limit:
        return list(dict.fromkeys(findings))
    place: Place = ("autoscale", "maxWorkers") if "maxWorkers" in (document.get("autoscale") or {}) else ("workers",)
    what = f"the minWorkers of {len(autoscaled)} autoscaled endpoints together, {least}"
    return [(place, f"the limit of all autoscaled workers, {limit}, is less than {what}")]


def _bounds(request: Mapping[str, Any], index: int, one: Settings) -> list[Finding]:
    least, most, initial = one["minWorkers"], one["maxWorkers"], one.get("initialWorkers")
    if least > most:
        own = request.get("autoscale", {})
        key = "maxWorkers" if "maxWorkers" in own and "minWorkers" not in own else "minWorkers"
        cap = "maxWorkers" if "maxWorkers" in own else "the limit of all autoscaled workers"
        return [(_origin(request, index, key), f"minWorkers {least} is greater than {cap}, {most}")]
    if initial is not None and not least <= initial <= most:
        message = f"{initial} is not within minWorkers {least} and maxWorkers {most}"
        return [(_origin(request, index, "initialWorkers"), message)]
    return []


def _origin(request: Mapping[str, Any], index: int, key: str) -> Place:
    own = request.get("autoscale", {})
    return ("requests", index, "autoscale", key) if key in own else ("autoscale", key)
