"""How a run is divided over engines: nothing is lost, nothing is doubled, and two steps give what one step gives."""

from collections import Counter
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tressi.load.plan import Plan
from tressi.load.planned import PlannedPool
from tressi.load.share import Place, divided, part_of, share_of
from tressi.model import Curve

pytestmark = pytest.mark.pure

POOLS = st.lists(st.tuples(st.integers(0, 200), st.one_of(st.none(), st.floats(0, 1e6))), min_size=1, max_size=5)
# Machines by the number of their engines; unequal ones, too.
MACHINES = st.lists(st.integers(1, 6), min_size=1, max_size=6)


def plan_of(pools, connections_per_second=None):
    """A plan of pools with these workers and rates, and nothing else."""
    planned = tuple(
        PlannedPool(
            endpoints=(number,),
            origins=(),
            curve=None if rate is None else Curve.held(rate),
            phase=number / len(pools),
            seed=7 + number,
            arrival="uniform",
            workers=workers,
        )
        for number, (workers, rate) in enumerate(pools)
    )
    keys = tuple(str(number) for number in range(len(pools)))
    return Plan(
        keys=keys,
        ways=(),
        endpoints=(),
        pools=planned,
        pool_of={key: number for number, key in enumerate(keys)},
        lanes_per_worker=1,
        duration_ns=1,
        connections_per_second=connections_per_second,
    )


def places_of(machines):
    """The place of each machine."""
    total, first = sum(machines), 0
    for count in machines:
        yield Place(first, count, total)
        first += count


@given(pools=POOLS, machines=MACHINES, limit=st.one_of(st.none(), st.floats(0.1, 1e5)))
def test_machines_have_what_their_engines_have_and_all_have_the_run(pools, machines, limit):
    """Workers to the worker, rates and permits to what floats can add up."""
    plan = plan_of(pools, limit)
    parts = [part_of(plan, place) for place in places_of(machines)]
    engines = [
        [part_of(plan, place.engine(number)) for number in range(count)]
        for place, count in zip(places_of(machines), machines, strict=True)
    ]
    for number, pool in enumerate(plan.pools):
        assert sum(part.pools[number].workers for part in parts) == pool.workers
        for part, own in zip(parts, engines, strict=True):
            assert part.pools[number].workers == sum(one.pools[number].workers for one in own)
            if pool.curve is None:
                assert {part.pools[number].curve, *(one.pools[number].curve for one in own)} == {None}
            else:
                assert rate_of(part, number) == pytest.approx(sum(rate_of(one, number) for one in own))
        if pool.curve is not None and pool.workers:
            assert sum(rate_of(part, number) for part in parts) == pytest.approx(pool.curve.rps_at(0))
    if limit is not None:
        assert sum(part.connections_per_second for part in parts) == pytest.approx(limit)
        assert sum(one.connections_per_second for own in engines for one in own) == pytest.approx(limit)


def rate_of(plan, number):
    """The rate of a pool of the plan."""
    return plan.pools[number].curve.rps_at(0)


@given(machines=MACHINES)
def test_phases_and_seeds_of_all_engines_are_their_own(machines):
    """Whatever machines they are on, the engines' starts are evenly spaced, and no two of them make the same choices."""
    plan = plan_of([(1000, 1.0), (1000, 2.0)])
    engines = [part_of(plan, place.engine(n)) for place in places_of(machines) for n in range(place.count)]
    total = len(engines)
    for number, pool in enumerate(plan.pools):
        # Nothing but the phase is a float here, so fractions are near enough.
        phases = [Fraction(one.pools[number].phase - pool.phase).limit_denominator(10_000) % 1 for one in engines]
        assert phases == [Fraction(place, total) for place in range(total)]
    seeds = Counter(pool.seed for one in engines for pool in one.pools)
    assert set(seeds.values()) == {1}


@pytest.mark.parametrize("machines", [(2, 2), (2, 2, 2), (4, 4, 4, 4)], ids=["2x2", "3x2", "4x4"])
def test_no_two_starts_of_engines_come_together(machines):
    """Of one pool they are the mean gap apart, never less than half of it, however the engines lie on the machines."""
    plan, count = plan_of([(2 * sum(machines), 100.0)]), sum(machines)
    engines = [part_of(plan, place.engine(n)).pools[0] for place in places_of(machines) for n in range(place.count)]
    starts = sorted((one.phase + turn) / one.curve.rps_at(0) for one in engines for turn in range(50))
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert len(starts) == 50 * count
    assert min(gaps) >= 0.5 / 100.0
    assert max(gaps) == pytest.approx(min(gaps))


@given(workers=st.integers(0, 500), engines=st.integers(1, 40), number=st.integers(0, 100))
def test_no_engine_has_two_workers_more_than_another(workers, engines, number):
    """And which of them has one more turns with the pool, so that many small pools are not all on the first engine."""
    parts = divided(workers, engines, number)
    assert sum(parts) == workers
    assert max(parts) - min(parts) <= 1
    if workers % engines > 0:
        assert parts[number % engines] == max(parts)
    assert share_of(workers, Place(0, engines, engines), number) == workers


@pytest.mark.parametrize(
    ("workers", "engines", "number", "parts"),
    [(4, 2, 0, [2, 2]), (5, 2, 0, [3, 2]), (5, 2, 1, [2, 3]), (1, 3, 0, [1, 0, 0]), (1, 3, 2, [0, 0, 1]), (0, 2, 0, [0, 0])],
)
def test_workers_are_divided_evenly(workers, engines, number, parts):
    """The engines' parts differ by one at most, and the odd one turns with the pool."""
    assert divided(workers, engines, number) == parts
