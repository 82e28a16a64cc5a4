"""tressi as a command: one at a time, or several at once, which mostly wait."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager

import warm

BOUND_S = 60


def at_once(*commands, bound_s=60, **how):
    """Run Python with each of these arguments, side by side; what `subprocess.run` says of each, in their order."""
    running, how = [], {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **how}
    try:
        for arguments in commands:
            is_tressi, rest = tuple(arguments[:2]) == ("-m", "tressi"), arguments[2:]
            command = [sys.executable, *map(str, arguments)]
            running.append(warm.Process(*rest, **how) if is_tressi else subprocess.Popen(command, **how))
        # One whose output fills its pipe waits for its turn to be read, and for nothing else.
        said = [process.communicate(timeout=bound_s) for process in running]
    finally:
        for process in running:
            process.kill()
            process.wait()
    return [subprocess.CompletedProcess(one.args, one.returncode, *words) for one, words in zip(running, said, strict=True)]


def command(*arguments):
    """The command line of a run, for what must start as a user starts it."""
    return [sys.executable, "-m", "tressi", *map(str, arguments)]


def begun(*arguments, **how):
    """The process of a command that is under way; what it says comes through pipes."""
    return warm.Process(*arguments, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **how})


def tressi(*arguments, **how):
    """Run it to its end."""
    return warm.run(*arguments, timeout=BOUND_S, **how)


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


def with_streams(stdout, stderr, *arguments):
    """Run it with these descriptors; returns the exit code, and what it said on standard error where that is a pipe."""
    done = tressi(*arguments, stdout=stdout, stderr=stderr)
    return done.returncode, done.stderr


@contextmanager
def closed_pipe():
    """The writing end of a pipe whose reader has left."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)
