"""`tressi capacity` over loopback: a server whose limit is known, and a search that is interrupted."""

import json
import signal
import time
from contextlib import suppress

import gevent
import gevent.socket
import pytest
from commands import begun
from gevent.server import StreamServer

pytestmark = pytest.mark.timed

BOUND_S = 60
SERVED_RPS = 50.0


class OneAtATime:
    """Serves SERVED_RPS requests a second, evenly: beyond that the wait grows."""

    def __init__(self):
        self._free_s = 0.0

    def __call__(self, socket, _address):
        """Answer each request of a connection when it is its turn."""
        left = b""
        with suppress(OSError):
            while piece := socket.recv(65536):
                left += piece
                while b"\r\n\r\n" in left:
                    _, _, left = left.partition(b"\r\n\r\n")
                    self._free_s = max(time.monotonic(), self._free_s) + 1 / SERVED_RPS
                    gevent.sleep(max(0.0, self._free_s - time.monotonic()))
                    socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@pytest.fixture
def config(tmp_path):
    """A config for a server that is there for the test."""
    server = StreamServer(("127.0.0.1", 0), OneAtATime())
    server.start()
    requests = [{"url": "/a", "autoscale": {"enabled": True, "targetRps": 40, "maxWorkers": 200}}]
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"baseUrl": f"http://127.0.0.1:{server.server_port}", "requests": requests}))
    yield path
    server.stop()


def ended(process):
    """What a process says by its end; the hub turns meanwhile, for the server is in this one."""
    with gevent.Timeout(BOUND_S):
        while process.poll() is None:
            gevent.sleep(0.05)
    return process.stdout.read(), process.stderr.read()


def test_the_limit_of_a_server_is_found_in_every_output(config, tmp_path):
    """50 a second are served. The budget ends the search with an interval that begins below that, in each format."""
    files = {name: tmp_path / f"found.{name}" for name in ("markdown", "html", "svg")}
    more = [part for name, path in files.items() for part in (f"--{name}", path)]
    flags = ("--slo", "p99 < 700ms", "--slo", "errorRate < 1%", "--from", "30", "--budget", "24s", "--json", "-")
    with begun("capacity", config, *flags, *more) as process:
        out, said = ended(process)
    assert process.returncode == 0, said
    found = json.loads(out)
    assert found["capacity"]["low"] < min(SERVED_RPS, found["capacity"]["high"]), found
    assert (found["capacity"]["limitedBy"], found["seconds"]) == ("budget", pytest.approx(24, abs=1.5))
    assert "broke" in {one["verdict"] for one in found["trials"]}
    assert "carries" in files["markdown"].read_text()
    assert "carries" in files["html"].read_text()
    assert files["svg"].read_text().startswith("<svg")
    lines = [line for line in said.splitlines() if "RPS" in line]
    assert any("30.0 RPS looks" in line for line in lines)
    assert any("RPS broke" in line for line in lines)
    assert "\x1b" not in said, "no terminal, no live line"


def test_ctrl_c_ends_a_search_and_what_is_known_is_written(config):
    """The code is that of a run that SIGINT ended, and the answer says that there is none yet."""
    line = ""
    with begun("capacity", config, "--slo", "p99 < 250ms", "--from", "20", "--budget", "10m") as process:
        with gevent.Timeout(BOUND_S):
            while "searching the rate" not in line:
                gevent.socket.wait_read(process.stderr.fileno())
                line = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, said = ended(process)
    assert process.returncode == 130, said
    assert "ended by SIGINT" in out
    assert "no rate has held p99 < 250ms yet" in out
