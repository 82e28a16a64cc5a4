"""What a reader finds in each file of an export, under the places that the summary has it at.

`facts` turns a summary into numbers by kind and place. Each reader opens one file with a library that did not write it and
returns what stands there, as numbers, or as `Rounded` text where the file is for people. A new format needs its reader here.
"""

import csv
import json
import re
from dataclasses import dataclass
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from exports_html import numbered, read_html
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from markdown_it import MarkdownIt
from openpyxl import load_workbook
from test_report_html import ENDPOINT, POOL

from tressi._core import HIGHEST_US
from tressi.hdr import decode_histogram, lowest_us_at
from tressi.report.rows import CONFIDENCE, HTTP_2

# Texts, and what has numbers of another kind.
NO_FIGURES = {"endpointKey", "name", "flow", "method", "url", "autoscale", "priority", "what limited it", "protocol"}
RUN = {"verdict", "reason", "exitReason", "tressiVersion", "startedAt", "durationSec", "endReason", "endDetail"}
NO_FIGURES |= {"steps", "statusCodes", "errors", "errorReasons", "histograms", "confidence"}
KINDS_OF_TIME = ("responseTime", "serviceTime")
SERVICE = "service:"


@dataclass(frozen=True)
class Rounded:
    """A number as a person reads it: a dash is nothing, and `max` is a rate that nothing limits."""

    text: str

    def is_of(self, value):
        """Whether `value` rounds to it."""
        if value is None:
            return self.text in {"-", "max", ""}
        number, scale = self.text.removesuffix("%"), 100 if self.text.endswith("%") else 1
        decimals = len(number.partition(".")[2])
        return abs(float(number) - value * scale) <= 0.501 * 10**-decimals


def figures(part):
    """The numbers of an endpoint, or of all, under their names; nested ones joined by a dot."""
    found = {}
    for name, value in part.items():
        if isinstance(value, dict) and name not in NO_FIGURES:
            found |= {f"{name}.{inner}": one for inner, one in value.items()}
        elif name not in NO_FIGURES:
            found[name] = value
    return found


def sureness(part):
    """How sure its percentiles are; a column of each is there whatever the summary has."""
    return {name: (part.get("confidence") or {}).get(name) for name in CONFIDENCE}


def columns(row):
    """The numbers of the row of an endpoint or a flow; users are lost at the steps of flows alone, and not all speak HTTP/2."""
    return {
        name: value
        for name, value in row.items()
        if name not in NO_FIGURES and not (name in {"abandoned", *HTTP_2} and value is None)
    }


def counters(text):
    """The counters of an encoded histogram: how many values at or above each lowest value in microseconds."""
    return {lowest_us_at(index): count for index, count in decode_histogram(text).counts()}


def facts(summary):
    """Every number of a summary, by kind and place."""
    parts = {"global": summary["global"], **{one["endpointKey"]: one for one in summary["endpoints"]}}
    seconds = [(moment, {"global": moment["global"], **moment["endpoints"]}) for moment in summary["timeline"]]
    generator = summary["generator"]
    return {
        "global": figures(summary["global"]) | sureness(summary["global"]),
        "endpoints": {
            (one["endpointKey"], name): n for one in summary["endpoints"] for name, n in (figures(one) | sureness(one)).items()
        },
        "statusCodes": {(key, code): n for key, one in parts.items() for code, n in one["statusCodes"].items()},
        "errors": {(key, kind): n for key, one in parts.items() for kind, n in one["errors"].items()},
        "errorReasons": {
            (one["endpointKey"], why["kind"], why["reason"]): why["count"]
            for one in summary["endpoints"]
            for why in one["errorReasons"]
        },
        "timeline": {
            (moment["t"], key, name): in_a_cell(n) if isinstance(n, dict) else n
            for moment, every in seconds
            for key, part in every.items()
            for name, n in (*part.items(), ("saturated", moment["saturated"]))
            if name != "bands"
        },
        "flows": {(one["endpointKey"], name): n for one in summary.get("flows", ()) for name, n in figures(one).items()},
        "scaling": numbered(summary["scaling"]),
        "changes": numbered(summary["changes"]),
        "thresholds": numbered(summary["thresholds"]),
        "generator": {
            **{name: generator[name] for name in ("cpuPercent", "userTimed", "disturbed", "processes", "saturated")},
            **{
                f"{name}.{inner}": n
                for name in ("ownDelayMs", "lateSendsMs", "sharedArrivalMs")
                for inner, n in generator.get(name, {}).items()
            },
        },
        "run": {"durationSec": summary["durationSec"]},
        "histograms": {
            (one["endpointKey"], name, value): count
            for one in summary["endpoints"]
            for name in ("serviceTime", "responseTime")
            for value, count in counters(one["histograms"][name]).items()
        },
    }


def number(text):
    """A cell of a CSV: nothing, a flag, a number or a text."""
    if text in {"", "true", "false"}:
        return {"": None, "true": True, "false": False}[text]
    return float(text) if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?(e-?[0-9]+)?", text) else text


def read_json(path):
    """Everything."""
    return facts(json.loads(path.read_bytes()))


def csv_rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return [{name: number(text) for name, text in row.items()} for row in csv.DictReader(file)]


def in_a_cell(counts):
    """Counts by name, as one cell has them; nothing for none."""
    return " ".join(f"{name}={count}" for name, count in counts.items()) or None


def pairs(cell):
    """`200=198 503=2`."""
    return dict(part.split("=") for part in (cell or "").split())


def read_endpoints_csv(path):
    rows = csv_rows(path)
    return {
        "endpoints": {(row["endpointKey"], name): n for row in rows for name, n in columns(row).items()},
        "statusCodes": {(row["endpointKey"], code): float(n) for row in rows for code, n in pairs(row["statusCodes"]).items()},
        "errors": {(row["endpointKey"], kind): float(n) for row in rows for kind, n in pairs(row["errors"]).items()},
    }


def read_flows_csv(path):
    """The flows; the users lost at their steps stand in one text."""
    return {"flows": {(row["endpointKey"], name): n for row in csv_rows(path) for name, n in columns(row).items()}}


def read_scaling_csv(path):
    return {"scaling": numbered(csv_rows(path))}


def seconds_of(rows):
    """The rows of a timeline by second, endpoint and name."""
    return {
        (row["t"], row["endpointKey"], name): n for row in rows for name, n in row.items() if name not in {"t", "endpointKey"}
    }


def read_timeline_csv(path):
    return {"timeline": seconds_of(csv_rows(path))}


def read_xlsx(path):
    """All sheets; numbers as the workbook holds them."""
    book = load_workbook(path)
    sheets = {sheet.title: [[cell.value for cell in row] for row in sheet.iter_rows(max_col=width(sheet))] for sheet in book}
    rows = {title: [dict(zip(head, row, strict=True)) for row in body] for title, (head, *body) in sheets.items()}
    whole = {row["figure"]: row["value"] for row in rows["Global summary"]}
    return {
        "global": {name: value for name, value in whole.items() if name not in RUN and not name.startswith("generator.")},
        "run": {"durationSec": whole["durationSec"]},
        "generator": {
            name.removeprefix("generator."): value
            for name, value in whole.items()
            if name.startswith("generator.")
            and name not in {f"generator.{text}" for text in ("reasons", "late", "lost", "clock")}
        },
        "endpoints": {(row["endpointKey"], name): n for row in rows["Endpoints"] for name, n in columns(row).items()},
        "statusCodes": {(row["endpointKey"], str(row["status"])): row["count"] for row in rows["Status codes"]},
        "errors": {(row["endpointKey"], row["kind"]): row["count"] for row in rows["Errors"]},
        "errorReasons": {(row["endpointKey"], row["kind"], row["reason"]): row["count"] for row in rows["Error reasons"]},
        "timeline": seconds_of(rows["Timeline"]),
        "scaling": numbered(rows["Scaling"]),
        "changes": numbered(rows["Changes"]),
        "thresholds": {
            (places_of(path)[number], name): value for (number, name), value in numbered(rows["Thresholds"]).items()
        },
    }


def places_of(path):
    """The thresholds of the summary beside a file in the order of people: those that are broken first."""
    judged = json.loads(path.with_name("summary.json").read_bytes())["thresholds"]
    return sorted(range(len(judged)), key=lambda i: (False, None, True).index(judged[i]["passed"]))


def width(sheet):
    """The columns of a sheet's table: as far as its header goes."""
    return sum(cell.value is not None for cell in sheet[1])


def read_junit(path):
    """The properties, and the thresholds by their verdicts; text is left to the test of the format itself."""
    suite = ET.parse(path).getroot().find("testsuite")
    properties = {one.get("name"): number(one.get("value")) for one in suite.find("properties")}
    cases = [case for case in suite.iter("testcase") if case.get("classname") == "tressi.thresholds"]
    verdicts = {"failure": False, "skipped": None}
    outcomes = [next((verdicts[child.tag] for child in case if child.tag in verdicts), True) for case in cases]
    # A key has dots of its own.
    parts = {name: tuple(name.rpartition(".")[::2]) for name in properties}
    http_2 = {parts[name]: value for name, value in properties.items() if parts[name][1] in HTTP_2[1:]}
    generator = {name: value for name, value in properties.items() if parts[name][0] == "sharedArrivalMs"}
    others = {name for name in properties if parts[name][1] in HTTP_2 or name in {*RUN, *generator, "saturated"}}
    return {
        "run": {"durationSec": properties["durationSec"]},
        "global": {name: value for name, value in properties.items() if name not in others},
        "endpoints": http_2,
        "generator": {"saturated": properties["saturated"], **generator},
        "thresholds": {(i, "passed"): outcome for i, outcome in enumerate(outcomes)},
    }


def tables(text):
    """The tables of a Markdown document by the heading above, each a list of rows of text."""
    found, heading, row = {}, "", None
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type == "inline" and before.type == "heading_open":
            heading = token.content
        elif token.type == "table_open":
            found.setdefault(heading, []).append([])
        elif token.type == "tr_open":
            row = []
            found[heading][-1].append(row)
        elif token.type == "inline" and before.type in {"th_open", "td_open"}:
            row.append("".join(child.content for child in token.children))
    return found


def name_of(words):
    """A name of the summary that is written as words."""
    first, *rest = words.lower().split()
    return "".join([first, *map(str.capitalize, rest)])


def read_md(path):
    """The tables; keys are shown without their origin, which all have."""
    text = path.read_text(encoding="utf-8")
    found = tables(text)
    origin = re.search(r"response times in ms of `([^`]+)`", text)

    def key(shown):
        return "global" if shown == "all" else shown.replace(" ", f" {origin[1]}", 1) if origin else shown

    # What is folded away has no heading: its tables stand below the last one.
    by_head = {tuple(table[0]): table for several in found.values() for table in several}
    latencies = next(table for head, table in by_head.items() if head[:2] == ("of", "min"))
    counts = by_head["what", "value"]
    known = json.loads(path.with_name("summary.json").read_bytes())["global"]
    whole = {name_of(words): Rounded(value) for words, value in counts[1:] if name_of(words) in known}
    whole |= {
        f"{name_of(words)}Ms.{name}": Rounded(value)
        for words, *values in latencies[1:]
        for name, value in zip(latencies[0][1:], values, strict=True)
    }
    http_2 = by_head.get(("endpoint", "protocol", *MD_HTTP_2), [()])[1:]
    head, *rows = found["Endpoints"][0]
    names = {"asked": "askedRps", "got": "rps", "workers": "workerCount"}
    names |= {name: f"requests{name.capitalize()}" for name in ("failed", "missed")}
    names |= {name: f"responseTimeMs.{name}" for name in ("p50", "p95", "p99")}
    names |= {"svc p99": "serviceTimeMs.p99"}
    return {
        "global": whole,
        "endpoints": {
            (key(row[0]), names[name]): Rounded(value.partition(" ")[0])
            for row in rows
            for name, value in list(zip(head, row, strict=True))[1:-1]
        }
        | {(key(row[0]), name): float(n) for row in http_2 for name, n in zip(HTTP_2[1:], row[2:], strict=True)},
        "statusCodes": {(key(k), code): float(n) for k, code, n in by_head.get(("endpoint", "status", "count"), [()])[1:]},
        "errors": {
            ("global", row[0]): float(row[1])
            for row in found.get("Failures", [[()]])[0][1:]
            if not row[0].startswith("status ")
        },
        "thresholds": {
            (i, "passed"): {"passed": True, "failed": False, "not judged": None}[row[0]]
            for i, row in zip(places_of(path), found.get("Thresholds", [[()]])[0][1:], strict=True)
        },
    }


def read_hlog(path):
    """The intervals of each tag added up, by HdrHistogram's own reader."""
    sums, reader = {}, HistogramLogReader(str(path), HdrHistogram(1, HIGHEST_US, 3))
    while (interval := reader.get_next_interval_histogram()) is not None:
        sums.setdefault(interval.get_tag(), HdrHistogram(1, HIGHEST_US, 3)).add(interval)
    reader.close()
    places = {tag: (unquote(tag.removeprefix(SERVICE)), KINDS_OF_TIME[tag.startswith(SERVICE)]) for tag in sums}
    return {"histograms": {(*places[tag], at): count for tag, one in sums.items() for at, count in recorded(one)}}


def recorded(histogram):
    """The counters that are not 0: the lowest value of each, and its count."""
    for step in histogram.get_recorded_iterator():
        yield histogram.get_lowest_equivalent_value(step.value_iterated_to), step.count_at_value_iterated_to


READERS = {
    "summary.json": read_json,
    "summary.md": read_md,
    "junit.xml": read_junit,
    "endpoints.csv": read_endpoints_csv,
    "flows.csv": read_flows_csv,
    "scaling.csv": read_scaling_csv,
    "timeline.csv": read_timeline_csv,
    "report.html": read_html,
    "report.xlsx": read_xlsx,
    "latency.hlog": read_hlog,
}

# Where a file shows a part of a kind only, and of which places.
PARTS = {
    ("report.html", "endpoints"): lambda place: (
        place[1] in {name for names in (*ENDPOINT.values(), *POOL.values()) for name in names}
    ),
    ("report.html", "global"): lambda name: "." in name,
    ("report.html", "scaling"): lambda place: place[1] in {"timestamp", "workers", "workerCount"},
    ("report.html", "thresholds"): lambda place: place[1] in {"value", "limit", "failedAt"},
    ("summary.md", "endpoints"): lambda place: place[1] in MD_FIGURES,
    ("summary.md", "thresholds"): lambda place: place[1] == "passed",
    ("summary.md", "errors"): lambda place: place[0] == "global",
    ("junit.xml", "thresholds"): lambda place: place[1] == "passed",
    ("summary.md", "global"): lambda name: name not in CONFIDENCE,
    ("junit.xml", "global"): lambda name: name in JUNIT_FIGURES,
    ("junit.xml", "generator"): lambda name: name == "saturated" or name.startswith("sharedArrivalMs"),
    ("junit.xml", "endpoints"): lambda place: place[1] in HTTP_2,
    ("endpoints.csv", "statusCodes"): lambda place: place[0] != "global",
    ("endpoints.csv", "errors"): lambda place: place[0] != "global",
}
JUNIT_FIGURES = {"requestsMade", "requestsSucceeded", "requestsFailed", "requestsMissed", "rps", "errorRate"}
MD_HTTP_2 = ("streams a connection", "GOAWAYs", "streams refused", "places waited")
MD_FIGURES = {
    *HTTP_2,
    *("askedRps", "rps", "workerCount", "requestsFailed", "requestsMissed"),
    *(f"responseTimeMs.{name}" for name in ("p50", "p95", "p99")),
    "serviceTimeMs.p99",
}


def agrees(shown, value):
    """Whether what a file shows is the summary's value."""
    if isinstance(shown, Rounded):
        return shown.is_of(value)
    if isinstance(value, float) and isinstance(shown, (int, float)):
        return shown in {value, float(f"{value:.16G}")}  # a workbook keeps 16 digits
    return shown == value
