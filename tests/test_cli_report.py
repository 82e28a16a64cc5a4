"""`tressi report`: a summary makes the files of an export again; anything else is refused with what is wrong with it."""

import copy
import io
import json
import sys

import pytest
from each import each
from summaries import FLOW_SECOND, decision, endpoint_snapshot, flow_part, summary_of, verdict

from tressi.cli import main
from tressi.errors import ConfigError
from tressi.model import Change
from tressi.report import latency_hlog, timeline_csv
from tressi.report.formats import FORMATS, write_export
from tressi.report.shape import SUMMARY, Each, Leaf, Maybe, Optional, check_summary

pytestmark = pytest.mark.pure

KEY = "GET http://host/a"


def full_summary():
    """A summary with something in every list."""
    summary = summary_of(
        endpoint_snapshot(KEY, failed=2, status_codes={200: 98, 404: 2}),
        decisions=[decision(KEY)],
        changes=[Change(1.0, "set-target", KEY, 5.0)],
        verdicts=[verdict()],
        saturated_by=["2.0 of 2.0 s"],
        lost=("engine 7 was lost",),
    )
    summary["endpoints"][0]["errorReasons"] = [{"kind": "connect", "reason": "refused", "count": 2}]
    bounds = {f"{name}{side}": 1.0 for name in ("p50", "p90", "p95", "p99", "p999") for side in ("Low", "High", "Steady")}
    unsure = {"p999": {"reason": "too few responses", "needsSec": 240.0}}
    sure = {"steadyFrom": 0.0, "unsteady": None, "effectiveSamples": 80.0, **bounds, "unsure": unsure}
    for part in (summary["global"], summary["endpoints"][0]):
        part["confidence"] = copy.deepcopy(sure)  # each is changed alone
    summary["leftOut"] = ["the timeline ends at 3 s"]
    summary |= {"name": "checkout", "labels": {"git": "4f2a9c1"}}
    summary["generator"]["sharedArrivalMs"] = {"p50": 0.1, "p99": 0.4, "max": 0.9}
    node = {"name": "one", "address": "host:1", "engines": 2, "requestsMade": 100, "share": 1.0, "clockBoundMs": 0.5}
    lost = {"lostAt": 2.0, "lost": "no contact", "uncountedAtMost": 3}
    summary["nodes"] = [{**node, "clockOffsetMs": 0.1, "wallAheadMs": 0.1, "nice": 0, **lost}]
    summary["flows"] = [{**flow_part("shop", KEY), "confidence": copy.deepcopy(sure)}]
    for moment in summary["timeline"]:
        moment["flows"] = {"flow shop": FLOW_SECOND}
        moment["global"]["failures"] = moment["endpoints"][KEY]["failures"] = {"404": 1}
    return summary


@pytest.fixture
def folder(tmp_path):
    """An export, its log finer than a summary's own."""
    write_export(full_summary(), tmp_path / "run").check()
    return tmp_path / "run"


def test_a_summary_makes_every_file(folder, tmp_path, capsys):
    """The same bytes, and their names on standard output."""
    again = tmp_path / "again"
    assert main(["report", str(folder / "summary.json"), "-o", str(again)]) == 0
    assert {name: (again / name).read_bytes() for name in FORMATS} == {name: (folder / name).read_bytes() for name in FORMATS}
    assert capsys.readouterr() == ("".join(f"{again / name}\n" for name in FORMATS), "")


def test_a_log_of_another_run_is_not_carried_over(folder, tmp_path, capsys):
    """It is said, and the new log is made from the summary."""
    (folder / "latency.hlog").write_bytes(latency_hlog.render({**full_summary(), "startedAt": "2025-01-01T00:00:00+00:00"}))
    assert main(["report", str(folder / "summary.json"), "-o", str(tmp_path)]) == 0
    said = f"tressi: {folder / 'latency.hlog'} is not of this run, or not whole; the new one has one interval, the whole run\n"
    assert capsys.readouterr().err == said
    assert (tmp_path / "latency.hlog").read_bytes() == latency_hlog.render(full_summary())


def test_a_log_that_cannot_be_read_costs_no_file(folder, tmp_path, capsys):
    """Like one that is not there, but said."""
    (folder / "latency.hlog").unlink()
    (folder / "latency.hlog").mkdir()
    assert main(["report", str(folder / "summary.json"), "-o", str(tmp_path)]) == 0
    assert "latency.hlog cannot be read: Is a directory; the new one" in capsys.readouterr().err
    assert (tmp_path / "latency.hlog").read_bytes() == latency_hlog.render(full_summary())


@pytest.mark.parametrize("place", ["again", "run"])
def test_a_full_timeline_is_carried_over(folder, tmp_path, capsys, place):
    """The summary of a long run is thinned, so the run's own timeline is the finer one, also where it is its own place."""
    summary = json.loads((folder / "summary.json").read_bytes())
    full = (folder / "timeline.csv").read_bytes()
    less = {"timelineSeconds": 2, "timeline": summary["timeline"][1:], "leftOut": []}
    if place == "again":
        less = {"timeline": summary["timeline"][:1], "leftOut": ["the timeline ends at 1 s"]}
    thinned = {**summary, **less}
    (folder / "summary.json").write_text(json.dumps(thinned))
    assert main(["report", str(folder / "summary.json"), "-o", str(tmp_path / place)]) == 0
    assert (tmp_path / place / "timeline.csv").read_bytes() == full
    (folder / "timeline.csv").write_bytes(full[:-40])
    assert main(["report", str(folder / "summary.json"), "-o", str(tmp_path / place)]) == 0
    assert "timeline.csv is not of this run, or not whole; the new one is the summary's, which has less" in (
        capsys.readouterr().err
    )
    assert (tmp_path / place / "timeline.csv").read_bytes() == timeline_csv.render(thinned)


def test_without_a_library_the_rest_is_written(folder, tmp_path, capsys, monkeypatch):
    """The exit code is 0: what is missing is said, with what brings it."""
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    assert main(["report", str(folder / "summary.json"), "-o", str(tmp_path / "new")]) == 0
    captured = capsys.readouterr()
    assert captured.err.startswith(f"tressi: {tmp_path / 'new' / 'report.xlsx'} is left out: ")
    assert "the extra tressi[report]" in captured.err
    assert len(captured.out.splitlines()) == len(FORMATS) - 1


def test_a_file_that_cannot_be_written_is_code_3(folder, tmp_path, capsys):
    """It is named with the reason; the others are there."""
    (tmp_path / "new" / "junit.xml").mkdir(parents=True)
    assert main(["report", str(folder / "summary.json"), "-o", str(tmp_path / "new")]) == 3
    assert f"cannot write {tmp_path / 'new' / 'junit.xml'}: " in capsys.readouterr().err
    assert {path.name for path in (tmp_path / "new").iterdir()} == set(FORMATS)


WHOLE = json.dumps(full_summary())
REFUSED = [
    (b"", "standard input is not JSON: expecting value at line 1, column 1"),
    (b"requests\n", "standard input is not JSON: expecting value at line 1, column 1"),
    (b'{"a": 1}\n{"b": 2}', "standard input is not JSON: extra data at line 2, column 1"),
    (WHOLE[:-100].encode(), "standard input breaks off at line 1: it is not whole"),
    (json.dumps(full_summary(), indent=1)[:300].encode(), "standard input breaks off at line 11: it is not whole"),
    (b'{"schemaVersion": NaN}', "standard input is not JSON: it has no number NaN"),
    (b"[" * 100_000, "standard input is nested too deep"),
    (b'{"schemaVersion": 1, "a": "\\uD800"}', "standard input is not JSON: "),
    (b"\xff\xfe{", "standard input is not JSON: 'utf-8' codec"),
    (b"[]", "standard input is no summary of a run: it has no schemaVersion"),
    (b'{"requests": []}', "standard input is no summary of a run: it has no schemaVersion"),
    (b'{"schemaVersion": 2}', "schemaVersion: 2 is not 1, the one that this version reads: use the tressi that wrote it, or"),
    (b'{"schemaVersion": true}', "schemaVersion: true is not 1"),
    (b'{"schemaVersion": 1}', "tressiVersion: is missing"),
]


@pytest.mark.parametrize(("data", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_what_is_no_summary_is_refused(data, words, tmp_path, monkeypatch, capsys):
    """The message names what is wrong, the exit code is that of bad input, and nothing is written."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert main(["report", "-", "-o", str(tmp_path / "new")]) == 2
    assert capsys.readouterr().err.startswith(f"tressi: {words}")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing.json", "cannot read nothing.json: No such file or directory"),
        (".", ". is no export: it has no summary.json"),
        ("a\0b", "null"),
    ],
)
def test_a_summary_that_cannot_be_read_is_bad_input(name, words, tmp_path, monkeypatch, capsys):
    """Place and reason."""
    monkeypatch.chdir(tmp_path)
    assert main(["report", name, "-o", "new"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("tressi: ")
    assert words in said


def places(shape, place=()):
    """Every place of the shape, as a path into `full_summary`, with what must stand there."""
    yield place, shape
    inner = shape.shape if isinstance(shape, (Maybe, Optional)) else shape
    if isinstance(inner, list):
        yield from places(inner[0], (*place, 0))
    elif isinstance(inner, Each):
        yield from places(inner.shape, (*place, None))  # the first name, whatever it is
    elif isinstance(inner, dict):
        for name, more in inner.items():
            yield from places(more, (*place, name))


def put(document, place, value, *, remove=False):
    """Change one value; returns the names on the way to it."""
    way = []
    for step in place:
        way.append(next(iter(document)) if step is None else step)
        if len(way) < len(place):
            document = document[way[-1]]
    if remove:
        del document[way[-1]]
    else:
        document[way[-1]] = value
    return way


PLACES = [(place, shape) for place, shape in places(SUMMARY) if place]


@each(("place", "shape"), PLACES, ids=[".".join(map(str, place)) for place, _ in PLACES])
def test_every_part_of_a_summary_is_asked_for(place, shape):
    """Without it, or with another type in its place, a document is refused, and the message names the place."""
    for remove in (False, isinstance(place[-1], str) and not isinstance(shape, Optional)):
        summary = copy.deepcopy(full_summary())
        inner = shape.shape if isinstance(shape, Optional) else shape
        way = put(summary, place, {"a": 1} if isinstance(inner, (list, Leaf, Maybe)) else [], remove=remove)
        with pytest.raises(ConfigError, match=r"is missing$" if remove else r"an (object|array) is not ") as refused:
            check_summary(summary, "x")
        assert refused.value.problems[0].path.startswith(str(way[0]))


def test_a_whole_summary_is_taken():
    """And a later one with more in it."""
    assert check_summary({**full_summary(), "more": {"in": "it"}}, "x")["more"] == {"in": "it"}


CONTRADICTIONS = [
    (lambda one: one["endpoints"].append(one["endpoints"][0]), "endpoints: two endpoints have one endpointKey"),
    (lambda one: one["timeline"][1]["endpoints"].clear(), r"timeline\[1\].endpoints: are not the summary's endpoints"),
    (lambda one: one["config"].update(autoscale=True), "config.autoscale: true is not an object"),
    (lambda one: one["config"].update(workers="many"), 'config.workers: "many" is not a number'),
    (lambda one: one["config"].update(autoscale={"maxWorkers": []}), "config.autoscale.maxWorkers: an array is not a number"),
    (lambda one: one["endpoints"][0]["statusCodes"].update(FINE=1), r"endpoints\[0\].statusCodes.FINE: is not a status"),
    (lambda one: one.update(startedAt="2026-01-01T00:00:00"), "startedAt: .* is not an ISO 8601 time with its offset"),
    (lambda one: one.update(startedAt="0001-01-01T00:00:00+23:00"), "startedAt: .* is not an ISO 8601 time with its offset"),
    (lambda one: one["global"].update(rps=10**400), "global.rps: 1000*… is not a number"),
    (lambda one: one["global"].update(retries=2**63), "global.retries: 9223372036854775808 is not a count"),
    (lambda one: one["global"].update(rps=float("inf")), "global.rps: Infinity is not a number"),
    (lambda one: one["global"].update(retries=-1), "global.retries: -1 is not a count"),
    (lambda one: one["global"]["histograms"].update(serviceTime="AAAA"), "serviceTime: .* is not an HdrHistogram as base64"),
]


@each(("change", "words"), CONTRADICTIONS, ids=[words for _, words in CONTRADICTIONS])
def test_what_contradicts_itself_is_refused(change, words):
    """Each part may be right alone."""
    summary = copy.deepcopy(full_summary())
    change(summary)
    with pytest.raises(ConfigError, match=words):
        check_summary(summary, "x")
