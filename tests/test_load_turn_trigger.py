"""Turns without an epoll set: a timer of the hub calls for them."""

import time
from dataclasses import dataclass, field

import pytest
from engines import Driven, config_of, endpoint, finish, made, only, reach, running, until
from servers import answering, raw_server

from tressi._core import Arena
from tressi._wire import Reactor
from tressi.errors import EngineError
from tressi.load.engine import LocalEngine
from tressi.load.turn_trigger import Alarm

pytestmark = pytest.mark.timed

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SECOND_NS = 1_000_000_000


@dataclass
class Ringer:
    """A timer that rings when it is told to."""

    after_s: float
    ring: object = None
    is_on: bool = False

    def start(self, ring, *, update):
        """Be on."""
        assert update
        self.ring, self.is_on = ring, True

    def stop(self):
        """Be off."""
        self.is_on = False

    def close(self):
        """A timer that is on is stopped first."""
        assert not self.is_on


@dataclass
class Hub:
    """A hub, its loop and a reactor in one: keeps the timers, and tells when the next turn is due."""

    due: int
    timers: list = field(default_factory=list)
    turns: int = 0

    @property
    def loop(self):
        """Itself."""
        return self

    def timer(self, after_s):
        """Make one more."""
        self.timers.append(Ringer(after_s))
        return self.timers[-1]

    def due_ns(self):
        """What the test says."""
        return self.due

    def turn(self):
        """Count it."""
        self.turns += 1

    def on(self):
        """The timers that are on."""
        return [timer for timer in self.timers if timer.is_on]


@pytest.fixture
def hub():
    """One whose next turn is due in an hour."""
    return Hub(time.monotonic_ns() + 3600 * SECOND_NS)


@pytest.fixture
def alarm(hub):
    """An alarm in it that is on."""
    alarm = Alarm(hub, hub, hub.turn)
    alarm.start()
    return alarm


def test_the_timer_is_set_to_the_next_turn(hub, alarm):
    """One timer at a time; an earlier turn replaces it, a later one waits until it has rung."""
    assert 3500 < hub.on()[0].after_s <= 3600
    hub.due += SECOND_NS
    alarm.turn()
    assert len(hub.timers) == 1
    hub.due -= 1800 * SECOND_NS
    alarm.turn()
    assert [1700 < timer.after_s <= 1801 for timer in hub.on()] == [True]
    hub.due += 1800 * SECOND_NS
    hub.on()[0].ring()
    assert [timer.after_s > 3500 for timer in hub.on()] == [True]
    assert hub.turns == 3


def test_what_is_due_already_is_due_at_once(hub, alarm):
    """A time in the past is no negative delay."""
    hub.due = 1
    alarm.turn()
    assert [timer.after_s for timer in hub.on()] == [0]


def test_a_closed_alarm_rings_no_more(hub, alarm):
    """A turn that was asked for before sets no timer either."""
    alarm.close()
    alarm.turn()
    assert hub.on() == []


def test_the_reactors_clock_is_that_of_python():
    """Greenlets report times that they read themselves; the reactor's next turn is within a slot of its windows."""
    reactor = Reactor(Arena(1))
    before_ns = time.monotonic_ns()
    begun_ns = reactor.start()
    assert before_ns <= begun_ns <= time.monotonic_ns()
    assert reactor.due_ns() == begun_ns + SECOND_NS // 10


def test_an_engine_runs_by_the_hubs_timer(monkeypatch):
    """Starts granted and missed are the schedule's, the windows turn, and the end leaves no timer."""
    monkeypatch.setattr("tressi.load.turn_trigger.HAS_EPOLL", False)
    with (
        raw_server(answering(OK)) as server,
        running(endpoint(server.url, 100), workers=4, transport="urllib3", duration_s=1.0) as engine,
    ):
        reach(engine, 1)
        engine.scale(f"GET {server.url}", 2)
        until(lambda: made(engine) + only(engine.read()).missed >= 100)
        window = only(engine.read()).window
        found = only(finish(engine))
        assert engine._wake._timer is None
    assert found.requests_made == len(server.requests)
    assert found.requests_made + found.missed == 100
    assert window.attempts > 0


def test_the_wire_transport_is_refused_without_epoll(monkeypatch):
    """Before anything is built."""
    monkeypatch.setattr("tressi.load.engine.HAS_EPOLL", False)
    one = endpoint("http://127.0.0.1:1/", 1)
    with pytest.raises(EngineError, match="the transport wire needs epoll"):
        Driven(LocalEngine(), config_of(one), {one.endpoint_key: 1})
