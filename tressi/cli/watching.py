"""Who looks on at a run on the command line: chosen by the flags, told by the run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tressi.cli.arguments import listening
from tressi.cli.output import remark
from tressi.errors import TressiError
from tressi.report.formats import FORMATS
from tressi.ui.terminal import watch

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from tressi.run.runner import EndpointRunner
    from tressi.ui.watcher import Watcher


def add_watching(parser: ArgumentParser) -> None:
    """Declare the flags that say how a run is watched."""
    group = parser.add_argument_group("watching")
    group.add_argument("--no-ui", action="store_true", help="plain lines of progress instead of a live display")
    group.add_argument("--quiet", action="store_true", help="no progress at all, only results")
    group.add_argument(
        "--dashboard",
        nargs="?",
        const="",
        type=listening,
        metavar="HOST:PORT",
        help="show and steer the run in a browser (default: loopback, any free port)",
    )


def watchers_of(arguments: Namespace, runner: EndpointRunner) -> list[Watcher]:
    """Everybody whom the flags ask for. Raises TressiError for one that cannot be."""
    watchers = [watch(sys.stderr, no_ui=arguments.no_ui, quiet=arguments.quiet)]
    if arguments.dashboard is not None:
        watchers.append(_dashboard(arguments.dashboard, runner))
    return watchers


def _dashboard(listen: tuple[str, int], runner: EndpointRunner) -> Watcher:
    try:
        from tressi.ui.dashboard.watcher import Dashboard  # noqa: PLC0415 - its libraries are an extra
    except ModuleNotFoundError as error:
        library = str(error.name).partition(".")[0]  # Flask, or one that it needs
        if library == "tressi":
            raise
        raise TressiError(f"--dashboard needs {library}, which is not installed: pip install 'tressi[dashboard]'") from None
    return Dashboard(runner.config, runner, listen=listen, report=FORMATS.get("report.html"), say=remark)
