"""What a load generator says of latencies, against a packet capture of the same run.

python -m bench.truth [--seconds 5] [--rounds 1] [--peer NAME ... | --all] [--scenario CONNECTIONS:RATE[:h2c] ...]
    [--json FILE]

A RATE of 0 is full speed, for the tools that know no rate. With `h2c` it is HTTP/2 without TLS, one request at a time on each
connection. Without `--peer` or `--all` it is tressi alone.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench.capture import capture, service_times_us
from bench.measure import machine, percentile
from bench.peers import PEERS, TRESSI, Peer
from bench.scenarios import Run, Scenario
from bench.servers import nginx
from bench.tellers import PERCENTS, TELLERS, Told

if TYPE_CHECKING:
    from bench.servers import Nginx

SERVER_CORE, CLIENT_CORE = 0, 1
SCENARIOS = ["1:100", "1:1000", "1:5000", "16:1000", "16:10000", "64:1000", "64:20000", "1:1000:h2c", "16:10000:h2c"]
PEER_SCENARIOS = ["1:0", "1:1000", "16:1000", "64:10000", "1:0:h2c", "16:1000:h2c"]
ANSWER_BYTES = 160


def main() -> None:
    arguments = _arguments()
    peers = _peers(arguments)
    scenarios = arguments.scenario or (SCENARIOS if peers == [TRESSI] else PEER_SCENARIOS)
    document = {"machine": machine(), "seconds": arguments.seconds, "rows": []}
    print(document["machine"], "", _head(), sep="\n")
    with nginx(SERVER_CORE, secure=True, http2=True) as server:
        for scenario in map(_scenario, scenarios):
            # Round by round, so that what else the machine does meets every tool.
            for number in range(arguments.rounds):
                for peer in peers:
                    row = _row(peer, scenario, server, arguments.seconds)
                    document["rows"] += [row | {"round": number}] if row else []
                    if row:
                        print(_line(row), flush=True)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--peer", action="append", default=[], choices=sorted(TELLERS), metavar="NAME")
    parser.add_argument("--all", action="store_true", help="every tool that is installed")
    parser.add_argument("--scenario", action="append", metavar="CONNECTIONS:RATE[:h2c]")
    parser.add_argument("--json", metavar="FILE", help="write every row")
    return parser.parse_args()


def _peers(arguments: argparse.Namespace) -> list[Peer]:
    """The tools asked for; tressi is always among them."""
    chosen = [
        peer for peer in PEERS if peer is TRESSI or peer.name in arguments.peer or (arguments.all and peer.name in TELLERS)
    ]
    for peer in chosen:
        if not peer.path():
            print(f"{peer.name} is missing: {peer.install}", file=sys.stderr)
    return [peer for peer in chosen if peer.path()]


def _scenario(text: str) -> Scenario:
    connections, rate, *protocol = text.split(":")
    return Scenario(text, text, int(connections), int(rate) or None, protocol=protocol[0] if protocol else "http/1.1")


def _row(peer: Peer, scenario: Scenario, server: Nginx, seconds: int) -> dict | None:
    """One run: what the tool said and what the wire saw, in µs; None where the tool cannot do it."""
    address = server.places.get(scenario.protocol, server.url)
    port, teller, path, way = int(address.rpartition(":")[2]), TELLERS[peer.name], str(peer.path()), peer.way(scenario)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        quiet = way(path, Run(scenario, address + scenario.path, seconds, folder, ANSWER_BYTES)) if way else None
        if quiet is None:
            return None
        with capture(port, folder / "wire.pcap", SERVER_CORE):
            command = ["taskset", "-c", str(CLIENT_CORE), *teller.command(quiet, folder)]
            # Some tools end with 1 where a request was still in flight.
            done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        wire = service_times_us(folder / "wire.pcap", port)
        said = teller.read(Told(done.stdout, folder, path))
    seen = {percent: percentile(wire, percent) for percent in PERCENTS}
    what = {"connections": scenario.connections, "rate": scenario.rate, "protocol": scenario.protocol}
    return {"peer": peer.name, **what, "said": said, "wire": seen, "requests": len(wire)}


def _head() -> str:
    columns = "".join(f"{f'p{percent} said / wire (µs)':>26}" for percent in PERCENTS)
    return f"{'tool':11} {'conns':>5} {'RPS':>6}{columns}  requests on the wire"


def _line(row: dict) -> str:
    cells = (_cell(row["said"].get(percent), row["wire"][percent]) for percent in PERCENTS)
    rate, protocol = row["rate"] or "full", "" if row["protocol"] == "http/1.1" else f" {row['protocol']}"
    figures = f"{''.join(f'{cell:>26}' for cell in cells)}  {row['requests']}"
    return f"{row['peer']:11} {row['connections']:5} {rate:>6}{figures}{protocol}"


def _cell(said: float | None, wire: float) -> str:
    return f"{'-':>9} / {wire:.0f}" if said is None else f"{said:.0f} / {wire:.0f} (x {said / wire:.2f})"


if __name__ == "__main__":
    main()
