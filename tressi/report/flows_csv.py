"""One row a flow: how many starts were asked for, what became of them, how long they took, and where users were lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tressi.report.csv_table import render_rows
from tressi.report.rows import FLOW, Row, flow_row
from tressi.run.flow_parts import flows_of

if TYPE_CHECKING:
    from collections.abc import Mapping

COLUMNS: Final = (*FLOW, "steps")


def render(summary: Mapping[str, Any]) -> bytes:
    """Write the flows of a summary as CSV."""
    return render_rows(COLUMNS, (_row(flow) for flow in flows_of(summary)))


def _row(flow: Mapping[str, Any]) -> Row:
    # In the order in which a user comes to them; a key has spaces, and no semicolon ends one before its count.
    return flow_row(flow) | {"steps": "; ".join(f"{step['endpointKey']}={step['abandoned']}" for step in flow["steps"])}
