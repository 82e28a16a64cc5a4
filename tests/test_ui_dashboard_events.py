"""The dashboard's events over real sockets, and how long it stays: on a run without a network."""

import re
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import gevent
import pytest
from dashboards import Steered, listening
from engines import until
from gevent import socket
from summaries import decision, moment, resolved, summary_of

from tressi import EndpointRunner
from tressi.errors import ConfigError
from tressi.model import Change, Draining
from tressi.site import server
from tressi.site.feed import KEPT
from tressi.testing.fake_engine import FakeEngine
from tressi.ui.dashboard import app
from tressi.ui.dashboard import watcher as watching
from tressi.ui.dashboard.watcher import Dashboard
from tressi.ui.watcher import attach

pytestmark = pytest.mark.timed

KEYS = ("GET http://host/a", "GET http://host/b")
# A moment of these is 400 KB: a hundred are far more than the buffers of a connection hold.
LONG = tuple(f"GET http://host/{'x' * 20_000}/{number}" for number in range(20))


@contextmanager
def dashboard(keys=KEYS, **options):
    """A dashboard that serves, and what it has said; it is closed at the end."""
    said = []
    watcher = Dashboard(resolved(*keys), Steered(), say=said.append, **options)
    watcher.said = said
    watcher.start(watcher._board._config)
    try:
        yield watcher
    finally:
        watcher.leave()
        watcher.result(summary_of())


def seen(name, document):
    """The second that a message shows last."""
    latest = document["moment"] if name == "state" else document
    return latest and latest["row"]["t"]


def listeners(watcher):
    """How many browsers are listening."""
    return watcher._feed.listeners


def fetch(url):
    """Ask for a script, as a browser does once it has the page."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port)) as asked:
        asked.sendall(
            f"GET {place.path}assets/dashboard.js HTTP/1.1\r\nHost: {place.netloc}\r\nConnection: close\r\n\r\n".encode()
        )
        answer = b"".join(iter(lambda: asked.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200"), answer[:200]


def test_it_says_where_it_is():
    """An address of loopback with a token that nobody can guess, and short enough for a line of a terminal."""
    with dashboard() as watcher, dashboard() as other:
        assert watcher.said == [f"dashboard: {watcher.url}"]
        assert watcher.url.startswith("http://127.0.0.1:")
        tokens = {urlsplit(one.url).path.strip("/") for one in (watcher, other)}
        assert len(tokens) == 2
        assert all(len(token) >= 22 for token in tokens)
        assert len(f"tressi: dashboard: {watcher.url}") < 80


def test_a_port_in_use_is_told_before_the_run():
    """The flag, the place and the reason."""
    with dashboard() as watcher:
        place = urlsplit(watcher.url)
        with pytest.raises(ConfigError, match=r"--dashboard: cannot listen on 127.0.0.1:\d+: Address already in use"):
            Dashboard(resolved(*KEYS), Steered(), listen=("127.0.0.1", place.port))


def test_it_listens_on_ipv6_too():
    """The address is written as a URL has it."""
    with dashboard(listen=("::1", 0)) as watcher, listening(watcher.url) as events:
        assert watcher.url.startswith("http://[::1]:")
        assert events.until("state")


def test_a_browser_hears_the_state_first_and_then_everything():
    """In its order, each message with a number that grows."""
    with dashboard() as watcher:
        watcher.moment(moment(*KEYS, t=1.0))
        with listening(watcher.url) as events:
            ((number, _, state),) = events.until("state")
            assert (state["phase"], state["columns"]["t"], state["hasReport"]) == ("running", [1.0], False)
            watcher.decision(decision(KEYS[0]))
            watcher.change(Change(1.5, "pause"))
            watcher.moment(moment(*KEYS, t=2.0))
            heard = events.until("moment")
    assert [name for _, name, _ in heard] == ["decision", "change", "moment"]
    assert [one for one, _, _ in heard] == [number + 1, number + 2, number + 3]
    assert heard[0][2]["reason"] == "because"
    assert heard[2][2]["row"]["endpoints"][KEYS[1]]["currentRps"] == 49.0


def test_a_browser_hears_what_is_waited_for():
    """While the run ends, and no longer once its summary is made; a page that comes meanwhile knows it too."""
    with dashboard() as watcher, listening(watcher.url) as events:
        events.until("state")
        watcher.draining(Draining(61.0, 3, 30.0))
        words = "waiting for 3 requests in flight, up to 30 s"
        assert events.until("phase")[-1][2] == {"phase": "ending", "waiting": words}
        with listening(watcher.url) as late:
            assert late.until("state")[-1][2]["waiting"] == words
        watcher.stop()
        assert events.until("phase")[-1][2] == {"phase": "ending", "waiting": ""}


def test_a_browser_hears_what_a_search_does_and_changes():
    """Each time anew, and a page that comes meanwhile knows it too; a change says who made it."""
    with dashboard() as watcher, listening(watcher.url) as events:
        events.until("state")
        watcher.doing("exploring: 50.0 RPS")
        assert events.until("doing")[-1][2] == {"words": "exploring: 50.0 RPS"}
        with listening(watcher.url) as late:
            assert late.until("state")[-1][2]["doing"] == "exploring: 50.0 RPS"
        watcher.change(Change(1.5, "set-target", KEYS[0], 75.0, "the search"))
        assert events.until("change")[-1][2]["by"] == "the search"


def test_the_page_listens_for_every_message():
    """One that it does not name is never heard, and nothing says so."""
    folder = Path(watching.__file__).parent
    told = set(re.findall(r'_tell\("(\w+)"', (folder / "watcher.py").read_text()))
    (names,) = re.findall(r"const EVENTS = \[(.*)\]", (folder / "server.js").read_text())
    assert told | {"state"} == set(re.findall(r"\w+", names))


def test_a_browser_that_comes_back_hears_what_it_missed():
    """From the message after the last one that it heard, and nothing twice."""
    with dashboard() as watcher:
        with listening(watcher.url) as events:
            ((last, _, _),) = events.until("state")
        for t in (1.0, 2.0, 3.0):
            watcher.moment(moment(*KEYS, t=t))
        with listening(watcher.url, last=last + 1) as events:
            watcher.stop()
            heard = events.until("phase")
    assert [(name, document.get("row", {}).get("t")) for _, name, document in heard] == [
        ("moment", 2.0),
        ("moment", 3.0),
        ("phase", None),
    ]


@pytest.mark.parametrize("last", ["0", "999999", "-1", "x", "9" * 40])
def test_a_browser_that_is_too_far_behind_gets_the_state(last):
    """A reader cannot go on from an event that is no longer kept, or never was."""
    with dashboard() as watcher:
        for t in range(KEPT + 5):
            watcher.moment(moment(*KEYS, t=float(t)))
        with listening(watcher.url, last=last) as events:
            ((_, _, state),) = events.until("state")
    assert state["moment"]["row"]["t"] == KEPT + 4.0


def test_a_browser_that_stops_reading_holds_up_nobody():
    """The others go on hearing, nothing piles up for it, and when it reads again it gets the state and the latest."""
    with dashboard(LONG) as watcher, listening(watcher.url) as stalled, listening(watcher.url) as other:
        until(lambda: listeners(watcher) == 2)
        other.until("state")
        for t in range(100):
            watcher.moment(moment(*LONG, t=float(t)))
            other.until("moment")
        names = []
        with gevent.Timeout(20):
            for _, name, document in stalled:
                names.append(name)
                if seen(name, document) == 99.0:
                    break
    assert names.count("state") == 2
    assert len(names) < 100


def test_it_leaves_at_once_when_nobody_looks():
    """A run without a browser ends as it always did."""
    with dashboard() as watcher, gevent.Timeout(5):
        watcher.result(summary_of())
    assert not any("stays" in words for words in watcher.said)


def test_it_stays_while_a_browser_looks(monkeypatch):
    """The end is shown, also to one that comes late; when the last browser has gone, it leaves."""
    monkeypatch.setattr(watching, "GRACE_S", 0.1)
    with dashboard() as watcher:
        with listening(watcher.url) as other:
            other.until("state")
            with listening(watcher.url) as events:
                events.until("state")
                lingering = gevent.spawn(watcher.result, summary_of())
                assert events.until("end")[-1][2]["endReason"] == "duration"
            until(lambda: listeners(watcher) == 1)
            with listening(watcher.url) as late:
                (_, _, state) = late.until("state")[-1]
                assert (state["phase"], state["end"]["endReason"]) == ("ended", "duration")
            assert not lingering.ready()
        lingering.get(timeout=20)
    assert "stays while a browser shows it" in watcher.said[-1]


def test_a_page_that_is_loaded_again_finds_it(monkeypatch):
    """The last browser has gone, and one is back within the grace."""
    monkeypatch.setattr(watching, "GRACE_S", 60)
    with dashboard() as watcher:
        with listening(watcher.url) as events:
            events.until("state")
            lingering = gevent.spawn(watcher.result, summary_of())
            events.until("end")
        until(lambda: not listeners(watcher))
        with listening(watcher.url) as events:
            assert events.until("state")[-1][2]["phase"] == "ended"
        watcher.leave()
        lingering.get(timeout=20)


def test_a_page_that_takes_long_to_load_finds_it(monkeypatch):
    """A browser has its scripts and does not listen yet: on a busy machine that takes longer than the grace."""
    monkeypatch.setattr(watching, "GRACE_S", 0.05)
    with dashboard() as watcher:
        with listening(watcher.url) as events:
            events.until("state")
            lingering = gevent.spawn(watcher.result, summary_of())
            events.until("end")
            fetch(watcher.url)
        until(lambda: not listeners(watcher))
        lingering.join(timeout=0.2)
        assert not lingering.ready()
        with listening(watcher.url) as events:
            assert events.until("state")[-1][2]["phase"] == "ended"
        lingering.get(timeout=20)


def test_a_page_that_does_not_come_back_is_not_waited_for(monkeypatch):
    """It was closed before it had loaded."""
    monkeypatch.setattr(app, "LOADS_S", 0.1)
    with dashboard() as watcher, gevent.Timeout(20):
        fetch(watcher.url)
        watcher.result(summary_of())


def test_it_leaves_when_it_is_asked_to():
    """Each browser is told, so that it does not try to come back; then the port is free."""
    with dashboard() as watcher, listening(watcher.url) as events:
        events.until("state")
        lingering = gevent.spawn(watcher.result, summary_of())
        events.until("end")
        watcher.leave()
        events.until("leave")
        assert list(events) == []
        lingering.get(timeout=20)
    place = urlsplit(watcher.url)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((place.hostname, place.port))


def test_a_browser_that_vanished_is_given_up(monkeypatch):
    """One that neither reads nor closes (a laptop asleep) does not keep the process for ever."""
    monkeypatch.setattr(server, "SEND_S", 0.2)
    with dashboard(LONG) as watcher, listening(watcher.url):
        until(lambda: listeners(watcher) == 1)
        for t in range(60):
            watcher.moment(moment(*LONG, t=float(t)))
        until(lambda: listeners(watcher) == 0)


@pytest.mark.parametrize("sent", [b"GARBAGE\r\n\r\n", b"GET /{token}/ HTTP/9.9\r\n\r\n", b"GET /{token}/\xff HTTP/1.1\r\n\r\n"])
def test_the_token_is_in_no_log(sent, capfd):
    """Neither a request nor a bad one writes its path to standard error."""
    with dashboard() as watcher:
        place = urlsplit(watcher.url)
        token = place.path.strip("/")
        with socket.create_connection((place.hostname, place.port)) as connection, gevent.Timeout(20):
            connection.sendall(sent.replace(b"{token}", token.encode()))
            with suppress(ConnectionResetError):
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
        with listening(watcher.url) as events:
            events.until("state")
    assert token not in "".join(capfd.readouterr())


def test_a_library_attaches_it_to_its_run():
    """What the run publishes is shown, and what is asked of the page reaches the run."""
    runner = EndpointRunner(resolved(*KEYS), engine=FakeEngine())
    watcher = Dashboard(runner.config, runner)
    attach(runner, watcher)
    runner.start()
    until(lambda: watcher._board.phase == "running")
    with listening(watcher.url) as events:
        events.until("moment")
        assert command(watcher.url, "target", b'{"endpointKey": "GET http://host/a", "targetRps": 7}') == 200
        assert events.until("change")[-1][2]["targetRps"] == 7
        assert command(watcher.url, "pause", b"{}") == 200
        assert events.until("change")[-1][2]["paused"]
        assert command(watcher.url, "stop", b"{}") == 200
        summary = runner.summary()
        watcher.leave()
        watcher.result(summary)
        assert events.until("end")[-1][2]["endReason"] == "stopped"
    assert [change["action"] for change in summary["changes"]] == ["set-target", "pause"]


def command(url, action, body):
    """The status of the answer to a command."""
    place = urlsplit(url)
    head = f"POST {place.path}{action} HTTP/1.0\r\nHost: {place.netloc}\r\nContent-Type: application/json\r\n"
    with socket.create_connection((place.hostname, place.port), timeout=20) as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return int(connection.makefile("rb").readline().split()[1])
