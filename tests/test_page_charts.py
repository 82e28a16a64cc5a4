"""The charts, in a real browser: under the strict policy, for eyes, keyboards and screen readers; text stays text."""

import json

import pytest
from browsers import Visit, chromium, visit

from tressi.page.assets import asset, charts_script, environment, plotly_script, policy, source_hash, stand_ins

pytestmark = pytest.mark.timed

PAGE = """{% extends "page.html" %}
{% block head %}<meta http-equiv="Content-Security-Policy" content="{{ policy }}">{% endblock %}
{% block style %}<style>{{ style|safe }}</style>{% endblock %}
{% block main %}<figure class="chart" id="chart"></figure><figure class="chart" id="other"></figure>{% endblock %}
{% block scripts %}{% for script in scripts %}<script>{{ script|safe }}</script>{% endfor %}{% endblock %}"""
HOSTILE = "<b>bold</b> <a href='javascript:alert(1)'>link</a> %{y} $x$ &lt; \x1b[31m \u202e<br>"
SHOWN = "<b>bold</b> <a href='javascript:alert(1)'>link</a> %{y} $x$ &lt; \\x1b[31m \\u202e<br>"
RATE = {
    "title": "Rate",
    "unit": "RPS",
    "t": [1, 2, 3, 4],
    "series": [{"name": "asked", "y": [100, 200, 200, 200], "dash": True}, {"name": "achieved", "y": [90, None, 1234.5, 199]}],
    "markers": [{"t": 2.25, "up": True, "text": "+4 → 19 workers: 90.0 of 200.0 RPS"}],
    "saturated": [[1, 2]],
}
HEAT = {"title": "Heat", "unit": "ms", "t": [1, 2, 3, 4], "bands": [[30, 5, 90], [], None, [40, 1]], "saturated": [[1, 2]]}
LATENCY = {
    "title": "Latency",
    "series": [
        {"name": "service time", "points": [[0, 1.0], [50, 2.0], [90, 3.0], [99, 4.5], [99.9, 9.0]]},
        {"name": "response time", "points": []},
    ],
}


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A page with nothing but an empty chart."""
    style, scripts = asset("style.css"), (plotly_script(), charts_script())
    allowed = policy(scripts=" ".join(map(source_hash, scripts)), styles=source_hash(style))
    template = environment().from_string(PAGE)
    text = template.render(policy=allowed, style=style, scripts=scripts, stand_ins=stand_ins())
    made = tmp_path_factory.mktemp("page") / "page.html"
    made.write_text(text, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def opened(browser, path):
    """The page, opened once: reading plotly's script is what takes time."""
    return Visit(browser, path)


@pytest.fixture
def page(opened):
    """The page with an empty chart again."""
    opened.page.evaluate("[chart, other].forEach(tressiCharts.forget); tressiCharts.showAll(); document.activeElement.blur()")
    yield opened.page
    opened.check()


def draw(page, kind, spec):
    """Draw, and wait until it is drawn."""
    page.evaluate(f"async () => {{ await tressiCharts.{kind}(chart, {json.dumps(spec)}); }}")


def spoken(page):
    return page.locator("#chart .spoken").text_content()


def label(page):
    return page.locator(".plot").get_attribute("aria-label")


def test_a_chart_tells_its_figures_without_being_seen(page):
    """Its label has the range and the end of each line, the marks, and whether anything is shaded."""
    draw(page, "timeChart", RATE)
    assert page.locator(".chart-title").text_content() == "Rate, RPS"
    assert label(page).startswith(
        "Rate. asked: 100 to 200 RPS, at last 200 RPS; achieved: 90 to 1,235 RPS, at last 199 RPS; 1 mark; "
        "generator limited in shaded seconds."
    )
    draw(page, "percentileChart", LATENCY)
    assert "service time: p50 2 ms, p90 3 ms, p99 4.5 ms, p99.9 9 ms; response time: no values" in label(page)


def test_latencies_are_named_in_full(page):
    """The response times that are judged are shown, the service times at a click; a column that is missing is no line."""
    columns = {"p50": [1], "p95": [5], "p99": [9], "max": [None], "serviceP99": [2], "successP99": [4]}
    shown = [["p50", 1, False], ["p95", 5, False], ["p99", 9, False], ["service time p99", 2, True]]
    for has_failures in (False, True):
        series = page.evaluate(f"tressiCharts.latencySeries({json.dumps(columns)}, {json.dumps(has_failures)})")
        expected = [*shown, ["service time p99 of successes", 4, True]][: 4 + has_failures]
        assert [[one["name"], *one["y"], one.get("hidden", False)] for one in series] == expected


def test_a_chart_is_read_with_the_keyboard(page):
    """Tab reaches it, arrows walk over its points: what a pointer would show is shown, and said with its reasons."""
    draw(page, "timeChart", RATE)
    page.keyboard.press("Tab")  # past the link to the content
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert spoken(page) == "1 s; asked 100 RPS; achieved 90 RPS"
    page.keyboard.press("End")
    assert spoken(page) == "4 s; asked 200 RPS; achieved 199 RPS"
    page.keyboard.press("ArrowRight")  # there is nothing further
    page.keyboard.press("ArrowLeft")  # to the point of the second in which the mark is
    assert spoken(page) == "3 s; asked 200 RPS; achieved 1,235 RPS; +4 → 19 workers: 90.0 of 200.0 RPS"
    assert "1,235 RPS" in page.locator(".box").text_content()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert spoken(page) == "2 s; asked 200 RPS; achieved \u2013; generator limited"
    draw(page, "percentileChart", LATENCY)
    page.locator(".plot").press("End")
    assert spoken(page) == "at 99.9 %; service time 9 ms"


def test_text_from_outside_is_only_text(page):
    """Plotly's own markup, its templates, entities, control characters: all of it is shown, none of it obeyed."""
    hostile = {**RATE, "title": HOSTILE, "markers": [{"t": 1, "up": True, "text": HOSTILE}]}
    hostile["series"] = [{**one, "name": HOSTILE} for one in RATE["series"]]
    draw(page, "timeChart", hostile)
    page.locator(".plot").press("Home")
    assert page.locator(".chart-title").text_content() == f"{SHOWN}, RPS"
    assert page.locator(".legend .entry span").first.text_content() == SHOWN
    shown = page.locator(".box").text_content()
    assert "<b>bold</b> <a href='javascript:alert(1)'>link</a> %{y} $x$ &lt; \\x1b[31m" in shown
    assert page.locator("svg a, svg [style*=bold], .chart b, .chart img").count() == 0
    assert page.evaluate("tressiCharts.plain('\\u001b\\u202e\\u2028\\u007f<b>')") == "\\x1b\\u202e\\u2028\\x7f<b>"


def tick_colour(page):
    return page.locator(".xtick text").first.evaluate("text => getComputedStyle(text).fill")


def test_colours_follow_the_reader_while_the_page_is_open(browser, path):
    """From light to dark, and to light again on paper."""
    with visit(browser, path, color_scheme="light") as page:
        draw(page, "timeChart", RATE)
        light = tick_colour(page)
        page.emulate_media(color_scheme="dark")
        page.wait_for_function("light => getComputedStyle(document.querySelector('.xtick text')).fill !== light", arg=light)
        page.emulate_media(color_scheme="dark", media="print")
        page.wait_for_function("light => getComputedStyle(document.querySelector('.xtick text')).fill === light", arg=light)


def line_of(page, number):
    return page.evaluate("number => [...chart.querySelector('.plot').data[number].y]", number)


def test_a_live_chart_grows_and_forgets(page):
    """New seconds are put behind the old, at most so many are kept, and a forgotten chart leaves nothing."""
    draw(page, "timeChart", RATE)
    page.evaluate("tressiCharts.extend(chart, {t: [5, 6], y: [[300, 400], [290, null]], markers: [{t: 6, text: 'x'}]}, 4)")
    assert line_of(page, 0) == [200, 200, 300, 400]
    assert line_of(page, 1) == [1234.5, 199, 290, None]
    assert "2 marks" in label(page)
    page.evaluate("tressiCharts.forget(chart)")
    assert page.locator("#chart").inner_html() == ""
    draw(page, "timeChart", RATE)
    assert line_of(page, 0) == [100, 200, 200, 200]


def test_what_was_zoomed_stays_zoomed(page):
    """A second that comes in does not throw the reader back to the whole."""
    draw(page, "timeChart", RATE)
    box = page.locator(".nsewdrag").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.25, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, middle, steps=5)
    page.mouse.up()
    page.wait_for_function("() => chart.querySelector('.plot').layout.xaxis.range[0] > 0.5")
    zoomed = page.evaluate("chart.querySelector('.plot').layout.xaxis.range")
    page.evaluate("tressiCharts.extend(chart, {t: [5], y: [[300], [290]]})")
    assert page.evaluate("chart.querySelector('.plot').layout.xaxis.range") == zoomed


def test_one_cursor_is_over_all_time_charts(page):
    """Where one is pointed at, the line and the figures of that second are in all; the box beside the line is in that one."""
    draw(page, "timeChart", RATE)
    draw_other(page, "heatMap", HEAT)
    box = page.locator("#chart .nsewdrag").bounding_box()
    x, y = box["x"] + 0.73 * box["width"], box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.locator("#other .cursor").wait_for(state="visible")
    assert page.locator(".chart-when").all_inner_texts() == ["3 s", "3 s"]
    assert page.locator("#chart .box .box-line").all_inner_texts() == ["asked\n200 RPS", "achieved\n1,235 RPS"]
    assert "+4 → 19 workers" in page.locator("#chart .box").inner_text()
    assert page.locator("#other .box").is_hidden()
    assert page.locator("#other .legend li", has_text="in all").inner_text().split() == ["in", "all", "0"]
    line, beside = page.locator("#chart .cursor").bounding_box(), page.locator("#chart .box").bounding_box()
    assert beside["x"] > line["x"] + 1 or beside["x"] + beside["width"] < line["x"]
    assert abs(line["x"] - (box["x"] + 0.75 * box["width"])) < 2  # at the second, not at the pointer
    page.mouse.move(x, box["y"] - 200)
    page.locator("#other .cursor").wait_for(state="hidden")
    assert page.locator(".chart-when").all_inner_texts() == ["", ""]


def draw_other(page, kind, spec):
    page.evaluate(f"async () => {{ await tressiCharts.{kind}(other, {json.dumps(spec)}); }}")


def test_a_heat_map_is_read_band_by_band(page):
    """Counts of each second and band, seconds made one where there are too many, and all of it said."""
    draw(page, "heatMap", HEAT)
    assert label(page).startswith("Heat. 96 between 1 and 12.6 ms, most of them at 1.26 to 1.58 ms; generator limited in sh")
    plot = page.locator("#chart .plot")
    plot.press("Home")
    assert spoken(page) == "1 s; fullest band 1.26 to 1.58 ms: 90; in all 95"
    plot.press("ArrowUp")
    assert spoken(page) == "1 s; band 1 to 1.26 ms: 5; in all 95"
    plot.press("ArrowRight")
    assert spoken(page) == "2 s; band 1 to 1.26 ms: 0; in all 0; generator limited"
    draw(page, "heatMap", {**HEAT, "t": list(range(1, 1001)), "bands": [[30, 1, 2]] * 1000})
    plot.press("End")
    assert spoken(page) == "995 to 1,000 s (16:40); band 1 to 1.26 ms: 5; in all 15"


def test_a_heat_map_is_a_picture_of_its_cells(page):
    """Where the axes have them: a cell is seen where anything is counted and nowhere else, and more has another colour."""
    draw(page, "heatMap", HEAT)
    place = "(({x, y, sizex, sizey}) => [x, y, sizex, sizey])(chart.querySelector('.plot').layout.images[0])"
    assert page.evaluate(place) == [0, 41, 4, 11]  # seconds 0 to 4, bands 30 to 40
    cells = page.evaluate(CELLS, [[0, 30], [0, 31], [0, 32], [1, 31], [2, 31], [3, 40], [3, 31]])
    few, many, *others = cells
    assert [bool(one) for one in cells] == [True, True, False, False, False, True, False]
    assert few != many
    assert others[3] not in {None, many}  # one response alone


# The colours of cells, [second, band] each, in the middle of where the picture has them; null where nothing is seen.
CELLS = """async (cells) => {
    const picture = new Image();
    picture.src = chart.querySelector('.plot').layout.images[0].source;
    await picture.decode();
    const canvas = Object.assign(document.createElement("canvas"), {width: picture.width, height: picture.height});
    const pen = canvas.getContext("2d");
    pen.drawImage(picture, 0, 0);
    return cells.map(([second, band]) => {
        const [x, y] = [canvas.width * (second + 0.5) / 4, canvas.height * (40 - band + 0.5) / 11];
        const [red, green, blue, alpha] = pen.getImageData(Math.round(x), Math.round(y), 1, 1).data;
        return alpha ? `${red} ${green} ${blue}` : null;
    });
}"""


def test_a_legend_shows_and_hides_its_lines(page):
    """By keyboard as well; failures are areas one on the other; what has an axis of its own is on the right."""
    failures = page.evaluate("tressiCharts.failureSeries([{503: 5}, null, {timeout: 2, 503: 1}, {}])")
    assert [(one["name"], one["y"]) for one in failures] == [("status 503", [5, 0, 1, 0]), ("timeout", [0, 0, 2, 0])]
    share = {"name": "occupied", "y": [50, 60, 70, 80], "unit": "%", "right": True, "hidden": True}
    draw(page, "timeChart", {**RATE, "series": [*RATE["series"], *failures, share], "rightAxis": "occupied, %"})
    state = "(name) => (({visible, stackgroup, yaxis}) => [visible, stackgroup, yaxis])(chart.querySelector('.plot')"
    state += ".data.find((one) => one.name === name))"
    assert page.evaluate(state, "timeout") == [True, "failed", None]
    assert page.evaluate(state, "occupied") == ["legendonly", None, "y2"]
    entry = page.get_by_role("button", name="occupied")
    assert entry.get_attribute("aria-pressed") == "false"
    entry.press("Enter")
    assert (entry.get_attribute("aria-pressed"), page.evaluate(state, "occupied")) == ("true", [True, None, "y2"])
    assert page.get_by_role("button", name="generator limited").count() == 0


def test_no_label_is_cut_off_and_paper_is_wide_enough(page):
    """With times of a minute, on a phone; printed, nothing is wider than A4 leaves room for, the narrower of it and Letter."""
    slow = {**RATE, "unit": "ms", "series": [{"name": "p99", "y": [1000, 60_000, 60_000, 59_000]}], "logSwitch": True}
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        for kind, spec in (("timeChart", slow), ("percentileChart", {**LATENCY, "series": [SLOW]})):
            draw(page, kind, spec)
            assert page.evaluate(CUT_OFF) == [], (width, kind)
    page.set_viewport_size({"width": 1280, "height": 900})
    draw(page, "timeChart", slow)
    page.get_by_label("log scale").press("Space")
    assert page.evaluate("chart.querySelector('.plot').layout.yaxis.type") == "log"
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#chart .main-svg").first.bounding_box()["width"] <= PAPER_PX
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("#chart .main-svg").first.bounding_box()["width"] > PAPER_PX


SLOW = {"name": "service time", "points": [[0, 1000.0], [50, 60_000.0], [99, 60_000.0]]}
PAPER_PX = 180 / 25.4 * 96  # A4 without its margins
# Texts that reach beyond the drawing they are in.
CUT_OFF = """[...document.querySelectorAll("#chart .main-svg text")].filter((text) => {
    const [inner, outer] = [text.getBoundingClientRect(), text.closest("svg").getBoundingClientRect()];
    return inner.left < outer.left || inner.right > outer.right || inner.bottom > outer.bottom || inner.top < outer.top;
}).map((text) => text.textContent)"""


def test_a_sparkline_needs_neither_plotly_nor_eyes(page):
    """A line with gaps, in the tone that it is given, which a screen reader passes over."""
    for values, tone in (([1, 2, None, 4], "bad"), ([4, None, 0, 2], "good")):
        page.evaluate("([values, tone]) => tressiCharts.sparkline(chart, values, tone)", [values, tone])
    line = page.locator("#chart svg")
    assert (line.get_attribute("class"), line.get_attribute("aria-hidden")) == ("sparkline good", "true")
    assert line.locator("path").get_attribute("d") == "M0.0 1.0h0M66.7 23.0L100.0 12.0"
