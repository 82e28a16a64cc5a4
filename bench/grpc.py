"""gRPC unary: tressi against ghz, against grpc-go on another core, which counts the calls.

python -m bench.grpc [--rounds 3] [--seconds 3] [--warm-up 3]

Both send one message of `examples/grpc/shop.proto` over kept connections without TLS, as fast as the server lets them, and look
at the status of each answer. ghz is installed by `go install github.com/bojand/ghz/cmd/ghz@latest`; the server is built by Go.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

from bench.measure import Figures, machine, measure, per_cpu_second, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVER_CORE, CLIENT_CORE = 0, 1
SHAPES = ((1, 1), (10, 10), (4, 50))
ROOT = Path(__file__).parents[1]
PROTO = ROOT / "examples" / "grpc" / "shop.proto"
MESSAGE = {"items": [{"sku": "tea-100", "quantity": 2}]}


@dataclass(frozen=True)
class Server:
    """The target: where calls go, and where their count is."""

    address: str
    counter: str

    def requests(self) -> int:
        """Calls so far."""
        with urlopen(f"http://{self.counter}/") as answer:
            return int(answer.read())


@contextmanager
def grpc_go(folder: Path) -> Iterator[Server]:
    """Build the server and run it; it is ready when the block is entered."""
    if shutil.which("go") is None:
        sys.exit("the server needs Go: apt-get install golang")
    program = folder / "grpc_server"
    subprocess.run(["go", "build", "-o", str(program), "."], cwd=Path(__file__).parent / "grpc_server", check=True)
    command = ["taskset", "-c", str(SERVER_CORE), str(program)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Server(*process.stdout.readline().split())  # type: ignore[union-attr] # it is a pipe
        finally:
            process.terminate()


def ours(server: Server, connections: int, streams: int, seconds: int, folder: Path) -> list[str]:
    """The command of tressi: as many lanes as there are places."""
    config = folder / f"{connections}x{streams}.json"
    document = {
        "requests": [
            {
                "url": f"http://{server.address}",
                "grpc": {"proto": str(PROTO), "method": "shop.Cart/Add"},
                "payload": MESSAGE,
            }
        ],
        "http2": {"streams": streams, "connections": connections},
        "workers": connections * streams,
        "duration": seconds,
    }
    config.write_text(json.dumps(document), encoding="ascii")
    return [sys.executable, "-m", "tressi", "run", str(config), "--quiet"]


def ghz(program: str, server: Server, connections: int, streams: int, seconds: int) -> list[str]:
    """The command of ghz for the same."""
    lanes = connections * streams
    shape = [f"--connections={connections}", f"--concurrency={lanes}", f"--duration={seconds}s", "--cpus=1"]
    what = [f"--proto={PROTO}", "--call=shop.Cart.Add", f"--data={json.dumps(MESSAGE)}"]
    return [program, "--insecure", *what, *shape, "--format=json", "--output=/dev/null", server.address]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--warm-up", type=int, default=3, help="seconds; more on a busy machine")
    arguments = parser.parse_args()
    peer = shutil.which("ghz")
    lasts = arguments.warm_up + arguments.seconds + 3
    print(machine())
    print(f"{'connections x streams':22s} {'tressi':>24s} {'ghz':>24s}   calls per CPU second, tressi / ghz")
    with tempfile.TemporaryDirectory() as name, grpc_go(Path(name)) as server:
        for connections, streams in SHAPES:
            found: tuple[list[Figures], list[Figures]] = ([], [])
            for _ in range(arguments.rounds):
                commands = [ours(server, connections, streams, lasts, Path(name))]
                commands += [ghz(peer, server, connections, streams, lasts)] if peer else []
                for figures, command in zip(found, commands, strict=False):
                    # It counts as an Nginx does.
                    taken = measure(command, server, arguments.seconds, CLIENT_CORE, arguments.warm_up)  # type: ignore[arg-type]
                    figures.append(taken)
            columns = f"{shown(found[0]):>24s} {shown(found[1]):>24s}   {per_cpu_second(*found)}"
            print(f"{connections:>10d} x {streams:<9d} {columns}", flush=True)


if __name__ == "__main__":
    main()
