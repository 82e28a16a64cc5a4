"""What the requests of a config look like once its placeholders are filled in: each one with the first row of each table.

Every table is read whole for it, so that a row that cannot be used is found without a run. What is secret is masked.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from mmap import ACCESS_READ, mmap
from typing import TYPE_CHECKING, Any, Final

from tressi._h2 import FieldDecoder, block_of
from tressi.cli.walk import ways
from tressi.config.protocols import HTTP_2
from tressi.grpc.method import Method
from tressi.load.plan import USER_AGENT
from tressi.masking import MASK, is_secret_header, mask_url, secrets_of
from tressi.model.data import Integer, Sequence, Slot, Text, Time, Uuid
from tressi.request.compiled import compiled
from tressi.request.parts import CONTEXTS, Table
from tressi.request.render import render
from tressi.request.tables import load, row_of
from tressi.text import counted, plain_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tressi.model import ResolvedConfig, ResolvedEndpoint
    from tressi.request.parts import Generator, Source
    from tressi.request.tables import Use

_MOST_CHARACTERS: Final = 2_000
_MEGABYTE: Final = 10**6
_UNITS: Final = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


@dataclass(frozen=True, slots=True)
class TableSize:
    """A table as it lies in memory: its name, its rows, and the bytes that they take."""

    name: str
    rows: int
    size_bytes: int

    def __str__(self) -> str:
        size = f"{self.size_bytes / _MEGABYTE:,.1f} MB" if self.size_bytes >= _MEGABYTE else f"{self.size_bytes:,} bytes"
        return f"{self.name}: {counted(self.rows, 'row')}, {size} of memory"


@dataclass(frozen=True, slots=True)
class Preview:
    """`requests` has the requests of each endpoint by its key, one for each variant, as text that is safe to show.

    `flows` are the ways of one user through each flow (`walk.ways`).
    """

    tables: tuple[TableSize, ...]
    requests: Mapping[str, tuple[str, ...]]
    flows: tuple[dict[str, Any], ...] = ()


def preview(config: ResolvedConfig) -> Preview:
    """Fill in the requests of a config that `is_filled_in`.

    Raises ConfigError for a bad row.
    """
    made = compiled(config, USER_AGENT)
    with tempfile.TemporaryFile() as block:
        sources = load(made.uses, block)
        size = block.seek(0, 2)
        block.flush()
        tables = _sizes(made.uses, sources, size)
        if size:
            with mmap(block.fileno(), size, access=ACCESS_READ) as memory:
                drawn = dict(enumerate(_drawn(*pair, memory) for pair in zip(made.uses, sources, strict=True)))
        else:
            drawn = dict(enumerate(_drawn(*pair, b"") for pair in zip(made.uses, sources, strict=True)))
    requests = {
        endpoint.endpoint_key: tuple(_safe(config, endpoint, render(rendering, drawn)) for rendering in renderings)
        for endpoint, renderings in zip(config.endpoints, made.renderings, strict=True)
    }
    return Preview(tables, requests, ways(config, made, requests))


def _sizes(uses: tuple[Use, ...], sources: tuple[Source, ...], size: int) -> tuple[TableSize, ...]:
    tables = [(use.name, source) for use, source in zip(uses, sources, strict=True) if isinstance(source, Table)]
    offsets = [*(table.offset for _, table in tables), size]
    return tuple(
        TableSize(name, table.rows, end - begin) for (name, table), (begin, end) in zip(tables, pairwise(offsets), strict=True)
    )


def _drawn(use: Use, source: Source, memory: mmap | bytes) -> tuple[bytes, ...]:
    if isinstance(source, Slot):
        # What a flow extracts is known to the target alone.
        name = f"{{{{{use.name}}}}}".encode()
        return tuple(b'"%s"' % name if context == "value" else name for context in CONTEXTS)
    return row_of(memory, source, 0) if isinstance(source, Table) else (sample(source),)


def sample(source: Generator) -> bytes:
    """A value as a generator gives them: the least, the first, or the one of now."""
    match source:
        case Integer(low=low):
            return str(low).encode()
        case Sequence(first=first):
            return str(first).encode()
        case Uuid(version=version):
            return f"00000000-0000-{version}000-8000-000000000000".encode()
        case Text(length=length, alphabet=alphabet):
            return (alphabet * (length // len(alphabet) + 1))[:length]
        case Time(unit="iso"):
            return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z").encode()
        case Time(unit=unit):
            return str(time.time_ns() // _UNITS[unit]).encode()


def _safe(config: ResolvedConfig, endpoint: ResolvedEndpoint, request: bytes) -> str:
    """A request as text without secrets, cut to a length that one reads."""
    head, mark, body = request.partition(b"\r\n\r\n")
    line, *fields = head.decode("latin-1").split("\r\n")
    pairs = [(name, value) for name, _, value in (field.partition(": ") for field in fields)]
    if endpoint.protocol.name in HTTP_2:
        pairs = _header_list(head + mark, is_secure=endpoint.protocol.name == "h2")
    # What is to be hidden must not be the name of a slot, or it would be hidden wherever it stands.
    own = [(name, value) for name, value in pairs if not _is_of_slots(value, config)]
    secrets = secrets_of(own, [line], config.mask_headers, config.secrets)
    shown = [] if endpoint.protocol.name in HTTP_2 else [mask_url(line, config.masks.is_parameter)]
    for name, value in pairs:
        is_hidden = (name, value) in own and is_secret_header(name, config.mask_headers)
        shown.append(
            f"{name}: {MASK if is_hidden else mask_url(value, config.masks.is_parameter) if name == ':path' else value}"
        )
    shown += _call_words(endpoint, body)
    text = config.masks.hide(_said(endpoint, body))
    cut = f"{text[:_MOST_CHARACTERS]}…" if len(text) > _MOST_CHARACTERS else text
    return plain_lines(secrets.hide("\n".join([*shown, *(["", cut] if text else [])])))


def _is_of_slots(value: str, config: ResolvedConfig) -> bool:
    """Whether a header's value is made of slots of a flow alone, behind the name of a scheme where there is one."""
    names = [f"{{{{{name}}}}}" for name, source in config.data.items() if isinstance(source, Slot)]
    rest = value
    for name in names:
        rest = rest.replace(name, "")
    return rest != value and rest.strip().lower() in {"", "bearer", "basic", "token", "digest"}


def _header_list(head: bytes, *, is_secure: bool) -> list[tuple[str, str]]:
    """What is sent in place of an HTTP/1.1 head over HTTP/2."""
    decoded = FieldDecoder().decode(block_of(head, is_secure) or b"") or []
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in decoded]


def _call_words(endpoint: ResolvedEndpoint, body: bytes) -> list[str]:
    """What a gRPC call is, where it is one."""
    if endpoint.grpc is None:
        return []
    size = counted(len(body), "byte")
    return [f"(gRPC: {endpoint.grpc.method}, with a deadline of {endpoint.timeout_s:g} s and a message of {size}, as JSON)"]


def _said(endpoint: ResolvedEndpoint, body: bytes) -> str:
    """A body as text, the message of a gRPC call as JSON."""
    if endpoint.grpc is None:
        return _text_of(body)
    return Method(endpoint.grpc.descriptors, endpoint.grpc.method).shown_request(body)


def _text_of(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return f"({counted(len(body), 'byte')} that are no text)"
