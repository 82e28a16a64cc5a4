"""h11 and httptools as the same function from bytes to an outcome, to hold ours against them."""

import h11
import httptools
from parser_cases import Outcome

HEAD_LIMIT = 64 * 1024


def _final(connection, data):
    """(progress, status, body) of h11's events for one response, the server closing behind the data."""
    connection.receive_data(data)
    status, body, closed = 0, [], False
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body.append(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage):
            return "closed" if closed else "done", status, b"".join(body)
        elif event is h11.NEED_DATA:
            closed = True
            connection.receive_data(b"")
        elif not isinstance(event, h11.InformationalResponse):
            return "broken", status, b"".join(body)


def h11_outcome(data, *, to_head=False):
    """What h11 makes of a response; cut short and malformed are both `broken` to it."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_LIMIT)
    connection.send(h11.Request(method="HEAD" if to_head else "GET", target="/", headers=[("Host", "h")]))
    connection.send(h11.EndOfMessage())
    try:
        progress, status, body = _final(connection, data)
    except h11.RemoteProtocolError:
        return Outcome("broken", 0, b"", len(data))
    if progress == "closed":
        return Outcome("closed", status, body, len(data))
    if progress == "broken":
        return Outcome("broken", status, body, len(data))
    reusable = connection.their_state is h11.DONE
    return Outcome("done", status, body, len(data) - len(connection.trailing_data[0]), reusable)


class _Events:
    """httptools calls these while it reads."""

    def __init__(self):
        self.parser = httptools.HttpResponseParser(self)
        self.body, self.statuses, self.done = [], [], []

    def on_headers_complete(self):
        """A head, perhaps of a 1xx."""
        self.statuses.append(self.parser.get_status_code())

    def on_body(self, piece):
        """A piece of the body."""
        self.body.append(piece)

    def on_message_complete(self):
        """The end of a message, perhaps of a 1xx."""
        if self.statuses[-1] >= 200:
            self.done.append(self.parser.should_keep_alive())


def httptools_outcome(data):
    """What httptools makes of a response. It does not say where a message ended, so it is fed byte by byte."""
    events = _Events()
    for at in range(len(data)):
        try:
            events.parser.feed_data(data[at : at + 1])
        except httptools.HttpParserError:
            return Outcome("broken", 0, b"", at)
        except httptools.HttpParserUpgrade:
            return Outcome("broken", 101, b"", at)
        if events.done:
            return Outcome("done", events.statuses[-1], b"".join(events.body), at + 1, bool(events.done[-1]))
    status = events.statuses[-1] if events.statuses else 0
    # It has no event for a close; what is told by no framing ends with it.
    return Outcome("open", status, b"".join(events.body), len(data))
