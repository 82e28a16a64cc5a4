"""Two targets in one run, in turn, over loopback."""

import json

import pytest
from commands import config_file, tressi

from tressi.compare.blocks import interleaved_config, paired_keys, turns
from tressi.compare.live import Watched
from tressi.config.load import load_config
from tressi.run.runner import EndpointRunner
from tressi.testing.target import Target

pytestmark = pytest.mark.timed


def test_each_side_is_sent_to_in_its_own_blocks():
    """Two pairs of blocks of 1 s + 1 s: every start of a side lies in its blocks, at the rate of the config."""
    with Target() as address:
        config = load_config({"baseUrl": address, "requests": [{"url": "/fast"}, {"url": "/slow"}], "rps": 80})
        plan = turns(2, 1, seed=3)
        watched = Watched(plan, paired_keys(config.endpoints, config.endpoints))
        runner = EndpointRunner(interleaved_config(config, config, plan))
        runner.on("snapshot", watched.moment)
        runner.on("drained", watched.drained)
        runner.start()
        runner.wait()
        summary = runner.summary()
    assert {one["endpointKey"][-2:]: one["requestsMade"] + one["requestsMissed"] for one in summary["endpoints"]} == {
        "#A": 160,
        "#B": 160,
    }
    assert watched.complete() == 2
    assert [len(pairs) for pairs in watched.pairs().values()] == [2, 2]
    for pairs in watched.pairs().values():
        assert all(measured.made <= 85 and measured.failed == 0 for pair in pairs for measured in pair)
    fast, slow = (both for key, both in watched.distributions().items() if key is not None)
    assert max(side.percentile(50) for side in fast) < 50_000 <= min(side.percentile(50) for side in slow)


def test_a_run_is_judged_by_its_baseline(tmp_path):
    """Against the same target it holds; where every request fails it is broken, with exit code 1 and its reason at the end."""
    with Target() as address:
        config = config_file(tmp_path, f"{address}/fast", duration=2)
        assert tressi(config, "--export", tmp_path / "base", "--quiet").returncode == 0
        again = tressi(config, "--baseline", tmp_path / "base", "--json", tmp_path / "again.json", "--quiet")
    refused = tressi(config, "--baseline", tmp_path / "base", "--json", tmp_path / "refused.json")
    rows = [json.loads((tmp_path / f"{name}.json").read_bytes())["thresholds"][-1] for name in ("again", "refused")]
    assert [row["threshold"] for row in rows] == ["baseline: at most 5 % slower"] * 2
    assert [row["passed"] for row in rows] == [True, False]
    assert again.returncode == 0, again.stdout
    assert refused.returncode == 1
    assert "baseline: at most 5 % slower" in refused.stdout.splitlines()[-1]
    assert "against the baseline" in refused.stdout


def test_a_directory_without_an_export_is_refused_before_the_run(tmp_path):
    """Nothing is sent."""
    (tmp_path / "none").mkdir()
    done = tressi(config_file(tmp_path, "http://127.0.0.1:9/x"), "--baseline", tmp_path / "none")
    assert done.returncode == 2
    assert "it is no export" in done.stderr
