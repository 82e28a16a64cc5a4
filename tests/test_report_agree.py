"""Every number in every file of an export is the number of the summary: each file is read back and compared."""

import json

import pytest
from commands import tressi
from exports import PARTS, READERS, agrees, facts
from servers import refusing_port
from summaries import decision, endpoint_snapshot, over_h2, resolved, summary_of, verdict

from tressi.model import Change
from tressi.report.formats import FORMATS, write_export
from tressi.report.latency_hlog import second_by_second
from tressi.report.shape import check_summary
from tressi.run.runner import EndpointRunner
from tressi.testing.fake_engine import FakeEngine
from tressi.testing.target import Target

pytestmark = pytest.mark.timed

BOUND_S = 60


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The export of a run against the embedded target, with failures of both kinds, a growing pool and missed starts."""
    folder = tmp_path_factory.mktemp("run")
    with Target() as url, refusing_port() as port:
        requests = [
            {"url": f"{url}/slow", "autoscale": {"enabled": True, "targetRps": 100, "initialWorkers": 1}},
            {"url": f"{url}/flaky", "autoscale": {"enabled": True, "targetRps": 200, "weight": 0.3}},
            {"url": f"http://127.0.0.1:{port}/", "autoscale": {"enabled": True, "targetRps": 20}},
            {"url": f"{url}/fast", "method": "POST", "payload": {"id": 2**70}, "autoscale": {"enabled": False}},
        ]
        autoscale = {"enabled": True, "maxWorkers": 30, "cooldownPeriod": 1, "scaleUpFactor": 1}
        config = {"duration": 2, "rps": 30, "workers": 2, "autoscale": autoscale, "requests": requests}
        (folder / "config.json").write_text(json.dumps(config))
        done = tressi("config.json", "--quiet", "--export", "results", cwd=folder)
    assert done.returncode == 1, done.stderr  # one endpoint refuses everything
    return folder / "results"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The export of a summary that has what a run alone does not bring: thresholds, changes, a limited generator, HTTP/2."""
    snapshots = [
        endpoint_snapshot(
            "GET http://host/a", failed=7, status_codes={200: 99, 404: 1}, http_2={"goaways": 3, "streams_refused": 5}
        ),
        endpoint_snapshot("PUT http://other/b #2", succeeded=0, failed=3, target=None),
    ]
    summary = summary_of(
        *snapshots,
        config=over_h2(resolved(*(one.endpoint_key for one in snapshots), autoscale=False)),
        shared_us=(30, 50),
        decisions=[decision("GET http://host/a"), decision("GET http://host/a", "scale-down", 2, 1, "1.5 of 2.0 RPS")],
        saturated_by=["2.0 of 2.0 s: at worst …; it spoils: rates"],
        lost=("engine 7 was lost: its process ended",),
        changes=[Change(1.25, "set-target", "GET http://host/a", 12.5), Change(1.5, "pause")],
        verdicts=[
            verdict(),
            verdict("rps > 3", "GET http://host/a", passed=False, value=1.0625, limit=3.0, failed_at=2.0, aborts=True),
            verdict("p99 < 1ms", "PUT http://other/b #2", passed=None, value=None, limit=None, detail="no response"),
        ],
    )
    folder = tmp_path_factory.mktemp("made")
    write_export(summary, folder).check()
    return folder


def test_every_format_has_its_reader():
    """Each format has a function here that reads its numbers back."""
    assert READERS.keys() == FORMATS.keys()


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("export", ["run", "made"])
def test_every_number_is_the_summarys(export, name, request):
    """What a file shows of a kind of numbers is all of them, each with its value."""
    folder = request.getfixturevalue(export)
    known = facts(json.loads((folder / "summary.json").read_bytes()))
    read = READERS[name](folder / name)
    assert sum(map(len, read.values())) > 0 or (name == "flows.csv" and not known["flows"])
    for kind, shown in read.items():
        is_part = PARTS.get((name, kind), lambda _: True)
        expected = {place: value for place, value in known[kind].items() if is_part(place)}
        assert shown.keys() == expected.keys(), kind
        wrong = {place: (shown[place], value) for place, value in expected.items() if not agrees(shown[place], value)}
        assert wrong == {}, kind


def test_the_run_has_something_of_every_kind(run, made):
    """The comparison is not of nothing."""
    of_run, of_made = (facts(json.loads((folder / "summary.json").read_bytes())) for folder in (run, made))
    empty_run, empty_made = ({kind for kind, known in all_of.items() if not known} for all_of in (of_run, of_made))
    assert empty_run == {"changes", "flows", "thresholds"}
    assert empty_made == {"errorReasons", "flows"}
    assert max(place[0] for place in of_run["timeline"]) >= 1.5


def test_without_http_2_no_file_speaks_of_it(run, made):
    """A run that has not asked for it has the files that it always had; names and titles are those of one that has."""
    for name in ("endpoints.csv", "junit.xml", "summary.md", "report.html"):
        words = [b"goaways" if name in {"endpoints.csv", "junit.xml"} else b"GOAWAYs", b"hared arrivals"]
        found = [[word in (folder / name).read_bytes() for word in words] for folder in (run, made)]
        assert found == [[False, False], [True, name != "endpoints.csv"]], name


def test_a_summary_makes_the_same_files_again(run, tmp_path):
    """`tressi report` writes what the run wrote, byte for byte; the log of every second is carried over."""
    for again in (tmp_path / "again", run):  # also in place
        before = {name: (run / name).read_bytes() for name in FORMATS}
        done = tressi("report", run / "summary.json", "-o", again)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines() == [str(again / name) for name in FORMATS]
        assert {name: (again / name).read_bytes() for name in FORMATS} == before


def test_a_run_that_never_started_has_its_files_too(tmp_path):
    """Nothing was measured, and every file says so; the summary is one that makes them again."""
    engine = FakeEngine()
    engine.broken = "no engine"
    runner = EndpointRunner(resolved("GET http://host/a"), engine=engine)
    runner.start()
    summary = runner.summary()
    write_export(summary, tmp_path, second_by_second(summary, runner.intervals())).check()
    assert check_summary(json.loads((tmp_path / "summary.json").read_bytes()), "x") == summary
    assert summary["endReason"] == "error"
    for name, read in READERS.items():
        kinds = read(tmp_path / name)
        known = facts(summary)
        assert {kind: len(found) for kind, found in kinds.items() if found and not known[kind]} == {}, name


def test_from_standard_input_the_log_is_coarser(run, tmp_path):
    """There is no log beside it: one interval a tag, whose values are the same."""
    done = tressi("report", "-", "-o", tmp_path, input=(run / "summary.json").read_text())
    assert (done.returncode, done.stderr) == (0, "")
    read = READERS["latency.hlog"]
    assert read(tmp_path / "latency.hlog") == read(run / "latency.hlog")
    tags = [line.split(",")[0] for line in (tmp_path / "latency.hlog").read_text().splitlines() if line.startswith("Tag=")]
    assert len(tags) == len(set(tags)) >= 6
    assert len((run / "latency.hlog").read_text().splitlines()) > len(tags) + 4
