"""A real gRPC server for tests: `python grpc_shop.py PORT [CERTIFICATE KEY]`, of grpcio, in a process of its own.

It prints its port once it listens, and for each line that it reads how many calls it has had, by method.
"""

import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from protosets import shop

POOL = DescriptorPool()
for one in FileDescriptorSet.FromString(shop()).file:
    POOL.AddSerializedFile(one.SerializeToString())
BASKET = GetMessageClass(POOL.FindMessageTypeByName("shop.Basket"))
REPLY = GetMessageClass(POOL.FindMessageTypeByName("shop.Reply"))
CALLS = Counter()


def add(basket, context):
    """Sum the quantities; the basket's name asks for a failure instead."""
    CALLS["Add"] += 1
    if basket.name in grpc.StatusCode.__members__:
        context.abort(grpc.StatusCode[basket.name], f"the shop says {basket.name}: 100 % sure")
    if basket.name == "late":
        context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "" if context.time_remaining() is None else "with a deadline")
    return REPLY(total=sum(item.quantity for item in basket.items))


def main(port, *files):
    """Serve until standard input ends."""
    server = grpc.server(ThreadPoolExecutor(8))
    serializers = {"request_deserializer": BASKET.FromString, "response_serializer": REPLY.SerializeToString}
    methods = {"Add": grpc.unary_unary_rpc_method_handler(add, **serializers)}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("shop.Cart", methods)])
    where = f"127.0.0.1:{port}"
    if files:
        certificate, key = (Path(name).read_bytes() for name in files)
        bound = server.add_secure_port(where, grpc.ssl_server_credentials([(key, certificate)]))
    else:
        bound = server.add_insecure_port(where)
    server.start()
    print(bound, flush=True)  # noqa: T201 - the test that started it reads it
    for _ in sys.stdin:
        print(dict(CALLS), flush=True)  # noqa: T201
    server.stop(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
