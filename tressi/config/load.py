"""The one door to a config: read it, lay the overrides over it, find everything wrong with it, resolve it."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tressi.config.connections import resolved_kept, resolved_places, resolved_proxy, resolved_tls
from tressi.config.data import DataError, declared
from tressi.config.defaults import defaults
from tressi.config.endpoint import Around, resolved_endpoints
from tressi.config.examine import Given, check_scale, examined, warnings_of
from tressi.config.flows import is_templated
from tressi.config.for_summary import record
from tressi.config.identity import shown_identity, with_labels
from tressi.config.masks import masked_values, masks_of
from tressi.config.messages import quoted, refusal
from tressi.config.original import is_original, moved
from tressi.config.overrides import Overrides, with_headers
from tressi.config.protocols import check_protocols
from tressi.config.rules import EARLY_EXIT_KEYS
from tressi.config.source import read
from tressi.config.thresholds import check_targets, resolved_thresholds
from tressi.config.transport import chosen_transport, epoll_is_here
from tressi.config.variables import environment_of, filled
from tressi.errors import ConfigError, ConfigProblem
from tressi.masking import is_secret_parameter
from tressi.model import EarlyExit, ResolvedConfig, SharedPool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tressi.config.budget import Budget
    from tressi.config.source import Reading
    from tressi.config.variables import Filled
    from tressi.masking import Masks


def load_config(source: str | os.PathLike[str] | Mapping[str, Any], overrides: Overrides | None = None) -> ResolvedConfig:
    """Read and resolve a config: a path, `-` for standard input, an https:// URL, or a mapping.

    Raises `ConfigError` with every problem that was found. Warnings are in the result. For example a total of 100 RPS, of
    which one endpoint asks for 70 itself, so that 30 are left for the other:

    >>> own = {"url": "http://127.0.0.1/a", "autoscale": {"enabled": True, "targetRps": 70}}
    >>> rest = {"url": "http://127.0.0.1/b"}
    >>> config = load_config({"requests": [own, rest], "autoscale": {"enabled": True, "targetRps": 100, "maxWorkers": 20}})
    >>> [(endpoint.endpoint_key, endpoint.autoscale.target_rps) for endpoint in config.endpoints]
    [('GET http://127.0.0.1/a', 70.0), ('GET http://127.0.0.1/b', 30.0)]
    >>> load_config({"requests": [{"url": "http://127.0.0.1/a"}], "rps": -1})
    Traceback (most recent call last):
    tressi.errors.ConfigError: rps: -1 is not greater than 0
    """
    overrides = overrides or Overrides()
    reading = read(source)
    variables = filled(reading, environment_of(overrides.env_files, os.environ))
    masks = masks_of(variables.document, overrides.masks)
    secrets = replace(variables, values=variables.values.union(masked_values(variables.document, masks)))
    masks = replace(masks, headers=(*overrides.mask_headers, *masks.headers))
    try:
        return _loaded(reading, secrets, masks, replace(overrides, mask_headers=masks.headers))
    except ConfigError as error:
        raise secrets.hidden(error) from None


def _loaded(reading: Reading, variables: Filled, masks: Masks, overrides: Overrides) -> ResolvedConfig:
    document = variables.document
    move = moved(document) if is_original(document) else None
    given = Given(
        _laid_over(move.document if move else document, overrides), overrides, move, reading.folder, variables.literal
    )
    check_scale(overrides.scale)
    current, budget = examined(given)
    warnings = tuple(map(variables.hide, (*reading.warnings, *warnings_of(given, current, budget))))
    resolved = _resolved(given, current, budget, variables, masks)
    check_targets(resolved)
    sources = _sources(overrides.source_addresses)
    check_protocols(resolved)
    transport = chosen_transport(resolved, overrides.transport, has_epoll=epoll_is_here())
    return replace(resolved, source_addresses=sources, transport=transport, warnings=warnings)


def _laid_over(document: Any, overrides: Overrides) -> Any:  # noqa: ANN401 - any JSON value
    if not isinstance(document, dict):
        return document
    laid = {**document, **read(overrides.settings()).document}
    laid = with_labels(laid, dict(overrides.labels)) if overrides.labels else laid
    if overrides.insecure and isinstance(laid.setdefault("tls", {}), dict):
        laid["tls"] = {**laid["tls"], "verify": False}
    return with_headers(laid, overrides.headers) if overrides.headers else laid


def _sources(given: tuple[str, ...]) -> tuple[str, ...]:
    import socket  # noqa: PLC0415 - most runs name no address
    from ipaddress import ip_address  # noqa: PLC0415 - likewise

    for text in given:
        try:
            family = socket.AF_INET if ip_address(text).version == 4 else socket.AF_INET6  # noqa: PLR2004 - of IP
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.bind((text, 0))
        except (ValueError, OSError):
            message = f"{quoted(text)} is not an IP address of this machine"
            raise ConfigError([ConfigProblem("--source-address", message)]) from None
    return given


def _resolved(given: Given, current: Mapping[str, Any], budget: Budget, variables: Filled, masks: Masks) -> ResolvedConfig:
    overrides = given.overrides
    settings = {**defaults("TressiConfigSchema"), **current}
    section = current.get("autoscale") or {}
    try:
        endpoints, flows = resolved_endpoints(current, budget.settings, _around(given, current, variables, masks))
    except DataError as error:  # a file that was there when it was looked for
        raise refusal(str(error)) from None
    return ResolvedConfig(
        endpoints=endpoints,
        flows=flows,
        shared_pool=_shared_pool(settings, budget) if None in budget.settings else None,
        worker_limit=budget.worker_limit,
        strategy=section.get("distributionStrategy", defaults("GlobalAutoscaleConfig")["distributionStrategy"]),
        duration_s=float(settings["duration"]),
        warm_up_s=float(current.get("warmUp", 0)),
        concurrent_requests=settings["concurrentRequests"],
        arrival=settings["arrival"],
        keep_alive=settings["keepAlive"],
        connections_per_second=current.get("connectionsPerSecond"),
        graceful_stop_s=float(settings["gracefulStop"]),
        tls=resolved_tls(current),
        proxy=resolved_proxy(current),
        follow_redirects=current.get("followRedirects", False),
        resolve=resolved_places(current),
        kept=resolved_kept(current),
        seed=settings["seed"],
        max_requests=current.get("maxRequests"),
        early_exit=_early_exit(current),
        thresholds=resolved_thresholds(current, overrides.fail_if, endpoints, flows),
        export=current.get("export"),
        mask_headers=overrides.mask_headers,
        data=declared(current, given.folder).sources,
        secrets=tuple(sorted(variables.values)),
        masks=masks,
        document=record(variables.as_written(current), masks),
        **_identity(current, variables, masks),
    )


def _identity(current: Mapping[str, Any], variables: Filled, masks: Masks) -> dict[str, Any]:
    """The run's name and labels; unlike the recorded config they have the values that references stand for."""
    shown = shown_identity(current, masks)
    labels = {variables.hide(key): variables.hide(value) for key, value in shown.get("labels", {}).items()}
    return {"name": variables.hide(shown["name"]) if "name" in shown else None, "labels": labels}


def _around(given: Given, current: Mapping[str, Any], variables: Filled, masks: Masks) -> Around:
    hide = variables.hide if variables.values else None
    is_secret = masks.is_parameter if masks.parameters else is_secret_parameter
    return Around(given.folder, is_secret, hide, is_templated(current))


def _shared_pool(settings: Mapping[str, Any], budget: Budget) -> SharedPool:
    target_rps = None if budget.pool_rps is None else float(budget.pool_rps)
    ramp_s = 0.0 if budget.pool_stages else float(settings["rampUpTime"])
    return SharedPool(settings["workers"], target_rps, ramp_s, budget.pool_stages)


def _early_exit(current: Mapping[str, Any]) -> EarlyExit | None:
    if not current.get("earlyExitOnError"):
        return None
    rate, count, statuses = (current.get(key) for key in EARLY_EXIT_KEYS)
    return EarlyExit(None if rate is None else float(rate), count, frozenset(statuses or ()))
