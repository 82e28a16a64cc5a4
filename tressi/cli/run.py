"""`tressi run CONFIG`: the main job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tressi.cli.arguments import add_config, add_logging, add_overrides, overrides, set_up_logging, share
from tressi.cli.engines import engines_ahead
from tressi.cli.flags import add_running

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

NAME = "run"
HELP = """Run a config: every endpoint at its own rate, with no more workers than it needs.

Progress goes to standard error, and at the end a table to standard output: what was asked for, what came, and what limited it.
Ctrl-C ends the run early, and its results are written; a second Ctrl-C cuts what is still in flight."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of `tressi run`."""
    add_config(parser)
    add_running(parser, over_nodes=True)
    _add_baseline(parser)
    add_overrides(parser)
    add_logging(parser)


def _add_baseline(parser: ArgumentParser) -> None:
    """Declare what the run is compared with at its end."""
    group = parser.add_argument_group("comparing with earlier runs")
    group.add_argument(
        "--baseline",
        metavar="DIR",
        help="fail the run where it is surely slower than the export in DIR, or than the exports in it",
    )
    group.add_argument(
        "--max-slowdown", type=share, default=0.05, metavar="PERCENT", help="how much slower it may be (default: 5%%)"
    )


def execute(arguments: Namespace) -> int:
    """Run the config; returns the exit code. Raises TressiError."""
    with engines_ahead(arguments) as ahead:
        # While the engine's process imports what it needs, this one does.
        from tressi.cli.running import conduct  # noqa: PLC0415 - see above
        from tressi.config.load import load_config  # noqa: PLC0415 - see above

        set_up_logging(arguments)
        config = load_config(arguments.config, overrides(arguments))
        if arguments.baseline is None:
            return conduct(config, arguments, ahead)
        from tressi.cli.baseline import Baseline  # noqa: PLC0415 - most runs have none

        return conduct(config, arguments, ahead, Baseline(arguments.baseline, arguments.max_slowdown))
