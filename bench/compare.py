"""tressi beside its peers: the same target, core and connections, one after the other within each round.

python -m bench.compare [--rounds 5] [--scenario NAME ...] [--peer NAME ...] [--seconds 3] [--json FILE]

Requests are counted by the server and CPU time by the kernel, both in the middle of each run. Before the typical job
each tool makes a short run against a server that writes a log, and is left out where the log is not as it should be.
Tools that are not installed are named at the end, with how to install them.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import math
import os
import resource
import shlex
import socket
import ssl
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench import job, peers_h2
from bench.grpc_target import GrpcTarget, grpc_go
from bench.measure import EndedEarlyError, Figures, machine, measure
from bench.peers import PEERS, TRESSI, Peer
from bench.scenarios import JOB_PATH, SCENARIOS, Run, Scenario
from bench.servers import Nginx, Status, nginx
from bench.table import Result, busy_s, did_it, disturbed, render

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVER_CORE, CLIENT_CORE = 0, 1
REPEATS = 2  # times at most that a disturbed run is thrown away and done again
PATIENCE_S = 60.0  # with a tool that is to send the first requests of the job
NOT_THE_JOB = "does not do the job"
ENDED_EARLY = "ended before its time"
STOPPED = "had stopped sending by then"
ANSWERS = {"/": b"hello world\n", "/large": b"x" * 65536, JOB_PATH: job.ANSWER}


Target = Nginx | GrpcTarget


class Witness:
    """The server as `measure` reads it, remembering what server and kernel said at each reading."""

    def __init__(self, server: Target) -> None:
        self._server = server
        self.said: list[Status] = []
        self.times_s: list[float] = []
        self.busy_s: list[float] = []

    def requests(self) -> int:
        """The server's count of requests."""
        self.said.append(self._server.status())
        self.times_s.append(time.monotonic())
        self.busy_s.append(busy_s(Path("/proc/stat").read_text(encoding="ascii"), CLIENT_CORE))
        return self.said[-1].requests

    def run(self, figures: Figures) -> dict[str, float]:
        """One run as it is written: what the tool did, and the share of its core that others took."""
        before, after = self.said
        requests = after.requests - before.requests
        others_s = self.busy_s[1] - self.busy_s[0] - figures.cpu_us * requests / 1e6
        return {
            "rps": figures.rps,
            "cpu_us": figures.cpu_us,
            "accepted_per_request": (after.accepted - before.accepted) / max(1, requests),
            "open": after.active,
            "others": max(0.0, others_s / (self.times_s[1] - self.times_s[0])),
        }


def main() -> None:
    arguments = _arguments()
    _allow_descriptors()
    scenarios = [scenario for scenario in SCENARIOS if not arguments.scenario or scenario.name in arguments.scenario]
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tressi-compare-")))
        server = stack.enter_context(nginx(SERVER_CORE, secure=True, logged=True, http2=True))
        calls = any(scenario.protocol == "grpc" for scenario in scenarios)
        called = stack.enter_context(grpc_go(folder, SERVER_CORE)) if calls else server
        _compile_reference(folder)
        named = [peer for peer in PEERS if not arguments.peer or peer.name in (*arguments.peer, TRESSI.name)]
        wanted = [peer for peer in named if any(map(peer.way, scenarios))]
        found = [peer for peer in wanted if peer.path()]
        missing = {peer.name: peer.install for peer in wanted if not peer.path()}
        document = {
            "machine": f"{machine()}, the server on core {SERVER_CORE}, one client at a time on core {CLIENT_CORE}",
            "rounds": arguments.rounds,
            "seconds": arguments.seconds,
            "versions": {peer.name: peer.said_version() for peer in found},
            "missing": missing,
            "scenarios": {scenario.name: scenario.title for scenario in scenarios},
            "about": {scenario.name: job.ABOUT for scenario in scenarios if scenario.is_job},
            "results": [],
        }
        for scenario in scenarios:
            target = called if scenario.protocol == "grpc" else server
            document["results"] += compare(scenario, found, target, folder, arguments)
            if arguments.json:
                arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(render([document]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each run is read")
    parser.add_argument("--scenario", action="append", choices=[scenario.name for scenario in SCENARIOS])
    parser.add_argument("--peer", action="append", choices=[peer.name for peer in PEERS])
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


def compare(
    scenario: Scenario, peers: list[Peer], server: Target, folder: Path, arguments: argparse.Namespace
) -> Iterator[Result]:
    """Yield what one scenario gave, tool by tool, after all rounds of it."""
    url = place(server, scenario) + scenario.path
    answer_bytes = server.verify(scenario.path) if isinstance(server, GrpcTarget) else verify(url, scenario)
    pairs = []
    for peer in filter(lambda peer: peer.way(scenario), peers):
        run = Run(scenario, url, math.ceil(peer.warm_up_s + arguments.seconds + 2), folder, answer_bytes)
        result = _result(peer, run)
        pairs.append((peer, run, result))
        if scenario.is_job and isinstance(server, Nginx) and (found := faults(peer, run, server)):
            result["note"] = NOT_THE_JOB
            print(f"{scenario.name:10s} {peer.name:12s} {'; '.join(found)}", flush=True)
    for number in range(arguments.rounds):
        # Each round starts with another tool, so that none always follows the same one.
        for peer, run, result in pairs[number % len(pairs) :] + pairs[: number % len(pairs)]:
            _measure(peer, run, result, server, arguments.seconds)
    yield from (result for _peer, _run, result in pairs)


def place(server: Target, scenario: Scenario) -> str:
    """Where a server has what the scenario says."""
    if isinstance(server, GrpcTarget):
        return server.url
    if scenario.ends:
        return server.places["ends" if scenario.protocol == "http/1.1" else "ends_h2c"]
    if scenario.protocol != "http/1.1":
        return server.places[scenario.protocol]
    return server.secure_url if scenario.tls else server.url


def faults(peer: Peer, run: Run, server: Nginx) -> list[str]:
    """What a tool does otherwise than the job says, by the log that the target writes of its first requests."""
    command = _command(peer, peer.path() or peer.binary, replace(run, url=server.logged_url + run.scenario.path))
    server.logged()
    before, patience = server.requests(), time.monotonic() + PATIENCE_S
    process = subprocess.Popen(
        ["taskset", "-c", str(CLIENT_CORE), *(command or [])], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while server.requests() - before < job.TELLING and process.poll() is None and time.monotonic() < patience:
            time.sleep(0.1)
    finally:
        process.terminate()
        process.wait(30)
    return job.faults(server.logged())


def _command(peer: Peer, binary: str, run: Run) -> list[str] | None:
    way = peer.way(run.scenario)
    return way(binary, run) if way else None


def _result(peer: Peer, run: Run) -> Result:
    command = _command(peer, peer.binary, run)
    address = run.url.removesuffix(run.scenario.path)
    files = [Path(word.rpartition("=")[2]) for word in command or [] if str(run.folder) in word]
    if run.scenario.is_job:
        files = job.files_of(command or [])

    def neutral(text: str) -> str:
        names = {address: "URL", address.removeprefix("http://"): "ADDRESS", str(peers_h2.PROTO): "shop.proto"}
        names |= {f"{run.folder}/": "", TRESSI.binary: "python"}
        return functools.reduce(lambda said, name: said.replace(name, names[name]), names, text)

    return {
        "scenario": run.scenario.name,
        "rate": run.scenario.rate,
        "peer": peer.name,
        "command": neutral(shlex.join(command)) if command else None,
        "files": {file.name: neutral(file.read_text(encoding="ascii")) for file in files},
        "runs": [],
        "note": "" if command else "cannot do this",
    }


def _measure(peer: Peer, run: Run, result: Result, server: Target, seconds: float) -> None:
    """Add one run to `result`, or the reason why there is none; again, while others take part of the core."""
    command = _command(peer, peer.path() or peer.binary, run)
    if command is None or result["note"] == NOT_THE_JOB:
        return
    try:
        for _ in range(1 + REPEATS):
            witness = Witness(server)
            one = witness.run(measure(command, witness, seconds, CLIENT_CORE, peer.warm_up_s))
            if not disturbed(one):
                break
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        result["note"] = ENDED_EARLY if isinstance(error, EndedEarlyError) else "failed at least once"
        print(f"{run.scenario.name:10s} {peer.name:12s} {error}", flush=True)
        return
    if one["rps"] == 0:
        result["note"] = STOPPED
        print(f"{run.scenario.name:10s} {peer.name:12s} {STOPPED}", flush=True)
        return
    result["runs"].append(one)
    if not did_it(one, keep_alive=run.scenario.keep_alive):
        result["note"] = f"{one['accepted_per_request']:.2f} connections per request"
    cells = f"{one['rps']:9.0f} RPS {one['cpu_us']:7.2f} µs  others {one['others']:.0%}"
    print(f"{run.scenario.name:10s} {peer.name:12s} {cells} {result['note']}", flush=True)


def verify(url: str, scenario: Scenario) -> int:
    """The bytes of a whole answer, after seeing that it has status 200 and the expected body."""
    if scenario.protocol != "http/1.1":
        return _verify_h2(url, scenario)
    host, port = url.split("/")[2].split(":")
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(socket.create_connection((host, int(port)), timeout=5))
        if scenario.tls:
            stream = stack.enter_context(ssl._create_unverified_context().wrap_socket(stream))  # noqa: SLF001 - our certificate
        stream.sendall(f"GET {scenario.path} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode("ascii"))
        answer = stack.enter_context(stream.makefile("rb"))
        head = b"".join(iter(answer.readline, b"\r\n"))
        expected = ANSWERS[scenario.path]
        if not head.startswith(b"HTTP/1.1 200 ") or answer.read(len(expected)) != expected:
            raise RuntimeError(f"{url} does not answer as it should: {head!r}")
    return len(head) + 2 + len(expected)


def _verify_h2(url: str, scenario: Scenario) -> int:
    way = ["--http2"] if scenario.tls else ["--http2-prior-knowledge"]
    command = ["curl", "--silent", "--insecure", "--max-time", "5", *way, "--write-out", "%{http_version} %{http_code}", url]
    said = subprocess.run(command, capture_output=True, check=True).stdout
    if said != ANSWERS[scenario.path] + b"2 200":
        raise RuntimeError(f"{url} does not answer as it should: {said!r}")
    return len(said)


def _compile_reference(folder: Path) -> None:
    """Put the bare loop where `shutil.which` finds it; without a compiler it is missing like any other tool."""
    os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
    source = Path(__file__).with_name("reference.c")
    with contextlib.suppress(FileNotFoundError):
        subprocess.run(["cc", "-O2", "-o", str(folder / "reference"), str(source)], check=True)


def _allow_descriptors() -> None:
    """As many open files as the system lets us have, for tools with 1,000 connections that do not ask themselves."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main()
