"""How connections end, as the server sees it: by FIN, and by a reset only where ports would run out."""

import json
import socket
import ssl
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Event

import pytest
import trustme
from engines import ONCE, attempt, descriptors, endpoint, finish, only, reach, running, until
from servers import answering, raw_server, response, secured
from tls_ways import EVERY_TLS

from tressi.model import SharedPool, TlsConfig

pytestmark = pytest.mark.timed

TRANSPORTS = ["wire", "urllib3"]
OK = response()
LAST = response("200 OK", "Connection: close")


def heard(conversation):
    """How the client ended: "end" (FIN) or "reset", whatever it said before."""
    conversation.socket.settimeout(20)
    try:
        conversation.wait_closed()
    except ConnectionResetError:
        return "reset"
    return "end"


def sockets():
    """The sockets that this process has open."""
    return {number for number, what in descriptors().items() if what.startswith("socket:")}


def shuts(conversation):
    """Send FIN, and go on reading."""
    conversation.socket.shutdown(socket.SHUT_WR)


def leaves(_):
    """Have the client close first."""


# What the last response of a connection is, who ends the connection then, and whether it is to be used once alone.
LASTS = {
    "the server says close and ends": (LAST, shuts, True),
    "the server says close and leaves it to us": (LAST, leaves, True),
    "we say close and the server ends": (OK, shuts, False),
    "we say close and the server leaves it to us": (OK, leaves, False),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", leaves, True),
    "a body that the end delimits": (b"HTTP/1.1 200 OK\r\n\r\nhello", shuts, True),
    "more than was asked for": (OK + b"x" * 1_000_000, leaves, True),
    "more than was asked for, and the end": (OK + b"x" * 1_000_000, shuts, True),
    "a large body": (response("200 OK", "Connection: close", body=b"b" * 3_000_000), shuts, True),
}


# The second transport closes without waiting: what a server sends that nothing asked for may come after that, and is reset.
PAIRS = [(last, transport) for last in LASTS for transport in TRANSPORTS if transport == "wire" or "more than" not in last]


@pytest.mark.parametrize(("last", "transport"), PAIRS)
def test_the_server_reads_an_end_and_no_reset(last, transport):
    """Ten connections in a row end by FIN, whether the server or tressi closes first."""
    said, ends, keep_alive = LASTS[last]
    ends_heard = []

    def script(conversation):
        conversation.request()
        conversation.send(said)
        ends(conversation)
        ends_heard.append(heard(conversation))

    before = sockets()
    with raw_server(script) as server, running(endpoint(server.url, 100), keep_alive=keep_alive, transport=transport) as engine:
        reach(engine, 10)
        found = only(finish(engine))
        until(lambda: len(ends_heard) == server.connections)
    assert (found.failed, found.connections_opened) == (0, found.requests_made)
    assert set(ends_heard) == {"end"}
    assert sockets() == before


def test_the_lane_goes_on_while_its_last_connection_waits_for_the_servers_end():
    """A server that takes its time to close sees the next request meanwhile, and closes first."""
    first_to_close, following = [], Event()

    def script(conversation):
        conversation.request()
        conversation.send(LAST)
        if conversation.number > 0:
            following.set()
            return
        following.wait(20)
        conversation.socket.settimeout(0)
        with suppress(BlockingIOError):
            first_to_close.append(conversation.socket.recv(1))

    with raw_server(script) as server, running(endpoint(server.url), shared_pool=SharedPool(1, None)) as engine:
        reach(engine, 2)
        until(following.is_set)
        finish(engine)
    assert first_to_close == []


@pytest.mark.alone
def test_more_connections_than_wait_at_once_are_ended_all_the_same():
    """Of 2,000 whose server never closes the oldest wait no longer, and none is forgotten."""
    before = sockets()
    with (
        raw_server(answering(OK)) as server,
        running(endpoint(server.url), shared_pool=SharedPool(64, None), keep_alive=False) as engine,
    ):
        reach(engine, 2_000)
        found = only(finish(engine))
        until(lambda: server.left == server.connections)
    assert found.failed == 0
    assert sockets() == before


@pytest.mark.parametrize("end", ["close", "shuts", "babble"])
def test_an_idle_connection_ends_by_fin(end):
    """Also one on which the server spoke unasked: what it said is read first."""
    answered, ends_heard = Event(), []

    def script(conversation):
        conversation.request()
        conversation.send(OK)
        conversation.wait(answered)
        if end == "close":
            return
        shuts(conversation) if end == "shuts" else conversation.send(OK)
        ends_heard.append(heard(conversation))

    with raw_server(script) as server, running(endpoint(server.url, ONCE)) as engine:
        reach(engine, 1)
        answered.set()
        until(lambda: server.left == 1)
        finish(engine)
    assert set(ends_heard) <= {"end"}


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_request_that_times_out_ends_by_fin(transport):
    """What came of its response is read, so that the server hears an end."""
    ends_heard = []

    def script(conversation):
        conversation.request()
        conversation.send(OK[:-1])
        ends_heard.append(heard(conversation))

    with raw_server(script) as server:
        found = only(attempt(endpoint(server.url, ONCE, timeout_s=0.1), transport=transport))
        until(lambda: server.left == 1)
    assert found.errors == {"timeout": 1}
    assert ends_heard == ["end"]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_connections_that_are_kept_end_by_fin_with_the_run(transport):
    """Eight lanes' connections, in the middle of a run at full speed."""
    ends_heard = []

    def script(conversation):
        with suppress(OSError):
            answering(OK)(conversation)
            ends_heard.append("end")

    with (
        raw_server(script) as server,
        running(endpoint(server.url), shared_pool=SharedPool(8, None), transport=transport) as engine,
    ):
        reach(engine, 100)
        finish(engine)
        until(lambda: server.left == server.connections)
    assert ends_heard == 8 * ["end"]


@EVERY_TLS
@pytest.mark.parametrize("moment", ["after its last response", "at rest, with the run", "when its time is over"])
def test_tls_says_goodbye_before_the_end(moment, transport):
    """The server hears close_notify, then FIN (RFC 8446 6.1)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    ends_heard = []

    def script(conversation):
        secure = conversation.socket = context.wrap_socket(conversation.socket, server_side=True, suppress_ragged_eofs=False)
        conversation.request()
        conversation.send(OK[:-1] if moment == "when its time is over" else OK)
        # An end without close_notify raises.
        ends_heard.append(secure.recv(1))
        conversation.socket = secure.unwrap()
        ends_heard.append(conversation.socket.recv(1))

    with raw_server(script) as server:
        one = endpoint(f"https://localhost:{server.port}/", ONCE, timeout_s=0.2 if moment == "when its time is over" else 20)
        attempt(one, tls=TlsConfig(verify=False), transport=transport, keep_alive=moment != "after its last response")
        until(lambda: server.left == 1)
    assert ends_heard == [b"", b""]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_connections_that_wait_for_their_end_give_way_to_new_ones(tmp_path, scheme):
    """With some fifty descriptors and a server that never closes, no request fails because they have run out."""

    def script(conversation):
        conversation.request()
        conversation.send(OK)
        server.ended.wait(20)

    with raw_server(script if scheme == "http" else secured(script)) as server:
        config = {
            "requests": [{"url": f"{scheme}://127.0.0.1:{server.port}/"}],
            "tls": {"verify": False},
            "workers": 16,
            "duration": 2,
            "keepAlive": False,
        }
        (tmp_path / "config.json").write_text(json.dumps(config))
        command = 'ulimit -n 82; exec "$0" -m tressi "$1" --quiet --json -'
        run = subprocess.run(
            ["sh", "-c", command, sys.executable, str(tmp_path / "config.json")],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)["global"]
    assert found["errors"] == {}
    assert found["requestsMade"] > 100


_FEW_PORTS = """
import json, subprocess, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
Path("/proc/sys/net/ipv4/ip_local_port_range").write_text("40000 40019")
Path("/proc/sys/net/ipv4/tcp_tw_reuse").write_text("0")
from engines import endpoint, finish, only, reach, running
from servers import raw_server
from test_load_closing import OK, heard

ends_heard = []

def script(conversation):
    conversation.request()
    conversation.send(OK)
    ends_heard.append(heard(conversation))

with raw_server(script) as server:
    with running(endpoint(server.url, 20), keep_alive=False) as engine:
        reach(engine, 40)
        found = only(finish(engine))
print(json.dumps([dict(found.errors), found.connections_opened, ends_heard]))
"""


def test_a_reset_where_ports_would_run_out():
    """With 20 local ports, 40 connections that we close first: some leave their port behind, and those after them a reset."""
    here = str(Path(__file__).parent)
    run = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", _FEW_PORTS, here], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    errors, opened, ends_heard = json.loads(run.stdout)
    assert (errors, opened >= 40) == ({}, True)
    half = 10
    assert ends_heard[0] == "end"
    assert 0 < ends_heard.count("end") <= half
    assert ends_heard.count("reset") == opened - ends_heard.count("end")
