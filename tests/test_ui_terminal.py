"""Progress: a live picture on a terminal, plain lines elsewhere, nothing when quiet."""

import io
from dataclasses import replace

import pytest
from each import each
from rich.console import Console
from summaries import HOSTILE, decision, endpoint_snapshot, engine_snapshot, moment, resolved, verdict

from tressi.model import Change, Draining, Trouble
from tressi.text import plain
from tressi.ui.lines import Lines
from tressi.ui.live.live import LivePicture
from tressi.ui.sentences import draining_words
from tressi.ui.terminal import watch
from tressi.ui.watcher import Watcher

pytestmark = pytest.mark.pure


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self):
        """Say so."""
        return True


class OldTerminal(Terminal):
    """One whose characters are those of Western Europe."""

    encoding = "iso-8859-1"


@pytest.mark.parametrize(
    ("stream", "options", "environment", "kind"),
    [
        (Terminal(), {}, {}, LivePicture),
        (io.StringIO(), {}, {}, Lines),
        (Terminal(), {"no_ui": True}, {}, Lines),
        (Terminal(), {}, {"NO_COLOR": "1"}, Lines),
        (Terminal(), {}, {"TERM": "dumb"}, Lines),
        (OldTerminal(), {}, {}, LivePicture),
        (Terminal(), {"quiet": True}, {}, Watcher),
    ],
    ids=["terminal", "pipe", "no-ui", "NO_COLOR", "dumb", "ascii", "quiet"],
)
def test_the_stream_decides_how_progress_is_shown(stream, options, environment, kind, monkeypatch):
    """Live where a terminal can, plain lines where it cannot or must not, nothing when quiet."""
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert type(watch(stream, **options)) is kind


@each("text", HOSTILE)
def test_nothing_in_it_is_obeyed(text):
    """Text from outside is shown as harmless text."""
    key = f"GET http://host/{text.replace(' ', '')}"
    said = plain_lines(moment(key, t=5.0, saturated_by=(text,), thresholds=(verdict(text, passed=False, detail=text),)))
    assert all(character.isprintable() for line in said for character in line)
    assert any(f"GENERATOR LIMITED: {plain(text)}" in line for line in said)  # markup is shown, not obeyed
    assert any(f"{plain(text)}  so far {plain(text)}" in line for line in said)


def test_plain_lines_come_every_five_seconds():
    """Of ten seconds two are shown, and every decision at once."""
    stream = io.StringIO()
    lines = Lines(Console(file=stream, soft_wrap=True))
    lines.start(resolved("GET http://host/a"))
    for second in range(1, 11):
        lines.moment(moment("GET http://host/a", t=float(second)))
    lines.decision(decision("GET http://host/a"))
    lines.stop()
    said = stream.getvalue().splitlines()
    assert [line.split()[0] for line in said if "RPS" in line] == ["5.0", "10.0"]
    assert said[-1].endswith("because")


@pytest.mark.parametrize(("interval_s", "times"), [(1.0, "1.0 2.0 3.0"), (2.0, "2.0"), (0.0, "")])
def test_the_interval_of_plain_lines_can_be_set(interval_s, times):
    """To a second or more; 0 leaves what happens alone."""
    stream = io.StringIO()
    lines = watch(stream, interval_s=interval_s)
    lines.start(resolved("GET http://host/a"))
    for second in range(1, 4):
        lines.moment(moment("GET http://host/a", t=float(second)))
    lines.decision(decision("GET http://host/a"))
    said = stream.getvalue().splitlines()
    assert [line.split()[0] for line in said if "RPS" in line] == times.split()
    assert said[-1].endswith("because")


def with_failures(*keys, t, **failed):
    """A moment of endpoints of which so many attempts have failed since the start, by the last letter of their keys."""
    readings = [endpoint_snapshot(key, succeeded=100, failed=failed.get(key[-1], 0)) for key in keys]
    return replace(moment(*keys, t=t), reading=engine_snapshot(*readings))


def test_endpoints_have_lines_only_where_they_fail():
    """As many failures as there were since the last line, the most first, and of what."""
    keys = [f"GET http://host/{name}" for name in "abc"]
    said = plain_lines(
        with_failures(*keys, t=5.0, b=3), with_failures(*keys, t=10.0, b=4, c=20), with_failures(*keys, t=15.0, b=4, c=20)
    )
    assert [line.strip() for line in said if "GET" in line] == [
        "5.0 s    GET /b: 3 of 103 failed (connect)",
        "10.0 s    GET /c: 20 of 20 failed (connect)",
        "10.0 s    GET /b: 1 of 1 failed (connect)",
    ]
    assert [line.split("  ")[-3:] for line in said if "RPS" in line] == [
        ["3 failed", "7 missed", "55 s left"],
        ["24 failed", "7 missed", "50 s left"],
        ["24 failed", "7 missed", "45 s left"],
    ]


def test_pools_that_shrink_at_first_are_one_line():
    """Told when no more of them can come, or before what comes next."""
    keys = [f"GET http://host/{name}" for name in "abc"]
    stream = io.StringIO()
    lines = watch(stream)
    lines.start(resolved(*keys))
    for key in keys:
        lines.decision(decision(key, "scale-down", 6, 4))
    lines.moment(moment(*keys, t=4.0))
    assert len(stream.getvalue().splitlines()) == 1
    lines.moment(moment(*keys, t=8.1))
    assert stream.getvalue().splitlines()[1] == "   8.1 s  3 pools shrank to their need: 30 → 12 workers"
    lines.stop()
    assert stream.getvalue().count("shrank") == 1


def test_lines_are_ascii_where_there_is_no_more(monkeypatch):
    """In the locale C as on a stream that cannot encode more."""
    monkeypatch.setenv("LC_ALL", "C")
    stream = io.StringIO()
    lines = watch(stream)
    lines.decision(decision("GET http://host/a"))
    assert "+1 -> 3 workers" in stream.getvalue()


def test_a_threshold_is_said_when_it_changes():
    """That it does not hold so far, that it holds again, and that it cannot hold any more; nothing while that stays so."""
    seconds = [(None, False), (False, False), (False, False), (True, False), (False, True), (False, True)]
    moments = [
        moment("GET http://host/a", t=t, thresholds=(verdict("p99 < 5", passed=passed, settled=settled, detail="9 ms"),))
        for t, (passed, settled) in enumerate(seconds, 1)
    ]
    assert [line.strip() for line in plain_lines(*moments) if "p99 < 5" in line] == [
        "2.0 s  p99 < 5  so far 9 ms",
        "4.0 s  p99 < 5  holds again: 9 ms",
        "5.0 s  p99 < 5  BROKEN: 9 ms",
    ]


def test_plain_lines_tell_what_is_changed_by_hand():
    """A target as soon as it is set, and with the endpoints that the run is paused."""
    stream = io.StringIO()
    lines = watch(stream)
    lines.start(resolved("GET http://host/a"))
    lines.change(Change(3.0, "set-target", "GET http://host/a", 60.0))
    lines.moment(moment("GET http://host/a", t=5.0, paused=True))
    _, changed, progress = stream.getvalue().splitlines()
    assert changed == "   3.0 s  GET /a  target 60 RPS"
    assert progress.startswith("   5.0 s  paused  ")


def test_plain_lines_say_what_is_waited_for():
    """When it begins to take long, and every five seconds again."""
    stream = io.StringIO()
    lines = watch(stream)
    lines.start(resolved("GET http://host/a"))
    for second in range(12):
        lines.draining(Draining(61.0 + second, 3 - second // 6, 30.0))
    assert stream.getvalue().splitlines()[1:] == [
        "  61.0 s  waiting for 3 requests in flight, up to 30 s",
        "  66.0 s  waiting for 3 requests in flight, up to 30 s",
        "  71.0 s  waiting for 2 requests in flight, up to 30 s",
    ]
    assert draining_words(Draining(1.0, 1, 0.5)) == "waiting for 1 request in flight, up to 0.5 s"


def plain_lines(*moments):
    """What is said of these moments where there is no terminal."""
    stream = io.StringIO()
    watcher = watch(stream)
    watcher.start(resolved(*(endpoint.endpoint_key for endpoint in moments[0].endpoints)))
    for one in moments:
        watcher.moment(one)
    watcher.stop()
    return stream.getvalue().splitlines()


def test_plain_lines_of_many_endpoints_that_fail_are_cut():
    """A log gets ten of them at a time, and how many more there are."""
    keys = [f"GET http://host/{number:03}" for number in range(120)]
    said = plain_lines(with_failures(*keys, t=5.0, **{str(digit): 1 for digit in range(10)}))
    assert len(said) == 1 + 1 + 10 + 1
    assert said[-1] == "   5.0 s    and 110 more endpoints with failures"


def test_a_generator_that_stays_saturated_is_not_a_line_a_second():
    """Its reason is said when it becomes saturated, and again with the endpoints every five seconds."""
    busy = [moment("GET http://host/a", t=float(t), saturated_by=() if t == 7 else ("CPU",)) for t in range(1, 11)]
    said = [line.split()[0] for line in plain_lines(*busy) if "GENERATOR LIMITED: CPU" in line]
    assert said == ["1.0", "5.0", "8.0", "10.0"]


def test_what_goes_wrong_is_said_at_once_and_once():
    """When it begins and when it is over, not every few seconds, and with the generator's words in their place."""
    key, refused = "GET http://host/a", Trouble("failing", "GET http://host/a", 3, "Connection refused")
    seconds = [moment(key, t=float(t), troubles=(refused,) if t < 7 else ()) for t in range(1, 11)]
    said = [line for line in plain_lines(*seconds) if "requests" in line]
    assert said == ["   1.0 s  all requests fail: connection refused", "   7.0 s  requests succeed again"]


class Lost(io.StringIO):
    """A stream whose reader has left, or whose disk is full."""

    def __init__(self, failure, *, is_terminal):
        super().__init__()
        self.failure, self.is_terminal = failure, is_terminal

    def isatty(self):
        """Say what the test asks for."""
        return self.is_terminal

    def write(self, _):
        """Fail."""
        raise self.failure

    def flush(self):
        """Nothing is buffered."""


@pytest.mark.parametrize("is_terminal", [False, True], ids=["pipe", "terminal"])
@pytest.mark.parametrize("failure", [BrokenPipeError(32, "gone"), OSError(28, "full")], ids=["gone", "full"])
def test_a_run_goes_on_when_nobody_looks_on(failure, is_terminal, monkeypatch):
    """Progress that cannot be shown is not shown; it neither raises nor ends the program."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    watcher = watch(Lost(failure, is_terminal=is_terminal))
    assert type(watcher) is (LivePicture if is_terminal else Lines)
    watcher.start(resolved("GET http://host/a"))
    watcher.decision(decision("GET http://host/a"))
    watcher.moment(moment("GET http://host/a", t=5.0))
    watcher.moment(moment("GET http://host/a", t=10.0))
    watcher.stop()


def test_without_standard_error_nothing_is_shown():
    """A closed standard error is None to Python."""
    assert type(watch(None)) is Watcher
