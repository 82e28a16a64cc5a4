"""The bounds of workers, of each endpoint and of all together."""

import pytest
from configs import ABSENT, document, off, on, problems
from each import each

from tressi.config.load import load_config

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("config", "limit", "caps", "shared"),
    [
        pytest.param(document(on(targetRps=1)), 10, [10], None, id="the default"),
        pytest.param(document(on(targetRps=1), workers=30), 30, [30], None, id="top-level workers"),
        pytest.param(
            document(on(targetRps=1), autoscale=off(maxWorkers=20), workers=30), 20, [20], None, id="the section's, disabled"
        ),
        pytest.param(
            document(on(maxWorkers=5), ABSENT, autoscale=on(maxWorkers=20, targetRps=9)),
            20,
            [5, 20],
            None,
            id="an own cap is the endpoint's alone",
        ),
        pytest.param(
            document(ABSENT, off(), autoscale=on(maxWorkers=20, targetRps=9), workers=30),
            20,
            [20],
            30,
            id="the shared pool's workers are apart",
        ),
    ],
)
def test_the_limit_of_workers(config, limit, caps, shared):
    """One limit for all autoscaled workers together, a cap for each endpoint."""
    resolved = load_config(config)

    assert resolved.worker_limit == limit
    assert [endpoint.autoscale.max_workers for endpoint in resolved.autoscaled] == caps
    assert (resolved.shared_pool and resolved.shared_pool.workers) == shared


@each(
    ("config", "line"),
    [
        pytest.param(
            document(on(targetRps=1, minWorkers=6, maxWorkers=5)),
            "requests[0].autoscale.minWorkers: minWorkers 6 is greater than maxWorkers, 5",
            id="both its own",
        ),
        pytest.param(
            document(on(maxWorkers=5), autoscale=on(targetRps=1, minWorkers=6, maxWorkers=50)),
            "requests[0].autoscale.maxWorkers: minWorkers 6, inherited from autoscale.minWorkers, "
            "is greater than maxWorkers, 5",
            id="the least inherited",
        ),
        pytest.param(
            document(ABSENT, ABSENT, autoscale=on(targetRps=1, minWorkers=11)),
            "autoscale.minWorkers: minWorkers 11 is greater than the limit of all autoscaled workers, 10; "
            "requests[0] and 1 other endpoint inherit it",
            id="the least of everyone above the limit",
        ),
        pytest.param(
            document(ABSENT, ABSENT, autoscale=on(targetRps=1, minWorkers=6)),
            "workers: the limit of all autoscaled workers, 10, is less than "
            "the minWorkers of 2 autoscaled endpoints together, 12",
            id="the sum above the default limit",
        ),
        pytest.param(
            document(ABSENT, ABSENT, autoscale=on(targetRps=1, maxWorkers=1)),
            "autoscale.maxWorkers: the limit of all autoscaled workers, 1, is less than "
            "the minWorkers of 2 autoscaled endpoints together, 2",
            id="the sum above the section's limit",
        ),
        pytest.param(
            document(on(targetRps=1, minWorkers=3, initialWorkers=2)),
            "requests[0].autoscale.initialWorkers: 2 is not within minWorkers 3 and maxWorkers 10",
            id="a start below the least",
        ),
        pytest.param(
            document(on(maxWorkers=4), autoscale=on(targetRps=1, initialWorkers=5)),
            "requests[0].autoscale.maxWorkers: initialWorkers 5, inherited from autoscale.initialWorkers, "
            "is not within minWorkers 1 and maxWorkers 4",
            id="an inherited start above the cap",
        ),
        pytest.param(
            document(on(initialWorkers=2), autoscale=on(targetRps=1, minWorkers=4)),
            "requests[0].autoscale.initialWorkers: 2 is not within minWorkers 4, inherited from autoscale.minWorkers, "
            "and maxWorkers 10",
            id="a start below the inherited least",
        ),
        pytest.param(
            document({"enabled": False}, ABSENT, autoscale=on(targetRps=1, minWorkers=4, initialWorkers=3)),
            "autoscale.initialWorkers: 3 is not within minWorkers 4 and maxWorkers 10; requests[1] inherits it",
            id="a start of everyone below the least",
        ),
    ],
)
def test_bounds_of_workers_that_cross_are_an_error(config, line):
    """The place is the one that the author can change."""
    assert problems(config) == [line]


def test_a_limit_that_is_just_enough_is_no_error():
    """The sum of the least may be the limit itself."""
    config = load_config(document(ABSENT, ABSENT, autoscale=on(targetRps=2, minWorkers=2, maxWorkers=4, initialWorkers=2)))

    assert config.worker_limit == 4
