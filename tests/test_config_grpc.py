"""gRPC calls in a config: inherited sources, the message, a message for each row, and what is refused with its place."""

import mmap
import tempfile

import pytest
from protosets import shop

from tressi.config.load import load_config
from tressi.errors import ConfigError
from tressi.load.plan import make_plan
from tressi.model import pools_of
from tressi.request.compiled import compiled
from tressi.request.render import render
from tressi.request.tables import load, row_of

pytestmark = pytest.mark.pure

TABLE = {"p": {"values": [{"sku": "a1", "n": 2}, {"sku": "b", "n": 300}]}}
FILLED = {"items": [{"sku": "{{p.sku}}", "quantity": "{{p.n}}", "tags": ["x-{{p.sku}}"]}]}


@pytest.fixture
def document(tmp_path):
    """A document with one call; what is given replaces what it has."""
    (tmp_path / "shop.protoset").write_bytes(shop())

    def made(top=None, **request):
        call = {"url": "http://127.0.0.1:50051", "grpc": {"method": "shop.Cart/Add"}, "payload": {"name": "ada"}, **request}
        grpc = {"protoset": str(tmp_path / "shop.protoset")}
        return {"requests": [{name: value for name, value in call.items() if value is not ...}], "grpc": grpc, **(top or {})}

    return made


def test_a_call_is_a_post_to_the_path_of_its_method(document):
    """With the fields that gRPC asks for, whatever the config has for all requests, and the deadline."""
    config = load_config(document({"headers": {"Content-Type": "text/plain", "x-id": "1"}}, timeout=1.5))
    (call,) = config.endpoints
    assert call.endpoint_key == "POST http://127.0.0.1:50051/shop.Cart/Add"
    assert call.url == "http://127.0.0.1:50051/shop.Cart/Add"
    assert call.body == b"\0\0\0\0\x05\x22\x03ada"
    assert dict(call.headers) == {
        "Content-Type": "application/grpc", "TE": "trailers", "grpc-timeout": "1500m", "x-id": "1",
    }  # fmt: skip
    long = load_config(document(timeout=86_400 * 2))
    assert dict(long.endpoints[0].headers)["grpc-timeout"] == "172800S"
    assert load_config(document(payload=...)).endpoints[0].body == b"\0\0\0\0\0"


def test_what_a_call_must_be_is_planned(document):
    """Without grpcStatus OK alone is a success; statuses are counted behind those of HTTP."""
    for wanted, statuses in ((None, None), ("OK", (1000,)), (["OK", "NOT_FOUND"], (1000, 1005))):
        config = load_config(document(expect={} if wanted is None else {"grpcStatus": wanted}))
        plan = make_plan(config, {pool.id: 1 for pool in pools_of(config)})
        assert plan.endpoints[0].is_grpc
        assert plan.endpoints[0].statuses == statuses, wanted


def test_a_message_with_placeholders_is_encoded_for_each_row(document):
    """A text that is a placeholder and nothing else is the cell with its type."""
    config = load_config(document({"data": TABLE}, payload=FILLED))
    made = compiled(config, "tressi")
    with tempfile.TemporaryFile() as block:
        (table,) = load(made.uses, block)
        block.flush()
        with mmap.mmap(block.fileno(), 0, access=mmap.ACCESS_READ) as memory:
            sent = [render(made.renderings[0][0], {0: row_of(memory, table, number)}) for number in range(table.rows)]
    bodies = [one.partition(b"\r\n\r\n")[2] for one in sent]
    assert bodies == [b"\0\0\0\0\x0e\n\x0c\n\x02a1\x10\x02\x1a\x04x-a1", b"\0\0\0\0\x0d\n\x0b\n\x01b\x10\xac\x02\x1a\x03x-b"]
    assert all(b"Content-Length: %d\r\n" % len(body) in head for head, body in zip(sent, bodies, strict=True))


def test_a_row_that_cannot_be_encoded_is_named(document):
    """By its number, the place in the message and the rule."""
    rows = {"p": {"values": [{"sku": "a", "n": 1}, {"sku": "b", "n": "many"}]}}
    made = compiled(load_config(document({"data": rows}, payload=FILLED)), "tressi")
    with tempfile.TemporaryFile() as block, pytest.raises(ConfigError, match=r"value 1: items\[0\].quantity 'many' is not"):
        load(made.uses, block)


def test_what_cannot_be_called_is_refused_at_its_place(document):
    """Never with a traceback, and with the rule."""
    uuid = {"data": {"u": {"uuid": 4}}}
    two = {"data": {**TABLE, "q": {"values": [{"a": 1}]}}}
    cases = (
        (document(payload={"nam": 1}), "requests[0].payload.nam: is no field of shop.Basket"),
        (document(variants=[{"payload": {"user_id": -1}}]), "requests[0].variants[0].payload.user_id: -1 is not"),
        (document(grpc={"method": "shop.Cart/Nope"}), "requests[0].grpc.method: shop.Cart has no method Nope"),
        (document(grpc={"method": "shop.Cart/Watch"}), "streams, and only unary calls"),
        (document(grpc={}), "requests[0].grpc.method: is missing"),
        (document(grpc={"method": "a.B/C", "proto": "none.proto"}), "requests[0].grpc.proto: none.proto is no file"),
        (document({"grpc": {}}), "requests[0].grpc: needs a proto or a protoset"),
        (document({"grpc": {"proto": "a", "protoset": "b"}}), "grpc: has a proto and a protoset"),
        (document({"grpc": {"protoset": "none"}}), "none cannot be read: No such file"),
        (document(url="http://127.0.0.1/cart"), 'requests[0].url: "/cart" stands beside grpc'),
        (document(method="GET"), 'requests[0].method: "GET" stands beside grpc'),
        (document(payload=..., body="x"), "requests[0].body: stands beside grpc"),
        (document(compress="gzip"), "requests[0].compress: stands beside grpc"),
        (document(headers={"TE": "x"}), "requests[0].headers.TE: stands beside grpc"),
        (document(expect={"status": 200}), "requests[0].expect.status: stands beside grpc"),
        (document(expect={"json": {"$.a": 1}}), "the body is protobuf"),
        (document(expect={"grpcStatus": "FINE"}), 'requests[0].expect.grpcStatus: "FINE" is not one of OK, CANCELLED'),
        (document(grpc=..., expect={"grpcStatus": "OK"}), "expect.grpcStatus: is of no use here"),
        (document(uuid, payload={"name": "{{u}}"}), "requests[0].payload: {{u}} is no table"),
        (document(two, payload={"name": "{{p.sku}}{{q.a}}"}), "is filled from p and q"),
    )
    for config, words in cases:
        with pytest.raises(ConfigError) as raised:
            load_config(config)
        assert words in str(raised.value), (config["requests"], str(raised.value))
