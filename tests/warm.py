"""Commands, engines and outposts in processes of their own that need not import tressi first: one that has is forked for each.

What a process imports takes as much CPU as most tests of a short run need besides. How processes start, from the first line of
Python on, is tested by those that start them as users do: test_isolation.py, test_start_up.py, test_cli_main.py and others.
"""

import atexit
import json
import os
import select
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path

from tressi.load.spawn import Spawned
from tressi.nodes.hosting import Hosted

STANDARD = 3
PLACE = Path(__file__).parent / "warm_starts.py"


@cache
def _asking():
    """The socket by which processes are asked for. Who reads it ends with this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        number = theirs.fileno()
        starts = subprocess.Popen([sys.executable, PLACE, str(number)], pass_fds=[number], stdin=subprocess.DEVNULL)

    @atexit.register
    def end():
        ours.close()
        starts.wait()

    return ours


def _ask(asked, *descriptors):
    """Have a process forked; its process id, and where the way in which it ends can be read."""
    reading, writing = os.pipe()
    try:
        socket.send_fds(_asking(), [json.dumps(asked).encode()], [writing, *descriptors])
    finally:
        os.close(writing)
    said = b""
    while not said.endswith(b"\n"):
        piece = os.read(reading, 1)
        assert piece, "tests/warm_starts.py has ended"
        said += piece
    return int(said), reading


class Process(subprocess.Popen):
    """`python -m tressi ARGUMENT…`, as subprocess.Popen has it, but for what must happen before its first line.

    With `leads` it leads a session of its own, whose terminal is its standard error, as a shell's child has it.
    """

    def __init__(self, *arguments, leads=False, **how):
        self._leads = leads
        super().__init__(["tressi", *map(str, arguments)], **how)

    def _execute_child(self, args, *how):
        cwd, env, (stdin, _, _, stdout, _, stderr) = how[4], how[5], how[9:15]
        streams = [number if given == -1 else given for number, given in enumerate((stdin, stdout, stderr))]
        env = dict(os.environ if env is None else env)
        asked = {"arguments": args[1:], "cwd": str(cwd or Path.cwd()), "env": env, "leads": self._leads}
        self.pid, self._report = _ask({"be": "command", **asked}, *streams)
        self._child_created = True
        self._close_pipe_fds(*how[9:15])

    def _internal_poll(self, **_):
        if self.returncode is None and select.select([self._report], [], [], 0)[0]:
            self._has_ended()
        return self.returncode

    def _wait(self, timeout):
        if self.returncode is None:
            if not select.select([self._report], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout)
            self._has_ended()
        return self.returncode

    def _has_ended(self):
        with os.fdopen(self._report) as report:
            self.returncode = int(report.read())


class Controlled(Process):
    """A process that does what it is told over a control socket."""

    def __init__(self, control, be, **asked):
        self.args, self.returncode = [be], None
        self.stdin = self.stdout = self.stderr = None
        self.pid, self._report = _ask({"be": be, **asked}, control, 2)
        self._child_created = True


def engine():
    """As `tressi.load.spawn.spawn`."""
    ours, theirs = socket.socketpair()
    with theirs:
        return Spawned(Controlled(theirs.fileno(), "engine"), ours)


class Outpost(Hosted):
    """As `tressi.nodes.hosting.Hosted`, for so many engines."""

    def __init__(self, engines):
        self.control, theirs = socket.socketpair()
        with theirs:
            self.process = Controlled(theirs.fileno(), "outpost", engines=engines)


def run(*arguments, input=None, timeout=60, **how):  # noqa: A002 - as subprocess has it
    """`python -m tressi ARGUMENT…` to its end, as subprocess.run has it; what it says is text unless told otherwise."""
    pipe = subprocess.PIPE
    how = {"text": True, "stdout": pipe, "stderr": pipe, "stdin": None if input is None else pipe, **how}
    with Process(*arguments, **how) as process:
        try:
            said = process.communicate(input, timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, *said)
