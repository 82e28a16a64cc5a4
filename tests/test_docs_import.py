"""docs/import.md: its tables are those of the code, its example is what an import makes, its commands are understood."""

import json
import re
import shlex
from pathlib import Path

import pytest

from tressi.cli.commands import load, parser_of
from tressi.imports.curl_options import OPTIONS
from tressi.imports.formats import FORMATS, imported
from tressi.imports.options import TOTAL_RPS, Options
from tressi.imports.templates import GENERATORS

pytestmark = pytest.mark.pure

PAGE = (Path(__file__).parent.parent / "docs" / "import.md").read_text(encoding="utf-8")


def test_every_option_of_curl_is_in_a_table():
    """With the same words, and no other option is."""
    section = PAGE.partition("## curl")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`-[^|]*) \| (.*) \|$", section, re.MULTILINE)
    said = {tuple(re.findall(r"`-{1,2}([^`]+)`", names)): what for names, what in rows}
    assert said == {option.names: option.what for option in OPTIONS}


def test_the_example_is_what_an_import_makes():
    """The command above it, the config below."""
    section = PAGE.partition("## curl")[2]
    command = re.search(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)[1]
    config = re.search(r"^```json\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)[1]
    assert imported("curl", command, "x", Options()).document == json.loads(config)


def test_the_commands_are_understood():
    """Up to their files."""
    lines = re.findall(r"^    tressi import (.*)$", PAGE, re.MULTILINE)
    parsed = [parser_of("import", load("import")).parse_args(shlex.split(line)) for line in lines]
    assert [one.source for one in parsed] == list(FORMATS)


def test_every_flag_is_explained():
    """Those of the table are those of the command."""
    actions = parser_of("import", load("import"))._actions
    flags = {action.option_strings[-1] for action in actions if action.option_strings} - {"--help", "--output"}
    assert flags == set(re.findall(r"^\| `(--[a-z-]+)", PAGE.partition("\n## ")[0], re.MULTILINE))


def test_every_format_has_a_section_and_every_generator_is_named():
    """And the rate without `--total-rps` is the one of the code."""
    for heading in ("HAR", "curl", "OpenAPI", "Postman", "Insomnia"):
        assert f"\n## {heading}\n" in PAGE
    named = set(re.findall(r"\{\{\$(\w+)\}\}", PAGE))
    assert named == set(GENERATORS) - {"uuid", "now", "milliseconds"}
    assert f"share {TOTAL_RPS} requests per second" in PAGE
