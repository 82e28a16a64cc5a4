"""The charts, in a real browser: under the strict policy, for eyes, keyboards and screen readers; text stays text."""

import json

import pytest
from browsers import Visit, chromium, visit

from tressi.page.assets import asset, environment, plotly_script, policy, source_hash, stand_ins

pytestmark = pytest.mark.timed

PAGE = """{% extends "page.html" %}
{% block head %}<meta http-equiv="Content-Security-Policy" content="{{ policy }}">{% endblock %}
{% block style %}<style>{{ style|safe }}</style>{% endblock %}
{% block main %}<figure class="chart" id="chart"></figure>{% endblock %}
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
    style, scripts = asset("style.css"), (plotly_script(), asset("charts.js"))
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
    opened.page.evaluate("tressiCharts.forget(chart); document.activeElement.blur()")
    yield opened.page
    opened.check()


def draw(page, kind, spec):
    """Draw, and wait until it is drawn."""
    page.evaluate(f"async () => {{ await tressiCharts.{kind}(chart, {json.dumps(spec)}); }}")


def spoken(page):
    return page.locator(".spoken").text_content()


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


def test_both_latencies_are_named_in_full(page):
    """The response time first, the service time beside it; the successes' own where there are failures."""
    columns = {"p50": [1], "p99": [9], "serviceP99": [2], "successP99": [4]}
    names = ["response time p99", "response time p50", "service time p99", "service time p99 of successes"]
    for has_failures in (False, True):
        script = f"tressiCharts.latencySeries({json.dumps(columns)}, {json.dumps(has_failures)})"
        series = page.evaluate(script)
        assert [one["name"] for one in series] == names[: 3 + has_failures]
        assert [one["y"] for one in series] == [[9], [1], [2], [4]][: 3 + has_failures]
        assert [one.get("dash", False) for one in series] == [False, False, True, True][: 3 + has_failures]


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
    page.locator(".hoverlayer", has_text="1,235 RPS").wait_for(state="attached")  # plotly shows at most 20 a second
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert spoken(page) == "2 s; asked 200 RPS; achieved \u2013"
    draw(page, "percentileChart", LATENCY)
    page.locator(".plot").press("End")
    assert spoken(page) == "service time 9 ms at 99.9 %"


def test_text_from_outside_is_only_text(page):
    """Plotly's own markup, its templates, entities, control characters: all of it is shown, none of it obeyed."""
    hostile = {**RATE, "title": HOSTILE, "markers": [{"t": 1, "up": True, "text": HOSTILE}]}
    hostile["series"] = [{**one, "name": HOSTILE} for one in RATE["series"]]
    draw(page, "timeChart", hostile)
    page.locator(".plot").press("Home")
    assert page.locator(".chart-title").text_content() == f"{SHOWN}, RPS"
    assert page.locator(".legendtext").first.text_content() == SHOWN
    shown = page.locator(".hoverlayer").text_content()
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
