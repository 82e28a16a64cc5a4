"""From the texts of `thresholds` and `--fail-if` to conditions on the results, each of the run or of one endpoint.

`checkout: p99 < 250ms` is about the endpoint named checkout; without a name in front it is about the whole run, and with
`*` it is one condition for each endpoint. `shop: completed > 99%` is about the flow named shop: its metrics have names that
no endpoint's have, so an endpoint and a flow may have the same name. `--fail-if` says when a run has failed, so it becomes
the opposite condition.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from tressi.config.flows import flows_of, is_in_flow, sent_of
from tressi.config.flows import in_flows as names_in_flows
from tressi.config.messages import Finding, Place, listed, path_of, quoted, shown
from tressi.config.rules import YEAR_S
from tressi.config.url import AddressError, address
from tressi.errors import ConfigError, ConfigProblem
from tressi.frozen import dataclass
from tressi.log import mask_url
from tressi.model import Threshold
from tressi.threshold.names import (
    COUNTED,
    COUNTS,
    FLOW_COUNTS,
    FLOW_RATES,
    FLOW_SHARES,
    SATURATED,
    SHARES,
    in_flows,
    is_of_flows,
)
from tressi.vocabulary import ERROR_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tressi.model import ResolvedConfig, ResolvedEndpoint
    from tressi.model.flow import Flow
    from tressi.threshold.expression import Comparison, Metric

FAIL_IF: Final = "--fail-if"
EACH: Final = "*"
# Figures that follow the rates.
_SCALED: Final = frozenset({"rps", *COUNTS, *COUNTED, "startsPerSecond", *FLOW_COUNTS})
_TARGETS: Final = frozenset({"targetRps", "targetStartsPerSecond"})
_NUMBER: Final = re.compile(r"(?<![\w.\[])[0-9]+(?:\.[0-9]+)?(?![\w\]])")


@dataclass(frozen=True, slots=True)
class _Wish:
    """One threshold as it is asked for, and where."""

    place: Place
    text: str
    aborts: bool = False
    abort_delay_s: float = 0.0

    @property
    def fails_if(self) -> bool:
        """Whether it says what must not be."""
        return self.place == (FAIL_IF,)

    @property
    def endpoint(self) -> str | None:
        """What stands in front of the condition; a condition has no colon, a URL has."""
        return self.text.rpartition(":")[0].strip() or None

    @property
    def condition(self) -> str:
        """The condition alone."""
        return self.text.rpartition(":")[2].strip()


def threshold_mistakes(document: Mapping[str, Any], fail_if: Sequence[str]) -> list[Finding]:
    """Everything that is wrong with the thresholds of a well-typed document, and with those of the command line."""
    labels = _labels(document, fail_if)
    known = {label for own in labels for label in own}
    flows = {flow["name"] for _, flow in flows_of(document) if isinstance(flow.get("name"), str)}
    found = [(wish.place, message) for wish in _wishes(document, fail_if) for message in _mistakes(wish, known, flows)]
    return [*found, *_endless_delays(document)]


def _endless_delays(document: Mapping[str, Any]) -> Iterator[Finding]:
    for index, entry in enumerate(document.get("thresholds", ())):
        delay_s = entry.get("abortDelay", 0) if isinstance(entry, dict) else 0
        if delay_s > YEAR_S:
            place = ("thresholds", index, "abortDelay")
            yield place, f"{shown(delay_s)} is greater than {YEAR_S:,}, the most that can be held"


def threshold_doubts(document: Mapping[str, Any], fail_if: Sequence[str], *, is_scaled: bool) -> list[str]:
    """Warn of thresholds of a sound document that say something else than they seem to."""
    warnings = []
    for wish in _wishes(document, fail_if):
        place, comparison = path_of(wish.place), _parsed(wish.condition)
        percent = _percent_meant(wish.condition, comparison)
        if percent is not None:
            meant = quoted(wish.condition.replace(percent, f"{percent}%"))
            warnings.append(
                f"{place}: {quoted(wish.condition)} is about a share, of which 1 means 100 %; for {percent} % write {meant}"
            )
        names = {metric.name for metric in _metrics_of(comparison)}
        if is_scaled and names & _SCALED and not names & _TARGETS:
            warnings.append(f"{place}: {quoted(wish.condition)} is judged as it stands, --scale does not change it")
    return warnings


def _percent_meant(condition: str, comparison: Comparison) -> str | None:
    """The number of a condition such as `errorRate < 1`, which is meant as a percentage; None where there is none."""
    from tressi.threshold.expression import Metric, Number  # noqa: PLC0415 - see `_parsed`

    sides = (comparison.left, comparison.right)
    is_share = any(isinstance(side, Metric) and side.name in SHARES for side in sides)
    number = next((side.value for side in sides if isinstance(side, Number)), 0)
    written = _NUMBER.search(condition)
    if not is_share or number < 1 or "%" in condition or written is None:
        return None
    return written[0]


def resolved_thresholds(
    document: Mapping[str, Any],
    fail_if: Sequence[str],
    endpoints: Sequence[ResolvedEndpoint],
    flows: Sequence[Flow] = (),
) -> tuple[Threshold, ...]:
    """The thresholds of a sound document, in their order, those of the command line last."""
    of_flows: dict[str, list[str | None]] = {EACH: [flow.endpoint_key for flow in flows]}
    of_flows |= {flow.name: [flow.endpoint_key] for flow in flows}
    keys_of: dict[str, list[str | None]] = {EACH: [one.endpoint_key for one in endpoints]}
    for own, one in zip(_labels(document, fail_if), endpoints, strict=False):  # no labels where none are asked for
        for label in own - {EACH}:
            keys_of.setdefault(label, []).append(one.endpoint_key)
    return tuple(one for wish in _wishes(document, fail_if) for one in _resolved(wish, keys_of, of_flows))


def check_targets(config: ResolvedConfig) -> None:
    """Raise ConfigError for a threshold about a target that nothing gives: it could never be judged."""
    limited = config.shared_pool is None or config.shared_pool.target_rps is not None
    steps = {one.endpoint_key for one in config.endpoints if one.flow is not None}
    free = steps if limited else steps | {one.endpoint_key for one in config.endpoints if one.autoscale is None}
    closed = {flow.endpoint_key for flow in config.flows if flow.curve is None}
    problems = [
        ConfigProblem(
            "thresholds", f"{quoted(one.text)} asks for the targetRps of {one.endpoint_key or 'the run'}, which has none"
        )
        for one in config.thresholds
        if any(metric.name == "targetRps" for metric in _metrics_of(one.comparison))
        if (one.endpoint_key in free if one.endpoint_key else free)
    ]
    problems += [
        ConfigProblem("thresholds", f"{quoted(one.text)} asks for the rate of the {one.endpoint_key}, which has none")
        for one in config.thresholds
        if one.endpoint_key in closed
        if {metric.name for metric in _metrics_of(one.comparison)} & {"targetStartsPerSecond", "missedRate"}
    ]
    if problems:
        raise ConfigError(problems)


def _resolved(
    wish: _Wish, keys_of: Mapping[str, Sequence[str | None]], of_flows: Mapping[str, Sequence[str | None]]
) -> Iterator[Threshold]:
    comparison = _parsed(wish.condition)
    if any(is_of_flows(metric.name) for metric in _metrics_of(comparison)) or wish.endpoint not in {None, *keys_of}:
        keys_of = of_flows
    text = f"fail if {wish.condition}" if wish.fails_if else wish.condition
    for key in [None] if wish.endpoint is None else keys_of[wish.endpoint]:
        kept = comparison.negated() if wish.fails_if else comparison
        yield Threshold(text, kept, key, wish.aborts, wish.abort_delay_s)


def _wishes(document: Mapping[str, Any], fail_if: Sequence[str]) -> Iterator[_Wish]:
    for index, entry in enumerate(document.get("thresholds", ())):
        place: Place = ("thresholds", index)
        if isinstance(entry, str):
            yield _Wish(place, entry)
        elif isinstance(entry, dict) and "threshold" in entry:
            aborts, delay_s = entry.get("abort", False), entry.get("abortDelay", 0)
            yield _Wish((*place, "threshold"), entry["threshold"], aborts, float(min(delay_s, YEAR_S)))
    for text in fail_if:
        yield _Wish((FAIL_IF,), text)


def _mistakes(wish: _Wish, known: set[str], flows: set[str]) -> Iterator[str]:
    from tressi.threshold.parse import ThresholdError  # noqa: PLC0415 - see `_parsed`

    if wish.endpoint is not None and wish.endpoint not in {EACH, *known, *flows}:
        missing, what = quoted(mask_url(wish.endpoint)), "endpoint or flow" if flows else "endpoint"
        yield f"{quoted(mask_url(wish.text))}: there is no {what} {missing}{_nearest(wish.endpoint, known | flows)}"
    try:
        comparison = _parsed(wish.condition)
    except ThresholdError as error:
        yield f"{quoted(wish.condition)}: {error}"
        return
    for metric in _metrics_of(comparison):
        if metric.name == "errors" and metric.argument not in ERROR_KINDS:
            yield f"{quoted(wish.condition)}: {metric.argument} is no kind of error: use {listed(ERROR_KINDS)}"
    yield from _unfit(wish, list(_metrics_of(comparison)), known, flows)


def _unfit(wish: _Wish, metrics: Sequence[Metric], known: set[str], flows: set[str]) -> Iterator[str]:
    """A metric of flows asked of an endpoint or of the whole run, and one of endpoints asked of a flow."""
    own = [metric for metric in metrics if is_of_flows(metric.name)]
    others = [metric for metric in metrics if metric not in own and metric.name != SATURATED]
    written = quoted(mask_url(wish.text))
    if own and others:
        yield f"{written}: {own[0].text} is a metric of flows and {others[0].text} one of requests; write two thresholds"
    elif own and wish.endpoint is None:
        example = f"{next(iter(sorted(flows)), 'shop')}: {wish.condition}"
        yield f"{written}: {own[0].text} is a metric of flows; write the name of one in front, as in {quoted(example)}"
    elif own and not flows:
        yield f"{written}: {own[0].text} is a metric of flows, and the config has none"
    elif own and wish.endpoint in known and wish.endpoint not in flows:
        yield f"{written}: {own[0].text} is a metric of flows, and {quoted(wish.endpoint)} is a request"
    elif others and wish.endpoint in flows and wish.endpoint not in known:
        instead, argument = in_flows(others[0].name), others[0].argument
        names = f"a flow has {listed((*FLOW_SHARES, *FLOW_RATES, *FLOW_COUNTS))}, and duration.p99 and the like"
        if instead is not None:
            names = f"write {instead}" + (f"({argument})" if argument else "")
        yield f"{written}: {others[0].text} is a metric of requests, and {quoted(wish.endpoint)} is a flow; {names}"


def _parsed(condition: str) -> Comparison:
    from tressi.threshold.parse import parse  # noqa: PLC0415 - most configs have no threshold and need no grammar

    return parse(condition)


def _metrics_of(comparison: Comparison) -> Iterator[Metric]:
    from tressi.threshold.expression import metrics_of  # noqa: PLC0415 - see `_parsed`

    return metrics_of(comparison)


def _labels(document: Mapping[str, Any], fail_if: Sequence[str]) -> list[set[str]]:
    """By what each request may be called: its name, its endpoint key, and METHOD url as it is written.

    Nothing is asked for where no condition is about an endpoint: each address takes as long to read as all else of it.
    """
    if not any(wish.endpoint for wish in _wishes(document, fail_if)):
        return []
    labels, seen = [], Counter[str]()
    for request in _sent(document):
        own = {request["name"]} if isinstance(request, dict) and "name" in request else set()
        if isinstance(request, dict) and "url" in request:
            method = request.get("method", "GET")
            for url in dict.fromkeys((request["url"], _masked(request["url"], document.get("baseUrl")))):
                key = f"{method} {url}"
                seen[key] += 1
                own.add(key if seen[key] == 1 else f"{key} #{seen[key]}")
        labels.append(own)
    return labels


def _sent(document: Mapping[str, Any]) -> list[Any]:
    """The request of each endpoint, in the order of the endpoints: those with a rate of their own, then the steps of flows."""
    requests, names = document.get("requests", ()), names_in_flows(document)
    if not names:
        return list(requests)
    named = {request.get("name"): request for request in requests if isinstance(request, dict)}
    free = [request for request in requests if not (isinstance(request, dict) and is_in_flow(request, names))]
    return free + [named.get(sent.step["request"]) for sent in sent_of(document)]


def _masked(url: str, base: str | None) -> str:
    try:
        return address(url, base).masked
    except AddressError:
        return url  # it has a message of its own


def _nearest(name: str, known: set[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake needs it

    near = get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"; did you mean {quoted(mask_url(near[0]))}?" if near else ""
