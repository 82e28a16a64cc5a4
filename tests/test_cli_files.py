"""The commands that write files: migrate, init, schema."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from tressi.cli import main
from tressi.cli.init import STARTER
from tressi.config.load import load_config
from tressi.config.schema import schema

pytestmark = pytest.mark.pure

LEGACY = {"autoscale": True, "rps": 10, "workers": 4, "requests": [{"url": "/ä", "headers": {"Authorization": "kept"}}]}
CURRENT = {
    "autoscale": {
        "enabled": True,
        "targetRps": 10,
        "maxWorkers": 4,
        "distributionStrategy": "proportional",
        "defaultWeight": 1,
    },
    "requests": LEGACY["requests"],
}


@pytest.fixture
def legacy(tmp_path):
    """A legacy config with a relative url, a secret and a letter beyond ASCII."""
    file = tmp_path / "legacy.json"
    file.write_text(json.dumps(LEGACY, ensure_ascii=False), encoding="utf-8")
    return file


def test_migrate_writes_to_standard_output(legacy, capsys):
    """The user's own file comes back whole: secrets and letters as they were."""
    assert main(["migrate", str(legacy)]) == 0

    captured = capsys.readouterr()
    assert json.loads(captured.out) == CURRENT
    assert "/ä" in captured.out
    assert captured.err == ""


def test_migrate_writes_to_a_file_even_its_own(legacy, capsys):
    """`-o` may name the file that was read; a second time there is nothing to do, and it says so."""
    assert main(["migrate", str(legacy), "-o", str(legacy)]) == 0
    assert json.loads(legacy.read_text(encoding="utf-8")) == CURRENT
    assert main(["migrate", str(legacy), "-o", str(legacy)]) == 0
    assert json.loads(legacy.read_text(encoding="utf-8")) == CURRENT
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "tressi: this config is in the current form already\n")


def test_migrate_refuses_what_breaks_the_schema(tmp_path, capsys):
    """A file that is not a config is not made into one."""
    file = tmp_path / "bad.json"
    file.write_text('{"autoscale": true, "rps": 0}')

    assert main(["migrate", str(file)]) == 2
    assert capsys.readouterr().err == "tressi: rps: 0 is not greater than 0\ntressi: requests: is missing, but required\n"


def test_a_file_that_cannot_be_written_is_code_3(legacy, tmp_path, capsys):
    """The message names the file and the reason."""
    target = tmp_path / "none" / "new.json"

    assert main(["migrate", str(legacy), "-o", str(target)]) == 3
    assert capsys.readouterr().err == f"tressi: cannot write {target}: No such file or directory\n"


def test_init_writes_a_config_that_is_valid(tmp_path, monkeypatch, capsys):
    """By default under the name that the overview speaks of; it loads without a problem or a warning."""
    monkeypatch.chdir(tmp_path)

    assert main(["init"]) == 0

    assert load_config("tressi.json").warnings == ()
    Draft7Validator(schema()).validate(STARTER)
    assert json.loads(Path("tressi.json").read_text(encoding="utf-8"))["$schema"] == "./tressi.schema.json"
    assert capsys.readouterr().err == (
        "tressi: wrote tressi.json; `tressi target` serves what it asks for;"
        " for an editor: tressi schema > tressi.schema.json\n"
    )


def test_init_never_overwrites(tmp_path, capsys):
    """What stands in the file stays."""
    file = tmp_path / "mine.json"
    file.write_text("mine")

    assert main(["init", str(file)]) == 2
    assert file.read_text() == "mine"
    assert capsys.readouterr().err == f"tressi: {file} exists; name another file, or remove it first\n"


def test_init_to_standard_output_is_the_config_alone(capsys):
    """A pipe gets nothing but JSON."""
    assert main(["init", "-"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == STARTER
    assert captured.err == ""


def test_init_with_a_url_sends_to_that(tmp_path, monkeypatch, capsys):
    """The config is valid without a warning, and the file may be named behind the URL."""
    monkeypatch.chdir(tmp_path)
    url = "https://shop.example/cart"

    assert main(["init", url]) == 0
    assert main(["init", url, "cart.json"]) == 0
    assert main(["init", url, "-"]) == 0

    texts = [Path("tressi.json").read_text(encoding="utf-8"), Path("cart.json").read_text(encoding="utf-8")]
    assert {*texts} == {capsys.readouterr().out}
    config = load_config("cart.json")
    assert (config.warnings, [endpoint.url for endpoint in config.endpoints]) == ((), [url])
    assert config.endpoints[0].autoscale.target_rps == 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ftp://host/"], "tressi: URL: "),
        (["shop.example", "cart.json"], 'tressi: "shop.example" is no URL, which begins with http:// or https://; FILE goes'),
    ],
)
def test_init_writes_nothing_for_what_is_no_url(arguments, message, tmp_path, monkeypatch, capsys):
    """Bad input is code 2, and no file is left."""
    monkeypatch.chdir(tmp_path)
    assert main(["init", *arguments]) == 2
    assert capsys.readouterr().err.startswith(message)
    assert list(tmp_path.iterdir()) == []


def test_schema_prints_the_schema(capsys):
    """What an editor needs."""
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == schema()
