"""What templates cost: CPU of the engine for each request, beside static requests of the same size, in pairs.

python -m bench.templated [--pairs 5] [--seconds 2] [--rows 1000000] [--load full …] [--pick sequential …]

A templated request has three holes, in its path, a header and its JSON body, which one row of a table fills. The cells of a
column are of one width, so that a static request has the very size of the templated ones. At full speed and at 5,000 RPS,
plain and over TLS, 64 connections; what is asked for is a ratio of 1.05 at most. nginx is on core 0, the rest on core 1.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from bench.measure import machine, request_cpu_us, spread, summary_of
from bench.servers import nginx

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SERVER_CORE, CLIENT_CORE = 0, 1
CONNECTIONS: Final = 64
ASKED: Final = 1.05
LOADS: Final[Mapping[str, Mapping[str, Any]]] = {
    "full": {},
    "rate": {"rps": 5000},
    "tls-full": {"tls": {"verify": False}},
    "tls-rate": {"rps": 5000, "tls": {"verify": False}},
}
PICKS: Final[Mapping[str, Any]] = {
    "sequential": "sequential",
    "random": "random",
    "zipf": {"zipf": 1.1},
    "weight": {"weight": "share"},
}
COLUMNS: Final = ("id", "name", "token", "share")


def cells(rows: int) -> Iterator[tuple[str, ...]]:
    """The rows of the table; the cells of a column are equally wide. The share is the weight of a row."""
    draw = random.Random(1)
    for row in range(rows):
        yield f"{row:07d}", f"user{row:07d}", f"{draw.getrandbits(128):032x}", str(draw.randint(1, 9))


def write_table(file: Path, rows: int) -> None:
    """Write the rows as CSV, below the names of their columns."""
    with file.open("w", encoding="ascii") as table:
        table.write(",".join(COLUMNS) + "\n")
        table.writelines(",".join(row) + "\n" for row in cells(rows))


def request(url: str, values: Mapping[str, str]) -> dict[str, Any]:
    """A request of a config with these values in its three places."""
    body = {"token": values["token"], "items": [{"sku": 4711, "quantity": 2}], "note": "leave it at the door"}
    fields = {"X-User": values["name"], "Accept": "application/json"}
    return {"url": f"{url}/users/{values['id']}/orders", "method": "POST", "headers": fields, "payload": body}


def static(url: str) -> dict[str, Any]:
    """A config whose request is the one of the first row, and without `data`."""
    return {"requests": [request(url, dict(zip(COLUMNS, next(cells(1)), strict=True)))]}


def templated(url: str, table: str, pick: str) -> dict[str, Any]:
    """A config whose three places are filled from a row of the table."""
    holes = {column: f"{{{{user.{column}}}}}" for column in COLUMNS}
    return {"data": {"user": {"file": table, "pick": PICKS[pick]}}, "requests": [request(url, holes)]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--load", nargs="+", choices=LOADS, default=list(LOADS))
    parser.add_argument("--pick", nargs="+", choices=PICKS, help="all, and over TLS sequential alone, where left out")
    arguments = parser.parse_args()
    print(machine())
    print(f"{arguments.rows:,} rows, {CONNECTIONS} connections; µs of CPU of the engine for a request, templated / static")
    with tempfile.TemporaryDirectory() as name, nginx(SERVER_CORE, secure=True) as server:
        write_table(Path(name, "users.csv"), arguments.rows)
        for load in arguments.load:
            secure = "tls" in LOADS[load]
            url = server.secure_url if secure else server.url
            for pick in arguments.pick or (["sequential"] if secure else list(PICKS)):
                shared = {"workers": CONNECTIONS, "duration": arguments.seconds, **LOADS[load]}
                both = [{**kind, **shared} for kind in (templated(url, "users.csv", pick), static(url))]
                print(_said(load, pick, _pairs(Path(name, "config.json"), both, arguments.pairs)), flush=True)


def _pairs(file: Path, both: list[dict[str, Any]], pairs: int) -> list[list[float]]:
    """CPU of both kinds for each pair; every other pair begins with the second."""
    found = []
    for number in range(pairs):
        order = (0, 1) if number % 2 == 0 else (1, 0)
        costs = {kind: request_cpu_us(summary_of(file, both[kind], core=CLIENT_CORE)) for kind in order}
        found.append([costs[0], costs[1]])
    return found


def _said(load: str, pick: str, pairs: list[list[float]]) -> str:
    """A line about one load and one kind of pick, with the verdict on the median."""
    ratios = [mine / bare for mine, bare in pairs]
    mine_us, bare_us = (median(side) for side in zip(*pairs, strict=True))
    verdict = "kept" if median(ratios) <= ASKED else f"above {ASKED}"
    return f"{load:9} {pick:11} {spread(ratios)}  {mine_us:6.2f} / {bare_us:6.2f} µs  {verdict}"


if __name__ == "__main__":
    main()
