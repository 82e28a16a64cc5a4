"""What went over the wire: service times from a packet capture, with the kernel's nanosecond stamps."""

from __future__ import annotations

import signal
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dpkt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SNAP_BYTES = 96  # the headers are enough
BLOCK_S = 1.5  # tcpdump reads blocks of up to a second; what is in one that it has not read is lost when it ends


@contextmanager
def capture(port: int, file: Path, core: int) -> Iterator[None]:
    """Capture loopback traffic of `port` into `file` while the block runs."""
    command = ["taskset", "-c", str(core), "tcpdump", "-i", "lo", "-s", str(SNAP_BYTES), "-B", "65536", "-n"]
    command += ["--time-stamp-precision=nano", "-w", str(file), f"tcp port {port}"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    # tcpdump says "listening on …" once its filter is in place.
    for line in process.stderr or ():
        if "listening on" in line:
            break
    else:
        raise RuntimeError("tcpdump did not start (it needs to run as root)")
    try:
        yield
        time.sleep(BLOCK_S)
    finally:
        process.send_signal(signal.SIGINT)
        report = process.communicate(timeout=30)[1]
        dropped = next((line for line in report.splitlines() if "dropped by kernel" in line), "0")
        if int(dropped.split()[0]) > 0:
            print(f"note: {dropped}")


def service_times_us(file: Path, port: int) -> list[float]:
    """For each request its time on the wire: first byte of the request to last byte of its answer, in µs, ascending."""
    times: list[float] = []
    asked: dict[int, float] = {}
    answered: dict[int, float] = {}
    with file.open("rb") as stream:
        for stamp, frame in dpkt.pcap.Reader(stream):
            packet = dpkt.ethernet.Ethernet(frame).data
            segment = packet.data
            if packet.len - packet.hl * 4 - segment.off * 4 <= 0:
                continue
            if segment.dport == port:
                _close(segment.sport, asked, answered, times)
                asked.setdefault(segment.sport, float(stamp))
            else:
                answered[segment.dport] = float(stamp)
    for connection in list(asked):
        _close(connection, asked, answered, times)
    return sorted(times)


def _close(connection: int, asked: dict[int, float], answered: dict[int, float], times: list[float]) -> None:
    """The exchange before is over, if it was answered."""
    if connection in asked and connection in answered:
        times.append((answered.pop(connection) - asked.pop(connection)) * 1e6)
