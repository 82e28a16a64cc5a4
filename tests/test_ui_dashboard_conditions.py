"""Which rows need a look: judged of the last seconds, without jumping, and of the whole run once it is over."""

from itertools import pairwise

import pytest
from each import each
from pictured_runs import SCENES, run_of
from summaries import moment

from tressi.model import Moment
from tressi.report.page.ranking import ranked
from tressi.ui.dashboard.board import Board
from tressi.ui.dashboard.conditions import GRAVE, TOLD_S, Cause, Condition, condition_after

pytestmark = pytest.mark.pure

KEY = "GET http://host/a"


def second(*, rps=50.0, asked=50.0, failed=0.0, missed=0):
    """An endpoint's second."""
    return moment(KEY, current_rps=rps, target_rps=asked, error_rate=failed, missed_now=missed).endpoints[0]


def levels_over(seconds, cause=None, *, chance=False):
    """How grave each cause is after each second."""
    condition, found = Condition(), []
    for t, one in enumerate(seconds, 1):
        why = cause if one.missed_now else None
        condition = condition_after(condition, one, float(t), 1.0, why, chance=chance)
        found.append(dict(condition.levels))
    return found


def changes(values):
    """How often a value differs from the one before it."""
    return sum(one != other for one, other in pairwise(values))


def test_nothing_is_wrong_with_a_rate_that_is_kept():
    """A start more or less a second is how rates are at the ends of seconds."""
    seconds = [second(rps=49.0 + 2 * (t % 2)) for t in range(100)]
    assert levels_over(seconds)[-1] == {"rate": 0, "missed": 0, "failed": 0, "latency": 0}


def test_a_row_does_not_jump_with_every_second():
    """A failure every third second at a low rate is one state, and it is grave: 5 %."""
    failed = [one["failed"] for one in levels_over([second(rps=6.0, asked=6.0, failed=0.17 * (t % 3 == 0)) for t in range(90)])]
    assert changes(failed) <= 2
    assert failed[-1] == GRAVE


def test_a_single_failure_is_told_for_half_a_minute_and_is_not_grave():
    """Among thousands of attempts; then the row is as good as any."""
    seconds = [second(rps=500.0, asked=500.0, failed=0.002 * (t == 0)) for t in range(60)]
    failed = [one["failed"] for one in levels_over(seconds)]
    assert failed[: int(TOLD_S)] == [1] * int(TOLD_S)
    assert set(failed[int(TOLD_S) :]) == {0}


def test_what_was_grave_stays_so_until_it_is_well_below_the_limit():
    """It fades, passes the limit of 1 % on its way, and is grave until half of that: then it was long ago."""
    failed = [one["failed"] for one in levels_over([second(failed=1.0 * (t < 20)) for t in range(120)])]
    assert failed[0] == GRAVE
    assert 20 + TOLD_S < failed.index(0) < 100
    assert changes(failed) == 1


@pytest.mark.parametrize(("is_growing", "level"), [(True, 1), (False, GRAVE)])
def test_starts_missed_while_a_pool_finds_its_size_are_no_grave_matter(is_growing, level):
    """Those that a cap costs are one, and the rate with them."""
    found = levels_over([second(rps=30.0, missed=20)] * 8, Cause("why", is_growing=is_growing))[-1]
    assert (found["missed"], found["rate"]) == (level, level)


def test_a_rate_that_chance_makes_is_given_room():
    """Poisson arrivals of 50 a second are 10 % off now and then; half of the rate is no chance."""
    off = [second(rps=46.0)] * 15
    assert [levels_over(off, chance=chance)[-1]["rate"] for chance in (False, True)] == [GRAVE, 0]
    assert levels_over([second(rps=25.0)] * 15, chance=True)[-1]["rate"] == GRAVE


def test_without_a_rate_none_is_missed():
    """An endpoint at full speed has no rate that it could fall short of."""
    assert levels_over([second(rps=3.0, asked=None)] * 5)[-1]["rate"] == 0


def last_of(scene):
    """The last document of a scene's run, and the labels of what it is of."""
    run = run_of(SCENES[scene])
    board = Board(run.config)
    documents = [board.moment(one) for one in run.told if isinstance(one, Moment)]
    return documents[-1] if run.summary is None else board.result(run.summary)


WORDS = {
    "running": ("on target", "good"),
    "growing": ("52 starts missed", "warn"),
    "at-risk": ("2 thresholds at risk", "warn"),
    "passed": ("PASSED", "good"),
    "failed": ("FAILED", "bad"),
    "not-met": ("TARGET NOT MET", "warn"),
    "was-limited": ("GENERATOR LIMITED", "warn"),
    "paused": ("paused", "none"),
    "lost-engine": ("an engine was lost", "warn"),
    "nodes": ("a node was lost", "warn"),
    "nodes-ended": ("GENERATOR LIMITED", "warn"),
    "refused": ("2 endpoints only failing", "bad"),
}


@each("scene", WORDS)
def test_a_page_is_told_the_word_on_the_run(scene):
    """While it lasts how it stands, after its end how it came out."""
    document = last_of(scene)
    told = document.get("verdict") or document["standing"]
    assert (told["word"], told["tone"]) == WORDS[scene]


def test_rows_that_need_a_look_are_named_with_their_causes():
    """Of 120 endpoints three; what they missed starts by is said."""
    conditions = last_of("many")["conditions"]
    assert {key.rpartition("/")[2]: one["words"] for key, one in conditions.items() if key} == {
        "030": ["starts missed: its 7 workers were busy, and its pool may still grow"],
        "067": ["failing: status 503"],
        "098": ["failing: status 429"],
    }


def test_at_the_end_each_row_says_what_limited_it():
    """The sentence of the summary's own verdict on it, and the cause of what was missed beside the count of all."""
    conditions = last_of("not-met")["conditions"]
    capped, good = conditions["GET https://shop.example/checkout"], conditions["GET https://shop.example/cart"]
    assert (capped["level"], good["level"]) == (GRAVE, 0)
    assert capped["words"] == ["worker cap: maxWorkers 12 reached"]
    assert conditions[""]["missedBy"] == capped["words"][0]


@pytest.mark.parametrize("scene", ["passed", "failed", "not-met", "was-limited", "many-failed"])
def test_report_and_dashboard_colour_an_endpoint_alike(scene):
    """Red, amber or neither: a rate that was not met is amber in both, as the verdict is."""
    summary = run_of(SCENES[scene]).summary
    told = last_of(scene)["conditions"]
    rows = {row.endpoint["endpointKey"]: row.tone for row in ranked(summary)}
    assert {key: {"none": "good"}.get(tone, tone) for key, tone in rows.items()} == {key: told[key]["tone"] for key in rows}
    assert {told[key]["tones"]["rate"] for key in rows} <= {"good", "warn"}


def test_the_endpoint_behind_a_threshold_of_all_is_marked():
    """At risk while the run lasts, broken at its end: only those whose own p99 is beyond the limit."""
    live = last_of("at-risk")["conditions"]
    beyond = {key: one for key, one in live.items() if key and one["levels"]["latency"]}
    assert beyond
    assert {one["tones"]["latency"] for one in beyond.values()} == {"warn"}
    assert all("p99 < 30 ms is at risk" in one["words"] for one in beyond.values())
    summary = run_of(SCENES["passed"]).summary
    slowest = max(summary["endpoints"], key=lambda one: one["responseTimeMs"]["p99"])
    least = max(one["responseTimeMs"]["p99"] for one in summary["endpoints"] if one is not slowest)
    text = f"p99 < {(slowest['responseTimeMs']['p99'] + least) / 2:.3f} ms"
    broken = {"threshold": text, "endpointKey": None, "passed": False, "detail": "p99 was more"}
    rows = ranked({**summary, "thresholds": [broken]})
    assert [row.endpoint["endpointKey"] for row in rows if row.beyond] == [slowest["endpointKey"]]
    assert (rows[0].tone, rows[0].beyond) == ("bad", {"p99"})
    assert rows[0].words.startswith(f"{text} is broken; ")
    assert not any(row.beyond for row in ranked({**summary, "thresholds": [{**broken, "threshold": "p99 <"}]}))


def test_a_page_knows_which_figure_a_threshold_is_about():
    """Where it is about more than one, or about none that is shown, it is beside none."""
    board = Board(run_of(SCENES["at-risk"]).config)
    subjects = board.state(paused=False)["subjects"]
    assert subjects == {"rps > 400": "rate", "p99 < 30 ms": "latency", "errorRate < 0.5%": "failed"}


def test_nodes_stand_as_they_are_heard_of():
    """The lost one first, then the silent one; each with its rate of the last second, and after the end of all its time."""
    told = ("name", "state", "tone", "rps", "silentSec", "uncountedAtMost")
    live = [tuple(one[name] for name in told) for one in last_of("nodes")["nodes"]]
    assert live == [
        ("node-3", "lost at 38.0 s", "warn", 0.0, pytest.approx(5.1), 54),
        ("node-2", "silent", "warn", 140.0, 1.4, 0),
        ("node-1", "running", "good", 140.0, 0.1, 0),
        ("node-4", "running", "good", 140.0, 0.1, 0),
    ]
    ended = [tuple(one[name] for name in told) for one in last_of("nodes-ended")["nodes"]]
    assert ended[0] == ("node-3", "lost at 38.0 s", "warn", pytest.approx(3780 / 38), None, 54)
    assert [one[:3] for one in ended[1:]] == [(f"node-{number}", "took part to the end", "good") for number in (1, 2, 4)]
    assert last_of("running")["nodes"] == last_of("passed")["nodes"] == []


def test_limited_seconds_are_counted_for_the_page():
    """Those up to now, however late somebody comes."""
    assert last_of("limited")["limitedSec"] == 5.0
