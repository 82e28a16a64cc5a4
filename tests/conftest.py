"""What holds for all tests."""

import gc
import os
import sys

import pytest
from hypothesis import HealthCheck, settings
from lanes import LANES, Guard, LaneModule, lane_of, lanes_named, longest_first
from tls_ways import PYTHON_TLS

import tressi.log

GUARD = Guard()

# How long examples take is the machine's affair, and no test asserts on it.
settings.register_profile("tressi", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tressi")


def pytest_addoption(parser):
    """`--lane pure` runs the tests of one lane, and can be given again for another."""
    parser.addoption("--lane", action="append", choices=list(LANES), help="run the tests of this lane only; see tests/lanes.py")


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


@pytest.fixture(autouse=True)
def _log_of_its_own():
    """A test that sets up the log, as the command line does, leaves no closed stream to the next one."""
    yield
    tressi.log._OUTPUT._wanted = None
    if "structlog" in sys.modules:
        sys.modules["structlog"].reset_defaults()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Keep a pure test away from the world, its fixtures included."""
    if lane_of(item) != "pure":
        return (yield)
    with GUARD.watching():
        return (yield)


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


@pytest.fixture(autouse=True)
def _no_proxy_variables(monkeypatch):
    """The machine's own would be remarked on in front of every run."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


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
