"""The self-check: which rules two readings of an engine break, what that cost, and what is only a remark."""

from dataclasses import replace
from typing import get_args

import pytest
from summaries import endpoint_snapshot, engine_snapshot, histogram, resolved

from tressi.model import GeneratorSnapshot, NodeFinding, NodeRecord
from tressi.run.timeline import Saturation, Timeline
from tressi.stats.selfcheck import Finding, Rule, check_generator, late_remark, meaning_of

pytestmark = pytest.mark.pure

KEY, OTHER = "GET http://host/a", "GET http://host/b"


def reading(time_s, *busy_s, services=(), own_delays=(), late_sends=(), timed=(0, 0), **counts):
    """What engines with these busy times say at that moment; `timed` are responses timed by the kernel and by ourselves.

    Each of two endpoints has the service times given for it; the counts (`missed`, `missed_late`, `scheduled`,
    `target_rps`) are the first one's.
    """
    counts = {"missed": counts.get("missed_late", 0), "missed_late": 0, "scheduled": 0.0, "target_rps": 50.0} | counts
    quiet = {"missed": 0, "missed_late": 0, "scheduled": 0.0}
    endpoints = tuple(
        replace(endpoint_snapshot(key), service=histogram(*values), **fields)
        for key, values, fields in zip((KEY, OTHER), services or ((1000,), (1000,)), (counts, quiet), strict=True)
    )
    known = [one or 0.0 for one in busy_s]
    generator = GeneratorSnapshot(sum(known), 0.0, histogram(*own_delays), histogram(*late_sends), *timed, 0, busy_s)
    return replace(engine_snapshot(*endpoints, time_s=time_s), generator=generator)


def broken(earlier, later):
    """The rules that were broken between two readings, and by how much."""
    return {finding.rule: finding.value for finding in check_generator(earlier, later)}


def said(earlier, later, throttled_s=0.0):
    """The one sentence on what was broken."""
    (finding,) = check_generator(earlier, later, throttled_s)
    return str(finding)


IDLE = reading(1.0, 0.5)


def test_an_engine_at_work_breaks_no_rule():
    """It used half of its second."""
    assert broken(IDLE, reading(2.0, 1.0)) == {}


def test_the_busiest_engine_decides_about_the_cpu():
    """One at its limit is not helped by one that is not; one that is lost is not asked."""
    assert broken(reading(1.0, 0.2, 0.5), reading(2.0, 0.4, 1.5, missed=1)) == {"cpu": pytest.approx(100)}
    assert broken(reading(1.0, 0.2, 0.5), reading(2.0, 0.4, None, missed=1)) == {}


LATE = [6_000] * 100
BUSY = [
    ("a busy thread alone is nothing", {}, None),
    ("starts sent less than 5 ms late are nothing", {"late_sends": [4_000] * 100}, None),
    ("a gap of 1 s may be missed by 100 ms", {"late_sends": [80_000]}, None),
    ("starts were missed for it", {"missed": 7, "scheduled": 50.0}, "and 7 of 50 starts were missed"),
    ("starts were late for it", {"late_sends": LATE}, "and p99 of the late sends was up to 6 ms"),
    (
        "no rate is set",
        {"target_rps": None},
        "and no rate is set: the requests came as fast as the generator could send them",
    ),
]


def test_a_cpu_at_its_limit_counts_for_what_it_cost():
    """A thread that waits for its core on a busy machine is no fault while every start is sent in time."""
    for why, fields, words in BUSY:
        found = check_generator(IDLE, reading(2.0, 1.46, **fields))
        assert [finding.rule for finding in found] == (["cpu"] if words else []), why
        assert all(words in str(finding) for finding in found), why
        assert check_generator(IDLE, reading(2.0, 1.44, **fields)) == (), f"{why}, below the limit"


@pytest.mark.parametrize("busy_s", [(0.5,), (0.5, 0.9)], ids=["the only one", "one of two"])
def test_an_engine_that_used_no_time_at_all_stood_still(busy_s):
    """It closes its windows ten times a second, so that even an idle one uses some."""
    assert broken(reading(1.0, 0.5, 0.5), reading(2.0, *busy_s)) == {"standstill": 1.0}


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        pytest.param(reading(1.0, 0.5), reading(1.2, 0.5), id="for less than the limit"),
        pytest.param(reading(1.0, 0.0), reading(2.0, 0.0), id="where the system tells no CPU time"),
        pytest.param(reading(1.0, None, 0.5), reading(2.0, None, 0.6), id="lost"),
        pytest.param(reading(1.0, 0.5), reading(1.0, 0.5), id="no time between the readings"),
    ],
)
def test_what_is_no_standstill(earlier, later):
    """The readings say the same, and mean something else."""
    assert broken(earlier, later) == {}


def test_delays_are_held_against_the_median_service_time_of_the_second():
    """Of all endpoints' responses since the earlier reading: 10 % of it, 1 ms at least."""
    slow, fields = [20_000] * 10, {"own_delays": [1_500] * 10, "timed": (0, 10)}
    earlier = reading(1.0, 0.5, services=((500,) * 90, (500,)))
    fast = reading(2.0, 0.6, services=((500,) * 100, (500, *slow[:2])), **fields)
    assert broken(earlier, fast) == {"own-delay": 1.5}
    later = reading(2.0, 0.6, services=((500,) * 95, (500, *slow)), **fields)
    assert broken(earlier, later) == {}


def test_the_own_delay_spoils_nothing_that_the_kernel_timed():
    """It counts where more than 1 % of the second's responses were not timed by the kernel, however large it is."""
    earlier = reading(1.0, 0.5, timed=(1000, 500))
    for timed, is_broken in (((2000, 500), False), ((1990, 510), False), ((1980, 520), True), ((1000, 600), True)):
        later = reading(2.0, 0.6, own_delays=[50_000] * 10, timed=timed)
        assert ("own-delay" in broken(earlier, later)) == is_broken, timed
    words = said(earlier, reading(2.0, 0.6, own_delays=[50_000], timed=(1980, 520)))
    assert words.startswith("the kernel did not time 20 of 1,000 responses, and p99 of the own delay was up to 50 ms")


MISSED = [
    ("0.5 % of 1,000 are allowed", {"missed_late": 5, "scheduled": 1000.0}, None),
    ("more are not", {"missed_late": 6, "scheduled": 1000.0}, "tressi came too late for 6 of 1,000 starts"),
    ("a burst settles later: never more than all", {"missed_late": 80, "scheduled": 50.0}, "80 of 80 starts"),
    ("every tenth of those missed", {"missed_late": 20, "missed": 200, "scheduled": 1000.0}, "20 of 1,000 starts"),
    ("the pool was the limit", {"missed_late": 19, "missed": 200, "scheduled": 1000.0}, None),
]


def test_missed_starts_of_ours_are_a_limit_where_they_matter():
    """They are counted over all endpoints; an overloaded pool misses some through lanes that are noticed a little late."""
    for why, fields, words in MISSED:
        found = check_generator(IDLE, reading(2.0, 0.6, **fields))
        assert [finding.rule for finding in found] == (["missed-late"] if words else []), why
        assert all(words in str(finding) for finding in found), why


def test_a_quota_is_named_where_it_cost_something():
    """It is no rule of its own: what it throttled without a cost is not said."""
    later = reading(2.0, 0.6, missed_late=10, scheduled=50.0)
    assert "; a cgroup's quota (cpu.max) held it back for 0.4 s; it spoils: the rate" in said(IDLE, later, 0.4)
    assert "cgroup" not in said(IDLE, later)
    assert check_generator(IDLE, reading(2.0, 0.6), 0.4) == ()


REMARKS = [
    ("99 sends have no p99", [9_000] * 99, 1.0, None),
    ("5 ms are allowed", [5_000] * 100, 1.0, None),
    (
        "more are late",
        [9_000] * 100,
        1.0,
        "starts were sent up to 9 ms late (p99 9 ms, limit 5 ms); latencies are not affected",
    ),
    ("one of a hundred is no p99", [100] * 99 + [50_000], 1.0, None),
    ("a tenth of the mean gap is allowed", [9_000] * 100, 10.0, None),
    (
        "the most is told beside p99",
        [20_000] * 99 + [70_000],
        10.0,
        "starts were sent up to 70 ms late (p99 20 ms, limit 10 ms)",
    ),
]


def test_late_sends_are_a_remark_on_the_whole_run():
    """Above 5 ms, or a tenth of the mean gap between starts, at p99 of a hundred sends at least."""
    for why, late_sends, duration_s, words in REMARKS:
        remark = late_remark(histogram(*late_sends), duration_s)
        assert (remark is None) if words is None else (remark is not None and remark.startswith(words)), (why, remark)


def test_late_sends_and_own_delay_alone_limit_nothing():
    """An engine with CPU to spare has no finding if the kernel timed all its responses."""
    assert broken(IDLE, reading(2.0, 0.9, late_sends=[80_000] * 200, own_delays=[80_000] * 200, timed=(200, 0))) == {}


def test_a_run_sums_what_its_seconds_lost():
    """For how long, how many starts in all, and the worst second's share; a rule has one sentence."""
    saturation = Saturation()
    saturation.add((), 7.0)
    saturation.add((Finding("missed-late", 10.0, 0.5, lost=100, of=1000, throttled_s=0.2),), 1.0)
    saturation.add((Finding("standstill", 1.0, 0.5), Finding("missed-late", 71.2, 0.5, lost=712, of=1000)), 1.0)
    missed, still = saturation.reasons()
    assert missed.startswith(
        "in 2.0 of 9.0 s tressi came too late for 812 of 2,000 starts, although a lane was free"
        " (up to 71.2 % of a second's, limit 0.5 %)"
        "; a cgroup's quota (cpu.max) held it back for 0.2 s"
    )
    assert still.startswith("in 1.0 of 9.0 s an engine did nothing for up to 1.0 s")


@pytest.mark.parametrize("rule", get_args(Rule))
def test_a_share_of_everything_is_written_in_digits(rule):
    """100 % is no 1e+02 %."""
    assert "e+" not in str(Finding(rule, 100.0, 1.0, 1, 2))


def test_a_second_has_the_throttling_of_its_own():
    """What a quota had held back before the run, and in the seconds before, is not told again."""
    config = resolved(KEY)
    timeline = Timeline(config, throttled_s=5.0)

    def second(t, missed, throttled_s):
        endpoint = replace(endpoint_snapshot(KEY), missed=missed, missed_late=missed, scheduled=50.0 * t)
        reading = replace(engine_snapshot(endpoint), time_s=float(t))
        findings = timeline.tick(float(t), reading, throttled_s=throttled_s).findings
        return {finding.throttled_s for finding in findings if finding.rule == "missed-late"}

    assert second(1, 10, 5.25) == {0.25}
    assert second(2, 20, 5.25) == {0.0}
    assert second(3, 30, 6.25) == {1.0}


def test_what_findings_mean_is_said_for_somebody_who_has_read_none():
    """Rates are spoilt by all rules but one; where only service times are, rates are not blamed."""
    cpu, delay = (str(Finding(rule, 97.0, 95.0, 7, 1000)) for rule in ("cpu", "own-delay"))
    assert meaning_of([cpu, delay]).startswith("tressi could not send as fast as it was asked to")
    assert meaning_of([delay]).startswith("tressi read responses late")
    assert all("--processes" in meaning_of([one]) for one in (cpu, delay))


def test_nodes_check_themselves_and_are_named():
    """Of a run over several machines each says what it found; what is merged is not looked at, and each finding counts once."""

    def found(number, node, rule="cpu", value=99.0, lost=3):
        return NodeFinding(number, node, rule, value, 95.0, lost, 100, 0.0)

    node = NodeRecord("node-1", "10.0.0.1", 2, 100, 0.5, 0.0, 0.1, 0.0, 0)
    before = replace(reading(1.0, 0.5), nodes=(node,), found=(found(1, "node-1"),))
    after = replace(reading(2.0, 0.5, missed_late=100, scheduled=100.0), nodes=(node,), found=(found(1, "node-1"),))
    assert check_generator(before, after) == ()
    several = (found(1, "node-1"), found(2, "node-7", value=98.0), found(3, "node-2"), found(4, "node-7", "no rule"))
    (finding,) = check_generator(before, replace(after, found=several))
    assert (finding.nodes, finding.lost, finding.of) == (("node-2", "node-7"), 6, 200)
    assert str(finding).startswith("node-2 and node-7: an engine's thread used its core")
    (finding,) = check_generator(before, replace(after, found=(*several, found(5, "node-9"), found(6, "node-8"))))
    assert str(finding).startswith("node-2 and 3 other nodes: an engine's thread")
