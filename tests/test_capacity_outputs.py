"""What a search says: its document and what is made of it, the command's flags, and a second as a run sees it."""

import json
from argparse import ArgumentParser
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from tressi._core import Histogram
from tressi.capacity.document import Beside, document_of, verdict_line
from tressi.capacity.known import Plan
from tressi.capacity.search import Search
from tressi.capacity.slo import condition_of
from tressi.capacity.trial import Second
from tressi.cli import capacity
from tressi.cli.capacity_asked import asked_of
from tressi.cli.capacity_search import check_outputs, exit_code
from tressi.cli.exits import Exit
from tressi.config.load import load_config
from tressi.errors import ConfigError
from tressi.model import EndpointSnapshot, EngineSnapshot, GeneratorSnapshot, Reason
from tressi.report.capacity_html import page
from tressi.report.capacity_svg import svg
from tressi.report.capacity_text import closing_lines, markdown, rows, sureness
from tressi.run.searching import Rates, Searching, second_of
from tressi.ui.capacity_progress import bracket_words, left_words, sentences, status, trial_words

pytestmark = pytest.mark.pure

KEY, OTHER = "GET http://h/<a>|b", "GET http://h/c"
TRIAL_FIELDS = {"rps", "seconds", "badShare", "low", "high", "verdict", "p99", "trend"}


def histogram(count, ms):
    made = Histogram()
    made.record(round(ms * 1000), count)
    return made


def searched(seconds, slo="p99 < 20ms"):
    """A search that has seen so many seconds of a target that serves 100 a second."""
    search = Search([condition_of(slo)], Plan(50.0, 1.0, 0.02, 300.0))
    step = search.begin()
    for t in range(1, seconds + 1):
        is_over = step.rps > 100
        response = histogram(round(step.rps), 300.0 if is_over else 4.0)
        bad = response.count if is_over else 0
        step = search.see(Second(float(t), response.count, (bad,), 400 * is_over, 4.0, response=response))
    return search, step


def document(seconds=60):
    search, _ = searched(seconds)
    search.stop("budget")
    return document_of(search, KEY, [[Beside(OTHER, 5.0, 3.25)]] * len(search.trials))


def test_the_document_has_the_shape_that_the_docs_promise():
    """It is JSON, every trial has its fields, and the capacity its interval."""
    found = json.loads(json.dumps(document()))
    assert set(found) >= {"capacity", "slo", "endpointKey", "trials", "seconds"}
    assert set(found["capacity"]) >= {"rps", "low", "high", "limitedBy", "broke"}
    assert found["capacity"]["low"] <= found["capacity"]["rps"] <= found["capacity"]["high"]
    assert (found["slo"], found["endpointKey"], found["seconds"]) == (["p99 < 20ms"], KEY, 60.0)
    assert all(set(one) >= TRIAL_FIELDS for one in found["trials"])
    assert {one["verdict"] for one in found["trials"]} <= {"held", "broke", "undecided"}
    long = [one for one in found["trials"] if one["seconds"] > 12]
    assert long
    assert all(one["p99Low"] <= one["p99"] <= one["p99High"] for one in long)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"rps": 769.4, "low": 757.2, "high": 781.0, "limitedBy": "slo"}, "x carries 769.4 RPS (757.2 to 781) with p99 < 20ms"),
        ({"rps": 759.0, "low": 759.0, "high": None, "limitedBy": "generator"}, "at least 759 RPS with p99 < 20ms: the gen"),
        ({"rps": 759.0, "low": 759.0, "high": None, "limitedBy": "workers"}, "the pool's limit, not the target's"),
        ({"rps": 759.0, "low": 759.0, "high": None, "limitedBy": "budget"}, "nothing broke by then"),
        ({"rps": None, "low": None, "high": 1.0, "limitedBy": "slo"}, "even at the lowest rate tried (1 RPS)"),
        ({"rps": None, "low": None, "high": None, "limitedBy": "budget"}, "no rate has held"),
    ],
)  # fmt: skip
def test_the_answer_is_one_sentence(found, words):
    """A number is the target's only where it is."""
    assert words in verdict_line({"capacity": found, "slo": ["p99 < 20ms"]}, "x")


@pytest.mark.parametrize(
    ("found", "tone", "words"),
    [
        ({"rps": 769.4, "low": 757.2, "high": 781.0, "limitedBy": "slo"}, "good", "95 % interval 757.2 to 781 RPS, as close"),
        ({"rps": 769.4, "low": 600.0, "high": 900.0, "limitedBy": "budget"}, "warn", "Between 600 and 900 RPS: the sea"),
        ({"rps": 759.0, "low": 759.0, "high": None, "limitedBy": "generator"}, "warn", "tressi itself was at its limit"),
        ({"rps": 759.0, "low": 759.0, "high": None, "limitedBy": "workers"}, "warn", "with a higher maxWorkers it may be more"),
        ({"rps": 759.0, "low": 759.0, "high": None, "limitedBy": "budget"}, "warn", "the target may carry more"),
        ({"rps": None, "low": None, "high": 1.0, "limitedBy": "slo"}, "bad", "Nothing that was tried held"),
    ],
)  # fmt: skip
def test_a_page_says_how_far_its_answer_can_be_relied_on(found, tone, words):
    """In a colour and a sentence; it is green only where the search came to its end."""
    told, said = sureness({"capacity": found})
    assert told == tone
    assert words in said
    assert f'<section class="verdict {tone}"' in page({**document(), "capacity": {**found, "broke": None, "reason": None}}, {})


def test_what_lies_above_the_picture_says_where():
    """A trial whose p99 is ten times the limit stands at the edge, with its figure."""
    found = document()
    slowest = max(one["p99"] for one in found["trials"])
    assert slowest > 4 * 20
    assert f"\u2191 {slowest:.0f}</text>" in svg(found)


def test_every_output_has_the_answer_and_is_sound():
    """Markdown, page and picture are made of the document; a key with their marks breaks none."""
    found, labels = document(), {KEY: "a <b> | c", OTHER: "other"}
    answer = verdict_line(found, "a <b> | c")
    assert closing_lines(found, labels)[-1] == answer
    assert "meanwhile other: 5.0 RPS, p99 3.25 ms" in closing_lines(found, labels)
    text = markdown(found, labels)
    assert text.startswith(r"**a \<b\> \| c carries")
    assert text.count("\n|") == len(found["trials"]) + 2
    html = page(found, labels)
    assert "a &lt;b&gt; | c carries" in html
    assert "<b>" not in html
    assert "script" not in html
    drawn = ET.fromstring(svg(found))
    texts = ["".join(one.itertext()) for one in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert "p99 of the response times" in texts
    assert any("RPS" in one for one in texts)
    assert len(rows(found)) == len(found["trials"])
    none = document_of(Search([condition_of("errorRate < 1%")], Plan(50.0, 1.0)), None)
    assert "the whole config: no rate has held errorRate < 1% yet" in closing_lines(none, {})
    ET.fromstring(svg(none))


def test_progress_says_the_trial_the_bracket_and_the_time_left():
    """In one line while it lasts, and a line for each trial."""
    search, step = searched(6)
    second = Second(6.0, 50, (0,), 3, 4.0)
    assert status(search, step, second) == (
        "exploring: 50.0 RPS, 2 of 7 s at most, 0.00% bad, 3 in flight | nothing known yet | 4:54 left at most"
    )
    assert sentences(search, step) == (
        "Capacity: nothing is known yet. Trying 50.0 RPS for 2 of 7 s at most, 0 % of the starts are bad; 4:54 left at most."
    )
    search, step = searched(30)
    assert sentences(search, step).startswith("Capacity: between 75 and 112 RPS so far. Trying 91.9 RPS for 4 of 21 s at most,")
    resting, step = searched(1)
    assert sentences(resting, step).startswith(
        "Capacity: nothing is known yet. The target rests at 15.0 RPS before the next trial;"
    )
    assert trial_words(search.trials[0]) == "50.0 RPS looks good after 7 s: 0.00% bad, p99 4 ms"
    assert trial_words(search.trials[-1]).startswith("112.5 RPS broke after 5 s: 100.00% bad")
    assert bracket_words(search) == "between 75 and 112 RPS"
    assert left_words(search) == "4:30 left at most"


@pytest.mark.parametrize(
    ("ended", "found", "code"),
    [
        ("stopped", {"rps": 10.0, "limitedBy": "slo"}, Exit.DONE),
        ("stopped", {"rps": 10.0, "limitedBy": "budget"}, Exit.DONE),
        ("stopped", {"rps": None, "limitedBy": "slo"}, Exit.TEST_FAILED),
        ("stopped", {"rps": 10.0, "limitedBy": "generator"}, Exit.BROKEN),
        ("stopped", {"rps": 10.0, "limitedBy": "workers"}, Exit.BROKEN),
        ("error", {"rps": 10.0, "limitedBy": "budget"}, Exit.BROKEN),
        ("interrupted", {"rps": 10.0, "limitedBy": "budget"}, Exit.INTERRUPTED),
    ],
)
def test_the_exit_code_says_whether_there_is_an_answer(ended, found, code):
    """0 with one, 1 where even the lowest rate breaks, 3 where the generator hides it."""
    assert exit_code({"endReason": ended, "endDetail": "SIGINT"}, {"capacity": found}) is code


# ---------------------------------------------------------------------------------------------------------- the flags


def asked(config, *flags):
    parser = ArgumentParser()
    capacity.add_arguments(parser)
    return asked_of(load_config(config), parser.parse_args(["config.json", *flags]))


def config(*requests, **more):
    return {"baseUrl": "http://h", "requests": list(requests), **more}


def scaled(url, rps, workers, **more):
    return {"url": url, "autoscale": {"enabled": True, "targetRps": rps, "maxWorkers": workers}, **more}


TWO = config(scaled("/a", 200, 30, name="checkout"), scaled("/b", 50, 10))


def test_one_endpoint_is_searched_and_the_others_keep_their_rates():
    """Its pool has all its workers from the start, and the run judges nothing and ends by itself."""
    found = asked({**TWO, "thresholds": ["p99 < 1ms"]}, "--slo", "p99 < 20ms", "--endpoint", "checkout", "--budget", "10m")
    first, second = found.config.endpoints
    assert (first.autoscale.min_workers, first.autoscale.initial_workers, first.autoscale.max_workers) == (30, 30, 30)
    assert second.autoscale == load_config(TWO).endpoints[1].autoscale
    assert found.endpoint_key == "GET http://h/a"
    assert found.rates == Rates(("GET http://h/a",), {"GET http://h/a": 1.0})
    assert (found.plan.first_rps, found.plan.budget_s, found.plan.precision) == (20.0, 600.0, 0.02)
    assert (found.config.thresholds, found.config.export, found.config.duration_s > 600) == ((), None, True)
    assert found.config.worker_limit == 30 + 10, "the other has its workers beside those of the searched one"
    assert (found.config.document["workers"], found.config.document["duration"]) == (40, found.config.duration_s)
    shared = {**TWO, "autoscale": {"enabled": True, "maxWorkers": 4}}
    found = asked(shared, "--slo", "p99 < 20ms", "--endpoint", "checkout")
    assert (found.config.worker_limit, found.config.document["autoscale"]["maxWorkers"]) == (34, 34)


def test_together_every_pool_has_its_share():
    """All rates are scaled alike."""
    found = asked(TWO, "--slo", "p99 < 20ms", "--together", "--from", "100", "--max-workers", "7")
    assert found.rates.of_pools == {"GET http://h/a": 0.8, "GET http://h/b": 0.2}
    assert found.endpoint_key is None
    assert [one.autoscale.target_rps for one in found.config.endpoints] == pytest.approx([24.0, 6.0])
    assert [one.autoscale.max_workers for one in found.config.endpoints] == [7, 7]


def test_a_shared_pool_of_one_endpoint_is_searched_too():
    """Its rate is the pool's; a config without a rate begins at 10 RPS."""
    found = asked(config({"url": "/a"}, workers=5), "--slo", "p99 < 20ms", "--precision", "0.05")
    assert (found.plan.first_rps, found.plan.precision) == (10.0, 0.05)
    assert (found.config.shared_pool.workers, found.config.shared_pool.target_rps) == (5, 3.0)


@pytest.mark.parametrize(
    ("document", "flags", "why"),
    [
        (TWO, (), "--endpoint: is missing"),
        (TWO, ("--endpoint", "nobody"), "no endpoint of this run has that key or name"),
        (TWO, ("--endpoint", "checkout", "--together"), "--together: stands beside --endpoint"),
        (config({"url": "/a"}, {"url": "/b"}, rps=10), ("--endpoint", "GET /a"), "shares the rate of a pool with others"),
        (config({"url": "/a"}), ("--together",), "has no rate, so there is no share"),
        (TWO, ("--endpoint", "checkout", "--slo", "mean < 3ms"), "--slo: 'mean < 3ms': mean is no share of the starts"),
        (TWO, ("--endpoint", "checkout", "--slo", "p99 < 40s"), "given up after 30 s (timeout)"),
    ],
)
def test_what_cannot_be_searched_is_refused_with_the_reason(document, flags, why):
    """Before anything is sent."""
    with pytest.raises(ConfigError) as refused:
        asked(document, "--slo", "p99 < 20ms", *flags)
    assert why in str(refused.value)


@pytest.mark.parametrize(
    "flags", [("--budget", "3s"), ("--budget", "10x"), ("--precision", "0"), ("--from", "0"), ("--max-workers", "0")]
)
def test_flags_out_of_range_are_refused(flags, capsys):
    """By the parser, with what is allowed."""
    with pytest.raises(SystemExit):
        asked(TWO, "--slo", "p99 < 20ms", *flags)
    assert flags[0] in capsys.readouterr().err


def test_two_results_need_two_places(tmp_path):
    """And one that cannot be written is told before the search."""
    with pytest.raises(ConfigError, match="is where --json goes"):
        check_outputs({"--json": "-", "--markdown": "-"})
    with pytest.raises(ConfigError, match="cannot be written"):
        check_outputs({"--html": str(tmp_path / "none" / "page.html")})
    check_outputs({"--json": str(tmp_path / "a"), "--svg": str(tmp_path / "b"), "--stream": None})


# ---------------------------------------------------------------------------------------------------- a second of a run


class Moment:
    """What `Searching` reads of a moment."""

    def __init__(self, t, reading, *, saturated_by=(), paused=False):
        self.t, self.reading, self.saturated_by, self.paused = t, reading, saturated_by, paused


def reading(**endpoints):
    books = {key: EndpointSnapshot(key, **counts) for key, counts in endpoints.items()}
    return EngineSnapshot(0.0, books, GeneratorSnapshot())


def test_a_second_counts_every_start_once():
    """A timeout is slow by its age and no failure beside; a refused connection has no time; late starts are ours."""
    before = reading(a={"response": histogram(10, 5), "service": histogram(10, 5), "succeeded": 10})
    response = histogram(110, 5)
    response.merge(histogram(3, 1000))  # timeouts
    response.merge(histogram(4, 300))  # missed
    now = {
        "response": response, "service": histogram(110, 5), "succeeded": 105, "failed": 13, "missed": 6, "missed_late": 2,
        "errors": {"timeout": 3, "connect": 5}, "in_flight": 7,
        "reasons": (Reason("connect", "[Errno 99] Cannot assign requested address", 5),),
    }  # fmt: skip
    conditions = [condition_of("p99 < 20ms"), condition_of("errorRate < 1%"), condition_of("missed < 1%")]
    second = second_of(before, Moment(3.0, reading(a=now)), ["a"], conditions)
    assert second.starts == 100 + 3 + 4 + 5
    assert second.bad == (3 + 4 + (13 - 3), 13 + 4, 4)
    assert second.served_bad == (13 - 3, 13, 0)
    assert (second.in_flight, second.is_full) == (7, True)
    assert second.limits == (
        "2 starts were missed although workers were free",
        "this machine has no free port left for new connections",
    )
    assert second.median_ms == pytest.approx(5.0, rel=0.01)


def test_a_run_is_steered_at_the_borders_of_trials():
    """The rate is set where the search asks for another one, seconds of a pause do not count, and neighbours are noted."""

    class Runner:
        def __init__(self):
            self.targets, self.stopped = [], 0

        def set_target(self, key, rps, by):
            assert by == "the search"
            self.targets.append((key, rps))

        def stop(self):
            self.stopped += 1

        def on(self, *_):
            pass

    runner, told = Runner(), []
    search = Search([condition_of("p99 < 20ms")], Plan(50.0, 1.0, 0.02, 15.0))
    searching = Searching(search, Rates(("a",), {"a": 1.0}), runner, lambda step, second: told.append((step, second)))
    counts, total = Histogram(), 0
    for t in range(20):
        total += 50
        counts = counts.copy()
        counts.record(4000, 50)
        one = {"response": counts, "service": counts, "succeeded": total}
        moment = Moment(float(t), reading(a=one, b=one), paused=t == 2)
        searching.moment(moment)
    assert runner.targets[:2] == [("a", 50.0), ("a", 75.0)]
    assert (runner.stopped, search.done) == (1, "budget")
    assert told[-1][0].phase == "done"
    assert searching.beside[0] == [Beside("b", pytest.approx(50.0), pytest.approx(4.0, rel=0.01))]
    assert len(searching.beside) == len(search.trials)


def test_a_trial_lets_go_of_its_histograms():
    """They are large, and a search has many seconds."""
    search, _ = searched(60)
    assert all(second.response is None for one in search.trials for second in one.seconds)
    assert replace(search.trials[0]).times[99.0].value_ms == pytest.approx(4.0, rel=0.01)
