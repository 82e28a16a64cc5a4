"""From an entry of `requests` to a `ResolvedEndpoint`: address, headers, body, expectation and identity."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tressi.config.connections import request_tls
from tressi.config.content import content_of
from tressi.config.defaults import defaults
from tressi.config.meaning import TRANSPORT_HEADERS, merged
from tressi.config.url import Address, address
from tressi.masking import is_secret_parameter
from tressi.model import AutoscaleConfig, Expectation, ResolvedEndpoint, ResolvedVariant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tressi.config.content import Content
    from tressi.config.resolve import Settings


@dataclass(frozen=True, slots=True)
class Around:
    """What a request needs to know beside the document.

    `folder` is where its files are, `is_secret` says which parameters of URLs are secret, and `hide` masks values that are,
    where there are any.
    """

    folder: str | None = ""
    is_secret: Callable[[str], bool] = is_secret_parameter
    hide: Callable[[str], str] | None = None


def resolved_endpoints(
    document: Mapping[str, Any], settings: Sequence[Settings | None], around: Around
) -> tuple[ResolvedEndpoint, ...]:
    """Resolve every request of a sound document; `settings` has one complete entry for each, None for the shared pool.

    Raises DataError where a file of a body can no longer be read.
    """
    seen: Counter[str] = Counter()
    return tuple(
        _resolved(document, request, one, seen, around) for request, one in zip(document["requests"], settings, strict=True)
    )


def _resolved(
    document: Mapping[str, Any],
    request: Mapping[str, Any],
    settings: Settings | None,
    seen: Counter[str],
    around: Around,
) -> ResolvedEndpoint:
    where = _address(document, request, around)
    content = content_of(request, around.folder, templated=bool(document.get("data")))
    method = request.get("method", defaults("RequestConfigSchema")["method"])
    key = f"{method} {where.masked}"
    seen[key] += 1
    return ResolvedEndpoint(
        endpoint_key=key if seen[key] == 1 else f"{key} #{seen[key]}",
        method=method,
        url=where.wire,
        masked_url=where.masked,
        headers=_headers(document, request, content),
        body=content.body,
        timeout_s=float(request.get("timeout", document.get("timeout", defaults("TressiConfigSchema")["timeout"]))),
        connect_timeout_s=request.get("connectTimeout", document.get("connectTimeout")),
        expect=_expectation(request),
        autoscale=_autoscale(settings),
        name=request.get("name"),
        template=content.template,
        variants=tuple(_variant(document, request, variant, around) for variant in request.get("variants", ())),
        tls=request_tls(document, request),
        max_requests=request.get("maxRequests"),
    )


def _variant(
    document: Mapping[str, Any], request: Mapping[str, Any], variant: Mapping[str, Any], around: Around
) -> ResolvedVariant:
    whole = merged(request, variant)
    where = _address(document, whole, around)
    content = content_of(whole, around.folder, templated=bool(document.get("data")))
    return ResolvedVariant(
        url=where.wire,
        masked_url=where.masked,
        headers=_headers(document, whole, content),
        body=content.body,
        template=content.template,
        weight=float(variant.get("weight", 1)),
    )


def _address(document: Mapping[str, Any], request: Mapping[str, Any], around: Around) -> Address:
    templated = bool(document.get("data"))
    where = address(request["url"], document.get("baseUrl"), templated=templated, is_secret=around.is_secret)
    if around.hide is None or "?" not in where.masked:
        return where
    path, mark, query = where.masked.partition("?")
    return Address(where.wire, f"{path}{mark}{around.hide(query)}")


def _headers(document: Mapping[str, Any], request: Mapping[str, Any], content: Content) -> tuple[tuple[str, str], ...]:
    # By folded name: header names are case-insensitive, and a request's own value replaces the one for all requests. So do
    # the credentials of its own URL, of which the transport makes an Authorization where there is none.
    chosen: dict[str, tuple[str, str]] = {name.lower(): (name, value) for name, value in content.fields}
    replaced = {"authorization"} if "@" in request["url"] and "@" in urlsplit(request["url"]).netloc else set()
    shared = [pair for pair in document.get("headers", {}).items() if pair[0].lower() not in replaced]
    for name, value in [*shared, *request.get("headers", {}).items()]:
        chosen[name.lower()] = (name, value.strip(" \t"))
    if "multipart" in request:  # a Content-Type for all requests cannot know the boundary
        chosen |= {name.lower(): (name, value) for name, value in content.fields}
    return tuple(pair for folded, pair in chosen.items() if folded not in TRANSPORT_HEADERS)


def _expectation(request: Mapping[str, Any]) -> Expectation | None:
    expect = request.get("expect")
    if not expect:
        return None
    status, text = expect.get("status"), expect.get("bodyContains")
    return Expectation(
        status=None if status is None else tuple(status) if isinstance(status, list) else (status,),
        body_contains=None if text is None else text.encode(),
    )


def _autoscale(settings: Settings | None) -> AutoscaleConfig | None:
    if settings is None:
        return None
    return AutoscaleConfig(
        target_rps=float(settings["targetRps"]),
        min_workers=settings["minWorkers"],
        max_workers=settings["maxWorkers"],
        ramp_up_time=0.0 if settings["stages"] else float(settings["rampUpTime"]),
        stages=settings["stages"],
        scale_up_threshold=float(settings["scaleUpThreshold"]),
        scale_down_threshold=float(settings["scaleDownThreshold"]),
        scale_up_factor=float(settings["scaleUpFactor"]),
        scale_down_factor=float(settings["scaleDownFactor"]),
        cooldown_period=float(settings["cooldownPeriod"]),
        weight=float(settings["weight"]),
        priority=settings["priority"],
        initial_workers=settings.get("initialWorkers"),
    )
