"""A port whose listener takes no connection."""

import socket
from contextlib import ExitStack, contextmanager
from threading import Event

from servers import RawServer


@contextmanager
def hanging_port(host="127.0.0.1", port=0, released=None, script=None):
    """A loopback port whose backlog is full: connecting to it neither succeeds nor fails.

    Once `released` is set, if it is given, every connection is taken and `script` played.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with ExitStack() as stack:
        full = stack.enter_context(socket.socket(family))
        full.bind((host, port))
        full.listen(0)
        if released is not None:
            stack.enter_context(_accepting(full, released, script))
        for _ in range(4):
            filler = stack.enter_context(socket.socket(family))
            filler.settimeout(0)
            filler.connect_ex(full.getsockname())
        yield full.getsockname()[1]


@contextmanager
def _accepting(listener, released, script):
    server = RawServer(script, listener, listener.getsockname()[1])
    ended = Event()

    def serve():
        while not (released.wait(0.02) or ended.is_set()):
            pass
        if not ended.is_set():
            server.serve()

    server.start(serve)
    try:
        yield
    finally:
        ended.set()
        server.end()
