"""The machines of a run over several, as a page shows them: how each stands, its rate, its clock and what is uncounted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tressi.run.tones import standing_of_node
from tressi.stats.summary_rows import node_row
from tressi.text import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tressi.model import Moment


_SHOWN: Final = ("engines", "share", "requestsMade", "clockOffsetMs", "clockBoundMs", "uncountedAtMost")


class Nodes:
    """Those of a run that lasts; a run on this machine alone has none."""

    def __init__(self) -> None:
        self._before: dict[str, int] = {}  # how many requests each had made a second ago
        self._t = 0.0

    def see(self, moment: Moment) -> list[dict[str, Any]]:
        """Take in a second; returns the rows of the nodes, those that were lost first."""
        span_s, rows = moment.t - self._t, []
        for node in moment.reading.nodes:
            rps = (node.requests_made - self._before.get(node.name, 0)) / span_s if span_s > 0 else None
            rows.append(_row(node_row(node), rps, node.silent_s))
        self._before, self._t = {node.name: node.requests_made for node in moment.reading.nodes}, moment.t
        return _sorted(rows)


def ended(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Those of a run that is over; a rate is of the time for which the node took part."""
    rows = []
    for node in summary.get("nodes", ()):
        lasted_s = summary["durationSec"] if node["lostAt"] is None else node["lostAt"]
        rows.append(_row(node, node["requestsMade"] / lasted_s if lasted_s > 0 else None, None))
    return _sorted(rows)


def _sorted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (not row["isLost"], row["tone"] == "good"))


def _row(node: Mapping[str, Any], rps: float | None, silent_s: float | None) -> dict[str, Any]:
    """A node's row, of its part of a summary; `silent_s` None: the run is over."""
    tone, state, why = standing_of_node(node["lost"], node["lostAt"], silent_s)
    return {
        "name": plain(node["name"]),
        "address": plain(node["address"]),
        "tone": tone,
        "isLost": node["lost"] is not None,
        "state": state,
        "why": plain(why.removeprefix(f"{node['name']} was lost: ")),
        "rps": rps,
        **{name: node[name] for name in _SHOWN},
        "silentSec": silent_s,
    }
