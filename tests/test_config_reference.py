"""docs/config.md is what scripts/config-reference makes of the schema and the examples."""

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest

from tressi.config.schema import properties, schema

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def script():
    """The script as a module."""
    loader = SourceFileLoader("config_reference", str(ROOT / "scripts" / "config-reference"))
    module = module_from_spec(spec_from_loader("config_reference", loader))
    loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(script, capsys):
    """A change to the schema, a default or an example needs the script to be run."""
    assert script.main(["--check"]) == 0, capsys.readouterr().err


def test_an_outdated_page_is_reported(script, monkeypatch, tmp_path, capsys):
    """`--check` writes nothing and fails; without it the page is written."""
    monkeypatch.setattr(script, "PAGE", tmp_path / "config.md")

    assert script.main(["--check"]) == 1
    assert capsys.readouterr().err == "docs/config.md is out of date: run scripts/config-reference\n"
    assert script.main([]) == 0
    assert script.main(["--check"]) == 0


def test_every_property_and_every_example_is_on_the_page(script):
    """The reference leaves nothing out."""
    page = script.page()
    names = {name for definition in schema()["definitions"].values() for name in properties(definition)}

    assert [name for name in sorted(names) if f"| `{name}` |" not in page] == []
    assert {path.name for path in (ROOT / "examples").glob("*.json")} == set(script.CAPTIONS)
