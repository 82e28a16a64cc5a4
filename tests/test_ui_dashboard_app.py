"""The dashboard's routes: who may use them, what they give, and what a command does."""

import re
from dataclasses import replace
from functools import cache

import orjson
import pytest
from dashboards import Steered
from each import each
from summaries import HOSTILE, decision, endpoint_snapshot, engine_snapshot, moment, resolved, summary_of
from werkzeug.test import Client

from tressi.errors import ConfigError, ConfigProblem, TressiError
from tressi.model import Change, Reason, ThresholdVerdict, Trouble
from tressi.site.feed import Feed
from tressi.site.guard import guarded
from tressi.text import plain
from tressi.ui.dashboard.app import ASSETS, BODY_LIMIT, Run, make_app
from tressi.ui.dashboard.board import Board

pytestmark = pytest.mark.pure

TOKEN = "the-token"
KEYS = ("GET http://host/a", "GET http://host/b")
PLACES = ["", "events", "config", "past", "past/0", "report", *(f"assets/{name}" for name in ASSETS)]
COMMANDS = ["target", "pause", "resume", "stop", "leave"]
BASE = "http://127.0.0.1:8089"


class Dashboard:
    """The app behind its guard, what it shows, and what was asked of the run."""

    def __init__(self, host="127.0.0.1", report=lambda: None):
        self.board, self.steered, self.leaves = Board(resolved(*KEYS)), Steered(), []
        self.feed = Feed(lambda: orjson.dumps(self.board.state(paused=False)))
        run = Run(self.board, self.feed, self.steered, report, lambda: self.leaves.append("left"))
        self._client = Client(guarded(make_app(run), TOKEN, host))

    def get(self, place, token=TOKEN, **headers):
        """What a browser is answered at a place below the token."""
        return self._client.get(f"/{token}/{place}", base_url=BASE, headers=named(headers))

    def post(self, place, body, token=TOKEN, content_type="application/json", **headers):
        """The answer to a command."""
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        return self._client.post(
            f"/{token}/{place}", base_url=BASE, data=data, content_type=content_type, headers=named(headers)
        )


@cache
def untouched():
    """A dashboard for requests that must change nothing of it: to make one takes longer than to ask it."""
    return Dashboard()


def named(headers):
    """`Sec_Fetch_Site` as a header is called."""
    return {name.replace("_", "-"): value for name, value in headers.items()}


@each("place", PLACES)
@each("token", ["", "the-tokem", "the-token2", "the-toke", "%00", "th%C3%A9"])
def test_without_the_token_nothing_is_there(place, token):
    """No page, script, event or report: the answer is the same wherever one asks, and the token is not in it."""
    answer = untouched().get(place, token=token)
    assert answer.status_code == 404
    assert answer.text == "nothing is here: use the whole address that tressi said when it started\n"


@pytest.mark.parametrize("place", COMMANDS)
def test_without_the_token_nothing_is_done(place):
    """A command needs it as well."""
    dashboard = Dashboard()
    assert dashboard.post(place, {}, token="guess").status_code == 404
    assert (dashboard.steered.calls, dashboard.leaves) == ([], [])


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8089", "127.0.0.1.evil.example", "", "[", "10.0.0.1:8089"])
def test_a_name_made_to_resolve_to_us_is_refused(host):
    """Listening on loopback, only names of this machine are answered, so that DNS rebinding leads nowhere."""
    assert Dashboard().get("", Host=host).status_code == 403


@pytest.mark.parametrize("host", ["localhost:9999", "127.0.0.1:8089", "[::1]:8089", "LOCALHOST"])
def test_this_machine_has_several_names(host):
    """Any port will do: a tunnel has another one."""
    assert Dashboard().get("", Host=host).status_code == 200


def test_a_dashboard_for_others_answers_to_any_name():
    """Listening elsewhere, the names by which others know this machine are theirs."""
    assert Dashboard(host="0.0.0.0").get("", Host="ci-runner.example").status_code == 200


FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:9000"},
    {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site"},
    {"Origin": BASE, "Sec_Fetch_Site": "cross-site"},
]


@each("headers", FOREIGN, ids=str)
@each("place", COMMANDS)
def test_commands_of_other_sites_are_refused(place, headers):
    """Even one that knows the token may not steer from a page that is not ours."""
    dashboard = untouched()
    answer = dashboard.post(place, {"endpointKey": KEYS[0], "targetRps": 1}, **headers)
    assert answer.status_code == 403
    assert (dashboard.steered.calls, dashboard.leaves) == ([], [])


@pytest.mark.parametrize("headers", [{}, {"Origin": BASE, "Sec_Fetch_Site": "same-origin"}], ids=["program", "page"])
def test_commands_of_our_page_are_done(headers):
    """And of a program that is no browser."""
    dashboard = Dashboard()
    for place in COMMANDS:
        answer = dashboard.post(place, {"endpointKey": KEYS[1], "targetRps": 2.5}, **headers)
        assert (answer.status_code, answer.json) == (200, {})
    assert dashboard.steered.calls == [("set_target", KEYS[1], 2.5), ("pause",), ("resume",), ("stop",)]
    assert dashboard.leaves == ["left"]


BAD = [
    (b"", "a command is a JSON object"),
    (b"{", "a command is a JSON object"),
    (b"[]", "a command is a JSON object"),
    ({}, "endpointKey: None"),
    ({"endpointKey": 5, "targetRps": 1}, "endpointKey: 5"),
    ({"endpointKey": KEYS[0]}, "targetRps: None is not a number"),
    ({"endpointKey": KEYS[0], "targetRps": True}, "targetRps: True is not a number"),
    ({"endpointKey": KEYS[0], "targetRps": "9"}, "targetRps: '9' is not a number"),
]


@each(("body", "words"), BAD, ids=str)
def test_a_bad_command_is_told_why(body, words):
    """The place, the value and the rule; nothing is done."""
    dashboard = Dashboard()
    answer = dashboard.post("target", body)
    assert answer.status_code == 400
    assert words in answer.json["error"]
    assert dashboard.steered.calls == []


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_form_of_another_site_is_no_command(kind):
    """What a form can send without being asked whether it may is not taken."""
    assert Dashboard().post("pause", {}, content_type=kind).status_code == 400


def test_a_huge_command_is_refused():
    """It is not even read."""
    answer = Dashboard().post("target", b" " * (BODY_LIMIT + 1))
    assert answer.status_code == 413
    assert answer.json["error"]


@pytest.mark.parametrize(
    ("failure", "status"),
    [(ConfigError([ConfigProblem("GET /", "no endpoint of this run")]), 400), (TressiError("it is over"), 409)],
    ids=["input", "over"],
)
def test_what_the_run_refuses_is_said(failure, status):
    """The run's own sentence reaches the client that asked."""
    dashboard = Dashboard()
    dashboard.steered.failure = failure
    answer = dashboard.post("target", {"endpointKey": "GET /", "targetRps": 1})
    assert (answer.status_code, answer.json) == (status, {"error": str(failure)})


def test_a_failure_of_ours_shows_no_traceback(capsys):
    """The log has it; the page gets a sentence."""
    dashboard = Dashboard()
    dashboard.steered.failure = RuntimeError("secret")
    answer = dashboard.post("pause", {})
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "RuntimeError: secret" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("place", "status"), [("past/2", 404), ("past/99999", 404), ("assets/app.py", 404), ("nowhere", 404), ("report", 404)]
)
def test_what_is_not_there_is_told_as_such(place, status):
    """With the token, too."""
    answer = Dashboard().get(place)
    assert answer.status_code == status
    assert answer.json["error"]


def test_a_command_is_never_a_get():
    """A link or an image steers nothing."""
    dashboard = Dashboard()
    assert {dashboard.get(place).status_code for place in COMMANDS} == {405}
    assert dashboard.steered.calls == []


def test_every_answer_has_the_headers_that_protect_it():
    """Also a refusal: nothing is stored, framed, guessed or referred."""
    dashboard = Dashboard(report=lambda: b"<p>")
    answers = [dashboard.get(place) for place in ("", "past", "report", "assets/style.css", "nowhere")]
    for answer in [*answers, dashboard.get("", token="guess"), dashboard.get("", Host="evil.example")]:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert len(answer.headers.getlist("Content-Security-Policy")) == 1


def test_the_page_runs_only_its_own_scripts():
    """Its policy names a nonce, a new one each time, which every script and style has; nothing is unsafe."""
    dashboard = Dashboard()
    pages = [dashboard.get("") for _ in range(2)]
    nonces = set()
    for page in pages:
        policy = page.headers["Content-Security-Policy"]
        (nonce,) = set(re.findall(r"'nonce-([\w-]+)'", policy))
        nonces.add(nonce)
        assert policy.startswith("default-src 'none'")
        assert not re.search(r"unsafe|\*|https?:|'self'(?!;)", policy)
        tags = re.findall(r"<(?:script|link rel=\"stylesheet\")[^>]*>", page.text)
        assert len(tags) == 5
        assert all(f'nonce="{nonce}"' in tag for tag in tags)
        assert not re.search(r"\son\w+=|\sstyle=|javascript:", page.text)
    assert len(nonces) == 2


def test_every_part_of_the_page_is_served():
    """Each address in the page and in its modules leads to a script or style."""
    dashboard = Dashboard()
    page = dashboard.get("").text
    names = set(re.findall(r"assets/([\w.]+)", page))
    for name in tuple(names):
        names |= set(re.findall(r'from "\./(\w+\.js)"', dashboard.get(f"assets/{name}").text))
    for name in tuple(names):
        names |= set(re.findall(r'from "\./(\w+\.js)"', dashboard.get(f"assets/{name}").text))
    assert names == set(ASSETS)
    assert all(dashboard.get(f"assets/{name}").mimetype == ASSETS[name][0] for name in names)


def test_the_past_of_each_endpoint_and_of_all():
    """By number in the config's order."""
    dashboard = Dashboard()
    for t in (1.0, 2.0):
        dashboard.board.moment(moment(*KEYS, t=t))
    for place in ("past", "past/0", "past/1"):
        columns = dashboard.get(place).json
        assert columns["t"] == [1.0, 2.0]
        assert columns["p99"] == [None, None]


def test_the_report_is_served_once_there_is_one():
    """Its bytes as they are; what may run in it, it says itself."""
    answer = Dashboard(report=lambda: b"<!doctype html>").get("report")
    assert (answer.data, answer.mimetype) == (b"<!doctype html>", "text/html")
    assert "default-src" not in answer.headers["Content-Security-Policy"]


def test_a_late_page_is_told_everything():
    """The state has the past, every decision and change, the targets as they were set, and the verdicts."""
    board = Board(resolved(*KEYS))
    verdict = ThresholdVerdict("p99 < 5 ms", KEYS[0], passed=False, value=9.0, limit=5.0, detail="9 ms", failed_at=1.0)
    board.moment(moment(*KEYS, thresholds=(verdict,)))
    board.decision(decision(KEYS[0]))
    board.change(Change(1.5, "set-target", KEYS[1], 75.0))
    board.change(Change(1.6, "pause"))
    state = board.state(paused=True)
    assert state["paused"]
    assert state["columns"]["t"] == [1.0]
    assert [one["reason"] for one in state["decisions"]] == ["because"]
    assert [one["action"] for one in state["changes"]] == ["set-target", "pause"]
    assert [one["targetRps"] for one in state["endpoints"]] == [50.0, 75.0]
    assert state["moment"]["thresholds"][0]["passed"] is False


def test_a_target_of_the_shared_pool_is_of_all_its_endpoints():
    """Whichever of them it was set by."""
    board = Board(resolved(*KEYS, autoscale=False))
    assert [one["targetRps"] for one in board.state(paused=False)["endpoints"]] == [None, None]
    board.change(Change(1.0, "set-target", KEYS[1], 8.0))
    assert [one["targetRps"] for one in board.state(paused=False)["endpoints"]] == [8.0, 8.0]


def test_the_end_has_the_figures_of_the_run():
    """Of all together and of each endpoint, under the names of a second's; and not what a page cannot show."""
    good, bad = "GET http://host/good", "GET http://host/bad"
    board = Board(resolved(good, bad))
    busy = replace(endpoint_snapshot(good), lane_s=8.0, occupied_lane_s=2.0)
    board.drained(engine_snapshot(busy, replace(endpoint_snapshot(bad), lane_s=2.0, occupied_lane_s=2.0)))
    summary = summary_of(end_reason="early-exit", end_detail="too many \x1b[31mfailures")
    end = board.result(summary)
    assert (end["endReason"], end["endDetail"]) == ("early-exit", "too many \\x1b[31mfailures")
    assert end["total"]["requestsMade"] == summary["global"]["requestsMade"]
    assert end["total"]["utilisation"] == 0.4
    assert end["total"]["showsSuccesses"]
    assert [end["endpoints"][key]["utilisation"] for key in (good, bad)] == [0.25, 1.0]
    one, metrics = end["endpoints"][good], summary["endpoints"][0]
    assert [one[name] for name in ("currentRps", "askedRps", "peakWorkerCount")] == [50.0, 50.0, 2]
    assert [one[name] for name in ("p50", "p99")] == [metrics["responseTimeMs"][name] for name in ("p50", "p99")]
    assert one["serviceP99"] == metrics["serviceTimeMs"]["p99"]
    assert one["thin"] == ["p95", "p99", "serviceP99", "successP99"]
    assert end["endpoints"][bad]["failures"] == {"connect": 40}
    assert "histograms" not in end["endpoints"][bad]
    assert (end["verdict"]["word"], end["verdict"]["tone"]) == (summary["verdict"]["word"], "bad")
    assert end["verdict"]["reasons"] == [plain(reason) for reason in summary["verdict"]["reasons"]]
    assert board.state(paused=False)["end"] == end


def test_a_second_and_the_whole_run_have_the_same_figures():
    """What is shown of a second is replaced at the end, and nothing of it stays beside the words "of the whole run"."""
    board = Board(resolved(*KEYS))
    document = board.moment(moment(*KEYS))
    second = {**document["row"]["endpoints"][KEYS[0]], **document["beside"][KEYS[0]], **document["counts"][""]}
    end = board.result(summary_of(*map(endpoint_snapshot, KEYS)))
    of_a_moment = {"inFlight", "oldestSec", "targetRps", "workerCount", "missed", "bands", "statusCodes"}
    assert second.keys() - of_a_moment == end["endpoints"][KEYS[0]].keys() - {"peakWorkerCount"}


def test_what_belongs_beside_a_figure_is_decided_for_the_page():
    """The mean of the rate asked for where it is another, the successes where many failed, what is of too few values."""
    calm = moment(KEYS[0], response_count=1000, service_count=1000, success_count=19)
    stormy = moment(KEYS[0], target_rps=46.0, asked_rps=50.0, error_rate=0.6, in_flight=3, oldest_s=1.5)
    beside = [Board(resolved(KEYS[0])).moment(one)["beside"][KEYS[0]] for one in (calm, stormy)]
    assert beside[0]["thin"] == ["successP50", "successP99"]
    assert [one["meanRps"] for one in beside] == [None, 46.0]
    assert [one["showsSuccesses"] for one in beside] == [False, True]
    assert (beside[1]["inFlight"], beside[1]["oldestSec"]) == (3, 1.5)


def test_troubles_are_sentences_with_the_endpoints_names():
    """The same that the terminal says."""
    board = Board(resolved(*KEYS, names=["checkout"]))
    refused = Trouble("failing", KEYS[0], 3, "Connection refused")
    assert board.moment(moment(*KEYS, troubles=(refused,)))["troubles"] == ["checkout: all requests fail: connection refused"]
    assert [one["label"] for one in board.state(paused=False)["endpoints"]] == ["checkout", "GET /b"]


def test_a_target_may_be_set_by_name():
    """The run finds out whose name it is."""
    dashboard = Dashboard()
    assert dashboard.post("target", {"endpointKey": "checkout", "targetRps": 2}).status_code == 200
    assert dashboard.steered.calls == [("set_target", "checkout", 2.0)]


@each("text", HOSTILE)
def test_text_from_outside_is_harmless(text):
    """Labels and reasons have no control characters, escape sequences and direction marks left."""
    board = Board(resolved(f"GET http://host/{text.replace(' ', '')}"))
    assert board.decision(decision("GET http://host/", reason=text))["reason"] == plain(text)
    assert board.moment(moment(saturated_by=(text,)))["saturatedBy"] == [plain(text)]
    assert board.moment(moment(lost=(text,)))["lost"] == [plain(text)]
    sentences = board.moment(moment(troubles=(Trouble("failing", text, 1, text),)))["troubles"]
    assert all(sentence.isprintable() for sentence in sentences)
    reading = replace(endpoint_snapshot("GET /", failed=1), reasons=(Reason("connect", text, 1),))
    counts = board.moment(replace(moment(), reading=engine_snapshot(reading)))["counts"]
    assert list(counts[""]["failures"]) == [plain(text)]
    assert board.state(paused=False)["endpoints"][0]["label"].isprintable()
