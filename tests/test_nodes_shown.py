"""The machines of a run in what people and programs read of it."""

from dataclasses import replace

import pytest
from rich.console import Console
from summaries import moment, summary_of

from tressi.model import NodeRecord
from tressi.report import report_html, summary_md
from tressi.report.shape import check_summary
from tressi.report.table import run_lines
from tressi.stats.nodes_words import nodes_words
from tressi.ui.live.picture import _nodes
from tressi.ui.standing import standing_of

pytestmark = pytest.mark.pure

FIRST = NodeRecord("node-1", "10.0.0.1", 2, 1_200, 0.5, 12.25, 0.4, 3.0, 0)
WHY = "node-2 was lost: no answer for 1.3 s; at most 54 of its requests are in no figure"
LOST = replace(FIRST, name="node-2", address="10.0.0.2", nice=15, lost_at=2.5, lost=WHY, uncounted_at_most=54)


@pytest.fixture(scope="module")
def summary():
    """Of a run over two nodes, of which one was lost."""
    return summary_of(nodes=(FIRST, LOST), lost=(WHY,))


def test_the_summary_has_every_node(summary):
    """In a form that its readers accept; the verdict names the node, and no engine."""
    assert check_summary(summary, "it") is summary
    assert summary["nodes"][1] == {
        "name": "node-2",
        "address": "10.0.0.2",
        "engines": 2,
        "requestsMade": 1_200,
        "share": 0.5,
        "clockOffsetMs": 12.25,
        "clockBoundMs": 0.4,
        "wallAheadMs": 3.0,
        "nice": 15,
        "lostAt": 2.5,
        "lost": WHY,
        "uncountedAtMost": 54,
    }
    assert WHY in summary["verdict"]["reasons"]
    assert "nodes" not in summary_of()


def test_table_markdown_and_report_show_the_nodes(summary):
    """Each with its clock, its share and what it lost."""
    assert nodes_words(summary["nodes"]) in run_lines(summary)
    cells = ["node-2", "10.0.0.2", "2", "1,200", "50.0%", "12.25 ± 0.40 ms", "2.5 s", "54"]
    assert f"| {' | '.join(cells)} |" in summary_md.render(summary).decode()
    document = report_html.render(summary).decode()
    assert "12.25 ± 0.40 ms" in document
    assert document.count("10.0.0.") == 2
    assert 'id="nodes"' not in report_html.render(summary_of()).decode()


def test_the_live_picture_has_one_line_for_the_nodes():
    """It is red once one is lost, and the standing says so."""
    plain = moment("GET http://host/a")
    found = replace(plain, reading=replace(plain.reading, nodes=(FIRST, LOST)))
    ((line,),) = _nodes(found, 120)
    said = "nodes: 2 with 4 engines, clocks within 0.4 ms; node-2 lost at 2.5 s, at most 54 of its requests are in no figure"
    assert (line.plain, str(line.style)) == (said, "bold red")
    assert _nodes(plain, 120) == []
    console = Console(width=40)
    ((line,),) = _nodes(found, 40)
    assert line.cell_len <= console.width
    reading = replace(found.reading, generator=replace(found.reading.generator, lost=(WHY,)))
    calm = replace(found, reading=reading, endpoints=(), total=replace(found.total, missed=0))
    assert standing_of(calm, {}).word == "a node was lost"
