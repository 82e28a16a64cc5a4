"""A dashboard in a test: who asks it, and what a browser hears of its events."""

from contextlib import contextmanager
from urllib.parse import urlsplit

import gevent
import orjson
from gevent import socket

BOUND_S = 20.0


class Steered:
    """What stands behind the dashboard's commands: `calls` are what was asked, `failure` is what it raises."""

    def __init__(self):
        self.calls = []
        self.failure = None
        self.paused = False

    def set_target(self, endpoint_key, rps):
        """Note it."""
        self._note("set_target", endpoint_key, rps)

    def pause(self):
        """Note it."""
        return self._note("pause")

    def resume(self):
        """Note it."""
        return self._note("resume")

    def stop(self):
        """Note it."""
        return self._note("stop")

    def _note(self, *call):
        if self.failure:
            raise self.failure
        self.calls.append(call)
        return True


@contextmanager
def listening(url, last=None):
    """A browser's connection to the events of a dashboard; it reads only when it is asked to."""
    place = urlsplit(url)
    resume = "" if last is None else f"Last-Event-ID: {last}\r\n"
    with socket.create_connection((place.hostname, place.port), timeout=BOUND_S) as connection:
        # HTTP/1.0: the answer comes without chunks.
        connection.sendall(f"GET {place.path}events HTTP/1.0\r\nHost: {place.netloc}\r\n{resume}\r\n".encode())
        with connection.makefile("rb") as stream:
            yield Events(connection, stream)


class Events:
    """What comes, message by message."""

    def __init__(self, connection, stream):
        self.connection, self._stream = connection, stream
        self.status = None

    def __iter__(self):
        if self.status is None:
            self.status = int(self._stream.readline().split()[1])
            while self._stream.readline().strip():
                pass
        fields = {}
        while line := self._stream.readline():
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name in {"id", "event", "data"}:
                fields[name] = value
            elif fields:
                yield int(fields["id"]), fields["event"], orjson.loads(fields["data"])
                fields = {}

    def until(self, name):
        """The first message of that name and all before it."""
        heard = []
        with gevent.Timeout(BOUND_S):
            for message in self:
                heard.append(message)
                if message[1] == name:
                    return heard
        raise AssertionError(f"the events ended without {name}: {[one[1] for one in heard]}")
