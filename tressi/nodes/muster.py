"""The nodes of a run before it begins: found, asked what they are, built, and their clocks known. What cannot be is named."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import gevent
from gevent import Timeout

from tressi.errors import EngineError
from tressi.log import log_warning
from tressi.nodes.carrier import NodeGoneError
from tressi.nodes.clocks import refusal, wall_warning
from tressi.nodes.member import Member
from tressi.nodes.orders import Build
from tressi.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tressi.load.plan import Plan
    from tressi.nodes.carrier import Carrier, NodeFacts

BUILD_S: Final = 90.0


def launched(carrier: Carrier, nodes: int | None, wait_s: float, processes: int | None) -> tuple[Member, ...]:
    """The nodes, with their engines numbered over all of them. Raises CarrierError, EngineError."""
    members: list[Member] = []
    first = 0
    facts = carrier.launch(nodes, wait_s)
    for name, one in zip(_names(facts), facts, strict=True):
        member = Member(carrier, len(members), name, one, processes or one.engines)
        member.first = first
        first += member.engines
        members.append(member)
    _refuse(reason for one in members if (reason := _version_refusal(one)) is not None)
    return tuple(members)


def build(members: Sequence[Member], plan: Plan) -> None:
    """Have each build its engines of the plan of the whole run. Raises EngineError with all that cannot."""
    of, block = sum(one.engines for one in members), plan.tables.block
    content = None if block is None else block.memory.tobytes()
    bare = replace(plan, tables=replace(plan.tables, block=None), allowance=None)

    def ask(member: Member) -> None:
        why = member.build(Build(bare, content, member.first, member.engines, of))
        if why is not None:
            raise EngineError(f"{member.name}: {why}")

    _each(members, ask)


def set_clocks(members: Sequence[Member]) -> None:
    """Find out about the clock of each. Raises EngineError with those that are not known well enough."""
    _each(members, Member.ping)
    _refuse(reason for one in members if (reason := refusal(one.name, one.clock)) is not None)
    for member in members:
        warning = wall_warning(member.name, member.clock)
        if warning is not None:
            log_warning("a node's wall clock differs", reason=warning)


def _each(members: Sequence[Member], action: Callable[[Member], None]) -> None:
    """Do something with all nodes side by side. Raises EngineError with all that cannot."""

    def done(member: Member) -> str | None:
        try:
            with Timeout(BUILD_S):
                action(member)
        except Timeout:
            return f"{member.name}: not ready after {BUILD_S:g} s"
        except EngineError as failure:
            return str(failure)
        except (NodeGoneError, ValueError) as failure:
            return f"{member.name}: {failure}"
        return None

    doing = [gevent.spawn(done, member) for member in members]
    gevent.joinall(doing, raise_error=True)
    _refuse(one.value for one in doing if one.value is not None)


def _names(facts: Sequence[NodeFacts]) -> list[str]:
    """What the nodes are called: as they say, with a number where several say the same."""
    said = Counter(one.name for one in facts)
    return [one.name if said[one.name] == 1 else f"{one.name}-{number}" for number, one in enumerate(facts, 1)]


def _version_refusal(member: Member) -> str | None:
    theirs = member.facts.tressi
    if theirs == __version__:
        return None
    return f"{member.name}: it has tressi {theirs}, this machine has {__version__}: both must be the same"


def _refuse(reasons: Iterable[str]) -> None:
    """Raise EngineError with all sentences, if there are any."""
    said = list(reasons)
    if said:
        raise EngineError("\n".join(said))
