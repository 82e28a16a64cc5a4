"""One run on the command line: watched while it lasts, interrupted by signals, delivered at its end."""

from __future__ import annotations

import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol

from tressi.cli.claims import Claims
from tressi.cli.exits import Exit
from tressi.cli.job import checked_outputs, prepare
from tressi.cli.output import STANDARD_OUTPUT, files_of_mode, forget_output, remark, write, write_pieces
from tressi.cli.signals import Signals
from tressi.cli.watching import tell_result
from tressi.config.messages import printable
from tressi.errors import OutputError
from tressi.report.summary_json import pieces
from tressi.run.judgement import ending_of, judge_run

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import RenderableType

    from tressi.cli.engines import EnginesAhead
    from tressi.cli.job import Job
    from tressi.model import ResolvedConfig
    from tressi.report.timeline_csv import Running
    from tressi.run.runner import EndpointRunner
    from tressi.ui.watcher import Watcher

BY_SIGNAL = {"SIGHUP": Exit.HUNG_UP, "SIGINT": Exit.INTERRUPTED, "SIGQUIT": Exit.QUIT, "SIGTERM": Exit.TERMINATED}


class Beside(Protocol):
    """What a command watches beside its run, and reports at its end."""

    def watch(self, runner: EndpointRunner) -> None:
        """Listen to the run, before it starts."""

    def add_to(self, summary: dict[str, Any]) -> None:
        """Put what was found into the summary."""

    def lines(self, summary: dict[str, Any]) -> str:
        """What is told below the table."""


def conduct(config: ResolvedConfig, arguments: Namespace, ahead: EnginesAhead, beside: Beside | None = None) -> int:
    """Do one run as `arguments` say, by the engines that were started ahead; returns the exit code. Raises TressiError."""
    with files_of_mode(arguments.export_mode), Claims(checked_outputs(config, arguments)) as claims:
        job = prepare(config, arguments, ahead)
        if beside is not None:
            beside.watch(job.runner)
        with Signals() as signals:
            summary = job.run(signals)
            if beside is not None:
                beside.add_to(summary)
            failures = _hand_out(job, summary, claims, signals, None if beside is None else beside.lines(summary))
            _show_verdict(summary, arguments, failures)
    if failures:
        raise failures[0]
    return _exit_code(summary)


def _hand_out(job: Job, summary: dict[str, Any], claims: Claims, signals: Signals, more: str | None = None) -> list[Exception]:
    """Write the results and tell the watchers; returns what could not be written. `more` is told below the table."""
    signals.note()
    _tell_what_is_left_out(summary)
    failures: list[Exception] = []
    try:
        with _noted(failures):
            _deliver(job, summary, more, is_gone=job.on_terminal and _exit_code(summary) is Exit.HUNG_UP)
        if not failures:
            job.drop_journal()
    finally:
        claims.release("export", "--json")  # a person may look at the dashboard for long
        with _noted(failures):
            take_leave(job.watchers, summary, signals)
    return failures


@contextmanager
def _noted(failures: list[Exception]) -> Iterator[None]:
    """Results that cannot be written are told at the end, where the exit code is known; BrokenPipeError: its reader left."""
    try:
        yield
    except (OutputError, BrokenPipeError) as failure:
        failures.append(failure)


def take_leave(watchers: Sequence[Watcher], summary: dict[str, Any], signals: Signals) -> None:
    """Show the result on every display until its viewers have left, or until a signal.

    After a SIGTERM its sender waits for us, after a SIGHUP nobody looks on any more, and a SIGQUIT asks for the prompt back.
    """

    def leave(_: int = 0) -> None:
        for watcher in watchers:
            watcher.leave()

    if signals.came or _exit_code(summary) in {Exit.TERMINATED, Exit.HUNG_UP, Exit.QUIT}:
        leave()
    signals.tell(leave)
    tell_result(watchers, summary)


# ------------------------------------------------------------------------------------------------------------ the results


def _tell_what_is_left_out(summary: dict[str, Any]) -> None:
    for sentence in summary["leftOut"]:
        remark(f"left out: {sentence}")


def _deliver(job: Job, summary: dict[str, Any], more: str | None, *, is_gone: bool) -> None:
    """Write every result, the table first, for a person is waiting; one that cannot be written costs no other.

    `is_gone`: standard output is a terminal that has hung up, and what cannot be written there is no failure. Raises the
    first OutputError; BrokenPipeError where the reader of standard output has left.
    """
    arguments, timeline = job.arguments, job.timeline
    deliveries: list[Callable[[], object]] = [lambda: _show_table(summary, arguments, more)]
    if arguments.json is not None:
        deliveries.append(lambda: write_pieces(pieces(summary), arguments.json))
    if timeline is not None:
        deliveries.append(lambda: _export(summary, job.runner, timeline, quiet=arguments.quiet))
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
    from tressi.report.formats import write_export  # noqa: PLC0415 - only an export needs the formats
    from tressi.report.latency_hlog import second_by_second  # noqa: PLC0415 - likewise

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


def _show_table(summary: dict[str, Any], arguments: Namespace, more: str | None) -> None:
    """Print the table where no JSON goes, and what is told below it."""
    from tressi.report.table import summary_table  # noqa: PLC0415 - the first request does not wait for what draws the end

    _show(summary_table(summary), arguments)
    if more is not None:
        from rich.text import Text  # noqa: PLC0415 - likewise

        _show(Text(more), arguments)


def _show_verdict(summary: dict[str, Any], arguments: Namespace, failures: Sequence[Exception]) -> None:
    """Print the last line of the run below the table. Where that could not be written either, there is no place for it."""
    from tressi.report.table import VerdictLines  # noqa: PLC0415 - see `_show_table`

    code, why = (Exit.BROKEN, "a result could not be written") if failures else (_exit_code(summary), None)
    with suppress(OutputError, BrokenPipeError):
        _show(VerdictLines(judge_run(summary), code, why), arguments)


def _show(picture: RenderableType, arguments: Namespace) -> None:
    """Print for a person: on standard output, or on standard error where JSON is on the other."""
    from tressi.cli.drawing import drawn  # noqa: PLC0415 - see `_show_table`

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
    ending, _ = ending_of(summary)
    if ending == "interrupted":
        return BY_SIGNAL.get(summary["endDetail"], Exit.INTERRUPTED)
    return {"broken": Exit.BROKEN, "failed": Exit.TEST_FAILED, "done": Exit.DONE}[ending]
