"""A LocalEngine in a test: hand-made configs, waiting for what it counts, and the laws that hold at every end."""

import gc
import io
import time
from contextlib import contextmanager, suppress
from mmap import PAGESIZE
from pathlib import Path

import gevent
import pytest

from tressi.load.engine import LocalEngine
from tressi.load.plan import make_plan
from tressi.model import AutoscaleConfig, Curve, Pools, ResolvedConfig, ResolvedEndpoint, pools_of

BOUND_S = 20.0
ONCE = 0.001  # a rate whose first start is due at once, and whose second long after any test


def endpoint(url, rate=None, *, method="GET", ramp_s=0.0, key=None, **fields):
    """An endpoint with a pool of its own at `rate`, or of the shared pool without one."""
    autoscale = None if rate is None else AutoscaleConfig(rate, 1, 1_000, ramp_up_time=ramp_s)
    return ResolvedEndpoint(
        endpoint_key=key or f"{method} {url}", method=method, url=url, masked_url=url, autoscale=autoscale, **fields
    )


def config_of(*endpoints, **fields):
    """A config of these endpoints alone."""
    return ResolvedConfig(endpoints=endpoints, shared_pool=fields.pop("shared_pool", None), worker_limit=1_000, **fields)


class Driven:
    """An engine under way, with the pools through which a run would change it; all else is the engine's own."""

    def __init__(self, engine, config, workers, tables=None):
        """Start it, each autoscaled endpoint and each flow with `workers[endpoint_key]`."""
        self.engine = engine
        shared = config.shared_pool.workers if config.shared_pool is not None else 0
        pools = pools_of(config)
        counts = {pool.id: workers.get(pool.endpoint_keys[0], shared) for pool in pools}
        self.pools = Pools(pools, counts, engine)
        engine.build(make_plan(config, counts, tables))
        begin_ns = engine.go()
        gevent.sleep(max(0, begin_ns - time.monotonic_ns()) / 1e9)

    def __getattr__(self, name):
        return getattr(self.engine, name)

    def scale(self, endpoint_key, workers):
        """Have another number of workers."""
        self.pools.scale(endpoint_key, workers)

    def set_rate(self, endpoint_key, rps):
        """Hold another rate from now on; None is no limit."""
        self.pools.follow(endpoint_key, None if rps is None else Curve.held(rps))


@contextmanager
def running(*endpoints, workers=1, **fields):
    """An engine that drives `endpoints`, each with `workers`; no greenlet may die of an error meanwhile."""
    config = config_of(*endpoints, **fields)
    engine = LocalEngine()
    hub = gevent.get_hub()
    stream, hub.exception_stream = hub.exception_stream, io.StringIO()
    try:
        yield Driven(engine, config, {one.endpoint_key: workers for one in config.autoscaled})
    finally:
        engine.stop(0)
        said, hub.exception_stream = hub.exception_stream.getvalue(), stream
    assert not said, said


def until(condition, bound_s=BOUND_S):
    """Let the hub run until `condition()` holds; returns its value. Fails the test when it never does."""
    give_up = time.monotonic() + bound_s
    while not (value := condition()):
        if time.monotonic() > give_up:
            pytest.fail(f"waited {bound_s} s for what never came", pytrace=True)
        gevent.sleep(0.004)
    return value


def only(snapshot):
    """The one endpoint of a snapshot."""
    (found,) = snapshot.endpoints.values()
    return found


def made(engine):
    """Attempts that have ended, of all endpoints."""
    return sum(found.requests_made for found in engine.read().endpoints.values())


def reach(engine, attempts):
    """Wait until `attempts` have ended in all."""
    until(lambda: made(engine) >= attempts)


def reach_time(engine, time_s, one=None):
    """Wait until the engine has run for `time_s`; `one` is the endpoint to ask where reading all would take its time."""
    reached = time.monotonic() + time_s - engine.read(endpoint_key=one and one.endpoint_key).time_s
    until(lambda: time.monotonic() >= reached)


def finish(engine, drain_s=10.0):
    """Stop, and return the last snapshot once its laws are checked."""
    engine.stop(drain_s)
    snapshot = engine.read()
    for found in snapshot.endpoints.values():
        check_counts(found)
    return snapshot


def check_counts(found):
    """Every attempt ended in a response or in an error of one kind, and in one of success and failure; or it was cut."""
    responses = sum(found.status_codes.values())
    errors = dict(found.errors)
    unexpected = errors.pop("expectation", 0)
    assert found.requests_made == found.succeeded + found.failed == responses + sum(errors.values())
    assert found.service.count == found.first_byte.count == responses
    assert found.success.count == found.succeeded
    # Starts given up because no lane was free may be in the response times as well, and connections that had a limit of time.
    waited = responses + errors.get("timeout", 0) + found.cut
    refused = sum(errors.get(kind, 0) for kind in ("dns", "connect", "tls"))
    assert waited <= found.response.count <= waited + refused + found.missed
    assert unexpected <= responses


def attempt(*endpoints, **fields):
    """One attempt of one endpoint, from its start to its end; `endpoint` must have the rate ONCE."""
    with running(*endpoints, **fields) as engine:
        reach(engine, 1)
        return finish(engine)


def descriptors():
    """The file descriptors that this process has open, with what they are; garbage is collected first."""
    gc.collect()
    found = {}
    for entry in Path("/proc/self/fd").iterdir():
        # The descriptor by which the directory is read is gone by now.
        with suppress(FileNotFoundError):
            found[int(entry.name)] = str(entry.readlink())
    return found


def resident_bytes():
    """What this process holds in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGESIZE
