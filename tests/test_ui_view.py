"""What keys make of the view and ask of the run: pure functions, no terminal."""

import itertools
from dataclasses import replace

import pytest
from each import each
from hypothesis import given
from hypothesis import strategies as st
from summaries import moment, resolved

from tressi.model import Change, Moment
from tressi.ui.live.chart import chart
from tressi.ui.live.columns import COLUMNS, count, failures_text, fit, order, rps
from tressi.ui.live.run_state import Sample, Seen
from tressi.ui.live.view import Command, View, press, settled, shown_by, stepped

pytestmark = pytest.mark.pure

PAGE = 10
KEYS = [f"GET http://host/{number:03}" for number in range(120)]


def seen_of(*moments, **asked):
    """What was seen of a run with these moments; `asked` is of its config."""
    seen = Seen()
    seen.start(resolved(*(one.endpoint_key for one in moments[0].endpoints), **asked))
    for one in moments:
        seen.see(one)
    return seen


def pressed(view, seen, *keys, page=PAGE):
    """The view after these keys, and what they asked for."""
    view, commands = settled(view, seen, page), []
    for key in keys:
        view, command = press(view, key, seen, page)
        view = settled(view, seen, page)
        commands += [command] * (command is not None)
    return view, commands


def with_figures(**figures):
    """A moment of endpoints that differ in one figure each, by endpoint name."""
    endpoints = []
    [(field, values)] = figures.items()
    for name, value in values.items():
        [one] = moment(f"GET http://host/{name}", **{field: value}).endpoints
        endpoints.append(one)
    base = moment("GET http://host/x")
    return Moment(1.0, 60.0, tuple(endpoints), base.total, base.reading)


MOVES = st.sampled_from(["up", "down", "k", "j", "page-up", "page-down", "home", "end", "s", "r", "?", "x"])


@given(st.lists(MOVES), st.integers(1, 130), st.integers(1, 120))
def test_the_selected_endpoint_is_always_shown(keys, page, endpoints):
    """Whatever is pressed, it is one of the page's, and a page is never emptier than it need be."""
    seen = seen_of(moment(*KEYS[:endpoints]))
    view, commands = pressed(View(), seen, *keys, page=page)
    places = [one.endpoint_key for one in order(seen, view.column, is_reversed=view.is_reversed)]
    assert view.offset <= places.index(view.selected) < view.offset + page
    assert 0 <= view.offset <= max(0, endpoints - page)
    assert commands == []


def test_a_larger_page_is_filled():
    """With the last endpoint selected, a window that grows shows as many endpoints as have room."""
    seen = seen_of(moment(*KEYS))
    view, _ = pressed(View(), seen, "end")
    assert settled(view, seen, 50).offset == 70
    assert settled(view, seen, 200).offset == 0


@pytest.mark.parametrize(
    ("keys", "place"),
    [("j", 1), ("jjk", 1), ("k", 0), (["page-down"], 10), (["end"], 119), (["end", "page-up"], 109), (["end", "home"], 0)],
)
def test_moves(keys, place):
    """By one, by a page, to the first and the last; never beyond."""
    seen = seen_of(moment(*KEYS))
    assert pressed(View(), seen, *keys)[0].selected == KEYS[place]


def test_the_selection_stays_with_its_endpoint():
    """Sorting moves the row, and the page follows it."""
    seen = seen_of(moment(*KEYS))
    view, _ = pressed(View(), seen, "j", "s", "r")
    assert (view.column, view.is_reversed) == ("endpoint", True)
    assert view.selected == KEYS[1]
    assert view.offset == 109


@each(
    ("column", "field", "values"),
    [
        ("target", "asked_rps", {"a": None, "b": 9.0, "c": 2.0}),
        ("rate", "current_rps", {"a": 90.0, "b": 9.0, "c": 2.0}),
        ("workers", "worker_count", {"a": 90, "b": 9, "c": 2}),
        ("busy", "utilisation", {"a": 0.9, "b": 0.5, "c": 0.0}),
        ("p50", "p50_ms", {"a": 20.0, "b": 3.0, "c": None}),
        ("p99", "p99_ms", {"a": 20.0, "b": 3.0, "c": None}),
        ("svc p99", "service_p99_ms", {"a": 20.0, "b": 3.0, "c": None}),
        ("ok p99", "success_p99_ms", {"a": 20.0, "b": 3.0, "c": None}),
        ("missed", "missed", {"a": 20, "b": 3, "c": 0}),
        ("errors", "errors", {"a": {"reset": 20}, "b": {"tls": 2, "dns": 1}, "c": {}}),
    ],
)
def test_figures_are_sorted_from_the_largest_on(column, field, values):
    """And from the smallest on when reversed; nothing at all is the least, no limit the most."""
    shuffled = {name: values[name] for name in ("b", "c", "a")}
    seen = seen_of(with_figures(**{field: shuffled}))
    assert [one.endpoint_key[-1] for one in order(seen, column)] == ["a", "b", "c"]
    assert [one.endpoint_key[-1] for one in order(seen, column, is_reversed=True)] == ["c", "b", "a"]


def test_every_column_can_be_sorted_by():
    """`s` goes through all that can be compared and back to the config's order."""
    seen = seen_of(moment(*KEYS))
    view, names = View(), []
    for _ in range(len(COLUMNS)):
        view, _ = pressed(view, seen, "s")
        names.append(view.column)
    assert names == [*(column.name for column in COLUMNS if column.worth is not None), ""]


def test_failing_rows_come_first():
    """For a while after the last failure, so that rows do not jump about; others as in the config."""
    moments = []
    for t, failing in [(1, "001"), (2, None), (10, None), (11, None)]:
        shown = moment(*KEYS[:3], t=t)
        endpoints = tuple(replace(one, error_rate=0.1 * one.endpoint_key.endswith(failing or "-")) for one in shown.endpoints)
        moments.append(replace(shown, endpoints=endpoints))
    shown = [[one.endpoint_key[-1] for one in order(seen_of(*moments[:count]), "")] for count in (1, 2, 3, 4)]
    assert shown == [["1", "0", "2"], ["1", "0", "2"], ["1", "0", "2"], ["0", "1", "2"]]


def test_a_filter_shows_the_endpoints_whose_names_have_it():
    """Letter by letter, whatever the case; enter keeps it, and other keys mean what they mean again."""
    seen = seen_of(moment(*KEYS))
    view, commands = pressed(View(), seen, *"/1Q", "backspace", "1")
    assert (view.wanted, view.is_typing) == ("11", True)
    assert commands == []
    assert [one.endpoint_key[-3:] for one in shown_by(view, seen)] == ["011", *(f"11{digit}" for digit in range(10))]
    assert view.selected.endswith("011")
    assert pressed(view, seen, "down")[0].selected.endswith("110")
    view, commands = pressed(view, seen, "enter", "q")
    assert (view.is_typing, commands) == (False, [Command("stop")])
    assert len(shown_by(view, seen)) == 11
    assert len(shown_by(pressed(view, seen, "escape")[0], seen)) == 120
    assert shown_by(pressed(View(), seen, *"/get HTTP")[0], seen) == shown_by(View(), seen)
    assert shown_by(pressed(View(), seen, *"/nothing")[0], seen) == []


def test_deleting_beyond_the_first_letter_ends_the_filter():
    """As it began."""
    view, _ = pressed(View(), seen_of(moment(*KEYS)), *"/1", "backspace")
    assert view.is_typing
    assert not pressed(view, seen_of(moment(*KEYS)), "backspace")[0].is_typing


def names_of(width, label):
    """The columns that a window of that width has."""
    return [column.name for column, _ in fit(width, [], label).columns]


def test_names_are_cut_last():
    """Trend and p50 go first, then the figures that say least; only then a name is cut, and others follow once it is short."""
    everything = [column.name for column in COLUMNS if not column.of_successes]
    gone = [set(everything) - set(names_of(width, 20)) for width in range(99, 30, -1)]
    assert gone[0] == set()
    assert all(before <= after for before, after in itertools.pairwise(gone))
    [steps] = [[*dict.fromkeys(map(frozenset, gone))]]
    order_gone = [sorted(after - before) for before, after in itertools.pairwise(steps)]
    assert order_gone[:4] == [["trend"], ["p50"], ["svc p99"], ["busy"]]
    assert order_gone[4] == ["missed"]
    # The name is whole as long as a column that yields is there, and short once others have to go.
    widths = [{column.name: cells for column, cells in fit(width, [], 40).columns} for width in range(60, 160)]
    assert all(cells["endpoint"] >= 40 for cells in widths if "busy" in cells)
    assert min(cells["endpoint"] for cells in widths) < 40


@pytest.mark.parametrize(
    ("target", "up", "down"),
    [
        (500, 550, 450),
        (200, 220, 180),
        (1000, 1100, 900),
        (333, 340, 320),
        (10, 11, 9),
        (1, 2, 0.9),
        (0.3, 0.4, 0.2),
    ],
)
def test_a_step_is_about_a_tenth_and_readable(target, up, down):
    """The next round number above and below."""
    assert (stepped(target, 1), stepped(target, -1)) == (up, down)


@given(st.floats(0, 1e7), st.sampled_from([1, -1]))
def test_steps_go_on_for_ever_but_never_below_nothing(target, direction):
    """Every step changes the target in the direction asked for, by a fifth at most from 10 on; 0 is the end."""
    there = stepped(target, direction)
    assert there > target if direction > 0 else there < target or there == target == 0
    assert there >= 0
    assert target < 10 or abs(there - target) <= target / 5


def test_plus_and_minus_change_the_selected_endpoint():
    """From the target as it was last set, before the next moment tells it."""
    seen = seen_of(moment(*KEYS))
    view, commands = pressed(View(), seen, "j", "+")
    assert commands == [Command("set-target", KEYS[1], 55.0)]
    seen.change(Change(1.0, "set-target", KEYS[1], 55.0))
    assert pressed(view, seen, "+")[1] == [Command("set-target", KEYS[1], 60.0)]
    assert pressed(view, seen, "-")[1] == [Command("set-target", KEYS[1], 50.0)]


def test_a_step_is_one_from_the_target_and_not_from_the_second():
    """Within a ramp, whose rate is still another, a step is one from its end."""
    seen = seen_of(moment(KEYS[0], target_rps=3.0, asked_rps=7.0), target_rps=100.0)
    assert pressed(View(), seen, "+")[1] == [Command("set-target", KEYS[0], 110.0)]


def test_what_the_run_tells_late_does_not_bring_an_old_target_back():
    """Keys may be ahead of the changes that the run reports; another's change counts once it has reported all of them."""
    seen = seen_of(moment(KEYS[0]))
    for asked_rps in (55.0, 60.0, 65.0):
        seen.asked(KEYS[0], asked_rps)
    for told_rps, target_rps in ((55.0, 65.0), (20.0, 65.0), (60.0, 65.0), (65.0, 65.0), (30.0, 30.0)):
        seen.change(Change(1.0, "set-target", KEYS[0], told_rps))
        assert seen.target(KEYS[0]) == target_rps
    seen.asked(KEYS[0], 33.0)
    seen.take_back(KEYS[0], 30.0)
    seen.change(Change(1.0, "set-target", KEYS[0], 40.0))
    assert seen.target(KEYS[0]) == 40.0


def test_the_shared_pool_is_changed_as_a_whole():
    """Each of its endpoints shows its share; a step is one of the pool's rate."""
    seen = seen_of(moment(*KEYS[:4], max_workers=None, target_rps=25.0), autoscale=False, target_rps=100.0)
    view, commands = pressed(View(), seen, "j", "+")
    assert commands == [Command("set-target", KEYS[1], 110.0)]
    seen.change(Change(1.0, "set-target", KEYS[1], 110.0))
    assert [one.asked_rps for one in seen.endpoints] == [27.5] * 4
    assert pressed(view, seen, "-")[1] == [Command("set-target", KEYS[1], 100.0)]


def test_what_nothing_limits_can_only_be_slowed_down():
    """The first step below is one from the rate that came; above there is nothing to ask for, and the view says so."""
    seen = seen_of(moment(*KEYS[:2], max_workers=None, target_rps=None, current_rps=510.0), autoscale=False)
    assert pressed(View(), seen, "-")[1] == [Command("set-target", KEYS[0], 1000.0)]
    view, commands = pressed(View(), seen, "+")
    assert commands == []
    assert "nothing limits its rate" in view.message
    assert pressed(view, seen, "j")[0].message == ""


def test_a_target_of_nothing_is_the_least():
    """Below it there is nothing, and the view says so."""
    view, commands = pressed(View(), seen_of(moment(KEYS[0]), target_rps=0.0), "-")
    assert commands == []
    assert "is 0 already" in view.message


def test_a_pause_does_not_forget_the_targets():
    """While it lasts, and in the reading that may still be from within it, a step is one from what was asked for before."""
    running, paused = moment(KEYS[0]), moment(KEYS[0], target_rps=0.0, paused=True)
    just_resumed = moment(KEYS[0], target_rps=0.0)
    for moments in ([running, paused], [running, paused, just_resumed]):
        assert pressed(View(), seen_of(*moments), "+")[1] == [Command("set-target", KEYS[0], 55.0)]


def test_p_pauses_and_resumes_and_q_ends():
    """What `p` asks for depends on whether the run is paused."""
    seen = seen_of(moment(KEYS[0]))
    assert pressed(View(), seen, "p", "q")[1] == [Command("pause"), Command("stop")]
    seen.change(Change(1.0, "pause"))
    assert pressed(View(), seen, "p")[1] == [Command("resume")]


def test_before_the_first_second_keys_do_no_harm():
    """There is nothing to select or to change yet; the run can be ended already."""
    seen = Seen()
    seen.start(resolved(*KEYS))
    assert pressed(View(), seen, *"jkrs+-", "page-down", "end")[1] == []
    assert pressed(View(), seen, "q")[1] == [Command("stop")]


def test_help_is_left_by_its_key_or_escape():
    """Other keys do what they always do."""
    seen = seen_of(moment(KEYS[0]))
    helping, _ = pressed(View(), seen, "?")
    assert helping.is_helping
    assert not pressed(helping, seen, "escape")[0].is_helping
    assert not pressed(helping, seen, "?")[0].is_helping
    assert pressed(helping, seen, "q")[1] == [Command("stop")]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "max"), (0.0, "0"), (0.25, "0.25"), (9.5, "9.5"), (99.6, "100"), (12345.6, "12,346"), (123456.0, "123k")],
)
def test_rates_are_short(value, shown):
    """With the digits that matter."""
    assert rps(value) == shown


@given(st.integers(0, 10**15 - 1))
def test_counts_are_six_characters_at_most(value):
    """And never wrong by more than a two-hundredth."""
    shown = count(value)
    number = float(shown.rstrip("kMGT").replace(",", "")) * {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}.get(shown[-1], 1)
    assert len(shown) <= 6
    assert number == pytest.approx(value, rel=0.005)


@pytest.mark.parametrize(
    ("room", "shown"),
    [(40, "12 timeout, 5 status 503, 3 reset"), (30, "12 timeout, 5 status 503 +1"), (14, "12 timeout +2"), (10, "12 timeout")],
)
def test_errors_take_the_room_there_is(room, shown):
    """The most frequent first, then how many kinds more there are."""
    seen = seen_of(moment(KEYS[0], errors={"reset": 3, "status 503": 5, "timeout": 12}))
    assert failures_text(seen.failures(seen.endpoints[0]), room) == shown


def test_nothing_is_summed_up_twice():
    """All together have what each of them has."""
    seen = seen_of(moment(*KEYS[:2], errors={"reset": 3}))
    assert seen.failures(replace(seen.moment.total, errors={"reset": 6})) == {"reset": 6}


@given(st.lists(st.floats(0, 100), min_size=130, max_size=130), st.integers(10, 60))
def test_a_chart_holds_still(rates, width):
    """Another second changes its last cell or adds one; what was drawn of whole cells moves as one piece."""
    samples = [Sample(rate, 100.0) for rate in rates]
    drawn = [chart(samples[seconds - 60 : seconds], seconds, width)[0].plain for seconds in range(60, 131)]
    assert all(now[1:-1] in following for now, following in itertools.pairwise(drawn))
    assert {len(line) for line in drawn} <= {width, *range(60 // -(-60 // width), width)}


def test_a_chart_is_as_high_as_what_was_asked_for():
    """Its lines together are the rate in eighths; what came beyond the target makes the scale larger."""
    samples = [Sample(rate, 100.0) for rate in (0.0, 50.0, 100.0)]
    assert [line.plain for line in chart(samples, 3, 10, 2)] == ["  ▇", "▁██"]
    assert chart([*samples, Sample(200.0, 100.0)], 4, 10)[0].plain == "▁▂▄▇"
