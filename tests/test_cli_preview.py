"""`tressi validate` of a config with data: the requests as they will be, the tables, and no secret."""

import json

import pytest
from each import each
from protosets import shop

from tressi.cli import main
from tressi.cli.preview import sample
from tressi.model.data import Integer, Sequence, Text, Time, Uuid
from tressi.request.compiled import width_of

pytestmark = pytest.mark.pure

CONFIG = {
    "data": {
        "user": {"file": "users.csv"},
        "id": {"uuid": 7},
        "unused": {"time": "ms"},
    },
    "duration": 1,
    "rps": 1,
    "requests": [
        {
            "url": "http://h/login?token={{user.password}}",
            "method": "POST",
            "headers": {"Authorization": "Bearer {{user.token}}", "X-Id": "{{id}}"},
            "payload": {"name": "{{user.name}}", "password": "{{user.password}}", "again": "<{{user.token}}>"},
        },
        {"url": "http://h/", "variants": [{"weight": 3}, {"url": "http://other/{{user.name}}"}]},
    ],
    "mask": ["body:/password"],
}


@pytest.fixture
def config(tmp_path):
    """The path of a config beside its table."""
    (tmp_path / "users.csv").write_text("name,password,token\nada x,\u001bword-1,abcd-1\ngrace,word-2,abcd-2\n")
    (tmp_path / "c.json").write_text(json.dumps(CONFIG))
    return str(tmp_path / "c.json")


def test_requests_are_shown_with_the_first_row_and_without_secrets(config, capsys):
    """By name of header, parameter and member; what is secret in one place is hidden in all."""
    assert main(["validate", config]) == 0
    out = capsys.readouterr().out
    assert "table user: 2 rows, 139 bytes of memory\n" in out
    assert "warning: data.unused: is used by no request\n" in out
    shown = out.partition("\n\nPOST ")[2]
    assert shown.splitlines() == [
        "http://h/login?token={{user.password}}, with the first rows:",
        "    POST /login?token=*** HTTP/1.1",
        "    Host: h",
        "    User-Agent: tressi",
        "    Content-Type: application/json",
        "    Authorization: ***",
        "    X-Id: 00000000-0000-7000-8000-000000000000",
        "    Content-Length: 61",
        "",
        '    {"name":"ada x","password":"***","again":"<***>"}',
        "",
        "GET http://h/, variant 1 of 2, with the first rows:",
        "    GET / HTTP/1.1",
        "    Host: h",
        "    User-Agent: tressi",
        "",
        "GET http://h/, variant 2 of 2, with the first rows:",
        "    GET /ada%20x HTTP/1.1",
        "    Host: other",
        "    User-Agent: tressi",
    ]


def test_the_plan_for_programs_has_them_too(config, capsys):
    """Under two names that a config without data does not have."""
    assert main(["validate", config, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["tables"] == [{"name": "user", "rows": 2, "bytes": 139}]
    assert [len(one["variants"]) for one in plan["requests"]] == [1, 2]
    assert "word-1" not in json.dumps(plan)


def test_a_row_that_cannot_be_used_is_bad_input(config, capsys, tmp_path):
    """The whole table is read, and the last row is as good as the first."""
    (tmp_path / "users.csv").write_text('name,password,token\na,b,c\nd,e,"f\ng"\n')
    message = "line 4: the token has U+000A, which is a control character, and which no header can carry"
    assert main(["validate", config]) == 2
    assert capsys.readouterr().err == f"tressi: data.user.file: {tmp_path}/users.csv {message}\n"
    assert main(["validate", config, "--json"]) == 2
    assert json.loads(capsys.readouterr().out) == {
        "errors": [{"path": "data.user.file", "message": f"{tmp_path}/users.csv {message}"}]
    }


def test_a_config_of_generators_alone_has_no_table(capsys, tmp_path):
    """Nothing lies in memory then."""
    (tmp_path / "c.json").write_text(json.dumps({"data": {"n": {"sequence": {}}}, "requests": [{"url": "http://h/{{n}}"}]}))
    assert main(["validate", str(tmp_path / "c.json"), "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["tables"] == []
    assert plan["requests"][0]["variants"][0].startswith("GET /1 HTTP/1.1\n")


@each("source", [Uuid(), Uuid(7), Text(5), Text(40), *(Time(unit) for unit in ("s", "ms", "us", "ns", "iso")), Integer(3, 7)])
def test_samples_are_as_wide_as_values_are(source):
    """What is said of the length of a body holds for what is shown."""
    assert len(sample(source)) == width_of(source)
    assert sample(Sequence(5)) == b"5"


def test_http_2_is_shown_as_a_header_list(tmp_path, capsys):
    """With its pseudo-header fields, names in lower case; of a gRPC call the method, the deadline and the message as JSON."""
    (tmp_path / "shop.protoset").write_bytes(shop())
    call = {
        "url": "http://h:50051",
        "grpc": {"protoset": "shop.protoset", "method": "shop.Cart/Add"},
        "payload": {"name": "ann", "items": [{"sku": "word-1", "quantity": 2}]},
        "headers": {"Authorization": "key-1"},
        "timeout": 5,
    }
    plain = {"url": "https://h/a?token=word-2", "protocol": "h2", "headers": {"X-Own": "1", "Connection": "keep-alive"}}
    document = {
        "requests": [call, {**plain, "method": "PUT", "variants": [{"payload": [1]}]}],
        "rps": 1,
        "mask": ["body:/items/0/sku"],
    }
    (tmp_path / "c.json").write_text(json.dumps(document))
    assert main(["validate", str(tmp_path / "c.json")]) == 0
    shown = capsys.readouterr().out.partition("\n\nPOST ")[2].splitlines()
    assert shown == [
        "http://h:50051/shop.Cart/Add, as it is sent:",
        "    :method: POST",
        "    :scheme: http",
        "    :authority: h:50051",
        "    :path: /shop.Cart/Add",
        "    user-agent: tressi",
        "    content-type: application/grpc",
        "    te: trailers",
        "    grpc-timeout: 5000m",
        "    authorization: ***",
        "    content-length: 22",
        "    (gRPC: shop.Cart/Add, with a deadline of 5 s and a message of 22 bytes, as JSON)",
        "",
        '    {"items": [{"sku": "***", "quantity": 2}], "name": "ann"}',
        "",
        "PUT https://h/a?token=***, as it is sent:",
        "    :method: PUT",
        "    :scheme: https",
        "    :authority: h",
        "    :path: /a?token=***",
        "    user-agent: tressi",
        "    content-type: application/json",
        "    x-own: 1",
        "    content-length: 3",
        "",
        "    [1]",
    ]
