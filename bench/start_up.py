"""How soon tressi begins: from the command to the first byte of the first request, and how long `tressi validate` takes.

python -m bench.start_up [--rounds 15]

The server is a bare TCP socket, and the time ends when the first byte of a request can be read there. Wall time is what a
person waits for; CPU time, of all processes of the command, is what remains comparable on a machine that is busy.
"""

from __future__ import annotations

import argparse
import json
import resource
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from bench.measure import machine

BOUND_S = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    print(machine())
    with socket.create_server(("127.0.0.1", 0)) as listener, tempfile.TemporaryDirectory() as name:
        listener.settimeout(BOUND_S)
        config = Path(name, "config.json")
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        config.write_text(json.dumps({"requests": [{"url": url}], "rps": 10, "duration": 1}), encoding="ascii")
        _print("python -c pass", [_whole("-c", "pass") for _ in range(rounds)])
        _print("tressi validate", [_whole("-m", "tressi", "validate", str(config)) for _ in range(rounds)])
        for flags in (("--quiet",), ("--no-ui",)):
            _print(f"first byte, {flags[0]}", [_first_byte(listener, config, flags) for _ in range(rounds)])


def _print(label: str, found: list[tuple[float, float]]) -> None:
    wall, cpu = ([one[place] for one in found] for place in (0, 1))
    spans = f"{median(wall):.3f} s ({min(wall):.3f} to {max(wall):.3f})"
    print(f"{label:24} wall {spans}, CPU {median(cpu):.3f} s (least {min(cpu):.3f})", flush=True)


def _whole(*arguments: str) -> tuple[float, float]:
    """Wall and CPU seconds of a command of this Python, from its start to its end."""
    begun, before = time.monotonic(), _cpu_s()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True, timeout=BOUND_S)
    return time.monotonic() - begun, _cpu_s() - before


def _first_byte(listener: socket.socket, config: Path, flags: tuple[str, ...]) -> tuple[float, float]:
    """Wall seconds from the command to the first byte of a request, and CPU seconds of all that the command then did."""
    begun, before = time.monotonic(), _cpu_s()
    command = [sys.executable, "-m", "tressi", "run", str(config), "--graceful-stop", "0", *flags]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1)
            first_s = time.monotonic() - begun
        running.wait(BOUND_S)
    _forget(listener)
    return first_s, _cpu_s() - before


def _forget(listener: socket.socket) -> None:
    """Close the connections that came after the first: they are no business of the next round."""
    listener.settimeout(0)
    try:
        while True:
            listener.accept()[0].close()
    except BlockingIOError:
        listener.settimeout(BOUND_S)


def _cpu_s() -> float:
    """CPU seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
