"""A search for a capacity in words: a table for a terminal, and Markdown for a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from tressi.capacity.document import verdict_line
from tressi.text import plain, three_digits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tressi.run.tones import Tone

_HEADS = ("RPS", "seconds", "bad starts", "may be", "p99", "verdict")


def table(document: Mapping[str, Any]) -> Table:
    """The trials, in their order."""
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for head in _HEADS:
        drawn.add_column(head, justify="left" if head == "verdict" else "right", no_wrap=True)
    for row in rows(document):
        drawn.add_row(*row)
    return drawn


def rows(document: Mapping[str, Any]) -> list[Sequence[str]]:
    """The cells of the table of trials."""
    return [
        (
            f"{one['rps']:,.1f}",
            f"{one['seconds']}",
            share_words(one["badShare"], one["low"], one["high"]),
            f"{100 * one['allowedShare']:.4g} %",
            _time_words(one),
            _verdict_words(one),
        )
        for one in document["trials"]
    ]


def share_words(share: float | None, low: float | None, high: float | None) -> str:
    """A share of starts with its interval: `0.82 % (0.41 to 1.6)`."""
    if share is None or low is None or high is None:
        return "-"
    return f"{three_digits(100 * share)} % ({three_digits(100 * low)} to {three_digits(100 * high)})"


def closing_lines(document: Mapping[str, Any], labels: Mapping[str, str]) -> list[str]:
    """What stands below the table: why it ended, what broke, what others did, and how long it took. The answer is last."""
    found, lines = document["capacity"], []
    if found["broke"]:
        lines.append(f"beyond it: {found['broke']} breaks")
    if found["reason"]:
        lines.append(found["reason"])
    if document["trials"] and found["limitedBy"] == "budget" and document["seconds"] >= document["budgetSeconds"]:
        lines.append("the budget ended the search: a longer one makes the interval shorter")
    lines += beside_lines(document, labels)
    lines.append(f"it took {_minutes(document['seconds'])}; expected were {_minutes(document['expectedSeconds'])} at most")
    return [*lines, verdict_line(document, label_of(document, labels))]


def label_of(document: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """What was searched, as it is shown."""
    key = document["endpointKey"]
    return "the whole config" if key is None else plain(labels.get(key) or key)


def beside_lines(document: Mapping[str, Any], labels: Mapping[str, str]) -> list[str]:
    """Each neighbour with the range of its rates and of its p99 over the trials."""
    seen: dict[str, list[tuple[float, float | None]]] = {}
    for trial in document["trials"]:
        for one in trial["beside"]:
            seen.setdefault(one["endpointKey"], []).append((one["rps"], one["p99"]))
    lines = []
    for key, values in seen.items():
        rates = [rps for rps, _ in values]
        times = [time for _, time in values if time is not None]
        p99 = f", p99 {_range([three_digits(one) for one in (min(times), max(times))])} ms" if times else ""
        around = _range([f"{one:,.1f}" for one in (min(rates), max(rates))])
        lines.append(f"meanwhile {plain(labels.get(key) or key)}: {around} RPS{p99}")
    return lines


def _range(ends: Sequence[str]) -> str:
    return " to ".join(dict.fromkeys(ends))


def sureness(document: Mapping[str, Any]) -> tuple[Tone, str]:
    """How far the answer can be relied on: the colour of its page, and a sentence."""
    found = document["capacity"]
    if found["limitedBy"] == "generator":
        return "warn", "tressi itself was at its limit: the target may carry more."
    if found["limitedBy"] == "workers":
        return "warn", "All workers were busy, and what was sent was answered in time: with a higher maxWorkers it may be more."
    if found["rps"] is None:
        return "bad", "Nothing that was tried held."
    if found["high"] is None:
        return "warn", "Nothing broke before the search ended: the target may carry more."
    low, high = f"{found['low']:,.4g}", f"{found['high']:,.4g}"
    if found["limitedBy"] == "slo":
        return "good", f"95 % interval {low} to {high} RPS, as close as was asked for."
    return "warn", f"Between {low} and {high} RPS: the search ended before it was closer, so this is a first estimate."


def markdown(document: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """The answer, then the trials as a table."""
    *others, answer = closing_lines(document, labels)
    cells = [[cell.replace("|", r"\|") for cell in row] for row in rows(document)]
    lines = [f"**{_escaped(answer)}**", "", *(f"- {_escaped(line)}" for line in others), ""]
    lines += [f"| {' | '.join(_HEADS)} |", f"| {'--: | ' * (len(_HEADS) - 1)}--- |"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in cells)]) + "\n"


def _escaped(text: str) -> str:
    return "".join(f"\\{one}" if one in r"\`*_[]<>|#" else one for one in text)


def _time_words(trial: Mapping[str, Any]) -> str:
    if trial["p99"] is None:
        return "-"
    value = f"{three_digits(trial['p99'])} ms"
    if trial["p99Low"] is None:
        return value
    return f"{value} ({three_digits(trial['p99Low'])} to {three_digits(trial['p99High'])})"


def _verdict_words(trial: Mapping[str, Any]) -> str:
    words = {"held": "held", "broke": "broke", "undecided": "not decided"}[trial["verdict"]]
    if trial["kind"] == "explore" and trial["verdict"] == "undecided":
        words = "looked good" if (trial["badShare"] or 0) <= trial["allowedShare"] else "looked bad"
    return f"{words}, rising" if trial["trend"] == "rising" else words


def _minutes(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"  # noqa: PLR2004 - a minute
