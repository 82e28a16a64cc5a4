"""What holds for all tests."""

import gc
import importlib
import os
import signal
import sys
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from lanes import LANES, Guard, LaneModule, lane_of, lanes_named, longest_first
from tls_ways import PYTHON_TLS

import tressi.log

GUARD = Guard()
TESTS = Path(__file__).parent

# How long examples take is the machine's affair, and no test asserts on it.
settings.register_profile("tressi", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tressi")


def pytest_addoption(parser):
    """`--lane pure` runs the tests of one lane, and can be given again for another."""
    parser.addoption("--lane", action="append", choices=list(LANES), help="run the tests of this lane only; see tests/lanes.py")


def pytest_configure():
    """Forget what a command would inherit: proxies, which are remarked on in front of every run, and a hang-up ignored."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]
    # Under nohup a hang-up is ignored, which a command inherits and keeps to; only the test of nohup wants that.
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session):
    """Import the modules, each worker from another one on.

    In a fresh checkout pytest takes longer to rewrite the assertions of a module than to do anything else with it. All workers
    collect all modules, so that each of them would rewrite all, one beside the other; this way, a worker finds half of them
    rewritten. What cannot be imported is told by the collection, which tries again.
    """
    worker = getattr(session.config, "workerinput", None)
    if worker is None or session.config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return  # to collect a part of them is the matter of a moment
    paths = [path for path in sorted(TESTS.glob("test_*.py")) if not pytest_ignore_collect(path, session.config)]
    first = len(paths) * int(worker["workerid"].removeprefix("gw")) // worker["workercount"]
    for path in paths[first:] + paths[:first]:
        with suppress(Exception, pytest.skip.Exception):
            importlib.import_module(path.stem)


def pytest_ignore_collect(collection_path, config):
    """Leave modules alone that name other lanes only: importing all of them takes as long as many tests."""
    wanted = config.getoption("lane")
    if wanted and collection_path.name.startswith("test_"):
        named = lanes_named(collection_path.read_text(encoding="utf-8"))
        return (bool(named) and named.isdisjoint(wanted)) or None
    return None


def pytest_pycollect_makemodule(module_path, parent):
    """Every module names its lane."""
    return LaneModule.from_parent(parent, path=module_path)


def pytest_collection_modifyitems(config, items):
    """Leave out the tests of other lanes, and begin with the modules that take longest."""
    wanted = config.getoption("lane") or LANES
    left_out = [item for item in items if lane_of(item) not in wanted]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if lane_of(item) in wanted]
    items.sort(key=longest_first)


def pytest_collection_finish():
    """Have no later collection of garbage look at what collecting the tests has made, which is a hundred megabytes."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Keep a pure test away from the world, its fixtures included, and every test from the log of the one before it.

    What every test needs is done here: as a fixture, it takes a tenth of the time of all quick tests.
    """
    with GUARD.watching() if lane_of(item) == "pure" else nullcontext():
        done = yield
    # A test that sets up the log, as the command line does, leaves no closed stream to the next one.
    tressi.log._OUTPUT._wanted = None
    if "structlog" in sys.modules:
        sys.modules["structlog"].reset_defaults()
    return done


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    """A refusal that the code under test has swallowed fails the test all the same."""
    done = yield
    if lane_of(pyfuncitem) == "pure" and GUARD.seen:
        pytest.fail(GUARD.seen[0])
    return done


@pytest.fixture(params=["openssl", "python"])
def tls_way(request, monkeypatch):
    """Each of the two ways of the reactor's TLS: by OpenSSL itself, and by objects of Python's."""
    if request.param == "python":
        monkeypatch.setenv("TRESSI_PYTHON_TLS", "1")
    else:
        monkeypatch.delenv("TRESSI_PYTHON_TLS", raising=False)
    return request.param


@pytest.fixture(params=["wire", "urllib3"])
def transport(request, monkeypatch):
    """Each of the two transports; see `tls_ways.EVERY_TLS` for the third way."""
    if request.param == PYTHON_TLS:
        monkeypatch.setenv("TRESSI_PYTHON_TLS", "1")
        return "wire"
    return request.param


@pytest.fixture(scope="session")
def target():
    """The URL of the embedded target, one for all tests of a session."""
    from tressi.testing.target import Target

    with Target() as url:
        yield url


@pytest.fixture(scope="module")
def authority():
    """A certificate authority that no system knows."""
    import trustme

    return trustme.CA()


@pytest.fixture
def ca_file(authority, tmp_path):
    """Its certificate, as a file."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return str(tmp_path / "ca.pem")
