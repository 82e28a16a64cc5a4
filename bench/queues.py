"""Queues behind HTTP: `python -m bench.queues MOST_RPS LOAD SEED` prints its address and serves until its standard input ends.

Each path is a queue of its own: one exponential server, first come, first served, that serves MOST_RPS requests a second at
most. When a request ends is known as soon as it is there; a thread for each connection sleeps until then, because timers of an
event loop are a millisecond late. A queue begins in the steady state that a LOAD, a share of MOST_RPS, has.
At last it prints by how many milliseconds its answers left too late in the mean: what the machine added to the queue.
"""

from __future__ import annotations

import random
import socketserver
import sys
import threading
import time

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Queue:
    """When each of its requests ends."""

    def __init__(self, most_rps: float, load: float, seed: str) -> None:
        self._most_rps, self._draw, self._lock = most_rps, random.Random(seed), threading.Lock()
        # Who comes first in the steady state meets a queue: its response time has the distribution of all.
        self._first = self._draw.expovariate(most_rps * (1 - load))
        self._free_s = 0.0

    def ends_s(self, now_s: float) -> float:
        """When the request that came at `now_s` ends."""
        with self._lock:
            takes_s = self._draw.expovariate(self._most_rps) if self._free_s else self._first
            self._free_s = max(now_s, self._free_s) + takes_s
            return self._free_s


def main() -> None:
    """Serve."""
    most_rps, load = map(float, sys.argv[1:3])
    made, late_s = threading.Lock(), [0.0]
    queues: dict[bytes, Queue] = {}

    def queue_of(path: bytes) -> Queue:
        with made:
            if path not in queues:
                queues[path] = Queue(most_rps, load, f"{sys.argv[3]} {path!r}")
            return queues[path]

    class Answers(socketserver.StreamRequestHandler):
        """One connection."""

        disable_nagle_algorithm = True

        def handle(self) -> None:
            """Answer what comes."""
            while line := self.rfile.readline():
                ends_s = queue_of(line.split()[1]).ends_s(time.monotonic())
                while self.rfile.readline().strip():
                    pass
                time.sleep(max(0.0, ends_s - time.monotonic()))
                self.wfile.write(ANSWER)
                late_s.append(time.monotonic() - ends_s)

    class Server(socketserver.ThreadingTCPServer):
        """Takes many connections at once."""

        request_queue_size = 1024
        daemon_threads = True

    with Server(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
        sys.stdin.read()
        server.shutdown()
        print(1e3 * sum(late_s) / len(late_s), flush=True)


if __name__ == "__main__":
    main()
