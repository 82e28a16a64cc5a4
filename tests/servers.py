"""Targets for tests: a raw TCP server that plays a script on each connection, and nginx.

The raw server runs in plain threads with blocking sockets, so that nothing it does depends on the hub under test. What it
has seen is in `requests` and `connections`, in order; a script that must wait for the test waits on a threading.Event.
"""

import shutil
import socket
import ssl
import struct
import subprocess
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from threading import Event, Lock, Thread

import trustme

BOUND_S = 20.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_PIECE_BYTES = 65536


@dataclass(frozen=True)
class Request:
    """One request as it came: `connection` counts the connections from 0, `head` is everything before the body."""

    connection: int
    head: bytes
    body_bytes: int

    @property
    def target(self):
        """The target of the request line."""
        return self.head.split(b" ", 2)[1].decode()

    @property
    def fields(self):
        """The header fields, names in lower case."""
        lines = self.head.decode("latin-1").split("\r\n")[1:-2]
        return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


class Conversation:
    """The server's side of one connection, `number` in the order of their arrival. Calls block."""

    def __init__(self, server, accepted, number):
        self.number = number
        self.socket = self._accepted = accepted
        self._server = server
        self._left = b""

    def head(self):
        """Read the head of a request, and leave its body unread; None at the end of the connection."""
        while b"\r\n\r\n" not in self._left:
            piece = self.socket.recv(_PIECE_BYTES)
            if not piece:
                return None
            self._left += piece
        head, _, self._left = self._left.partition(b"\r\n\r\n")
        return self._server.saw(Request(self.number, head + b"\r\n\r\n", 0))

    def request(self):
        """Read a whole request; None at the end of the connection."""
        seen = self.head()
        if seen is None:
            return None
        missing = length = int(seen.fields.get("content-length", 0))
        missing -= len(self._left)
        self._left = b""
        while missing > 0:
            piece = self.socket.recv(min(_PIECE_BYTES, missing))
            if not piece:
                return None
            missing -= len(piece)
        return self._server.saw_whole(seen, length)

    def body(self, seen):
        """Read the body of a request whose head was read, and return it; None where the connection ends before."""
        length = int(seen.fields.get("content-length", 0))
        while len(self._left) < length:
            piece = self.socket.recv(_PIECE_BYTES)
            if not piece:
                return None
            self._left += piece
        body, self._left = self._left[:length], self._left[length:]
        return body

    def send(self, data):
        """Send everything."""
        self._server.saying(len(data))
        self.socket.sendall(data)

    def drip(self, data):
        """Send byte by byte."""
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for place in range(len(data)):
            self.socket.sendall(data[place : place + 1])

    def wait(self, event):
        """Wait for the test to set a threading.Event, or to end."""
        while not event.wait(0.02) and not self._server.ended.is_set():
            pass

    def pause(self, duration_s):
        """Take so long, unless the test ends."""
        self._server.ended.wait(duration_s)

    def reset(self):
        """End the connection with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.close()

    def close(self):
        """End the connection."""
        self.socket.close()

    def cut(self):
        """Wake whatever reads from the connection, from any thread."""
        # Python's TLS has taken the descriptor over; its own `shutdown` would forget the TLS that a thread is about to read by.
        holder = self.socket if isinstance(self.socket, ssl.SSLSocket) else self._accepted
        with suppress(OSError):
            socket.socket.shutdown(holder, socket.SHUT_RDWR)

    def wait_closed(self):
        """Read and forget until the client has closed."""
        while self.socket.recv(_PIECE_BYTES):
            pass


@dataclass
class RawServer:
    """A listening socket and everything that came in through it."""

    script: object
    listener: socket.socket
    port: int
    requests: list = field(default_factory=list)
    connections: int = 0
    left: int = 0  # of them, those whose script has ended
    said_bytes: int = 0  # by `send`
    failures: list = field(default_factory=list)
    ended: Event = field(default_factory=Event)
    conversations: list = field(default_factory=list)
    _threads: list = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    @property
    def url(self):
        """Its root."""
        host = "[::1]" if self.listener.family == socket.AF_INET6 else "127.0.0.1"
        return f"http://{host}:{self.port}/"

    def saw(self, request):
        """Take note of a head."""
        with self._lock:
            self.requests.append(request)
        return request

    def saw_whole(self, seen, body_bytes):
        """Take note that the body came too."""
        whole = Request(seen.connection, seen.head, body_bytes)
        with self._lock:
            self.requests[self.requests.index(seen)] = whole
        return whole

    def saying(self, size):
        """Take note of what is about to be sent."""
        with self._lock:
            self.said_bytes += size

    def serve(self):
        """Accept until the listener is shut."""
        while True:
            try:
                accepted, _ = self.listener.accept()
            except OSError:
                return
            with self._lock:
                conversation = Conversation(self, accepted, self.connections)
                self.connections += 1
                self.conversations.append(conversation)
            self.start(self._play, conversation)

    def start(self, work, *arguments):
        """Run `work` in a thread that `end` waits for."""
        thread = Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _play(self, conversation):
        try:
            # A client that leaves early is none of the script's business.
            with suppress(OSError):
                self.script(conversation)
        except Exception as failure:  # noqa: BLE001 - told to the test by `end`
            self.failures.append(failure)
        finally:
            conversation.close()
            with self._lock:
                self.left += 1

    def end(self):
        """Wake every thread that still reads, and wait for all."""
        self.ended.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        # The first thread accepts: only when it has ended is the list of connections complete.
        self._threads[0].join(BOUND_S)
        self.listener.close()
        for conversation in self.conversations:
            conversation.cut()
        for thread in self._threads:
            thread.join(BOUND_S)
        assert not self.failures, self.failures


@contextmanager
def raw_server(script, family=socket.AF_INET, host=None):
    """A RawServer on a free port of loopback, or of `host`; `script` is called with a Conversation for each connection."""
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.bind((host or ("::1" if family == socket.AF_INET6 else "127.0.0.1"), 0))
        listener.listen(1024)
        server = RawServer(script, listener, listener.getsockname()[1])
        server.start(server.serve)
        try:
            yield server
        finally:
            server.end()


def has_ipv6():
    """Whether this machine has an IPv6 loopback: containers often have none."""
    with suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


def response(status="200 OK", *fields, body=b"hello"):
    """A response with a Content-Length."""
    lines = [f"HTTP/1.1 {status}", *fields, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def answering(response):
    """A script that gives the same response to every request; `said` is that."""

    def script(conversation):
        while conversation.request():
            conversation.send(response)

    script.said = response
    return script


@cache
def _certificate():
    """One for all servers of a session: to make its keys takes longer than most tests of a response."""
    return trustme.CA().issue_cert("localhost")


def secured(script, *protocols):
    """The script inside TLS, with a certificate of an authority that clients do not know; it speaks the `protocols` of ALPN."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _certificate().configure_cert(context)
    context.set_alpn_protocols(protocols)

    def inside(conversation):
        # Else a response waits until the client has acknowledged the session tickets, 40 ms.
        conversation.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        conversation.socket = context.wrap_socket(conversation.socket, server_side=True)
        script(conversation)

    return inside


@contextmanager
def refusing_port():
    """A loopback port that nobody listens on, and that nobody else is given meanwhile."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


# ------------------------------------------------------------------------------------------------------------- nginx

_CONFIG = """
daemon off;
worker_processes 1;
pid {directory}/pid;
error_log {directory}/error.log;
events {{ worker_connections 4096; }}
http {{
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
    log_format target $uri;
    access_log {directory}/access.log target;
    keepalive_requests 1000000000;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ return 200 "hello\\n"; }}
    }}
    {more}
}}
"""


@dataclass
class Nginx:
    """A running nginx of one worker that answers 200 to everything."""

    port: int
    log: object

    @property
    def url(self):
        """Its root."""
        return f"http://127.0.0.1:{self.port}/"

    def served(self):
        """How many requests it has answered of each path, by its own access log."""
        # It logs a request just after its answer. The one worker has logged all before this one when it closes behind it.
        with socket.create_connection(("127.0.0.1", self.port)) as asked:
            asked.sendall(b"GET /served HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            while asked.recv(4096):
                pass
        counted = Counter(self.log.read_text(encoding="ascii").split())
        del counted["/served"]
        return counted


@contextmanager
def nginx(directory, more=""):
    """An Nginx with its files in `directory`; it is ready when the block is entered. `more` are further servers of it."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    assert program, "the tests need nginx: apt-get install nginx-light"
    with refusing_port() as port:
        config = directory / "nginx.conf"
        config.write_text(_CONFIG.format(directory=directory, port=port, more=more), encoding="ascii")
    # A message about a default error log that it may not write is of no interest: the real one is in the directory.
    process = subprocess.Popen([program, "-c", str(config), "-p", str(directory)], stderr=subprocess.DEVNULL)
    try:
        _wait_listening(process, port, directory / "error.log")
        yield Nginx(port, directory / "access.log")
    finally:
        process.terminate()
        process.wait(BOUND_S)


def _wait_listening(process, port, log):
    until = time.monotonic() + BOUND_S
    while process.poll() is None and time.monotonic() < until:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=BOUND_S):
            return
        time.sleep(0.01)
    raise AssertionError(f"nginx does not listen: {log.read_text() if log.exists() else 'no log'}")


def replying(answers):
    """A script that answers each target as `answers` has it."""

    def script(conversation):
        while seen := conversation.request():
            conversation.send(answers[seen.target])

    return script
