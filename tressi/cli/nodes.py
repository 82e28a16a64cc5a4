"""`tressi nodes`: who is there in a cluster, and what would keep a node from taking part in a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from tressi.cli.exits import Exit
from tressi.cli.flags import CLUSTER
from tressi.cli.output import remark, say, write
from tressi.text import counted, plain

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping, Sequence

    from tressi.nodes.ray_carrier import RayNode, Sight

NAME = "nodes"
HELP = """Show the nodes of a Ray cluster: cores, versions, descriptors, nice value, and how well each one's clock is known.

An outpost is started on each node to ask it, beside whatever runs there, and nothing is reserved. What would keep a node from
taking part in a run is told below the table, and so is a cluster that asks for no token. The exit code is 1 where a node could
not take part."""

# A node has a connection for each worker, and every engine some dozen more descriptors.
FEW_DESCRIPTORS: Final = 4096
_HEADS: Final = ("node", "cores", "engines", "memory", "descriptors", "nice", "clock", "tressi", "Ray", "Python")
UNGUARDED: Final = (
    "this cluster asks for no token: all who reach its ports can run programs on every node; set RAY_AUTH_MODE=token there and"
    " here (see docs/cluster.md)"
)


def add_arguments(parser: ArgumentParser) -> None:
    """Declare which cluster, and the form of the answer."""
    parser.add_argument("--cluster", metavar="ADDRESS", default="auto", help=f"{CLUSTER} (default: auto)")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")


def execute(arguments: Namespace) -> int:
    """Print what is there. Raises TressiError."""
    from tressi.nodes.ray_carrier import RayCarrier, faults_of  # noqa: PLC0415 - help and completion need none of it

    with RayCarrier(arguments.cluster) as carrier:
        sight = carrier.look()
    found = document(arguments.cluster, sight, [faults_of(node, sight.ray) for node in sight.nodes])
    if arguments.json:
        write(json.dumps(found, indent=2))
    else:
        say(text(found))
    for warning in found["warnings"]:
        remark(f"warning: {warning}")
    return Exit.TEST_FAILED if any(node["faults"] for node in found["nodes"]) else Exit.DONE


def document(address: str, sight: Sight, faults: Sequence[Sequence[str]]) -> dict[str, Any]:
    """What was found, for programs; `faults` is of each node."""
    nodes = [_node(node, found) for node, found in zip(sight.nodes, faults, strict=True)]
    warnings = [] if sight.token else [UNGUARDED]
    warnings += [said for node in sight.nodes for said in _doubts(node)]
    idle = [plain(name) for name in sight.idle]
    return {
        "cluster": address,
        "ray": sight.ray,
        "token": sight.token,
        "nodes": nodes,
        "withoutCpus": idle,
        "warnings": warnings,
    }


def text(found: Mapping[str, Any]) -> str:
    """The same for people, without the warnings."""
    rows = [_HEADS, *(_row(node) for node in found["nodes"])]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = (str.ljust, *(str.rjust for _ in widths[1:]))
    lines = [
        "  ".join(side(cell, width) for side, cell, width in zip(sides, row, widths, strict=True)).rstrip() for row in rows
    ]
    faulty = [f"{_label(node)}: {fault}" for node in found["nodes"] for fault in node["faults"]]
    engines = sum(node["engines"] or 0 for node in found["nodes"] if not node["faults"])
    token = "with a token" if found["token"] else "without a token"
    closing = f"{counted(len(found['nodes']), 'node')} with {counted(engines, 'engine')}, {token}"
    idle = [f"{name} has no CPU for Ray, and makes no load" for name in found["withoutCpus"]]
    return "\n".join([*lines, "", *faulty, *idle, closing])


def _node(node: RayNode, faults: Sequence[str]) -> dict[str, Any]:
    facts, clock = node.facts, node.clock
    return {
        "name": None if facts is None else facts.name,
        "address": node.address,
        "cores": None if facts is None else facts.cores,
        "raysCpus": node.cpus,
        "engines": None if facts is None else facts.engines,
        "memoryBytes": None if facts is None else facts.memory_bytes,
        "descriptors": None if facts is None else facts.descriptors,
        "nice": None if facts is None else facts.nice,
        "clockOffsetMs": None if clock is None else round(clock.offset_ns / 1e6, 3),
        "clockBoundMs": None if clock is None else round(clock.bound_ns / 1e6, 3),
        "tressi": node.tressi or None,
        "ray": node.ray,
        "python": node.python,
        "faults": list(faults),
    }


def _doubts(node: RayNode) -> list[str]:
    """What does not keep a node from taking part, and may spoil its part."""
    from tressi.nodes.clocks import refusal, wall_warning  # noqa: PLC0415 - see `execute`

    facts, clock, name = node.facts, node.clock, plain(node.name)
    said = []
    if facts is not None and facts.nice > 0:
        said.append(f"{name}: its engines run at nice {facts.nice}, behind everything else there")
    if facts is not None and facts.descriptors < FEW_DESCRIPTORS:
        said.append(f"{name}: {facts.descriptors:,} open files are allowed, and each connection takes one (ulimit -n)")
    if facts is not None and facts.cores < node.cpus:
        said.append(f"{name}: Ray counts {node.cpus:g} CPUs there, and it has {counted(facts.cores, 'core')}")
    if clock is not None:
        said += [one for one in (refusal(name, clock), wall_warning(name, clock)) if one is not None]
    return said


def _row(node: Mapping[str, Any]) -> tuple[str, ...]:
    if node["memoryBytes"] is None:
        return (_label(node), *("-" for _ in range(6)), node["tressi"] or "none", node["ray"], node["python"])
    clock = "-" if node["clockBoundMs"] is None else f"±{node['clockBoundMs']:.2f} ms"
    return (
        _label(node),
        str(node["cores"]),
        str(node["engines"]),
        f"{node['memoryBytes'] / 2**30:.1f} GiB",
        f"{node['descriptors']:,}",
        str(node["nice"]),
        clock,
        node["tressi"],
        node["ray"],
        node["python"],
    )


def _label(node: Mapping[str, Any]) -> str:
    return plain(node["address"] if node["name"] is None else f"{node['name']} ({node['address']})")
