"""How a run came out, in one word with its reasons: the one judgement that every output and the exit code take.

The first of these that is so has the word, and what else is so follows among the reasons:

1. FAILED: tressi itself failed, a threshold is broken, the run exited early, an endpoint had not one success, or nothing was
   sent.
2. TARGET NOT MET: the rate of an endpoint or a flow was missed by more than 1 % after ramp and pool growth, or starts were
   missed because no lane was free (`shortfall` says when), and for none of them was that the generator's fault.
3. GENERATOR LIMITED: the generator cost the run rate or truth. A rate that was missed because of it is this.
4. PASSED. It is not shown as a plain success where a request failed or a start was missed, where no answer was a 2xx, or
   where the run was ended before its time.

A run that a signal or a person ended early is judged by what it measured until then, and says so. The exit code is a matter of
FAILED alone, and of how the run ended: a rate that was missed is a failure only for a threshold that asks for it.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from tressi.run.flow_parts import is_flow, is_step, paced, parts_of
from tressi.run.shortfall import TOO_SHORT, UNMEASURED, failures, limits, starts_due
from tressi.run.trouble import NOTEWORTHY_SHARE
from tressi.run.warm_up import is_unmeasured, measured_s
from tressi.stats.selfcheck import meaning_of
from tressi.text import SHORTEST_S, counted, rate, some_of, summary_labels
from tressi.vocabulary import is_plain_success

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tressi.run.shortfall import Limit

    Endpoint = Mapping[str, Any]
    Summary = Mapping[str, Any]

Word = Literal["PASSED", "FAILED", "TARGET NOT MET", "GENERATOR LIMITED"]
Ending = Literal["done", "failed", "interrupted", "broken"]
Tone = Literal["good", "warn", "bad"]

_EXIT_CODES: Final = {"done": 0, "failed": 1, "broken": 3}
_NAMED: Final = 3  # endpoints or thresholds that are named one by one


class Judgement(NamedTuple):
    """`reasons` are sentences, never none, the gravest first; they may hold text of the target's or of the config's.

    `ending` decides on the exit code, and `ending_reason` says why. `tone` is how the word may be coloured.
    """

    word: Word
    reasons: tuple[str, ...]
    ending: Ending
    ending_reason: str
    tone: Tone


def judge_run(summary: Summary) -> Judgement:
    """The judgement on the run that a summary is of."""
    failed = failed_reasons(summary)
    found = limits(summary)
    short = _short_reasons(summary, found)
    limited = limited_reasons(summary)
    if failed:
        return _judgement(summary, "FAILED", (*failed, *limited, *short), found)
    if short and not (limited and any(limit.by_generator for limit in found.values())):
        return _judgement(summary, "TARGET NOT MET", (*short, *limited), found)
    if limited:
        return _judgement(summary, "GENERATOR LIMITED", (*limited, *short), found)
    return _judgement(summary, "PASSED", (), found)


def ending_of(summary: Summary) -> tuple[Ending, str]:
    """What the exit code is made of, and why: of the whole judgement this part asks nothing about single seconds."""
    if summary["endReason"] == "error":
        return "broken", "tressi itself failed"
    if summary["endReason"] == "interrupted":
        return "interrupted", f"ended by {summary['endDetail']}"
    failed = _failed_ending(summary)
    if failed:
        return "failed", failed
    return "done", "no threshold is broken" if summary["thresholds"] else "no threshold is set"


def exit_code(judgement: Judgement, summary: Summary) -> str:
    """The exit code that a command line ends with, as digits; of a signal that is not known here in words."""
    if judgement.ending != "interrupted":
        return str(_EXIT_CODES[judgement.ending])
    known = {one.name: 128 + one for one in signal.Signals}
    return str(known.get(summary["endDetail"], "of a signal"))


def exit_words(judgement: Judgement, summary: Summary) -> str:
    """The same with its reason, as in "exit code 0: no threshold is broken"."""
    return f"exit code {exit_code(judgement, summary)}: {judgement.ending_reason}"


def failed_reasons(summary: Summary) -> tuple[str, ...]:
    """Why the test has failed; none where it has not."""
    found = (_broken_off(summary), _broken_thresholds(summary), exited_early(summary), without_success(summary))
    return tuple(filter(None, found))


def limited_reasons(summary: Summary) -> tuple[str, ...]:
    """What the generator cost the run: what that means, the self-check's sentences, and those on engines that were lost."""
    generator = summary["generator"]
    return (
        *([meaning_of(generator["reasons"])] if generator["reasons"] else []),
        *generator["reasons"],
        *(_loss_words(one, summary) for one in generator["lost"]),
    )


def _loss_words(lost: str, summary: Summary) -> str:
    """What was lost: a machine of the run says so by itself."""
    is_node = any(lost.startswith(f"{node['name']} was lost") for node in summary.get("nodes", ()))
    return lost if is_node else f"an engine was lost, and with it what it had in flight: {lost}"


def short_reasons(summary: Summary) -> tuple[str, ...]:
    """Which endpoints fell short of their rates, and why; none where all were kept."""
    return _short_reasons(summary, limits(summary))


def exited_early(summary: Summary) -> str | None:
    """Why the run ended before its time because the test had failed; None where it did not."""
    return f"early exit: {summary['endDetail']}" if summary["endReason"] == "early-exit" else None


def without_success(summary: Summary) -> str | None:
    """Which endpoints had not one success; None where each had one, or was asked for nothing."""
    total = summary["global"]
    if is_unmeasured(summary):
        return UNMEASURED
    if not total["requestsMade"]:
        cut = total["requestsCut"]
        return f"not one of {counted(cut, 'request')} was answered" if cut else "no request was made"
    if not total["requestsSucceeded"]:
        return f"not one of {counted(total['requestsMade'], 'request')} succeeded{_of_what(total)}"
    useless = [part for part in parts_of(summary) if _is_useless(part, summary)]
    return _told(summary, [(endpoint, _useless(endpoint)) for endpoint in useless])


def has_many_failures(metrics: Mapping[str, Any]) -> bool:
    """Whether so many attempts failed that latencies of all of them alone would mislead."""
    return bool(metrics["requestsFailed"] > NOTEWORTHY_SHARE * metrics["requestsMade"])


# -------------------------------------------------------------------------------------------------------------- the parts


def _judgement(summary: Summary, word: Word, reasons: tuple[str, ...], found: Mapping[str, Limit]) -> Judgement:
    ended = _ended_by_hand(summary)
    doubts = _doubts(summary) if word == "PASSED" else ()
    blemishes = _blemishes(summary, found) if word == "PASSED" else ()
    if word == "PASSED":
        reasons = (*((ended,) if ended else ()), *doubts, *_kept(summary, found), *blemishes)
    elif ended:
        reasons = (*reasons, ended)
    is_spotless = not (ended or doubts or blemishes or any(limit.is_grown for limit in found.values()))
    tone: Tone = {"PASSED": "good" if is_spotless else "warn", "FAILED": "bad"}.get(word, "warn")
    return Judgement(word, reasons, *ending_of(summary), tone)


def _failed_ending(summary: Summary) -> str | None:
    """Why the test has failed, in few words; None where it has not."""
    if is_unmeasured(summary):
        return "nothing was measured"
    if any(one["passed"] is False for one in summary["thresholds"]):
        return "a threshold is broken"
    if exited_early(summary):
        return "early exit"
    return _unsuccessful(summary["global"]) if without_success(summary) else None


def _unsuccessful(total: Mapping[str, Any]) -> str:
    if total["requestsMade"]:
        return "an endpoint without a success"
    return "no request was answered" if total["requestsCut"] else "nothing was sent"


def _broken_off(summary: Summary) -> str | None:
    return f"tressi itself failed: {summary['endDetail']}" if summary["endReason"] == "error" else None


def _broken_thresholds(summary: Summary) -> str | None:
    thresholds, shown = summary["thresholds"], summary_labels(summary)
    broken = [one for one in thresholds if one["passed"] is False]
    if not broken or is_unmeasured(summary):
        return None
    told = "; ".join(f"{_place(one, shown)}{one['threshold']} ({one['detail']})" for one in broken[:_NAMED])
    are = "are" if len(broken) > 1 else "is"
    return f"{some_of(len(broken), len(thresholds), 'threshold')} {are} broken: {told}{_and_more(broken, 'threshold')}"


def _is_useless(endpoint: Endpoint, summary: Summary) -> bool:
    """Whether an endpoint was asked for something and had not one success; of a flow, whether it lost every user.

    A run need not come to every step of a flow, and one that is shorter than a flow completes none.
    """
    if endpoint["requestsSucceeded"]:
        return False
    if is_step(endpoint) or is_flow(endpoint):
        return bool(endpoint["requestsFailed"])
    if endpoint["requestsMade"] or endpoint["requestsMissed"] or endpoint["requestsCut"]:
        return True
    # A run that ended before its time may not have come to an endpoint that waits for its turn.
    return bool(endpoint["targetRps"] != 0 and summary["endReason"] in {"duration", "complete"})


def _useless(endpoint: Endpoint) -> str:
    made, cut = endpoint["requestsMade"], endpoint["requestsCut"]
    if is_flow(endpoint):
        return f"not one of {counted(made, 'start')} was completed"
    if made:
        return f"not one of {counted(made, 'request')} succeeded{_of_what(endpoint)}"
    return f"not one of {counted(cut, 'request')} was answered" if cut else "no request was made"


def _short_reasons(summary: Summary, found: Mapping[str, Limit]) -> tuple[str, ...]:
    """Which endpoints fell short of their rates, by how much, and why; of one without a success that is said already."""
    short = [one for one in paced(summary) if found[one["endpointKey"]].is_short and not _is_useless(one, summary)]
    told = [(endpoint, _short(endpoint, summary, found[endpoint["endpointKey"]])) for endpoint in short]
    words = _told(summary, sorted(told, key=lambda item: -item[0]["requestsMissed"]))
    return (words,) if words else ()


def _short(endpoint: Endpoint, summary: Summary, limit: Limit) -> str:
    missed = missed_words(endpoint, summary)
    unit = "starts per second" if is_flow(endpoint) else "RPS"
    got = f"{rate(endpoint['rps'])} of {rate(endpoint['targetRps'])} {unit}"
    return f"{got}{f', {missed}' if missed else ''} ({limit.words})"


def missed_words(endpoint: Endpoint, summary: Summary) -> str:
    """How many of the starts that were due were missed; nothing where none was."""
    missed, due = endpoint["requestsMissed"], starts_due(endpoint, summary)
    return f"{missed:,} of {counted(due, 'start')} {'was' if missed == 1 else 'were'} missed" if missed else ""


def _doubts(summary: Summary) -> tuple[str, ...]:
    """What a reader of PASSED must know first."""
    total = summary["global"]
    found = []
    if has_many_failures(total):
        found.append(_failed_share(total))
    is_unusual = total["statusCodes"] and not any(map(is_plain_success, total["statusCodes"]))
    if is_unusual and not _expects_status(summary):
        found.append(f"no answer was a 2xx ({status_words(total)})")
    return tuple(found)


def _blemishes(summary: Summary, found: Mapping[str, Limit]) -> tuple[str, ...]:
    """The few failures and missed starts that a run may have and pass, unless they are a doubt or told of a pool already."""
    total = summary["global"]
    failed = _failed_share(total) if total["requestsFailed"] and not has_many_failures(total) else ""
    short = [one for one in paced(summary) if one["requestsMissed"] and not found[one["endpointKey"]].is_grown]
    missed = _told(summary, [(one, missed_words(one, summary)) for one in short])
    return tuple(filter(None, (failed, missed)))


def _failed_share(total: Mapping[str, Any]) -> str:
    share = f"{100 * total['errorRate']:.3g} % of {counted(total['requestsMade'], 'request')} failed"
    return f"{share}{_of_what(total)}"


def _expects_status(summary: Summary) -> bool:
    """Whether the config says which status is right: then others than 2xx may be what was asked for."""
    requests = summary["config"].get("requests")
    expected = [one.get("expect") for one in requests if isinstance(one, dict)] if isinstance(requests, list) else []
    return any(isinstance(one, dict) and "status" in one for one in expected)


def _kept(summary: Summary, found: Mapping[str, Limit]) -> tuple[str, ...]:
    judged = [one for one in summary["thresholds"] if one["passed"] is not None]
    held = f"{some_of(len(judged), len(judged), 'threshold')} held" if judged else "no threshold was set"
    if measured_s(summary) < SHORTEST_S:
        return held, TOO_SHORT
    asked = [part for part in paced(summary) if part["targetRps"] is not None]
    if not asked:
        return held, f"no rate was asked for: {rate(summary['global']['rps'])} RPS came"
    grown = [(one, found[one["endpointKey"]].words) for one in asked if found[one["endpointKey"]].is_grown]
    words = "the rate asked for was kept" if len(asked) == 1 else "the rates asked for were kept"
    return held, _told(summary, [(one, f"{words}; {missed_words(one, summary)}") for one, words in grown]) or words


def _ended_by_hand(summary: Summary) -> str | None:
    reason, lasted_s = summary["endReason"], summary["durationSec"]
    if reason not in {"interrupted", "stopped"}:
        return None
    by = f"interrupted by {summary['endDetail']}" if reason == "interrupted" else "stopped"
    planned_s = summary["config"].get("duration")
    of = f" of {planned_s:g}" if isinstance(planned_s, (int, float)) else ""
    so = "its seconds are in the timeline alone" if is_unmeasured(summary) else "judged by what was measured until then"
    return f"{by} after {lasted_s:.1f}{of} s, and {so}"


# ---------------------------------------------------------------------------------------------------------- small sentences


def status_words(metrics: Mapping[str, Any]) -> str:
    """The statuses that came, each with how often, the most frequent first."""
    ranked = sorted(metrics["statusCodes"].items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count:,} with {code}" for code, count in ranked)


def _of_what(metrics: Mapping[str, Any]) -> str:
    """Of what most attempts failed, in parentheses."""
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in failures(metrics).most_common(2))
    return f" ({kinds})" if kinds else ""


def _told(summary: Summary, sentences: Sequence[tuple[Endpoint, str]]) -> str | None:
    """What is so of endpoints: a few by name, many by number. A run of one endpoint need not name it."""
    if not sentences:
        return None
    shown = summary_labels(summary)
    if len(parts_of(summary)) == 1:
        return sentences[0][1]
    told = "; ".join(f"{shown[endpoint['endpointKey']]}: {words}" for endpoint, words in sentences[:_NAMED])
    noun = "endpoint or flow" if summary.get("flows") else "endpoint"
    return f"{told}{_and_more(sentences, noun)}"


def _and_more(found: Sequence[object], noun: str) -> str:
    more = len(found) - _NAMED
    return f"; and {counted(more, 'more ' + noun)}" if more > 0 else ""


def _place(threshold: Mapping[str, Any], shown: Mapping[str, str]) -> str:
    key = threshold["endpointKey"]
    return f"{shown.get(key, key)}: " if key else ""
