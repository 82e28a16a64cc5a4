"""One run on the command line as a value: prepared from a config and flags, done once, its results handed out by others.

What can be refused is refused while it is prepared: before anything is sent, and before a file is emptied.
"""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tressi.cli.engines import NodesAhead
from tressi.cli.output import remark
from tressi.cli.watching import watchers_of
from tressi.config.messages import printable
from tressi.config.remarks import remarks
from tressi.errors import ConfigError, ConfigProblem
from tressi.frozen import dataclass
from tressi.load.cluster import Cluster
from tressi.load.process import ProcessEngine
from tressi.report.timeline_csv import Running
from tressi.run.cgroup import own_quota, whole_cores
from tressi.run.runner import EndpointRunner
from tressi.ui.watcher import attach

if TYPE_CHECKING:
    from argparse import Namespace

    from tressi.cli.engines import EnginesAhead
    from tressi.cli.signals import Signals
    from tressi.load.plan import Plan
    from tressi.model import Engine, ResolvedConfig
    from tressi.run.journal import Journal
    from tressi.ui.watcher import Watcher

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Job:
    """A run that is ready to start, with its watchers, and where its journal and its `timeline.csv` go meanwhile.

    `on_terminal`: standard output was a terminal when it was prepared.
    """

    arguments: Namespace
    runner: EndpointRunner
    watchers: list[Watcher]
    journal: Journal | None
    timeline: Running | None
    on_terminal: bool

    def run(self, signals: Signals) -> dict[str, Any]:
        """Do the run, which signals end; returns its summary."""
        signals.tell(self.runner.interrupt)
        try:
            self.runner.start()
            self.runner.wait()
        finally:
            for watcher in self.watchers:
                watcher.stop()  # whatever happens, the terminal is given back
        return self.runner.summary()

    def drop_journal(self) -> None:
        """Remove the journal now that the results are written, unless it was asked for by itself."""
        if self.journal is not None and self.arguments.journal is None:
            from tressi.cli.journals import remove_journal  # noqa: PLC0415 - see `_journal`

            remove_journal(self.journal)


def prepare(config: ResolvedConfig, arguments: Namespace, ahead: EnginesAhead) -> Job:
    """Make everything that a run needs, and say what is remarkable about it. Raises TressiError.

    `ahead` has the engines that were started while the config was read.
    """
    _tell_what_is_replaced(config.export)
    on_terminal = sys.stdout is not None and sys.stdout.isatty()
    _check_tls(config)
    for sentence in remarks(config, os.environ):
        remark(sentence)
    for warning in config.warnings:
        remark(f"warning: {warning}")
    engine = _engine(config, arguments, ahead)
    journal = _journal(config, arguments)
    runner = EndpointRunner(config, engine=engine, journal=journal)
    watchers = watchers_of(arguments, runner)
    for watcher in watchers:
        attach(runner, watcher)
    timeline = Running(config.export, warm_up=config.warm_up_s > 0) if config.export is not None else None
    if timeline is not None:
        runner.on("snapshot", timeline.moment)
    return Job(arguments, runner, watchers, journal, timeline, on_terminal)


def _engine(config: ResolvedConfig, arguments: Namespace, ahead: EnginesAhead) -> Engine[Plan]:
    """The nodes of a cluster, or engines in processes of their own; 0 asks for as many as the cores that the target leaves."""
    is_local = any(urlsplit(endpoint.url).hostname in LOCAL_HOSTS for endpoint in config.endpoints)
    if isinstance(ahead, NodesAhead):
        if is_local:
            remark("the config names this machine as the target: for a node of the cluster that is the node itself")
        if not arguments.quiet:
            remark(f"joining the cluster at {printable(arguments.cluster)}")
        return ahead.engine()
    processes = 1 if arguments.processes is None else arguments.processes or max(1, _cores() - is_local)
    return Cluster([ProcessEngine(ahead.take) for _ in range(processes)])


def _cores() -> int:
    """How many this process may use, by its affinity (without it, as on macOS, all there are) and its cgroup's quota."""
    at_hand = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return whole_cores(own_quota().cores(), at_hand)


def _are_same(directory: str, other: str | None) -> bool:
    """Whether both name one directory; both are there."""
    return other is not None and Path(directory).samefile(other)


def _journal(config: ResolvedConfig, arguments: Namespace) -> Journal | None:
    """Where the run is taken down while it lasts; None where nobody said where. Raises ConfigError."""
    place, directory = ("--journal", arguments.journal) if arguments.journal is not None else ("export", config.export)
    if directory is None:
        return None
    from tressi.cli.journals import open_journal  # noqa: PLC0415 - most runs have no journal, and need nothing to write one

    return open_journal(directory, place)


def checked_outputs(config: ResolvedConfig, arguments: Namespace) -> dict[str, str | None]:
    """Where the results go, by flag or property; found out before the run that they can be written. Raises ConfigError."""
    if arguments.stream is not None and arguments.stream == arguments.json:
        raise ConfigError([ConfigProblem("--stream", f"{arguments.stream!r} is where --json goes: name another place for one")])
    try:
        if arguments.json not in {None, "-"}:
            place, path = "--json", arguments.json
            _check_file(Path(path))
        if config.export is not None:
            place, path = "export", config.export
            Path(path).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=path):
                pass
        if arguments.journal is not None:
            place, path = "--journal", arguments.journal
            Path(path).mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as failure:
        reason = failure.strerror if isinstance(failure, OSError) else str(failure)
        raise ConfigError([ConfigProblem(place, f"{path!r} cannot be written: {reason}")]) from None
    outputs = {"export": config.export, "--json": arguments.json, "--stream": arguments.stream}
    if arguments.journal is not None and not _are_same(arguments.journal, config.export):
        outputs["--journal"] = arguments.journal
    return outputs


def _check_file(path: Path) -> None:
    """Find out whether a file can be written. Raises OSError, ValueError."""
    if not path.is_fifo():
        with path.open("ab"):
            pass
    elif not os.access(path, os.W_OK):
        # It is opened once, at the end: its reader takes the first end of it for the last.
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _check_tls(config: ResolvedConfig) -> None:
    """Find files of TLS that are wrong before the run: bad input, not a failure of tressi. Raises ConfigError."""
    if config.tls.ca is None and config.tls.cert is None:
        return
    from tressi.load.tls import make_context  # noqa: PLC0415 - most configs name no files, and need no OpenSSL here

    make_context(config.tls)


def _tell_what_is_replaced(directory: str | None) -> None:
    """Say so before the run where an export goes over an earlier one."""
    if directory is None:
        return
    from tressi.report.formats import earlier_run  # noqa: PLC0415 - only an export needs the formats

    found = earlier_run(directory)
    if found is not None:
        its = "its files are" if found.startswith("a run") else "they are"
        remark(f"{printable(str(directory).rstrip('/') or '/')}/ holds {found}: {its} replaced")
