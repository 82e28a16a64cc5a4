"""The machines of a run in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tressi.text import counted, milliseconds, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def nodes_words(nodes: Sequence[Mapping[str, Any]]) -> str:
    """How many they are, how well their clocks are known, and which were lost; `nodes` are those of the summary.

    >>> node = {"name": "node-1", "engines": 2, "clockBoundMs": 0.4, "lostAt": None, "uncountedAtMost": 0}
    >>> nodes_words([node, {**node, "name": "node-2", "lostAt": 2.5, "uncountedAtMost": 54}])
    'nodes: 2 with 4 engines, clocks within 0.4 ms; node-2 lost at 2.5 s, at most 54 of its requests are in no figure'
    """
    engines = counted(sum(one["engines"] for one in nodes), "engine")
    bound = milliseconds(max(one["clockBoundMs"] for one in nodes))
    lost = [_lost(one) for one in nodes if one["lostAt"] is not None]
    return "; ".join((f"nodes: {len(nodes)} with {engines}, clocks within {bound} ms", *lost))


def _lost(node: Mapping[str, Any]) -> str:
    most = node["uncountedAtMost"]
    missing = "an unknown number" if most is None else f"at most {most:,}"
    words = f", {missing} of its requests are in no figure" if most != 0 else ""
    return f"{plain(node['name'])} lost at {node['lostAt']:.1f} s{words}"
