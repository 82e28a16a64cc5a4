"""A method of a service: its path, its message as it is sent, and messages as JSON for people.

A message travels behind a byte that says whether it is compressed and its size in four bytes, the highest first (gRPC over
HTTP/2, "Length-Prefixed-Message").

Example: `Basket {string sku = 1; int32 quantity = 2}` with {"sku": "a1", "quantity": 2} is the six bytes `0a 02 61 31 10 02`,
sent as `00 00000006 0a0261311002`.
"""

from __future__ import annotations

from functools import cache, cached_property
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from tressi.grpc.descriptors import EXTRA
from tressi.grpc.errors import GrpcError
from tressi.grpc.fault import fault_of, text_fault_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_PREFIX: Final = Struct(">?I")
_NAMED: Final = 8  # so many services or methods are named in a message


class Method:
    """A unary method of one of the services that `descriptors` describe, such as `shop.Cart/Add` or `shop.Cart.Add`.

    Raises GrpcError for bytes that describe none, for a method that is not there, and for one that streams.
    """

    def __init__(self, descriptors: bytes, name: str) -> None:
        service, method = _split(name)
        pool = _pool_of(descriptors)
        found = _service(pool, descriptors, service).methods_by_name.get(method)
        if found is None:
            names = list(_service(pool, descriptors, service).methods_by_name)
            raise GrpcError(f"{service} has no method {method}; it has {_some(names)}", "method")
        if found.client_streaming or found.server_streaming:
            raise GrpcError(f"{service}/{method} streams, and only unary calls are sent so far", "method")
        self.name = f"{service}/{method}"
        self._input, self._output = found.input_type, found.output_type

    @property
    def path(self) -> str:
        """What stands in the request's `:path`."""
        return f"/{self.name}"

    def encoded(self, message: Any) -> bytes:  # noqa: ANN401 - any JSON value
        """A message of the method's, given as JSON, as it is sent. Raises GrpcError with the place of what is wrong."""
        data = self.message(message)
        return framed(data)

    def message(self, message: Any) -> bytes:  # noqa: ANN401 - any JSON value
        """The same without what stands before it."""
        from google.protobuf.json_format import ParseDict, ParseError  # noqa: PLC0415 - an extra, and few configs need it

        if not isinstance(message, dict):
            raise GrpcError(f"the message of {self.name} is no object")
        try:
            data: bytes = ParseDict(message, self._made()).SerializeToString(deterministic=True)
        # The second and the third are what a list or a number in place of a text becomes.
        except (ParseError, TypeError, ValueError, AttributeError) as error:
            fault = fault_of(message, self._input, str(error))
            raise GrpcError(fault.words, path=fault.path) from None
        unread = text_fault_of(message, self._input)
        if unread is not None:
            raise GrpcError(unread.words, path=unread.path)
        return data

    def shown(self, body: bytes) -> str:
        """A response as JSON, in its first message; what is none of the method's is told in words. Raises nothing."""
        return self._shown(body, self._output)

    def shown_request(self, body: bytes) -> str:
        """The same of a request."""
        return self._shown(body, self._input)

    def _shown(self, body: bytes, of: Any) -> str:  # noqa: ANN401 - protobuf's descriptors have no types
        from google.protobuf.json_format import MessageToJson  # noqa: PLC0415 - as above
        from google.protobuf.message import DecodeError  # noqa: PLC0415

        if len(body) < _PREFIX.size:
            return f"no message: {len(body)} bytes"
        compressed, size = _PREFIX.unpack_from(body)
        data = body[_PREFIX.size : _PREFIX.size + size]
        if compressed or len(data) < size:
            return f"a message of {size} bytes, {'compressed' if compressed else f'of which {len(data)} are here'}"
        try:
            found = _class_of(of).FromString(data)
            text: str = MessageToJson(found, indent=None, preserving_proto_field_name=True, ensure_ascii=False)
        except (DecodeError, ValueError, TypeError) as error:
            return f"no {of.full_name}: {error}"
        return text

    def _made(self) -> Any:  # noqa: ANN401 - a message class that is made at run time
        return self._question()

    @cached_property
    def _question(self) -> Any:  # noqa: ANN401 - as above
        return _class_of(self._input)


def framed(data: bytes) -> bytes:
    """A message as it is sent, uncompressed."""
    return _PREFIX.pack(False, len(data)) + data  # noqa: FBT003 - struct has no name for it


def _class_of(descriptor: Any) -> Any:  # noqa: ANN401 - protobuf's descriptors have no types
    from google.protobuf.message_factory import GetMessageClass  # noqa: PLC0415 - an extra

    return GetMessageClass(descriptor)


def _split(name: str) -> tuple[str, str]:
    path = name.strip().removeprefix("/")
    service, mark, method = path.rpartition("/" if "/" in path else ".")
    if not (mark and service and method):
        raise GrpcError(f"'{name}' is no method; write it as package.Service/Method", "method")
    return service, method


@cache
def _pool_of(descriptors: bytes) -> Any:  # noqa: ANN401 - protobuf's pool has no types
    """Raises GrpcError."""
    try:
        from google.protobuf.descriptor_pb2 import FileDescriptorSet  # noqa: PLC0415 - an extra
        from google.protobuf.descriptor_pool import DescriptorPool  # noqa: PLC0415
        from google.protobuf.message import DecodeError  # noqa: PLC0415
    except ImportError:
        raise GrpcError(f"needs the library protobuf, {EXTRA}") from None
    try:
        files = FileDescriptorSet.FromString(descriptors).file
        pool = DescriptorPool()
        for one in files:
            pool.AddSerializedFile(one.SerializeToString())
        for one in files:
            pool.FindFileByName(one.name)
    except (DecodeError, TypeError, KeyError) as error:
        raise GrpcError(
            "describes no services as a whole: it must be written by protoc with --descriptor_set_out and --include_imports"
            f" ({str(error).splitlines()[0] if str(error) else 'no FileDescriptorSet'})",
            "protoset",
        ) from None
    return pool


def _service(pool: Any, descriptors: bytes, name: str) -> Any:  # noqa: ANN401 - as above
    try:
        return pool.FindServiceByName(name)
    except KeyError:
        names = _services(descriptors)
        has = f"it has {_some(names)}" if names else "it has none at all"
        raise GrpcError(f"there is no service {name}; {has}", "method") from None


def _services(descriptors: bytes) -> list[str]:
    from google.protobuf.descriptor_pb2 import FileDescriptorSet  # noqa: PLC0415 - an extra

    files = FileDescriptorSet.FromString(descriptors).file
    return [f"{one.package}.{service.name}".removeprefix(".") for one in files for service in one.service]


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
