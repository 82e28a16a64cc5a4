"""What makes the load of a run: processes of this machine, or the nodes of a cluster. Started before the config is read.

This file imports nothing that takes long: what it starts imports meanwhile, and so does its caller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TypeAlias

from tressi.errors import ConfigError, ConfigProblem
from tressi.load.spawn import Ahead

if TYPE_CHECKING:
    from argparse import Namespace

    from tressi.nodes.far import FarCluster


def engines_ahead(arguments: Namespace) -> EnginesAhead:
    """What the flags of `add_cluster` and `--processes` ask for, for a `with`. Raises TressiError."""
    return nodes_ahead(arguments) or Ahead(max(1, arguments.processes or 1))


def nodes_ahead(arguments: Namespace) -> NodesAhead | None:
    """The nodes that the flags of `add_cluster` ask for, if they do. Raises TressiError."""
    if arguments.cluster is not None:
        return NodesAhead(arguments)
    for flag in ("nodes", "nodes_wait", "lease"):
        if getattr(arguments, flag) is not None:
            place = f"--{flag.replace('_', '-')}"
            raise ConfigError([ConfigProblem(place, "this is for a run on several machines, which --cluster asks for")])
    return None


class NodesAhead:
    """The nodes of a cluster, which is joined meanwhile; a `with` lets them go at its end."""

    def __init__(self, arguments: Namespace) -> None:
        from tressi.nodes.ray_carrier import RayCarrier  # noqa: PLC0415 - most runs have one machine

        self._arguments = arguments
        self.carrier = RayCarrier(arguments.cluster)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.carrier.release()

    def planned(self) -> list[tuple[str, int]]:
        """The names of the nodes that would take part, and how many engines each would run. Raises CarrierError."""
        from tressi.nodes.ray_carrier import usable  # noqa: PLC0415 - see above

        nodes = usable(self.carrier.look(), self._arguments.nodes or None)
        return [(node.name, self._arguments.processes or node.facts.engines) for node in nodes if node.facts is not None]

    def engine(self) -> FarCluster:
        """The engine of the run, over as many nodes as were asked for, which are taken here. Raises CarrierError."""
        from tressi.cli.flags import LEASE_S, NODES_WAIT_S  # noqa: PLC0415 - see above
        from tressi.nodes.far import FarCluster  # noqa: PLC0415 - see above

        asked = self._arguments
        wait_s = NODES_WAIT_S if asked.nodes_wait is None else asked.nodes_wait
        # What can be refused is refused before the run, and before a file is emptied.
        self.carrier.launch(asked.nodes or None, wait_s)
        return FarCluster(
            self.carrier,
            nodes=asked.nodes or None,
            nodes_wait_s=wait_s,
            processes=asked.processes or None,
            lease_s=LEASE_S if asked.lease is None else asked.lease,
        )


EnginesAhead: TypeAlias = Ahead | NodesAhead
