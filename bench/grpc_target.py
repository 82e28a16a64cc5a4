"""The target of unary gRPC calls: a server of grpc-go on a core of its own, which counts connections and calls."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import grpc

from bench.servers import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

ANSWER = b"\x08\x03"  # what it answers to each call, as bench/grpc_server has it


@dataclass(frozen=True)
class GrpcTarget:
    """Where calls go, and where their count is."""

    url: str
    counter: str

    def status(self) -> Status:
        """Connections and calls since its start; it does not say how many connections are open."""
        with urlopen(f"http://{self.counter}/", timeout=30) as answer:
            accepted, calls = map(int, answer.read().split())
        return Status(accepted, calls, -1)

    def requests(self) -> int:
        """Calls since its start."""
        return self.status().requests

    def verify(self, path: str) -> int:
        """The bytes of the message of an answer, after seeing that it is the expected one; raises RuntimeError."""
        with grpc.insecure_channel(self.url.removeprefix("http://")) as channel:
            answer = channel.unary_unary(path)(b"", timeout=5)
        if answer != ANSWER:
            raise RuntimeError(f"{self.url}{path} does not answer as it should: {answer!r}")
        return len(answer)


@contextmanager
def grpc_go(folder: Path, core: int) -> Iterator[GrpcTarget]:
    """Build the server and run it on `core`; it is ready when the block is entered. RuntimeError where there is no Go."""
    if shutil.which("go") is None:
        raise RuntimeError("the target of gRPC needs Go: apt-get install golang")
    program = folder / "grpc_server"
    subprocess.run(["go", "build", "-o", str(program), "."], cwd=Path(__file__).parent / "grpc_server", check=True)
    with subprocess.Popen(["taskset", "-c", str(core), str(program)], stdout=subprocess.PIPE, text=True) as process:
        try:
            address, counter = process.stdout.readline().split()  # type: ignore[union-attr] # it is a pipe
            yield GrpcTarget(f"http://{address}", counter)
        finally:
            process.terminate()
