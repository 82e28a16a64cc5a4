"""Two runs side by side: the same figures of both, endpoints found again, what differs between configs, and no judgement."""

import json
from copy import deepcopy
from dataclasses import replace

import pytest
from each import each
from summaries import HOSTILE, endpoint_snapshot, flow_part, resolved, summary_of, verdict

from tressi.cli import main
from tressi.report import side_by_side_html, side_by_side_text
from tressi.report.config_differences import Difference, differences
from tressi.report.side_by_side import cards, change_words, facts_of, rows, run_of, thresholds

pytestmark = pytest.mark.pure

HOME, AWAY = "http://home", "http://away:8080"


def run(origin, *snapshots, name=None, labels=(), **fields):
    """The summary of a run against a server; each snapshot is a path and its fields."""
    made = [endpoint_snapshot(f"GET {origin}{path}", **more) for path, more in snapshots]
    config = replace(resolved(*(one.endpoint_key for one in made)), name=name, labels=dict(labels))
    return summary_of(*made, config=config, **fields)


BEFORE = run(HOME, ("/a", {}), ("/b", {"succeeded": 50, "failed": 50}), name="checkout", labels={"git": "1", "old": "x"})
AFTER = run(AWAY, ("/c", {}), ("/b", {"succeeded": 100}), ("/a", {"succeeded": 150}), labels={"git": "2", "new": "y"})


def test_endpoints_are_found_again_on_another_server():
    """By how they are shown; those of one run alone say which."""
    found = rows(BEFORE, AFTER)
    assert [(row.label, row.only, row.places) for row in found] == [
        ("GET /a", "", (0, 2)),
        ("GET /b", "", (1, 1)),
        ("GET /c", "B", (None, 0)),
    ]
    failed = {row.label: next(figure for figure in row.figures if figure.name == "failed") for row in found}
    both = failed["GET /b"]
    assert (both.before.shown, both.after.shown, both.change) == ("50 (50.0%)", "0", "-100.0 %")
    assert failed["GET /c"].before is None
    assert failed["GET /c"].change == ""
    assert [(row.label, row.only) for row in rows(AFTER, BEFORE)] == [("GET /b", ""), ("GET /a", ""), ("GET /c", "A")]


def test_an_endpoint_with_the_same_key_is_the_same():
    """Whatever it is called meanwhile; one run beside itself has everything twice and no change."""
    other = deepcopy(BEFORE)
    other["endpoints"][0]["name"] = "login"
    assert [row.only for row in rows(BEFORE, other)] == ["", ""]
    assert {figure.change for row in rows(BEFORE, BEFORE) for figure in row.figures} <= {"±0 %", ""}


def test_flows_stand_beside_their_endpoints():
    """A flow is a row under its own name, with starts as its rate and durations as its times."""
    summary = {**BEFORE, "flows": [flow_part("shop", f"GET {HOME}/a")]}
    row = rows(summary, BEFORE)[-1]
    assert (row.label, row.only, row.places) == ("flow shop", "A", (2, None))
    assert row.figures[0].before.value == 2.5


@each(
    ("before", "after", "words"),
    [
        (100.0, 112.5, "+12.5 %"),
        (100, 50, "-50.0 %"),
        (1000.0, 1000.4, "±0 %"),
        (1, 2001, "+200,000.0 %"),
        (0, 5, ""),
        (0, 0, ""),
        (None, 5.0, ""),
        (5.0, None, ""),
    ],
)
def test_change_is_a_share_of_the_first(before, after, words):
    """And nothing where there is none."""
    assert change_words(before, after) == words


def test_figures_of_all_endpoints_together():
    """Each once, with its unit; a percentile of too few values is told."""
    found = {one.name: one for one in cards(BEFORE, run(HOME, ("/a", {"succeeded": 2000})))}
    assert (found["rate"].before.shown, found["rate"].after.shown, found["rate"].change) == ("100.0", "1000", "+900.0 %")
    assert [found["response p99"].before.is_thin, found["response p99"].after.is_thin] == [True, False]
    assert (found["failed"].before.shown, found["failed"].after.shown) == ("50 (25.0%)", "0")
    assert found["workers at the end"].before.value == 2
    assert cards({**BEFORE, "timeline": []}, AFTER)[-1].before is None


def test_what_the_runs_were():
    """The name first, labels of either, then the rest; what neither has is left out."""
    found = facts_of(run_of(BEFORE), run_of(AFTER))
    assert found[:4] == [("name", "checkout", ""), ("label git", "1", "2"), ("label old", "x", ""), ("label new", "", "y")]
    assert ("target", HOME, AWAY) in found
    assert "warm-up" not in [name for name, *_ in found]


def test_a_threshold_of_either_run_is_there_once():
    """Broken in one run first; the same condition on the same endpoint of another server is the same."""
    held, broken = verdict("p99 < 2ms"), verdict("p99 < 2ms", passed=False, detail="9 ms")
    a = run(HOME, ("/a", {}), verdicts=[verdict("rps > 1"), held, verdict("p50 < 1s", f"GET {HOME}/a")])
    b = run(AWAY, ("/a", {}), verdicts=[broken, verdict("p50 < 1s", f"GET {AWAY}/a", passed=None)])
    assert [(one.text, one.label, one.verdicts, one.words) for one in thresholds(a, b)] == [
        ("p99 < 2ms", "all", (True, False), ("passed", "failed")),
        ("p50 < 1s", "GET /a", (True, None), ("passed", "not judged")),
        ("rps > 1", "all", (True, None), ("passed", "")),
    ]


def test_what_differs_between_two_configs():
    """Requests by what they are, so one put in front is one difference; name, labels and the place of the files are none."""
    before = {
        "name": "a", "labels": {"a": "b"}, "export": "x", "duration": 10, "seed": 0, "errorStatusCodes": [500],
        "requests": [{"url": "/a", "autoscale": {"targetRps": 5}}, {"url": "/a"}, {"name": "n", "url": "/1"}],
        "thresholds": ["p99 < 1s"],
    }  # fmt: skip
    after = {
        "duration": 20, "seed": False, "errorStatusCodes": [500, 503], "warmUp": 2,
        "requests": [
            {"url": "/new", "method": "PUT"}, {"url": "/a", "autoscale": {"targetRps": 6}}, {"url": "/a"},
            {"name": "n", "url": "/2"},
        ],
        "thresholds": [{"threshold": "p99 < 1s", "abort": True}],
    }  # fmt: skip
    assert differences(before, after) == [
        Difference("duration", "10", "20"),
        Difference("seed", "0", "false"),
        Difference("errorStatusCodes", "[500]", "[500, 503]"),
        Difference("requests[GET /a].autoscale.targetRps", "5", "6"),
        Difference("requests[n].url", '"/1"', '"/2"'),
        Difference("requests[PUT /new]", None, '{"url": "/new", "method": "PUT"}'),
        Difference("thresholds", '["p99 < 1s"]', '[{"threshold": "p99 < 1s", "abort": true}]'),
        Difference("warmUp", None, "2"),
    ]
    assert differences(before, deepcopy(before)) == []
    assert len(differences({"a": "x" * 999}, {})[0].before) == 120


@pytest.fixture
def exports(tmp_path):
    """Two directories of exports, before and after."""
    for name, summary in (("before", BEFORE), ("after", AFTER)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "summary.json").write_text(json.dumps(summary))
    return tmp_path


def test_two_directories_are_printed_side_by_side(exports, capsys):
    """Verdicts, labels, figures with their change, endpoints, configs; and that nothing is judged."""
    assert main(["report", str(exports / "before"), str(exports / "after" / "summary.json")]) == 0
    said = capsys.readouterr().out
    assert said.startswith("A: ")
    assert "\nB: " in said
    for part in ("label git", "rate, RPS", "+75.0 %", "GET /c", "only in B", "config: the same", "does not judge"):
        assert part in said, part


def test_a_page_is_written_where_it_is_asked_for(exports, capsys):
    """Into a file that ends in .html, or under its own name into a directory; readable by its owner alone."""
    for given, path in (("both.html", "both.html"), ("out", "out/side-by-side.html")):
        both = [str(exports / name) for name in ("before", "after")]
        assert main(["report", *both, "-o", str(exports / given)]) == 0
        assert capsys.readouterr().out == f"{exports / path}\n"
        assert (exports / path).stat().st_mode & 0o777 == 0o600
        assert b"<title>Two runs side by side" in (exports / path).read_bytes()


def test_what_cannot_be_laid_side_by_side_is_bad_input(exports, capsys):
    """A directory without a summary, what is none, another schema, one input for both; each message names the file."""
    (exports / "empty").mkdir()
    (exports / "other.json").write_text(json.dumps({**AFTER, "schemaVersion": 2}))
    (exports / "part.json").write_text(json.dumps({**AFTER, "endpoints": 5}))
    before = str(exports / "before")
    for second, words in {
        str(exports / "empty"): f"tressi: {exports / 'empty'} is no export: it has no summary.json",
        str(exports / "nowhere"): f"tressi: cannot read {exports / 'nowhere'}: No such file or directory",
        str(exports / "other.json"): f"tressi: {exports / 'other.json'}: schemaVersion: 2 is not 1",
        str(exports / "part.json"): f"tressi: {exports / 'part.json'}: endpoints: 5 is not an array",
    }.items():
        assert main(["report", before, second]) == 2
        assert words in capsys.readouterr().err
    assert main(["report", "-", "-"]) == 2
    assert "one of the two runs" in capsys.readouterr().err
    assert main(["report", before]) == 2
    assert "--output: is missing" in capsys.readouterr().err
    assert main(["report", before, before]) == 0


@pytest.mark.parametrize("text", [HOSTILE[5], HOSTILE[8], HOSTILE[10], "x" * 100_000])
def test_text_from_outside_is_text(text):
    """In names, labels, keys, reasons and configs: no control character on a terminal, no markup in the page."""
    summary = run(HOME, ("/a", {}), name=text, labels={text: text}, verdicts=[verdict(text, passed=False, detail=text)])
    summary["endpoints"][0]["name"] = summary["endReason"] = text
    other = {**deepcopy(summary), "config": {text: text}}
    said = side_by_side_text.render(summary, other)
    assert all(line.isprintable() for line in said.split("\n"))
    page = side_by_side_html.render(summary, other).decode()
    body = page[page.index("<main") : page.index("</main>")]
    assert "<script>alert" not in body
    assert all(line.isprintable() for line in body.split("\n"))
