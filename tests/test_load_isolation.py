"""An endpoint that is slow, dead or erring costs the others nothing: each keeps the count that it would have alone."""

from contextlib import ExitStack

import pytest
from engines import endpoint, finish, reach_time, running, until
from servers import answering, nginx, raw_server, refusing_port

pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """One nginx for all tests of this file; each has paths of its own."""
    with nginx(tmp_path_factory.mktemp("nginx")) as running_nginx:
        yield running_nginx


def hang(conversation):
    """Take every request and answer none."""
    conversation.wait_closed()


def slow(conversation):
    """Answer after a while."""
    while conversation.request():
        conversation.pause(0.1)
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def reset(conversation):
    """Read a request, and end with RST."""
    conversation.request()
    conversation.reset()


ILLS = {
    "hanging": hang,
    "slow": slow,
    "resetting": reset,
    "closing": lambda conversation: conversation.request(),
    "babbling": answering(b"garbage\r\n"),
    "erring": answering(b"HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
}


def test_a_healthy_endpoint_keeps_its_rate_beside_every_kind_of_sick_one(target):
    """Slow, hanging, resetting, closing, babbling, erring, refusing and unknown targets beside it: nothing is lost of it."""
    with ExitStack() as stack:
        fast = endpoint(f"{target.url}fast", 500)
        sick = {
            name: endpoint(stack.enter_context(raw_server(script)).url, 100, timeout_s=0.2) for name, script in ILLS.items()
        }
        sick["refusing"] = endpoint(f"http://127.0.0.1:{stack.enter_context(refusing_port())}/", 100)
        sick["unknown"] = endpoint("http://nowhere.invalid/", 20)
        engine = stack.enter_context(running(*sick.values(), fast, workers=4))
        reach_time(engine, 2)
        snapshot = finish(engine)

    found = snapshot.endpoints[fast.endpoint_key]
    assert found.status_codes == {200: found.requests_made}
    assert found.requests_made == pytest.approx(found.scheduled, rel=0.005, abs=1)
    until(lambda: target.served()["/fast"] == found.requests_made)
    for one in sick.values():
        other = snapshot.endpoints[one.endpoint_key]
        assert abs(other.scheduled - other.requests_made - other.missed) <= 1
    kinds = {name: set(snapshot.endpoints[one.endpoint_key].errors) for name, one in sick.items()}
    assert kinds == {
        "hanging": {"timeout"},
        "slow": set(),
        "resetting": {"reset"},
        "closing": {"closed"},
        "babbling": {"protocol"},
        "erring": set(),
        "refusing": {"connect"},
        "unknown": {"dns"},
    }


def test_a_sick_endpoint_gets_its_own_rate_of_attempts_and_no_more(target):
    """Every target that fails at once is tried as often as its rate says, whatever the others do."""
    with ExitStack() as stack:
        servers = {name: stack.enter_context(raw_server(ILLS[name])) for name in ("resetting", "closing", "babbling", "erring")}
        ones = {name: endpoint(server.url, 100) for name, server in servers.items()}
        engine = stack.enter_context(running(endpoint(f"{target.url}busy", 1_000), *ones.values(), workers=2))
        reach_time(engine, 1)
        snapshot = finish(engine)
        for name, one in ones.items():
            found = snapshot.endpoints[one.endpoint_key]
            assert found.requests_made == pytest.approx(found.scheduled, rel=0.01, abs=1)
            assert found.succeeded == 0
            assert servers[name].connections == len(servers[name].requests) == found.requests_made


def test_endpoints_of_one_origin_do_not_share_their_fate():
    """Of two endpoints on one server one hangs: its lanes are its own, and the other's are free."""

    def script(conversation):
        while request := conversation.request():
            if request.target == "/hang":
                conversation.wait_closed()
            conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with raw_server(script) as server:
        hanging, other = endpoint(f"{server.url}hang", 100), endpoint(f"{server.url}other", 100)
        with running(hanging, other, workers=2) as engine:
            reach_time(engine, 1)
            snapshot = finish(engine, 0)

    assert snapshot.endpoints[hanging.endpoint_key].succeeded == 0
    assert snapshot.endpoints[hanging.endpoint_key].missed > 50
    found = snapshot.endpoints[other.endpoint_key]
    assert found.succeeded == pytest.approx(found.scheduled, rel=0.01, abs=1)
