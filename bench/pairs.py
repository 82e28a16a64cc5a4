"""Hold this checkout against another one, in pairs: what a change costs, from one connection to a thousand endpoints.

python -m bench.pairs OTHER [--pairs 7] [--seconds 3] [--load full-64 …]

OTHER is the folder of a checkout whose modules are built (`python setup.py build_ext --inplace`). nginx is on core 0; the
command line with its engine is on core 1, one checkout at a time, in turn.
"""

from __future__ import annotations

import argparse
import json
import math
import shlex
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.measure import WARM_UP_S, Figures, machine, measure, spread
from bench.servers import nginx

if TYPE_CHECKING:
    from bench.servers import Nginx

SERVER_CORE, CLIENT_CORE = 0, 1
HERE = Path(__file__).resolve().parent.parent
# What each load has besides the duration; a thousand endpoints share the rate.
LOADS: dict[str, dict[str, Any]] = {
    "full-1": {"workers": 1},
    "full-64": {"workers": 64},
    "full-1000": {"workers": 1000},
    "tls-64": {"workers": 64, "tls": {"verify": False}},
    "rate-1000": {"workers": 64, "rps": 1000},
    "rate-10000": {"workers": 64, "rps": 10_000},
    "endpoints-1000": {"workers": 64, "rps": 10_000, "endpoints": 1000},
    "close-64": {"workers": 64, "keepAlive": False},
    "tls-close-64": {"workers": 64, "keepAlive": False, "tls": {"verify": False}},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, help="the folder of the other checkout")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--load", nargs="+", choices=LOADS, default=list(LOADS))
    arguments = parser.parse_args()
    print(machine())
    print(f"{'this / the other':16s}  {'requests per second':32s}  CPU time per request")
    for name in arguments.load:
        with nginx(SERVER_CORE, secure="tls" in LOADS[name]) as server, tempfile.TemporaryDirectory() as folder:
            rows = _pairs(name, server, Path(folder), arguments)
        rps = spread([ours.rps / theirs.rps for ours, theirs in rows])
        print(f"{name:16s}  {rps:32s}  {spread([ours.cpu_us / theirs.cpu_us for ours, theirs in rows])}", flush=True)


def _pairs(name: str, server: Nginx, folder: Path, arguments: argparse.Namespace) -> list[tuple[Figures, Figures]]:
    document = dict(LOADS[name])
    url = server.secure_url if "tls" in document else server.url
    paths = [f"/{number}" for number in range(document.pop("endpoints", 1))]
    seconds = math.ceil(WARM_UP_S + arguments.seconds + 3)
    document |= {"requests": [{"url": url + path} for path in paths], "duration": seconds}
    config = folder / "config.json"
    config.write_text(json.dumps(document), encoding="ascii")
    found = []
    for number in range(arguments.pairs):
        # Each begins as often as the other.
        both = (HERE, arguments.other.resolve())
        order = both if number % 2 == 0 else both[::-1]
        figures = {checkout: measure(_command(checkout, config), server, arguments.seconds, CLIENT_CORE) for checkout in order}
        found.append((figures[both[0]], figures[both[1]]))
    return found


def _command(checkout: Path, config: Path) -> list[str]:
    """Run the config with the package that lies in the checkout."""
    words = shlex.join([sys.executable, "-m", "tressi", "run", str(config), "--quiet"])
    return ["sh", "-c", f"cd {shlex.quote(str(checkout))} && exec {words}"]


if __name__ == "__main__":
    main()
