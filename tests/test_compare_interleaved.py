"""Blocks in turn, and what their pairs say."""

import math
import random
from dataclasses import replace

import pytest
from compared_runs import drawn
from summaries import endpoint_snapshot, engine_snapshot, resolved
from summaries import moment as second

from tressi.cli.compare_live import Course
from tressi.compare.answer import Settings
from tressi.compare.blocks import BEYOND, interleaved_config, measured_s, paired_keys, turns
from tressi.compare.interleaved import Measured, interleaved
from tressi.compare.live import Watched
from tressi.compare.result import FAILURES
from tressi.errors import ConfigError
from tressi.model import Curve, SharedPool

pytestmark = pytest.mark.pure

KEY = "GET http://host/a"


def pairs_of(seed, *, pairs=20, each=400, ratio=1.0, drift=0.0, noise=0.03, failed=0):
    """Pairs of blocks of which the second side is slower by a ratio, under a drift and the noise of a machine."""
    rng, found = random.Random(seed), []
    for pair in range(pairs):
        sides = []
        for side in range(2):
            level = math.log1p(drift * (pair + side / 2) / pairs) + rng.gauss(0, noise) + side * math.log(ratio)
            sides.append(Measured(drawn(rng, each, level=level), each, side * failed))
        found.append(tuple(sides))
    return {KEY: found}


def estimates(measured, metrics=("p50", "p90", "p99", FAILURES)):
    return {one.metric: one for one in interleaved(measured, metrics=metrics) if one.endpoint_key == KEY}


@pytest.mark.parametrize("metric", ["p50", "p99"])
def test_a_slower_side_is_found(metric):
    """By percentiles where 20 requests of a block lie beyond it, by shares where they do not."""
    found = estimates(pairs_of(1, ratio=1.1))[metric]
    assert found.low < 1.1 < found.high
    assert found.low > 1
    assert found.p < 0.01
    assert found.ratio == pytest.approx(1.1, rel=0.05)


def test_a_drift_is_no_difference():
    """A target that becomes slower by 40 % from start to end, and each pair has the same order: half a pair of it is left."""
    found = estimates(pairs_of(2, drift=0.4))
    assert all(found[metric].low < 1.02 and found[metric].ratio < 1.05 for metric in ("p50", "p90"))


def test_both_ways_of_rare_percentiles_agree():
    """With the same requests, the interval by shares lies about where that by percentiles does."""
    few, many = (estimates(pairs_of(3, each=each, ratio=1.2), ("p90",))["p90"] for each in (150, 300))
    assert 150 * 0.1 < BEYOND < 300 * 0.1
    assert few.low < 1.2 < few.high
    assert many.low < 1.2 < many.high
    assert (few.high - few.low) < 2.5 * (many.high - many.low)


def test_failures_are_paired_as_well():
    """8 of 400 on one side, in every pair."""
    found = estimates(pairs_of(4, failed=8))[FAILURES]
    assert (found.before, found.after, found.low, found.high) == pytest.approx((0, 0.02, 0.02, 0.02))


def test_five_pairs_tell_nothing():
    """No p value that they can have is below 0.05."""
    assert estimates(pairs_of(5, pairs=5))["p50"].reason == "it takes 6 pairs, and there are 5"


def test_a_percentile_that_no_block_reaches_has_no_interval():
    """30 requests a block have none beyond p99.9; a bound of the search is no end of an interval."""
    found = estimates(pairs_of(6, pairs=6, each=30), ("p99.9",))["p99.9"]
    assert found.low is None
    assert found.reason


# ----------------------------------------------------------------------------------------------------------- the turns


def test_each_side_has_its_rate_in_its_own_blocks_alone():
    """The curves of both sum to the rate at every moment."""
    plan = turns(5, 2, seed=7)
    curves = [Curve.of(plan.curve(side, 80.0)) for side in (0, 1)]
    for block in plan.blocks:
        middle = (block.begin_s + block.end_s) / 2
        assert [curve.rps_at(middle) for curve in curves] == [80.0 * (side == block.side) for side in (0, 1)]
    assert [round(curve.starts(0, plan.length_s)) for curve in curves] == [5 * 3 * 80] * 2


def test_the_order_is_drawn_by_the_seed():
    """Both orders come, and the same seed draws the same."""
    orders = [[block.side for block in turns(40, 2, seed).blocks] for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert 10 < sum(orders[0][::2]) < 30


def test_both_at_once_have_half_the_rate():
    """And pieces of time instead of blocks of their own."""
    plan = turns(3, 2, seed=1, at_once=True)
    assert plan.length_s == 7
    assert [(block.side, block.measured_s, block.end_s) for block in plan.blocks[:4]] == [
        (0, 1, 3),
        (1, 1, 3),
        (0, 3, 5),
        (1, 3, 5),
    ]
    assert Curve.of(plan.curve(1, 80.0)).rps_at(3.5) == 40


def test_blocks_are_as_long_as_the_slowest_endpoint_needs():
    """20 requests beyond the percentile, within 2 to 10 s."""
    assert measured_s(resolved(KEY, target_rps=2000.0), 99.0) == 2
    assert measured_s(resolved(KEY, target_rps=500.0), 99.0) == 4
    assert measured_s(resolved(KEY, target_rps=500.0), 99.0, at_once=True) == 8
    assert measured_s(resolved(KEY, target_rps=50.0), 99.0) == 10
    assert measured_s(resolved(KEY, target_rps=50.0), 50.0) == 2


def test_one_config_does_both():
    """Every endpoint once for each side, with a pool of its own that is not scaled; a shared rate is dealt to its endpoints."""
    shared = resolved(KEY, "GET http://host/b", autoscale=False, target_rps=100.0)
    config = interleaved_config(shared, shared, turns(2, 2, seed=1))
    assert [one.endpoint_key[-2:] for one in config.endpoints] == ["#A", "#A", "#B", "#B"]
    assert {one.autoscale.curve.peak_rps for one in config.endpoints} == {50.0}
    assert all(one.autoscale.min_workers == one.autoscale.max_workers for one in config.endpoints)
    assert config.duration_s == 12
    assert config.shared_pool is None


def test_what_has_no_rate_is_refused():
    """As fast as possible, the slower side would be sent less."""
    with pytest.raises(ConfigError, match="has no rate"):
        interleaved_config(*[resolved(KEY, autoscale=False)] * 2, turns(2, 2, seed=1))
    assert SharedPool(1, None).curve is None


def test_endpoints_of_two_targets_are_paired_by_path():
    """Their origins differ, and their names may be given instead."""
    first, second = resolved(KEY).endpoints, resolved("GET http://other:81/a").endpoints
    assert paired_keys(first, second) == [("GET /a", f"{KEY}#A", "GET http://other:81/a#B")]
    with pytest.raises(ConfigError, match="in one of the two configs alone"):
        paired_keys(first, resolved("GET http://other:81/c").endpoints)


# ------------------------------------------------------------------------------------------------------------ the readings


def test_answers_after_a_block_are_its_own_until_its_side_is_sent_to_again():
    """A request that hangs is not lost with the block that it was sent in; what comes within a guard belongs to none."""
    plan = turns(2, 2, seed=1)
    watched = Watched(plan, [(KEY, f"{KEY}#A", f"{KEY}#B")])
    counts = {side: [0] for side in (0, 1)}
    for now in range(1, plan.length_s + 1):
        sending = next(block for block in plan.blocks if block.begin_s < now <= block.end_s)
        for side in (0, 1):
            counts[side].append(counts[side][-1] + (10 if sending.side == side else 1))
        watched.moment(_moment(now, {f"{KEY}#A": counts[0][-1], f"{KEY}#B": counts[1][-1]}))
    assert watched.complete() == 2
    for pair in watched.pairs()[KEY]:
        assert all(measured.made >= 20 for measured in pair)
    whole = watched.pairs()[KEY]
    # Two measured seconds of 10, and one late answer in each second of the other side.
    last = plan.blocks[-1]
    assert whole[last.pair][last.side].made == 20
    assert len(watched.pairs(1)[KEY]) == 1


def _moment(t, succeeded):
    """A second of a run in which each endpoint has so many successes since the start."""
    snapshots = [endpoint_snapshot(key, succeeded=count) for key, count in succeeded.items()]
    made = second(*succeeded, t=float(t))

    return replace(made, reading=engine_snapshot(*snapshots))


# --------------------------------------------------------------------------------------------------------------- the looks


class Watching:
    """What a course is watched by, with one more pair in each second."""

    def __init__(self, ratio):
        self.all, self.seconds, self.limits = pairs_of(9, pairs=64, each=250, ratio=ratio, noise=0.02)[KEY], 0, {}

    def moment(self, _):
        """One more second."""
        self.seconds += 1

    def complete(self):
        """A pair for each."""
        return self.seconds

    def pairs(self, most=None):
        """The first of them."""
        return {KEY: self.all[: self.seconds if most is None else most]}

    def missed_share(self):
        """None."""
        return 0.0

    limited_share = missed_share


class Stopped:
    """A run that may be stopped."""

    is_stopped = False

    def stop(self):
        """Note it."""
        self.is_stopped = True


@pytest.mark.parametrize(("ratio", "verdict", "pairs"), [(1.3, "slower", 8), (1.0, "same", 8)])
def test_a_run_ends_with_the_look_that_decides(ratio, verdict, pairs):
    """After 8, 16, 32 or 64 pairs, and not between: both are clear after 8."""
    watching, run, config = Watching(ratio), Stopped(), resolved(KEY)
    course = Course(watching, Settings(primary=("p50",)), ("A", "B"), config, turns(64, 2, 1), looks=True)
    while not run.is_stopped and watching.seconds < 64:
        course.moment(None, run, quiet=True)
    said = course.result()
    assert (said.verdict, said.units[0], watching.seconds) == (verdict, pairs, pairs)


def test_without_looks_all_pairs_are_measured():
    """However clear it is."""
    watching, run = Watching(2.0), Stopped()
    course = Course(watching, Settings(primary=("p50",)), ("A", "B"), resolved(KEY), turns(64, 2, 1), looks=False)
    for _ in range(64):
        course.moment(None, run, quiet=True)
    assert not run.is_stopped
    assert course.result().units == (64, 64)
