"""`tressi run` as a user runs it: in a process, against a real target."""

import json
import os
import pty
import re
import shutil
from argparse import ArgumentParser
from pathlib import Path

import pytest
from commands import BOUND_S, at_once, begun, check_sums, config_file, tressi
from servers import refusing_port

from tressi.cli.arguments import add_export
from tressi.report.formats import FORMATS

pytestmark = pytest.mark.timed


# The embedded target speaks HTTP/1.1 alone; the example of HTTP/2 runs in test_load_h2_servers.py.
EXAMPLES = sorted(
    one for one in (Path(__file__).parent.parent / "examples").glob("*.json") if '"protocol"' not in one.read_text()
)


def test_a_run_ends_with_its_summary(target, tmp_path):
    """The JSON alone is on standard output, the table on standard error, and the exit code is 0."""
    done = tressi("run", config_file(tmp_path, f"{target}/fast", f"{target}/flaky"), "--json", "-")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    check_sums(summary)
    assert summary["endReason"] == "duration"
    assert summary["global"]["requestsMade"] == pytest.approx(100, abs=3)
    assert "response times in ms" in done.stderr


def test_the_table_is_the_result(target, tmp_path):
    """Without --json the table is on standard output; --quiet leaves nothing on standard error."""
    done = tressi(config_file(tmp_path, f"{target}/fast"), "--quiet")
    assert done.returncode == 0
    assert "the rate asked for was kept" in done.stdout.splitlines()[-1]
    assert done.stderr == ""


def test_several_engines_make_one_summary(target, tmp_path):
    """Two processes share the rate, and the summary is of both."""
    done = tressi("run", config_file(tmp_path, f"{target}/fast", rps=200), "--processes", 2, "--quiet", "--json", "-")
    summary = json.loads(done.stdout)
    check_sums(summary)
    assert summary["generator"]["processes"] == 2
    assert summary["global"]["requestsMade"] == pytest.approx(200, abs=4)


@pytest.mark.parametrize("count", ["0", "-1", "many"])
def test_a_count_of_processes_that_is_none_is_bad_usage(target, tmp_path, count):
    """The message says what there may be."""
    done = tressi("run", config_file(tmp_path, f"{target}/fast"), f"--processes={count}")
    assert done.returncode == 2
    assert f"'{count}' is neither a count of 1 or more nor auto" in " ".join(done.stderr.split())


def test_an_export_is_written(target, tmp_path):
    """`--export` makes the directory and every file, and the JSON says the same as the CSV."""
    folder = tmp_path / "new" / "results"
    done = tressi("run", config_file(tmp_path, f"{target}/fast"), "--export", folder)
    assert done.returncode == 0
    summary = json.loads((folder / "summary.json").read_bytes())
    rows = (folder / "endpoints.csv").read_text().splitlines()
    assert len(rows) == 1 + len(summary["endpoints"])
    assert len((folder / "timeline.csv").read_text().splitlines()) == 1 + 2 * len(summary["timeline"])


def test_an_export_over_an_earlier_one_says_so(target, tmp_path):
    """Before the run, with the date of the one that it replaces; a directory without results is nothing to speak of."""
    folder, config = tmp_path / "results", config_file(tmp_path, f"{target}/fast")
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    first = tressi(config, "--quiet", "--export", folder)
    assert (first.returncode, first.stderr) == (0, "")
    started = json.loads((folder / "summary.json").read_bytes())["startedAt"]
    second = tressi(config, "--quiet", "--export", f"{folder}/")
    day, time_of_day = started.split("T")
    assert second.stderr == f"tressi: {folder}/ holds a run of {day} {time_of_day[:8]} UTC: its files are replaced\n"
    assert json.loads((folder / "summary.json").read_bytes())["startedAt"] > started
    (folder / "summary.json").write_text("{}")
    third = tressi(config, "--quiet", "--export", folder)
    assert third.stderr == f"tressi: {folder}/ holds files of an export: they are replaced\n"
    assert (folder / "notes.txt").read_text() == "mine"


def test_long_keys_are_whole_in_a_pipe(target, tmp_path):
    """Not folded at the 80 columns that a pipe has not."""
    long = f"{target}/fast?" + "long=1&" * 60
    done = tressi(config_file(tmp_path, long, f"{target}/fast"), "--quiet")
    assert any("long=1&" * 60 in line for line in done.stdout.splitlines())


def test_an_export_without_a_name_is_named_by_the_date(target, tmp_path):
    """The directory is a new one in the current, its name is said, and standard output is still the table's."""
    config_file(tmp_path, f"{target}/fast")
    done = tressi("config.json", "--no-ui", "--export", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert re.fullmatch(r"tressi-\d{8}-\d{6}", folder.name)
    assert {path.name for path in folder.iterdir()} == set(FORMATS)
    assert done.stderr.endswith(f"tressi: the results are in {folder.name}\n")
    assert folder.name not in done.stdout


def test_a_second_export_does_not_overwrite_the_first(tmp_path, monkeypatch):
    """Runs that start in one second have directories of their own."""
    monkeypatch.chdir(tmp_path)
    parser = ArgumentParser()
    add_export(parser)
    names = set()
    for _ in range(3):
        name = parser.parse_args(["--export"]).export
        Path(name).mkdir()
        names.add(name)
    assert len(names) == 3


@pytest.mark.parametrize("config", ["config.json", "-", "https://127.0.0.1/config.json"])
def test_a_config_behind_the_export_flag_is_not_taken_for_a_directory(tmp_path, config):
    """The flag would swallow it; the message says where it goes."""
    config_file(tmp_path, "http://127.0.0.1:9/")
    done = tressi("--export", config, cwd=tmp_path)
    assert done.returncode == 2
    assert f"argument --export: {config!r} is no directory (CONFIG goes before this flag)" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_every_example_runs(target, tmp_path):
    """Each example does what it is there for against the embedded target."""
    configs = [tmp_path / example.name for example in EXAMPLES]
    shutil.copy(EXAMPLES[0].parent / "users.csv", tmp_path)
    for example, config in zip(EXAMPLES, configs, strict=True):
        config.write_text(example.read_text().replace("http://127.0.0.1:8080", target))
    runs = [("-m", "tressi", "run", config, "--duration", 1, "--quiet", "--json", "-") for config in configs]
    for config, done in zip(configs, at_once(*runs), strict=True):
        assert done.returncode in {0, 1}, f"{config.name}: {done.stderr}"
        summary = json.loads(done.stdout)
        check_sums(summary)
        is_broken = summary["endReason"] == "early-exit" or not all(one["passed"] for one in summary["thresholds"])
        assert is_broken == bool(done.returncode), config.name


def test_not_one_success_fails_the_test(tmp_path):
    """A target that refuses everything is a failed test, told with its reason."""
    with refusing_port() as port:
        done = tressi("run", config_file(tmp_path, f"http://127.0.0.1:{port}/"))
    assert done.returncode == 1
    assert "target failing" in done.stdout
    assert "Traceback" not in done.stderr


def test_an_endpoint_without_a_success_fails_the_test(target, tmp_path):
    """However well the others do; the last line is the verdict with the exit code's reason."""
    with refusing_port() as port:
        done = tressi("run", config_file(tmp_path, f"{target}/fast", f"http://127.0.0.1:{port}/"), "--quiet")
    assert done.returncode == 1
    last = done.stdout.splitlines()[-1]
    assert last.startswith(f"FAILED, exit code 1: GET http://127.0.0.1:{port}/: not one of ")


def test_the_last_line_knows_of_a_result_that_could_not_be_written(target, tmp_path):
    """The run has passed, and the exit code is another one for a reason that stands there."""
    done = tressi("run", config_file(tmp_path, f"{target}/fast"), "--quiet", "--json", "/dev/full")
    assert done.returncode == 3
    last = done.stdout.splitlines()[-1]
    assert last.startswith("PASSED, exit code 3 (a result could not be written): ")


def test_an_early_exit_fails_the_test(target, tmp_path):
    """The run ends before its time, and says why."""
    config = config_file(tmp_path, f"{target}/flaky", duration=60, earlyExitOnError=True, errorStatusCodes=[503])
    done = tressi("run", config, "--quiet", "--json", "-")
    assert done.returncode == 1
    summary = json.loads(done.stdout)
    assert summary["endReason"] == "early-exit"
    assert "503" in summary["endDetail"]
    check_sums(summary)


def test_a_broken_threshold_fails_the_test(target, tmp_path):
    """Of the config or of the command line: exit code 1 although the run ended by its duration, and the table says which."""
    holds = config_file(tmp_path, f"{target}/fast", thresholds=["*: errorRate < 1%", "p99[1s] < 10s"])
    run = ("-m", "tressi", "run", holds, "--quiet")
    kept, done = at_once(run, (*run, "--fail-if", "statusCodes(200) > 0"))
    assert kept.returncode == 0, kept.stdout
    assert "passed  p99[1s] < 10s" in kept.stdout
    assert done.returncode == 1
    assert "FAILED  fail if statusCodes(200) > 0  (" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("FAILED, exit code 1: 1 of 3 thresholds is broken: ")
    assert "ended by duration" in done.stdout


def test_a_terminal_gets_a_live_picture(target, tmp_path):
    """On a terminal progress is drawn on a screen of its own, and the cursor is shown again at the end."""
    controller, terminal = pty.openpty()
    capable = {**os.environ, "TERM": "xterm", "NO_COLOR": ""}
    process = begun("run", config_file(tmp_path, f"{target}/fast", duration=2), stderr=terminal, env=capable)
    os.close(terminal)
    seen = b""
    while True:
        try:
            piece = os.read(controller, 65536)
        except OSError:  # the other side has closed
            break
        seen += piece
    process.communicate(timeout=BOUND_S)
    os.close(controller)
    assert process.returncode == 0
    assert b"/fast" in seen
    assert b"s left" in seen
    assert b"\x1b[?25h" in seen


def test_the_demo_needs_nothing_else():
    """It starts its own target, shows pools that are scaled with their reasons, and leaves no process behind."""
    done = tressi("demo", "--duration", 3)
    assert done.returncode == 0, done.stderr
    assert "workers: " in done.stderr
    for place in ("/fast", "/slow", "/flaky", "/tide"):
        assert f"GET {place}" in done.stdout
