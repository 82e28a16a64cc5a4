"""How a run stands while it lasts: one word or a few, how they may be coloured, and the causes. Pure functions of a moment.

The first of these that is so has the word, and what else is so follows among the causes:

1. a threshold is broken for good
2. an endpoint only fails, or gives no answer
3. a threshold does not hold so far
4. starts were missed in this second
5. more than 1 % of the requests have failed
6. the generator was limited in this second
7. the run is paused, or warms up
8. the run is on target

It is a good sign only where nothing has failed and no start was missed since the run began: what is counted stays counted.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from tressi.model.flow import is_flow_key
from tressi.run.threshold_words import standing
from tressi.run.trouble import NOTEWORTHY_SHARE, failures_of
from tressi.stats.selfcheck import meaning_of
from tressi.text import counted, plain, rate, short_key
from tressi.ui.trouble import told

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tressi.model import EndpointMoment, Moment, ThresholdVerdict

    Labels = Mapping[str, str]

Tone = Literal["good", "warn", "bad", "none"]
_NAMED: Final = 3  # endpoints or thresholds that are named one by one


class Standing(NamedTuple):
    """`word` is short enough for large letters; `reasons` are sentences, the gravest first, and harmless text."""

    word: str
    tone: Tone
    reasons: tuple[str, ...]


class _Finding(NamedTuple):
    word: str
    tone: Tone
    reasons: Sequence[str] = ()


def standing_of(moment: Moment, labels: Labels) -> Standing:
    """How a run stands at this second; `labels` are the endpoints' and the flows' keys as they are shown.

    Example: of a run with two thresholds that do not hold so far it is `Standing("2 thresholds at risk", "warn", ("p99 <
    200ms: so far 231 ms, must be below 200 ms", …))`.
    """
    found = [*_findings(moment, labels)]
    if not found:
        found = [_undisturbed(moment)]
    first, *_ = found
    since_start = tuple(_counted_words(moment))
    reasons = (*(reason for finding in found for reason in finding.reasons), *since_start)
    return Standing(first.word, "warn" if first.tone == "good" and since_start else first.tone, reasons)


def missed_cause(one: EndpointMoment, moment: Moment) -> str:
    """Why an endpoint or a flow missed starts in this second, in words that follow "missed"."""
    if moment.saturated_by:
        return "the generator was limited"
    if any(trouble.kind == "silent" and trouble.endpoint_key == one.endpoint_key for trouble in moment.troubles):
        return "no answer came"
    workers = counted(one.worker_count, "worker")
    were = "was" if one.worker_count == 1 else "were"
    if one.max_workers is None:
        return f"all {workers} of the shared pool {were} busy"
    if one.worker_count >= one.max_workers:
        return f"all {workers} that it may have {were} busy"
    return f"its {workers} {were} busy, and its pool may still grow"


def _findings(moment: Moment, labels: Labels) -> Iterator[_Finding]:
    broken = [one for one in moment.thresholds if one.passed is False and one.settled]
    at_risk = [one for one in moment.thresholds if one.passed is False and not one.settled]
    if broken:
        yield _Finding(f"{counted(len(broken), 'threshold')} broken", "bad", _thresholds(broken, labels))
    yield from _troubles(moment, labels)
    if at_risk:
        yield _Finding(f"{counted(len(at_risk), 'threshold')} at risk", "warn", _thresholds(at_risk, labels))
    if moment.paused:
        yield _Finding("paused", "none")
    elif moment.warm_up:
        yield _Finding("warming up", "none", ["these seconds are in no figure of the run"])
    yield from _missed(moment, labels)
    yield from _failing(moment)
    if moment.saturated_by:
        reasons = [meaning_of(moment.saturated_by), *(plain(reason) for reason in moment.saturated_by)]
        yield _Finding("generator limited", "warn", reasons)
    if moment.reading.generator.lost:
        is_node = any(node.lost is not None for node in moment.reading.nodes)
        title = "a node was lost" if is_node else "an engine was lost"
        yield _Finding(title, "warn", [plain(reason) for reason in moment.reading.generator.lost])


def _undisturbed(moment: Moment) -> _Finding:
    total = moment.total
    if not total.requests_made and not total.missed:
        return _Finding("no answer yet" if total.in_flight else "starting", "none")
    asked = [one.asked_rps for one in (*moment.endpoints, *moment.flows) if one.flow is None]
    return _Finding("running" if None in asked else "on target", "good")


def _thresholds(verdicts: Sequence[ThresholdVerdict], labels: Labels) -> list[str]:
    return _some([f"{_of(one.endpoint_key, labels)}{plain(one.text)}: {plain(standing(one))}" for one in verdicts], "threshold")


def _troubles(moment: Moment, labels: Labels) -> Iterator[_Finding]:
    for kind, words in (("failing", "only failing"), ("silent", "without an answer")):
        found = [one for one in moment.troubles if one.kind == kind]
        if found:
            who = counted(len(found), "endpoint") if len(labels) > 1 else ""
            yield _Finding(f"{who} {words}".strip(), "bad", [one.sentence(labels) for one in told(found)])


def _missed(moment: Moment, labels: Labels) -> Iterator[_Finding]:
    """The starts that were missed in this second, and why."""
    short = sorted((one for one in _paced(moment) if one.missed_now), key=lambda one: -one.missed_now)
    if not short:
        return
    missed = sum(one.missed_now for one in short)
    told = [f"{_label(one.endpoint_key, labels)}: {_short_words(one, moment)}" for one in short]
    yield _Finding(f"{counted(missed, 'start')} missed", "warn", _some(told, "endpoint"))


def _short_words(one: EndpointMoment, moment: Moment) -> str:
    unit = "starts per second" if is_flow_key(one.endpoint_key) else "RPS"
    got = f"{rate(one.current_rps)} of {rate(one.target_rps)} {unit}"
    return f"{got}, {counted(one.missed_now, 'start')} missed in this second: {missed_cause(one, moment)}"


def _failing(moment: Moment) -> Iterator[_Finding]:
    failed, made = _failed(moment), moment.total.requests_made
    if failed > NOTEWORTHY_SHARE * made:
        yield _Finding(f"{100 * failed / made:.3g} % failed", "bad")


def _paced(moment: Moment) -> Iterable[EndpointMoment]:
    """What starts are asked of: the steps of a flow follow its own."""
    return (one for one in (*moment.endpoints, *moment.flows) if one.flow is None)


# --------------------------------------------------------------------------------------------------- since the run began


def _failed(moment: Moment) -> int:
    return sum(one.failed for one in moment.reading.endpoints.values())


def _missed_in_all(moment: Moment) -> int:
    return sum(one.missed for one in _paced(moment))


def _counted_words(moment: Moment) -> Iterator[str]:
    """What was counted since the run began and must not be forgotten; in a warm-up nothing is."""
    failures = sum((failures_of(one) for one in moment.reading.endpoints.values()), Counter[str]())
    failed, missed = _failed(moment), _missed_in_all(moment)
    if failed:
        kinds = ", ".join(f"{count:,} {plain(words)}" for words, count in failures.most_common(_NAMED))
        yield f"{failed:,} of {counted(moment.total.requests_made, 'request')} failed ({kinds})"
    if missed:
        yield f"{counted(missed, 'start')} missed since the run began"


# ---------------------------------------------------------------------------------------------------------- small parts


def _label(endpoint_key: str, labels: Labels) -> str:
    return labels.get(endpoint_key) or short_key(endpoint_key, "")


def _of(endpoint_key: str | None, labels: Labels) -> str:
    return "" if endpoint_key is None else f"{_label(endpoint_key, labels)}: "


def _some(sentences: Sequence[str], noun: str) -> list[str]:
    """The first of them, and how many more there are."""
    more = len(sentences) - _NAMED
    return [*sentences[:_NAMED], *([f"and {counted(more, 'more ' + noun)}"] if more > 0 else [])]
