"""`tressi quick`: which config its flags make, and what is said of flags that make none."""

import io
import json
import stat
import sys
from pathlib import Path

import pytest

from tressi.cli import main
from tressi.cli.commands import load, parser_of
from tressi.cli.quick import quick_config
from tressi.config.load import load_config

pytestmark = pytest.mark.pure

URL = "http://127.0.0.1:8080/fast"


def saved(capsys, *arguments):
    """The config that these arguments make."""
    assert main(["quick", *arguments, "--save", "-"]) == 0
    return json.loads(capsys.readouterr().out)


def request_of(capsys, *arguments):
    """Its one request."""
    (request,) = saved(capsys, URL, *arguments)["requests"]
    return request


@pytest.mark.parametrize(
    ("flags", "config"),
    [
        pytest.param([], {"duration": 10}, id="full speed"),
        pytest.param(["--workers", "50", "--duration", "30"], {"duration": 30, "workers": 50}, id="by so many workers"),
        pytest.param(
            ["--rps", "500"],
            {"duration": 10, "autoscale": {"enabled": True, "targetRps": 500, "maxWorkers": 500}},
            id="a rate has a worker for each request in a second",
        ),
        pytest.param(
            ["--rps", "3"],
            {"duration": 10, "autoscale": {"enabled": True, "targetRps": 3, "maxWorkers": 10}},
            id="ten at least",
        ),
        pytest.param(
            ["--rps", "90000"],
            {"duration": 10, "autoscale": {"enabled": True, "targetRps": 90000, "maxWorkers": 1000}},
            id="a thousand at most",
        ),
        pytest.param(
            ["--rps", "500", "--workers", "7", "--ramp-up-time", "5"],
            {"duration": 10, "rampUpTime": 5, "autoscale": {"enabled": True, "targetRps": 500, "maxWorkers": 7}},
            id="as many as the user allows",
        ),
        pytest.param(
            ["--timeout", "2", "--connect-timeout", "0.5", "--graceful-stop", "1", "--seed", "7", "--insecure"],
            {
                "duration": 10, "timeout": 2, "connectTimeout": 0.5, "gracefulStop": 1, "seed": 7, "tls": {"verify": False},
            },
            id="what else a config may say",
        ),
        pytest.param(["--fail-if", "p99 > 1s"], {"duration": 10, "thresholds": ["p99 > 1s"]}, id="conditions"),
    ],
)  # fmt: skip
def test_the_load(flags, config, capsys):
    """Each flag has its key; a config that is written is valid."""
    found = saved(capsys, URL, *flags)
    if "thresholds" in config:
        config = {**config, "thresholds": found["thresholds"]}
        assert len(load_config(found).thresholds) == 1
    assert found == {**config, "requests": [{"url": URL}]}
    assert load_config(found).warnings == ()


@pytest.mark.parametrize(
    ("flags", "request_"),
    [
        pytest.param(["-X", "PATCH"], {"method": "PATCH"}, id="a method"),
        pytest.param(["-H", "A: b", "-H", "a:c", "-H", "D: e:f"], {"headers": {"A": ["b", "c"], "D": "e:f"}}, id="headers"),
        pytest.param(
            ["-H", "User-Agent:", "-H", "X-Empty;"], {"headers": {"User-Agent": None, "X-Empty": ""}}, id="none, empty"
        ),
        pytest.param(
            ["-d", '{"a": [1]}'],
            {"method": "POST", "headers": {"Content-Type": "application/json"}, "body": '{"a": [1]}'},
            id="an object is JSON, and data are a POST",
        ),
        pytest.param(
            ["-d", " [1.0]", "-X", "PUT"],
            {"method": "PUT", "headers": {"Content-Type": "application/json"}, "body": " [1.0]"},
            id="so is a list, letter for letter",
        ),
        pytest.param(
            ["-d", "a=1", "-d", "b=2"],
            {"method": "POST", "headers": {"Content-Type": "application/x-www-form-urlencoded"}, "body": "a=1&b=2"},
            id="all else is what curl says, joined as curl does",
        ),
        pytest.param(
            ["-d", "{broken"],
            {"method": "POST", "headers": {"Content-Type": "application/x-www-form-urlencoded"}, "body": "{broken"},
            id="and so is what only looks like JSON",
        ),
        pytest.param(
            ["-d", "{}", "-H", "content-type: text/plain"],
            {"method": "POST", "headers": {"content-type": "text/plain"}, "body": "{}"},
            id="a type of one's own wins",
        ),
        pytest.param(
            ["-d", "{}", "-H", "Content-Type:"],
            {"method": "POST", "headers": {"Content-Type": None}, "body": "{}"},
            id="and so does none",
        ),
    ],
)
def test_the_request(flags, request_, capsys):
    """As curl would send it, so far as a config can say it."""
    assert request_of(capsys, *flags) == {"url": URL, **request_}


def test_a_url_without_a_scheme_is_http(capsys):
    """As everywhere on a command line."""
    assert saved(capsys, "127.0.0.1:8080/fast")["requests"] == [{"url": URL}]


def test_data_come_from_a_file_or_standard_input(tmp_path, monkeypatch, capsys):
    """As they are: line ends stay, unlike with curl."""
    file = tmp_path / "body.json"
    file.write_text('{"name":\n "Zoë"}\n', encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a=\xc3\xab\r\n")))

    assert request_of(capsys, "--data", f"@{file}")["body"] == '{"name":\n "Zoë"}\n'
    assert request_of(capsys, "--data", "@-")["body"] == "a=ë\r\n"


def test_data_that_cannot_be_sent_are_refused(tmp_path, capsys, monkeypatch):
    """Place, value and reason."""
    monkeypatch.chdir(tmp_path)
    file = Path("picture")
    file.write_bytes(b"ab\xff")
    for text, why in ((f"@{file}", "is not UTF-8: byte 3 is 0xff"), ("@none", "cannot be read: No such file or directory")):
        assert main(["quick", URL, "-d", text]) == 2
        assert capsys.readouterr().err == f'tressi: --data: "{text}" {why}\n'


def test_save_writes_a_config_for_its_owner_alone_and_never_overwrites(tmp_path, capsys):
    """Headers may have secrets; what stands in the file stays."""
    file = tmp_path / "one.json"
    arguments = ["quick", URL, "-H", "Authorization: Bearer abcdef", "--save", str(file)]
    assert main(arguments) == 0
    assert capsys.readouterr().err == f"tressi: wrote {file}; to run it: tressi {file}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load_config(file).endpoints[0].headers == (("Authorization", "Bearer abcdef"),)

    assert main(arguments) == 2
    assert capsys.readouterr().err == f"tressi: --save: {file} exists; name another file, or remove it first\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ftp://host/"], "URL: "),
        ([URL, "-X", "get"], '--method: "get" is no method, because methods are written in capitals; did you mean GET?'),
        ([URL, "-X", "CONNECT"], "--method: CONNECT asks a proxy for a tunnel"),
        ([URL, "--rps", "0"], "--rps: 0 is less than the minimum of 1"),
        ([URL, "--workers", "0"], "--workers: 0 is not greater than 0"),
        ([URL, "--rps", "5", "--workers", "0"], "--workers: 0 is less than the minimum of 1"),
        ([URL, "--ramp-up-time", "-1"], "--ramp-up-time: -1 is less than the minimum of 0"),
        ([URL, "--fail-if", "p98765 >"], "--fail-if"),
    ],
)
def test_what_is_wrong_is_told_by_the_name_of_the_flag(arguments, message, capsys):
    """Nobody has seen the config that is made of them."""
    assert main(["quick", *arguments, "--save", "-"]) == 2
    assert capsys.readouterr().err.startswith(f"tressi: {message}")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Authorization Bearer SECRET", "a header has a name, a colon and a value, as in 'Accept: text/html'"),
        ("My Secret: x", "what stands before the colon is no header name"),
        ("X-Key: SECRET\n", "the value of X-Key has the control character U+000A"),
        ("X-Key: SECRET€", "the value of X-Key has a character beyond Latin-1"),
    ],
)
def test_a_header_that_cannot_be_sent_is_refused_without_its_value(line, message, capsys):
    """It may be a secret."""
    for words in (["quick", URL, "-H", line], ["run", "x.json", "--header", line]):
        assert main(words) == 2
        said = " ".join(capsys.readouterr().err.split())
        assert message in said
        assert "SECRET" not in said


def test_the_config_is_the_one_that_runs():
    """What is saved is what would be sent: the same function makes both."""
    parser = parser_of("quick", load("quick"))
    arguments = parser.parse_args([URL, "--rps", "5"])
    assert quick_config(arguments, None) == {
        "duration": 10,
        "autoscale": {"enabled": True, "targetRps": 5, "maxWorkers": 10},
        "requests": [{"url": URL}],
    }
