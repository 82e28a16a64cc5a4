"""What other systems than Linux get: built here without epoll, from sources that find none of Linux's own headers."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from commands import at_once
from servers import raw_server

pytestmark = pytest.mark.alone

ROOT = Path(__file__).parent.parent
SOURCES = ("setup.py", "pyproject.toml", "README.md", "LICENSE")
LINUX_ONLY = (
    *(f"sys/{name}.h" for name in ("epoll", "timerfd", "eventfd", "signalfd", "inotify", "prctl", "sendfile", "sysinfo")),
    *(f"linux/{name}.h" for name in ("errqueue", "net_tstamp", "sched", "sockios", "tcp", "version")),
)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BOUND_S = 120


@pytest.fixture(scope="session")
def poisoned(tmp_path_factory):
    """A folder of headers that stop the compiler, each in the place of one that only Linux has."""
    folder = tmp_path_factory.mktemp("include")
    for name in LINUX_ONLY:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f"#error {name} is on Linux alone\n")
    return folder


@pytest.fixture(scope="session")
def variant(tmp_path_factory, poisoned):
    """A copy of the package, built without epoll: the folder to run Python in."""
    folder = tmp_path_factory.mktemp("variant")
    shutil.copytree(ROOT / "tressi", folder / "tressi", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    for name in SOURCES:
        shutil.copy2(ROOT / name, folder)
    environment = {**os.environ, "TRESSI_WITHOUT_EPOLL": "1", "CFLAGS": f"-I{poisoned}"}
    done = run(folder, "setup.py", "-q", "build_ext", "--inplace", "--parallel", "2", env=environment)
    assert done.returncode == 0, done.stderr
    return folder


def run(folder, *arguments, env=None):
    """Run Python in `folder`, whose tressi it finds first."""
    env = {**(env or os.environ), "PYTHONPATH": str(folder)}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=BOUND_S, check=False)


def compiled(poisoned, *flags):
    """What the compiler says of the reactor's system calls alone, as strict C of POSIX."""
    strict = ("-std=c11", "-pedantic-errors", "-Wall", "-Wextra", "-Werror", "-D_POSIX_C_SOURCE=200809L")
    command = ["cc", "-fsyntax-only", *strict, *flags, f"-I{poisoned}", "-xc", str(ROOT / "tressi" / "wire" / "socket.h")]
    return subprocess.run(command, capture_output=True, text=True, timeout=BOUND_S, check=False)


def test_without_epoll_only_posix_is_asked_for(poisoned):
    """The system calls need no header of Linux and no extension of the compiler; with epoll the same headers are missed."""
    without = compiled(poisoned, "-DTRESSI_WITHOUT_EPOLL")
    assert (without.returncode, without.stderr) == (0, "")
    assert "sys/epoll.h is on Linux alone" in compiled(poisoned).stderr


def test_the_variant_is_what_runs_here(variant):
    """Its modules are the copy's, they say that there is no epoll, and the reactor has no descriptor."""
    program = (
        "from tressi import _core, _wire; print(_core.__file__, _wire.__file__);"
        "reactor = _wire.Reactor(_core.Arena(1)); reactor.be_alone(); reactor.start(); reactor.turn();"
        "print(_core.HAS_EPOLL, reactor.fileno())"
    )
    done = run(variant, "-c", program)
    files, said = done.stdout.splitlines()
    assert all(file.startswith(str(variant)) for file in files.split())
    assert said == "False -1"


def test_the_second_transport_counts_alike(variant):
    """All that is said of it where there is epoll holds where there is none."""
    tables = [ROOT / "tests" / name for name in ("test_load_conformance.py", "test_load_permits.py")]
    runs = [("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "urllib3", table) for table in tables]
    for done in at_once(*runs, bound_s=BOUND_S, cwd=variant, env={**os.environ, "PYTHONPATH": str(variant)}):
        assert done.returncode == 0, done.stdout
        assert "passed" in done.stdout


def slow_or_fast(conversation):
    """`/slow` takes 50 ms, everything else none."""
    while seen := conversation.request():
        if seen.target == "/slow":
            conversation.pause(0.05)
        conversation.send(OK)


def config_file(folder, *requests, **fields):
    """A config, as a file."""
    path = folder / "config.json"
    path.write_text(json.dumps({"duration": 4, "requests": requests, **fields}))
    return path


def autoscaled(url, rps, **more):
    """A request with a pool of its own, that grows quickly from one worker."""
    settings = {
        "enabled": True,
        "targetRps": rps,
        "maxWorkers": 20,
        "initialWorkers": 1,
        "scaleUpFactor": 1,
        "cooldownPeriod": 1,
    }
    return {"url": url, "autoscale": {**settings, **more}}


@pytest.fixture(scope="session")
def finished(variant, tmp_path_factory):
    """The summary of a run from the command line, and how often the target was asked for what."""
    folder = tmp_path_factory.mktemp("run")
    with raw_server(slow_or_fast) as server:
        requests = [autoscaled(f"{server.url}fast", 100), autoscaled(f"{server.url}slow", 80)]
        done = run(variant, "-m", "tressi", config_file(folder, *requests), "--processes", "2", "--quiet", "--json", "-")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout), Counter(seen.target for seen in server.requests)


def test_the_rate_is_kept_by_the_targets_count(finished):
    """What the summary counts is what came, and each start of the schedule was made or missed."""
    summary, seen = finished
    fast, slow = summary["endpoints"]
    assert (fast["requestsMade"], slow["requestsMade"]) == (seen["/fast"], seen["/slow"])
    assert fast["requestsMade"] == pytest.approx(400, abs=12)
    for found, scheduled in ((fast, 400), (slow, 320), (summary["global"], 720)):
        assert found["requestsMade"] == found["requestsSucceeded"] + found["requestsFailed"]
        assert found["requestsMade"] + found["requestsMissed"] == pytest.approx(scheduled, abs=2)
        assert found["statusCodes"] == {"200": found["requestsMade"]}
    assert {key: summary["global"][key] for key in seen_sums(summary)} == seen_sums(summary)


def seen_sums(summary):
    """The sums over the endpoints."""
    keys = ("requestsMade", "requestsSucceeded", "requestsFailed", "requestsMissed", "bytesSent", "bytesReceived")
    return {key: sum(found[key] for found in summary["endpoints"]) for key in keys}


def test_a_pool_that_is_too_small_grows(finished):
    """80 requests a second of 50 ms each are more than a worker, and more than two, can do."""
    summary, _ = finished
    slow = summary["endpoints"][1]
    grown = [made for made in summary["scaling"] if made["endpointKey"] == slow["endpointKey"] and made["action"] == "scale-up"]
    assert "RPS" in grown[0]["reason"]
    assert slow["peakWorkerCount"] >= 4
    assert summary["timeline"][-1]["endpoints"][slow["endpointKey"]]["workerCount"] >= 4


def test_our_own_clock_is_told(finished):
    """Nobody stamps arrivals, and the summary says so; CPU time is known without the scheduler's statistics."""
    summary, _ = finished
    generator = summary["generator"]
    assert (generator["clock"], generator["userTimed"]) == ("user", summary["global"]["requestsMade"])
    assert generator["cpuPercent"] > 0
    assert generator["processes"] == 2


@pytest.mark.parametrize(
    ("url", "flags", "message"),
    [
        ("http://127.0.0.1:1/", ["--transport", "wire"], "--transport: wire needs epoll, which only Linux has"),
        ("http+unix://%2Frun%2Fserver.sock/", [], "a unix socket needs the transport wire, which needs epoll"),
    ],
)
@pytest.mark.parametrize("command", ["run", "validate"])
def test_what_needs_epoll_is_refused(variant, tmp_path, command, url, flags, message):
    """As a mistake in the config, before anything runs."""
    done = run(variant, "-m", "tressi", command, config_file(tmp_path, {"url": url}), *flags)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
