"""The sentences on a run that every display shares. `labels` are all endpoints' keys as they are shown (`text.labels`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tressi.config.remarks import at_full_speed
from tressi.model.flow import is_flow_key
from tressi.run.threshold_words import standing, standing_news
from tressi.run.trouble import NOTEWORTHY_SHARE
from tressi.text import common_origin, counted, labels, plain, run_words, short_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tressi.model import (
        Change,
        Draining,
        Moment,
        ResolvedConfig,
        ScalingDecision,
        SecondFigures,
        ThresholdVerdict,
    )
    from tressi.ui.first_decisions import Shrunk

    Labels = Mapping[str, str]

LIMITED: Final = "GENERATOR LIMITED"


def labels_of(config: ResolvedConfig) -> dict[str, str]:
    """Every endpoint's key as it is shown, and every flow's."""
    shown = labels({endpoint.endpoint_key: endpoint.name for endpoint in config.endpoints})
    return shown | {flow.endpoint_key: plain(flow.endpoint_key) for flow in config.flows}


def label_of(endpoint_key: str, shown: Labels) -> str:
    """An endpoint as it is shown."""
    return shown.get(endpoint_key) or short_key(endpoint_key, "")


def announcement(config: ResolvedConfig) -> str:
    """What is about to happen, and first of all that nothing limits it, where that is so."""
    full_speed = at_full_speed(config)
    return f"{full_speed}; {running(config)}" if full_speed else running(config)


def running(config: ResolvedConfig) -> str:
    """What is run, and for how long."""
    count, origin = len(config.endpoints), common_origin(endpoint.endpoint_key for endpoint in config.endpoints)
    at = f" of {plain(origin)}" if origin else ""
    warm_up = f", the first {config.warm_up_s:g} s warm-up" if config.warm_up_s else ""
    length = f"{config.duration_s:g} s"
    if config.max_requests is not None:
        length = f"{counted(config.max_requests, 'request')}, {length} at most"
    flows = f"{counted(len(config.flows), 'flow')} with " if config.flows else ""
    called = run_words(config.name, config.labels)
    return f"running {called}{': ' if called else ''}{flows}{count} endpoint{'s' * (count != 1)}{at} for {length}{warm_up}"


def time_left(moment: Moment) -> str:
    """How far the run is, and how long it still takes."""
    warm_up = ", warming up" if moment.warm_up else ""
    return f"{moment.t:.0f} s of {moment.duration_s:g} s, {left_words(moment)}{warm_up}"


def left_words(moment: Moment) -> str:
    """What is left: seconds, or how many of the requests that the run ends after have been made."""
    if moment.max_requests is not None:
        return f"{moment.total.requests_made:,} of {counted(moment.max_requests, 'request')}"
    return f"{max(0.0, moment.duration_s - moment.t):.0f} s left"


def draining_words(draining: Draining) -> str:
    """What a run waits for at its end: requests in flight, and users within a flow, of whom most may think."""
    flying, users = draining.in_flight, draining.users
    parts = [f"{flying} request{'s' * (flying != 1)} in flight"] if flying or not users else []
    parts += [f"{counted(users, 'user')} within a flow"] if users else []
    return f"waiting for {' and '.join(parts)}, up to {draining.patience_s:g} s"


def shows_successes(one: SecondFigures) -> bool:
    """Whether so many attempts failed that the latencies of the successes are shown beside those of all."""
    return one.error_rate > NOTEWORTHY_SHARE and one.success_count > 0


def decision_line(decision: ScalingDecision, shown: Labels) -> str:
    """One decision in a line: when, which pool, what, and why."""
    place = label_of(decision.endpoint_key, shown)
    return f"{decision.timestamp:6.1f} s  {place}  {scaled(decision)}: {plain(decision.reason)}"


def shrunk_line(shrunk: Shrunk) -> str:
    """The scaler's first decisions in a line."""
    return f"{shrunk.timestamp:6.1f} s  {shrunk.words}"


def scaled(decision: ScalingDecision) -> str:
    """What a decision did to its pool."""
    sign = "+" if decision.action == "scale-up" else "-"
    return f"{sign}{decision.workers} → {decision.worker_count} workers"


def change_line(change: Change, shown: Labels) -> str:
    """One change by hand in a line."""
    what = {"pause": "paused", "resume": "resumed"}.get(change.action, "")
    if change.endpoint_key is not None:
        unit = "starts per second" if is_flow_key(change.endpoint_key) else "RPS"
        what = f"{label_of(change.endpoint_key, shown)}  target {change.target_rps:g} {unit}"
    return f"{change.t:6.1f} s  {what}"


def threshold_line(verdict: ThresholdVerdict, shown: Labels) -> str:
    """One threshold as it stands: where, what it asks, and whether that holds, does not so far, or cannot any more."""
    return f"{threshold_name(verdict, shown)}  {plain(standing(verdict))}"


def threshold_news(before: ThresholdVerdict | None, now: ThresholdVerdict, shown: Labels) -> str | None:
    """What is to be said of a threshold once, `before` being its verdict a second ago; None where there is nothing new."""
    news = standing_news(before, now)
    return None if news is None else f"{threshold_name(now, shown)}  {plain(news)}"


def threshold_name(verdict: ThresholdVerdict, shown: Labels) -> str:
    """Where a threshold is judged, and what it asks."""
    place = f"{label_of(verdict.endpoint_key, shown)}  " if verdict.endpoint_key is not None else ""
    return f"{place}{plain(verdict.text)}"
