"""docs/migrating.md: every config of it is valid without a warning, and every command line of tressi's is understood."""

import json
import re
import shlex
from pathlib import Path

import pytest

from tressi.cli.commands import load, parser_of
from tressi.cli.quick import body_of, quick_config
from tressi.config.load import load_config

pytestmark = pytest.mark.pure

PAGE = Path(__file__).parent.parent / "docs" / "migrating.md"
TOOLS = ["k6", "Locust", "Artillery", "Gatling", "vegeta", "wrk", "Users who log in"]


def blocks(language):
    """The blocks in a language, with the heading above each."""
    found, heading = [], ""
    for part in re.finditer(r"^## ([^\n]*)$|^```(\w+)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        heading = part[1] or heading
        if part[2] == language:
            found.append((heading, part[3]))
    return found


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Where the files of the page are."""
    (tmp_path / "users.csv").write_text("name,password\nann,a\nbob,b\n")
    (tmp_path / "review.json").write_text('{"stars": 5}')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_tool_has_a_config():
    """Beside its own script."""
    assert list(dict.fromkeys(heading for heading, _ in blocks("json"))) == TOOLS


@pytest.mark.parametrize(("tool", "text"), blocks("json"))
def test_a_config_is_valid(tool, text, folder, monkeypatch):
    """Whole, and without a warning: no property of it is unknown, and no placeholder is left as it is."""
    (folder / "config.json").write_text(text, encoding="utf-8")
    monkeypatch.setenv("TOKEN", "abcdef")
    config = load_config(folder / "config.json")
    assert config.warnings == (), tool
    assert config.endpoints


def test_a_command_line_makes_the_config_below_it():
    """What `--save` would write, up to the order of headers; that of wrk, too."""
    configs = dict(blocks("json"))
    for tool, text in blocks("sh"):
        arguments = parser_of("quick", load("quick")).parse_args(shlex.split(text)[2:])
        assert quick_config(arguments, body_of(arguments.data, bytes)) == json.loads(configs[tool]), tool
