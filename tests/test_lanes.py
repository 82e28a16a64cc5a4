"""The lanes: a module names its own, and a pure test that is none is refused in words."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from lanes import LANES, Guard

pytestmark = pytest.mark.timed

ROOT = Path(__file__).parent.parent
MODULES = {
    "test_none.py": "def test_it(): pass",
    "test_two.py": "import pytest\npytestmark = [pytest.mark.pure, pytest.mark.timed]\ndef test_it(): pass",
    "test_swallows.py": """
import socket, pytest
pytestmark = pytest.mark.pure
def test_it():
    try:
        socket.socket()
    except BaseException:
        pass
def test_after_it():
    pass
""",
    "test_in_a_fixture.py": """
import subprocess, pytest
pytestmark = pytest.mark.pure
@pytest.fixture
def started():
    return subprocess.run(["true"])
def test_it(started):
    pass
""",
    "test_marked.py": """
import socket, pytest
pytestmark = pytest.mark.pure
@pytest.mark.timed
def test_it():
    socket.socket().close()
""",
}


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (socket.socket, "opens a socket"),
        (lambda: subprocess.run(["true"], check=True), "starts a process"),
        (os.fork, "starts a process"),
        (lambda: time.sleep(0), "sleeps"),
    ],
)
def test_a_pure_test_reaches_nothing_outside(act, words):
    """It fails where it tries, with what it did and what to do; afterwards nothing is refused."""
    guard = Guard()
    with guard.watching(), pytest.raises(pytest.fail.Exception, match=words):
        act()
    assert [words in said and "@pytest.mark.timed" in said for said in guard.seen] == [True]
    time.sleep(0)
    assert len(guard.seen) == 1


def run(folder, *arguments):
    """What pytest says of the modules in `folder`, line by line."""
    command = [sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", "--rootdir", folder, "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "-rA", *arguments, folder], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    return done.stdout.splitlines()


def test_every_test_is_in_a_lane_and_keeps_to_it(tmp_path):
    """What is in none, or leaves its own, is an error that says so, also where the code under test hides it."""
    for name, text in MODULES.items():
        (tmp_path / name).write_text(text)
    for name in ("conftest.py", "lanes.py", "tls_ways.py"):
        shutil.copy(ROOT / "tests" / name, tmp_path)
    said = run(tmp_path, "--continue-on-collection-errors")
    text = "\n".join(said)
    for name, words in [("test_none.py", "names no lane"), ("test_two.py", "names 2 lanes")]:
        assert f"ERROR {name}" in text
        assert f"{name} {words}. Write `pytestmark" in text
    assert "FAILED test_swallows.py::test_it" in text
    assert "a test of the lane `pure` opens a socket (socket.__new__): mark it with" in text
    assert "ERROR test_in_a_fixture.py::test_it" in text
    passed = {line.removeprefix("PASSED ") for line in said if line.startswith("PASSED")}
    assert passed == {"test_swallows.py::test_after_it", "test_marked.py::test_it"}
    assert "1 passed" in run(tmp_path, "--continue-on-collection-errors", "--lane", "timed")[-1]


def test_pytest_and_the_runner_know_the_same_lanes():
    """Each is a mark of the project and an argument of scripts/test."""
    project, script = ((ROOT / place).read_text() for place in ("pyproject.toml", "scripts/test"))
    for lane in LANES:
        assert f'"{lane}: ' in project
        assert lane in script
