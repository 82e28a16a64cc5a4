"""How many requests of a lost node are in no figure: the bound holds for engines that do whatever the bucket lets them."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tressi import load_config
from tressi._core import TokenBucket
from tressi.load.plan import make_plan
from tressi.model import Curve, PoolId
from tressi.nodes.uncounted import Rates, uncounted_at_most

pytestmark = pytest.mark.pure

NS = 1_000_000_000
STEP_NS = NS // 40


def pool(arrival="uniform"):
    """A pool of a plan, whose arrival alone is looked at."""
    config = load_config({"requests": [{"url": "http://127.0.0.1:9/"}], "rps": 100, "arrival": arrival})
    return make_plan(config, {PoolId(0): 1}).pools[0]


POOLS = {arrival: pool(arrival) for arrival in ("uniform", "poisson")}


def bound(kind, rates, engines, *figures):
    """That of one pool, or of that with this arrival."""
    names = ("counted_s", "until_s", "under_way")
    return uncounted_at_most([POOLS.get(kind, kind)], [rates], engines, **dict(zip(names, figures, strict=True)))


class Node:
    """Engines with real buckets: each takes what is due when its turn comes and a worker is free."""

    def __init__(self, rate, engines, workers, *, seed=None):
        self.buckets = [
            TokenBucket(rate / engines, phase=number / engines, seed=None if seed is None else seed + number)
            for number in range(engines)
        ]
        self.workers, self.free, self.begun, self.ended = workers, [workers] * engines, 0, 0

    def turn(self, engine, now_ns):
        """Begin what is due."""
        while self.free[engine] and self.buckets[engine].take(now_ns)[0]:
            self.free[engine] -= 1
            self.begun += 1

    def end(self, engine, most):
        """So many requests that are under way have their answers."""
        done = min(most, self.workers - self.free[engine])
        self.free[engine] += done
        self.ended += done

    def follow(self, rate, now_ns):
        """Another rate from now on."""
        for bucket in self.buckets:
            bucket.settle(now_ns)
            bucket.follow([(0.0, rate / len(self.buckets))], now_ns)


@example(24346, None, 3, 3.0)  # a start that was owed when the rate became 0
@settings(max_examples=200, deadline=None)
@given(st.integers(0, 1 << 32), st.sampled_from([None, 7]), st.integers(1, 3), st.sampled_from([3.0, 40.0, 400.0]))
def test_the_bound_holds_whatever_the_node_did(fate, seed, engines, rate):
    """It stands still, answers come late, rates change and are heard late or never, and it is counted up to some second."""
    chance = Random(fate)
    node = Node(rate, engines, chance.choice([1, 5, 200]), seed=seed)
    rates, pending = Rates(), None
    rates.tell(Curve.held(rate), 0.0)
    counted_s, ended, under_way = 0.0, 0, 0
    # The last second that was told of, and when the lease ends.
    told, lasts, changes = chance.randint(0, 1), chance.randint(1, 12), chance.choice([0.0, 0.06])
    for step in range(1, 40 * told + lasts):
        now_ns = step * STEP_NS
        for engine in range(engines):
            if chance.random() < 0.4:
                node.end(engine, chance.choice([0, 1, 5, 1000]))
                node.turn(engine, now_ns)
        if pending is None and chance.random() < changes:
            pending = chance.choice([0.0, 2.0, 60.0, 900.0])
            rates.tell(Curve.held(pending), now_ns / NS)
        elif pending is not None and chance.random() < 0.5:
            node.follow(pending, now_ns)
            if chance.random() < 0.5:
                # Its answer comes through, too.
                rates.heard(Curve.held(pending), now_ns / NS, counted_s)
                pending = None
        if step == 40 * told:
            counted_s, ended, under_way = float(told), node.ended, node.begun - node.ended
    lease_s = (40 * told + lasts) / 40
    assert node.begun - ended <= bound("poisson" if seed else "uniform", rates, engines, counted_s, lease_s, under_way)


def test_the_bound_is_that_of_the_example():
    """100 requests a second over two engines for 0.6 s, 4 under way, and 2 more for each engine."""
    rates = Rates()
    rates.tell(Curve.held(100.0), 0.0)
    assert bound("uniform", rates, 2, 3.0, 3.5, 4) == 68
    assert bound("poisson", rates, 2, 3.0, 3.5, 4) == 68 + 48
    # All its starts were before its last whole second: only what had no answer then.
    assert bound("uniform", rates, 2, 4.0, 3.5, 4) == 4


def test_rates_count_from_when_they_are_told_until_a_later_one_is_heard():
    """While it is not known which of two the node follows, both count."""
    rates = Rates()
    rates.tell(Curve.held(100.0), 0.0)
    rates.tell(Curve.held(10.0), 1.0)
    assert rates.starts(0.5, 2.0) == pytest.approx(150 + 10)
    rates.heard(Curve.held(10.0), 1.5, 0.0)
    assert rates.starts(0.5, 2.0) == pytest.approx(100 + 10)
    rates.heard(Curve.held(10.0), 2.0, 1.7)
    assert rates.starts(0.0, 2.0) == pytest.approx(10)


@pytest.mark.parametrize("kind", ["no limit", "flow", "log"])
def test_what_no_rate_bounds_has_no_bound(kind):
    """A pool without a rate, a flow, whose starts make several requests, and a log. A lease that ended before bounds all."""
    rates, made = Rates(), POOLS["uniform"]
    rates.tell(None if kind == "no limit" else Curve.held(100.0), 0.0)
    made = replace(made, flow=object() if kind == "flow" else None, replay=object() if kind == "log" else None)
    assert bound(made, rates, 1, 1.0, 2.0, 3) is None
    assert bound(made, rates, 1, 3.0, 2.0, 3) == 3
