"""`tressi report`: make the files of an export again, from a summary."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from tressi.cli.arguments import add_export_mode
from tressi.cli.claims import Claims
from tressi.cli.exits import Exit
from tressi.cli.output import files_of_mode, remark, write
from tressi.config.messages import printable, refusal
from tressi.errors import ConfigError, ConfigProblem
from tressi.report import latency_hlog, side_by_side_html, side_by_side_text, timeline_csv
from tressi.report.formats import write_export, write_whole
from tressi.report.reading import LOG, STANDARD_INPUT, SUMMARY, bytes_of, parsed
from tressi.report.shape import check_summary

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterable, Mapping

    from tressi.report.formats import Export

NAME = "report"
HELP = """Make the files of an export from a summary (--json FILE, or the directory of an export), and print their names.
A latency.hlog beside the summary is carried over; without one it has a single interval, the whole run.

Of two runs it prints their figures side by side, or with -o writes one HTML page of them. It does not judge."""

TIMELINE: Final = timeline_csv.NAME


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the summaries to read and where their files go."""
    parser.add_argument(
        "summary", metavar="SUMMARY", help="the summary of a run, or the directory of its export; - for standard input"
    )
    parser.add_argument("second", nargs="?", metavar="SUMMARY", help="that of another run, to lay the two side by side")
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        help="directory for the files; made where it is not. Of two runs also a file that ends in .html",
    )
    add_export_mode(parser)


def execute(arguments: Namespace) -> int:
    """Write every format. Raises `ConfigError` for a file that is not a summary, `OutputError` where writing fails."""
    if arguments.second is not None:
        return side_by_side(arguments)
    if arguments.output is None:
        raise ConfigError([ConfigProblem("--output", "is missing: it says into which directory the files go")])
    with files_of_mode(arguments.export_mode):
        return _execute(arguments)


def side_by_side(arguments: Namespace) -> int:
    """Lay two runs side by side: as text, or as a page where one is asked for. Raises ConfigError, OutputError."""
    if arguments.summary == arguments.second == STANDARD_INPUT:
        raise refusal("standard input can be one of the two runs, and not both")
    before, after = (_told_apart(source) for source in (arguments.summary, arguments.second))
    if arguments.output is None:
        write(side_by_side_text.render(before, after))
        return Exit.DONE
    path = Path(arguments.output)
    path = path if path.suffix.lower() in {".html", ".htm"} else path / side_by_side_html.NAME
    with files_of_mode(arguments.export_mode):
        write_whole(path, [side_by_side_html.render(before, after)])
    write(printable(str(path)))
    return Exit.DONE


def _told_apart(source: str) -> Mapping[str, Any]:
    """One of two summaries; what is wrong with it names the file. Raises ConfigError."""
    place, label = _place(source)
    try:
        return check_summary(parsed(bytes_of(place, label), label), label)
    except ConfigError as error:
        told = [one if label in one.message else ConfigProblem(f"{label}: {one.path}", one.message) for one in error.problems]
        raise ConfigError(told) from None


def _place(source: str) -> tuple[str, str]:
    """Where a summary is, and what it is called: of the directory of an export, its summary.json."""
    if source == STANDARD_INPUT:
        return source, "standard input"
    with suppress(OSError, ValueError):
        if Path(source).is_dir():
            source = str(Path(source) / SUMMARY)
            if not Path(source).exists():
                raise refusal(f"{printable(str(Path(source).parent))} is no export: it has no {SUMMARY}")
    return source, printable(source)


def _execute(arguments: Namespace) -> int:
    source, label = _place(arguments.summary)
    summary = check_summary(parsed(bytes_of(source, label), label), label)
    with ExitStack() as files:
        log, timeline = (None, None) if source == STANDARD_INPUT else _finer(Path(source), summary, files)
        export = _written(summary, arguments.output, log, timeline)
    for sentence in export.left_out:
        remark(sentence)
    export.check()
    write("\n".join(printable(str(path)) for path in export.written))
    return Exit.DONE


def _written(summary: Mapping[str, Any], directory: str, log: IO[bytes] | None, timeline: IO[bytes] | None) -> Export:
    """Write the files while no run writes there. Raises ConfigError where one does."""
    with suppress(OSError, ValueError):  # each file tells why it cannot be written
        Path(directory).mkdir(parents=True, exist_ok=True)
    with Claims({"--output": directory}):
        return write_export(summary, directory, log, timeline)


def _finer(source: Path, summary: Mapping[str, Any], files: ExitStack) -> tuple[IO[bytes] | None, IO[bytes] | None]:
    """The run's own log and timeline, where they lie beside the summary; what they are opened for closes them."""
    log = _beside(source.with_name(LOG), latency_hlog.belongs, summary, "the new one has one interval, the whole run")
    timeline = None
    if summary["timelineSeconds"] > 1 or summary["leftOut"]:
        timeline = _beside(
            source.with_name(TIMELINE), timeline_csv.belongs, summary, "the new one is the summary's, which has less"
        )
    return _opened(log, files), _opened(timeline, files)


def _opened(path: Path | None, files: ExitStack) -> IO[bytes] | None:
    return None if path is None else files.enter_context(path.open("rb"))


def _beside(
    path: Path, belongs: Callable[[Iterable[bytes], Mapping[str, Any]], bool], summary: Mapping[str, Any], instead: str
) -> Path | None:
    """A file of the run, where it is of the same run and whole."""
    try:
        with path.open("rb") as lines:
            if belongs(lines, summary):
                return path
        reason = "is not of this run, or not whole"
    except FileNotFoundError:
        return None
    except OSError as error:
        reason = f"cannot be read: {error.strerror or error}"
    remark(f"{printable(str(path))} {reason}; {instead}")
    return None
