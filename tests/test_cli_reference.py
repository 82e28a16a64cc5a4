"""docs/cli.md is what scripts/cli-reference makes of the commands."""

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest

from tressi.cli.commands import COMMANDS, load, parser_of
from tressi.cli.exits import Exit

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def script():
    """The script as a module."""
    loader = SourceFileLoader("cli_reference", str(ROOT / "scripts" / "cli-reference"))
    module = module_from_spec(spec_from_loader("cli_reference", loader))
    loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(script, capsys):
    """A change to a command, a flag or its help needs the script to be run."""
    assert script.main(["--check"]) == 0, capsys.readouterr().err


def test_an_outdated_page_is_reported(script, monkeypatch, tmp_path, capsys):
    """`--check` writes nothing and fails; without it the page is written."""
    monkeypatch.setattr(script, "PAGE", tmp_path / "cli.md")
    assert script.main(["--check"]) == 1
    assert capsys.readouterr().err == "docs/cli.md is out of date: run scripts/cli-reference\n"
    assert script.main([]) == 0
    assert script.main(["--check"]) == 0


def test_every_command_flag_and_exit_code_is_on_the_page(script):
    """The reference leaves nothing out, and no argument is without a meaning."""
    page = script.page()
    for name in COMMANDS:
        section = page.partition(f"## `tressi {COMMANDS[name].usage}`\n")[2].partition("\n## ")[0]
        for action in parser_of(name, load(name))._actions:
            assert action.help
            if action.dest != "help":
                assert f"`{script._shown(action)}` | {action.help} |" in section
    assert all(f"| {code.value} | " in page for code in Exit)
