"""The report in a real browser: offline, under its own policy, without a complaint, for pointer, keyboard and no script."""

import pytest
from browsers import Visit, chromium, visit
from test_report_html import LATENCY, NOTHING, hostile_summary

from bench.long_run import long_summary
from tressi.report.report_html import render
from tressi.text import plain

pytestmark = pytest.mark.timed

# Which of these, "part TAG", has nothing that the tab key would stop at.
REACHED = """(wanted) => {
    const all = [...document.querySelectorAll("a, button, input, select, summary, [tabindex='0']")];
    const stops = all.filter((one) => one.checkVisibility({contentVisibilityAuto: true}) && !one.disabled);
    const named = (one) => one.closest("[id]") && [...document.querySelectorAll("section, #samples, #config")]
        .filter((part) => part.contains(one)).map((part) => `${part.id} ${one.tagName}`);
    const found = new Set(stops.flatMap((one) => named(one) ?? []));
    return wanted.filter((one) => !found.has(one));
}"""
SCROLLED = """[...document.querySelectorAll("main *")].filter((one) => one.scrollHeight > one.clientHeight + 1
    && ["auto", "scroll"].includes(getComputedStyle(one).overflowY)).map((one) => one.tagName)"""
# Charts are drawn anew some frames after the page has another width.
FITS = """(width) => new Promise((resolve, reject) => {
    let frames = 600;
    const look = () => {
        const now = document.documentElement.scrollWidth;
        if (now <= width) resolve();
        else if (!frames--) reject(new Error(`the page is ${now} wide`));
        else requestAnimationFrame(look);
    };
    look();
})"""
ATTACK = (
    "<b>bold</b>\x1b[31m\u202e %{y}</pre></script><script>hacked = 1</script><img src=x onerror='hacked = 2'>"
    "<a href='javascript:hacked = 3'>x</a>"
)
PLACES = (".verdict", "#thresholds", "#endpoints", "#timeline", "#scaling", "#failures", "#samples", "#config")
LATENCIES = ("responseTimeMs", "serviceTimeMs", "successTimeMs", "firstByteMs", "connectTimeMs", "tlsTimeMs")
ENDPOINTS = "#endpoints > table tbody tr:not([hidden])"


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def summary():
    made = long_summary(endpoints=12, seconds=30)
    for number, endpoint in enumerate(made["endpoints"]):
        endpoint["serviceTimeMs"]["p99"] = 12 + 1 / (number + 2)  # shown, several of them are the same
    return made


@pytest.fixture(scope="module")
def path(summary, tmp_path_factory):
    made = tmp_path_factory.mktemp("report") / "report.html"
    made.write_bytes(render(summary))
    return made


@pytest.fixture(scope="module")
def opened(browser, path):
    """The report, opened once: reading plotly's script is what takes time."""
    return Visit(browser, path)


@pytest.fixture
def page(opened):
    """The report with all endpoints in its charts and no filter, however it is sorted."""
    opened.page.locator("#choice").select_option("")
    drawn(opened.page)
    yield opened.page
    opened.check()


def drawn(page, what="all"):
    """Wait until the charts of this endpoint are there."""
    page.locator(f"html[data-drawn='{what}']").wait_for(state="attached")


def column(page, number):
    return page.locator(f"{ENDPOINTS} > *:nth-child({number})").all_inner_texts()


def test_all_charts_are_drawn(page, summary):
    """Each has a line for what it shows and says in words what it shows."""
    labels = [chart.get_attribute("aria-label") for chart in page.locator(".plot").all()]
    titles = ["Rate", "Response time", "Responses by status", "Failures by kind", "Workers and occupied share"]
    titles += ["Heat map of response times", "Latency of all endpoints together"]
    assert [label.partition(".")[0] for label in labels] == titles
    assert all("no values" not in label for label in labels)
    assert all(f"{name}: " in labels[1] for name in ("p50", "p95", "p99", "max", "service time p99"))
    assert all(f"{name}: " in labels[2] for name in ("200", "503"))
    assert all(f"{name}: " in labels[3] for name in ("status 503", "connect"))
    assert page.locator(".plot .main-svg .lines path").count() >= len(labels)
    assert not page.get_by_text("The charts need JavaScript").is_visible()
    p99 = summary["global"]["serviceTimeMs"]["p99"]
    assert f"service time: p50 {summary['global']['serviceTimeMs']['p50']:.2f}".rstrip("0") in labels[-1]
    assert f"p99 {p99:.1f}"[:6] in labels[-1]


def test_hostile_text_is_text_and_runs_nothing(browser, tmp_path):
    """In every table, in the charts and their reasons, in bodies and in the config: shown, not obeyed."""
    for text in (ATTACK, "x" * 10**6):
        hostile = tmp_path / "hostile.html"
        hostile.write_bytes(render(hostile_summary(text)))
        with visit(browser, hostile) as page:
            drawn(page)
            page.locator("#chart-rate .plot").press("Home")
            assert page.evaluate("[window.hacked, document.images.length, document.querySelectorAll('b, svg a').length]") == [
                None,
                0,
                0,
            ]
            for place in PLACES:
                shown = plain(text[: 9 if place in {"#timeline", "#config"} else 60])
                assert shown in page.locator(place).text_content(), place
            assert plain(text[:60]) in page.locator("#chart-rate .spoken").text_content()


def test_tables_are_sorted_with_the_keyboard(page, summary):
    """Numbers by the exact value, large ones first; again, small ones first; assistive technology is told."""
    by_p99 = sorted(summary["endpoints"], key=lambda one: one["serviceTimeMs"]["p99"])
    slowest_last = [one["url"].removeprefix("http://shop.example:8080") for one in by_p99]
    heading = page.locator("#endpoints > table th", has_text="Service p99 ms")
    heading.get_by_role("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    assert [text.split("\n")[0].split(" ")[1] for text in column(page, 1)] == slowest_last[::-1]
    page.keyboard.press("Space")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert [text.split("\n")[0].split(" ")[1] for text in column(page, 1)] == slowest_last


def test_names_are_sorted_as_people_count(page):
    """`/9` before `/10`; what has no value is last either way."""
    page.locator("#endpoints > table th", has_text="Endpoint").get_by_role("button").click()
    names = [text.split("\n")[0].split(" ")[:2] for text in column(page, 1)]
    assert names == sorted(names, key=lambda name: (name[0], int(name[1].rpartition("/")[2])))
    broken = page.locator("#thresholds th", has_text="Broken at").get_by_role("button")
    for _ in range(2):
        broken.click()
        assert page.locator("#thresholds tbody tr td:last-child").all_inner_texts() == ["61.0 s", NOTHING, NOTHING]


def test_endpoints_are_filtered_by_what_is_typed(page):
    """Any part of a row, in any case; how many are left is said."""
    page.get_by_label("Filter endpoints").first.fill("post /API/v2/catalogue/1")
    assert len(column(page, 1)) == 2  # 1 and 11
    assert page.locator("#endpoints [role=status]").first.inner_text() == "2 of 12"
    page.get_by_label("Filter endpoints").first.fill("")
    assert len(column(page, 1)) == 12


def test_an_endpoint_is_chosen_with_the_keyboard(page, summary):
    """By its link in the table, and by the list above the charts; its charts are drawn, and its latencies are in the table."""
    page.locator(f"{ENDPOINTS} a[data-endpoint='4']").press("Enter")
    drawn(page, "4")
    title = page.locator("#chart-percentiles .chart-title")
    assert title.text_content() == "Latency of GET /api/v2/catalogue/4"
    page.locator("#choice").press("ArrowUp")
    drawn(page, "3")
    assert title.text_content() == "Latency of item 3"
    assert page.locator("#latencies caption").text_content() == "Of item 3, in milliseconds"
    values = page.locator("#latencies tbody data").evaluate_all("(all) => all.map((one) => Number(one.value))")
    assert values[:9] == [summary["endpoints"][3]["responseTimeMs"][name] for name in LATENCY]
    page.locator("#choice").select_option("")
    drawn(page)
    values = page.locator("#latencies tbody data").evaluate_all("(all) => all.map((one) => Number(one.value))")
    assert values[:9] == [summary["global"]["responseTimeMs"][name] for name in LATENCY]


def test_a_point_of_several_seconds_is_told(browser, tmp_path, monkeypatch):
    """The page says what a point stands for, and what was decided in that time is one mark for each direction."""
    monkeypatch.setattr("tressi.report.page.series.MOST_POINTS", 5)
    long, summary = tmp_path / "long.html", long_summary(endpoints=2, seconds=40)
    decided = {(one["action"], -(-one["timestamp"] // 8)) for one in summary["scaling"]}
    long.write_bytes(render(summary))
    with visit(browser, long) as page:
        drawn(page)
        assert page.get_by_text("A point stands for 8 s").is_visible()
        marks = page.evaluate(
            "document.querySelector('#chart-workers .plot').data.filter((one) => one.name.startsWith('scaled'))"
        )
        assert sum(len(one["x"]) for one in marks) == len(decided) < len(summary["scaling"])


def test_everything_is_reached_with_the_tab_key(page):
    """Links, buttons, filters, charts, long texts: each part has them in the order of the page, and none is a trap."""
    assert page.evaluate("[...document.querySelectorAll('[tabindex]')].every((one) => one.tabIndex < 1)")
    wanted = {"endpoints BUTTON", "endpoints INPUT", "endpoints A", "timeline SELECT", "timeline DIV", "latency DIV"}
    wanted |= {"scaling SUMMARY", "samples SUMMARY", "config SUMMARY"}
    # One of each kind stands for all of them: a key pressed at it goes on to what comes next.
    stuck = page.evaluate(REACHED, sorted(wanted))
    assert stuck == []
    page.locator("#chart-rate .plot").focus()
    for _ in range(12):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.plot')?.parentElement.parentElement.id") != "chart-rate"


def test_without_javascript_there_are_the_tables(browser, path, summary):
    """The verdict and every row can be read; no control stands there that would do nothing."""
    with visit(browser, path, java_script_enabled=False) as page:
        assert page.locator(".verdict .word").is_visible()
        assert len(column(page, 1)) == len(summary["endpoints"])
        assert page.get_by_text("The charts need JavaScript").is_visible()
        assert page.locator("button, input, select").locator("visible=true").count() == 0


def test_what_is_folded_is_read_when_it_is_wanted(browser, path, summary):
    """Opened by a reader, or for paper; its tables can be sorted then."""
    with browser.new_context() as context:
        page = context.new_page()
        page.add_init_script("window.requestIdleCallback = () => {}")
        page.goto(path.as_uri())
        drawn(page)
        latencies = page.locator("#each-latency")
        assert latencies.count() == 0
        page.locator("#latency summary").click()
        latencies.get_by_role("button", name="p99", exact=True).click()
        slowest = max(one[name]["p99"] or 0 for one in summary["endpoints"] for name in LATENCIES)
        assert float(latencies.locator("tbody tr").first.locator("td:nth-child(9) data").get_attribute("value")) == slowest
        assert page.locator("details > noscript").count() > 0
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert page.locator("details > noscript").count() == 0


def test_no_part_of_the_page_scrolls_in_itself_or_is_cut_off(page):
    """On a desk all columns are there, and on a phone each row is a card: nothing is wider than the screen."""
    row = page.locator("#endpoints > table tbody tr").first
    before = page.viewport_size
    for width, shown in ((390, "grid"), (1440, "table-row")):
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate(FITS, width)
        assert page.evaluate(SCROLLED) == []
        assert row.evaluate("(row) => getComputedStyle(row).display") == shown
    page.set_viewport_size(before)


def test_on_paper_all_is_open_and_nothing_is_cut_off(page):
    """What is folded is open, every column is within the paper, and afterwards the page is as it was."""
    before, folded = page.viewport_size, page.locator("details:not([open])").count()
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 700, "height": 1000})  # A4 without its margins
    page.evaluate(FITS, 700)
    page.emulate_media(media="screen")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    page.set_viewport_size(before)
    assert page.locator("details:not([open])").count() == folded
