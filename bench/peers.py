"""The tools that are compared: where each is found, how it is installed, and its command for a scenario.

A command gives a tool its cheapest way of doing the scenario: one thread for one core, no progress, no certificate
checks, no copies of bodies. Where a tool cannot do what the scenario says, its command is None. Those tools that templates
and checks are a part of do the typical job too.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import job, peers_h2

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.scenarios import Run, Scenario


@dataclass(frozen=True)
class Peer:
    """One tool of the table."""

    name: str
    binary: str
    install: str
    version: tuple[str, ...]  # command that says its version, with {} for its path; empty: it has none
    command: Callable[[str, Run], list[str] | None] | None  # with the binary's path; None: it does the job alone
    warm_up_s: float = 1.5  # until it is at full speed: imports, compiling, starting its users
    job: Callable[[str, Run], list[str] | None] | None = None  # its command for the typical job, where it is held to it
    h2: Callable[[str, Run], list[str] | None] | None = None  # over HTTP/2, where it can choose the streams
    grpc: Callable[[str, Run], list[str] | None] | None = None  # for unary calls

    def way(self, scenario: Scenario) -> Callable[[str, Run], list[str] | None] | None:
        """What makes its command for a scenario; None where it is not compared at it."""
        if scenario.protocol == "http/1.1":
            return self.job if scenario.is_job else self.command
        return self.grpc if scenario.protocol == "grpc" else self.h2

    def path(self) -> str | None:
        """Where it is installed, if it is."""
        return shutil.which(self.binary)

    def said_version(self) -> str:
        """Its version, or nothing where it has none."""
        if not self.version:
            return ""
        command = [word.format(self.path()) for word in self.version]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        except FileNotFoundError:
            return ""
        return version_in(done.stdout + done.stderr)


def version_in(text: str) -> str:
    """The version in what a tool says; in Go's account of a binary, that of its main module."""
    modules = [line for line in text.splitlines() if line.startswith("\tmod\t")]
    found = re.search(r"(?<![\w.])v?\d+\.\d+[\w.+-]*", "\n".join(modules) or text)
    return found.group() if found else ""


def _tressi(binary: str, run: Run) -> list[str]:
    scenario = run.scenario
    document = {"requests": [{"url": run.url}], "workers": scenario.connections, "duration": run.seconds}
    document |= {"rps": scenario.rate} if scenario.rate else {}
    document |= {} if scenario.keep_alive else {"keepAlive": False}
    config = run.folder / "tressi.json"
    config.write_text(json.dumps(document), encoding="ascii")
    return [binary, "-m", "tressi", "run", str(config), "--quiet", *(["--insecure"] if scenario.tls else [])]


def _reference(binary: str, run: Run) -> list[str] | None:
    scenario = run.scenario
    if scenario.rate or scenario.tls or not scenario.keep_alive:
        return None
    port = run.url.split(":")[2].split("/")[0]
    return [binary, port, str(scenario.connections), str(run.seconds), scenario.path, str(run.answer_bytes)]


def _wrk(binary: str, run: Run) -> list[str] | None:
    scenario = run.scenario
    if scenario.rate:
        return None
    close = [] if scenario.keep_alive else ["-H", "Connection: close"]
    return [binary, "-t1", f"-c{scenario.connections}", f"-d{run.seconds}", *close, run.url]


def _h2load(binary: str, run: Run) -> list[str]:
    scenario = run.scenario
    rate = [f"--rps={scenario.rate_each:g}"] if scenario.rate else []
    close = [] if scenario.keep_alive else ["-H", "Connection: close"]
    return [binary, "--h1", "-t1", f"-c{scenario.connections}", f"-D{run.seconds}", *rate, *close, run.url]


def _ab(binary: str, run: Run) -> list[str] | None:
    scenario = run.scenario
    if scenario.rate:
        return None
    keep = ["-k"] if scenario.keep_alive else []
    # -t sets -n to 50,000 unless -n comes after it; ab reserves memory for each request asked for.
    return [binary, "-q", f"-c{scenario.connections}", f"-t{run.seconds}", f"-n{250_000 * run.seconds}", *keep, run.url]


def _hey(binary: str, run: Run) -> list[str]:
    scenario = run.scenario
    rate = [f"-q={scenario.rate_each:g}"] if scenario.rate else []
    close = [] if scenario.keep_alive else ["-disable-keepalive"]
    return [binary, "-cpus=1", f"-c={scenario.connections}", f"-z={run.seconds}s", *rate, *close, run.url]


def _autocannon(binary: str, run: Run) -> list[str]:
    scenario = run.scenario
    rate = ["-R", str(scenario.rate)] if scenario.rate else []
    close = [] if scenario.keep_alive else ["-D", "1"]
    return [binary, "-n", "-c", str(scenario.connections), "-d", str(run.seconds), *rate, *close, run.url]


def _k6(binary: str, run: Run) -> list[str]:
    scenario = run.scenario
    plan: dict[str, object] = {"executor": "constant-vus", "vus": scenario.connections}
    if scenario.rate:
        plan = {"executor": "constant-arrival-rate", "rate": scenario.rate, "preAllocatedVUs": scenario.connections}
    options = {
        "scenarios": {"bench": plan | {"duration": f"{run.seconds}s", "gracefulStop": "1s"}},
        "discardResponseBodies": True,
        "insecureSkipTLSVerify": True,
        "noConnectionReuse": not scenario.keep_alive,
    }
    script = run.folder / "k6.js"
    lines = ["import http from 'k6/http';", f"export const options = {json.dumps(options)};"]
    lines += [f"export default () => {{ http.get('{run.url}'); }};"]
    script.write_text("\n".join(lines), encoding="ascii")
    return [binary, "run", "--quiet", "--no-usage-report", "--no-summary", str(script)]


def _locust(binary: str, run: Run) -> list[str]:
    scenario = run.scenario
    wait = f"constant_throughput({scenario.rate_each:g})" if scenario.rate else "constant(0)"
    headers = {} if scenario.keep_alive else {"Connection": "close"}
    file = run.folder / "locustfile.py"
    lines = ["from locust import FastHttpUser, constant, constant_throughput, task", "", "class Bench(FastHttpUser):"]
    lines += [f"    wait_time = {wait}", "    @task", "    def get(self):"]
    lines += [f"        self.client.get({scenario.path!r}, headers={headers!r})"]
    file.write_text("\n".join(lines) + "\n", encoding="ascii")
    users = str(scenario.connections)
    command = [binary, "--headless", "--only-summary", "-f", str(file), "-u", users, "-r", users]
    return [*command, f"--host={run.url.removesuffix(scenario.path)}", f"--run-time={run.seconds}s"]


def _vegeta(binary: str, run: Run) -> list[str]:
    scenario = run.scenario
    targets = run.folder / "vegeta.txt"
    targets.write_text(f"GET {run.url}\n", encoding="ascii")
    each = str(scenario.connections)
    command = [binary, "attack", f"-targets={targets}", f"-duration={run.seconds}s", f"-rate={scenario.rate or 0}"]
    command += [f"-workers={each}", f"-max-workers={each}", f"-connections={each}", f"-max-connections={each}"]
    command += [f"-keepalive={str(scenario.keep_alive).lower()}", "-http2=false", "-insecure", "-max-body=0"]
    return [*command, "-output=/dev/null"]


def _fortio(binary: str, run: Run) -> list[str]:
    scenario = run.scenario
    command = [binary, "load", "-quiet", "-k", f"-qps={scenario.rate or 0}", f"-c={scenario.connections}"]
    return [*command, f"-t={run.seconds}s", f"-keepalive={str(scenario.keep_alive).lower()}", run.url]


def _bombardier(binary: str, run: Run) -> list[str]:
    scenario = run.scenario
    rate = [f"-r{scenario.rate}"] if scenario.rate else []
    close = [] if scenario.keep_alive else ["-H", "Connection: close"]
    return [binary, "-q", "-k", f"-c{scenario.connections}", f"-d{run.seconds}s", *rate, *close, run.url]


def _oha(binary: str, run: Run) -> list[str]:
    scenario = run.scenario
    rate = [f"-q{scenario.rate}"] if scenario.rate else []
    close = [] if scenario.keep_alive else ["--disable-keepalive"]
    return [binary, "--no-tui", "--insecure", f"-c{scenario.connections}", f"-z{run.seconds}s", *rate, *close, run.url]


def _tressi_job(binary: str, run: Run) -> list[str]:
    return job.command([binary, "-m", "tressi", "run", "tressi.json", "--quiet"], run)


def _k6_job(binary: str, run: Run) -> list[str]:
    return job.command([binary, "run", "--quiet", "--no-usage-report", "--no-summary", "k6.js"], run)


def _locust_job(binary: str, run: Run) -> list[str]:
    users = str(run.scenario.connections)
    command = [binary, "--headless", "--only-summary", "-f", "locustfile.py", "-u", users, "-r", users]
    return job.command([*command, f"--run-time={run.seconds}s"], run)


def _artillery_job(binary: str, run: Run) -> list[str]:
    phases = {"config": {"phases": [{"duration": 1, "arrivalCount": run.scenario.connections}]}}
    command = ["ARTILLERY_DISABLE_TELEMETRY=true", binary, "run", "--quiet", "--overrides", json.dumps(phases)]
    return job.command([*command, "artillery.yml"], run)


# One of its packages would download a browser when it is installed.
_ARTILLERY = "npm install --global --ignore-scripts artillery"
_GO = ("go", "version", "-m", "{}")
TRESSI = Peer(
    "tressi",
    sys.executable,
    "pip install .",
    ("{}", "-m", "tressi", "--version"),
    _tressi,
    job=_tressi_job,
    h2=peers_h2.tressi,
    grpc=peers_h2.tressi_grpc,
)
PEERS = (
    TRESSI,
    Peer("bare C loop", "reference", "a C compiler", (), _reference, 0.5),
    Peer("wrk", "wrk", "apt-get install wrk", ("{}", "-v"), _wrk, 0.5),
    Peer("h2load", "h2load", "apt-get install nghttp2-client", ("{}", "--version"), _h2load, 0.5, h2=peers_h2.h2load),
    Peer("ab", "ab", "apt-get install apache2-utils", ("{}", "-V"), _ab, 0.5),
    Peer("hey", "hey", "apt-get install hey", ("dpkg-query", "-W", "hey"), _hey, 1.0),
    Peer("bombardier", "bombardier", "go install github.com/codesenberg/bombardier@latest", _GO, _bombardier, 1.0),
    Peer("vegeta", "vegeta", "go install github.com/tsenart/vegeta/v12@latest", _GO, _vegeta, 1.0),
    Peer("fortio", "fortio", "go install fortio.org/fortio@latest", _GO, _fortio, 1.0),
    Peer("k6", "k6", "go install go.k6.io/k6@latest", ("{}", "version"), _k6, 2.5, _k6_job, peers_h2.k6),
    Peer("oha", "oha", "cargo install oha", ("{}", "--version"), _oha, 1.0, h2=peers_h2.oha),
    Peer("autocannon", "autocannon", "npm install --global autocannon", ("{}", "--version"), _autocannon, 2.0),
    Peer("Locust", "locust", "pip install locust", ("{}", "--version"), _locust, 4.0, _locust_job),
    Peer("ghz", "ghz", "go install github.com/bojand/ghz/cmd/ghz@latest", _GO, None, 2.0, grpc=peers_h2.ghz),
    Peer("Artillery", "artillery", _ARTILLERY, ("{}", "--version"), None, 8.0, _artillery_job),
)
