"""The one door to a config: read it, lay the overrides over it, find everything wrong with it, resolve it."""

from __future__ import annotations

import socket
from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from tressi.config.budget import Budget, divide
from tressi.config.check import breaches, plain_integers
from tressi.config.defaults import defaults
from tressi.config.endpoint import resolved_endpoints
from tressi.config.meaning import EARLY_EXIT_KEYS, doubts, mistakes
from tressi.config.migrate import DEPRECATION, is_legacy, legacy_place, migrated
from tressi.config.original import DEPRECATION as MOVED_WARNING
from tressi.config.original import is_original, moved
from tressi.config.overrides import Overrides, kebab
from tressi.config.place import Finding, Place, in_document_order, problem_of, quoted
from tressi.config.record import record
from tressi.config.source import read
from tressi.config.stray import sentences, strays
from tressi.config.thresholds import check_targets, resolved_thresholds, threshold_mistakes
from tressi.config.transport import chosen_transport, epoll_is_here
from tressi.config.url import server_name, wire_base
from tressi.errors import ConfigError, ConfigProblem
from tressi.model import EarlyExit, ResolvedConfig, SharedPool, TlsConfig

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from tressi.config.original import Moved


def load_config(source: str | os.PathLike[str] | Mapping[str, Any], overrides: Overrides | None = None) -> ResolvedConfig:
    """Read and resolve a config: a path, `-` for standard input, an https:// URL, or a mapping.

    Raises `ConfigError` with every problem that was found. Warnings are in the result.
    """
    overrides = overrides or Overrides()
    reading = read(source)
    move = moved(reading.document) if is_original(reading.document) else None
    document = _laid_over(move.document if move else reading.document, overrides)
    current, budget = _examined(document, overrides, move)
    warnings = (*reading.warnings, *_warnings(document, current, budget, move))
    resolved = _resolved(current, budget, overrides, warnings)
    check_targets(resolved)
    sources = _sources(overrides.source_addresses)
    transport = chosen_transport(resolved, overrides.transport, has_epoll=epoll_is_here())
    return replace(resolved, source_addresses=sources, transport=transport)


def _laid_over(document: Any, overrides: Overrides) -> Any:  # noqa: ANN401 - any JSON value
    if not isinstance(document, dict):
        return document
    laid = {**document, **read(overrides.settings()).document}
    if overrides.insecure and isinstance(laid.setdefault("tls", {}), dict):
        laid["tls"] = {**laid["tls"], "verify": False}
    return laid


def _sources(given: tuple[str, ...]) -> tuple[str, ...]:
    for text in given:
        try:
            family = socket.AF_INET if ip_address(text).version == 4 else socket.AF_INET6  # noqa: PLR2004 - of IP
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.bind((text, 0))
        except (ValueError, OSError):
            message = f"{quoted(text)} is not an IP address of this machine"
            raise ConfigError([ConfigProblem("--source-address", message)]) from None
    return given


def _examined(
    document: Any,  # noqa: ANN401 - any JSON value
    overrides: Overrides,
    move: Moved | None,
) -> tuple[dict[str, Any], Budget]:
    # What breaks the schema is taken out, so that the rules of meaning still speak about the rest.
    findings = breaches(document, overrides.mask_headers)
    broken = {place for place, _ in findings}
    sound = _without(document, broken)
    current = migrated(plain_integers(sound)) if isinstance(sound, dict) else {}
    findings += strays(document, overrides.mask_headers, strict=overrides.strict).mistakes
    findings += [*mistakes(current, overrides.mask_headers), *threshold_mistakes(current, overrides.fail_if)]
    # A budget with a part missing would complain of consequences.
    budget = None if any(_bears_on_budget(place) for place in broken) else divide(current)
    findings += budget.findings if budget else ()
    if findings or budget is None or (move and (move.mistakes or (overrides.strict and move.unknown))):
        raise ConfigError([problem_of(finding) for finding in _told(findings, document, overrides, move)])
    return current, budget


def _without(value: Any, broken: set[Place], place: Place = ()) -> Any:  # noqa: ANN401 - any JSON value
    if place in broken:
        return None
    if isinstance(value, dict):
        return {key: _without(item, broken, (*place, key)) for key, item in value.items() if (*place, key) not in broken}
    if isinstance(value, list):
        return [_without(item, broken, (*place, index)) for index, item in enumerate(value)]
    return value


def _bears_on_budget(place: Place) -> bool:
    whole_request = len(place) <= 2 and place[:1] == ("requests",)  # noqa: PLR2004 - `requests` itself, or one of them
    return not place or whole_request or not {"autoscale", "rps", "workers", "rampUpTime"}.isdisjoint(place)


def _told(
    findings: list[Finding],
    document: Any,  # noqa: ANN401 - any JSON value
    overrides: Overrides,
    move: Moved | None,
) -> list[Finding]:
    legacy, given = isinstance(document, dict) and is_legacy(document), overrides.settings()
    told: list[Finding] = []
    for place, message in findings:
        there = legacy_place(place) if legacy else place
        if len(there) == 1 and there[0] in given:
            told.append((there, f"{message} (given by --{kebab(str(there[0]))})"))
        else:
            told.append((move.origin(there) if move else there, message))
    told += [*move.mistakes, *(move.unknown if overrides.strict else ())] if move else []
    return in_document_order(told, move.source if move else document)


def _warnings(document: Mapping[str, Any], current: Mapping[str, Any], budget: Budget, move: Moved | None) -> list[str]:
    warnings = [*sentences(strays(document).warnings), *doubts(current)]
    if "rps" in current and None not in budget.settings:
        warnings.append("rps: has no effect, it limits the shared pool and every endpoint is autoscaled")
    if move:
        return [MOVED_WARNING, *move.notes, *sentences(move.unknown), *warnings]
    return [DEPRECATION, *warnings] if is_legacy(document) else warnings


def _resolved(current: Mapping[str, Any], budget: Budget, overrides: Overrides, warnings: tuple[str, ...]) -> ResolvedConfig:
    settings = {**defaults("TressiConfigSchema"), **current}
    section = current.get("autoscale") or {}
    endpoints = resolved_endpoints(current, budget.settings)
    return ResolvedConfig(
        endpoints=endpoints,
        shared_pool=_shared_pool(settings, budget) if None in budget.settings else None,
        worker_limit=budget.worker_limit,
        strategy=section.get("distributionStrategy", defaults("GlobalAutoscaleConfig")["distributionStrategy"]),
        duration_s=float(settings["duration"]),
        concurrent_requests=settings["concurrentRequests"],
        arrival=settings["arrival"],
        keep_alive=settings["keepAlive"],
        connections_per_second=current.get("connectionsPerSecond"),
        graceful_stop_s=float(settings["gracefulStop"]),
        tls=_tls(current),
        proxy=wire_base(current["proxy"]) if "proxy" in current else None,
        follow_redirects=current.get("followRedirects", False),
        seed=settings["seed"],
        early_exit=_early_exit(current),
        thresholds=resolved_thresholds(current, overrides.fail_if, endpoints),
        export=current.get("export"),
        document=record(current, overrides.mask_headers),
        warnings=warnings,
    )


def _shared_pool(settings: Mapping[str, Any], budget: Budget) -> SharedPool:
    target_rps = None if budget.pool_rps is None else float(budget.pool_rps)
    return SharedPool(settings["workers"], target_rps, float(settings["rampUpTime"]))


def _early_exit(current: Mapping[str, Any]) -> EarlyExit | None:
    if not current.get("earlyExitOnError"):
        return None
    rate, count, statuses = (current.get(key) for key in EARLY_EXIT_KEYS)
    return EarlyExit(None if rate is None else float(rate), count, frozenset(statuses or ()))


def _tls(current: Mapping[str, Any]) -> TlsConfig:
    tls = current.get("tls", {})
    files = {name: tls[name] for name in ("ca", "cert", "key") if name in tls}
    name = server_name(tls["serverName"]) if "serverName" in tls else None
    return TlsConfig(verify=tls.get("verify", True), server_name=name, **files)
