"""gRPC calls as values: messages as bytes and as JSON, and what is wrong with them, by place."""

import struct

import pytest
from protosets import shop

from tressi.grpc.errors import GrpcError
from tressi.grpc.method import Method, framed

pytestmark = pytest.mark.pure

ADD = Method(shop(), "shop.Cart/Add")

GOOD = (
    ({}, ""),
    ({"items": [{"sku": "a1", "quantity": 2}]}, "0a060a0261311002"),
    ({"items": [{"quantity": "2", "kind": "GIFT"}]}, "0a0410022001"),
    ({"items": [{"kind": 1}]}, "0a022001"),
    ({"counts": {"b": 2, "a": "1"}}, "12050a016110011 2050a01621002".replace(" ", "")),
    ({"raw": "AQI="}, "1a020102"),
    ({"user_id": 7}, "2807"),
    ({"userId": 7}, "2807"),
    ({"name": None}, ""),
)
BAD = (
    ({"items": [{"sku": "a"}, {"sk": "x"}]}, ("items", 1, "sk"), "no field of shop.Item, which has sku, quantity, tags, kind"),
    ({"items": [{"sku": 5}]}, ("items", 0, "sku"), "5 is not a text"),
    ({"items": [{}, {"quantity": "many"}]}, ("items", 1, "quantity"), "'many' is not a whole number of 32 bits"),
    ({"items": [{"quantity": 2**40}]}, ("items", 0, "quantity"), "is not a whole number of 32 bits"),
    ({"items": [{"quantity": 1.5}]}, ("items", 0, "quantity"), "1.5 is not a whole number"),
    ({"items": [{"kind": "RARE"}]}, ("items", 0, "kind"), "none of shop.Kind, which has NONE, GIFT"),
    ({"items": [{"tags": "a"}]}, ("items", 0, "tags"), "'a' is no list, and tags is repeated"),
    ({"items": {"sku": "a"}}, ("items",), "an object is no list, and items is repeated"),
    ({"items": ["a"]}, ("items", 0), "'a' is no object, as a shop.Item must be"),
    ({"items": [None]}, ("items", 0), "null is no object"),
    ({"counts": {"a": "b"}}, ("counts", "a"), "'b' is not a whole number of 64 bits"),
    ({"counts": [1]}, ("counts",), "a list is no object, as a map must be"),
    ({"raw": "%%"}, ("raw",), "'%%' is not a text in base64"),
    ({"userId": -1}, ("userId",), "-1 is not a whole number of 32 bits from 0 on"),
    ({"name": "a", "userId": 1}, (), "who"),
    ([1], (), "is no object"),
)


def test_a_message_is_what_protobuf_makes_of_it():
    """By every name that JSON may have for a field."""
    for message, data in GOOD:
        assert ADD.message(message).hex() == data, message
        assert ADD.encoded(message) == b"\0" + struct.pack(">I", len(data) // 2) + bytes.fromhex(data), message


def test_what_is_wrong_is_named_with_its_place():
    """The smallest part of a message that is refused, and the rule."""
    for message, path, words in BAD:
        with pytest.raises(GrpcError) as raised:
            ADD.encoded(message)
        assert raised.value.path == path, message
        assert words in str(raised.value), message


def test_a_response_is_shown_as_json():
    """Also one that is cut, compressed or none of the method's: in words, for it is shown to a person."""
    whole = framed(bytes.fromhex("082a"))
    assert ADD.shown(whole) == '{"total": 42}'
    for body, words in ((b"", "no message: 0 bytes"), (whole[:-1], "of which 1 are here"), (b"\x01" + whole[1:], "compressed")):
        assert words in ADD.shown(body), body
    assert "no shop.Reply" in ADD.shown(framed(b"\xff\xff"))


def test_a_method_that_cannot_be_called_is_refused():
    """With what the service has instead."""
    for name, words in (
        ("shop.Cart/Watch", "streams"),
        ("shop.Cart/Nope", "it has Add, Watch, Touch"),
        ("shop.Nope/Add", "it has shop.Cart"),
        ("Add", "package.Service/Method"),
    ):
        with pytest.raises(GrpcError, match=words) as raised:
            Method(shop(), name)
        assert raised.value.part == "method", name
    assert Method(shop(), "/shop.Cart.Add").path == "/shop.Cart/Add"
    with pytest.raises(GrpcError, match="--include_imports"):
        Method(b"\xff\xff", "shop.Cart/Add")
