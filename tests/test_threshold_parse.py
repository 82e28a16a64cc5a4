"""The text of a threshold: what it means, and what is said of one that means nothing."""

import pytest
from each import each

from tressi.threshold.expression import Comparison, Flag, Metric, Number, Operation, metrics_of
from tressi.threshold.names import COUNTS, RATES, STATISTICS, TIMES, names
from tressi.threshold.parse import ThresholdError, parse

pytestmark = pytest.mark.pure

P99 = Metric("responseTime.p99", None, None, 1, "p99")
UNDERSTOOD = [
    ("p99 < 250ms", Comparison(P99, "<", Number(250.0, 1))),
    ("  p99<0.25s ", Comparison(P99, "<", Number(250.0, 1))),
    ("p99 < 250000us", Comparison(P99, "<", Number(250.0, 1))),
    ("p99 <= 1min", Comparison(P99, "<=", Number(60_000.0, 1))),
    ("errorRate < 0.1%", Comparison(Metric("errorRate", text="errorRate"), "<", Number(0.001))),
    ("rps > 20k", Comparison(Metric("rps", text="rps"), ">", Number(20_000.0))),
    (
        "rps > 0.98 * targetRps",
        Comparison(Metric("rps", text="rps"), ">", Operation(Number(0.98), "*", Metric("targetRps", text="targetRps"))),
    ),
    ("saturated == false", Comparison(Metric("saturated", text="saturated"), "==", Flag(value=False))),
    ("service.p99 < 250ms", Comparison(Metric("serviceTime.p99", None, None, 1, "service.p99"), "<", Number(250.0, 1))),
    ("response.p99 < 250ms", Comparison(Metric("responseTime.p99", None, None, 1, "response.p99"), "<", Number(250.0, 1))),
    ("success.p99 < 250ms", Comparison(Metric("successTime.p99", None, None, 1, "success.p99"), "<", Number(250.0, 1))),
    ("firstByte.p(99.95) < 1s", Comparison(Metric("firstByte.p", "99.95", None, 1, "firstByte.p(99.95)"), "<", Number(1e3, 1))),
    ("requestsCut == 0", Comparison(Metric("requestsCut", None, None, 0, "requestsCut"), "==", Number(0.0, 0))),
    ("p99[30s] < 250ms", Comparison(Metric("responseTime.p99", None, 30, 1, "p99[30s]"), "<", Number(250.0, 1))),
    (
        "responseTime.p(99.95)[1min] >= 1s",
        Comparison(Metric("responseTime.p", "99.95", 60, 1, "responseTime.p(99.95)[60s]"), ">=", Number(1000.0, 1)),
    ),
    ("statusCodes(503) == 0", Comparison(Metric("statusCodes", "503", text="statusCodes(503)"), "==", Number(0.0))),
    ("errors(timeout) != 1", Comparison(Metric("errors", "timeout", text="errors(timeout)"), "!=", Number(1.0))),
]


@each(("text", "meaning"), UNDERSTOOD, ids=[row[0].strip() for row in UNDERSTOOD])
def test_a_threshold_means_what_it_says(text, meaning):
    """Times are milliseconds, shares 0 to 1, names those of the summary."""
    assert parse(text) == meaning


def test_products_bind_before_sums_and_parentheses_before_both():
    """As in arithmetic, and from the left where nothing else decides."""
    one = Metric("rps", text="rps")
    assert parse("rps + rps * rps < 1").left == Operation(one, "+", Operation(one, "*", one))
    assert parse("(rps + rps) * rps < 1").left == Operation(Operation(one, "+", one), "*", one)
    assert parse("rps - rps - rps < 1").left == Operation(Operation(one, "-", one), "-", one)


def test_the_longest_window_is_the_comparisons():
    """A comparison of two windows needs both."""
    assert parse("p99[10s] < 2 * p99[60s]").window_s == 60
    assert parse("p99 < 1s").window_s is None


@each("name", [*COUNTS, *RATES, *(f"{time}.{one}" for time in TIMES for one in STATISTICS), *STATISTICS])
def test_every_plain_name_can_be_written(name):
    """What the summary has can be held to a limit."""
    limit = "1ms" if names()[name].time else "1"
    assert [metric.text for metric in metrics_of(parse(f"{name} < {limit}"))] == [name]


REFUSED = [
    ("\0", r"column 1: \x00 stands where a metric or a number or true or false is expected"),
    ("", "column 1: it ends where a metric or a number or true or false is expected"),
    ("p99", "column 4: it ends where a comparison (< <= > >= == !=) is expected"),
    ("p99 <", "column 6: it ends where a metric or a number or true or false is expected"),
    ("(p99 < 3ms", "column 6: < stands where ) is expected"),
    ("p99 < 3ms)", "column 10: ) stands where the end is expected"),
    ("p99 = 3ms", "column 5: = stands where a comparison (< <= > >= == !=) is expected"),
    ("1ms < p99 < 2ms", "column 11: a second comparison; write two thresholds"),
    ("p99 < 3ms and rps > 1", "column 11: and stands where the end is expected"),
    ("p99 < 250", "p99 is a time, and 250 has no unit: write 250ms or 0.25s"),
    ("p99 + 1 < 3ms", "p99 is a time, and 1 has no unit: write 1ms or 0.001s"),
    ("rps > 3ms", "rps and 3ms cannot be compared: one is a time, the other is not"),
    ("p99 * p99 < 3ms", "p99 * p99 and 3ms cannot be compared: one is a time, the other is not"),
    (
        "latency < 3ms",
        "column 1: there is no metric latency; the metrics are those of the summary, such as p99, errorRate, rps",
    ),
    ("1 > errorrate", "column 5: there is no metric errorrate; did you mean errorRate?"),
    ("p98 < 3ms", "column 1: there is no metric p98; write p(98)"),
    ("responseTime.p9999 < 3ms", "column 1: there is no metric responseTime.p9999; write responseTime.p(99.99)"),
    ("serviceTimeMs.mean < 3ms", "column 1: there is no metric serviceTimeMs.mean; did you mean serviceTime.mean?"),
    ("1 < 2", "names no metric: it would always give the same answer"),
    ("saturated < true", "saturated is true or false: compare it with == or !="),
    ("saturated == 1", "saturated is true or false: compare it with == true or == false"),
    ("rps * saturated == 1", "saturated is true or false; nothing can be calculated with it"),
    ("rps(3) > 1", "rps takes nothing in parentheses"),
    ("errors == 1", "errors takes a kind, as in errors(timeout)"),
    (
        "statusCodes(1000) == 1",
        "statusCodes takes a status from 100 to 999, as in statusCodes(503), or one of gRPC, as in statusCodes(UNAVAILABLE)",
    ),
    ("p(0) < 1ms", "responseTime.p takes a percentile above 0 and up to 100, as in p(99.95)"),
    ("p99[30] < 1s", "the window [30] is no time: write [30s]"),
    ("p99[500ms] < 1s", "the window [500ms] is not a whole number of seconds from 1s to 3600s"),
    ("p99[90min] < 1s", "the window [90min] is not a whole number of seconds from 1s to 3600s"),
    ("tlsTime.p99[3s] < 1s", "tlsTime.p99 is known of the whole run alone; leave out the window"),
]


@each(("text", "message"), REFUSED, ids=[row[0] or "nothing" for row in REFUSED])
def test_a_threshold_that_means_nothing_is_refused_in_words(text, message):
    """The place, what stands there, and what would be right."""
    with pytest.raises(ThresholdError) as refusal:
        parse(text)
    assert str(refusal.value) == message


@pytest.mark.parametrize("text", ["rps > " + "0 + " * 9000 + "1", "rps > " + "(1 + " * 9000 + "1" + ")" * 9000])
def test_a_threshold_of_thousands_of_terms_is_refused_in_words(text):
    """And not by the depth of Python's stack."""
    with pytest.raises(ThresholdError):
        parse(text)
