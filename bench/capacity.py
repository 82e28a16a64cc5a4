"""Does `tressi capacity` find what a target carries? Targets in virtual time whose capacity is known, beside two simpler ways.

    python -m bench.capacity --short             five searches of each target, some minutes
    python -m bench.capacity --json FILE         forty of each, about an hour of one core

The very search of `tressi capacity` is driven (`tressi.capacity.search`), with nothing but the target and the clock made up.
Beside it, on the same target with the same seed: *plain bisection*, trials of 30 s that pass where no more starts were bad
than may be, each once the requests of the one before have ended, until the bracket is 2 % wide; and *the ramp*, as k6's guide
to breakpoint tests has it: a rate that rises evenly over 20 minutes to twice the capacity, until the percentile of the whole
run breaks the limit, the rate of that moment being the answer.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.capacity_targets import Limiter, Loop, Pauser, Queue, Refuser, Servers, Sulker, mmc_capacity
from tressi._core import Histogram
from tressi.capacity.document import document_of
from tressi.capacity.known import Plan
from tressi.capacity.search import Search
from tressi.capacity.slo import Condition, condition_of
from tressi.capacity.trial import Second
from tressi.report.capacity_svg import svg

if TYPE_CHECKING:
    from collections.abc import Callable

BISECTION_S, BISECTION_SKIPPED_S, PRECISION = 30, 2, 0.02
DEFAULT_S = 600.0  # the budget of a search that names none
RAMP_S, RAMP_DELAY_S = 1200, 10


@dataclass(frozen=True)
class Case:
    """A target: how it is made, the condition, its capacity (None: by a long simulation), and how it is searched."""

    name: str
    make: Callable[[np.random.Generator], object]
    slo: str
    known: float | None
    first_rps: float
    budget_s: float


@dataclass(frozen=True)
class Answer:
    """What one way of looking said."""

    case: str
    way: str
    seed: int
    rps: float
    low: float | None
    high: float | None
    seconds: float
    limited_by: str = ""
    known: float = 0.0


CASES = (
    Case("M/M/1, 1,000/s", lambda rng: Queue(1000, rng), "p99 < 20ms", 1000 - math.log(100) / 0.02, 100, 2400),
    Case("M/M/1, 200/s", lambda rng: Queue(200, rng), "p99 < 100ms", 200 - math.log(100) / 0.1, 20, 12000),
    Case("M/M/8, 8 x 100/s", lambda rng: Servers(100, 8, rng), "p99 < 60ms", mmc_capacity(100, 8, 0.06, 0.01), 100, 2400),
    Case("one at a time, 500/s", lambda rng: Limiter(500, rng), "p99 < 20ms", 500.0, 60, 1200),
    Case("429 above 500/s", lambda rng: Refuser(500, rng), "errorRate < 1%", 500 / 0.99, 60, 1200),
    Case(
        "slow for 10 s after overload", lambda rng: Sulker(1000, 0.1, rng), "p99 < 20ms", 1000 - math.log(100) / 0.02, 100, 2400
    ),
    Case("still for 200 ms every 30 s", lambda rng: Pauser(1000, rng), "p99 < 250ms", None, 100, 3600),
)


def search(case: Case, seed: int, budget_s: float, way: str) -> Answer:
    """`tressi capacity` with a budget."""
    condition = condition_of(case.slo)
    loop = _loop(case, condition, seed)
    found = Search([condition], Plan(case.first_rps, 1.0, PRECISION, budget_s))
    step = found.begin()
    while step.phase != "done":
        step = found.see(_second(loop, step.rps))
    answer = found.found()
    return Answer(case.name, way, seed, answer.rps or 0.0, answer.low, answer.high, found.now_s, answer.limited_by)


def picture(case: Case, seed: int, budget_s: float) -> str:
    """The picture of a search, as `tressi capacity --svg` draws it."""
    condition = condition_of(case.slo)
    loop = _loop(case, condition, seed)
    found = Search([condition], Plan(case.first_rps, 1.0, PRECISION, budget_s))
    step = found.begin()
    while step.phase != "done":
        step = found.see(_second(loop, step.rps, keeps_times=True))
    return svg(document_of(found, None))


def bisection(case: Case, seed: int) -> Answer:
    """Trials of the same length one after the other, each passing or failing by its count."""
    condition = condition_of(case.slo)
    loop = _loop(case, condition, seed)

    def passes(rate: float) -> bool:
        while loop.t > 0 and _second(loop, 0.0).in_flight:
            pass  # a trial begins where the one before has no request left
        seconds = [_second(loop, rate) for _ in range(BISECTION_S)][BISECTION_SKIPPED_S:]
        return sum(one.bad[0] for one in seconds) <= condition.share * sum(one.starts for one in seconds)

    low, high = 0.0, case.first_rps
    while passes(high):
        low, high = high, high * 1.5
    low = low or high / 2
    while high / low > 1 + PRECISION:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if passes(middle) else (low, middle)
    return Answer(case.name, "bisection", seed, low, low, high, loop.t)


def ramp(case: Case, seed: int, known: float) -> Answer:
    """A rate that rises until the whole run breaks the condition."""
    condition = condition_of(case.slo)
    loop = _loop(case, condition, seed)
    starts = bad = 0
    rate = 0.0
    while loop.t < RAMP_S:
        rate = 2 * known * (loop.t + 0.5) / RAMP_S
        second = _second(loop, rate)
        starts, bad = starts + second.starts, bad + second.bad[0]
        if loop.t > RAMP_DELAY_S and bad > condition.share * starts:
            break
    return Answer(case.name, "ramp", seed, rate, None, None, loop.t)


def simulated_capacity(case: Case, seconds: int) -> float:
    """The capacity of a target without a formula: bisection with one very long trial at each rate."""
    condition = condition_of(case.slo)
    low, high = 800.0, 1000.0
    while high / low > 1.001:
        middle = math.sqrt(low * high)
        loop = _loop(case, condition, 12345)
        counted = [_second(loop, middle) for _ in range(seconds)]
        is_good = sum(one.bad[0] for one in counted) <= condition.share * sum(one.starts for one in counted)
        low, high = (middle, high) if is_good else (low, middle)
    return math.sqrt(low * high)


def _loop(case: Case, condition: Condition, seed: int) -> Loop:
    rng = np.random.default_rng(seed)
    return Loop(case.make(rng), (condition.limit_us or 1e12) / 1e6, rng)


def _second(loop: Loop, rate: float, *, keeps_times: bool = False) -> Second:
    times, refused, in_flight = loop.second(rate)
    bad = int(((times > loop.limit_s) | refused).sum())
    response = Histogram() if keeps_times else None
    if response is not None:
        for value in times.tolist():
            response.record(round(value * 1e6))
    median = float(np.median(times)) * 1e3 if len(times) else None
    return Second(loop.t, len(times), (bad,), in_flight, median, response=response)


# ------------------------------------------------------------------------------------------------------------- the table


def row(case: Case, known: float, way: str, answers: list[Answer]) -> str:
    """A line of the table: how far off the answers are, how often the interval holds the truth, and how long it took."""
    errors = [one.rps / known - 1 for one in answers]
    spread = (max(one.rps for one in answers) - min(one.rps for one in answers)) / known
    held = [one for one in answers if one.low is not None and one.high is not None and one.low <= known <= one.high]
    covers = "-" if answers[0].low is None else f"{len(held)} of {len(answers)}"
    widths = [one.high / one.low - 1 for one in answers if one.low and one.high]
    width = f"{statistics.median(widths):.1%}" if widths else "-"
    took = statistics.median(one.seconds for one in answers)
    middle = statistics.median(one.rps for one in answers)
    figures = (f"{known:,.1f}", way, f"{middle:,.1f}", f"{statistics.fmean(errors):+.1%}", f"{max(map(abs, errors)):.1%}")
    return f"| {case.name}, {case.slo} | {' | '.join(figures)} | {spread:.1%} | {covers} | {width} | {took / 60:.0f} min |"


_HEADS = (
    *("target, condition", "capacity", "way", "median answer", "mean error", "largest error", "spread"),
    *("interval holds it", "its width", "time"),
)
HEAD = f"| {' | '.join(_HEADS)} |\n| --- | --: | --- |{' --: |' * (len(_HEADS) - 3)}"


def looked(case: Case, seeds: range, *, is_short: bool) -> list[Answer]:
    """What every way says of a target, seed by seed."""
    known = case.known or simulated_capacity(case, 4000 if is_short else 20000)
    answers = [search(case, seed, case.budget_s, "tressi") for seed in seeds]
    answers += [search(case, seed, DEFAULT_S, "tressi, 10 min") for seed in seeds]
    answers += [bisection(case, seed) for seed in seeds]
    answers += [ramp(case, seed, known) for seed in seeds]
    return [replace(one, known=known) for one in answers]


def table(answers: list[Answer]) -> list[str]:
    """The lines of the table, target by target."""
    lines = [HEAD]
    for case in CASES:
        of_case = [one for one in answers if one.case == case.name]
        ways = dict.fromkeys(one.way for one in of_case)
        lines += [row(case, of_case[0].known, way, [one for one in of_case if one.way == way]) for way in ways]
    return lines


def main() -> None:
    """See the top of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--searches", type=int, default=40, metavar="N", help="of each target (default: 40)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="the first of as many seeds (default: 0)")
    parser.add_argument("--short", action="store_true", help="five of each")
    parser.add_argument("--only", metavar="TEXT", default="", help="targets whose name has this in it")
    parser.add_argument("--json", metavar="FILE", help="write every answer")
    parser.add_argument("--merge", nargs="+", metavar="FILE", help="print the table of what --json wrote, and search nothing")
    parser.add_argument(
        "--picture", metavar="FILE", help="draw one search of the first target, with --seed, as SVG, and do no more"
    )
    arguments = parser.parse_args()
    if arguments.picture:
        Path(arguments.picture).write_text(picture(CASES[0], arguments.seed, DEFAULT_S * 2) + "\n", encoding="utf-8")
        return
    answers: list[Answer] = []
    if arguments.merge:
        answers = [Answer(**one) for file in arguments.merge for one in json.loads(Path(file).read_text(encoding="utf-8"))]
    else:
        seeds = range(arguments.seed, arguments.seed + (5 if arguments.short else arguments.searches))
        for case in CASES:
            if arguments.only in case.name:
                begun = time.monotonic()
                answers += looked(case, seeds, is_short=arguments.short)
                print(f"{case.name}: {time.monotonic() - begun:.0f} s of computing", file=sys.stderr, flush=True)
    print("\n".join(table(answers)))
    if arguments.json:
        Path(arguments.json).write_text(json.dumps([asdict(one) for one in answers], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
