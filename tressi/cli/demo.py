"""`tressi demo`: the embedded target in a child process, and a run against it. Needs nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tressi.cli.arguments import add_export, add_identity, add_logging, set_up_logging
from tressi.cli.flags import add_running
from tressi.config.overrides import Overrides
from tressi.load.spawn import Ahead
from tressi.testing.target import Target

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

NAME = "demo"
HELP = "Start a target server and run against it for 20 s: pools grow, and one shrinks again, each step with its reason."

DURATION_S = 20


def demo_config(base_url: str) -> dict[str, Any]:
    """Four endpoints that need pools of different sizes; the tide's need rises and falls during the run."""
    return {
        "baseUrl": base_url,
        "duration": DURATION_S,
        "autoscale": {"enabled": True, "maxWorkers": 60, "cooldownPeriod": 1, "scaleUpFactor": 1, "scaleDownFactor": 0.5},
        "requests": [
            {"url": "/fast", "autoscale": {"enabled": True, "targetRps": 500, "initialWorkers": 4}},
            {"url": "/slow", "autoscale": {"enabled": True, "targetRps": 200, "initialWorkers": 1}},
            {"url": "/flaky", "autoscale": {"enabled": True, "targetRps": 100, "initialWorkers": 1}},
            {"url": "/tide", "autoscale": {"enabled": True, "targetRps": 200, "initialWorkers": 2}},
        ],
    }


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of `tressi demo`."""
    parser.add_argument("--duration", type=int, metavar="S", help=f"seconds the run lasts (default: {DURATION_S})")
    add_identity(parser.add_argument_group("the run"))
    add_export(parser)
    add_running(parser)
    add_logging(parser)


def execute(arguments: Namespace) -> int:
    """Run the demo; returns the exit code. Raises TressiError."""
    with Ahead(max(1, arguments.processes or 1)) as ahead, Target() as base_url:
        # While the processes of the engine and the target import what they need, this one does.
        from tressi.cli.running import conduct  # noqa: PLC0415 - see above
        from tressi.config.load import load_config  # noqa: PLC0415 - see above

        set_up_logging(arguments)
        named = {"name": arguments.name, "labels": tuple(arguments.labels)}
        given = Overrides(duration=arguments.duration, export=arguments.export, **named)
        return conduct(load_config(demo_config(base_url), given), arguments, ahead)
