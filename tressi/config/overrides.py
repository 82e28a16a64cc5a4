"""What the flags of the command line, or a program, lay over a config."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from tressi.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tressi.model import Transport


@dataclass(frozen=True, slots=True)
class Overrides:
    """What replaces the file's top-level settings; None leaves them. Times are seconds, `export` a directory.

    `insecure` takes any certificate; `source_addresses` are IP addresses of this machine to connect from, in turn;
    `transport` None: whichever the config needs. `mask_headers` names headers whose values are secrets, beside those that
    always are, and `masks` what else is a secret (`query:NAME`, `header:NAME`, `body:/path`). `fail_if` are conditions that
    fail the run where they hold, beside the config's thresholds. `strict` refuses a config with any property that is
    unknown. `scale` multiplies every rate and bound of workers. `env_files` are files of variables for the `${NAME}` of the
    config, beside the environment. `headers` replace those of their names in every request, a value None leaves one out.
    `labels` are beside the config's, or instead of those of the same keys.
    """

    name: str | None = None
    duration: int | None = None
    warm_up: float | None = None
    rps: int | None = None
    max_requests: int | None = None
    workers: int | None = None
    concurrent_requests: int | None = None
    ramp_up_time: int | None = None
    base_url: str | None = None
    timeout: float | None = None
    connect_timeout: float | None = None
    connections_per_second: float | None = None
    graceful_stop: float | None = None
    seed: int | None = None
    export: str | None = None
    insecure: bool = False
    source_addresses: tuple[str, ...] = ()
    transport: Transport | None = None
    mask_headers: tuple[str, ...] = ()
    masks: tuple[str, ...] = ()
    fail_if: tuple[str, ...] = ()
    strict: bool = False
    scale: float | None = None
    headers: tuple[tuple[str, str | None], ...] = ()
    env_files: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()

    def settings(self) -> dict[str, Any]:
        """Return what was given, by config key."""
        given = {field.name: getattr(self, field.name) for field in fields(self) if field.name in _SETTINGS}
        return {camel(name): value for name, value in given.items() if value is not None}


_SETTINGS = frozenset(field.name for field in fields(Overrides)) - {
    "insecure",
    "source_addresses",
    "transport",
    "mask_headers",
    "masks",
    "fail_if",
    "strict",
    "scale",
    "headers",
    "env_files",
    "labels",
}


def headers_of(lines: Iterable[tuple[str, str | None]]) -> dict[str, Any]:
    """Header lines as a config has them: several of one name, whatever its letters, are a list; None stays alone."""
    found: dict[str, tuple[str, Any]] = {}
    for name, value in lines:
        first, before = found.get(name.lower(), (name, None))
        several = [*before, value] if isinstance(before, list) else [before, value]
        found[name.lower()] = (first, value if value is None or before is None else several)
    return dict(found.values())


def with_headers(document: dict[str, Any], lines: Iterable[tuple[str, str | None]]) -> dict[str, Any]:
    """A document whose requests all have these headers, instead of any of those names; a value of another type stays as it is.

    The credentials of a request's own URL count for more than a header of all requests, so such a request gets its own.
    """
    given = headers_of(lines)
    folded = {name.lower(): {name: value} for name, value in given.items()}

    def replaced(request: Any) -> Any:  # noqa: ANN401 - any JSON value, whose mistakes are told later
        if not isinstance(request, dict):
            return request
        own, url = request.get("headers", {}), request.get("url")
        if not isinstance(own, dict):
            return request
        kept = {name: value for name, value in own.items() if name.lower() not in folded}
        credentials = folded.get("authorization", {}) if isinstance(url, str) and "@" in url else {}
        return request if len(kept) == len(own) and not credentials else {**request, "headers": {**kept, **credentials}}

    shared, requests = document.get("headers", {}), document.get("requests")
    if not isinstance(shared, dict) or not isinstance(requests, list):
        return document
    kept = {name: value for name, value in shared.items() if name.lower() not in folded}
    return {**document, "headers": {**kept, **given}, "requests": [replaced(request) for request in requests]}


def camel(name: str) -> str:
    """`max_workers` as a config has it, `maxWorkers`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def kebab(name: str) -> str:
    """`maxWorkers` as a flag has it, `max-workers`."""
    if name == "maxRequests":
        return "requests"
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name)
