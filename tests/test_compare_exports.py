"""Exports that are read, compared and told, by the command itself."""

import csv
import io
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from compared_runs import KEYS, exported, run_of
from summaries import HOSTILE

from tressi.cli import main
from tressi.compare.answer import Settings, compared, distributions
from tressi.compare.baseline import held
from tressi.compare.exported import one_against_one, packed, run_part, values_of
from tressi.compare.exports import exports_in, read_run, without_gaps
from tressi.compare.markdown import render as markdown
from tressi.compare.page_html import render as page
from tressi.compare.sides import matched
from tressi.errors import ConfigError
from tressi.run.sure import confidence_row
from tressi.stats.latency import PERCENTILES
from tressi.stats.sureness import percentiles_with_confidence

pytestmark = pytest.mark.pure


def asked(capsys, *words):
    """The command's exit code, standard output and standard error."""
    code = main(["compare", *words])
    return (code, *capsys.readouterr())


def document(capsys, *words):
    """The comparison as JSON."""
    return json.loads(asked(capsys, *words, "--json", "-")[1])


# ------------------------------------------------------------------------------------------------------------ what is read


def test_an_export_is_read_with_its_seconds(tmp_path):
    """To the count: every second of every endpoint."""
    run = run_of(seconds=12)
    read = read_run(exported(run, tmp_path / "a"))
    assert {key: [(end, one.payload) for end, one in lines] for key, lines in read.seconds.items()} == {
        key: [(end, one.payload) for end, one in lines] for key, lines in run.seconds.items()
    }
    assert read.notes == ()
    assert read_run(str(tmp_path / "a" / "summary.json")).seconds is not None


def test_a_summary_alone_says_what_it_cannot_know(tmp_path, capsys):
    """Values without intervals, and no verdict."""
    paths = [exported(run_of(name), tmp_path / name, with_log=False) for name in "ab"]
    said = document(capsys, *paths)
    assert said["verdict"] == "no-difference-shown"
    assert sum("has no latency.hlog" in warning for warning in said["warnings"]) == 2
    assert {one["low"] for one in said["metrics"] if one["metric"] == "p99"} == {None}
    assert all(one["before"] for one in said["metrics"] if one["metric"] == "p99")


def test_the_intervals_of_a_summary_are_used_where_there_is_no_log(tmp_path, capsys):
    """A summary that says how sure its percentiles are is enough; one that is unsure says why."""
    paths = []
    for name, factor in (("a", 1.0), ("b", 2.0)):
        run = run_of(name, factor=factor, keys=KEYS[:1])
        unsure = {"p99": {"reason": "too few responses", "needsSec": 60.0}}
        sides = {f"{p}{side}": None for p in ("p50", "p90", "p95", "p99", "p999") for side in ("Low", "High")}
        sides |= {
            "p50Low": 9.5 * factor,
            "p50High": 10.5 * factor,
            "steadyFrom": 0.0,
            "unsteady": None,
            "effectiveSamples": 900.0,
        }
        run.summary["endpoints"][0]["confidence"] = {**sides, "unsure": unsure}
        paths.append(exported(run, tmp_path / name, with_log=False))
    said = document(capsys, *paths, "--primary", "p50,p99")
    assert said["verdict"] == "differ"
    p50, p99 = (next(one for one in said["metrics"] if one["metric"] == name) for name in ("p50", "p99"))
    assert p50["low"] < 2 < p50["high"]
    assert p99["low"] is None
    assert sum("the intervals of its summary are used" in warning for warning in said["warnings"]) == 2


def test_a_summary_that_says_how_sure_it_is_needs_no_second_of_its_log(tmp_path):
    """The same figures to the digit, one run a side and several, though the log has no line behind its head any more."""
    runs = {name: run_of(name, factor=factor) for name, factor in (("a", 1.0), ("b", 1.1))}
    read = {name: read_run(exported(run, tmp_path / "log" / name)) for name, run in runs.items()}
    for name, run in runs.items():
        parts = [(one, run.seconds[one["endpointKey"]]) for one in run.summary["endpoints"]]
        every = [(row[0][0], packed([second for _, second in row])) for row in zip(*run.seconds.values(), strict=True)]
        for one, lines in [*parts, (run.summary["global"], every)]:
            one.update(confidence_row(percentiles_with_confidence(lines, None, 0.0, PERCENTILES.values())))
        log = Path(exported(run, tmp_path / "sure" / name), "latency.hlog")
        log.write_bytes(b"".join(line for line in log.read_bytes().splitlines(keepends=True) if line.startswith(b"#")))
    sure = {name: read_run(str(tmp_path / "sure" / name)) for name in runs}
    found = matched([*read.values()])
    of_logs, of_summaries = (one_against_one(one["a"], one["b"], found)[0] for one in (read, sure))
    assert of_summaries == of_logs
    assert all(one.low < 1.1 < one.high for one in of_summaries if one.metric == "p50")
    of_logs, of_summaries = ([values_of(run_part(run, [key])) for run in one.values() for key in KEYS] for one in (read, sure))
    assert of_summaries == of_logs


def test_a_log_of_another_run_is_not_used(tmp_path):
    """It began at another moment; one that began then, and has not as many values, is refused as soon as it is needed."""
    a, b = (exported(run_of(name, each=each), tmp_path / name) for name, each in (("a", 60), ("b", 50)))
    log = (tmp_path / "b" / "latency.hlog").read_bytes()
    (tmp_path / "a" / "latency.hlog").write_bytes(log.replace(b"BaseTime: 1", b"BaseTime: 2"))
    assert read_run(a).seconds is None
    assert "not of its run" in read_run(a).notes[0]
    (tmp_path / "a" / "latency.hlog").write_bytes(log)
    with pytest.raises(ConfigError, match="does not sum to its summary"):
        compared([read_run(a)], [read_run(b)], Settings())
    (tmp_path / "a" / "latency.hlog").write_bytes(log.replace(b",HIST", b",HISS"))
    with pytest.raises(ConfigError, match="without it the summary alone"):
        compared([read_run(a)], [read_run(b)], Settings())


def test_seconds_without_an_answer_are_seconds():
    """The log has no line for them; an endpoint that pauses is not shorter for it."""
    run = run_of(seconds=8)
    ends = [end for end, _ in run.seconds[KEYS[1]]]
    filled = without_gaps([line for line in run.seconds[KEYS[0]] if line[0] != 4.0], ends)
    assert [end for end, _ in filled] == ends
    assert filled[3][1].count == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "no summary of a run"),
        ("[1]", "no summary"),
        ('{"schemaVersion": 1', "breaks off at line 1: it is not whole"),
        ("NaN", "not JSON"),
    ],
)
def test_what_is_no_summary_is_refused(tmp_path, text, words):
    """In words, naming the file."""
    (tmp_path / "summary.json").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=words):
        read_run(str(tmp_path))


def test_a_directory_of_exports_is_all_of_them(tmp_path):
    """In the order of their names; one without any is refused."""
    run = run_of(seconds=2)
    made = [exported(run, tmp_path / name) for name in ("b", "a")]
    assert exports_in(str(tmp_path)) == sorted(made)
    assert exports_in(made[0]) == [made[0]]
    (tmp_path / "none").mkdir()
    with pytest.raises(ConfigError, match="it is no export"):
        exports_in(str(tmp_path / "none"))


def test_endpoints_of_two_targets_are_the_same_by_path():
    """Their keys have two origins."""
    other = tuple(key.replace("host", "other:81") for key in KEYS)
    found = matched([run_of("a", seconds=1), run_of("b", seconds=1, keys=other)])
    assert [one.keys for one in found.common] == list(zip(KEYS, other, strict=True))
    assert found.lonely == ()


# ------------------------------------------------------------------------------------------------------------ what is said


def test_several_runs_a_side_find_the_slower_build(tmp_path, capsys):
    """4 + 4 runs, 40 % slower, 3 % from run to run: exit code 1, and the runs after the -- are the new ones."""
    before = [exported(run_of(f"a{n}", spread=0.03, seconds=10), tmp_path / "base" / str(n)) for n in range(4)]
    after = [exported(run_of(f"b{n}", spread=0.03, seconds=10, factor=1.4), tmp_path / "new" / str(n)) for n in range(4)]
    code, out, _ = asked(capsys, *before, "--", *after)
    assert code == 1
    assert out.startswith("SLOWER: ")
    code, out, _ = asked(capsys, *after, "--", *before)
    assert code == 0
    assert out.startswith("FASTER: ")
    said = document(capsys, *before, "--", *after)
    assert (said["design"], said["verdict"], said["runs"]) == ("runs", "slower", {"before": 4, "after": 4})
    p99 = next(one for one in said["metrics"] if one["metric"] == "p99" and one["primary"])
    assert p99["low"] < 1.4 < p99["high"]


def test_three_runs_a_side_say_that_they_are_too_few():
    """No p value that they can have is below 0.1."""
    runs = [run_of(f"{n}", seconds=2, spread=0.02, factor=1.0 + n // 3) for n in range(6)]
    said = compared(runs[:3], runs[3:], Settings())
    assert said.verdict == "cannot-tell"
    assert "least p value of so few is 0.1" in said.warnings[0]


def test_one_run_a_side_differs_and_is_not_slower(tmp_path, capsys):
    """Until calibration says how much runs of one build differ."""
    a, b = exported(run_of("a"), tmp_path / "a"), exported(run_of("b", factor=1.3), tmp_path / "b")
    code, out, _ = asked(capsys, a, b, "--primary", "p90")
    assert code == 0
    assert out.startswith("THESE TWO RUNS DIFFER")
    known = [exported(run_of(f"c{n}", spread=0.02, seconds=10), tmp_path / "known" / str(n)) for n in range(5)]
    assert document(capsys, a, b, "--primary", "p90", "--calibrate", *known)["verdict"] == "slower"
    noisy = [exported(run_of(f"d{n}", spread=0.3, seconds=5), tmp_path / "noisy" / str(n)) for n in range(5)]
    assert document(capsys, a, b, "--primary", "p90", "--calibrate", str(tmp_path / "noisy"))["verdict"] == "cannot-tell"
    assert len(noisy) == 5


def test_a_generator_at_its_limit_gives_no_answer():
    """The difference may be its own."""
    runs = run_of("a", seconds=12), run_of("b", seconds=12, factor=1.5, saturated_by=("its core was busy",))
    said = compared(runs[:1], runs[1:], Settings(primary=("p50",)))
    assert said.verdict == "cannot-tell"
    assert "b measured its generator, not its target: its core was busy" in said.blocked


def test_more_failures_are_told_and_are_worse(tmp_path, capsys):
    """A fast failure is no speed-up."""
    before = [exported(run_of(f"a{n}", seconds=3, spread=0.02), tmp_path / "a" / str(n)) for n in range(4)]
    after = [exported(run_of(f"b{n}", seconds=3, failed=30 + n, spread=0.02), tmp_path / "b" / str(n)) for n in range(4)]
    code, out, _ = asked(capsys, str(tmp_path / "a"), str(tmp_path / "b"))
    assert code == 1
    assert out.startswith("MORE FAILURES: ")
    assert "a fast failure is no" in " ".join(out.split())
    assert (len(before), len(after)) == (4, 4)


def test_other_loads_are_told():
    """Configs that differ beyond the target."""
    a, b = run_of("a", seconds=1), run_of("b", seconds=1)
    for run, document_ in ((a, {"rps": 10, "baseUrl": "http://a", "requests": [{"url": "http://a/x?y=1"}]}), (b, None)):
        run.summary["config"] = document_ or {"rps": 20, "baseUrl": "http://b", "requests": [{"url": "http://b/x?y=1"}]}
    assert "the runs did not have the same config: rps differ" in compared([a], [b], Settings()).warnings


def test_no_common_endpoint_is_refused():
    """There is nothing to compare."""
    with pytest.raises(ConfigError, match="no endpoint in common"):
        compared([run_of("a", seconds=1)], [run_of("b", seconds=1, keys=("GET http://host/c",))], Settings())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["one"], "takes two runs"),
        (["--live", "a.json", "b.json", "--csv", "x"], "--csv is of exports"),
        (["a", "b", "--at-once"], "--at-once needs two targets"),
        (["a", "b", "--calibrate", "c"], "takes three exports"),
        (["a", "b", "--json", "-", "--markdown", "-"], "--json and --markdown both go to standard output"),
        (["a", "b", "--json", "/no/such/folder/x.json"], "--json: /no/such/folder is no directory"),
    ],
)
def test_what_contradicts_itself_is_refused(capsys, words, said):
    """With exit code 2 and the reason."""
    code, _, error = asked(capsys, *words)
    assert code == 2
    assert said in error


@pytest.mark.parametrize("words", [["--margin", "0"], ["--margin", "x"], ["--primary", "p98"], ["--pairs", "5"]])
def test_bad_values_of_flags_are_refused(capsys, words):
    """By argparse, with usage."""
    code, _, error = asked(capsys, "a", "b", *words)
    assert code == 2
    assert words[0] in error


# ------------------------------------------------------------------------------------------------------------- the outputs


@pytest.fixture(scope="module")
def comparison():
    """A comparison whose endpoints have names that mean something elsewhere."""
    hostile = tuple(f"GET http://host/{text}" for text in HOSTILE[:12])
    sides = [
        [run_of(f"{side}{n}", seconds=2, each=30, keys=hostile, factor=factor, spread=0.01) for n in range(4)]
        for side, factor in (("a", 1.0), ("<b>", 1.3))
    ]
    return compared(*sides, Settings()), sides


def test_every_form_is_written(tmp_path, capsys):
    """Each to its file, the table beside them."""
    a, b = (exported(run_of(name), tmp_path / name) for name in "ab")
    files = {name: tmp_path / f"out.{name}" for name in ("json", "markdown", "html", "junit", "csv")}
    code, out, _ = asked(capsys, a, b, *(word for name, path in files.items() for word in (f"--{name}", str(path))))
    assert code == 0
    assert "95 % interval" in out
    assert json.loads(files["json"].read_bytes())["design"] == "one-against-one"
    assert files["markdown"].read_text(encoding="utf-8").startswith("### ")
    suite = ET.fromstring(files["junit"].read_bytes()).find("testsuite")
    assert (suite.get("tests"), suite.get("skipped"), suite.get("failures")) == ("4", "4", "0")
    rows = list(csv.DictReader(io.StringIO(files["csv"].read_text(encoding="utf-8"))))
    assert [row["run"] for row in rows] == [a, b]
    assert all(float(value) >= 0 for row in rows for name, value in row.items() if name not in {"time", "run"})
    assert "Content-Security-Policy" in files["html"].read_text(encoding="utf-8")


def test_the_page_escapes_what_endpoints_are_called(comparison):
    """And asks for nothing: its policy allows the scripts in it alone."""
    said, sides = comparison
    text = page(said, distributions(*sides)).decode()
    assert "<script>alert(1)" not in text
    assert "&lt;b&gt;0" in text
    assert "default-src &#39;none&#39;" in text
    assert text.count('<svg class="ratios"') == 12


def test_markdown_has_no_markup_of_others(comparison):
    """Names are code, and the table has its columns."""
    text = markdown(comparison[0])
    assert text.startswith("### 🔴 ")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) > 12


# ------------------------------------------------------------------------------------------------------------ the baseline


def test_a_run_that_is_surely_slower_breaks_its_baseline():
    """Twice as slow, where 5 % are allowed; where four times are, it does not."""
    baseline = [run_of(f"a{n}", spread=0.02, seconds=5) for n in range(4)]
    slow = run_of("b", factor=2.0, seconds=5)
    broken = held(baseline, slow, 0.05).row
    assert (broken["passed"], broken["limit"]) == (False, 5)
    assert "p99 +" in broken["detail"]
    assert held(baseline, slow, 3.0).row["passed"] is True
    assert held(baseline, run_of("c", seconds=5), 0.05).row["passed"] is True


def test_a_baseline_of_another_test_is_not_judged():
    """The run is over by then, and its results are not lost."""
    row = held([run_of("a", seconds=1, keys=("GET http://host/z",))], run_of("b", seconds=1), 0.05).row
    assert row["passed"] is None
    assert "no endpoint in common" in row["detail"]
