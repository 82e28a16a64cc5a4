"""Two runs that name one place for their results: the second is refused before it sends anything."""

import errno
import fcntl
import json
import os
import signal
from contextlib import contextmanager

import pytest
from commands import BOUND_S, begun, tressi
from engines import descriptors

from tressi.cli.claims import Claims
from tressi.errors import ConfigError
from tressi.report.formats import FORMATS

pytestmark = pytest.mark.timed


def config_file(directory, url, duration=1):
    """A config of one slow endpoint."""
    path = directory / f"config-{duration}.json"
    path.write_text(json.dumps({"duration": duration, "rps": 20, "requests": [{"url": f"{url}/fast"}]}))
    return path


@contextmanager
def under_way(*arguments):
    """A run that has begun."""
    process = begun("run", *arguments)
    try:
        while not process.stderr.readline().startswith("running"):
            assert process.poll() is None
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_second_run_into_one_place_is_refused_and_the_first_is_whole(target, tmp_path):
    """Of a directory, a summary and a stream; neither report nor run may write there, and after the end both may."""
    config, results = config_file(tmp_path, target, 60), tmp_path / "results"
    places = {
        "export": ("--export", results),
        "--json": ("--json", tmp_path / "x.json"),
        "--stream": ("--stream", tmp_path / "s"),
    }
    short = config_file(tmp_path, target)
    with under_way(config, *(part for pair in places.values() for part in pair)) as process:
        for place, pair in places.items():
            second = tressi("run", short, *pair)
            assert second.returncode == 2
            assert f"{place}: '{pair[1]}' is being written by another run, and only one at a time may" in second.stderr
            assert "running" not in second.stderr
        assert (tmp_path / "s").stat().st_size > 0
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=BOUND_S)
    assert process.returncode == 130
    assert json.loads((tmp_path / "x.json").read_text())["endReason"] == "interrupted"
    assert json.loads((results / "summary.json").read_text())["endReason"] == "interrupted"
    assert {path.name for path in results.iterdir()} == set(FORMATS)
    assert tressi("run", short, "--export", results).returncode == 0
    assert json.loads((results / "summary.json").read_text())["endReason"] == "duration"


def test_a_report_keeps_away_from_a_directory_that_a_run_writes(target, tmp_path):
    """It says so, and writes nothing; elsewhere it writes."""
    tressi("run", config_file(tmp_path, target), "--json", tmp_path / "x.json")
    results = tmp_path / "results"
    with under_way(config_file(tmp_path, target, 60), "--export", results):
        refused = tressi("report", tmp_path / "x.json", "-o", results)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert f"--output: '{results}' is being written by another run" in refused.stderr
        assert "summary.json" not in {path.name for path in results.iterdir()}
        assert tressi("report", tmp_path / "x.json", "-o", tmp_path / "elsewhere").returncode == 0


def test_a_run_that_is_killed_leaves_no_claim(target, tmp_path):
    """The kernel ends the lock with the process, and its engine holds none."""
    results = tmp_path / "results"
    with under_way(config_file(tmp_path, target, 60), "--export", results) as process:
        process.kill()
        process.communicate()
        assert tressi("run", config_file(tmp_path, target), "--export", results).returncode == 0


def test_one_file_for_two_flags_is_refused_whatever_it_is_called(tmp_path):
    """The same file under another path; the claims that came before it are given up."""
    (tmp_path / "x").touch()
    with pytest.raises(ConfigError, match="is where --json goes: name another place for one"):
        Claims({"--json": f"{tmp_path}/x", "--stream": f"{tmp_path}/./x"}).__enter__()
    with Claims({"--json": f"{tmp_path}/x"}):
        pass


def test_what_several_may_write_to_is_nobodys(tmp_path):
    """Standard output, a device and a pipe are claimed by no run, and no pipe is waited for; nothing is emptied."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "full").write_text("kept")
    shared = {"--json": "/dev/null", "--stream": "-", "export": None, "--output": str(tmp_path / "pipe")}
    with Claims(shared), Claims({**shared, "full": str(tmp_path / "full")}):
        assert (tmp_path / "full").read_text() == "kept"


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EBADF])
def test_a_file_system_without_locks_is_written_to_without_one(tmp_path, monkeypatch, number):
    """Some network file systems have none: two runs there are not told of each other, and each goes on."""

    def refuse(_descriptor, _operation):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    before = len(descriptors())
    with Claims({"export": str(tmp_path)}), Claims({"export": str(tmp_path)}):
        assert len(descriptors()) == before
