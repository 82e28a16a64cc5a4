"""The typical job of the comparison: what is told apart in the log of its target, and the commands of the tools."""

import json
from pathlib import Path

import pytest
from each import each

from bench.job import ANSWER, FILES, TOKEN, faults, files_of, users
from bench.peers import PEERS
from bench.scenarios import JOB_PATH, SCENARIOS, Run

pytestmark = pytest.mark.pure

JOB = next(scenario for scenario in SCENARIOS if scenario.is_job)
ROWS = [row for _, row in zip(range(1000), users(), strict=False)]


def line(row, quantity=1, **instead):
    """What the target writes of the order of a user."""
    body = json.dumps({"name": row[1], "email": row[2], "quantity": quantity})
    request = {"method": "POST", "path": f"/users/{row[0]}/orders", "token": f"Bearer {TOKEN}", "status": "200"}
    return json.dumps(request | {"type": "application/json", "body": body} | instead)


def log(**instead):
    """The orders of many users, and one more that has something else."""
    return [*(line(row, 1 + number % 5) for number, row in enumerate(ROWS)), line(ROWS[7], **instead)]


def test_the_job_as_it_should_be_has_no_fault():
    """What every tool is asked for passes, with a charset beside the type and with blanks in the body."""
    assert faults(log()) == []
    assert faults(log(type="application/json; charset=utf-8")) == []


@each(
    ("instead", "fault"),
    [
        ({"method": "GET"}, "another method or path"),
        ({"path": "/users/7"}, "another method or path"),
        ({"path": "/users/{{id}}/orders"}, "another method or path"),
        ({"path": "/users/8/orders"}, "another body"),
        ({"token": "Bearer undefined"}, "another token"),
        ({"type": ""}, "another content type"),
        ({"status": "502"}, "another status"),
        ({"body": ""}, "another body"),
        ({"body": "[1]"}, "another body"),
        ({"quantity": 0}, "another body"),
        ({"quantity": "3"}, "another body"),
        ({"quantity": True}, "another body"),
    ],
)
def test_one_wrong_request_among_many_is_found(instead, fault):
    """Whatever one request has of its own is named, and the request is shown."""
    quantity = {key: instead[key] for key in instead if key == "quantity"}
    fields = {key: instead[key] for key in instead if key != "quantity"}
    said = faults([*log(), line(ROWS[7], **quantity, **fields)])
    assert len(said) == 1
    assert said[0].startswith(f"{fault}: {{")


def test_one_user_again_and_again_is_no_draw():
    """A tool whose users keep their rows does less than it is asked for."""
    assert faults([line(ROWS[number % 64], 1 + number % 5) for number in range(1000)]) == ["the users are not drawn at random"]


def test_a_quantity_that_is_not_drawn_is_found():
    """The number in the body is one of five, and all five occur."""
    assert faults([line(row, 3) for row in ROWS]) == ["the quantities are not drawn from 1 to 5"]


def test_hardly_any_request_is_a_fault():
    """A tool that did not begin has not done the job."""
    assert faults([]) == ["0 requests are too few to tell"]


@pytest.mark.parametrize("peer", [peer for peer in PEERS if peer.job], ids=lambda peer: peer.name)
def test_each_tool_gets_its_own_files_and_the_same_job(peer, tmp_path):
    """The files lie beside the table, the command names them, and all tools have the same environment."""
    run = Run(JOB, "http://127.0.0.1:8080" + JOB_PATH, 5, tmp_path, 160)
    words = peer.way(JOB)("binary", run)
    said = ["JOB_URL=http://127.0.0.1:8080", f"JOB_TOKEN={TOKEN}", "JOB_CONNECTIONS=64", "JOB_SECONDS=5"]
    assert words[:5] == ["env", *said]
    assert "binary" in words
    assert Path(next(word for word in words if str(tmp_path) in word)) in {tmp_path / file.name for file in files_of(words)}
    assert len((tmp_path / "users.csv").read_text().splitlines()) == 1 + len(list(users()))
    for file in files_of(words):
        assert (tmp_path / file.name).read_bytes() == file.read_bytes()


def test_every_file_of_the_job_belongs_to_a_tool(tmp_path):
    """No file is left of a tool that is no longer compared."""
    run = Run(JOB, "http://127.0.0.1:8080" + JOB_PATH, 5, tmp_path, 160)
    used = {file for peer in PEERS if peer.job for file in files_of(peer.job("binary", run))}
    assert used == {file for file in FILES.iterdir() if file.is_file()}


def test_the_answer_passes_the_check():
    """What nginx answers is what the tools are told to expect."""
    assert json.loads(ANSWER)["ok"] is True
