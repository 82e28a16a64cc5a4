"""The journal of a run of the command line: what it leaves when it is killed, and what it does not hold."""

import signal
from io import BytesIO
from pathlib import Path

import msgpack
import orjson
import pytest
from commands import begun, tressi
from servers import raw_server

from tressi.run.journal import NAME
from tressi.store.records import Record, is_journal, records_of

pytestmark = pytest.mark.timed


def test_no_secret_is_in_a_journal(tmp_path):
    """Neither header nor user info nor body of a request: only what the summary shows."""
    config = {
        "requests": [{"url": "http://user:hunter2@127.0.0.1:9/a", "headers": {"Authorization": "Bearer t0psecret"}}],
        "duration": 1,
        "rps": 5,
    }
    (tmp_path / "config.json").write_bytes(orjson.dumps(config))
    tressi("run", "config.json", "--journal", "kept", "--quiet", cwd=tmp_path)
    file = BytesIO((tmp_path / "kept" / NAME).read_bytes())
    assert is_journal(file)
    kept = b"".join(msgpack.packb([record.kind, record.values]) for record in records_of(file) if isinstance(record, Record))
    assert b"head" in kept
    for secret in (b"hunter2", b"t0psecret"):
        assert secret not in kept


def answers(conversation):
    """Answer each request, and count it."""
    while conversation.request():
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def test_a_killed_run_is_recovered(tmp_path):
    """After a SIGKILL its journal gives every export, with no request that the server did not see."""
    served = []

    def script(conversation):
        while conversation.request():
            served.append(1)
            conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with raw_server(script) as server:
        (tmp_path / "config.json").write_bytes(
            orjson.dumps({"requests": [{"url": server.url}], "duration": 60, "rps": 50, "workers": 4})
        )
        with begun("run", "config.json", "--export", "out", "--stream", "-", "--quiet", cwd=tmp_path) as run:
            seen = 0
            for line in run.stdout:
                seen += orjson.loads(line)["type"] == "moment"
                if seen == 3:
                    break
            run.send_signal(signal.SIGKILL)
    assert not (tmp_path / "out" / "summary.json").exists()
    done = tressi("recover", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "what came after that is missing" in done.stderr
    summary = orjson.loads((tmp_path / "out" / "summary.json").read_bytes())
    assert summary["endReason"] == "error"
    made = summary["global"]["requestsMade"]
    assert 0 < made <= len(served)
    assert round(sum(row["global"]["currentRps"] * 1.0 for row in summary["timeline"])) == pytest.approx(made, rel=0.2)
    assert {"junit.xml", "summary.md", "timeline.csv", "latency.hlog", "report.html", NAME} <= {
        path.name for path in Path(tmp_path / "out").iterdir()
    }


def test_the_journal_goes_once_the_results_are_written(tmp_path):
    """With --journal it stays, and an earlier one is never overwritten."""
    with raw_server(answers) as server:
        (tmp_path / "config.json").write_bytes(orjson.dumps({"requests": [{"url": server.url}], "duration": 1, "rps": 20}))
        for flags in (["--export", "out"], ["--journal", "kept"], ["--journal", "kept"]):
            done = tressi("run", "config.json", "--quiet", *flags, cwd=tmp_path)
            assert done.returncode == 0, done.stderr
    assert not (tmp_path / "out" / NAME).exists()
    assert len(list((tmp_path / "kept").iterdir())) == 2
    assert "is of an earlier run: it is kept as" in done.stderr
