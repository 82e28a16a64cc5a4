"""The autoscaler on simulated targets: a table of scenarios, with what must come of each."""

import random
from dataclasses import dataclass

import pytest
from simulated_queue import Endpoint, Simulation, actions_after, rate_held, settings, settled_after

pytestmark = pytest.mark.pure


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
    settled: int
    held: tuple = (0.99, 1.01)
    restless: float = 0.0
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
    Scenario("50 ms, 400 RPS, from one worker", settings(400, initial_workers=1), constant(0.05), 50, 25, (20, 24), 10),
    Scenario("50 ms, 400 RPS, from all 100", settings(400), constant(0.05), 40, 15, (20, 23), 5),
    Scenario("30 µs, 1,000 RPS: one lane is plenty", settings(1000, max_workers=20), constant(0.00003), 40, 20, (1, 1), 8),
    Scenario("30 µs, 25,000 RPS", settings(25_000, max_workers=4), constant(0.00003), 10, 7, (1, 1), 3),
    Scenario("5 s, 10 RPS from one worker", settings(10, initial_workers=1), constant(5.0), 200, 150, (50, 55), 18),
    Scenario("5 s, 1 RPS from all 20", settings(1, max_workers=20), constant(5.0), 120, 60, (5, 6), 10),
    *(
        Scenario(f"exponential 50 ms, 400 RPS, draw {seed}", settings(400, initial_workers=1), exponential(0.05, seed),
                 120, 60, (20, 24), 20, restless=0.06)
        for seed in range(1, 5)
    ),
    Scenario("exponential 50 ms, 1 RPS", settings(1, max_workers=20), exponential(0.05), 300, 100, (1, 2), 15, restless=0.06),
    Scenario("20 ms after 60 ms: back to the need", settings(200, initial_workers=1), stepping, 100, 75, (4, 6), 34),
    Scenario("a ramp of 20 s", settings(400, ramp_up_time=20.0, initial_workers=1), constant(0.05), 60, 40, (20, 24), 11),
    Scenario("a ramp of 20 s from all 100", settings(400, ramp_up_time=20.0), constant(0.05), 60, 40, (20, 23), 8),
    Scenario("connections of 100 ms", settings(200, initial_workers=1), constant(0.02), 60, 30, (4, 6), 5,
             fields=(("connect_s", 0.1),)),
    Scenario("own delay of 1 ms a response", settings(400, initial_workers=1), constant(0.02), 60, 30, (8, 10), 7,
             fields=(("own_delay_s", 0.001),)),
    Scenario("a cap below the need", settings(400, max_workers=10), constant(0.05), 40, 20, (10, 10), 0, held=(0.49, 0.51)),
    Scenario("a generator at its limit", settings(400, max_workers=50, initial_workers=5), constant(0.05), 40, 20, (5, 5), 0,
             held=(0.24, 0.26), fields=(("limited", True),)),
    Scenario("a target that refuses at once", settings(100, max_workers=50, initial_workers=2), constant(0.001), 40, 20, (2, 2),
             0, fields=(("fails", lambda _time_s: True),)),
    Scenario("a target that hangs, up to the cap", settings(100, max_workers=50, initial_workers=2), constant(2.0), 80, 50,
             (50, 50), 20, held=(0.24, 0.26), fields=(("fails", lambda _time_s: True),)),
]  # fmt: skip


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[one.name for one in SCENARIOS])
def test_a_pool_finds_its_size(scenario):
    """The pool settles at the size that its target needs, holds the rate and then leaves it alone."""
    one = Endpoint("GET /", scenario.config, scenario.service, **dict(scenario.fields))
    simulation = Simulation(one).run(scenario.judged_s)
    assert settled_after(one) <= scenario.settled, one.counts
    simulation.run(scenario.lasts_s)
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


# What the high one asks for: within its share of the 30 workers, which is 26, and beyond it.
@pytest.mark.parametrize("target_rps", [450, 560])
def test_by_priority_the_high_one_gets_its_workers(target_rps):
    """Under a cap the endpoint of high priority meets its target with the low one's workers, and both then stay."""
    high = Endpoint("GET /high", settings(target_rps, priority="high", initial_workers=4), constant(0.05))
    low = Endpoint("GET /low", settings(400, priority="low", min_workers=2), constant(0.05))
    Simulation(high, low, limit=30, strategy="priority-based").run(80)
    assert rate_held(high, 40, 80) >= 0.99
    assert high.workers + low.workers <= 30
    assert low.workers >= 2
    assert actions_after(high, 40) == actions_after(low, 40) == 0, (high.counts, low.counts)


def test_three_priorities_that_all_lack_workers_do_not_swing():
    """The high one meets its target, the low one keeps its minimum, the medium one has the rest, and there it ends."""
    high, medium, low = (
        Endpoint(f"GET /{name}", settings(600, priority=name, initial_workers=2), constant(0.05))
        for name in ("high", "medium", "low")
    )
    Simulation(high, medium, low, limit=40, strategy="priority-based").run(80)
    assert [one.workers for one in (high, medium, low)] == [30, 9, 1]
    assert rate_held(high, 40, 80) >= 0.99
    assert [actions_after(one, 40) for one in (high, medium, low)] == [0, 0, 0]


def test_what_a_high_priority_borrowed_comes_back_when_it_dies():
    """While it answers it keeps what it took from the low one; without a success it has its share and no more."""
    high = Endpoint("GET /high", settings(560, priority="high", initial_workers=4), constant(0.05), lambda time_s: time_s > 40)
    low = Endpoint("GET /low", settings(400, priority="low", min_workers=2), constant(0.05))
    simulation = Simulation(high, low, limit=30, strategy="priority-based").run(40)
    assert (high.workers, low.workers) == (28, 2)
    simulation.run(80)
    assert (high.workers, low.workers) == (26, 4)


def test_an_owner_gets_its_share_back_from_a_borrower():
    """One borrows while the other's ramp has no need yet, gives back as it rises, and then neither acts."""
    borrower = Endpoint("GET /borrower", settings(500, initial_workers=2), constant(0.05))
    owner = Endpoint("GET /owner", settings(300, initial_workers=1, ramp_up_time=60.0), constant(0.05))
    simulation = Simulation(borrower, owner, limit=30).run(40)
    assert borrower.workers > 15
    simulation.run(120)
    assert (borrower.workers, owner.workers) == (15, 15)
    assert rate_held(owner, 70, 120) >= 0.99
    assert actions_after(borrower, 80) == actions_after(owner, 80) == 0


def test_a_dead_endpoint_takes_nothing_from_the_others():
    """It neither borrows nor takes: its neighbour finds the workers that it needs."""
    dead = Endpoint("GET /dead", settings(400), constant(2.0), lambda _time_s: True)
    alive = Endpoint("GET /alive", settings(400, initial_workers=1), constant(0.05))
    Simulation(dead, alive, limit=40).run(60)
    assert rate_held(alive, 40, 60) >= 0.99
    assert dead.workers <= 20
