"""From the legacy form (`autoscale: true` and top-level limits) to the current one (an autoscale section).

Loading a legacy file goes through this same function, so the file and what `tressi migrate` makes of it mean the same run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tressi.config.messages import Place

# Where the keys of the section come from, in the section's order.
MOVED = {"targetRps": "rps", "maxWorkers": "workers", "rampUpTime": "rampUpTime"}

DEPRECATION = "autoscale: true is the legacy form; it still works, and `tressi migrate` writes the current one"


def is_legacy(document: Mapping[str, Any]) -> bool:
    """Tell whether the document has autoscale switched on in the legacy form."""
    return document.get("autoscale") is True


def migrated(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document in the current form; endpoints, and a document that is current already, stay as they are."""
    if not isinstance(document.get("autoscale"), bool):
        return dict(document)
    section = _section(document)
    gone = MOVED.values() if section["enabled"] else ()
    kept = _kept(document)
    return {
        name: section if name == "autoscale" else value for name, value in document.items() if name not in gone or name in kept
    }


def legacy_place(place: Place) -> Place:
    """Name the place in a legacy file that a place in its migrated form came from."""
    if len(place) == 2 and place[0] == "autoscale":  # noqa: PLR2004 - the section and one key of it
        return (MOVED[str(place[1])],) if place[1] in MOVED else ("autoscale",)
    return place


def _section(document: Mapping[str, Any]) -> dict[str, Any]:
    if not document["autoscale"]:
        return {"enabled": False}
    moved = {name: document[old] for name, old in MOVED.items() if old in document}
    return {"enabled": True, **moved, "distributionStrategy": "proportional", "defaultWeight": 1}


def _kept(document: Mapping[str, Any]) -> tuple[str, ...]:
    # An endpoint that opts out stays in the shared pool, whose size and ramp are top-level settings. `rps` is not kept:
    # as the total of the run it gives the shared pool its share.
    requests = document.get("requests")
    sections = [request.get("autoscale") for request in requests or () if isinstance(request, dict)]
    opted_out = any(isinstance(section, dict) and section.get("enabled") is False for section in sections)
    return ("workers", "rampUpTime") if opted_out else ()
