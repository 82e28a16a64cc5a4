"""What a run is called and found by: from config and flags, through every result, without a secret."""

import json
from dataclasses import replace
from io import StringIO
from xml.etree import ElementTree as ET

import pytest
from configs import problems
from each import each
from prometheus_client.exposition import choose_encoder
from rich.console import Console
from summaries import endpoint_snapshot, resolved, summary_of

from tressi.cli.commands import load, parser_of
from tressi.config.load import load_config
from tressi.config.original import is_original
from tressi.config.overrides import Overrides
from tressi.report import junit_xml, report_xlsx, summary_md
from tressi.report.shape import check_summary
from tressi.report.table import summary_table
from tressi.run.blank_snapshot import blank_snapshot
from tressi.run.journal import document_of
from tressi.store.recover import _config_of
from tressi.text import run_words
from tressi.ui.prometheus_metrics import View, families
from tressi.ui.sentences import running

pytestmark = pytest.mark.pure

BARE = {"requests": [{"url": "http://h/"}]}
KEY = "GET http://host/a"
NAMED = replace(resolved(KEY), name="check\x1b[31mout", labels={"git": "4f2a9c1", "b|r": "<b>main</b>"})


def named(document, **given):
    """The name and labels that a document resolves to."""
    config = load_config({**BARE, **document}, Overrides(**given))
    return config.name, dict(config.labels)


def test_flags_count_for_more_than_the_config():
    """A name takes the config's place, a label that of the same key; the others stay."""
    document = {"name": "nightly", "labels": {"git": "old", "branch": "main"}}
    assert named({}) == (None, {})
    assert named(document) == ("nightly", {"git": "old", "branch": "main"})
    given = {"name": "mine", "labels": (("git", "new"), ("a", "1=2"), ("a", "2"))}
    assert named(document, **given) == ("mine", {"git": "new", "branch": "main", "a": "2"})
    assert load_config({**BARE, **document}, Overrides(**given)).document["labels"]["git"] == "new"


@each(
    ("document", "place", "part"),
    [
        ({"name": ""}, "name", "is empty"),
        ({"name": "x" * 201}, "name", "longer than 200 characters"),
        ({"name": 5}, "name", "is not a string"),
        ({"labels": ["a=b"]}, "labels", "is not an object"),
        ({"labels": {"a": 1}}, "labels.a", "is not a string"),
        ({"labels": {"a": "x" * 1001}}, "labels.a", "longer than 1,000 characters"),
        ({"labels": {str(number): "x" for number in range(65)}}, "labels", "has more than 64 entries"),
        ({"labels": {"a=b": "x"}}, "labels", "has a ="),
        ({"labels": {"": "x"}}, "labels", "is empty"),
        ({"labels": {"a\nb": "x"}}, "labels", "has a control character"),
    ],
)
def test_what_no_name_and_no_label_may_be(document, place, part):
    """Each mistake has its place and its rule, and is the only one that is found."""
    (problem,) = problems({**BARE, **document})
    assert problem.startswith(place)
    assert part in problem


def test_what_may_be_is_taken():
    """The bounds themselves, and labels without a value."""
    name, labels = named({"name": "x" * 200, "labels": {**{str(n): "y" * 1000 for n in range(63)}, "empty": ""}})
    assert (len(name), len(labels), labels["empty"]) == (200, 64, "")


@pytest.mark.parametrize("command", ["run", "quick", "demo", "replay", "validate"])
def test_the_flags_of_the_command_line(command, capsys):
    """Wherever a config is overridden; a label without a = is told, and so is one without a key."""
    parser = parser_of(command, load(command))
    first = {"run": ["c.json"], "quick": ["http://h/"], "replay": ["log"], "validate": ["c.json"]}.get(command, [])
    parsed = parser.parse_args([*first, "--name", "a run", "--label", "git=4f2", "--label", "url=a=b"])
    assert (parsed.name, parsed.labels) == ("a run", [("git", "4f2"), ("url", "a=b")])
    for text, rule in {"git": "has no =: a label is KEY=VALUE", "=x": "is empty", f"a={'x' * 1001}": "1,001 char"}.items():
        with pytest.raises(SystemExit):
            parser.parse_args([*first, "--label", text])
        assert rule in capsys.readouterr().err


def test_no_secret_is_in_a_label(monkeypatch, tmp_path):
    """Neither of a URL, nor one that a mask names, nor under the name of a secret, nor a variable that is used elsewhere."""
    for name in ("SHA", "API_TOKEN", "USED"):
        monkeypatch.setenv(name, f"value-of-{name}")
    labels = {
        "url": "https://me:word-1@h/?token=word-2&tenant=word-3",
        "token": "word-4",
        "sha": "${SHA}",
        "api": "${API_TOKEN}",
        "used": "${USED}",
        "also": "x${USED}",
    }
    requests = [{"url": "http://h/", "headers": {"X-Own": "${USED}"}}]
    (tmp_path / "config.json").write_text(json.dumps({"name": "https://me:word-5@h", "labels": labels, "requests": requests}))
    config = load_config(str(tmp_path / "config.json"), Overrides(masks=("query:tenant",), labels=(("b", "ftp://u:word-6@h"),)))
    shown = json.dumps([config.name, dict(config.labels), config.document])
    assert not [secret for secret in (*(f"word-{n}" for n in range(1, 7)), "value-of-API", "value-of-USED") if secret in shown]
    assert config.name == "https://***@h"
    assert {key: config.labels[key] for key in ("sha", "api", "used", "token")} == {
        "sha": "value-of-SHA",
        "api": "***",
        "used": "***",
        "token": "***",
    }
    assert config.document["labels"]["sha"] == "${SHA}"


def test_a_config_of_the_original_tool_may_have_a_name():
    """It is still known for one, and its name and labels are kept."""
    document = {"name": "nightly", "labels": {"a": "b"}, "options": {"durationSec": 5}, "requests": [{"url": "http://h/"}]}
    assert is_original(document)
    config = load_config(document)
    assert (config.name, dict(config.labels), config.duration_s) == ("nightly", {"a": "b"}, 5.0)


def test_what_is_not_used_costs_nothing():
    """Without them a summary has no such member, and a journal neither."""
    assert not {"name", "labels"} & summary_of(endpoint_snapshot(KEY)).keys()
    assert not {"name", "labels"} & document_of(resolved(KEY)).keys()


def test_every_result_has_them_as_harmless_text():
    """The summary as they are, all that a person reads without what would be obeyed."""
    summary = summary_of(endpoint_snapshot(KEY), config=NAMED)
    assert (summary["name"], summary["labels"]) == (NAMED.name, NAMED.labels)
    check_summary(summary, "summary")
    console = Console(file=StringIO(), width=200, no_color=True)
    console.print(summary_table(summary))
    properties = {one.get("name"): one.get("value") for one in ET.fromstring(junit_xml.render(summary)).iter("property")}
    assert properties["name"] == "check\\x1b[31mout"
    assert (properties["label.git"], properties["label.b|r"]) == ("4f2a9c1", "<b>main</b>")
    for text in (console.file.getvalue(), summary_md.render(summary).decode(), running(NAMED)):
        assert "check\\x1b[31mout" in text
        assert "git=4f2a9c1" in text
        assert "\x1b" not in text
    assert "`b|r=<b>main</b>`" in summary_md.render(summary).decode()
    assert report_xlsx.render(summary)


def test_a_journal_keeps_them():
    """What is played back is called what the run was."""
    again = _config_of(json.loads(json.dumps(document_of(NAMED))))
    assert (again.name, again.labels) == (NAMED.name, NAMED.labels)


def test_prometheus_has_them_under_legal_names():
    """Letters that no name may have are underscores, and two labels that would be one are told apart."""
    config = replace(NAMED, labels={"git.sha": "1", "git-sha": "2", "größe": "3"})
    view = View(config, blank_snapshot(config), 0.0)
    found = next(sample.labels for family in families(view) for sample in family.samples if sample.name == "tressi_run_info")
    assert {name: value for name, value in found.items() if name != "version"} == {
        "name": NAMED.name,
        "label_git_sha": "1",
        "label_git_sha_2": "2",
        "label_gr__e": "3",
    }
    collector = type("Collected", (), {"collect": lambda _: families(view)})()
    assert b'label_git_sha_2="2"' in choose_encoder("")[0](collector)


def test_a_long_label_leaves_room_in_a_line():
    """In a line each text is cut; without name and labels nothing is said."""
    assert run_words(None, {}) == ""
    assert run_words("a", {}) == "a"
    assert run_words(None, {"k": "v"}) == "k=v"
    assert run_words("n", {"k": "v" * 100, "l": "w"}) == f"n (k={'v' * 79}…, l=w)"
