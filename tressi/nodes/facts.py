"""What this machine says of itself before anything is planned for it, and those facts as bytes."""

from __future__ import annotations

import os
import platform
import resource
import socket
from contextlib import suppress
from dataclasses import astuple, fields
from typing import Any, Final

import msgpack

from tressi.nodes.carrier import CarrierError, NodeFacts
from tressi.version import __version__

# Of the documentation's network (RFC 5737): nothing is sent there, the kernel only says by which address it would be.
_ELSEWHERE: Final = ("192.0.2.1", 9)


def facts_here() -> NodeFacts:
    """The facts of this machine, as this process finds them."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return NodeFacts(
        name=socket.gethostname(),
        address=_address(),
        cores=cores,
        engines=max(1, cores - 1),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        descriptors=_descriptors(),
        nice=os.getpriority(os.PRIO_PROCESS, 0),
        python=platform.python_version(),
        tressi=__version__,
    )


def encode_facts(facts: NodeFacts) -> bytes:
    """The facts as bytes, for `decode_facts`."""
    written: bytes = msgpack.packb(dict(zip((one.name for one in fields(NodeFacts)), astuple(facts), strict=True)))
    return written


def decode_facts(answer: bytes) -> NodeFacts:
    """What `encode_facts` wrote, on a machine with another version of tressi perhaps. Raises CarrierError for anything else."""
    try:
        found = msgpack.unpackb(answer)
        return NodeFacts(**{one.name: _checked(found[one.name], one.type) for one in fields(NodeFacts)})
    except (ValueError, TypeError, KeyError, msgpack.UnpackException) as failure:
        raise CarrierError(f"a node says nothing of itself that could be read: {failure!r}") from failure


def _checked(value: Any, kind: object) -> Any:  # noqa: ANN401 - of the kind that is named
    if type(value).__name__ != kind:
        raise TypeError(f"{str(value)[:40]!r} is no {kind}")
    return value


def _descriptors() -> int:
    """How many files may be open once the limit is raised as far as anybody may."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return 2**63 - 1 if hard == resource.RLIM_INFINITY else hard


def _address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect(_ELSEWHERE)
        return str(probe.getsockname()[0])
    return "127.0.0.1"
