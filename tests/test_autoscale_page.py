"""The worked example of docs/autoscaling.md is what the autoscaler does."""

import re
from pathlib import Path

import pytest
from simulated_queue import Endpoint, Simulation, rate_held, settings

from tressi.autoscale.allocate import PRIORITY_FACTOR, allocate
from tressi.model import AutoscaleConfig

pytestmark = pytest.mark.pure

PAGE = (Path(__file__).parent.parent / "docs" / "autoscaling.md").read_text(encoding="utf-8")


def rows_below(heading):
    """The number cells of the first table below a heading."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return [[int(cell) for cell in re.findall(r"\d+", line)] for line in section.splitlines() if re.match(r"\| \d", line)]


def test_growing_is_as_the_page_says():
    """Each step's rate and count, and their arithmetic."""
    rows = rows_below("Growing, in numbers")
    one = Endpoint("GET /", settings(400, initial_workers=1), lambda _time_s: 0.05)
    Simulation(one).run(40)
    assert [row[4] for row in rows] == [workers for _, workers in one.counts]
    before = 1
    for _, rate, quarter, leaves, after in rows:
        assert rate == 20 * before
        assert leaves == 20 - before
        if rate < 360:
            assert quarter == -(-before // 4)
        assert after == before + min(quarter, leaves)
        before = after


def test_shrinking_is_as_the_page_says():
    """Each step's capacity and count, down to where it stays."""
    rows = rows_below("Shrinking, in numbers")
    one = Endpoint("GET /", settings(400), lambda _time_s: 0.05)
    Simulation(one).run(40)
    assert [row[3] for row in rows] == [workers for _, workers in one.counts]
    before = 100
    for _, capacity, quarter, after in rows:
        assert capacity == 20 * before
        assert quarter == -(-before // 4)
        assert after == before - quarter
        before = after
    assert one.workers == 23


def says(sentence):
    """Whether the page has these very words; `*` stands for its multiplication sign."""
    return sentence in PAGE.replace("\N{MULTIPLICATION SIGN}", "*")


def at_50_ms(config, service_s=0.05, lasts_s=60):
    """A pool that has had the time to settle."""
    one = Endpoint("GET /", config, lambda _time_s: service_s)
    Simulation(one).run(lasts_s)
    return one


def test_the_defaults_are_as_the_page_says():
    """The page's example rests on them, and their names and values are those of the model."""
    default = AutoscaleConfig(400, 1, 100)
    assert says(
        f"`scaleUpThreshold` {default.scale_up_threshold:g}, `scaleUpFactor` {default.scale_up_factor:g}, "
        f"`cooldownPeriod` {default.cooldown_period:g}"
    )
    assert says(f"weight * {PRIORITY_FACTOR['high']}, {PRIORITY_FACTOR['medium']} or {PRIORITY_FACTOR['low']} for high, medium")


def test_the_words_around_growing_are_as_the_page_says():
    """What one worker does, the need, and why the last step is in proportion."""
    one = at_50_ms(settings(400, initial_workers=1))
    before, after = (workers for _, workers in one.counts[-2:])
    threshold, per_worker = one.config.scale_up_threshold * 400, round(1 / 0.05)
    missing = 400 - before * per_worker
    assert says(f"1 ÷ 0.05 s = {per_worker} RPS, so the need is 400 * 0.05 = {400 * 0.05:.0f} workers")
    assert says(f"{before} * 20 = {before * per_worker} RPS, above 0.9 * 400 = {threshold:.0f}, so the last step")
    assert says(
        f"{missing} RPS are missing, {before} * {missing} ÷ 400 = {before * missing / 400:g}, rounded up {after - before}"
    )
    assert says(f"a real run ends at {at_50_ms(settings(400, initial_workers=1), service_s=0.0503).workers}")


def test_the_words_around_shrinking_are_as_the_page_says():
    """Where the capacity starts, and why the pool stays where it does."""
    one = at_50_ms(settings(400))
    final, enough = one.workers, one.config.scale_down_threshold * 400
    next_smaller = final - -(-final // 4)
    assert says(f"100 * 20 = {100 * 20:,} RPS, above 1.1 * 400 = {enough:.0f}")
    assert says(
        f"A quarter of these {final} workers is {final - next_smaller}. Without them {next_smaller} would be left, "
        f"whose capacity of {next_smaller * 20} RPS is too small"
    )
    assert says(f"{enough:.0f} ÷ 20 = {enough / 20:.0f}, and the capacity must exceed that, so {final} is where it stays")


def test_the_example_of_short_workers_is_as_the_page_says():
    """Shares, who ends with what, and what the low one still does."""
    high = Endpoint("high", settings(560, priority="high"), lambda _time_s: 0.05)
    low = Endpoint("low", settings(400, priority="low", min_workers=2), lambda _time_s: 0.05)
    simulation = Simulation(high, low, limit=30, strategy="priority-based")
    own = [one.worker_count for one in allocate(simulation.config)]
    simulation.run(60)
    assert says(f"30 * 6 ÷ 7 = {30 * 6 / 7:.1f}, so {own[0]} for high, and {own[1]} for low")
    assert says(f"560 * 0.05 = {high.workers} workers: {own[0]} of its own and {high.workers - own[0]} of low's")
    assert says(f"left with {low.workers}, its minimum, and {rate_held(low, 40, 60) * 400:.0f} of its 400 RPS")
