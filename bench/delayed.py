"""A target whose every answer takes a drawn time: `python -m bench.delayed MILLISECONDS` prints its address and serves.

The time is log-normal about the median that is given, with a sigma of 0.3. It serves until its standard input ends.
"""

from __future__ import annotations

import random
import sys

import gevent
from gevent.server import StreamServer

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SIGMA = 0.3


def main() -> None:
    """Serve."""
    median_s = float(sys.argv[1]) / 1000

    def answer(connection, _address) -> None:
        buffer = b""
        while piece := connection.recv(65536):
            buffer += piece
            while b"\r\n\r\n" in buffer:
                buffer = buffer.partition(b"\r\n\r\n")[2]
                gevent.sleep(median_s * random.lognormvariate(0, SIGMA))
                connection.sendall(ANSWER)

    server = StreamServer(("127.0.0.1", 0), answer)
    server.start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    gevent.get_hub().threadpool.apply(sys.stdin.read)


if __name__ == "__main__":
    main()
