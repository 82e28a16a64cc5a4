"""Progress: live on a terminal, plain lines elsewhere, nothing when quiet."""

import io

import pytest
from rich.console import Console
from summaries import HOSTILE, decision, moment, resolved

from tressi.text import plain
from tressi.ui.terminal import Lines, LiveTable, draw, watch
from tressi.ui.watcher import Watcher


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        """Say so."""
        return True


def drawn(shown, decisions=(), width=80, height=24):
    """What `draw` puts on a terminal of that size."""
    console = Console(file=io.StringIO(), width=width, height=height, highlight=False)
    console.print(draw(shown, decisions, height))
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("stream", "options", "environment", "kind"),
    [
        (Terminal(), {}, {}, LiveTable),
        (io.StringIO(), {}, {}, Lines),
        (Terminal(), {"no_ui": True}, {}, Lines),
        (Terminal(), {}, {"NO_COLOR": "1"}, Lines),
        (Terminal(), {}, {"TERM": "dumb"}, Lines),
        (Terminal(), {"quiet": True}, {}, Watcher),
    ],
    ids=["terminal", "pipe", "no-ui", "NO_COLOR", "dumb", "quiet"],
)
def test_the_stream_decides_how_progress_is_shown(stream, options, environment, kind, monkeypatch):
    """Live where a terminal can, plain lines where it cannot or must not, nothing when quiet."""
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert type(watch(stream, **options)) is kind


def test_a_moment_has_a_row_for_each_endpoint():
    """Target, rate, workers of the most there may be, how busy, latencies, failures and what was missed."""
    text = drawn(moment("GET http://host/a", "GET http://host/b"))
    assert [line.split()[0:2] for line in text.splitlines()[1:3]] == [["GET", "/a"], ["GET", "/b"]]
    assert text.splitlines()[1].split()[2:] == ["50", "49", "3/9", "40%", "1.25", "-", "0%", "7"]
    assert "1 s of 60 s, 59 s left" in text


def test_a_hundred_and_twenty_endpoints_fit_a_small_terminal():
    """As many as fit are shown, and how many are not."""
    lines = drawn(moment(*(f"GET http://host/{number}" for number in range(120)))).splitlines()
    assert len(lines) <= 23
    assert max(map(len, lines)) <= 80
    shown = sum(line.startswith("GET /") for line in lines)
    assert f"… and {120 - shown} more" in lines
    assert shown >= 12


def test_the_latest_decisions_and_a_warning_are_shown():
    """Each decision with its reason, and why the generator is the bottleneck."""
    text = drawn(moment("GET http://host/a", saturated_by=("CPU",)), [decision("GET http://host/a")], width=120)
    assert "+1 → 3 workers: because" in text
    assert "SATURATED: CPU" in text


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_in_it_is_obeyed(text):
    """Text from outside is shown as harmless text."""
    key = f"GET http://host/{text.replace(' ', '')}"
    shown = drawn(moment(key, saturated_by=(text,)), [decision(key, reason=text)], width=400).splitlines()
    said = plain_lines(moment(key, t=5.0, saturated_by=(text,)))
    assert all(character.isprintable() for line in (*shown, *said) for character in line)
    for lines in (shown, said):
        assert any(f"SATURATED: {plain(text)}" in line for line in lines)  # markup is shown, not obeyed


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
    assert [line.split()[0] for line in said if "target" in line] == ["5.0", "10.0"]
    assert said[-1].endswith("because")


def plain_lines(*moments):
    """What is said of these moments where there is no terminal."""
    stream = io.StringIO()
    watcher = watch(stream)
    watcher.start(resolved(*(endpoint.endpoint_key for endpoint in moments[0].endpoints)))
    for one in moments:
        watcher.moment(one)
    watcher.stop()
    return stream.getvalue().splitlines()


def test_plain_lines_of_many_endpoints_are_cut():
    """A log gets twenty lines at a time, the last of which says how many endpoints it does not show."""
    said = plain_lines(moment(*(f"GET http://host/{number}" for number in range(120)), t=5.0))
    assert len(said) == 1 + 1 + 20
    assert said[1] == "   5.0 s  5 s of 60 s, 55 s left"
    assert said[-1] == "   5.0 s  … and 101 more"


def test_a_generator_that_stays_saturated_is_not_a_line_a_second():
    """Its reason is said when it becomes saturated, and again with the endpoints every five seconds."""
    busy = [moment("GET http://host/a", t=float(t), saturated_by=() if t == 7 else ("CPU",)) for t in range(1, 11)]
    said = [line.split()[0] for line in plain_lines(*busy) if "SATURATED: CPU" in line]
    assert said == ["1.0", "5.0", "8.0", "10.0"]


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
    assert type(watcher) is (LiveTable if is_terminal else Lines)
    watcher.start(resolved("GET http://host/a"))
    watcher.decision(decision("GET http://host/a"))
    watcher.moment(moment("GET http://host/a", t=5.0))
    watcher.moment(moment("GET http://host/a", t=10.0))
    watcher.stop()


def test_without_standard_error_nothing_is_shown():
    """A closed standard error is None to Python."""
    assert type(watch(None)) is Watcher


def test_results_pass_by_the_live_table(capsys):
    """What goes to standard output while the table is shown stays there."""
    live = LiveTable(Console(file=Terminal(), force_terminal=True, width=80, height=24))
    live.start(resolved("GET http://host/a"))
    print("a result")  # noqa: T201 - the point of the test
    live.stop()
    assert capsys.readouterr().out == "a result\n"


def test_the_live_table_gives_its_lines_back():
    """After `stop` the cursor is shown again, and a moment before the first does no harm."""
    stream = Terminal()
    live = LiveTable(Console(file=stream, force_terminal=True, width=80, height=24))
    live.start(resolved("GET http://host/a"))
    live.decision(decision("GET http://host/a"))
    live.moment(moment("GET http://host/a"))
    live.stop()
    assert "/a" in stream.getvalue()
    assert stream.getvalue().rstrip().endswith("\x1b[?25h") or "\x1b[?25h" in stream.getvalue()
