"""`tressi import`: where config and sentences go, and that what is imported sends what it was made of."""

import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from itertools import count
from urllib.parse import parse_qs, parse_qsl

import pytest
from commands import BOUND_S, tressi
from servers import raw_server, response

from tests.imported_samples import FOLDER, SAMPLES
from tressi.cli import main

pytestmark = pytest.mark.timed

# Each asks for a path of its own; what real curl sends is what tressi must send.
COMMANDS = r"""
curl -sS 'BASE/c0?a=1&b=%20c' -H 'X-One: 1' -H 'x-one: 2' -H 'X-Empty;' -H 'Accept: text/plain'
curl -sS BASE/c1 -d name=ada -d 'city=New+York&n=%C3%A4'
curl -sS BASE/c2 --json '{"a": [1, 2.5, null], "b": "ä"}' -b 'sid=1; t=2'
curl -sS -X PATCH BASE/c3 -H 'Content-Type: text/plain' --data-raw $'it\'s {{x}} ${y}\n\u00e4'
curl -sS -G BASE/c4 --data-urlencode 'q=a b&c' -d z=1 -u joe:secret-pass
curl -sS -I -r 0-5 BASE/c5 -A agent -e http://r/
curl -sS BASE/c6 --data-binary '{not json' -H 'Content-Type: application/json' -X PUT
curl -sS BASE/c7 -F 'title=A hat' -F 'kind=x;type=text/css'
curl -sS BASE/c8 --data-urlencode '=ä b' --data-urlencode plain -H 'Accept:'
"""


@contextmanager
def recording():
    """A server that keeps each request: by its path, method, target, fields and body."""
    seen = {}

    def script(conversation):
        while (head := conversation.head()) is not None:
            body = conversation.body(head)
            method = head.head.split(b" ", 1)[0].decode()
            path = head.target.partition("?")[0]
            lines = head.head.decode("latin-1").split("\r\n")[1:-2]
            fields = sorted((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
            seen[path] = (method, head.target, fields, body)
            conversation.send(response(body=b"" if method == "HEAD" else b"ok"))

    with raw_server(script) as server:
        yield server.url.rstrip("/"), seen


def comparable(one):
    """A request without what differs from client to client: its name, the boundary of parts, spaces in JSON and forms."""
    method, target, fields, body = one
    kept = [(name, value) for name, value in fields if name not in {"user-agent", "content-length"} or value == "agent"]
    kind = dict(kept).get("content-type", "")
    if kind.startswith("multipart/form-data"):
        boundary = kind.partition("boundary=")[2]
        kept = [(name, "multipart" if name == "content-type" else value) for name, value in kept]
        body = body.replace(boundary.encode(), b"BOUNDARY").rstrip(b"\r\n")
    elif kind == "application/json" and body.startswith(b'{"'):
        body = json.loads(body)
    elif kind == "application/x-www-form-urlencoded":
        body = parse_qsl(body.decode(), keep_blank_values=True) or body
    return method, target, kept, body


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here to compare with")
def test_tressi_sends_what_curl_sends(tmp_path):
    """The same commands, run by a shell with curl and imported: the requests are the same, but for the client's name."""
    with recording() as (base, seen):
        commands = tmp_path / "commands.sh"
        commands.write_text(COMMANDS.replace("BASE", base), encoding="utf-8")
        done = subprocess.run(["bash", str(commands)], capture_output=True, text=True, timeout=BOUND_S, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        by_curl = dict(seen)
        seen.clear()
        config = tmp_path / "config.json"
        assert tressi("import", "curl", commands, "-o", config).returncode == 0
        text = config.read_text(encoding="utf-8")
        assert "joe" not in text
        assert "secret-pass" not in text
        variables = {"COOKIE": "sid=1; t=2", "BASIC_CREDENTIALS": "am9lOnNlY3JldC1wYXNz"}
        done = tressi("run", config, "--duration", "2", "--ramp-up-time", "0", "--quiet", env={**os.environ, **variables})
        assert done.returncode == 0, done.stderr
        by_tressi = dict(seen)

    assert sorted(by_curl) == sorted(by_tressi) == [f"/c{number}" for number in range(9)]
    for path, one in by_curl.items():
        assert comparable(by_tressi[path]) == comparable(one), path


@pytest.mark.parametrize(
    "name", ["chrome.curl.sh", "pay-31.json", "postman-v20.json", "insomnia-v5.yaml", "chromium-recorded.har"]
)
def test_what_is_imported_runs_as_it_stands(name, target, tmp_path):
    """Against a target that answers every path with 200 or 404, for a second: each endpoint is asked, and none is broken."""
    config = tmp_path / "config.json"
    done = tressi(
        "import", SAMPLES[name], FOLDER / name, "-o", config, "--base-url", target, "--as", "requests", "--total-rps", "50"
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(config.read_text())
    names = [line.partition(" set ")[2].partition(":")[0] for line in done.stderr.splitlines() if " set " in line]
    run = tressi(
        *("run", config, "--duration", "1", "--ramp-up-time", "0", "--json", "-", "--quiet", "--strict"),
        env={**os.environ, **dict.fromkeys(filter(None, names), "some-value")},
    )
    summary = json.loads(run.stdout)
    assert len(summary["endpoints"]) == len(document["requests"])
    for endpoint in summary["endpoints"]:
        assert endpoint["requestsMade"] > 0, endpoint["endpointKey"]
        assert set(endpoint["statusCodes"]) <= {"200", "404"}


class Notes:
    """A server that gives each visitor a token, a session and a draft of his own, and refuses what does not give them back."""

    def __init__(self):
        self.refused, self.saved, self._number = [], 0, count(1)
        self._tokens, self._drafts = set(), {}

    def answer(self, method, path, fields, body):
        """Status, fields and body for a request."""
        visitor = parse_qs(fields.get("cookie", "").replace("; ", "&")).get("sid", [""])[0]
        if (method, path) == ("GET", "/"):
            token = f"token-{next(self._number):08d}"
            self._tokens.add(token)
            page = f'<p>{token[::-1]}<form><input type=hidden name=_csrf value="{token}"></form>'
            return "200 OK", ["Content-Type: text/html"], page
        if (method, path) == ("POST", "/session"):
            form = parse_qs(body.decode())
            if form["_csrf"][0] in self._tokens and form["password"] == ["some-value"]:
                sid = f"s-{next(self._number):08d}"
                self._drafts[sid] = f"draft-{next(self._number):08d}"
                return "303 See Other", ["Location: /home", f"Set-Cookie: sid={sid}; Path=/; HttpOnly"], ""
        elif path in {"/style.css", "/home"} or (path in {"/api/notes/31", "/api/notes/32"} and visitor in self._drafts):
            return "200 OK", [], "x"
        elif path == "/api/notes" and visitor in self._drafts:
            return "200 OK", ["Content-Type: application/json"], json.dumps({"draft": self._drafts[visitor], "notes": []})
        elif method == "PUT" and path == f"/api/notes/{self._drafts.get(visitor)}/text":
            self.saved += json.loads(body)["text"] == "{{dear}} reader"
            return "200 OK", [], "saved"
        self.refused.append((method, path, visitor))
        return "403 Forbidden", [], "no"

    def script(self, conversation):
        """Serve one connection."""
        while (head := conversation.head()) is not None:
            method = head.head.split(b" ", 1)[0].decode()
            status, fields, body = self.answer(method, head.target, head.fields, conversation.body(head))
            conversation.send(response(status, *fields, body=body.encode()))


def test_an_imported_flow_is_a_user_of_its_server(tmp_path):
    """A recording of a browser runs against a server that gives out other tokens, sessions and drafts than it did then."""
    notes = Notes()
    config = tmp_path / "config.json"
    with raw_server(notes.script) as server:
        done = tressi(
            *("import", "har", FOLDER / "chromium-recorded.har", "-o", config),
            *("--base-url", server.url.rstrip("/"), "--total-rps", "160"),
        )
        assert done.returncode == 0, done.stderr
        document = json.loads(config.read_text())
        assert document["flows"][0]["startsPerSecond"] == 20
        run = tressi(
            *("run", config, "--duration", "2", "--ramp-up-time", "0", "--json", "-", "--quiet"),
            env={**os.environ, "PASSWORD": "some-value"},
        )
    assert notes.refused == []
    assert run.returncode == 0, run.stderr
    assert notes.saved > 20
    assert json.loads(run.stdout)["global"]["requestsFailed"] == 0


def test_results_and_sentences_are_apart():
    """The config on standard output, whole; what was left out and what to set on standard error."""
    done = tressi("import", "curl", "-", input="curl http://h/ -H 'X-Api-Key: 0123456789' --retry 3")
    assert done.returncode == 0
    assert json.loads(done.stdout)["requests"][0]["headers"]["X-Api-Key"] == "${X_API_KEY}"
    assert done.stderr.splitlines() == [
        "tressi: curl's option --retry was left out: what has failed is a failure, and is not sent again",
        "tressi: set X_API_KEY: the value of the header X-Api-Key",
    ]


def test_a_config_elsewhere_finds_its_files(tmp_path, monkeypatch, capsys):
    """Paths of files are those from its own directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "body.bin").write_bytes(b"x")
    (tmp_path / "made").mkdir()
    (tmp_path / "commands").write_text("curl http://h/ --data-binary @body.bin")
    assert main(["import", "curl", "commands", "-o", "made/config.json"]) == 0
    assert json.loads((tmp_path / "made" / "config.json").read_text())["requests"][0]["bodyFile"] == "../body.bin"
    assert main(["validate", "made/config.json"]) == 0
    assert "wrote made/config.json" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["curl", "no-such-file"], "cannot read no-such-file: No such file or directory"),
        (["curl", "."], ". is a directory"),
        (["har", "/dev/zero"], "larger than 128 MiB"),
        (["har", "/dev/null"], "/dev/null is empty"),
        (["har", "LICENSE"], "LICENSE is not JSON"),
        (["openapi", "README.md"], "README.md"),
        (["curl", "LICENSE"], "LICENSE"),
        (["curl", "LICENSE", "--hosts", "h"], "--hosts is for har"),
        (["curl", "LICENSE", "--total-rps", "0"], "--total-rps"),
        (["curl", "LICENSE", "--base-url", "h"], "--base-url"),
        (["soap", "LICENSE"], "soap"),
    ],
)
def test_what_cannot_be_imported_is_code_2_and_a_sentence(arguments, said, capsys):
    """Nothing on standard output."""
    assert main(["import", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert "Traceback" not in captured.err
