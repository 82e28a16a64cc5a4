"""Which endpoints are autoscaled, and with what: the table of inheritance.

| endpoint.autoscale.enabled | global autoscale   | result                                                           |
| -------------------------- | ------------------ | ---------------------------------------------------------------- |
| false                      | any                | no autoscale, the shared pool                                    |
| true                       | any                | global values overlaid with the endpoint's                       |
| no section                 | enabled            | global values                                                    |
| no section                 | absent or disabled | no autoscale, the shared pool                                    |

Three settings of the global section are not inherited: `targetRps`, `stages` and `maxWorkers` are budgets of the whole run,
and dividing them needs to know all endpoints (budget.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tressi.config.defaults import defaults
from tressi.config.flows import in_flows, is_in_flow

if TYPE_CHECKING:
    from collections.abc import Mapping

# camelCase as in the config; `targetRps` and `maxWorkers` only where the endpoint has its own.
Settings = dict[str, Any]

BUDGETS = frozenset({"targetRps", "maxWorkers", "stages"})
GLOBAL_ONLY = frozenset({"distributionStrategy", "defaultWeight"})


class AutoscaleConfigResolver:
    """Resolves the endpoints of one document, which must be sound and in the current form."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.section: Mapping[str, Any] = document.get("autoscale") or {}
        ramp = {"rampUpTime": document["rampUpTime"]} if "rampUpTime" in document else {}
        inherited = {name: value for name, value in self.section.items() if name not in BUDGETS | GLOBAL_ONLY}
        self._in_flows = in_flows(document)
        self._values = {
            "rampUpTime": 0,
            **defaults("EndpointAutoscaleConfig"),
            **ramp,
            **inherited,
        }

    @property
    def enabled(self) -> bool:
        """Whether endpoints without a section of their own are autoscaled."""
        return bool(self.section.get("enabled", False))

    def resolve_endpoint_config(self, request: Mapping[str, Any]) -> Settings | None:
        """Return the endpoint's settings, everything inherited filled in; None puts it into the shared pool.

        Empty settings are those of a request that only flows send: it has no rate and no workers of its own.
        """
        if is_in_flow(request, self._in_flows):
            return {}
        own: Mapping[str, Any] = request.get("autoscale", {"enabled": self.enabled})
        if not own["enabled"]:
            return None
        return {**self._values, **own, "weight": self.weight(request)}

    def weight(self, request: Mapping[str, Any]) -> float:
        """Return the weight of any endpoint, one in the shared pool included."""
        weight: float = request.get("autoscale", {}).get("weight", self.section.get("defaultWeight", 1))
        return weight
