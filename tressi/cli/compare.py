"""`tressi compare`: say whether one side is slower than the other, and how sure that is."""

from __future__ import annotations

import gc
import os
import sys
from argparse import ArgumentTypeError
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tressi.cli.arguments import add_export_mode, add_logging, add_trial, integer, set_up_logging, share
from tressi.cli.exits import Exit
from tressi.cli.output import files_of_mode, write, write_pieces
from tressi.compare.result import METRICS
from tressi.config.messages import printable, refusal

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator, Sequence

    from tressi.compare.answer import Settings
    from tressi.compare.page_html import Distributions
    from tressi.compare.result import Comparison
    from tressi.compare.sides import Run

NAME = "compare"
OUTPUTS = ("json", "markdown", "html", "junit", "csv")
HELP = """Compare two sides: two exports, several exports a side (BASE… -- NEW…), or two targets in one run, in turn (--live).

An export is the directory of --export, or the summary in it. The answer is "slower", "faster", "the same within 5 %" or
"cannot tell", with an interval for every figure. The exit code is 1 where the side after is slower or fails more."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the two sides, how to judge, and where the answer goes."""
    parser.add_argument("runs", nargs="*", metavar="RUN", help="BEFORE AFTER, or BASE… -- NEW…; with --versus a CONFIG")
    parser.add_argument("--new", nargs="+", default=[], metavar="RUN", help="the runs after; the same as behind --")
    group = parser.add_argument_group("judging")
    group.add_argument(
        "--margin",
        type=share,
        default=0.05,
        metavar="PERCENT",
        help="a change within this is none worth having, as in 5%% (default: 5%%)",
    )
    group.add_argument(
        "--primary",
        type=_primary,
        default=("p99", "failureShare"),
        metavar="METRICS",
        help=f"what decides, of each endpoint: some of {', '.join(METRICS)} (default: p99,failureShare)",
    )
    group.add_argument(
        "--calibrate",
        nargs="+",
        default=[],
        metavar="DIR",
        help="three or more exports of one build, or a directory of them: how much its runs differ",
    )
    _add_live(parser)
    outputs = parser.add_argument_group("results")
    for name, what in (
        ("--json", "the comparison as JSON"),
        ("--markdown", "a comment for a pull request"),
        ("--html", "a page with both distributions, which works offline"),
        ("--junit", "a JUnit test suite, a case for each primary metric"),
        ("--csv", "the runs as a history, as Apache Otava reads it"),
    ):
        outputs.add_argument(name, metavar="FILE", help=f"write {what}; - for standard output")
    outputs.add_argument("--quiet", action="store_true", help="no table, only the exit code and the files asked for")
    add_export_mode(outputs)
    add_logging(parser)


def _add_live(parser: ArgumentParser) -> None:
    """Declare how two targets are sent to in one run."""
    group = parser.add_argument_group("two targets in one run, in turn")
    group.add_argument(
        "--live", nargs=2, metavar=("A.json", "B.json"), help="the configs of both; their requests must be alike"
    )
    group.add_argument("--base-url", metavar="URL", help="with --versus: where the requests of CONFIG go on the side before")
    group.add_argument("--versus", metavar="URL", help="where the requests of CONFIG go on the side after")
    group.add_argument("--pairs", type=_pairs, default=40, metavar="N", help="so many pairs of blocks, 6 or more (default: 40)")
    group.add_argument("--at-once", action="store_true", help="both all the time, each at half its rate, instead of in turn")
    group.add_argument(
        "--until-decided", action="store_true", help="look after 8, 16, 32 and 64 pairs, and end as soon as the answer is sure"
    )
    add_trial(group)


def rewritten(words: Sequence[str]) -> list[str]:
    """What was typed, with `--new` for the first `--`, which argparse would leave out without a trace."""
    typed = list(words)
    if "--" in typed:
        typed[typed.index("--")] = "--new"
    return typed


def execute(arguments: Namespace) -> int:
    """Compare, and tell. Returns 1 where the side after is slower or fails more. Raises TressiError."""
    set_up_logging(arguments)
    _check_outputs(arguments)
    with files_of_mode(arguments.export_mode):
        if arguments.live or arguments.versus:
            return _live(arguments)
        _refuse_live_flags(arguments)
        with _all_kept():
            before, after, calibration = _sides(arguments)
        from tressi.compare.answer import compared, distributions  # noqa: PLC0415 - the help does not wait for the statistics

        comparison = compared(before, after, settings_of(arguments), calibration)
        deliver(comparison, arguments, distributions(before, after), [*before, *after])
    return Exit.TEST_FAILED if comparison.is_worse else Exit.DONE


def _live(arguments: Namespace) -> int:
    """Compare two targets in one run."""
    if arguments.calibrate or arguments.csv:
        flag = "--calibrate" if arguments.calibrate else "--csv"
        raise refusal(f"{flag} is of exports, and this run makes none")
    from tressi.load.spawn import Ahead  # noqa: PLC0415 - see `execute`

    with Ahead(1) as ahead:
        from tressi.cli.compare_live import run_in_turn  # noqa: PLC0415 - see `execute`

        comparison, sides = run_in_turn(arguments, settings_of(arguments), ahead)
    deliver(comparison, arguments, sides)
    return Exit.TEST_FAILED if comparison.is_worse else Exit.DONE


@contextmanager
def _all_kept() -> Iterator[None]:
    """Look for no garbage within the block: a million values are read and stay, and looking through them takes a second."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _check_outputs(arguments: Namespace) -> None:
    """Find out before anything is compared, or sent, that the results can be written. Raises ConfigError."""
    given = {f"--{name}": getattr(arguments, name) for name in OUTPUTS if getattr(arguments, name) is not None}
    both = [flag for flag, file in given.items() if file == "-"]
    if len(both) > 1:
        raise refusal(f"{' and '.join(both)} both go to standard output: name a file for one")
    for flag, file in given.items():
        folder = Path(file).parent
        if file != "-" and not (folder.is_dir() and os.access(folder, os.W_OK)):
            raise refusal(f"{flag}: {printable(str(folder))} is no directory that can be written to")


def _refuse_live_flags(arguments: Namespace) -> None:
    """Raise ConfigError for flags that only a run obeys."""
    given = {"--base-url": arguments.base_url, "--at-once": arguments.at_once, "--until-decided": arguments.until_decided}
    for flag, value in given.items():
        if value:
            raise refusal(f"{flag} needs two targets: --live A.json B.json, or CONFIG --versus URL")


def settings_of(arguments: Namespace) -> Settings:
    """How to judge, as the flags say."""
    from tressi.compare.answer import Settings  # noqa: PLC0415 - see `execute`

    return Settings(arguments.margin, arguments.primary)


def _sides(arguments: Namespace) -> tuple[list[Run], list[Run], list[Run]]:
    """The runs before and after, and those of the calibration."""
    from tressi.compare.exports import exports_in, read_run  # noqa: PLC0415 - see `execute`

    first, second = list(arguments.runs), list(arguments.new)
    if not second:
        if len(first) != 2:  # noqa: PLR2004 - before and after
            raise refusal(
                f"compare takes two runs, or several a side with -- between them (BASE… -- NEW…); there {_were(len(first))}"
            )
        first, second = first[:1], first[1:]
    if not first:
        raise refusal("there is no run before the --")
    known = [one for path in arguments.calibrate for one in exports_in(path)]
    if known and len(known) < 3:  # noqa: PLR2004 - two have a spread that says nothing
        raise refusal(f"--calibrate takes three exports of one build or more; there {_were(len(known))}")
    read: dict[str, Run] = {}

    def run_of(path: str) -> Run:
        if path not in read:
            read[path] = read_run(path)
        return read[path]

    paths = [[one for path in side for one in exports_in(path)] for side in (first, second)]
    return [run_of(one) for one in paths[0]], [run_of(one) for one in paths[1]], [run_of(one) for one in known]


def _were(number: int) -> str:
    return "was 1" if number == 1 else f"were {number}"


def deliver(comparison: Comparison, arguments: Namespace, sides: Distributions, runs: Sequence[Run] = ()) -> None:
    """Write what was asked for, and the table where nothing else goes to standard output. Raises OutputError."""
    given = {name: getattr(arguments, name, None) for name in OUTPUTS}
    if not arguments.quiet and "-" not in given.values():
        from tressi.cli.drawing import drawn  # noqa: PLC0415 - see `execute`
        from tressi.compare.table import comparison_table  # noqa: PLC0415 - see `execute`

        write(drawn(comparison_table(comparison), sys.stdout))
    for name, file in given.items():
        if file is not None:
            write_pieces([_made(name, comparison, sides, runs)], file)


def _made(name: str, comparison: Comparison, sides: Distributions, runs: Sequence[Run]) -> bytes:
    """The comparison in one of its forms."""
    if name == "json":
        import orjson  # noqa: PLC0415 - see `execute`

        from tressi.compare.result import document  # noqa: PLC0415 - see `execute`

        written: bytes = orjson.dumps(document(comparison), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        return written
    if name == "markdown":
        from tressi.compare.markdown import render as markdown  # noqa: PLC0415 - see `execute`

        return markdown(comparison).encode()
    if name == "html":
        from tressi.compare.page_html import render as page  # noqa: PLC0415 - see `execute`

        return page(comparison, sides)
    if name == "junit":
        from tressi.compare.junit import render as junit  # noqa: PLC0415 - see `execute`

        return junit(comparison)
    from tressi.compare.history import render as history  # noqa: PLC0415 - see `execute`

    return history(runs)


def _pairs(text: str) -> int:
    number = integer(text)
    if not 6 <= number <= 10_000:  # noqa: PLR2004 - with five no p value is below 0.05
        raise ArgumentTypeError(f"{number} is not from 6 to 10,000: with five pairs nothing can be told")
    return number


def _primary(text: str) -> tuple[str, ...]:
    named = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown: Any = [name for name in named if name not in METRICS]
    if unknown or not named:
        raise ArgumentTypeError(f"{', '.join(unknown) or text!r} is no metric; use some of {', '.join(METRICS)}")
    return named
