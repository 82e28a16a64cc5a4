"""Starts processes that have imported tressi already: `python warm_starts.py SOCKET`; see `warm.py`.

It imports what commands and engines import, once, and forks itself for each process that is asked for. Such a process goes on
where the first line of a command or of an engine stands; a command starts its first engines in the same way.
"""

import fcntl
import gc
import importlib
import io
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import termios
from contextlib import suppress
from threading import Lock

import gevent
from rich.console import Console
from summaries import summary_of

import tressi.cli
import tressi.load.child
import tressi.load.spawn
import tressi.nodes.outpost
from tressi.config.load import load_config
from tressi.load.process import ProcessEngine
from tressi.report.formats import FORMATS
from tressi.report.table import summary_table

# What is imported in the middle of a run, or by some runs.
LATE = (
    *("concurrent.futures.thread", "encodings.idna", "encodings.utf_8_sig", "gevent._threading", "gevent.pool", "gevent.util"),
    *("tressi.load.calls", "tressi.ui.dashboard.watcher", "tressi.ui.lines", "tressi.ui.live.live", "tressi.ui.prometheus"),
)
STANDARD = 3
REQUEST_BYTES = 1 << 18
_spawn = tressi.load.spawn.spawn


class Forked(subprocess.Popen):
    """A process that was forked here."""

    def __init__(self, pid):
        self.pid, self.args, self.returncode = pid, [], None
        self.stdin = self.stdout = self.stderr = None
        self._child_created, self._waitpid_lock = True, Lock()
        self._communication_started, self._input = False, None


def forked_engine():
    """An engine's process, forked from one that has no hub yet; one with a hub starts it as it always does."""
    if gevent._hub_local.get_hub_if_exists() is not None:
        return _spawn()
    ours, theirs = socket.socketpair()
    with theirs:
        pid = os.fork()
        if not pid:
            become_engine(theirs.fileno())
    return tressi.load.spawn.Spawned(Forked(pid), ours)


def become_engine(control, error=2):
    """Be an engine, with nothing but its control socket and standard error; never returns."""
    become(tressi.load.child.main, control, error)


def become_outpost(control, error, engines):
    """Be an outpost, whose engines are forked before it has a hub; never returns."""

    def main(number):
        ahead = [forked_engine() for _ in range(engines)]
        ProcessEngine.__init__.__defaults__ = (lambda: ahead.pop() if ahead else _spawn(),)
        tressi.nodes.outpost.main(number)

    become(main, control, error)


def become(main, control, error):
    """Do it with nothing but a control socket and standard error; never returns."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(error, 2)
        for number, here in enumerate((nowhere, nowhere, 2, control)):
            os.dup2(here, number)
        os.closerange(STANDARD + 1, os.sysconf("SC_OPEN_MAX"))
        main(str(STANDARD))
    except BaseException:  # noqa: BLE001 - nothing of the process that was forked may go on here
        sys.excepthook(*sys.exc_info())
        os._exit(1)


def become_command(*streams, arguments, cwd, env, leads):
    """Be a command with these standard streams, in a session of their terminal if need be; its code is the process's."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    for number, here in enumerate(streams):
        os.dup2(here, number)
    os.closerange(STANDARD, os.sysconf("SC_OPEN_MAX"))
    if leads:
        os.setsid()
        fcntl.ioctl(2, termios.TIOCSCTTY, 0)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - as the interpreter has it
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - see above
    sys.stderr = open(2, "w", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115 - see above
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
    sys.argv = ["tressi", *arguments]
    tressi.load.spawn.spawn = forked_engine
    sys.exit(tressi.cli.main())


BECOME = {"command": become_command, "engine": become_engine, "outpost": become_outpost}


def serve(asking):
    """Fork what is asked for, and tell of its end, until the asking end of the socket is closed."""
    reports = {}
    waking, woken = socket.socketpair()
    for one in (waking, woken):
        one.settimeout(0)
    signal.set_wakeup_fd(woken.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    poll = select.poll()
    for one in (asking, waking):
        poll.register(one, select.POLLIN)
    while True:
        ready = {number for number, _ in poll.poll()}
        if waking.fileno() in ready:
            waking.recv(4096)
            tell_of_ends(reports)
        if asking.fileno() in ready:
            said, descriptors, _, _ = socket.recv_fds(asking, REQUEST_BYTES, STANDARD + 2)
            if not said:
                return
            report, *rest = descriptors
            if not (pid := os.fork()):
                # As any process finds it. What these would close at their end is something else by then.
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for one in (asking, waking, woken):
                    one.detach()
                asked = json.loads(said)
                BECOME[asked.pop("be")](*rest, **asked)
            reports[pid] = report
            os.write(report, f"{pid}\n".encode())
            for number in rest:
                os.close(number)


def tell_of_ends(reports):
    """Write how each process has ended that has."""
    while reports:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        report = reports.pop(pid)
        # The test that asked for it may be over, and its end of the pipe closed.
        with suppress(BrokenPipeError):
            os.write(report, f"{os.waitstatus_to_exitcode(status)}\n".encode())
        os.close(report)


def warm_up():
    """Import all that commands and engines import late as well, and do once what is kept for a second time."""
    for found in pkgutil.iter_modules(tressi.cli.__path__, "tressi.cli."):
        importlib.import_module(found.name)
    for name in LATE:
        importlib.import_module(name)
    load_config({"requests": [{"url": "http://host/", "expect": {"status": 200}}], "rps": 1, "thresholds": ["p99 < 1s"]})
    summary = summary_of()
    for render in FORMATS.values():
        render(summary)
    Console(file=io.StringIO()).print(summary_table(summary))


def main():
    """Be warm, and serve."""
    warm_up()
    gc.collect()
    gc.freeze()
    # A shell's background jobs ignore both, and so would what is started here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    serve(socket.socket(fileno=int(sys.argv[1])))


if __name__ == "__main__":
    main()
