"""The page on shapes of load: each of its configs is sound, and asks for what the page says."""

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

from tressi.config.load import load_config

pytestmark = pytest.mark.pure

PAGE = (Path(__file__).parent.parent / "docs" / "shapes.md").read_text(encoding="utf-8")
CONFIGS = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]


def test_its_configs_are_sound():
    """Without a warning."""
    assert CONFIGS
    for document in CONFIGS:
        assert load_config(document).warnings == ()


def test_its_first_stages_ask_for_what_it_says():
    """3,000, 12,000, 10,000 and 2,500 requests."""
    curve = load_config(CONFIGS[0]).shared_pool.curve
    ends = [0, 30, 90, 110, 120]
    counts = [curve.starts(begin, end) for begin, end in pairwise(ends)]
    assert counts == pytest.approx([3_000, 12_000, 10_000, 2_500])
    said = re.search(r"to the request: ([\d,]+) in the first .*?, ([\d,]+) in .*?, ([\d,]+) in .*?, ([\d,]+) in", PAGE)
    assert [int(number.replace(",", "")) for number in said.groups()] == pytest.approx(counts)


def test_its_total_is_divided_as_it_says():
    """100 and 50 RPS after half a minute."""
    config = load_config(CONFIGS[1])
    assert [one.autoscale.curve.rps_at(30) for one in config.endpoints] == pytest.approx([100, 50])


def test_its_numbers_of_requests_end_when_it_says():
    """125 RPS each: 500 after 4 s, 4,500 after 36 s."""
    (config,) = [load_config(one) for one in CONFIGS if "maxRequests" in json.dumps(one)]
    share = config.shared_pool.target_rps / len(config.endpoints)
    ends = [one.max_requests / share for one in config.endpoints]
    said = re.search(r"have (\d+) RPS each, `/login` ends after (\d+) s, and `/shop` after (\d+) s", PAGE)
    assert [int(number) for number in said.groups()] == [share, *ends]


def test_its_warm_up_is_part_of_the_run():
    """A run of 60 s, of which the last 50 are measured."""
    (config,) = [load_config(one) for one in CONFIGS if "warmUp" in one]
    said = re.search(r"this run lasts (\d+) s, and its figures are of the last (\d+)", PAGE)
    assert [int(number) for number in said.groups()] == [config.duration_s, config.duration_s - config.warm_up_s]
