"""A run as Prometheus metrics, read back by prometheus_client's own parsers."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from each import each
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain_text
from summaries import HOSTILE, endpoint_snapshot, engine_snapshot, histogram, moment, over_h2, resolved

from tressi.config.load import load_config
from tressi.model import EndpointSnapshot, Window
from tressi.model.flow import Flow, Send
from tressi.run.blank_snapshot import blank_snapshot
from tressi.ui.prometheus_metrics import EDGES_US, View, cumulative, families

pytestmark = pytest.mark.pure

PAGE = (Path(__file__).parent.parent / "docs" / "prometheus.md").read_text(encoding="utf-8")
FORMATS = [("", plain_text), ("application/openmetrics-text; version=1.0.0", open_metrics)]
GOOD, BAD = "GET http://host/good", "GET http://host/bad"


class Collected:
    """What a scrape of a view collects."""

    def __init__(self, view):
        self.view = view

    def collect(self):
        """Collect it."""
        return families(self.view)


def text_of(view, accept=""):
    """What a scraper gets that accepts this."""
    return choose_encoder(accept)[0](Collected(view)).decode()


def samples_of(view, accept="", parse=plain_text):
    """Every sample by its name and labels, as a parser reads it."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parse(text_of(view, accept))
        for sample in family.samples
    }


def value(samples, name, **labels):
    """One sample's value; None where there is none."""
    return samples.get((name, tuple(sorted(labels.items()))))


def full_view():
    """A view in which every metric has a sample."""
    good = replace(endpoint_snapshot(GOOD), connect=histogram(80), tls=histogram(900))
    bad = endpoint_snapshot(BAD, succeeded=0, failed=40, missed=60, status_codes={503: 9}, errors={"connect": 31})
    shop = Flow("flow shop", "shop", (Send(BAD),), target_rps=2.0)
    book = EndpointSnapshot("flow shop", started=5, succeeded=3, failed=2, worker_count=4, in_flight=1, target_rps=2.0)
    book.response.record(4_000, 3)
    reading = engine_snapshot(replace(good, goaways=3, h2_connections=4), replace(bad, abandoned=2), shared_us=(30, 50))
    return View(
        replace(over_h2(resolved(GOOD, BAD)), flows=(shop,)),
        replace(reading, flows={"flow shop": book}),
        1_700_000_000.0,
        moment(GOOD, BAD, saturated_by=("CPU",)),
        {(GOOD, "scale-up"): 3},
        {"pause": 1},
        {("p99 < 2ms", GOOD): True, ("rps > 1", ""): None},
    )


@pytest.mark.parametrize(("accept", "parse"), FORMATS, ids=["text", "openmetrics"])
def test_counts_are_those_of_the_reading(accept, parse):
    """Both formats say, endpoint by endpoint, what the engine counted."""
    samples = samples_of(full_view(), accept, parse)
    assert value(samples, "tressi_requests_total", endpoint=GOOD, outcome="success") == 100
    assert value(samples, "tressi_requests_total", endpoint=BAD, outcome="failure") == 40
    assert value(samples, "tressi_responses_total", endpoint=BAD, code="503") == 9
    assert value(samples, "tressi_errors_total", endpoint=BAD, kind="connect") == 31
    assert value(samples, "tressi_missed_starts_total", endpoint=BAD) == 60
    assert value(samples, "tressi_received_bytes_total", endpoint=GOOD) == 2000
    assert value(samples, "tressi_service_time_seconds_count", endpoint=GOOD) == 100
    assert value(samples, "tressi_service_time_seconds_sum", endpoint=GOOD) == pytest.approx(0.15)
    assert value(samples, "tressi_scaling_decisions_total", pool=GOOD, action="scale-up") == 3
    assert value(samples, "tressi_threshold_passed", threshold="p99 < 2ms", endpoint=GOOD) == 1
    assert value(samples, "tressi_generator_saturated") == 1
    assert value(samples, "tressi_flow_started_total", flow="shop") == 5
    assert value(samples, "tressi_flow_abandoned_total", flow="shop", endpoint=BAD) == 2
    assert value(samples, "tressi_flow_under_way", flow="shop") == 1
    assert value(samples, "tressi_flow_duration_seconds_count", flow="shop") == 3
    assert value(samples, "tressi_workers", pool="flow shop") == 4
    assert value(samples, "tressi_goaways_total", endpoint=GOOD) == 3
    assert value(samples, "tressi_multiplexed_connections_opened_total", endpoint=GOOD) == 4
    assert value(samples, "tressi_streams_per_connection", endpoint=GOOD) == 4
    assert value(samples, "tressi_goaways_total", endpoint=BAD) is None
    assert value(samples, "tressi_generator_shared_arrival_seconds_count") == 2


@pytest.mark.parametrize(("accept", "parse"), FORMATS, ids=["text", "openmetrics"])
def test_every_metric_has_a_sample_somewhere(accept, parse):
    """The view of these tests shows all there is, so that a metric nobody can see is noticed."""
    assert [family.name for family in parse(text_of(full_view(), accept)) if not family.samples] == []


@given(values_us=st.lists(st.integers(1, 100_000_000), min_size=1, max_size=200))
def test_a_bucket_counts_what_is_at_most_its_edge(values_us):
    """To the value up to 2 ms, to the width of a counter beyond; the last counts everything."""
    *counts, total = cumulative(histogram(*values_us))
    assert total == len(values_us)
    for edge, count in zip(EDGES_US, counts, strict=True):
        highest = edge if edge < 2048 else edge * 1.001
        assert sum(one <= edge for one in values_us) <= count <= sum(one <= highest for one in values_us)


def test_counters_of_a_run_begin_at_zero():
    """Before anything has happened each endpoint has its counters, so that no first step is lost to `increase`."""
    config = resolved(GOOD)
    samples = samples_of(View(config, blank_snapshot(config), 1.0))
    assert not [name for name, _ in samples if "goaways" in name or "streams" in name or "shared" in name]
    assert value(samples, "tressi_requests_total", endpoint=GOOD, outcome="failure") == 0
    assert value(samples, "tressi_missed_starts_total", endpoint=GOOD) == 0
    assert value(samples, "tressi_target_requests_per_second", endpoint=GOOD) is None


def test_the_shared_pools_workers_count_once():
    """Two endpoints of one pool have one number of workers, and their parts of its last second add up; no window is asked."""
    window = Window(span_s=1, lane_s=4, occupied_lane_s=4)
    parts = [replace(endpoint_snapshot(key, workers=4), window=window) for key in (GOOD, BAD)]
    second = moment(GOOD, BAD, utilisation=0.25, max_workers=None)
    samples = samples_of(View(resolved(GOOD, BAD, autoscale=False), engine_snapshot(*parts), 1.0, second))
    assert {name: value for name, value in samples.items() if name[0] == "tressi_workers"} == {
        ("tressi_workers", (("pool", "shared"),)): 4
    }
    assert value(samples, "tressi_utilisation_ratio", pool="shared") == 0.5


def test_a_hanging_target_shows_in_what_is_in_flight():
    """How many requests are under way, and how long the oldest has been; what was cut has a counter of its own."""
    hanging = replace(endpoint_snapshot(GOOD), in_flight=10, oldest_s=9.8, cut=3)
    samples = samples_of(View(resolved(GOOD), engine_snapshot(hanging), 1.0))
    assert value(samples, "tressi_requests_in_flight", endpoint=GOOD) == 10
    assert value(samples, "tressi_oldest_request_age_seconds", endpoint=GOOD) == 9.8
    assert value(samples, "tressi_cut_requests_total", endpoint=GOOD) == 3


@each(("accept", "parse"), FORMATS, ids=["text", "openmetrics"])
@each("text", [*HOSTILE, 'quote" back\\slash', "two\nlines", '"} 1\ntressi_forged 1'])
def test_no_text_breaks_out_of_its_label(text, accept, parse):
    """A label's value comes back as it was, whatever is in it, and makes no line of its own."""
    config = resolved(GOOD)
    config = replace(config, endpoints=(replace(config.endpoints[0], name=text),))
    samples = samples_of(View(config, blank_snapshot(config), 1.0), accept, parse)
    assert [dict(labels)["name"] for name, labels in samples if name == "tressi_endpoint_info"] == [text]
    assert not any(name == "tressi_forged" for name, _ in samples)


def test_no_secret_is_served():
    """User info in a URL and the values of secret headers are nowhere."""
    config = load_config(
        {
            "headers": {"Authorization": "hidden-header"},
            "requests": [{"url": "http://name:hidden-word@127.0.0.1:1/", "autoscale": {"enabled": True, "targetRps": 1}}],
        }
    )
    text = text_of(View(config, blank_snapshot(config), 1.0))
    assert "hidden" not in text
    assert "http://***@127.0.0.1:1/" in text


def test_names_keep_the_ecosystems_rules():
    """Counters end in _total and nothing else does; what is a time is in seconds; every metric has a sentence."""
    for family in families(full_view()):
        assert re.fullmatch(r"tressi_[a-z_]+", family.name)
        assert not family.name.endswith(("_total", "_ms", "_count", "_sum", "_bucket"))
        assert family.documentation.endswith(".")
        if family.type == "histogram":
            assert family.name.endswith("_seconds")


def test_every_metric_is_explained():
    """The page has a row for each metric: its type, its labels and what it means."""
    for family in families(full_view()):
        suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
        labels = dict.fromkeys(label for sample in family.samples for label in sample.labels if label != "le")
        shown = ", ".join(f"`{label}`" for label in labels)
        kind = "gauge" if family.type == "info" else family.type
        assert f"| `{family.name}{suffix}` | {kind} | {shown} | " in PAGE, family.name


def test_the_page_shows_no_metric_that_does_not_exist():
    """Every name on the page, in its queries too, is served."""
    served = set(re.findall(r"^(tressi_[a-z_]+)", text_of(full_view()), re.MULTILINE))
    served |= {family.name for family in families(full_view()) if family.type == "histogram"}
    assert set(re.findall(r"tressi_[a-z_]+", PAGE)) - served == set()
