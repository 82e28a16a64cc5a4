"""The journal of a run: every second of it in one file that is only ever appended to, so that no crash takes what it holds.

The summary and the exports are written when a run is over. A run whose process is killed before that (`kill -9`, the system
out of memory) leaves nothing but its journal, from which `tressi recover` makes them.

The file begins with a line that says what it is. Then come records, each with its length and a checksum before it: first the
head (the run and its config, secrets masked), then one record a second, then what came in after the last second, and the end.
A record is written in one piece, compressed. A record that was cut short, or that has changed since, is noticed by its length
or its checksum, and what stands before it is whole. A second has everything that was counted and measured in it (a `Delta`),
the decisions of the autoscaler and the changes by hand, so that the run can be played back through the same functions.

Nothing waits for the disk: what is written is the system's from then on, and survives the death of the process, not that of
the machine. A disk that is full ends the journal, not the run.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import msgpack

from tressi.model.flow import sends_of
from tressi.model.portable import encode_delta
from tressi.stats.summary_rows import identity_row
from tressi.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    from tressi.model import Delta, ResolvedConfig
    from tressi.model.flow import Flow
    from tressi.run.timeline import Ending, Second

NAME: Final = "run.journal"
FIRST_LINE: Final = b"tressi journal 1\n"
FRAME: Final = struct.Struct("<II")  # bytes of the record, and their CRC-32
_QUICK: Final = 1  # of zlib: a second is written while requests are in flight


class Journal:
    """Writes the journal of one run into a new file at `path`. Raises OSError where there can be none.

    `failure` is what ended it early, in words, None as long as all is written.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.failure: str | None = None
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        self._keys: tuple[str, ...] = ()
        self._size = 0
        self._last_t = 0.0

    def begin(self, config: ResolvedConfig, started_at: str) -> None:
        """Write what is run, and when it began (ISO 8601)."""
        self._keys = tuple(endpoint.endpoint_key for endpoint in config.endpoints)
        self._append(lambda: FIRST_LINE + record_of("head", __version__, started_at, document_of(config)))

    def second(self, second: Second, throttled_s: float) -> None:
        """Write a second; `throttled_s` is for how long a cgroup's quota has held the generator back since the run began."""
        if self._append(lambda: self._second(second, throttled_s)):
            self._last_t = second.delta.t

    def close(self, delta: Delta, *, drained: bool) -> None:
        """Write what came in after the last second: up to the run's end, or (`drained`) up to the end of the graceful stop."""
        self._append(lambda: record_of("rest", encode_delta(delta, self._keys), drained))

    def end(self, ending: Ending) -> None:
        """Write how the run ended."""
        self._append(lambda: record_of("end", ending.reason, ending.detail, ending.duration_s))
        self._close()

    @property
    def left_out(self) -> list[str]:
        """What is missing, in words; nothing where all is there."""
        if self.failure is None:
            return []
        return [f"the run's journal ends at {self._last_t:.0f} s: {self.path!r} cannot be written: {self.failure}"]

    def _second(self, second: Second, throttled_s: float) -> bytes:
        decisions = [list(asdict(one).values()) for one in second.decisions]
        changes = [list(asdict(one).values()) for one in second.moment.changes]
        delta = encode_delta(second.delta, self._keys)
        return record_of("second", delta, second.moment.paused, throttled_s, decisions, changes)

    def _append(self, made: Callable[[], bytes]) -> bool:
        """Write all of a record, or nothing: one that found no room leaves the file as it was. No failure ends the run."""
        if self.failure is not None or self._descriptor < 0:
            return False
        try:
            data = made()
            written = 0
            while written < len(data):
                written += os.write(self._descriptor, data[written:])
        except (OSError, ValueError, TypeError, OverflowError) as failure:
            self.failure = getattr(failure, "strerror", None) or str(failure)
            with suppress(OSError):
                os.ftruncate(self._descriptor, self._size)
            self._close()
            return False
        self._size += len(data)
        return True

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def record_of(*values: object) -> bytes:
    """A record of these values with its length and checksum; the first value says what it is."""
    body = zlib.compress(msgpack.packb(values), _QUICK)
    return FRAME.pack(len(body), zlib.crc32(body)) + body


def document_of(config: ResolvedConfig) -> dict[str, Any]:
    """What a run's results are made from beside its seconds. No header, no body and no secret is in it."""
    shared = config.shared_pool
    warm_up = {"warmUpSec": config.warm_up_s} if config.warm_up_s else {}
    return {
        **identity_row(config),
        "endpoints": [
            [
                *(one.endpoint_key, one.method, one.masked_url, one.name, one.autoscale and asdict(one.autoscale)),
                *(() if one.flow is None else (one.flow,)),
            ]
            for one in config.endpoints
        ],
        **({"flows": [_flow_of(flow) for flow in config.flows]} if config.flows else {}),
        "sharedPool": shared and asdict(shared),
        "workerLimit": config.worker_limit,
        "durationSec": config.duration_s,
        **warm_up,
        "concurrentRequests": config.concurrent_requests,
        "thresholds": [[one.text, one.endpoint_key, one.aborts, one.abort_delay_s] for one in config.thresholds],
        # As text: a config may have integers beyond 64 bits.
        "config": json.dumps(dict(config.document)),
    }


def _flow_of(flow: Flow) -> dict[str, Any]:
    """A flow without what its steps take and how long they pause; its results are made of their order alone."""
    return {
        "endpoint_key": flow.endpoint_key,
        "name": flow.name,
        **{part: sends_of(getattr(flow, part)) for part in ("begin", "steps", "end")},
        "workers": flow.workers,
        "target_rps": flow.target_rps,
        "ramp_up_time": flow.ramp_up_time,
        "stages": [asdict(stage) for stage in flow.stages],
        "autoscale": flow.autoscale and asdict(flow.autoscale),
    }
