"""How often `tressi compare` is wrong, and what it finds: false alarms, power and drift, by design.

    python -m bench.compare_calibration [--comparisons 200] [--seed 1] [--endpoints 1 20] [--out cells.jsonl]
    python -m bench.compare_calibration --svg docs/comparing-drift.svg
    python -m bench.compare_calibration --wire 5 --pairs 30

Most of it is virtual time: the response times of a target are drawn, second by second, and compared by the very functions that
the command uses. What is drawn: log-normal response times (sigma 0.5, median 10 ms) times three factors that whole seconds
share. A run has a factor of its own (7 % from run to run); a second has one that remembers the seconds before it (5 %, and 0.6
of it is that of the second before); and a drift slows the target in a straight line. Endpoints share the last two, and a tenth
of the run's. `--wire N` adds N comparisons of a served target with itself, over loopback.

The naive test beside it is Welch's t over all requests, as if each were a repetition.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.compare_wire import over_the_wire
from bench.drift_picture import drift_picture
from tressi._core import Histogram
from tressi._histogram import Packed
from tressi.compare.exported import Part, Spread, contrasted, failure_share, percentiles, sure, values_of
from tressi.compare.interleaved import Measured, interleaved
from tressi.compare.result import FAILURES
from tressi.compare.verdict import ALPHA, concluded, judged
from tressi.stats.contrast import levels_of_looks
from tressi.stats.spending import PAIRS as LOOKS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tressi.compare.result import Comparison, Estimate

MEDIAN_US, SIGMA = 10_000.0, 0.5
RUN, SECOND, MEMORY = 0.07, 0.05, 0.6
# The normal distribution in 280 pieces; their places move with each second's own level, so they are on no grid.
LOGS = SIGMA * np.arange(-4.2, 4.2, 0.03)
SHARES = np.exp(-((LOGS / SIGMA) ** 2) / 2)
SHARES /= SHARES.sum()
PRIMARY = ("p99", FAILURES)
EFFECTS = (0.01, 0.02, 0.05, 0.10)
PAIRS, GUARD_S = 40, 1
MARGIN = 0.05
DRIFT = 0.2


@dataclass(frozen=True)
class Scale:
    """How many endpoints there are, and how much each answers.

    Requests a second and seconds of a block; the same of a run by itself, and how many runs there are a side.
    """

    endpoints: int
    block_rps: int
    block_s: int
    run_rps: int
    run_s: int
    runs: int


SCALES = {1: Scale(1, 1000, 2, 200, 30, 4), 20: Scale(20, 150, 2, 60, 30, 8)}


@dataclass
class Sample:
    """The answers of one endpoint over some seconds, for both kinds of test."""

    histogram: Histogram = field(default_factory=Histogram)
    seconds: list[tuple[float, Packed]] = field(default_factory=list)
    count: int = 0
    total: float = 0.0
    squares: float = 0.0


def courses(random: np.random.Generator, length: int, drift: float) -> np.ndarray:
    """The log factor of each second of a machine: with memory, and a drift from start to end."""
    shocks = random.normal(0, SECOND * math.sqrt(1 - MEMORY**2), length)
    level = np.empty(length)
    now = random.normal(0, SECOND)
    for place in range(length):
        now = MEMORY * now + shocks[place]
        level[place] = now
    return level + np.log1p(drift * np.arange(length) / max(1, length - 1))


def sampled(random: np.random.Generator, rps: int, levels: Sequence[float]) -> Sample:
    """So many seconds, each at its log factor."""
    sample = Sample()
    for place, level in enumerate(levels):
        count = int(random.poisson(rps))
        counts = random.multinomial(count, SHARES)
        drawn = np.flatnonzero(counts)
        values, counts = MEDIAN_US * np.exp(level + LOGS[drawn]), counts[drawn]
        second = Histogram()
        for value, number in zip(values.astype(np.int64).tolist(), counts.tolist(), strict=True):
            second.record(value, number)
        sample.histogram.merge(second)
        sample.seconds.append((place + 1.0, Packed(second.zigzag())))
        sample.count += count
        sample.total += float((counts * values).sum())
        sample.squares += float((counts * values**2).sum())
    return sample


def naive(pairs: Sequence[tuple[Sample, Sample]]) -> bool:
    """Whether Welch's t over the requests of any endpoint says that the sides differ."""
    for a, b in pairs:
        means = [one.total / one.count for one in (a, b)]
        errors = [(one.squares / one.count - mean**2) / one.count for one, mean in zip((a, b), means, strict=True)]
        if abs(means[1] - means[0]) > 1.96 * math.sqrt(sum(errors)):
            return True
    return False


def added(samples: Sequence[Sample]) -> Sample:
    """All of them as one."""
    whole = Sample()
    for one in samples:
        whole.histogram.merge(one.histogram)
        whole.count += one.count
        whole.total += one.total
        whole.squares += one.squares
    return whole


def answer(design: str, estimates: Sequence[Estimate], units: int, *, names_side: bool, alpha: float = ALPHA) -> Comparison:
    """What the command would say."""
    shown = {one.endpoint_key: str(one.endpoint_key) for one in estimates}
    metrics = judged(estimates, shown, PRIMARY, MARGIN, names_side=names_side, alpha=alpha)
    return concluded(design, metrics, MARGIN, sides=("A", "B"), units=(units, units))


# ------------------------------------------------------------------------------------------------------------ the designs


@dataclass
class Blocks:
    """The blocks of a run by endpoint: as the command has them, and for the naive test."""

    measured: dict[str, list[tuple[Measured, Measured]]] = field(default_factory=dict)
    kept: list[list[tuple[Sample, Sample]]] = field(default_factory=list)

    def said(self, pairs: int, level: float = ALPHA) -> str:
        """What the command says after so many pairs, at a level."""
        first = {key: found[:pairs] for key, found in self.measured.items()}
        estimates = [one for one in interleaved(first, level, PRIMARY) if one.endpoint_key is not None]
        return answer("interleaved", estimates, pairs, names_side=True, alpha=level).verdict

    def naive(self, pairs: int) -> bool:
        """What the naive test says of the same."""
        return naive([(added([a for a, _ in one[:pairs]]), added([b for _, b in one[:pairs]])) for one in self.kept])


def drawn(random: np.random.Generator, scale: Scale, effect: float, drift: float, pairs: int, *, at_once: bool) -> Blocks:
    """A run of so many pairs: blocks in turn, or both sides in the same seconds, each at half its rate for twice as long."""
    block_s = 2 * scale.block_s if at_once else scale.block_s
    turn_s = block_s if at_once else GUARD_S + block_s
    level = courses(random, (pairs if at_once else 2 * pairs) * turn_s, drift)
    own = random.normal(0, RUN, scale.endpoints)
    rps = scale.block_rps // 2 if at_once else scale.block_rps
    blocks = Blocks({str(place): [] for place in range(scale.endpoints)}, [[] for _ in range(scale.endpoints)])
    for pair in range(pairs):
        first = int(random.random() < 0.5)
        for place in range(scale.endpoints):
            sides: list[Sample | None] = [None, None]
            for turn, side in enumerate((first, 1 - first)):
                begin = pair * turn_s if at_once else (2 * pair + turn) * turn_s + GUARD_S
                levels = level[begin : begin + block_s] + own[place] + side * math.log1p(effect)
                sides[side] = sampled(random, rps, levels)
            a, b = sides
            blocks.measured[str(place)].append((Measured(a.histogram, a.count), Measured(b.histogram, b.count)))
            blocks.kept[place].append((a, b))
    return blocks


def by_turns(
    random: np.random.Generator, scale: Scale, effect: float, drift: float, *, at_once: bool = False
) -> tuple[str, bool]:
    """Design 1: blocks in turn within one run, or both sides at once."""
    blocks = drawn(random, scale, effect, drift, PAIRS, at_once=at_once)
    return blocks.said(PAIRS), blocks.naive(PAIRS)


def until_decided(random: np.random.Generator, scale: Scale, effect: float, drift: float) -> tuple[str, bool]:
    """Design 1 that ends at the first look with an answer."""
    blocks = drawn(random, scale, effect, drift, LOOKS[-1], at_once=False)
    word = ""
    for pairs, level in zip(LOOKS, levels_of_looks(LOOKS), strict=True):
        word = blocks.said(pairs, level)
        if word != "cannot-tell":
            break
    return word, blocks.naive(pairs)


def runs_of(
    random: np.random.Generator, scale: Scale, runs: int, effect: float, level: np.ndarray | None = None
) -> list[list[Sample]]:
    """Whole runs, each with its samples by endpoint; `level` is the course of the machine behind all of them."""
    found = []
    for run in range(runs):
        course = courses(random, scale.run_s, 0.0)
        if level is not None:
            course = course + level[run * scale.run_s : (run + 1) * scale.run_s]
        own = random.normal(0, RUN) + random.normal(0, RUN / 10, scale.endpoints)
        found.append(
            [sampled(random, scale.run_rps, course + own[place] + math.log1p(effect)) for place in range(scale.endpoints)]
        )
    return found


def part(sample: Sample) -> Part:
    """An endpoint of a run as the command has it: steady from its start."""
    return Part(sample.histogram, sample.seconds, 0, sample.count, steady_from_s=0.0)


def by_runs(random: np.random.Generator, scale: Scale, effect: float, drift: float) -> tuple[str, bool]:
    """Design 2: several runs a side, those of A before those of B."""
    course = np.log1p(drift * np.linspace(0, 1, 2 * scale.runs * scale.run_s))
    half = scale.runs * scale.run_s
    before = runs_of(random, scale, scale.runs, 0.0, course[:half])
    after = runs_of(random, scale, scale.runs, effect, course[half:])
    estimates = []
    for place in range(scale.endpoints):
        values = [[values_of(part(run[place])) for run in side] for side in (before, after)]
        estimates += [contrasted(str(place), metric, *([one[metric] for one in side] for side in values)) for metric in PRIMARY]
    word = answer("runs", estimates, scale.runs, names_side=True).verdict
    everything = [
        (added([run[place] for run in before]), added([run[place] for run in after])) for place in range(scale.endpoints)
    ]
    return word, naive(everything)


def one_each(random: np.random.Generator, scale: Scale, effect: float, drift: float, calibration: int = 0) -> tuple[str, bool]:
    """Design 3: one run a side; with `calibration` so many runs of one build say how much runs differ."""
    course = np.log1p(drift * np.linspace(0, 1, 2 * scale.run_s))
    (before,) = runs_of(random, scale, 1, 0.0, course[: scale.run_s])
    (after,) = runs_of(random, scale, 1, effect, course[scale.run_s :])
    known = runs_of(random, scale, calibration, 0.0) if calibration else []
    estimates = []
    for place in range(scale.endpoints):
        spread = None
        if known:
            spread = Spread(float(np.std([values_of(part(run[place]))["p99"] for run in known], ddof=1)), calibration)
        sides = part(before[place]), part(after[place])
        sureness = [sure(side, ("p99",))[0] for side in sides]
        estimates += percentiles(str(place), *sureness, {"p99": spread}, metrics=("p99",))
        estimates.append(failure_share(str(place), *sides, None))
    word = answer("one-against-one", estimates, 1, names_side=bool(calibration)).verdict
    return word, naive(list(zip(before, after, strict=True)))


def calibrated(random: np.random.Generator, scale: Scale, effect: float, drift: float) -> tuple[str, bool]:
    """Design 3 with eight runs of calibration."""
    return one_each(random, scale, effect, drift, calibration=8)


DESIGNS: dict[str, Callable[..., tuple[str, bool]]] = {
    "interleaved, 40 pairs": by_turns,
    "interleaved, until decided": until_decided,
    "at once, 40 pairs": partial(by_turns, at_once=True),
    "several runs a side": by_runs,
    "one run a side": one_each,
    "one run a side, calibrated by 8": calibrated,
}


# -------------------------------------------------------------------------------------------------------------- the table


def cell(name: str, scale: Scale, effect: float, drift: float, *, comparisons: int, seed: int) -> dict[str, object]:
    """So many comparisons of one kind: how often each word was said, and how often the naive test found a difference."""
    words: dict[str, int] = {}
    found = 0
    began = time.perf_counter()
    for number in range(comparisons):
        random = np.random.default_rng([seed, number, scale.endpoints, round(effect * 1000), round(drift * 1000)])
        word, is_naive = DESIGNS[name](random, scale, effect, drift)
        words[word] = words.get(word, 0) + 1
        found += is_naive
    result = {
        "design": name,
        "endpoints": scale.endpoints,
        "effect": effect,
        "drift": drift,
        "comparisons": comparisons,
        "words": words,
        "naive": found,
        "seconds": round(time.perf_counter() - began, 1),
    }
    print(json.dumps(result), file=sys.stderr, flush=True)
    return result


def table(cells: Sequence[dict[str, object]]) -> str:
    """All cells as Markdown."""
    lines = [
        "| design | endpoints | B slower by | drift | comparisons | slower | faster | same | differ | cannot tell | naive t |",
        f"| --- |{' ---: |' * 10}",
    ]
    for one in cells:
        words, total = one["words"], one["comparisons"]
        shares = [
            f"{100 * sum(map(words.get, group, [0] * len(group))) / total:.1f} %"
            for group in (("slower",), ("faster",), ("same",), ("differ",), ("cannot-tell", "no-difference-shown"))
        ]
        figures = [f"{100 * one['effect']:.0f} %", f"{100 * one['drift']:.0f} %", str(total), *shares]
        figures.append(f"{100 * one['naive'] / total:.1f} %")
        lines.append(f"| {one['design']} | {one['endpoints']} | {' | '.join(figures)} |")
    return "\n".join(lines)


def drifting(seed: int, drift: float = DRIFT, pairs: int = 20) -> list[float]:
    """The p99 of each block of one target that slows by `drift` from the first to the last."""
    random = np.random.default_rng(seed)
    scale = SCALES[1]
    level = courses(random, 2 * pairs * scale.block_s, drift)
    blocks = [level[place * scale.block_s : (place + 1) * scale.block_s] for place in range(2 * pairs)]
    return [sampled(random, scale.block_rps, block).histogram.percentile(99) / 1e3 for block in blocks]


def plan(names: Sequence[str], sizes: Sequence[int]) -> list[tuple[str, Scale, float, float]]:
    """The cells: equals, effects, and equals under drift."""
    every = [(0.0, 0.0), (0.0, DRIFT), *((effect, 0.0) for effect in reversed(EFFECTS))]
    kinds = {1: every, 20: [(0.0, 0.0), (0.0, DRIFT), (0.05, 0.0)]}
    return [(name, SCALES[size], effect, drift) for size in sizes for effect, drift in kinds[size] for name in names]


def main() -> None:
    """Do the cells, print the table."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("--comparisons", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--endpoints", type=int, nargs="+", default=[1, 20], choices=list(SCALES))
    parser.add_argument("--designs", nargs="+", default=list(DESIGNS), choices=list(DESIGNS))
    parser.add_argument("--out", type=Path, help="keep the cells as JSON lines in this file, and do not do those in it again")
    parser.add_argument(
        "--wire", type=int, default=0, help="do so many comparisons over loopback instead, of equals and of +10 %%"
    )
    parser.add_argument("--pairs", type=int, default=PAIRS, help="of those")
    parser.add_argument("--svg", type=Path, help="draw the picture of a drift into this file, and do nothing else")
    arguments = parser.parse_args()
    if arguments.svg is not None:
        arguments.svg.write_text(drift_picture(drifting(arguments.seed), DRIFT), encoding="utf-8")
        return
    if arguments.wire:
        for effect in (0.0, 0.1):
            said = over_the_wire(arguments.wire, effect, arguments.pairs)
            print(f"over loopback, B slower by {100 * effect:.0f} %: {json.dumps(said)}")
        return
    kept: list[dict[str, object]] = []
    if arguments.out is not None and arguments.out.exists():
        kept = [json.loads(line) for line in arguments.out.read_text(encoding="utf-8").splitlines()]
    known = {(one["design"], one["endpoints"], one["effect"], one["drift"]): one for one in kept}
    cells = []
    for name, scale, effect, drift in plan(arguments.designs, arguments.endpoints):
        one = known.get((name, scale.endpoints, effect, drift))
        if one is None:
            one = cell(name, scale, effect, drift, comparisons=arguments.comparisons, seed=arguments.seed)
            if arguments.out is not None:
                with arguments.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(one) + "\n")
        cells.append(one)
    print(table(cells))


if __name__ == "__main__":
    main()
