"""Each branch of the decision, in a table: what the pool is like, and what must come of it."""

import pytest
from each import each
from hypothesis import given
from hypothesis import strategies as st

from tressi.autoscale.decide import decide
from tressi.model import AutoscaleConfig, EndpointMetrics, Window

pytestmark = pytest.mark.pure

CONFIG = AutoscaleConfig(target_rps=100.0, min_workers=2, max_workers=50)


def metrics(workers=10, *, last=float("-inf"), limited=False, draining=0, **sums):
    """A window of one second at 100 RPS, everything completed in 50 ms, unless told otherwise."""
    values = {"span_s": 1.0, "full": True, "attempts": 100, "starts_due": 100.0, "occupied_s": 5.0, "service_s": 5.0, **sums}
    window = Window(**values)
    mean_s = window.mean_occupied_s
    return EndpointMetrics(
        endpoint_key="GET /",
        current_rps=window.current_rps,
        target_rps=window.target_rps,
        avg_latency=50.0,
        error_rate=window.error_rate,
        worker_count=workers,
        last_scale_time=last,
        requests_made=window.attempts,
        requests_succeeded=window.attempts - window.failures,
        requests_failed=window.failures,
        utilisation=0.5,
        capacity_rps=workers / mean_s if mean_s else None,
        draining=draining,
        generator_limited=limited,
        window=window,
    )


CASES = [
    ("it acted a moment ago", metrics(last=9.0, missed=50), 40, "maintain", 10, "cooling down until 11.0 s"),
    (
        "the cooldown is over but for 10 ms",
        metrics(last=8.009, attempts=50, occupied_s=5.0, missed=50),
        40,
        "scale-up",
        11,
        "missed",
    ),
    (
        "half of the rate is missed: a quarter more",
        metrics(attempts=50, occupied_s=10.0, missed=50),
        40,
        "scale-up",
        13,
        "50.0 of 100.0 RPS",
    ),
    ("not beyond what the target asks for", metrics(attempts=80, occupied_s=9.5, missed=20), 40, "scale-up", 12, "missed"),
    (
        "nearly there: in proportion to what is missing",
        metrics(20, attempts=95, occupied_s=19.0, missed=5),
        40,
        "scale-up",
        21,
        "missed",
    ),
    (
        "nearly there with many: a share of many is more than one",
        metrics(40, attempts=92, occupied_s=36.8, missed=8),
        40,
        "scale-up",
        44,
        "8.0 RPS missed",
    ),
    ("its own cap is near", metrics(49, attempts=50, occupied_s=50.0, missed=50), 40, "scale-up", 50, "up to maxWorkers 50"),
    (
        "its own cap is reached",
        metrics(50, attempts=50, occupied_s=50.0, missed=50),
        40,
        "maintain",
        50,
        "maxWorkers 50 is reached",
    ),
    (
        "the run has one left",
        metrics(attempts=50, occupied_s=10.0, missed=50),
        1,
        "scale-up",
        11,
        "up to the run's worker limit",
    ),
    (
        "the run has none left",
        metrics(attempts=50, occupied_s=10.0, missed=50),
        0,
        "maintain",
        10,
        "the run's worker limit is reached",
    ),
    (
        "we are the bottleneck",
        metrics(attempts=50, missed=50, limited=True),
        40,
        "maintain",
        10,
        "generator is at its CPU limit",
    ),
    ("no attempt has ended and all is missed", metrics(1, attempts=0, occupied_s=0.0, missed=90), 40, "scale-up", 2, "missed"),
    (
        "twice as many as needed",
        metrics(),
        40,
        "scale-down",
        7,
        "capacity 200.0 RPS with 10 workers exceeds 1.1 times 100.0 RPS",
    ),
    ("not below the need", metrics(7), 40, "scale-down", 6, "capacity above 110.0 RPS"),
    ("not below what was occupied at once", metrics(peak_lanes=9), 40, "scale-down", 9, "the most occupied at once lately"),
    ("all were occupied at once lately", metrics(peak_lanes=10), 40, "maintain", 10, "10 are needed"),
    ("not below its minimum", metrics(3, occupied_s=0.5, service_s=0.5), 40, "scale-down", 2, "exceeds"),
    ("at its minimum", metrics(2, occupied_s=0.5), 40, "maintain", 2, "minWorkers"),
    (
        "the ramp is halfway: the target after it counts",
        metrics(attempts=25, starts_due=25.0, occupied_s=2.5),
        40,
        "maintain",
        10,
        "capacity 100.0 RPS: as many as needed",
    ),
    ("as many as needed", metrics(5), 40, "maintain", 5, "as many as needed"),
    ("the window is young", metrics(full=False), 40, "maintain", 10, "not full yet"),
    ("nothing has ended yet", metrics(attempts=0, occupied_s=0.0), 40, "maintain", 10, "no attempt has ended"),
    ("too little was completed", metrics(attempts=89, occupied_s=4.45), 40, "maintain", 10, "too few to judge"),
    ("half of it failed", metrics(failures=50), 40, "maintain", 10, "say nothing about the need"),
    (
        "it is slow without a miss, and so are we",
        metrics(attempts=50, occupied_s=0.5, limited=True),
        40,
        "maintain",
        10,
        "CPU limit",
    ),
]


@each(("seen", "free", "action", "count", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_each_branch_has_its_reason(seen, free, action, count, words):
    """Action, count and the words that say why."""
    decision = decide(CONFIG, seen, free, 10.0)
    assert (decision.action, decision.worker_count) == (action, count), decision.reason
    assert words in decision.reason
    assert decision.workers == abs(count - seen.worker_count)
    assert decision.timestamp == 10.0


counts = st.integers(0, 1000)


@given(
    workers=st.integers(2, 50),
    free=st.integers(-5, 60),
    attempts=counts,
    failures=counts,
    missed=counts,
    peak=st.integers(0, 60),
    occupied=st.floats(0, 1000),
    last=st.floats(0, 20),
    limited=st.booleans(),
)
def test_no_decision_leaves_its_bounds(workers, free, attempts, failures, missed, peak, occupied, last, limited):
    """Never beyond maxWorkers or the free workers, never below minWorkers or the peak, never within the cooldown."""
    seen = metrics(
        workers,
        attempts=attempts,
        failures=min(failures, attempts),
        missed=missed,
        peak_lanes=peak,
        occupied_s=occupied,
        last=last,
        limited=limited,
    )
    decision = decide(CONFIG, seen, free, 20.0)
    assert decision.reason
    if decision.action == "scale-up":
        assert workers < decision.worker_count <= min(CONFIG.max_workers, workers + free)
        assert missed > 0
        assert not limited
    elif decision.action == "scale-down":
        assert max(CONFIG.min_workers, peak) <= decision.worker_count < workers
        assert missed == 0
    else:
        assert decision.worker_count == workers
    if decision.action != "maintain":
        assert last + CONFIG.cooldown_period <= 20.0 + 0.010 + 1e-9
