"""What being watched costs the measurement: everything that shows or exports on, against everything off, in turn.

python -m bench.watched [--rounds 5] [--seconds 10] [--rate 2000] [--endpoints 4] [--browsers 2]

On is: the live terminal (on a terminal of its own), the dashboard with real browsers, Prometheus scraped every second, the
stream of snapshots, and all exports. Browsers stand for people elsewhere: they yield to everything else on this machine.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING
from urllib.request import urlopen

from bench.measure import machine, spread
from bench.servers import free_port, nginx

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVER_CORE = 0
OVER = b"the run is over"
ADDRESS = re.compile(rb"http://127\.0\.0\.1:\d+/[\w./?=&%-]*")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--endpoints", type=int, default=4)
    parser.add_argument("--browsers", type=int, default=2)
    arguments = parser.parse_args()
    if shutil.which("chromium") is None:
        sys.exit("chromium is missing: apt-get install chromium")
    print(machine())
    with nginx(SERVER_CORE) as server, tempfile.TemporaryDirectory() as name:
        config = Path(name, "config.json")
        config.write_text(json.dumps(_document(server.url, arguments)), encoding="ascii")
        pairs = []
        for number in range(arguments.rounds):
            off, on = _unwatched(config), _watched(config, Path(name, f"round-{number}"), arguments.browsers)
            pairs.append((off, on))
            print(f"round {number + 1}: off {_row(off)}\n         on  {_row(on)}", flush=True)
    for figure in off:
        print(f"{figure + ', on / off:':28}{spread([on[figure] / off[figure] for off, on in pairs if off[figure]])}")


def _document(url: str, arguments: argparse.Namespace) -> dict:
    each = {"enabled": True, "targetRps": arguments.rate // arguments.endpoints}
    requests = [{"url": f"{url}/?{number}", "autoscale": each} for number in range(arguments.endpoints)]
    return {"requests": requests, "workers": 8 * arguments.endpoints, "duration": arguments.seconds}


def _unwatched(config: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "tressi", "run", str(config), "--quiet", "--json", "-"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    with _showing(process) as shown:
        output = process.stdout.read() if process.stdout else b""
        process.wait()
    return _figures(json.loads(output), shown)


def _watched(config: Path, folder: Path, browsers: int) -> dict[str, float]:
    prometheus, dashboard = free_port(), free_port()
    flags = [f"--dashboard=127.0.0.1:{dashboard}", f"--prometheus=127.0.0.1:{prometheus}"]
    flags += [f"--export={folder}", f"--stream={folder}.jsonl"]
    command = [sys.executable, "-m", "tressi", "run", str(config), *flags]
    ours, its = pty.openpty()
    process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, start_new_session=True)
    os.close(its)
    with ExitStack() as stack, ExitStack() as people:
        shown = stack.enter_context(_showing(process))
        scraper = threading.Thread(target=_scrape, args=(f"http://127.0.0.1:{prometheus}/metrics", process), daemon=True)
        scraper.start()
        started = False
        for text in _said(ours):
            found = None if started else next((one for one in ADDRESS.findall(text) if b"%d" % dashboard in one), None)
            if found:
                started = True
                for number in range(browsers):
                    people.enter_context(_browser(found.decode(), Path(f"{folder}-browser-{number}")))
            if OVER in text:
                people.close()  # the dashboard stays as long as somebody looks
        process.wait()
    if not started:
        raise RuntimeError("the dashboard did not say its address")
    return _figures(json.loads((folder / "summary.json").read_text(encoding="utf-8")), shown)


def _said(terminal: int) -> Iterator[bytes]:
    """What is written to a terminal, each time with what was there before, until nobody writes any more."""
    text = b""
    with suppress(OSError), os.fdopen(terminal, "rb", buffering=0) as stream:
        while more := stream.read(1 << 16):
            text = (text + more)[-(1 << 17) :]
            yield text


def _scrape(url: str, process: subprocess.Popen) -> None:
    """What a Prometheus does, every second until the run is over."""
    while process.poll() is None:
        with suppress(OSError), urlopen(url, timeout=5) as answer:
            answer.read()
        with suppress(subprocess.TimeoutExpired):
            process.wait(1)


@contextmanager
def _browser(url: str, profile: Path) -> Iterator[None]:
    command = ["chrt", "--idle", "0", "taskset", "-c", str(SERVER_CORE), "chromium", "--headless=new", "--no-sandbox"]
    command += ["--disable-gpu", "--remote-debugging-port=0", f"--user-data-dir={profile}", url]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    # Where the kernel groups processes by session, the group has a priority of its own (sched(7)).
    with suppress(OSError):
        Path(f"/proc/{process.pid}/autogroup").write_text("19", encoding="ascii")
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def _showing(process: subprocess.Popen) -> Iterator[dict[str, float]]:
    """The CPU of the command line's own process, the engine's left out, in percent of one core once the block is over."""
    shown = {"showing": 0.0}
    begun = monotonic()

    def watch() -> None:
        while process.poll() is None:
            with suppress(OSError):
                ns = sum(
                    int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{process.pid}/task").iterdir()
                )
                shown["showing"] = ns / 1e7 / (monotonic() - begun)
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.2)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield shown
    finally:
        thread.join()


def _figures(summary: dict, shown: dict[str, float]) -> dict[str, float]:
    total, generator = summary["global"], summary["generator"]
    return {
        "engine CPU µs/request": generator["cpuPercent"] * 1e4 * summary["durationSec"] / total["requestsMade"],
        "p50 ms": total["serviceTimeMs"]["p50"],
        "p99 ms": total["serviceTimeMs"]["p99"],
        "own delay p99 ms": generator["ownDelayMs"]["p99"],
        "late sends p99 ms": generator["lateSendsMs"]["p99"],
        "rate": total["rps"],
        "CPU % of showing": shown["showing"],
    }


def _row(figures: dict[str, float]) -> str:
    return "   ".join(f"{name} {value:.3f}" for name, value in figures.items())


if __name__ == "__main__":
    main()
