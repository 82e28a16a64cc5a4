"""What a reader finds in the page of an export; see exports.py for those of the other files."""

import json

from test_report_html import ENDPOINT, LATENCY, POOL, TIMES, Tables


def numbered(rows):
    """Rows by their number and the name of each value."""
    return {(number, name): value for number, row in enumerate(rows) for name, value in row.items()}


def read_html(path):
    """The `<data>` values of the tables; endpoints are in the summary's order, under keys that are cut for the eye."""
    tables = Tables(path.read_bytes())
    keys = [one["endpointKey"] for one in json.loads(path.with_name("summary.json").read_bytes())["endpoints"]]
    endpoints = {
        (key, name): value
        for headings, columns in ((("Endpoint", "Limited by"), ENDPOINT), (("Endpoint", "Pool"), POOL))
        for key, row in zip(keys, tables.beginning(*headings), strict=True)
        for heading, names in columns.items()
        for name, value in zip(names, values_in(row[heading], len(names)), strict=True)
    }
    latencies = {row["Of"]: row for row in tables.beginning("Of")}  # one without a value has no row
    decisions = tables.beginning("At", "Endpoint") if any(table[0][0] == "At" for table in tables.tables) else []
    verdicts = tables.beginning("Verdict") if any(table[0][0] == "Verdict" for table in tables.tables) else []
    # Broken ones stand first.
    judged = json.loads(path.with_name("summary.json").read_bytes())["thresholds"]
    places = sorted(range(len(judged)), key=lambda i: (False, None, True).index(judged[i]["passed"]))
    return {
        "endpoints": endpoints,
        "global": {
            f"{time}.{name}": values_in(latencies[words][name.replace("p999", "p99.9")], 1)[0] if words in latencies else None
            for words, time in TIMES.items()
            for name in LATENCY
        },
        "scaling": numbered(
            {
                "timestamp": values_in(one["At"], 1)[0],
                "workers": abs(one["Workers"][1] - one["Workers"][0]),
                "workerCount": one["Workers"][1],
            }
            for one in decisions
        ),
        "thresholds": {
            (place, name): value
            for place, one in zip(places, verdicts, strict=True)
            for name, value in zip(
                ("value", "limit", "failedAt"),
                [*values_in(one["Value and limit"], 2), *values_in(one["Broken at"], 1)],
                strict=True,
            )
        },
    }


def values_in(cell, count):
    """The numbers of a cell, as many as it may have; nothing for those that are not there."""
    numbers = cell if isinstance(cell, list) else []
    return [*numbers, *[None] * (count - len(numbers))]
