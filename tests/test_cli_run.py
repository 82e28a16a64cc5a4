"""`tressi run` as a user runs it: in a process, against a real target, ended in every way."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from commands import at_once
from servers import hanging_port, refusing_port

from tressi.cli.arguments import add_export
from tressi.report.formats import FORMATS
from tressi.testing.target import Target

pytestmark = pytest.mark.timed

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.json"))
BOUND_S = 60
signal.signal(signal.SIGQUIT, signal.SIG_DFL)  # a shell's background jobs ignore it, and so would what is started here


@pytest.fixture(scope="module")
def target():
    """The embedded target."""
    with Target() as url:
        yield url


def command(*arguments):
    """The command line of a run."""
    return [sys.executable, "-m", "tressi", *map(str, arguments)]


def tressi(*arguments):
    """Run it to its end."""
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=BOUND_S, check=False)


def config_file(folder, *urls, rps=50, **fields):
    """A config of autoscaled endpoints, as a file."""
    requests = [{"url": url, "autoscale": {"enabled": True, "targetRps": rps, "maxWorkers": 8}} for url in urls]
    path = folder / "config.json"
    path.write_text(json.dumps({"duration": 1, "workers": 20, "requests": requests, **fields}))
    return path


def check_sums(summary):
    """Attempts are successes and failures, and the global figures are the sums of the endpoints'."""
    for metrics in [summary["global"], *summary["endpoints"]]:
        assert metrics["requestsMade"] == metrics["requestsSucceeded"] + metrics["requestsFailed"]
    for name in ("requestsMade", "requestsSucceeded", "requestsFailed", "requestsMissed", "rps", "bytesSent", "bytesReceived"):
        assert summary["global"][name] == sum(endpoint[name] for endpoint in summary["endpoints"])


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
    assert "target met" in done.stdout
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
    done = subprocess.run(
        command("config.json", "--no-ui", "--export"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )
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
    done = subprocess.run(
        command("--export", config), cwd=tmp_path, capture_output=True, text=True, timeout=BOUND_S, check=False
    )
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
    assert last.startswith(f"FAILED: GET http://127.0.0.1:{port}/: not one of ")
    assert last.endswith("(exit code 1: an endpoint without a success)")


def test_the_last_line_knows_of_a_result_that_could_not_be_written(target, tmp_path):
    """The run has passed, and the exit code is another one for a reason that stands there."""
    done = tressi("run", config_file(tmp_path, f"{target}/fast"), "--quiet", "--json", "/dev/full")
    assert done.returncode == 3
    last = done.stdout.splitlines()[-1]
    assert last.startswith("PASSED: ")
    assert last.endswith("(exit code 3: a result could not be written)")


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
    assert done.stdout.splitlines()[-1].endswith("(exit code 1: a threshold is broken)")
    assert "ended by duration" in done.stdout


@contextmanager
def started(*arguments):
    """A run under way: its first line of progress has been read."""
    process = subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr.readline().startswith("running")
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGQUIT, 131), (signal.SIGTERM, 143)]
)
def test_a_signal_ends_the_run_with_its_results(target, tmp_path, number, code):
    """What was measured up to a signal is written, and the exit code names it."""
    with started("run", config_file(tmp_path, f"{target}/fast", duration=60), "--json", "-") as process:
        process.send_signal(number)
        output, _ = process.communicate(timeout=BOUND_S)
    assert process.returncode == code
    summary = json.loads(output)
    assert (summary["endReason"], summary["endDetail"]) == ("interrupted", number.name)
    check_sums(summary)


def test_a_hangup_that_is_ignored_ends_nothing(target, tmp_path):
    """Under nohup the run goes on after its terminal has gone, and ends by its duration."""
    command_line = ["nohup", *command("run", config_file(tmp_path, f"{target}/fast", duration=2), "--json", "-")]
    process = subprocess.Popen(command_line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not process.stderr.readline().startswith("running"):
        pass
    process.send_signal(signal.SIGHUP)
    output, _ = process.communicate(timeout=BOUND_S)
    assert process.returncode == 0
    assert json.loads(output)["endReason"] == "duration"


def test_a_quit_that_is_ignored_ends_nothing(target, tmp_path):
    """What a script's shell starts in the background ignores SIGQUIT, and goes on to its end."""
    run = command("run", config_file(tmp_path, f"{target}/fast", duration=2), "--json", "-")
    ignoring = ["sh", "-c", 'trap "" QUIT; exec "$@"', "sh", *run]
    process = subprocess.Popen(ignoring, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not process.stderr.readline().startswith("running"):
        pass
    process.send_signal(signal.SIGQUIT)
    output, _ = process.communicate(timeout=BOUND_S)
    assert process.returncode == 0
    assert json.loads(output)["endReason"] == "duration"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_a_signal_while_results_are_written_costs_none_of_them(target, tmp_path, number):
    """The first is noted and the writing goes on; here the table goes to a pipe that is full until the signal has come."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while os.write(writing, bytes(1 << 16)):
            pass
    os.set_blocking(writing, True)
    process = subprocess.Popen(
        command("run", config_file(tmp_path, f"{target}/fast"), "--no-ui", "--export", tmp_path / "results"),
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writing)
    # The first line of the last words: a write that waits in the kernel.
    until_waiting(process.pid, "pipe_write")
    process.send_signal(number)
    while "the results are being written" not in process.stderr.readline():
        pass
    with os.fdopen(reading, "rb") as pipe:
        shown = pipe.read()
    process.communicate(timeout=BOUND_S)
    assert process.returncode == 0
    assert b"ended by duration" in shown
    assert {path.name for path in (tmp_path / "results").iterdir()} == set(FORMATS)


def until_waiting(pid, where):
    """Wait until the process sleeps in that function of the kernel."""
    until = time.monotonic() + BOUND_S
    while where not in Path(f"/proc/{pid}/wchan").read_text():
        assert time.monotonic() < until, f"it never waited in {where}"
        time.sleep(0.01)


def test_a_second_signal_ends_it_at_once(tmp_path):
    """While requests hang, the second SIGINT cuts them instead of waiting for the drain; they are counted as cut."""
    with hanging_server() as url, started("run", config_file(tmp_path, url, duration=60), "--json", "-") as process:
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.communicate(timeout=0.5)  # two signals at once would be seen as one
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=BOUND_S)
    assert process.returncode == 130
    summary = json.loads(output)
    check_sums(summary)
    assert summary["global"]["requestsCut"] > 0
    assert (summary["global"]["errors"], summary["global"]["requestsFailed"]) == ({}, 0)


@contextmanager
def hanging_server():
    """A target that takes connections and says nothing."""
    with hanging_port() as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.mark.parametrize(("flag", "path"), [("--json", "/nowhere/summary.json"), ("--export", "/proc/results")])
def test_an_output_that_cannot_be_written_is_told_before_the_run(target, tmp_path, flag, path):
    """Bad input: nothing is sent, and the message names flag, path and reason."""
    done = tressi("run", config_file(tmp_path, f"{target}/fast", duration=60), flag, path)
    assert done.returncode == 2
    assert f"{path!r} cannot be written" in done.stderr
    assert "running" not in done.stderr


@pytest.mark.parametrize(
    ("fields", "flags", "said"),
    [
        ({"tls": {"ca": "/nowhere/ca.pem"}}, (), "tls.ca: /nowhere/ca.pem cannot be loaded"),
        ({}, ("--source-address", "192.0.2.1"), '"192.0.2.1" is not an IP address of this machine'),
    ],
)
def test_what_this_machine_has_not_is_told_before_the_run(target, tmp_path, fields, flags, said):
    """A file that cannot be loaded and an address of somebody else are bad input, and nothing is sent."""
    done = tressi(config_file(tmp_path, f"{target}/fast", **fields), *flags)
    assert done.returncode == 2
    assert said in done.stderr
    assert "running" not in done.stderr


def with_streams(stdout, stderr, *arguments):
    """Run it with these descriptors; returns the exit code, and what it said on standard error where that is a pipe."""
    done = subprocess.run(command(*arguments), stdout=stdout, stderr=stderr, text=True, timeout=BOUND_S, check=False)
    return done.returncode, done.stderr


@contextmanager
def closed_pipe():
    """The writing end of a pipe whose reader has left."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


def test_a_closed_pipe_is_no_traceback_and_costs_no_file(target, tmp_path):
    """A reader that leaves (`| head -1`) knows what it wanted; the files are written all the same."""
    config, json_file, folder = config_file(tmp_path, f"{target}/fast"), tmp_path / "summary.json", tmp_path / "results"
    with closed_pipe() as gone:
        code, said = with_streams(gone, subprocess.PIPE, "run", config, "--quiet", "--json", json_file, "--export", folder)
    assert (code, said) == (3, "")
    assert json_file.read_bytes() == (folder / "summary.json").read_bytes()
    assert json.loads(json_file.read_bytes())["endReason"] == "duration"


def test_a_full_disk_is_said_and_costs_no_other_file(target, tmp_path):
    """The result that could not be written is named, the exit code is tressi's own failure, and the others are there."""
    config, folder = config_file(tmp_path, f"{target}/fast"), tmp_path / "results"
    with Path("/dev/full").open("w") as full:
        code, said = with_streams(full, subprocess.PIPE, "run", config, "--quiet", "--export", folder)
    assert (code, said) == (3, "tressi: cannot write standard output: No space left on device\n")
    assert json.loads((folder / "summary.json").read_bytes())["endReason"] == "duration"


def test_a_run_goes_on_when_standard_error_is_gone(target, tmp_path):
    """A reader that stops reading the progress does not stop the run: its result is whole."""
    json_file = tmp_path / "summary.json"
    with closed_pipe() as gone:
        code, _ = with_streams(subprocess.DEVNULL, gone, "run", config_file(tmp_path, f"{target}/fast"), "--json", json_file)
    assert code == 0
    assert json.loads(json_file.read_bytes())["global"]["requestsMade"] == pytest.approx(50, abs=2)


def test_a_killed_engine_is_an_error_with_results(target, tmp_path):
    """What the lost engine measured is in the summary, which says what happened; the exit code is tressi's own failure."""
    with started("run", config_file(tmp_path, f"{target}/fast", duration=60), "--json", "-") as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        output, _ = process.communicate(timeout=BOUND_S)
    summary = json.loads(output)
    assert process.returncode == 3
    assert summary["endReason"] == "error"
    assert "was lost" in summary["endDetail"]
    check_sums(summary)


def test_a_terminal_gets_a_live_picture(target, tmp_path):
    """On a terminal progress is drawn on a screen of its own, and the cursor is shown again at the end."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        command("run", config_file(tmp_path, f"{target}/fast", duration=2)),
        stdout=subprocess.PIPE,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm", "NO_COLOR": ""},
    )
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
