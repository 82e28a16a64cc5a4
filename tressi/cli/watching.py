"""Who looks on at a run on the command line: chosen by the flags, told by the run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

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


def watchers_of(arguments: Namespace, runner: EndpointRunner) -> list[Watcher]:
    """Everybody whom the flags ask for. Raises TressiError for one that cannot be."""
    return [watch(sys.stderr, no_ui=arguments.no_ui, quiet=arguments.quiet, controls=runner)]


def attach(runner: EndpointRunner, watcher: Watcher) -> None:
    """Have the watcher told of everything."""
    runner.on("start", watcher.start)
    runner.on("snapshot", watcher.moment)
    runner.on("scaling", watcher.decision)
    runner.on("change", watcher.change)
