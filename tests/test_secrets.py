"""Nothing that a run sends as a secret comes out of it, whatever the target makes of it."""

import html
import json
import os
import re
import stat
from base64 import b64encode
from urllib.parse import quote

import pytest
import structlog
from commands import tressi
from config_messages import message_of
from servers import raw_server, response
from test_config_fetch import served  # noqa: F401 - a fixture

from tressi import EndpointRunner, load_config
from tressi.cli import main
from tressi.config.overrides import Overrides
from tressi.load.messages import decode, encode
from tressi.load.plan import make_plan
from tressi.load.redirect import redirected
from tressi.testing.fake_engine import FakeEngine

pytestmark = pytest.mark.timed

WORDS = {
    "Authorization": "Bearer authorization-value-6f1c",
    "Cookie": "sid=cookie-value-6f1c",
    "X-Api-Key": 'api/key"value-6f1c',
    "X-Csrf-Token": "csrf-token-value-6f1c",
    "X-Mine": "mine-and-mine-alone-6f1c",
}
PASSWORD, PARAMETER = "p@ss-word-value-6f1c", "parameter-value-6f1c"
TENANT, REGION = 'tenant "value-6f1c', "region-value-6f1c"


def echo(conversation):
    """Sends back what came, as it came and as frameworks write it, with a status that fails."""
    while (seen := conversation.request()) is not None:
        head = seen.head.decode("latin-1")
        body = "\n".join([head, json.dumps(head), html.escape(head), quote(head), b64encode(head.encode()).decode()])
        conversation.send(response("500 Oops", body=body.encode("latin-1")))


@pytest.fixture(scope="module")
def echoed(tmp_path_factory):
    """The results of a run against such a target: all that it wrote and said. They are only read."""
    tmp_path = tmp_path_factory.mktemp("echoed")
    with raw_server(echo) as server:
        url = server.url.replace("//", f"//ann:{quote(PASSWORD)}@", 1) + f"?api_key={PARAMETER}&page=2"
        url += f"&region={REGION}"
        (tmp_path / ".env").write_text(f"TENANT='{TENANT}'\n")
        headers = {**WORDS, "X-Tenant": "<${TENANT}>"}
        config = tmp_path / "config.json"
        config.write_text(json.dumps({"duration": 1, "rps": 20, "headers": headers, "requests": [{"url": url}]}))
        config.chmod(0o600)
        results = tmp_path / "results"
        flags = ["--mask-header", "x-mine", "--export", results, "--no-ui"]
        flags += ["--env-file", tmp_path / ".env", "--mask", "query:region"]
        flags += ["--json", results.with_suffix(".json"), "--stream", tmp_path / "results.jsonl"]
        ended = tressi(config, *flags, text=False)
        assert ended.returncode == 1, ended.stderr
        assert server.requests
    return results, ended


def files_of(results):
    return [*results.iterdir(), results.with_suffix(".json"), results.with_suffix(".jsonl")]


def test_no_secret_comes_out_of_a_run_against_a_target_that_echoes(echoed):
    """In no file and no line: as it is, quoted, percent-encoded or in base64."""
    results, ended = echoed
    files = files_of(results)
    said = {path.name: path.read_bytes() for path in files} | {"stdout": ended.stdout, "stderr": ended.stderr}
    assert len(said) >= 12
    whole = b64encode(b"ann:" + PASSWORD.encode()).decode()
    secrets = [word.removeprefix("Bearer ").removeprefix("sid=") for word in WORDS.values()] + [PASSWORD, PARAMETER, whole]
    secrets += [TENANT, REGION]
    for secret in secrets:
        for form in (
            secret,
            json.dumps(secret)[1:-1],
            html.escape(secret),
            quote(secret, safe=""),
            b64encode(secret.encode())[4:-6].decode(),
        ):
            for name, data in said.items():
                assert form.encode() not in data, f"{form} is in {name}"
    summary = json.loads((results / "summary.json").read_bytes())
    assert "6f1c" not in json.dumps(summary)
    assert "page=2" in summary["samples"][0]["body"]
    assert "***" in summary["samples"][0]["body"]
    assert summary["config"]["headers"] == {**dict.fromkeys(WORDS, "***"), "X-Tenant": "<${TENANT}>"}
    assert summary["endpoints"][0]["endpointKey"].endswith("?api_key=***&page=2&region=***")


def test_results_are_for_their_owner_alone(echoed):
    """They quote what the target said, which is not for everybody on the machine."""
    results, _ = echoed
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in files_of(results)}
    assert set(modes.values()) == {0o600}, modes
    assert stat.S_IMODE(results.stat().st_mode) == 0o700


@pytest.mark.parametrize(("given", "files", "folder"), [("0644", 0o644, 0o755), ("640", 0o640, 0o750), (None, 0o600, 0o700)])
def test_who_may_read_the_files_of_a_report_can_be_told(echoed, tmp_path, given, files, folder):
    """As in chmod; the process's own mask is what it was afterwards."""
    results, _ = echoed
    before = os.umask(0o022)
    os.umask(before)
    flags = [] if given is None else ["--export-mode", given]
    assert main(["report", str(results / "summary.json"), "-o", str(tmp_path / "again"), *flags]) == 0
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "again").iterdir()} == {files}
    assert stat.S_IMODE((tmp_path / "again").stat().st_mode) == folder
    assert os.umask(before) == before


@pytest.mark.parametrize("mode", ["0755", "0400", "x", "", "-1", "9"])
def test_a_mode_that_is_none_for_results_is_refused(mode, capsys):
    """They must be ours to write, and are no programs."""
    assert main(["report", "s.json", "-o", "d", f"--export-mode={mode}"]) == 2
    assert "0600 to 0666" in capsys.readouterr().err


def test_the_password_of_a_configs_address_is_in_no_message(served, monkeypatch):  # noqa: F811 - the fixture
    """Whatever is wrong with what the address gives: it is named without its user info and its secret parameters."""
    monkeypatch.setenv("SSL_CERT_FILE", str(served.certificate))
    path = f"/c.json?token={PARAMETER}"
    for status, headers, body in [
        (200, {}, b"<html>no"),
        (200, {}, b'{"rps": '),
        (200, {}, b""),
        (200, {}, b"\xff\xfe"),
        (200, {}, b"[" * 2000),
        (404, {}, b""),
        (200, {"Content-Encoding": "br"}, b"x"),
        (302, {"Location": f"http://ann:{PASSWORD}@h/?token={PARAMETER}"}, b""),
        (302, {"Location": f"https://ann:{PASSWORD}@[::/?token={PARAMETER}"}, b""),
    ]:
        served.pages[path] = (status, headers, body)
        message = message_of(f"https://ann:{PASSWORD}@127.0.0.1:{served.port}{path}")
        assert "6f1c" not in message, message
        assert "127.0.0.1" in message


def test_a_failure_in_a_library_that_has_set_up_no_log_shows_no_variables(capfd):
    """The way of structlog by itself prints those of every function on the way, with rich."""
    structlog.reset_defaults()

    class Broken(FakeEngine):
        def build(self, plan):
            headers = dict(re.findall(r"([\w-]+): (.*)\r\n", plan.endpoints[0].requests[0].rendering.head[0].decode()))
            raise ValueError(f"no {headers['X-Api-Key']}")

    runner = EndpointRunner(load_config({"rps": 1, "headers": WORDS, "requests": [{"url": "http://h/"}]}), engine=Broken())
    runner.on("start", lambda _config: None)
    runner.start()
    summary = runner.summary()
    said = capfd.readouterr()
    assert "ValueError" in said.out + said.err
    assert "6f1c" not in said.out + said.err
    assert summary["endDetail"] == "ValueError: no ***"


def test_a_header_that_is_named_a_secret_goes_to_no_other_origin():
    """`--mask-header` says what is one, over the border to an engine's process too."""
    config = load_config(
        {"followRedirects": True, "headers": WORDS, "requests": [{"url": "http://h/"}]},
        Overrides(mask_headers=("x-MINE",), transport="urllib3"),
    )
    plan = decode(encode({"plan": make_plan(config, {0: 1})}))["plan"]
    there = redirected(plan.endpoints[0].requests[0].call, 302, [b"http://other/"], 0)
    assert not {name for name, _ in there.headers} & set(WORDS)
    here = redirected(plan.endpoints[0].requests[0].call, 302, [b"/next"], 0)
    assert {name for name, _ in here.headers} >= set(WORDS)
