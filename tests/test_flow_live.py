"""Flows while a run lasts: the picture on the terminal, plain lines, the dashboard's documents, and its page in a browser."""

import io
import json
from dataclasses import replace

import pytest
from browsers import TELL_OF_VIOLATIONS, chromium
from flow_runs import BUY, FLOW, ITEM, done, journey
from live_pictures import LivePicture
from playwright.sync_api import expect
from rich.console import Console
from servers import raw_server, response
from terminals import terminal
from test_ui_dashboard_browser import running

from tressi.config.load import load_config
from tressi.errors import ConfigError
from tressi.model import Change, Draining
from tressi.run.steering import endpoint_key_of
from tressi.testing.fake_engine import Behaviour, FakeEngine
from tressi.ui.dashboard.board import Board
from tressi.ui.lines import Lines
from tressi.ui.sentences import draining_words

pytestmark = pytest.mark.timed

BOUND_MS = 30_000
HOSTILE = "<img src=x onerror=alert(1)> \u202eshop"


@pytest.fixture(scope="module")
def seen():
    """The config and the last moment of a run of which a fifth of those who buy fail."""
    heard = []

    def listen(runner):
        runner.on("start", heard.append)
        runner.on("snapshot", heard.append)

    summary = done(engine=FakeEngine({BUY: Behaviour(error_rate=0.2)}), listen=listen)
    return heard[0], heard[-1], summary


def drawn(config, shown_moment, keys=(), width=110, height=24):
    """The lines of a window after the moment and these keys, and the commands that they gave."""
    given = []
    with terminal(width, height) as shown, open(shown.descriptor, "w", encoding="utf-8", closefd=False) as stream:
        live = LivePicture(stream)
        live.start(config)
        live.moment(shown_moment)
        shown.lines()
        if keys:
            live._press(list(keys))
        lines = shown.lines()
        live.stop()
    return lines, given


@pytest.fixture(autouse=True)
def _capable(monkeypatch):
    """A terminal that can, whatever the tests run in."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_a_flow_stands_in_front_of_its_steps(seen):
    """Its target, its users and where they were lost are its own; a step has neither target nor workers."""
    config, last, _ = seen
    lines, _ = drawn(config, last)
    rows = {line[2:].split()[0] if line[2:].strip() else "": line for line in lines}
    order = [line[2:].strip().partition("  ")[0] for line in lines]
    places = [order.index(name) for name in ("flow shop", "login", "item", "buy", "health", "all 4")]
    assert places == sorted(places)
    (flow,) = last.flows
    assert "lost at buy" in rows["flow"]
    assert "10 1-20" in rows["flow"]
    assert rows["buy"].startswith("    buy")
    assert "1-20" not in rows["buy"]
    assert "max" not in "".join(lines)
    assert flow.worker_count == 10


def test_the_selected_flow_is_shown_in_full(seen):
    """With its steps in order, each with how many users were lost."""
    config, last, _ = seen
    lines, _ = drawn(config, last, height=36, width=120)
    text = "\n".join(lines)
    assert f"{last.flows[0].started} started, {last.flows[0].completed} completed" in text
    assert f"steps: login → item → buy ({last.flows[0].abandoned} lost)" in text
    assert "duration p50 2.00, p99 2.00 ms" in text


def test_a_step_cannot_be_given_a_target(seen):
    """The key says whose rate it is."""
    config, last, _ = seen
    lines, _ = drawn(config, last, ["down", "+"])
    assert "login: its rate is that of the flow shop" in "\n".join(lines)


def test_plain_lines_have_the_flow(seen):
    """In the line of all, and where it lost users; its steps have lines only where they fail."""
    config, last, _ = seen
    stream = io.StringIO()
    lines = Lines(Console(file=stream, width=200))
    lines.start(config)
    lines.moment(replace(last, t=5.0))
    lines.change(Change(6.0, "set-target", FLOW, 12.5))
    said = stream.getvalue()
    (flow,) = last.flows
    assert "of 50.0 starts/s" in said
    assert f"  flow shop: {flow.abandoned} of {flow.requests_made} failed (abandoned)" in said
    (buy,) = [line for line in said.splitlines() if "  buy: " in line]
    assert buy.endswith("failed (status 503)")
    assert "login" not in said
    assert "flow shop  target 12.5 starts per second" in said


@pytest.mark.parametrize(
    ("flying", "users", "said"),
    [(0, 2, "2 users within a flow"), (1, 1, "1 request in flight and 1 user within a flow"), (3, 0, "3 requests in flight")],
)
def test_users_who_think_are_waited_for(flying, users, said):
    """A run may wait for users of whom none has a request in flight."""
    assert draining_words(Draining(61.0, flying, 30.0, users)) == f"waiting for {said}, up to 30 s"


def test_the_board_has_flows_and_their_past(seen):
    """The documents of a page: what each flow is, its second, its past, and the whole run at the end."""
    config, last, summary = seen
    board = Board(config)
    document = json.loads(json.dumps(board.moment(last)))
    state = board.state(paused=False)
    assert [step["label"] for step in state["flows"][0]["steps"]] == ["login", "item", "buy"]
    assert [one["flow"] for one in state["endpoints"]] == [None, *["flow shop"] * 3]
    assert document["flows"][FLOW]["currentRps"] == last.flows[0].current_rps
    assert document["counts"][FLOW]["lost"][BUY] == last.flows[0].abandoned
    assert document["counts"][FLOW]["completed"] == last.flows[0].completed
    assert board.columns(len(config.endpoints))["currentRps"] == [last.flows[0].current_rps]
    end = board.result(summary)
    assert end["flows"][FLOW]["requestsMade"] == summary["flows"][0]["flowsStarted"]
    assert end["flows"][FLOW]["lost"][BUY] == summary["flows"][0]["flowsAbandoned"]


def test_names_that_could_be_two_things_are_asked_about():
    """A flow and a request with a rate of its own may have one name; of a step the flow is meant."""
    config = load_config(journey(flow={"name": "health"}))
    with pytest.raises(ConfigError, match="2 endpoints and flows of this run have that name"):
        endpoint_key_of(config, "health")
    assert endpoint_key_of(load_config(journey(flow={"name": "item"})), "item") == "flow item"
    with pytest.raises(ConfigError, match="no endpoint and no flow of this run has that key or name; did you mean shop"):
        endpoint_key_of(load_config(journey()), "shopp")
    with pytest.raises(ConfigError, match="it is a step of the flow shop"):
        endpoint_key_of(load_config(journey()), ITEM)


def test_a_page_shows_a_flow_and_steers_it(tmp_path):
    """Its figures, its steps with bars, its charts, and another rate of starts; a hostile name is text."""

    def script(conversation):
        bought = 0
        while asked := conversation.request():
            bought += asked.target == "/cart"
            conversation.send(response("503 no" if asked.target == "/cart" and bought % 3 == 0 else "200 OK"))

    with raw_server(script) as server, chromium() as browser:
        document = journey(server.url.rstrip("/"), duration=300, flow={"name": HOSTILE})
        (tmp_path / "config.json").write_text(json.dumps(document))
        with running(tmp_path / "config.json") as run:
            page = browser.new_context().new_page()
            complaints = []
            page.add_init_script(TELL_OF_VIOLATIONS)
            page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.goto(run.url)
            flow = page.locator(".flow")
            expect(flow.locator(".choose")).to_have_text("flow <img src=x onerror=alert(1)> \\u202eshop", timeout=BOUND_MS)
            expect(flow.locator("tbody th")).to_have_text(["login", "item", "buy"])
            lost = flow.locator("tbody tr").nth(2).locator("[data-cell=lost]")
            expect(lost).not_to_have_text("0", timeout=BOUND_MS)
            expect(flow.locator("tbody tr").nth(2).locator("[data-bar=lost]")).to_have_attribute("style", "width: 100%;")
            expect(page.locator("#endpoints td", has_text="step of flow")).to_have_count(3)
            flow.locator(".edit").click()
            flow.locator("input").fill("10")
            flow.locator("form button").click()
            expect(page.locator("#notes")).to_contain_text("target 10 starts per second", timeout=BOUND_MS)
            flow.locator(".choose").click()
            expect(page.locator("[data-card=latency] .what")).to_have_text("duration", timeout=BOUND_MS)
            expect(page.locator("[data-chart=rate] .chart-title")).to_contain_text("Starts", timeout=BOUND_MS)
            assert complaints == []
