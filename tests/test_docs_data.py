"""The page on data: its configs are sound, its requests are what is sent, and its tables name everything there is."""

import io
import json
import os
import re
from pathlib import Path

import pytest

from tressi.config.load import load_config
from tressi.config.schema import properties, schema
from tressi.load.plan import USER_AGENT
from tressi.request.compiled import compiled
from tressi.request.parts import Table
from tressi.request.render import render
from tressi.request.tables import load, row_of

pytestmark = pytest.mark.pure

PAGE = (Path(__file__).parent.parent / "docs" / "data.md").read_text(encoding="utf-8")
CSV = re.search(r"```csv\n(.*?)```", PAGE, re.DOTALL)[1]
CONFIGS = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
REQUESTS = re.findall(r"```http\n(.*?)\n```", PAGE, re.DOTALL)


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    """A function that loads a config of the page beside the page's table."""
    monkeypatch.setattr(os, "environ", {})
    (tmp_path / "users.csv").write_text(CSV, encoding="utf-8")

    def of(text):
        (tmp_path / "config.json").write_text(text, encoding="utf-8")
        return load_config(tmp_path / "config.json")

    return of


def first_requests(config):
    """Every request with the first row of each table, and 1 for a number."""
    made = compiled(config, USER_AGENT)
    block = io.BytesIO()
    sources = load(made.uses, block)
    drawn = {
        number: row_of(block.getvalue(), source, 0) if isinstance(source, Table) else (b"1",)
        for number, source in enumerate(sources)
    }
    return [render(rendering, drawn).decode() for renderings in made.renderings for rendering in renderings]


def test_its_configs_are_sound(loaded):
    """Without a warning, and every table can be read."""
    assert len(CONFIGS) > 4
    for text in CONFIGS:
        config = loaded(text)
        assert config.warnings == (), text
        assert first_requests(config)


def test_what_it_says_is_sent_is_sent(loaded):
    """To the byte."""
    sent = [request.replace("\r\n", "\n").rstrip("\n") for text in CONFIGS for request in first_requests(loaded(text))]
    assert len(REQUESTS) == 3
    for request in REQUESTS:
        assert request.rstrip("\n") in sent


def test_it_names_every_pick_every_format_and_every_source():
    """A new one has to be explained."""
    known = properties(schema()["definitions"]["DataConfigSchema"])
    names = [*known["format"]["enum"], *known["pick"]["anyOf"][0]["enum"], *known["time"]["enum"]]
    names += [name for name in known if name not in {"format", "file"}] + [*properties(known["pick"])]
    assert [name for name in names if f"`{name}`" not in PAGE and f'"{name}"' not in PAGE] == []


def test_its_masks_hide_what_it_says(loaded):
    """Nothing of the three is in the record of the config."""
    config = loaded(next(text for text in CONFIGS if '"mask"' in text))
    shown = json.dumps([config.document, config.endpoints[0].endpoint_key])
    assert not [secret for secret in ("blue-7", "red-8", "green-9") if secret in shown]
