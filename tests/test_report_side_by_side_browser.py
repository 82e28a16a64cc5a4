"""The page of two runs in a real browser: offline, under its own policy, judged by axe-core, on a phone too."""

from pathlib import Path

import axe_playwright_python
import pytest
from browsers import chromium, visit
from summaries import HOSTILE
from test_report_side_by_side import AFTER, BEFORE

from tressi.report.side_by_side_html import render
from tressi.text import plain

pytestmark = pytest.mark.timed

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
MARKUP = HOSTILE[8]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    made = tmp_path_factory.mktemp("both") / "side-by-side.html"
    made.write_bytes(render({**BEFORE, "name": MARKUP}, AFTER))
    return made


def test_both_runs_are_drawn_one_over_the_other(path):
    """All endpoints together, then one; nothing is asked of anybody, no text is obeyed, and nothing is wider than a phone."""
    with chromium() as browser, visit(browser, path, viewport={"width": 390, "height": 800}) as page:
        page.locator("html[data-drawn='0']").wait_for(state="attached")
        labels = [chart.get_attribute("aria-label") for chart in page.locator(".plot").all()]
        assert [label.partition(".")[0] for label in labels] == ["Rate", "Response time p99", "Response times by percentile"]
        assert all("A: " in label and "B: " in label and "no values" not in label for label in labels)
        page.locator("#choice").select_option(label="GET /b")
        page.locator("html[data-drawn='2']").wait_for(state="attached")
        assert page.locator("#choice option").all_inner_texts() == ["all endpoints together", "GET /a", "GET /b"]
        assert plain(MARKUP) in page.locator("[aria-label='Verdict of A']").inner_text()
        assert page.locator("#endpoints .badge").all_inner_texts() == ["only in B"]
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.evaluate("axe.run(document).then((result) => result.violations.map((one) => one.id))")
        assert found == []
