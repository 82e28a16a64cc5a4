"""TLS records without data: they come whenever a server likes, and a connection stays what it was."""

from threading import Event

import pytest
from engines import ONCE, attempt, endpoint, finish, only, reach, running, until
from records import records_server

from tressi.model import SharedPool, TlsConfig

pytestmark = pytest.mark.timed

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
HEAD, BODY = OK[:-5], OK[-5:]
TLS = TlsConfig(verify=False)
LARGE_BYTES = 8 * 1024 * 1024
HANDSHAKE, APPLICATION_DATA = 22, 23  # outer types; the latter is that of every record behind TLS 1.3's handshake
NEW_KEYS_BYTES = 4 + 1 + 17
RECORDS = {
    "new keys": lambda records: records.new_keys(),
    "new keys of both": lambda records: records.new_keys_of_both(),
    "a ticket": lambda records: records.ticket(),
    "all of them, twice": lambda records: [act() for act in 2 * (records.ticket, records.new_keys, records.new_keys_of_both)],
}
PLACES = {
    "behind the response": lambda conversation, act: (conversation.send(OK), act()),
    "before the response": lambda conversation, act: (act(), conversation.send(OK)),
    "within the response": lambda conversation, act: (conversation.send(HEAD), act(), conversation.send(BODY)),
}


def url_of(server):
    """Its root, inside TLS."""
    return f"https://localhost:{server.port}/"


def saying(record, place):
    """A script that sends a kind of record with every response."""

    def script(conversation, records):
        while conversation.request():
            PLACES[place](conversation, lambda: RECORDS[record](records))

    return script


def keeps_its_connection(server, transport="wire"):
    """Ten requests at an easy pace, between which the connection rests, go over it alone."""
    with running(endpoint(url_of(server), 200), tls=TLS, transport=transport) as engine:
        reach(engine, 10)
        found = only(finish(engine))
    return (found.failed, found.retries, found.connections_opened) == (0, 0, 1)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("record", RECORDS)
def test_records_of_tls_itself_keep_the_connection(record, place):
    """No request fails, none is sent twice, and none pays for another handshake."""
    with records_server(saying(record, place)) as server:
        assert keeps_its_connection(server)


@pytest.mark.parametrize("place", PLACES)
def test_records_keep_connections_of_the_second_transport(place):
    """It looks at a connection when it takes it up again."""
    with records_server(saying("all of them, twice", place)) as server:
        assert keeps_its_connection(server, "urllib3")


@pytest.mark.usefixtures("tls_way")
@pytest.mark.parametrize("place", PLACES)
def test_records_may_come_in_pieces(place):
    """A record of which one byte has come says nothing yet, to a connection that rests as to one that is in use."""
    with records_server(saying("all of them, twice", place), drips=True) as server:
        assert keeps_its_connection(server)


@pytest.mark.usefixtures("tls_way")
def test_records_may_come_in_the_segment_of_the_response():
    """Where they are read with the last data, they are not reported again."""

    def script(conversation, records):
        while conversation.request():
            records.corked(lambda: conversation.send(OK), records.new_keys_of_both, records.ticket)

    with records_server(script) as server:
        assert keeps_its_connection(server)


ASKING = {
    "behind the response": lambda conversation, records: (conversation.send(OK), records.new_handshake()),
    "before the response": lambda _, records: records.new_handshake(),
    "within the response": lambda conversation, records: (conversation.send(HEAD), records.new_handshake()),
    "in a segment with it": lambda conversation, records: records.corked(lambda: conversation.send(OK), records.new_handshake),
    "in a segment with half of it": lambda conversation, records: records.corked(
        lambda: conversation.send(HEAD), records.new_handshake
    ),
}


@pytest.mark.usefixtures("tls_way")
@pytest.mark.parametrize("moment", ASKING)
def test_a_handshake_that_the_server_asks_for_is_begun_at_once(moment):
    """TLS 1.2 lets a server ask for a new one (RFC 5246 7.4.1.1) and wait for it, with a response or without."""
    heard = []

    def script(conversation, records):
        conversation.request()
        ASKING[moment](conversation, records)
        heard.append(records.sealed(1)[0])

    with (
        records_server(script, version=(3, 3)) as server,
        running(endpoint(url_of(server), ONCE), tls=TLS) as engine,
    ):
        until(lambda: heard)
        engine.stop(0)
    assert heard == [HANDSHAKE]


@pytest.mark.usefixtures("tls_way")
def test_new_keys_asked_for_in_the_middle_of_an_upload_do_not_tear_its_records():
    """What the client owes in return waits until the record under way is sent, and is sent then."""
    body, sizes = b"b" * LARGE_BYTES, []

    def script(conversation, records):
        missing = LARGE_BYTES
        while missing > 0:
            if len(sizes) % 16 == 0:
                records.new_keys_of_both()
            kind, *version, high, low = records.sealed(5)
            assert (kind, version) == (APPLICATION_DATA, [3, 3])
            sizes.append(256 * high + low)
            records.sealed(sizes[-1])
            # The inner type and the tag (RFC 8446 5.2); the head of the request is small change.
            missing -= sizes[-1] - 17
        conversation.send(OK)

    with records_server(script) as server:
        found = only(attempt(endpoint(url_of(server), ONCE, method="POST", body=body, timeout_s=60), tls=TLS))
    assert (found.errors, found.status_codes) == ({}, {200: 1})
    assert NEW_KEYS_BYTES in sizes


def test_records_do_not_end_the_connections_of_a_lanes_other_origins():
    """A lane of the shared pool has one connection to each of three origins, whichever it is at."""
    scripts = [saying("all of them, twice", "behind the response") for _ in range(3)]
    with records_server(scripts[0]) as one, records_server(scripts[1]) as two, records_server(scripts[2]) as three:
        endpoints = [endpoint(url_of(server)) for server in (one, two, three)]
        with running(*endpoints, shared_pool=SharedPool(1, 25.0), tls=TLS) as engine:
            reach(engine, 30)
            found = finish(engine).endpoints.values()
    assert [(each.failed, each.retries, each.connections_opened) for each in found] == 3 * [(0, 0, 1)]


ENDS = {
    "data that no request asked for": lambda conversation, _: conversation.send(OK),
    "data behind a ticket": lambda conversation, records: records.corked(records.ticket, lambda: conversation.send(OK)),
    "the end of TLS": lambda conversation, _: conversation.socket.close(),
    "the end of the connection, without that of TLS": lambda _, records: records.plain.close(),
    "a ticket and the end": lambda conversation, records: records.corked(records.ticket, conversation.socket.close),
    "bytes that are not a TLS record": lambda _, records: records.plain.sendall(b"HTTP/1.1 408 Request Timeout\r\n\r\n"),
}


@pytest.mark.usefixtures("tls_way")
@pytest.mark.parametrize("end", ENDS)
def test_all_else_ends_a_connection_that_rests(end):
    """It is no failure and no retry: the next request goes over another connection, also one that may not be sent twice."""
    answered, ended = Event(), Event()

    def script(conversation, records):
        conversation.request()
        conversation.send(OK)
        if conversation.number == 0:
            conversation.wait(answered)
            ENDS[end](conversation, records)
            ended.set()
        while conversation.request():
            conversation.send(OK)

    with records_server(script) as server, running(endpoint(url_of(server), ONCE, method="POST"), tls=TLS) as engine:
        reach(engine, 1)
        answered.set()
        until(ended.is_set)
        engine.set_rate(f"POST {url_of(server)}", 100)
        reach(engine, 5)
        found = only(finish(engine))
    assert (found.failed, found.retries, found.connections_opened) == (0, 0, 2)
