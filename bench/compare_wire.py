"""How often `tressi compare` is wrong over loopback: two served targets, of which the second is slower by a known share."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory


def served(median_ms: float) -> subprocess.Popen[str]:
    """A target of its own process, which ends with its standard input."""
    command = [sys.executable, "-m", "bench.delayed", str(median_ms)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def over_the_wire(comparisons: int, effect: float, pairs: int) -> dict[str, int]:
    """What the command says of two served targets of which the second is slower by so much, how often."""
    words: dict[str, int] = {}
    with TemporaryDirectory() as folder, served(20.0) as one, served(20.0 * (1 + effect)) as other:
        config = Path(folder) / "config.json"
        endpoint = {"url": "/", "autoscale": {"enabled": True, "targetRps": 200, "maxWorkers": 50}}
        config.write_text(json.dumps({"requests": [endpoint]}), encoding="utf-8")
        first, second = (target.stdout.readline().strip() for target in (one, other))
        for number in range(comparisons):
            done = subprocess.run(
                [
                    *(sys.executable, "-m", "tressi", "compare", str(config), "--base-url", first, "--versus", second),
                    *("--pairs", str(pairs), "--primary", "p50", "--seed", str(number), "--json", "-", "--quiet"),
                ],
                capture_output=True,
                text=True,
                check=False,
            )
            said = json.loads(done.stdout)
            p50 = next(one for one in said["metrics"] if one["primary"])
            print(json.dumps({"effect": effect, "verdict": said["verdict"], **p50}), file=sys.stderr, flush=True)
            words[said["verdict"]] = words.get(said["verdict"], 0) + 1
        for target in (one, other):
            target.stdin.close()
    return words
