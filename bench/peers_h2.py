"""The commands of the tools that speak HTTP/2 and gRPC: as many connections, and requests at a time on each, as asked for.

k6 has no streams to set: each of its users has a connection of its own, over TLS alone, and sends a batch of requests over it,
the next one when all are answered.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.scenarios import Run

PROTO = Path(__file__).parents[1] / "examples" / "grpc" / "shop.proto"
MESSAGE = {"items": [{"sku": "tea-100", "quantity": 2}]}


def tressi_document(url: str, connections: int, streams: int, seconds: int, **more: Any) -> dict[str, Any]:
    """A config with as many lanes as there are places on the connections."""
    return {
        "http2": {"streams": streams, "connections": connections},
        "requests": [{"url": url}],
        "workers": connections * streams,
        "duration": seconds,
        **more,
    }


def tressi(binary: str, run: Run) -> list[str]:
    """The config in a file of the folder."""
    scenario = run.scenario
    document = tressi_document(run.url, scenario.connections, scenario.streams, run.seconds, protocol=scenario.protocol)
    document |= {"rps": scenario.rate} if scenario.rate else {}
    config = run.folder / "tressi.json"
    config.write_text(json.dumps(document), encoding="ascii")
    return [binary, "-m", "tressi", "run", str(config), "--quiet", *(["--insecure"] if scenario.tls else [])]


def h2load(binary: str, run: Run) -> list[str]:
    """It has a limit of streams for each connection."""
    scenario = run.scenario
    shape = [f"-c{scenario.connections}", f"-m{scenario.streams}", f"-D{run.seconds}"]
    rate = [f"--rps={scenario.rate_each:g}"] if scenario.rate else []
    return [binary, "-t1", *shape, *rate, run.url]


def oha(binary: str, run: Run) -> list[str]:
    """It counts parallel requests for each connection."""
    scenario = run.scenario
    shape = [f"-c{scenario.connections}", f"-p{scenario.streams}", f"-z{run.seconds}s"]
    rate = [f"-q{scenario.rate}"] if scenario.rate else []
    return [binary, "--no-tui", "--insecure", "--http2", *shape, *rate, run.url]


def k6(binary: str, run: Run) -> list[str] | None:
    """A user for each connection, a batch for its streams."""
    scenario = run.scenario
    if not scenario.tls or scenario.rate:
        return None
    each = scenario.streams
    plan = {"executor": "constant-vus", "vus": scenario.connections, "duration": f"{run.seconds}s", "gracefulStop": "1s"}
    options = {
        "scenarios": {"bench": plan},
        "discardResponseBodies": True,
        "insecureSkipTLSVerify": True,
        "batch": each,
        "batchPerHost": each,
    }
    script = run.folder / "k6.js"
    lines = ["import http from 'k6/http';", f"export const options = {json.dumps(options)};"]
    lines += [f"const batch = Array({each}).fill(['GET', '{run.url}']);", "export default () => { http.batch(batch); };"]
    script.write_text("\n".join(lines), encoding="ascii")
    return [binary, "run", "--quiet", "--no-usage-report", "--no-summary", str(script)]


def tressi_grpc(binary: str, run: Run) -> list[str]:
    """The message as JSON in the config."""
    scenario = run.scenario
    request = {
        "url": run.url.removesuffix(scenario.path),
        "grpc": {"proto": str(PROTO), "method": scenario.path.removeprefix("/")},
        "payload": MESSAGE,
    }
    document = tressi_document("", scenario.connections, scenario.streams, run.seconds, requests=[request])
    config = run.folder / "tressi.json"
    config.write_text(json.dumps(document), encoding="ascii")
    return [binary, "-m", "tressi", "run", str(config), "--quiet"]


def ghz(binary: str, run: Run) -> list[str]:
    """As many calls at a time as there are places on its connections."""
    scenario = run.scenario
    shape = [f"--connections={scenario.connections}", f"--concurrency={scenario.lanes}", f"--duration={run.seconds}s"]
    call = scenario.path.removeprefix("/").replace("/", ".")
    what = [f"--proto={PROTO}", f"--call={call}", f"--data={json.dumps(MESSAGE)}"]
    address = run.url.removeprefix("http://").removesuffix(scenario.path)
    return [binary, "--insecure", *what, *shape, "--cpus=1", "--format=json", "--output=/dev/null", address]
