"""One run on the command line: watched while it lasts, interrupted by signals, delivered at its end."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from argparse import ArgumentTypeError
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tressi.cli.drawing import drawn
from tressi.cli.exits import Exit
from tressi.cli.journals import open_journal, remove_journal
from tressi.cli.output import STANDARD_OUTPUT, files_of_mode, forget_output, remark, write, write_pieces
from tressi.cli.signals import Signals
from tressi.cli.watching import add_watching, tell_result, watchers_of
from tressi.config.place import printable
from tressi.config.remarks import remarks
from tressi.errors import ConfigError, ConfigProblem, OutputError
from tressi.load.cluster import Cluster
from tressi.load.process import ProcessEngine
from tressi.load.secure import make_context
from tressi.report.formats import earlier_run, write_export
from tressi.report.latency_hlog import second_by_second
from tressi.report.summary_json import pieces
from tressi.report.table import summary_table, verdict_lines
from tressi.report.timeline_csv import Running
from tressi.run.cgroup import own_quota, whole_cores
from tressi.run.judgement import judge_run
from tressi.run.runner import EndpointRunner
from tressi.ui.watcher import attach

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import RenderableType

    from tressi.model import ResolvedConfig
    from tressi.run.journal import Journal
    from tressi.ui.watcher import Watcher

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_BY_SIGNAL = {"SIGHUP": Exit.HUNG_UP, "SIGINT": Exit.INTERRUPTED, "SIGTERM": Exit.TERMINATED}


def add_running(parser: ArgumentParser) -> None:
    """Declare the flags that say how a run is done, how it is watched, and where its results go."""
    group = parser.add_argument_group("running and results")
    group.add_argument("--json", metavar="FILE", help="write the summary as JSON; - for standard output")
    group.add_argument("--processes", type=_processes, default=1, metavar="N", help="engine processes, or auto (default: 1)")
    group.add_argument(
        "--journal", metavar="DIR", help="keep every second of the run in DIR/run.journal, for `tressi recover` (see --export)"
    )
    add_watching(parser)


def _processes(text: str) -> int:
    """A count of 1 or more, or 0 for `auto`."""
    count = 0 if text == "auto" else int(text) if text.isdecimal() else -1
    if count < 0 or text == "0":
        raise ArgumentTypeError(f"{text!r} is neither a count of 1 or more nor auto")
    return count


def conduct(config: ResolvedConfig, arguments: Namespace) -> int:
    """Do one run as `arguments` say; returns the exit code. Raises TressiError."""
    with files_of_mode(arguments.export_mode):
        return _conduct(config, arguments)


def _conduct(config: ResolvedConfig, arguments: Namespace) -> int:
    _check_outputs(config, arguments)
    _tell_what_is_replaced(config.export)
    on_terminal = sys.stdout is not None and sys.stdout.isatty()
    # Here its files are found to be wrong before the run: bad input, and not a failure of tressi.
    make_context(config.tls)
    for sentence in remarks(config, os.environ):
        remark(sentence)
    for warning in config.warnings:
        remark(f"warning: {warning}")
    journal = _journal(config, arguments)
    runner = EndpointRunner(config, engine=_engine(config, arguments.processes), journal=journal)
    watchers = watchers_of(arguments, runner)
    for watcher in watchers:
        attach(runner, watcher)
    timeline = Running(config.export) if config.export is not None else None
    if timeline is not None:
        runner.on("snapshot", timeline.moment)
    with Signals() as signals:
        signals.tell(runner.interrupt)
        try:
            runner.start()
            runner.wait()
        finally:
            for watcher in watchers:
                watcher.stop()  # whatever happens, the terminal is given back
        summary = runner.summary()
        signals.note()
        _tell_what_is_left_out(summary)
        failures: list[Exception] = []
        try:
            with _noted(failures):
                _deliver(summary, runner, arguments, timeline, is_gone=on_terminal and _exit_code(summary) is Exit.HUNG_UP)
        finally:
            with _noted(failures):
                _take_leave(watchers, summary, signals)
        _show_verdict(summary, arguments, failures)
    if failures:
        raise failures[0]
    if journal is not None and arguments.journal is None:
        remove_journal(journal)
    return _exit_code(summary)


def _journal(config: ResolvedConfig, arguments: Namespace) -> Journal | None:
    """Where the run is taken down while it lasts; None where nobody said where. Raises ConfigError."""
    if arguments.journal is not None:
        return open_journal(arguments.journal, "--journal")
    return None if config.export is None else open_journal(config.export, "export")


@contextmanager
def _noted(failures: list[Exception]) -> Iterator[None]:
    """Results that cannot be written are told at the end, where the exit code is known; BrokenPipeError: its reader left."""
    try:
        yield
    except (OutputError, BrokenPipeError) as failure:
        failures.append(failure)


def _take_leave(watchers: Sequence[Watcher], summary: dict[str, Any], signals: Signals) -> None:
    """Show the result on every display until its viewers have left, or until a signal.

    After a SIGTERM its sender waits for us, after a SIGHUP nobody looks on any more.
    """

    def leave(_: int = 0) -> None:
        for watcher in watchers:
            watcher.leave()

    if signals.came or _exit_code(summary) in {Exit.TERMINATED, Exit.HUNG_UP}:
        leave()
    signals.tell(leave)
    tell_result(watchers, summary)


def _engine(config: ResolvedConfig, processes: int) -> Cluster:
    """Engines in processes of their own; 0 asks for as many as the cores that the target leaves."""
    if processes == 0:
        is_local = any(urlsplit(endpoint.url).hostname in LOCAL_HOSTS for endpoint in config.endpoints)
        processes = max(1, _cores() - is_local)
    return Cluster([ProcessEngine() for _ in range(processes)])


def _cores() -> int:
    """How many this process may use, by its affinity (without it, as on macOS, all there are) and its cgroup's quota."""
    at_hand = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return whole_cores(own_quota().cores(), at_hand)


# ------------------------------------------------------------------------------------------------------------ the results


def _check_outputs(config: ResolvedConfig, arguments: Namespace) -> None:
    """Find out before the run whether its results can be written. Raises ConfigError."""
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
    except (OSError, ValueError) as failure:
        reason = failure.strerror if isinstance(failure, OSError) else str(failure)
        raise ConfigError([ConfigProblem(place, f"{path!r} cannot be written: {reason}")]) from None


def _check_file(path: Path) -> None:
    """Find out whether a file can be written. Raises OSError, ValueError."""
    if not path.is_fifo():
        with path.open("ab"):
            pass
    elif not os.access(path, os.W_OK):
        # It is opened once, at the end: its reader takes the first end of it for the last.
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _tell_what_is_replaced(directory: str | None) -> None:
    """Say so before the run where an export goes over an earlier one."""
    found = earlier_run(directory) if directory is not None else None
    if found is not None:
        its = "its files are" if found.startswith("a run") else "they are"
        remark(f"{printable(str(directory).rstrip('/') or '/')}/ holds {found}: {its} replaced")


def _tell_what_is_left_out(summary: dict[str, Any]) -> None:
    for sentence in summary["leftOut"]:
        remark(f"left out: {sentence}")


def _deliver(
    summary: dict[str, Any], runner: EndpointRunner, arguments: Namespace, timeline: Running | None, *, is_gone: bool
) -> None:
    """Write every result, the table first, for a person is waiting; one that cannot be written costs no other.

    `is_gone`: standard output is a terminal that has hung up, and what cannot be written there is no failure. Raises the
    first OutputError; BrokenPipeError where the reader of standard output has left.
    """
    deliveries: list[Callable[[], object]] = [lambda: _show_table(summary, arguments)]
    if arguments.json is not None:
        deliveries.append(lambda: write_pieces(pieces(summary), arguments.json))
    if timeline is not None:
        deliveries.append(lambda: _export(summary, runner, timeline, quiet=arguments.quiet))
    failures: list[Exception] = []
    for deliver in deliveries:
        try:
            deliver()
        except (OutputError, BrokenPipeError) as failure:
            if is_gone and isinstance(failure, OutputError) and failure.path == STANDARD_OUTPUT:
                forget_output()
            else:
                failures.append(failure)
    if failures:
        raise failures[0]


def _export(summary: dict[str, Any], runner: EndpointRunner, timeline: Running, *, quiet: bool) -> None:
    """Write the files of the export, and say where they are: nobody was told a default name. Raises OutputError."""
    directory = str(runner.config.export)
    there = (timeline.path.name,) if timeline.finish() else ()
    export = write_export(summary, directory, second_by_second(summary, runner.intervals()), there=there)
    if timeline.failure is not None:
        remark(f"{timeline.path.name} is made from the summary: while the run lasted, {timeline.failure.strerror}")
    for sentence in export.left_out:
        remark(sentence)
    export.check()
    if not quiet:
        remark(f"the results are in {printable(directory)}")


def _show_table(summary: dict[str, Any], arguments: Namespace) -> None:
    """Print the table where no JSON goes."""
    _show(summary_table(summary), arguments)


def _show_verdict(summary: dict[str, Any], arguments: Namespace, failures: Sequence[Exception]) -> None:
    """Print the last line of the run below the table. Where that could not be written either, there is no place for it."""
    code, why = (Exit.BROKEN, "a result could not be written") if failures else (_exit_code(summary), None)
    with suppress(OutputError, BrokenPipeError):
        _show(verdict_lines(judge_run(summary), code, why), arguments)


def _show(picture: RenderableType, arguments: Namespace) -> None:
    """Print for a person: on standard output, or on standard error where JSON is on the other."""
    beside_json = "-" in {arguments.json, arguments.stream}
    if beside_json and arguments.quiet:
        return
    text = drawn(picture, sys.stderr if beside_json else sys.stdout)
    if not beside_json:
        write(text)
    elif sys.stderr is not None:
        with suppress(OSError):
            print(text, end="", file=sys.stderr)  # noqa: T201 - standard output is for the JSON


def _exit_code(summary: dict[str, Any]) -> Exit:
    ending = judge_run(summary).ending
    if ending == "interrupted":
        return _BY_SIGNAL.get(summary["endDetail"], Exit.INTERRUPTED)
    return {"broken": Exit.BROKEN, "failed": Exit.TEST_FAILED, "done": Exit.DONE}[ending]
