"""The autoscaler on simulated targets: a table of scenarios, with what must come of each."""

import random
from dataclasses import dataclass

import pytest
from simulated_queue import Endpoint, Simulation, actions_after, rate_held, settings, settled_after


@dataclass(frozen=True)
class Scenario:
    """A target, settings, how long to run, and what is expected from `judged_s` on.

    `settled` bounds the evaluations until the last action before that, `workers` the count at the end, `held` the share of
    the target's rate, `restless` the share of evaluations that still act.
    """

    name: str
    config: object
    service: object
    lasts_s: int
    judged_s: int
    workers: tuple
    held: tuple = (0.99, 1.01)
    settled: int = 40
    restless: float = 0.06
    fields: tuple = ()


def exponential(mean_s, seed=1):
    """Service times of a busy server, repeatably."""
    draw = random.Random(seed)
    return lambda _time_s: draw.expovariate(1 / mean_s)


def constant(service_s):
    return lambda _time_s: service_s


def stepping(time_s):
    """20 ms, in the middle 60 ms, then 20 ms again."""
    return 0.060 if 20 <= time_s < 50 else 0.020


SCENARIOS = [
    Scenario("50 ms, 400 RPS, from one worker", settings(400, initial_workers=1), constant(0.05), 50, 25, (20, 24), settled=11),
    Scenario("50 ms, 400 RPS, from all 100", settings(400), constant(0.05), 40, 15, (20, 23), settled=8),
    Scenario("30 µs, 1,000 RPS: one lane is plenty", settings(1000, max_workers=20), constant(0.00003), 40, 20, (1, 1)),
    Scenario("30 µs, 25,000 RPS", settings(25_000, max_workers=10, initial_workers=1), constant(0.00003), 8, 3, (1, 2)),
    Scenario("5 s, 10 RPS from one worker", settings(10, initial_workers=1), constant(5.0), 200, 150, (50, 57)),
    Scenario("5 s, 1 RPS", settings(1, max_workers=20), constant(5.0), 120, 60, (5, 8)),
    Scenario(
        "exponential 50 ms, 400 RPS", settings(400, initial_workers=1), exponential(0.05), 120, 60, (22, 45), restless=0.1
    ),
    Scenario("exponential 50 ms, 1 RPS", settings(1, max_workers=20), exponential(0.05), 300, 100, (1, 4), restless=0.13,
             held=(0.97, 1.03)),
    Scenario("20 ms after 60 ms: back to the need", settings(200, initial_workers=1), stepping, 100, 75, (4, 6), settled=45),
    Scenario("a ramp of 20 s", settings(400, ramp_up_time=20.0, initial_workers=1), constant(0.05), 60, 40, (20, 24)),
    Scenario("connections of 100 ms", settings(200, initial_workers=1), constant(0.02), 60, 30, (4, 6),
             fields=(("connect_s", 0.1),)),
    Scenario("own delay of 1 ms a response", settings(400, initial_workers=1), constant(0.02), 60, 30, (8, 11),
             fields=(("own_delay_s", 0.001),)),
    Scenario("a cap below the need", settings(400, max_workers=10), constant(0.05), 40, 20, (10, 10), held=(0.49, 0.51),
             restless=0.0),
    Scenario("a generator at its limit", settings(400, max_workers=50, initial_workers=5), constant(0.05), 40, 20, (5, 5),
             held=(0.24, 0.26), restless=0.0, fields=(("limited", True),)),
    Scenario("a dead target, 100 RPS", settings(100, max_workers=50, initial_workers=2), constant(0.001), 40, 20, (1, 2),
             fields=(("fails", lambda _time_s: True),)),
]  # fmt: skip


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[one.name for one in SCENARIOS])
def test_a_pool_finds_its_size(scenario):
    """The pool settles at the size that its target needs, holds the rate and then leaves it alone."""
    one = Endpoint("GET /", scenario.config, scenario.service, **dict(scenario.fields))
    Simulation(one).run(scenario.judged_s)
    # A simulation goes on from where it stopped: what came before is the way there.
    assert settled_after(one) <= scenario.settled, one.counts
    one = Endpoint("GET /", scenario.config, scenario.service, **dict(scenario.fields))
    Simulation(one).run(scenario.lasts_s)
    assert scenario.workers[0] <= one.workers <= scenario.workers[1], one.counts
    held = rate_held(one, scenario.judged_s, scenario.lasts_s)
    assert scenario.held[0] <= held <= scenario.held[1], (held, one.counts)
    assert actions_after(one, scenario.judged_s) <= scenario.restless, one.counts


def test_growth_takes_the_cooldowns_that_the_factor_implies():
    """From one worker at a factor of a quarter: one more at a time, then a quarter more, to the need and no further."""
    one = Endpoint("GET /", settings(400, initial_workers=1), constant(0.05))
    Simulation(one).run(30)
    assert [workers for _, workers in one.counts] == [2, 3, 4, 5, 7, 9, 12, 15, 19, 20]


def test_shrinking_costs_no_rate():
    """From 100 workers to the need, every second has the whole rate."""
    one = Endpoint("GET /", settings(400), constant(0.05))
    Simulation(one).run(30)
    assert one.bucket.missed == 0
    assert all(one.per_second[second] == pytest.approx(400, abs=4) for second in range(1, 29))


def test_latency_that_steps_up_and_down_is_followed():
    """Three times the latency asks for three times the workers, and back."""
    one = Endpoint("GET /", settings(200, initial_workers=4), stepping)
    simulation = Simulation(one)
    simulation.run(18)
    low = one.workers
    simulation.run(48)
    high = one.workers
    simulation.run(90)
    assert 4 <= low <= 6
    assert 12 <= high <= 15
    assert 4 <= one.workers <= 6


def test_ten_seconds_of_fast_errors_do_not_shrink_the_pool():
    """A target that fails fast needs few workers only while it fails: the pool waits, and the rate is there afterwards."""

    def failing(time_s):
        return 15 <= time_s < 25

    one = Endpoint("GET /", settings(400, initial_workers=22), lambda t: 0.001 if failing(t) else 0.05, failing)
    simulation = Simulation(one)
    simulation.run(24)
    assert one.workers >= 20
    simulation.run(40)
    assert rate_held(one, 27, 40) >= 0.99


def test_by_priority_the_high_one_gets_its_workers():
    """Under a cap the endpoint of high priority meets its target with the low one's workers, down to its minimum."""
    high = Endpoint("GET /high", settings(450, priority="high", initial_workers=4), constant(0.05))
    low = Endpoint("GET /low", settings(400, priority="low", min_workers=2), constant(0.05))
    Simulation(high, low, limit=30, strategy="priority-based").run(60)
    assert rate_held(high, 40, 60) >= 0.99
    assert high.workers + low.workers <= 30
    assert low.workers >= 2


def test_a_dead_endpoint_takes_nothing_from_the_others():
    """It neither borrows nor takes: its neighbour finds the workers that it needs."""
    dead = Endpoint("GET /dead", settings(400), constant(2.0), lambda _time_s: True)
    alive = Endpoint("GET /alive", settings(400, initial_workers=1), constant(0.05))
    Simulation(dead, alive, limit=40).run(60)
    assert rate_held(alive, 40, 60) >= 0.99
    assert dead.workers <= 20
