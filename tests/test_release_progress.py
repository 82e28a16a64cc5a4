"""What a script shows while it works: a line for each step in a log, seconds that count on a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.timed

ROOT = Path(__file__).parent.parent
SCRIPT = """
set -eu
. scripts/progress
steps=2
step "resting" true
code=0
step "failing" sh -c 'echo why >&2; exit 7' || code=$?
exit $code
"""


def test_a_log_has_lines_and_nothing_else():
    """The step's number, what it is, and how long it took; a failure keeps its messages and its exit code."""
    done = subprocess.run(["sh", "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    lines = [line.rpartition(" ")[0].rpartition(" ")[0] if line.endswith(" s") else line for line in done.stderr.splitlines()]
    assert lines == ["1/2 resting", "1/2 resting: done in", "2/2 failing", "why", "2/2 failing: failed after"]
    assert (done.returncode, done.stdout) == (7, "")


def test_a_terminal_shows_the_seconds_of_the_step_under_way():
    """In its own line, which the result then replaces."""
    ours, theirs = pty.openpty()
    # The step ends as soon as its seconds are shown: the test writes a line to it then.
    program = 'set -eu; . scripts/progress; steps=1; step "waiting" sh -c "read line"'
    with subprocess.Popen(["sh", "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while b"1/1 waiting, 0 s" not in shown:
            shown += os.read(ours, 1024)
        process.stdin.write(b"\n")
        process.stdin.close()
        while b"done in" not in shown:
            shown += os.read(ours, 1024)
        assert process.wait(60) == 0
    os.close(ours)
    assert b"\r\x1b[K1/1 waiting: done in " in shown
