"""A search for a capacity on the command line: done by a run, told while it lasts, its results written."""

from __future__ import annotations

import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tressi.capacity.document import document_of, verdict_line
from tressi.capacity.search import Search
from tressi.cli.arguments import PRIVATE
from tressi.cli.claims import Claims
from tressi.cli.drawing import drawn
from tressi.cli.exits import Exit
from tressi.cli.job import prepare
from tressi.cli.output import files_of_mode, remark, say, write
from tressi.cli.running import BY_SIGNAL, take_leave
from tressi.cli.signals import Signals
from tressi.errors import ConfigError, ConfigProblem, OutputError
from tressi.report.capacity_html import page
from tressi.report.capacity_svg import svg
from tressi.report.capacity_text import closing_lines, label_of, markdown, table
from tressi.run.searching import Searching
from tressi.ui.capacity_progress import CapacityProgress, duration_words, sentences
from tressi.ui.sentences import labels_of

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Mapping

    from tressi.capacity.search import Step
    from tressi.capacity.trial import Second
    from tressi.cli.capacity_asked import Asked
    from tressi.cli.engines import EnginesAhead
    from tressi.cli.job import Job

# What is written, by its flag; several may not go to one place.
_FILES = ("json", "markdown", "html", "svg")


def search(asked: Asked, arguments: Namespace, ahead: EnginesAhead) -> int:
    """Do the search; returns the exit code. Raises TressiError."""
    is_quiet, arguments.quiet = arguments.quiet, True  # the run's own progress is not what is looked at
    outputs: dict[str, str | None] = {f"--{name}": getattr(arguments, name) for name in _FILES}
    check_outputs({**outputs, "--stream": arguments.stream})
    with files_of_mode(PRIVATE), Claims({**outputs, "--stream": arguments.stream}):
        job = prepare(asked.config, arguments, ahead)
        searching, progress = _searching(asked, job, arguments, is_quiet=is_quiet)
        with Signals() as signals:
            try:
                summary = job.run(signals)
            finally:
                progress.stop()
            signals.note()
            is_cut = searching.search.done is None
            searching.search.stop("budget")
            document = _document(asked, searching, summary, is_cut=is_cut)
            labels = labels_of(asked.config)
            _tell(job, verdict_line(document, label_of(document, labels)))
            try:
                _deliver(document, labels, arguments, is_quiet=is_quiet)
                job.drop_journal()
            finally:
                take_leave(job.watchers, summary, signals)
    return exit_code(summary, document)


def check_outputs(outputs: Mapping[str, str | None]) -> None:
    """Find out before the search that its results can be written. Raises ConfigError."""
    taken: dict[str, str] = {}
    for flag, file in outputs.items():
        if file is None:
            continue
        if file in taken:
            raise ConfigError([ConfigProblem(flag, f"{file!r} is where {taken[file]} goes: name another place for one")])
        taken[file] = flag
        if file == "-" or flag == "--stream":
            continue
        try:
            if not Path(file).is_fifo():
                with Path(file).open("ab"):
                    pass
        except (OSError, ValueError) as failure:
            reason = failure.strerror if isinstance(failure, OSError) else str(failure)
            raise ConfigError([ConfigProblem(flag, f"{file!r} cannot be written: {reason}")]) from None


def _searching(asked: Asked, job: Job, arguments: Namespace, *, is_quiet: bool) -> tuple[Searching, CapacityProgress]:
    """The search on its run, and who reports it."""
    search = Search(asked.conditions, asked.plan)
    stream = None if is_quiet else sys.stderr
    is_live = stream is not None and stream.isatty() and not arguments.no_ui and os.environ.get("TERM") != "dumb"
    progress = CapacityProgress(stream, is_live=is_live)

    def told(step: Step, second: Second) -> None:
        progress.tell(search, step, second)
        if step.phase != "done":
            _tell(job, sentences(search, step))

    searching = Searching(search, asked.rates, job.runner, told)
    searching.watch()
    about, most = duration_words(search.expected_s()), duration_words(asked.plan.budget_s)
    expected = f"it takes {most} at most" if about == most else f"it takes about {about}, {most} at most"
    said = f"searching the rate at which {' and '.join(one.text for one in asked.conditions)} still holds; {expected}"
    job.runner.on("start", lambda _config: progress.say(said))
    return searching, progress


def _tell(job: Job, words: str) -> None:
    """Have the run's displays show what the search does, and at the end what it found."""
    for watcher in job.watchers:
        watcher.doing(words)


def _document(asked: Asked, searching: Searching, summary: dict[str, Any], *, is_cut: bool) -> dict[str, Any]:
    """What was found. `is_cut`: the search had not come to its end when the run did."""
    stopped = "the run was stopped" if is_cut else None
    reasons = {"interrupted": "ended by {}", "error": "the run failed: {}", "stopped": stopped, "duration": None}
    why = reasons.get(summary["endReason"], "the run ended: {}")
    said = None if why is None else why.format(summary["endDetail"])
    return document_of(searching.search, asked.endpoint_key, searching.beside, said)


def _deliver(document: dict[str, Any], labels: dict[str, str], arguments: Namespace, *, is_quiet: bool) -> None:
    """Write every result; one that cannot be written costs no other. Raises the first OutputError; BrokenPipeError."""
    made: dict[str, Callable[[], str]] = {
        "json": lambda: json.dumps(document, indent=2, ensure_ascii=False),
        "markdown": lambda: markdown(document, labels),
        "html": lambda: page(document, labels),
        "svg": lambda: svg(document),
    }
    files = {name: file for name in made if (file := getattr(arguments, name)) is not None}
    deliveries = [partial(_write, made[name], file) for name, file in files.items()]
    if "-" not in files.values():
        deliveries.insert(0, partial(_show, document, labels))
    elif not is_quiet:
        deliveries.insert(0, partial(remark, "\n".join(closing_lines(document, labels))))
    failures: list[Exception] = []
    for deliver in deliveries:
        try:
            deliver()
        except (OutputError, BrokenPipeError) as failure:
            failures.append(failure)
    if failures:
        raise failures[0]


def _write(make: Callable[[], str], file: str) -> None:
    write(make(), file)


def _show(document: dict[str, Any], labels: dict[str, str]) -> None:
    """Print the trials, and the answer below them."""
    trials = [drawn(table(document), sys.stdout)] if document["trials"] else []
    say("\n".join([*trials, *closing_lines(document, labels)]))


def exit_code(summary: dict[str, Any], document: dict[str, Any]) -> Exit:
    """What the shell is told: 3 where the generator hides the answer, 1 where not even the lowest rate holds."""
    if summary["endReason"] == "interrupted":
        return BY_SIGNAL.get(summary["endDetail"], Exit.INTERRUPTED)
    found = document["capacity"]
    if summary["endReason"] == "error" or found["limitedBy"] in {"generator", "workers"}:
        return Exit.BROKEN
    return Exit.DONE if found["rps"] is not None else Exit.TEST_FAILED
