"""Commands that need no file: `tressi quick` sends, and `tressi target` and `tressi init` give it a target."""

import json
import os
import signal
from contextlib import contextmanager

import pytest
from commands import BOUND_S, begun, tressi
from servers import answering, raw_server, response

from tressi.testing.target import Target

pytestmark = pytest.mark.timed


@contextmanager
def serving(*arguments):
    """`tressi target` while the block lasts: the process, and its address."""
    process = begun("target", *arguments)
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate(timeout=BOUND_S)


def test_a_quick_run_keeps_its_rate_and_sends_what_was_asked_for():
    """One endpoint with its pool, method, headers and body; the summary's config is the one that was made."""
    with raw_server(answering(response())) as server:
        done = tressi(
            *("quick", f"{server.url}x", "--rps", "50", "--duration", "1", "-H", "X-One: 1", "-H", "User-Agent:"),
            *("--data", "@-", "--json", "-", "--quiet"),
            input='{"a":1}',
        )
        (head,) = {request.head for request in server.requests}
        (body_bytes,) = {request.body_bytes for request in server.requests}

    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["config"]["autoscale"]["targetRps"] == 50
    assert summary["global"]["requestsMade"] == pytest.approx(50, abs=2)
    assert head.startswith(b"POST /x HTTP/1.1\r\n")
    assert b"\r\nX-One: 1\r\n" in head
    assert b"User-Agent" not in head
    assert b"\r\nContent-Type: application/json\r\n" in head
    assert body_bytes == 7


def test_without_a_rate_it_sends_as_fast_as_answers_come():
    """By the workers that were asked for."""
    with Target() as url:
        done = tressi("quick", f"{url}/fast", "--workers", "2", "--duration", "1", "--json", "-")
    assert done.returncode == 0, done.stderr
    assert "no rate is set: 2 workers send as fast as answers come" in done.stderr
    assert json.loads(done.stdout)["global"]["requestsMade"] > 100


def test_a_header_by_flag_goes_with_every_request_of_a_config(tmp_path):
    """Instead of the config's own of that name."""
    with raw_server(answering(response())) as server:
        config = {"duration": 1, "rps": 5, "requests": [{"url": server.url, "headers": {"x-one": "file"}}]}
        file = tmp_path / "config.json"
        file.write_text(json.dumps(config))
        done = tressi("run", str(file), "--header", "X-One: flag", "--quiet")
        heads = {request.head for request in server.requests}
    assert done.returncode == 0, done.stderr
    assert len(heads) == 1
    assert b"\r\nX-One: flag\r\n" in heads.pop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_target_serves_until_a_signal(number):
    """Its address is the one result, and to end it is no failure."""
    with serving("--port", "0") as (process, url):
        assert url.startswith("http://127.0.0.1:")
        done = tressi("quick", f"{url}/fast", "--rps", "20", "--duration", "1", "--quiet")
        assert done.returncode == 0, done.stderr
        os.kill(process.pid, number)
        out, err = process.communicate(timeout=BOUND_S)
        assert (process.returncode, out) == (0, "")
        shop = "a shop at /login, /items, /cart, /form and /shop"
        assert err == f"tressi: serves /fast, /slow, /flaky and /tide, and {shop}, until Ctrl-C\n"


def test_a_port_that_is_taken_is_told():
    """Bad input, with the place and the reason; so is an address that is not of this machine."""
    with serving("--port", "0") as (_, url):
        port = url.rpartition(":")[2]
        done = tressi("target", "--port", port)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == (
            f"tressi: --host and --port: nothing can be served on 127.0.0.1 port {port}: Address already in use;"
            " --port 0 takes a free one\n"
        )
    assert tressi("target", "--host", "192.0.2.1", "--port", "0").returncode == 2


def test_the_config_of_init_runs_as_it_stands(tmp_path):
    """Both of its forms: against the address it was given, and against `tressi target`."""
    with serving("--port", "0") as (_, url):
        own = tressi("init", f"{url}/fast", "-")
        starter = json.loads(tressi("init", "-").stdout)
        assert starter["baseUrl"] == "http://127.0.0.1:8080"
        files = {"own.json": own.stdout, "starter.json": json.dumps({**starter, "baseUrl": url})}
        for name, text in files.items():
            (tmp_path / name).write_text(text)
            done = tressi(str(tmp_path / name), "--duration", "2", "--ramp-up-time", "0", "--json", "-", "--quiet")
            assert done.returncode == 0, done.stderr
            assert json.loads(done.stdout)["global"]["requestsFailed"] == 0


@pytest.mark.parametrize("words", [[], ["run"]])
def test_a_bare_address_is_no_config(words):
    """It is most likely meant as a target; its secrets are not repeated."""
    done = tressi(*words, "http://127.0.0.1:1/x?token=abcdef")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("to send requests to this address: tressi quick http://127.0.0.1:1/x?token=***\n")
