"""The dashboard's charts in a real browser: what they show of a run, and several endpoints laid over each other."""

import re

import pytest
from browsers import chromium
from playwright.sync_api import expect
from test_ui_dashboard_browser import attempts_above, config_file, page_of, running, wait_for

pytestmark = pytest.mark.timed

LINES = "document.querySelector('[data-chart={}] .plot').data.map((one) => one.name)"


@pytest.fixture(scope="module")
def browser():
    with chromium() as one:
        yield one


def names(page, chart):
    """The lines of a chart."""
    return page.evaluate(LINES.format(chart))


def test_endpoints_are_laid_over_each_other(target, browser, tmp_path):
    """Alone one has all its figures; of several the rate, the p99 and the workers of each, and one heat map of them all."""
    with running(config_file(tmp_path, target), "--quiet") as run, page_of(browser, run.url) as page:
        attempts_above(page, 0)
        wait_for(page, "document.querySelectorAll('#charts .js-plotly-plot').length === 4")
        assert names(page, "latency")[:4] == ["p50", "p95", "p99", "max"]
        assert page.evaluate("document.querySelector('[data-chart=heat] .plot').layout.images.length") == 1

        buttons = page.locator("#endpoints .choose")
        for name in ("/fast?1", "/fast?2"):
            buttons.filter(has_text=name).click()
            expect(buttons.filter(has_text=name)).to_have_attribute("aria-pressed", "true")
            expect(page.locator("#charts-title")).to_be_focused()
            expect(page.locator("#charts-title")).to_be_in_viewport()
        both = ["GET /fast?1", "GET /fast?2"]
        for chart in ("rate", "latency", "workers"):
            wait_for(page, f"{LINES.format(chart)}.join() === '{','.join(both)}'")
        expect(page.locator("[data-chart=heat] .chart-title")).to_have_text("Heat map of their response times together, ms")
        colors = [button.get_attribute("data-series") for button in buttons.all()]
        assert sorted(filter(None, colors)) == ["series-1", "series-2"]

        page.get_by_role("button", name="Leave out GET /fast?1").click()
        wait_for(page, f"{LINES.format('rate')}[0] === 'asked'")
        expect(page.get_by_role("heading", name="Over time: GET /fast?2")).to_be_visible()
        page.locator("#compare").select_option(label="GET /fast?1")
        wait_for(page, f"{LINES.format('rate')}.join() === 'GET /fast?2,GET /fast?1'")
        page.locator("#all-charts").click()
        wait_for(page, f"{LINES.format('rate')}[0] === 'asked'")
        expect(page.get_by_role("heading", name="Over time: All endpoints")).to_be_focused()
        expect(page.locator("#endpoints [aria-pressed=true]")).to_have_count(0)


def test_what_was_before_the_page_came_is_there(target, browser, tmp_path):
    """A page that is opened later has the failures by kind and the bands of the seconds before it."""
    one = {"url": f"{target}/missing", "autoscale": {"enabled": True, "targetRps": 20, "maxWorkers": 4}}
    with running(config_file(tmp_path, target, requests=[{**one, "name": "x"}]), "--quiet") as run:
        with page_of(browser, run.url) as page:
            attempts_above(page, 20)
        with page_of(browser, run.url) as page:
            wait_for(page, "document.querySelectorAll('#charts .js-plotly-plot').length === 4")
            failed = "document.querySelector('[data-chart=rate] .plot').data.find((one) => one.stackgroup)"
            wait_for(page, f"{failed}?.y.length > 1 && {failed}.y[0] > 0")
            assert page.evaluate(f"{failed}.name").startswith("status ")
            assert page.evaluate("document.querySelector('[data-chart=heat] .plot').layout.images[0].sizex") > 1
            page.locator("[data-chart=heat] .plot").press("Home")
            expect(page.locator("[data-chart=heat] .spoken")).to_have_text(re.compile("in all [1-9]"))  # of the first second
