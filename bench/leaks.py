"""Memory and descriptors of an engine over 50,000 connections of each kind: whether a connection leaves anything behind.

python -m bench.leaks [--connections 50000] [--slices 50] [--rate 3000] [--kind TEXT ...] [--json FILE]

Every request has a connection of its own, over loopback. The engine is a process of its own, driven by the five methods
that a run uses, with a new one for each kind. The connections are made in slices: after each the engine is paused, its
requests in flight end, and its memory (the anonymous part of its resident memory: heap and stacks) and its descriptors are
read. The first fifth of the slices is warm-up. `slope.py` says what the interval is. The verdict of a kind is

  flat              the slope is 0 within its noise: the interval of 95 % includes 0,
  below one object  it is not, but the whole interval is below 16 bytes, the smallest block of memory: no object is left behind
                    by each connection, although something may be by each second,
  grows             neither of them; or a descriptor more is open at the end than after the warm-up.

The exit code is 1 where something grows, or where connections of a kind did not do what they were to do.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

import gevent

from bench.measure import anonymous_kib, descriptors, engines, machine, resident_kib
from bench.servers import free_port, make_certificate, start_nginx
from bench.slope import FEWEST, Slope, slope_of
from tressi.config.load import load_config
from tressi.load.plan import make_plan
from tressi.load.process import ProcessEngine
from tressi.model import Curve, PoolId, TlsConfig, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tressi.model import EndpointSnapshot, ResolvedConfig

# An address has 28,000 ports for one destination, some of which a closed connection keeps for a minute: so four destinations.
ADDRESSES: Final = tuple(f"127.0.0.{number}" for number in range(1, 5))
WORKERS: Final = 32
POOL: Final = PoolId(0)
WARM_UP: Final = 0.2
SLICE_WITHIN_S: Final = 120.0
REST_WITHIN_S: Final = 10.0
# A closed connection waits up to 0.2 s for the server's end, and keeps its descriptor meanwhile.
CLOSED_WITHIN_S: Final = 1.0

_CONFIG = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    ssl_certificate {folder}/server.pem;
    ssl_certificate_key {folder}/server.key;
    server {{
        {plain}
        location / {{ default_type text/plain; return 200 "hello world\\n"; }}
    }}
    server {{
        {full}
        ssl_session_cache off;
        ssl_session_tickets off;
        location / {{ default_type text/plain; return 200 "hello world\\n"; }}
    }}
    server {{
        {resumed}
        location / {{ default_type text/plain; return 200 "hello world\\n"; }}
    }}
    server {{
        {mutual}
        ssl_session_cache off;
        ssl_session_tickets off;
        ssl_client_certificate {folder}/client.pem;
        ssl_verify_client on;
        location / {{ default_type text/plain; return 200 "hello world\\n"; }}
    }}
}}
"""


@dataclass(frozen=True)
class Kind:
    """One kind of connection: which of the server's listeners it goes to, and over which transport."""

    name: str
    listener: str
    transport: str = "wire"
    refused: bool = False
    shows_certificate: bool = False

    @property
    def scheme(self) -> str:
        """Of the URLs."""
        return "http" if self.listener in {"plain", "nobody"} else "https"


KINDS: Final = (
    Kind("plain TCP", "plain"),
    Kind("refused", "nobody", refused=True),
    Kind("TLS, a full handshake each", "full"),
    Kind("TLS, resumed", "resumed"),
    Kind("mutual TLS", "mutual", shows_certificate=True),
    Kind("urllib3, plain TCP", "plain", "urllib3"),
    Kind("urllib3, refused", "nobody", "urllib3", refused=True),
    Kind("urllib3, TLS", "full", "urllib3"),
)


@dataclass(frozen=True)
class Reading:
    """The engine's process after so many attempts, at rest."""

    attempts: int
    resident_kib: int
    anonymous_kib: int
    descriptors: int
    at_s: float


@dataclass(frozen=True)
class Found:
    """One kind's outcome. Slopes are in bytes for each connection."""

    kind: str
    readings: tuple[Reading, ...]
    connections: int
    anonymous: Slope
    resident: Slope
    wrong: str  # why the connections were not what they were to be, in words; else empty

    @property
    def steady(self) -> tuple[Reading, ...]:
        """The readings after the warm-up."""
        return _steady(self.readings)

    @property
    def verdict(self) -> str:
        """In the words of this program's help."""
        if self.wrong:
            return self.wrong
        return "grows" if self.steady[-1].descriptors > self.steady[0].descriptors else self.anonymous.verdict()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=50_000, help="of each kind")
    parser.add_argument("--slices", type=int, default=50, help="readings of each kind")
    parser.add_argument("--rate", type=float, default=3000.0, help="connections a second at most")
    parser.add_argument("--kind", action="append", help="only kinds with this in their name; may be given several times")
    parser.add_argument("--json", metavar="FILE", help="write every reading")
    arguments = parser.parse_args()
    if round(arguments.slices * (1 - WARM_UP)) < FEWEST or arguments.connections < arguments.slices:
        parser.error(f"--slices: {round(FEWEST / (1 - WARM_UP)) + 1} or more, and no more than connections")
    wanted = arguments.kind or [""]
    print(f"{machine()}\n", flush=True)
    outcomes = []
    with _server() as (ports, folder):
        for kind in (one for one in KINDS if any(part in one.name for part in wanted)):
            outcomes.append(_measure(kind, ports, folder, arguments))
            print(f"{kind.name}: {row(outcomes[-1])}", file=sys.stderr, flush=True)
    print(table(outcomes))
    if arguments.json:
        document = {"machine": machine(), "kinds": [{**asdict(one), "verdict": one.verdict} for one in outcomes]}
        Path(arguments.json).write_text(json.dumps(document, indent=1), encoding="utf-8")
    sys.exit(any(one.verdict not in {"flat", "below one object"} for one in outcomes))


# ------------------------------------------------------------------------------------------------------------ one kind


def _measure(kind: Kind, ports: dict[str, int], folder: str, arguments: argparse.Namespace) -> Found:
    config, engine = _config(kind, ports, folder, arguments.rate), ProcessEngine()
    engine.build(make_plan(config, {POOL: WORKERS}))
    engine.go()
    try:
        readings = _slices(engine, arguments)
        counted = engine.read().endpoints.values()
    finally:
        engine.stop(REST_WITHIN_S)
    connections = sum(one.failed if kind.refused else one.connections_opened for one in counted)
    xs = [one.attempts for one in _steady(readings)]
    anonymous = slope_of(xs, [1024 * one.anonymous_kib for one in _steady(readings)])
    resident = slope_of(xs, [1024 * one.resident_kib for one in _steady(readings)])
    return Found(kind.name, readings, connections, anonymous, resident, _wrong(kind, list(counted), engine.lost))


def _slices(engine: ProcessEngine, arguments: argparse.Namespace) -> tuple[Reading, ...]:
    """A reading before the first connection, and one after each slice."""
    version = count(1)
    _rest(engine, next(version))
    (pid,) = engines(os.getpid())
    readings = [_read(engine, pid, None)]
    for _ in range(arguments.slices):
        wanted = readings[-1].attempts + arguments.connections // arguments.slices
        engine.want(POOL, Wanted(WORKERS, Curve.held(arguments.rate), next(version)))
        _until(lambda wanted=wanted: _made(engine) >= wanted, SLICE_WITHIN_S, f"{wanted} connections")
        _rest(engine, next(version))
        readings.append(_read(engine, pid, readings[0].descriptors))
    return tuple(readings)


def _rest(engine: ProcessEngine, version: int) -> None:
    """Start nothing more, and wait for what is under way."""
    engine.want(POOL, Wanted(WORKERS, Curve.held(0.0), version))
    gevent.sleep(0.02)  # the engine has heard it
    _until(lambda: not any(one.in_flight for one in engine.read().endpoints.values()), REST_WITHIN_S, "an end")


def _read(engine: ProcessEngine, pid: int, had: int | None) -> Reading:
    """Read the process, once its closed connections are gone: when it has as many descriptors as it `had`, or in a second."""
    limit = time.monotonic() + CLOSED_WITHIN_S
    while had is not None and descriptors(pid) > had and time.monotonic() < limit:
        gevent.sleep(0.01)
    return Reading(_made(engine), resident_kib(pid), anonymous_kib(pid), descriptors(pid), time.monotonic())


def _made(engine: ProcessEngine) -> int:
    return sum(one.requests_made for one in engine.read().endpoints.values())


def _until(condition: Callable[[], object], within_s: float, what: str) -> None:
    limit = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > limit:
            raise RuntimeError(f"{what} did not come within {within_s:g} s")
        gevent.sleep(0.01)


def _wrong(kind: Kind, counted: list[EndpointSnapshot], lost: str | None) -> str:
    """What is not as it was to be: each attempt refused, or a success over a connection of its own."""
    made, refused = sum(one.requests_made for one in counted), sum(one.errors.get("connect", 0) for one in counted)
    opened = sum(one.connections_opened for one in counted)
    if lost is not None:
        return lost
    if kind.refused:
        return "" if refused == made else f"{made - refused} of {made} attempts were not refused"
    failed = [f"{one.kind}: {one.text} ({one.count})" for endpoint in counted for one in endpoint.reasons]
    if failed:
        return "failures: " + "; ".join(failed)
    return "" if opened == made else f"{made} requests over {opened} connections"


def _steady(readings: tuple[Reading, ...]) -> tuple[Reading, ...]:
    return readings[1 + round(WARM_UP * (len(readings) - 1)) :]


def _config(kind: Kind, ports: dict[str, int], folder: str, rate: float) -> ResolvedConfig:
    urls = [f"{kind.scheme}://{address}:{ports[kind.listener]}/" for address in ADDRESSES]
    document = {"requests": [{"url": url} for url in urls], "workers": WORKERS, "rps": rate, "duration": 24 * 3600}
    tls = TlsConfig(ca=f"{folder}/server.pem") if kind.scheme == "https" else TlsConfig()
    if kind.shows_certificate:
        tls = replace(tls, cert=f"{folder}/client.pem", key=f"{folder}/client.key")
    return replace(load_config(document), keep_alive=False, tls=tls, transport=kind.transport)


# ---------------------------------------------------------------------------------------------------------- the server


@contextmanager
def _server() -> Iterator[tuple[dict[str, int], str]]:
    """Run nginx with all listeners, on all addresses; yields their ports by name, and the folder of the certificates."""
    names = ("plain", "full", "resumed", "mutual", "nobody")
    with tempfile.TemporaryDirectory(prefix="tressi-bench-") as folder:
        ports = {name: free_port() for name in names}
        make_certificate(folder, "server", *ADDRESSES)
        make_certificate(folder, "client")
        listeners = {name: _listeners(ports[name], secure=name != "plain") for name in names}
        process = start_nginx(folder, _CONFIG.format(folder=folder, **listeners))
        try:
            _until(lambda: _listens(ports["mutual"]), REST_WITHIN_S, "nginx")
            yield ports, folder
        finally:
            process.terminate()
            process.wait(10)


def _listeners(port: int, *, secure: bool) -> str:
    kind = " ssl" if secure else ""
    return "\n        ".join(f"listen {address}:{port}{kind} backlog=4096;" for address in ADDRESSES)


def _listens(port: int) -> bool:
    """Whether somebody listens on the last address, by the kernel's own list (proc(5)): no connection is made for it."""
    where = "".join(f"{int(part):02X}" for part in reversed(ADDRESSES[-1].split("."))) + f":{port:04X}"
    return any(f" {where} 00000000:0000 0A" in line for line in Path("/proc/net/tcp").read_text().splitlines())


# ----------------------------------------------------------------------------------------------------------- the table


def table(outcomes: list[Found]) -> str:
    """All kinds, as Markdown."""
    head = "| connections | made | bytes a connection, 95 % | resident, with the metrics | descriptors | verdict |"
    lines = [f"| {one.kind} | {row(one)} |" for one in outcomes]
    return "\n".join([head, "| --- | --- | --- | --- | --- | --- |", *lines])


def row(found: Found) -> str:
    """One kind's figures: slopes of memory, and descriptors after the warm-up and at the end."""
    first, last = found.steady[0], found.steady[-1]
    memory = f"{_shown(found.anonymous)} | {_shown(found.resident)}"
    return f"{found.connections:,} | {memory} | {first.descriptors} → {last.descriptors} | {found.verdict}"


def _shown(slope: Slope) -> str:
    return f"{slope.value:+.2f} ({slope.low:+.2f} to {slope.high:+.2f})"


if __name__ == "__main__":
    main()
