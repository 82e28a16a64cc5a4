"""The dashboard as a person has it: a run in its own process, a real Chromium, a mouse, a keyboard, a screen reader's view."""

import json
import re
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import warm
from browsers import TELL_OF_VIOLATIONS, chromium
from playwright.sync_api import expect
from servers import refusing_port

pytestmark = pytest.mark.timed

BOUND_S = 60
BOUND_MS = 60_000
HOSTILE = "<img src=x onerror=alert(1)> \u202e<b>bold</b>"


@pytest.fixture(scope="module")
def browser():
    """One Chromium; a busy machine is given time."""
    expect.set_options(timeout=BOUND_MS)
    with chromium() as one:
        yield one


def config_file(folder, target, *, endpoints=3, rps=20, **fields):
    """A config of that many endpoints, the first with a name that is hostile, as a file."""
    each = {"enabled": True, "targetRps": rps, "maxWorkers": 4}
    requests = [{"url": f"{target}/fast?{number}", "autoscale": each} for number in range(endpoints)]
    requests[0]["name"] = HOSTILE
    path = folder / "config.json"
    path.write_text(json.dumps({"duration": 300, "workers": 2 * endpoints, "requests": requests, **fields}))
    return path


class Run:
    """`tressi run --dashboard` in a process; `said` is what it said on standard error until the address came."""

    def __init__(self, *arguments):
        # A file, for a pipe holds no more than 64 KiB: the summary of a minute is longer, and nobody reads it before the end.
        self.output = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - it lives as long as the run
        how = {"stdout": self.output, "stderr": subprocess.PIPE, "text": True}
        self.process = warm.Process("run", *arguments, "--dashboard", "--json", "-", **how)
        self.said = []
        while not self.said or "dashboard: " not in self.said[-1]:
            line = self.process.stderr.readline()
            assert line, self.said
            self.said.append(line)
        self.url = re.search(r"http://\S+", self.said[-1]).group()

    def end(self):
        """Its exit code and its summary, once it has ended."""
        _, said = self.process.communicate(timeout=BOUND_S)
        assert "Traceback" not in said
        self.output.seek(0)
        return self.process.returncode, json.load(self.output)


@contextmanager
def running(*arguments):
    """A run for as long as the block lasts."""
    run = Run(*arguments)
    try:
        yield run
    finally:
        run.process.kill()
        run.process.communicate()
        run.output.close()


@contextmanager
def page_of(browser, url):
    """A page in a context of its own; at the end it has complained of nothing and asked no other origin."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(BOUND_MS)
    context.add_init_script(TELL_OF_VIOLATIONS)
    page, complaints, requests = context.new_page(), [], []
    context.on("console", lambda message: message.type in {"error", "warning"} and complaints.append(message.text))
    context.on("weberror", lambda failure: complaints.append(str(failure.error)))
    context.on("request", lambda request: requests.append(request.url))
    try:
        page.goto(url)
        yield page
        page.evaluate("() => new Promise((resolve) => setTimeout(resolve))")  # what was said last has arrived
    finally:
        context.close()
    assert complaints == []
    assert {urlsplit(request)[:2] for request in requests} == {urlsplit(url)[:2]}


def wait_for(page, condition):
    """Wait until an expression of JavaScript holds. Playwright's own way evaluates text, which the page's policy forbids."""
    page.evaluate(f"""() => new Promise((done, fail) => {{
        const giveUp = Date.now() + {BOUND_MS};
        const look = () => {{
            if ({condition}) done();
            else if (Date.now() > giveUp) fail(new Error("the condition did not become true in time"));
            else requestAnimationFrame(look);
        }};
        look();
    }})""")


def figure(page, name):
    """A number that is shown of all endpoints."""
    return float(page.locator(f"#figures [data-figure={name}]").inner_text().split()[0].replace(",", ""))


def attempts_above(page, least):
    """Wait until more attempts than that are shown."""
    shown = "document.querySelector('#figures [data-figure=requestsMade]').textContent"
    wait_for(page, f"Number({shown}.replace(',', '')) > {least}")


def points(page, chart):
    """How many points the first line of a chart has."""
    return page.evaluate(f"document.querySelector('[data-chart={chart}] .plot')?.data?.[0].x.length ?? 0")


def test_a_run_is_watched_steered_and_stopped(target, browser, tmp_path):
    """Numbers and charts move; another rate, a pause and its end are in the summary; the stop asks first."""
    config = config_file(tmp_path, target, name="nightly", labels={"git": "4f1c2ab"}, headers={"Authorization": "Bearer abc"})
    with running(config) as run, page_of(browser, run.url) as page:
        expect(page.locator("#state")).to_have_text("running")
        attempts_above(page, 0)
        expect(page.locator("#run-name")).to_have_text("nightly")
        expect(page.locator("#chips")).to_contain_text("git 4f1c2ab")
        expect(page.locator("#details")).to_contain_text(target)
        before, seconds = figure(page, "requestsMade"), points(page, "rate")
        attempts_above(page, before)
        wait_for(page, f"document.querySelector('[data-chart=rate] .plot').data[0].x.length > {seconds}")
        assert page.locator(".js-line").count() >= 4

        shown = page.get_by_role("button", name="change the target RPS of GET /fast?1")
        shown.click()
        page.keyboard.type("90")
        page.keyboard.press("Escape")
        expect(shown).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.type("33")
        page.keyboard.press("Enter")
        expect(page.locator("#notes tbody")).to_contain_text("GET /fast?1target 33 RPSby hand")
        expect(shown).to_have_text("33.0")
        page.locator("#config summary").click()
        expect(page.locator("#config pre")).to_contain_text('"targetRps": 20')
        assert "Bearer abc" not in page.content()

        page.get_by_role("button", name="Pause").click()
        expect(page.locator("#state")).to_have_text("paused")
        expect(page.locator("#verdict")).to_have_text("paused")
        page.get_by_role("button", name="Resume").click()
        expect(page.locator("#state")).to_have_text("running")

        page.get_by_role("button", name="Stop…").click()
        page.get_by_role("button", name="Go on").click()
        stop(page)
        expect(page.get_by_role("button", name="Pause")).to_be_hidden()
        expect(shown).to_be_disabled()
        assert run.process.poll() is None

        made = figure(page, "requestsMade")
        page.get_by_role("button", name="Close the dashboard").click()
        expect(page.locator("#state")).to_have_text("closed")
        code, summary = run.end()
    assert code == 0
    assert summary["endReason"] == "stopped"
    assert summary["global"]["requestsMade"] == made
    changes = [(change["action"], change["targetRps"]) for change in summary["changes"]]
    assert changes == [("set-target", 33), ("pause", None), ("resume", None)]
    assert summary["changes"][0]["endpointKey"] == f"GET {target}/fast?1"


def test_it_can_be_used_by_keyboard_alone(target, browser, tmp_path):
    """Every control is reached by the tab key and has a name; charts read themselves out; focus is never lost."""
    with running(config_file(tmp_path, target), "--quiet") as run, page_of(browser, run.url) as page:
        attempts_above(page, 0)
        wait_for(page, "document.querySelectorAll('.plot[tabindex]').length >= 4")
        names = []
        for _ in range(120):
            page.keyboard.press("Tab")
            names.append(page.evaluate("document.activeElement === document.body ? null : document.activeElement.outerHTML"))
            if "The config" in (names[-1] or "") or names[-1] is None:
                break
        reached = " ".join(filter(None, names))
        for wanted in ('id="pause"', 'id="stop"', 'id="filter"', 'class="choose"', "change the target RPS of", "The config"):
            assert wanted in reached
        page.locator("#stop").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog", name="Stop the run?")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#stop")).to_be_focused()

        page.locator(".choose").filter(has_text="fast?2").focus()  # rows change places where starts are missed
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Over time: GET /fast?2")).to_be_focused()
        wait_for(page, "document.querySelector('[data-chart=rate] .plot').data[0].y.at(-1) === 20")
        expect(page.locator("[data-card=rate] [data-figure=askedRps]")).to_have_text("20.0")
        expect(page.locator("[data-card=missed] .standing")).to_have_text(re.compile("[✓!✕] "))
        page.locator("[data-chart=rate] .plot").focus()
        page.keyboard.press("End")
        expect(page.locator("[data-chart=rate] .spoken")).to_contain_text("achieved")
        nameless = page.evaluate("""[...document.querySelectorAll("button, input, a, progress, table, [role=application]")]
            .filter((one) => one.offsetParent !== null)
            .filter((one) => !(one.textContent.trim() || one.labels?.length || one.getAttribute("aria-label")
                               || one.getAttribute("aria-labelledby") || one.caption))
            .map((one) => one.outerHTML)""")
        assert nameless == []


@pytest.mark.alone
def test_text_from_outside_stays_text(target, browser, tmp_path):
    """A hostile name is shown letter by letter, in the table, the list, the charts' marks and the heading."""
    autoscale = {"enabled": True, "maxWorkers": 30, "cooldownPeriod": 1}
    one = {"url": f"{target}/slow", "name": HOSTILE, "autoscale": {"enabled": True, "targetRps": 60, "initialWorkers": 1}}
    config = config_file(tmp_path, target, requests=[one], autoscale=autoscale)
    with running(config, "--quiet") as run, page_of(browser, run.url) as page:
        page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
        expect(page.locator(".choose")).to_have_text(f"{HOSTILE} (GET /slow)".replace("\u202e", "\\u202e"))
        expect(page.locator("#notes tbody tr").first).to_contain_text("RPS missed because no lane was free")
        page.locator(".choose").click()
        expect(page.locator("#subject")).to_contain_text("/slow")
        wait_for(page, "document.querySelector('[data-chart=workers] .plot')?.data?.length > 1")
        assert page.locator("main img, main b").count() == 0
        expect(page.locator("#nodes")).to_be_hidden()  # the run is on this machine alone


def test_nodes_are_shown_and_their_names_stay_text(browser):
    """Each with how it stands; one is called what would be markup."""
    command = [sys.executable, "scripts/screenshots", "--serve", "nodes-hostile"]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **streams, text=True, cwd=Path(__file__).parent.parent) as served:
        try:
            with page_of(browser, served.stdout.readline().split()[-1]) as page:
                rows = page.locator("#nodes tbody tr")
                expect(rows).to_have_count(4)
                assert rows.nth(1).locator(".node").inner_text() == "<b>node</b>\\x1b[31m"
                assert rows.nth(1).locator("td").all_inner_texts()[:2] == ["✓ running", "2"]
                assert rows.nth(1).locator("[data-label='clock ahead']").inner_text() == "\u221211.7 ± 0.21 ms"
        finally:
            served.kill()


def test_a_hundred_and_twenty_endpoints_are_found(target, browser, tmp_path):
    """All are in the table once they are asked for, whatever its width; a filter and a heading find the one that matters.

    Of those without a fault there are 20 before that; a busy machine makes faults.
    """
    with running(config_file(tmp_path, target, endpoints=120, rps=2), "--quiet") as run, page_of(browser, run.url) as page:
        healthy = page.locator("#endpoints tbody tr[data-tone=good]")
        expect(healthy.nth(19).or_(page.locator("#endpoints tbody tr").nth(119)).first).to_be_attached()
        assert healthy.count() <= 20
        attempts_above(page, 0)
        if (show_all := page.locator("#show-all")).is_visible():
            show_all.click()
            expect(show_all).to_have_text("Show fewer")
        expect(page.locator("#endpoints tbody tr")).to_have_count(120)
        page.get_by_label("Filter").fill("?11")
        expect(page.locator("#endpoints tbody tr")).to_have_count(11)
        expect(page.locator("#shown")).to_have_text("11 of 120 shown")
        page.get_by_role("button", name="change the target RPS of GET /fast?117").click()
        page.keyboard.type("40")
        page.keyboard.press("Enter")
        page.get_by_label("Filter").fill("")
        page.get_by_role("button", name="target RPS", exact=True).click()
        expect(page.locator("thead [data-column=target]")).to_have_attribute("aria-sort", "descending")
        expect(page.locator("#endpoints tbody th .choose").first).to_have_text("GET /fast?117")
        for width in (1440, 1100, 390):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate(SETTLED) == []
        assert page.evaluate(BROKEN) == [], "on a phone, too, a figure is in one line"


# What scrolls in itself, or makes the page wider than its window.
SCROLLING = """[...document.querySelectorAll("html, body *")].filter((one) => {
    const { overflowX, overflowY } = getComputedStyle(one);
    const isWide = one.scrollWidth > one.clientWidth, isHigh = one.scrollHeight > one.clientHeight;
    const scrolls = ["auto", "scroll"].includes(overflowX) && isWide || ["auto", "scroll"].includes(overflowY) && isHigh;
    return one.checkVisibility() && (one.tagName === "HTML" ? isWide : scrolls);
}).map((one) => one.outerHTML.slice(0, 200))"""
# Figures of the table that are broken over several lines.
BROKEN = """[...document.querySelectorAll("#endpoints tbody td")].flatMap((cell) => [...cell.childNodes]).filter((node) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    return node.nodeType === Node.TEXT_NODE && range.getClientRects().length > 1;
}).map((node) => node.textContent)"""
# What SCROLLING finds once charts have taken their new width, which they do some frames later.
SETTLED = f"""async () => {{
    for (let frame = 0; frame < 300 && {SCROLLING}.length; frame++) await new Promise(requestAnimationFrame);
    return {SCROLLING};
}}"""


def test_a_target_that_refuses_is_told(browser, tmp_path):
    """Above everything else, with the reason; at the end the table has the figures of the whole run."""
    with refusing_port() as port:
        config = config_file(tmp_path, f"http://127.0.0.1:{port}", endpoints=2)
        with running(config, "--quiet") as run, page_of(browser, run.url) as page:
            expect(page.locator("#verdict")).to_have_text("2 endpoints only failing")
            expect(page.locator("#reasons")).to_contain_text("all requests fail: connection refused")
            expect(page.locator("#said")).to_contain_text("2 endpoints only failing: all requests fail")
            expect(page.locator("header.run")).to_have_attribute("data-tone", "bad")
            expect(page.locator("#failures")).to_contain_text("Connection refused")
            expect(page.locator("[data-card=failed] .standing")).to_have_text("✕ failing")
            expect(page.locator("#endpoints .condition").first).to_contain_text("✕ failing: Connection refused")
            expect(page.locator(".span:visible")).to_have_text(["of the last second"] * 2)
            page.locator(".choose").filter(has_text="fast?1").click()
            stop(page)
            expect(page.locator("#verdict")).to_have_text("FAILED")
            expect(page.locator(".span:visible")).to_have_text(["of the whole run"] * 2)
            row = page.locator("#endpoints tbody tr").filter(has_text="fast?1")
            cells = {name: row.locator(place) for name, place in ENDED.items()}
            shown = {name: cell.inner_text().replace(",", "") for name, cell in cells.items()}
            page.get_by_role("button", name="Close the dashboard").click()
            summary = run.end()[1]
    endpoint = summary["endpoints"][1]
    assert shown["requestsMade"] == str(endpoint["requestsMade"])
    assert shown["currentRps"] == f"{endpoint['rps']:.1f}"
    # A run that is stopped after two seconds may have the mean below it: its schedules ended a moment later.
    assert shown["askedRps"].splitlines()[0] == "20.0"
    assert shown["workerCount"] == f"peak {endpoint['peakWorkerCount']} / 4"
    assert shown["errorRate"] == "100 %"
    assert shown["p99"] == "\u2013"


ENDED = {name: f"[data-figure={name}]" for name in ("requestsMade", "currentRps", "workerCount", "errorRate", "p99")}
ENDED["askedRps"] = ".edit"


def test_nothing_is_evaluated(target, browser, tmp_path):
    """The policy holds in the browser: no text becomes a script, no script comes from elsewhere."""
    with running(config_file(tmp_path, target), "--quiet") as run:
        context = browser.new_context()
        page = context.new_page()
        page.goto(run.url)
        page.evaluate("""() => {
            window.seen = [];
            addEventListener("securitypolicyviolation", (event) => window.seen.push(event.violatedDirective));
            setTimeout(() => { // a debugger's own call may evaluate
                try { eval("window.evaluated = true"); } catch { }
                const script = document.createElement("script");
                script.textContent = "window.evaluated = true";
                document.head.append(script);
                fetch("http://127.0.0.2:1/").catch(() => {});
            });
        }""")
        wait_for(page, "window.seen.length >= 3")
        blocked = sorted(page.evaluate("window.seen"))
        assert blocked == ["connect-src", "script-src", "script-src-elem"]
        assert page.evaluate("window.evaluated") is None
        context.close()


def stop(page):
    """Stop the run, and see its end."""
    page.get_by_role("button", name="Stop…").click()
    page.get_by_role("button", name="Stop the run").click()
    expect(page.locator("#end-detail")).to_contain_text("The run was stopped")


def test_the_end_stays_for_those_who_look(target, browser, tmp_path):
    """Also while they load again; it opens the very report of the export, which draws its charts; then the process leaves."""
    with running(config_file(tmp_path, target), "--quiet", "--export", tmp_path) as run:
        with page_of(browser, run.url) as page:
            attempts_above(page, 0)
            expect(page.get_by_role("link", name="Open the report")).to_be_hidden()
            stop(page)
            page.reload()
            expect(page.locator("#end-detail")).to_contain_text("The run was stopped")
            expect(page.locator("#state")).to_have_text("ended")
            with page.context.expect_page() as opened:
                page.get_by_role("link", name="Open the report").click()
            expect(opened.value.locator(".js-plotly-plot").first).to_be_visible()
            served = page.evaluate("fetch('report').then((answer) => answer.text())")
            assert served == (tmp_path / "report.html").read_text(encoding="utf-8")
            assert run.process.poll() is None
        assert run.end()[0] == 0
