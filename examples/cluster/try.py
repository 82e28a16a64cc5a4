"""Run a config over a cluster of three nodes that is made on this machine, and take all of it down again.

    python examples/cluster/try.py                          # load.json, against tressi's own target
    python examples/cluster/try.py --nodes 2 -- --duration 60 --dashboard
    python examples/cluster/try.py my.json -- --base-url http://10.77.0.1:8080

What follows `--` is given to `tressi run`. As root on Linux each node has a network namespace; elsewhere, or with --plain, the
nodes are processes side by side. Ctrl-C ends the run early, and its results are shown.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from machines import Machines, may_isolate

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent


def main() -> int:
    """Make the cluster, show it, run the config on it; returns the exit code of the run."""
    arguments, further = parsed(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is taken down
    isolated = not arguments.plain and may_isolate()
    apart = "each with a network of its own" if isolated else "side by side on this machine's loopback address"
    tell(f"starting a Ray cluster of {arguments.nodes} nodes, {apart}; this takes some ten seconds")
    with Machines(arguments.nodes, arguments.cpus, isolated=isolated) as machines, target(machines.host) as url:
        common = ["--cluster", machines.address]
        where = [] if "--base-url" in further else ["--base-url", url]
        count = ["--nodes", str(arguments.nodes), "--nodes-wait", "120"]
        code = tressi(machines, "run", arguments.config, *where, *common, *count, *further)
        tell("the cluster as `tressi nodes` shows it")
        tressi(machines, "nodes", *common)
        tell("taking the cluster down")
    return code


def parsed(given: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The script's own arguments, and those behind `--`."""
    own, further = (given[: given.index("--")], given[given.index("--") + 1 :]) if "--" in given else (given, [])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", nargs="?", default=str(HERE / "load.json"))
    parser.add_argument("--nodes", type=int, default=3, choices=range(1, 10), metavar="N", help="default: 3")
    parser.add_argument("--cpus", type=int, default=2, metavar="N", help="CPUs that Ray counts on each node (default: 2)")
    parser.add_argument("--plain", action="store_true", help="processes side by side, no network namespaces")
    return parser.parse_args(own), further


@contextmanager
def target(host: str) -> Iterator[str]:
    """The URL of tressi's own target, which every node reaches."""
    command = [sys.executable, "-m", "tressi", "target", "--host", host, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield process.stdout.readline().strip() if process.stdout else ""
        finally:
            process.terminate()


def tressi(machines: Machines, *arguments: str) -> int:
    """Do a command of tressi as a member of the cluster; returns its exit code."""
    tell(f"tressi {' '.join(arguments)}")
    with subprocess.Popen([sys.executable, "-m", "tressi", *arguments], env=machines.environment) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue  # the terminal has told tressi too, which ends the run and shows its results
            except SystemExit:
                process.terminate()
                raise


def tell(what: str) -> None:
    """Say what happens, apart from tressi's own words."""
    print(f"\n--- {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
