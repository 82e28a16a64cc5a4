"""gRPC calls against a real server of grpcio, and against one that only looks like it."""

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme
from protosets import shop
from servers import BOUND_S, raw_server

import tressi
from tressi.config.load import load_config
from tressi.config.overrides import Overrides
from tressi.grpc.descriptors import of_proto
from tressi.grpc.errors import GrpcError
from tressi.grpc.method import Method

pytestmark = pytest.mark.timed

HERE = Path(__file__).parent


@contextmanager
def grpcio_shop(*files):
    """The address of the shop, and how many calls it has had when it is asked."""
    program = [sys.executable, str(HERE / "grpc_shop.py"), "0", *map(str, files)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(program, cwd=HERE, text=True, **pipes) as process:
        try:

            def calls():
                process.stdin.write("\n")
                process.stdin.flush()
                return eval(process.stdout.readline(), {})

            yield f"127.0.0.1:{int(process.stdout.readline())}", calls
        finally:
            process.stdin.close()
            process.wait(BOUND_S)


def document(tmp_path, url, *requests, **top):
    """A config with calls of the shop."""
    (tmp_path / "shop.protoset").write_bytes(shop())
    call = {"url": url, "grpc": {"method": "shop.Cart/Add"}}
    source = {"protoset": str(tmp_path / "shop.protoset")}
    return {"grpc": source, "requests": [{**call, **request} for request in requests], "gracefulStop": 5, **top}


def test_calls_are_counted_by_the_status_of_their_trailers(tmp_path):
    """Every call comes to the server once; what is a success, a failure and unexpected is told by its name, samples as JSON."""
    requests = [
        {"name": "filled", "payload": {"items": [{"sku": "{{p.sku}}", "quantity": "{{p.n}}"}]}},
        {"name": "failing", "payload": {"name": "NOT_FOUND"}},
        {"name": "wanted", "payload": {"name": "NOT_FOUND"}, "expect": {"grpcStatus": "NOT_FOUND"}},
        {"name": "unwanted", "payload": {"name": "UNAVAILABLE"}, "expect": {"grpcStatus": ["OK", "ABORTED"]}},
        {"name": "deadline", "payload": {"name": "late"}},
        {"name": "unknown to it", "grpc": {"method": "shop.Cart/Touch"}},
    ]
    rows = {"p": {"values": [{"sku": "a", "n": 2}, {"sku": "b", "n": 300}]}}
    top = {"data": rows, "workers": 4, "maxRequests": 120, "http2": {"streams": 4}, "thresholds": ["statusCodes(ABORTED) == 0"]}
    with grpcio_shop() as (where, calls):
        summary = tressi.run(document(tmp_path, f"http://{where}", *requests, **top))
        counted = calls()
    found = {one["name"]: one for one in summary["endpoints"]}
    statuses = {name: list(one["statusCodes"]) for name, one in found.items()}
    assert statuses == {
        "filled": ["OK"],
        "failing": ["NOT_FOUND"],
        "wanted": ["NOT_FOUND"],
        "unwanted": ["UNAVAILABLE"],
        "deadline": ["DEADLINE_EXCEEDED"],
        "unknown to it": ["UNIMPLEMENTED"],
    }
    assert [name for name, one in found.items() if one["requestsFailed"] == 0] == ["filled", "wanted"]
    assert found["unwanted"]["errorReasons"][0]["reason"] == "status UNAVAILABLE, expected OK or ABORTED"
    made = {name: one["requestsMade"] for name, one in found.items()}
    assert counted["Add"] == sum(made.values()) - made["unknown to it"]
    assert sum(made.values()) == 120
    assert all(one["passed"] for one in summary["thresholds"])
    failures = [row["failures"] for row in (one["global"] for one in summary["timeline"])]
    assert sum(one.get("NOT_FOUND", 0) for one in failures) == made["failing"]
    bodies = {(one["status"], one["body"]) for one in summary["samples"]}
    assert {("OK", '{"total": 2}'), ("OK", '{"total": 300}')} <= bodies
    assert ("NOT_FOUND", "the shop says NOT_FOUND: 100 % sure") in bodies
    assert ("DEADLINE_EXCEEDED", "with a deadline") in bodies


def test_calls_go_over_tls(tmp_path):
    """By ALPN, with the server's certificate verified, and without a word on the protocol."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    top = {"tls": {"ca": str(tmp_path / "ca.pem")}, "maxRequests": 20}
    with grpcio_shop(tmp_path / "cert.pem", tmp_path / "key.pem") as (where, calls):
        summary = tressi.run(document(tmp_path, f"https://{where}", {"payload": {}}, **top))
        assert calls() == {"Add": 20}
    assert summary["global"]["statusCodes"] == {"OK": 20}


def test_a_response_without_a_status_of_grpc_is_what_it_is(tmp_path):
    """With HTTP's 200 it is UNKNOWN; with another status a proxy has answered, and that status is counted."""
    for field, status in ((b"\x88", "UNKNOWN"), (b"\x8d", "404")):
        with raw_server(answering(field)) as server:
            summary = tressi.run(document(tmp_path, f"http://127.0.0.1:{server.port}", {"payload": {}}, maxRequests=3))
        assert summary["global"]["statusCodes"] == {status: 3}, summary["endpoints"][0]["errorReasons"]
        assert summary["global"]["requestsFailed"] == 3


def answering(field):
    """A script that answers every stream of HTTP/2 with one indexed field (RFC 7541 appendix A) and its end."""

    def frame(kind, flags, stream, payload=b""):
        return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload

    def script(conversation):
        read = conversation.socket.makefile("rb").read
        assert read(24).startswith(b"PRI * HTTP/2.0")
        conversation.send(frame(4, 0, 0))
        while len(head := read(9)) == 9:
            read(int.from_bytes(head[:3], "big"))
            if head[3] == 1:
                conversation.send(frame(1, 5, int.from_bytes(head[5:], "big"), field))

    return script


def test_a_proto_is_compiled_or_refused_in_protocs_words(tmp_path):
    """Its imports are looked for beside it and where the config says; the message names file and line."""
    kinds = tmp_path / "kinds"
    kinds.mkdir()
    (kinds / "kind.proto").write_text('syntax = "proto3"; package shop; message Kind { string name = 1; }')
    head = 'syntax = "proto3"; package shop; import "kind.proto";\n'
    service = "service Cart { rpc Add(Kind) returns (Kind); }"
    (tmp_path / "good.proto").write_text(head + service)
    (tmp_path / "bad.proto").write_text(head + service.replace("Kind)", "Kin)", 1))
    method = Method(of_proto(str(tmp_path / "good.proto"), [str(kinds)]), "shop.Cart/Add")
    assert method.message({"name": "a"}) == b"\n\x01a"
    for file, folders, words in (
        ("bad.proto", [kinds], r'protoc says bad.proto:2:\d+: "Kin" is not defined'),
        ("good.proto", [], "kind.proto: File not found"),
        ("none.proto", [], "none.proto is no file"),
        ("good.proto", [tmp_path / "no"], "no is no folder"),
    ):
        with pytest.raises(GrpcError, match=words):
            of_proto(str(tmp_path / file), [str(folder) for folder in folders])


def test_the_example_runs(tmp_path):
    """The server and the config that the page shows, with the rows of a table as messages."""
    example = HERE.parent / "examples" / "grpc"
    with subprocess.Popen([sys.executable, str(example / "server.py"), "0"], stdout=subprocess.PIPE, text=True) as server:
        try:
            where = server.stdout.readline().split()[-1]
            for name in ("shop.proto", "baskets.csv"):
                (tmp_path / name).write_bytes((example / name).read_bytes())
            text = (example / "calls.json").read_text().replace("127.0.0.1:50051", where)
            (tmp_path / "calls.json").write_text(text)
            summary = tressi.run(load_config(tmp_path / "calls.json", Overrides(duration=1)))
        finally:
            server.terminate()
    assert summary["global"]["requestsFailed"] == 0, summary["global"]
    assert summary["global"]["statusCodes"].keys() == {"OK", "INVALID_ARGUMENT"}
