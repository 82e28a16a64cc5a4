"""The comparison's own arithmetic, and the commands that it gives to the tools."""

import os
from pathlib import Path

import pytest
from each import each

from bench.peers import PEERS, TRESSI, version_in
from bench.scenarios import SCENARIOS, Run
from bench.table import busy_s, did_it, disturbed, middle, ratios, render, rows

pytestmark = pytest.mark.pure


def result(peer, rps, cpu_us, *, rate=None, note="", others=0.0):
    """What the bench writes about one tool, with one run for each figure."""
    runs = [{"rps": speed, "cpu_us": cost, "others": others} for speed, cost in zip(rps, cpu_us, strict=True)]
    return {"scenario": "s", "rate": rate, "peer": peer, "runs": runs, "note": note}


def test_ratios_pair_the_runs_of_a_round():
    """Each round is divided by itself, so that a slow minute weighs on both sides."""
    assert ratios([100, 50, 80], [50, 25]) == [2.0, 2.0]


def test_ratios_leave_out_what_did_nothing():
    """A run without a request has no ratio."""
    assert ratios([100, 100], [0, 50]) == [2.0]


def test_busy_time_is_that_of_one_core():
    """What is neither idle nor waiting counts, in seconds, of the core asked for."""
    tick = os.sysconf("SC_CLK_TCK")
    stat = f"cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 {tick} 0 0 5 5 0 0 0 0 0\ncpu1 {tick} {tick} {tick} 7 7 {tick} {tick} {tick} 0 0\n"
    assert busy_s(stat, 0) == 1.0
    assert busy_s(stat, 1) == 6.0


@pytest.mark.parametrize(("others", "expected"), [(0.0, False), (0.1, False), (0.11, True)])
def test_a_run_beside_others_is_disturbed(others, expected):
    """A tenth of the core is what others may take."""
    assert disturbed({"others": others}) is expected


@pytest.mark.parametrize(
    ("opened", "keep_alive", "expected"),
    [
        (0.0, True, True),  # connections were kept
        (0.5, True, False),  # reconnected although it should not
        (1.0, False, True),  # one for each request
        (0.0, False, False),  # kept its connections although it should not
    ],
)
def test_did_it(opened, keep_alive, expected):
    """The server's count of connections tells whether a tool did what the scenario says."""
    assert did_it({"accepted_per_request": opened}, keep_alive=keep_alive) is expected


def test_middle_gives_median_and_range():
    """A figure is never shown without its spread."""
    assert middle([3000, 1000, 2000], 0) == "2,000 (1,000 to 3,000)"


def test_a_lost_comparison_is_listed_like_a_won_one():
    """At full speed the fastest tool comes first, tressi or another, with the ratio that tressi has to it."""
    table = rows([result("tressi", [100], [10]), result("slow", [50], [40]), result("fast", [200], [5])], "s")
    assert [row[0] for row in table] == ["fast", "**tressi**", "slow"]
    assert table[0][3:5] == ["0.50 (0.50 to 0.50)", "2.00 (2.00 to 2.00)"]
    assert table[2][3:5] == ["2.00 (2.00 to 2.00)", "0.25 (0.25 to 0.25)"]


def test_disturbed_runs_are_told():
    """A figure from a shared core says so, beside what else is to be known."""
    table = rows([result("tressi", [100, 90], [10, 11], others=0.5, note="failed at least once")], "s")
    assert table[0][-1] == "failed at least once, 2 of 2 runs disturbed"


def test_at_a_fixed_rate_the_cheapest_comes_first():
    """When all keep the rate, CPU time is what differs."""
    table = rows([result("tressi", [100], [10], rate=100), result("cheap", [99], [5], rate=100)], "s")
    assert [row[0] for row in table] == ["cheap", "**tressi**"]


def test_what_was_not_measured_comes_last_with_its_reason():
    """A tool that cannot do a scenario, or failed, stays in the table."""
    table = rows([result("wrk", [], [], note="cannot do this"), result("tressi", [100], [10])], "s")
    assert table[-1][:2] == ["wrk", "cannot do this"]


def document(scenario, *peers, missing=(), **versions):
    """A file of the bench with one scenario and a run for each tool."""
    return {
        "machine": f"machine of {scenario}",
        "rounds": 1,
        "seconds": 3.0,
        "versions": versions,
        "missing": dict.fromkeys(missing, "how"),
        "scenarios": {scenario: f"title of {scenario}"},
        "results": [{**result(peer, [100], [10]), "scenario": scenario, "command": None} for peer in peers],
    }


def test_several_files_make_one_page():
    """Each file has its machine and its tables; versions are listed once, and a tool that one file has is not missing."""
    first = document("a", "tressi", "wrk", missing=["k6", "ab"], tressi="1.0", wrk="4.1")
    second = {**document("b", "tressi", "k6", missing=["wrk"], tressi="1.1", k6=""), "about": {"b": "What b is."}}
    page = render([first, second])
    headings = [line for line in page.splitlines() if line.startswith("#")]
    assert headings == ["## Title of a", "## Title of b", "## Versions", "## Commands"]
    assert page.index("machine of a") < page.index("## Title of a") < page.index("machine of b") < page.index("What b is.")
    assert [line for line in page.splitlines() if line.startswith("- ")] == [
        "- tressi: 1.0, 1.1",
        "- wrk: 4.1",
        "- k6: says none",
        "- ab: not measured, install it with `how`",
    ]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("wrk debian/4.1.0-3+b2 [epoll] Copyright (C) 2012 Will Glozer", "4.1.0-3+b2"),
        ("locust 2.47.0 from /usr/lib/python3 (Python 3.11.7)", "2.47.0"),
        (
            "vegeta: go1.26.8\n\tpath\tgithub.com/tsenart/vegeta/v12\n\tmod\tgithub.com/tsenart/vegeta/v12\tv12.13.0\th1:x",
            "v12.13.0",
        ),
        ("no number here", ""),
    ],
)
def test_version_in(said, expected):
    """A tool's own version is found, not that of its language."""
    assert version_in(said) == expected


@each("peer", PEERS, ids=lambda peer: peer.name)
@each("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_commands_name_target_and_connections(peer, scenario, tmp_path):
    """A command asks for the scenario's connections, at its target, directly or in a file that it names."""
    url = f"{'https' if scenario.tls else 'http'}://127.0.0.1:8080{scenario.path}"
    way = peer.way(scenario)
    command = way("binary", Run(scenario, url, 5, tmp_path, 160)) if way else None
    if command is None:
        assert peer is not TRESSI
        return
    files = [Path(word.rpartition("=")[2]).read_text() for word in command if str(tmp_path) in word]
    said = " ".join([*command, *files])
    assert "binary" in command
    assert "8080" in said
    assert str(scenario.connections) in said
    if scenario.protocol == "grpc":
        assert "shop.Cart" in said
        assert peer is TRESSI or f"--concurrency={scenario.lanes}" in command
    else:
        assert scenario.path in said or scenario.is_job  # whose ids are drawn
    assert str(scenario.streams) in said
