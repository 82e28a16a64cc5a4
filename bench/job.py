"""A typical job of a load test, the same for each tool: orders of users from a table, with a token, and a check of the answer.

The files of each tool are in `bench/job_files`. Whether a tool does the job is read from the log of the target.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench.scenarios import JOB_PATH

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bench.scenarios import Run

FILES: Final = Path(__file__).with_name("job_files")
ABOUT: Final = (
    "Each request is the order of a user who is drawn from a CSV file of 10,000: his id in the path, his name, his address and"
    " a number drawn from 1 to 5 in a JSON body, a bearer token from the environment. The status must be 200 and `ok` in the"
    " JSON of the answer true. [The files](../bench/job_files) that the tools are given do no more than that; before a tool is"
    " timed, the log of the target is held against the table."
)
ANSWER: Final = b'{"ok": true, "order": 4711}'
TOKEN: Final = "job-token-0123456789abcdef"
USERS: Final = 10_000
QUANTITIES: Final = range(1, 6)
# What nginx writes of a request, as an object of JSON; `faults` reads it.
LOG: Final = (
    '{"method": "$request_method", "path": "$request_uri", "token": "$http_authorization",'
    ' "type": "$content_type", "status": "$status", "body": "$request_body"}'
)
TELLING: Final = 1000  # requests that tell whether a tool does the job
_ENOUGH: Final = 200  # so many at least, so that chance does not leave out a quantity
_CUT: Final = "499"  # nginx's own status of a request whose client has left: the tool is ended while it sends


def users() -> Iterator[tuple[str, str, str]]:
    """Id, name and address of each user."""
    for number in range(USERS):
        yield str(number), f"User {number}", f"user{number}@example.test"


def command(words: Sequence[str], run: Run) -> list[str]:
    """The words of a tool in the environment of the job; those that name one of the job's files are made to name its copy."""
    with (run.folder / "users.csv").open("w", encoding="ascii") as table:
        table.write("id,name,email\n")
        table.writelines(",".join(user) + "\n" for user in users())
    for file in FILES.iterdir():
        shutil.copy(file, run.folder)
    set_to = {
        "JOB_URL": run.url.removesuffix(JOB_PATH),
        "JOB_TOKEN": TOKEN,
        "JOB_CONNECTIONS": run.scenario.connections,
        "JOB_SECONDS": run.seconds,
    }
    copies = [str(run.folder / word) if (FILES / word).is_file() else word for word in words]
    return ["env", *(f"{name}={value}" for name, value in set_to.items()), *copies]


def files_of(command_words: Sequence[str]) -> list[Path]:
    """The job's files that a command uses: the one that it names, and others of the same name."""
    named = {Path(word).stem for word in command_words if (FILES / Path(word).name).is_file()}
    return sorted(file for file in FILES.iterdir() if file.stem in named)


def faults(log: Sequence[str]) -> list[str]:
    """What in a log of the target is not as the job says, each kind once, with the first request that shows it."""
    table = {row[0]: row for row in users()}
    requests = [json.loads(line) for line in log]
    found: dict[str, str] = {}
    for request in requests:
        for fault in _faults_of(request, table):
            found.setdefault(fault, json.dumps(request))
    said = [f"{fault}: {request}" for fault, request in found.items()]
    if len(requests) < _ENOUGH:
        return [*said, f"{len(requests)} requests are too few to tell"]
    if len({request["path"] for request in requests}) < min(len(requests), USERS) / 2:
        said.append("the users are not drawn at random")
    if not said and {json.loads(request["body"])["quantity"] for request in requests} != set(QUANTITIES):
        said.append("the quantities are not drawn from 1 to 5")
    return said


def _faults_of(request: Mapping[str, str], table: Mapping[str, tuple[str, str, str]]) -> Iterator[str]:
    words = request["path"].split("/")
    row = table.get(words[2]) if len(words) == 4 and words[1::2] == ["users", "orders"] else None
    if request["method"] != "POST" or row is None:
        yield "another method or path"
    if request["token"] != f"Bearer {TOKEN}":
        yield "another token"
    if request["type"].partition(";")[0] != "application/json":
        yield "another content type"
    if request["status"] not in ("200", _CUT):
        yield "another status"
    if row is not None and not _is_order(request["body"], row):
        yield "another body"


def _is_order(text: str, row: tuple[str, str, str]) -> bool:
    """Whether a body has the name and the address of the row, a quantity, and nothing else."""
    try:
        body: Any = json.loads(text)
    except ValueError:
        return False
    if not isinstance(body, dict) or type(body.get("quantity")) is not int or body["quantity"] not in QUANTITIES:
        return False
    return body == {"name": row[1], "email": row[2], "quantity": body["quantity"]}
