"""What `tressi capacity` was asked: conditions, rates and plan, and the run that does the search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from tressi.capacity.known import Plan
from tressi.capacity.search import RESTING
from tressi.capacity.slo import Condition, condition_of
from tressi.errors import ConfigError, ConfigProblem
from tressi.model import pools_of
from tressi.run.searching import Rates
from tressi.run.steering import endpoint_key_of
from tressi.threshold.parse import ThresholdError

if TYPE_CHECKING:
    from argparse import Namespace

    from tressi.model import AutoscaleConfig, ResolvedConfig

_FIRST: Final = 10.0  # RPS, where the config names no rate
_TENTH: Final = 0.1  # of the config's rate: most targets carry that
DRAIN_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What is searched, and the run that does it. `endpoint_key` None: all endpoints together."""

    config: ResolvedConfig
    conditions: tuple[Condition, ...]
    plan: Plan
    rates: Rates
    endpoint_key: str | None


def asked_of(config: ResolvedConfig, arguments: Namespace) -> Asked:
    """What the flags ask of a config. Raises ConfigError."""
    conditions = tuple(_condition(text) for text in arguments.slo)
    if config.replay is not None:
        raise _refused("CONFIG", "replays a log at the log's times, and has no rate that could be searched")
    endpoint_key = None if arguments.together else _endpoint_key(config, arguments.endpoint)
    if arguments.together and arguments.endpoint is not None:
        raise _refused("--together", "stands beside --endpoint; leave one of them out")
    rates, configured = _rates(config, endpoint_key)
    _check_timeouts(config, rates, conditions)
    first = arguments.first_rps or max(1.0, _TENTH * (configured or _FIRST / _TENTH))
    plan = Plan(first, min(1.0, first), arguments.precision, arguments.budget)
    searched = _config_of(config, {key: share * first * RESTING for key, share in rates.of_pools.items()}, arguments)
    return Asked(searched, conditions, plan, rates, endpoint_key)


def _condition(text: str) -> Condition:
    try:
        return condition_of(text)
    except ThresholdError as error:
        raise _refused("--slo", f"{text!r}: {error}") from None


def _endpoint_key(config: ResolvedConfig, name: str | None) -> str:
    """The key of the endpoint that is searched. Raises ConfigError."""
    own = [one for one in config.endpoints if one.flow is None]
    if name is None:
        if len(own) != 1 or config.flows:
            raise _refused("--endpoint", "is missing: the config has several; name one, or search all with --together")
        return own[0].endpoint_key
    key = endpoint_key_of(config, name)
    if key in {flow.endpoint_key for flow in config.flows}:
        raise _refused("--endpoint", f"{key} is a flow, and a capacity is found for endpoints alone")
    found = next(one for one in own if one.endpoint_key == key)
    if found.autoscale is None and sum(one.autoscale is None for one in own) > 1:
        raise _refused("--endpoint", f"{key} shares the rate of a pool with others: give it an autoscale, or use --together")
    return key


def _rates(config: ResolvedConfig, endpoint_key: str | None) -> tuple[Rates, float | None]:
    """What is steered, and the rate that the config has for it (None: none). Raises ConfigError."""
    pools = {pool.endpoint_keys[0]: pool.curve for pool in pools_of(config)}
    if endpoint_key is not None:
        curve = pools[endpoint_key]
        return Rates((endpoint_key,), {endpoint_key: 1.0}), None if curve is None else max(rps for _, rps in curve.points)
    if config.flows:
        raise _refused("--together", "the config has flows, and a capacity is found for endpoints alone: name one of them")
    rates = {key: 0.0 if curve is None else max(rps for _, rps in curve.points) for key, curve in pools.items()}
    without = [key for key, rps in rates.items() if rps <= 0]
    if without:
        raise _refused("--together", f"{without[0]} has no rate, so there is no share of the whole that it could have")
    whole = sum(rates.values())
    keys = tuple(one.endpoint_key for one in config.endpoints)
    return Rates(keys, {key: rps / whole for key, rps in rates.items()}), whole


def _check_timeouts(config: ResolvedConfig, rates: Rates, conditions: tuple[Condition, ...]) -> None:
    """Raise ConfigError for a limit that no response can exceed."""
    for one in config.endpoints:
        for limit in conditions:
            if one.endpoint_key in rates.keys and limit.limit_us is not None and limit.limit_us >= 1e6 * one.timeout_s:
                said = f"{limit.text!r}: no request takes longer, because it is given up after {one.timeout_s:g} s (timeout)"
                raise _refused("--slo", said)


def _config_of(config: ResolvedConfig, rates: dict[str, float], arguments: Namespace) -> ResolvedConfig:
    """The run of a search: it ends by itself, judges nothing else, and has all the workers that it may have at once."""
    endpoints = tuple(
        replace(one, autoscale=_full(one.autoscale, rates[one.endpoint_key], arguments.max_workers))
        if one.autoscale is not None and one.endpoint_key in rates
        else one
        for one in config.endpoints
    )
    shared = config.shared_pool
    key = next((one.endpoint_key for one in config.endpoints if one.autoscale is None and one.flow is None), None)
    if shared is not None and key in rates:
        workers = arguments.max_workers or shared.workers
        shared = replace(shared, workers=workers, target_rps=rates[key], ramp_up_time=0.0, stages=())
    own = sum(one.autoscale.max_workers for one in endpoints if one.autoscale is not None and one.endpoint_key in rates)
    # The others have as many as they would have had without the search.
    others = sum(one.autoscale.max_workers for one in endpoints if one.autoscale is not None and one.endpoint_key not in rates)
    limit = max(config.worker_limit, own + min(config.worker_limit, others))
    lasts_s = arguments.budget + 2 * DRAIN_S
    return replace(
        config,
        document=_document_of(config.document, limit, lasts_s),
        endpoints=endpoints,
        shared_pool=shared,
        worker_limit=limit,
        duration_s=lasts_s,
        warm_up_s=0.0,
        max_requests=None,
        early_exit=None,
        thresholds=(),
        export=None,
        graceful_stop_s=min(config.graceful_stop_s, DRAIN_S),
    )


def _document_of(document: Mapping[str, Any], limit: int, lasts_s: float) -> dict[str, Any]:
    """The config as the run's displays and its report show it: with the length and the workers that the search has."""
    shared = document.get("autoscale")
    if isinstance(shared, Mapping) and "maxWorkers" in shared:
        return {**document, "duration": lasts_s, "autoscale": {**shared, "maxWorkers": limit}}
    return {**document, "duration": lasts_s, "workers": limit}


def _full(settings: AutoscaleConfig, rps: float, workers: int | None) -> AutoscaleConfig:
    """A pool with all its workers from the beginning: how it grows is not what is searched. Idle ones open no connection."""
    most = workers or settings.max_workers
    return replace(
        settings,
        target_rps=rps,
        ramp_up_time=0.0,
        stages=(),
        min_workers=most,
        max_workers=most,
        initial_workers=most,
    )


def _refused(place: str, message: str) -> ConfigError:
    return ConfigError([ConfigProblem(place, message)])
