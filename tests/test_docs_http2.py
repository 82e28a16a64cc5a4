"""The page on HTTP/2: its example is a config without a warning, and its names are those of the schema and the summary."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from configs import planned

from tressi.config.load import load_config
from tressi.config.schema import properties, schema

pytestmark = pytest.mark.pure

PAGE = (Path(__file__).parent.parent / "docs" / "http2.md").read_text(encoding="utf-8")


def test_the_example_is_a_config_without_a_warning():
    """And each of its requests goes the way that the page says."""
    (example,) = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
    config = load_config(example)
    assert config.warnings == ()
    assert [(way.protocol.name, way.protocol.streams) for way in planned(config).ways] == [("h2", 100), ("http/1.1", 1)]


def test_every_protocol_is_in_the_table():
    """With the default of the schema."""
    names = re.findall(r'^\| `"([\w./]+)"` \|', PAGE, re.MULTILINE)
    known = properties(schema())["protocol"]
    assert sorted(names) == sorted(known["enum"])
    assert names[0] == known["default"]
    assert properties(properties(schema())["http2"])["streams"]["maximum"] == 4096
