"""A gRPC server for the example beside it: `python server.py [PORT]`. It needs grpcio-tools, which brings grpcio."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

sys.path.insert(0, str(Path(__file__).parent))
MESSAGES, SERVICES = grpc.protos_and_services("shop.proto")


class Cart(SERVICES.CartServicer):
    """Adds up what is in a basket."""

    def Add(self, request, context):  # noqa: N802 - the proto's name
        """Answer with the sum of the quantities."""
        if not request.items:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the basket is empty")
        return MESSAGES.Receipt(total=sum(item.quantity for item in request.items))


def main(port="50051"):
    """Serve on loopback until standard input ends, or for ever on a terminal."""
    server = grpc.server(ThreadPoolExecutor(8))
    SERVICES.add_CartServicer_to_server(Cart(), server)
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    print(f"listening on 127.0.0.1:{bound}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main(*sys.argv[1:])
