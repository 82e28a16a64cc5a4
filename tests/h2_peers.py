"""A server of HTTP/2 that does what a test wants, frame by frame, on a conversation of `servers.raw_server`."""

import struct

from hpack import Decoder, Encoder

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
OK = b"\x88"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
TABLE_SIZE, PUSH, STREAMS, WINDOW, FRAME_BYTES = range(1, 6)


def frame(kind, stream=0, payload=b"", flags=0):
    """A frame as it goes over the wire."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def settings(**values):
    """Settings by their names here."""
    return frame(SETTINGS, 0, b"".join(struct.pack(">HI", globals()[name], value) for name, value in values.items()))


def number(value):
    """Four bytes."""
    return struct.pack(">I", value)


def goaway(last, code=0):
    """The server takes no stream above `last`."""
    return frame(GOAWAY, 0, number(last) + number(code))


class Peer:
    """The server's side of one connection: `requests` yields (stream, fields, body) as they become whole."""

    def __init__(self, conversation, hello=None):
        self.conversation = conversation
        self.socket = conversation.socket
        self.seen = []  # every frame, as (kind, flags, stream, payload)
        self.fields = {}
        self.bodies = {}
        self._decoder, self._encoder = Decoder(), Encoder()
        self._left = b""
        self.send(settings() if hello is None else hello)

    def send(self, *frames):
        """Send all of it."""
        self.socket.sendall(b"".join(frames))

    def read(self, size):
        """Read so many bytes; fewer at the end of the connection."""
        while len(self._left) < size:
            piece = self.socket.recv(65536)
            if not piece:
                break
            self._left += piece
        piece, self._left = self._left[:size], self._left[size:]
        return piece

    def frames(self):
        """Yield the client's frames until it closes."""
        assert self.read(len(PREFACE)) in {PREFACE, b""}
        while len(head := self.read(9)) == 9:
            size, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
            one = (kind, flags, int.from_bytes(head[5:], "big"), self.read(size))
            self.seen.append(one)
            yield one

    def requests(self):
        """Yield each request when it is whole; settings are acknowledged."""
        for kind, flags, stream, payload in self.frames():
            if kind == SETTINGS and not flags & ACK:
                self.send(frame(SETTINGS, 0, b"", ACK))
            if kind == HEADERS:
                self.fields[stream] = dict(self._decoder.decode(payload, raw=True))
                self.bodies[stream] = b""
            elif kind == DATA:
                self.bodies[stream] += payload
            if kind in {HEADERS, DATA} and flags & END_STREAM:
                yield stream, self.fields[stream], self.bodies[stream]

    def block(self, *fields):
        """A header block, which refers to those before."""
        return self._encoder.encode(fields)

    def answer(self, stream, body=b"hello", *fields, status=b"200"):
        """A whole response."""
        self.send(
            frame(HEADERS, stream, self.block((b":status", status), *fields), END_HEADERS),
            frame(DATA, stream, body, END_STREAM),
        )


def serving(answer, hello=None):
    """A script that calls `answer(peer, stream, fields, body)` for each request of a connection."""

    def script(conversation):
        peer = Peer(conversation, hello)
        for stream, fields, body in peer.requests():
            answer(peer, stream, fields, body)

    return script
