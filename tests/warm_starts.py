"""Starts processes that have imported tressi already: `python -P warm_starts.py SOCKET`; see `warm.py`.

It imports what commands and engines import, once, and forks itself for each process that is asked for. Such a process goes on
where the first line of a command or of an engine stands; a command starts its first engines in the same way.
"""

import fcntl
import gc
import importlib
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

import tressi.cli
import tressi.load.child
import tressi.load.spawn
import tressi.report
import tressi.report.report_html
import tressi.report.report_xlsx

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


def engine_of_a_command():
    """An engine's process, forked from a command that has no hub yet; one with a hub starts it as it always does."""
    if gevent._hub_local.get_hub_if_exists() is not None:
        return _spawn()
    ours, theirs = socket.socketpair()
    with theirs:
        pid = os.fork()
        if not pid:
            become_engine(theirs.fileno())
    return tressi.load.spawn.Spawned(Forked(pid), ours)


def become_engine(control):
    """Be an engine, with nothing but its control socket and standard error; never returns."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number, here in enumerate((nowhere, nowhere, 2, control)):
            os.dup2(here, number)
        os.closerange(STANDARD + 1, os.sysconf("SC_OPEN_MAX"))
        tressi.load.child.main(str(STANDARD))
    except BaseException:  # noqa: BLE001 - nothing of the process that was forked may go on here
        sys.excepthook(*sys.exc_info())
        os._exit(1)


def become_command(asked, descriptors):
    """Be a command with these standard streams, in a session of their terminal if need be; its code is the process's."""
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    for number, here in enumerate(descriptors):
        os.dup2(here, number)
    os.closerange(STANDARD, os.sysconf("SC_OPEN_MAX"))
    if asked["leads"]:
        os.setsid()
        fcntl.ioctl(2, termios.TIOCSCTTY, 0)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - as the interpreter has it
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - see above
    sys.stderr = open(2, "w", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115 - see above
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
    sys.argv = ["tressi", *asked["arguments"]]
    tressi.load.spawn.spawn = engine_of_a_command
    sys.exit(tressi.cli.main())


def serve(asking):
    """Fork what is asked for, and tell of its end, until nobody can ask any more."""
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
                become_command(asked, rest) if asked else become_engine(moved(rest))
            reports[pid] = report
            os.write(report, f"{pid}\n".encode())
            for number in rest:
                os.close(number)


def moved(descriptors):
    """Take over standard error; the control socket of an engine."""
    control, error = descriptors
    os.dup2(error, 2)
    return control


def tell_of_ends(reports):
    """Write how each process has ended that has."""
    while reports:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        report = reports.pop(pid)
        # Perhaps nobody waits for it any more.
        with suppress(BrokenPipeError):
            os.write(report, f"{os.waitstatus_to_exitcode(status)}\n".encode())
        os.close(report)


def main():
    """Import all that commands import late as well, and serve."""
    for found in pkgutil.iter_modules(tressi.cli.__path__, "tressi.cli."):
        importlib.import_module(found.name)
    gc.collect()
    gc.freeze()
    # A shell's background jobs ignore both, and so would what is started here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    serve(socket.socket(fileno=int(sys.argv[1])))


if __name__ == "__main__":
    main()
