"""What a person should know before a run, though nothing is wrong with the config: said once, in front of the first request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tressi.model import Proxies

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tressi.model import ResolvedConfig

# Lower case first: that is what curl reads, and of http_proxy it reads nothing else.
PROXY_VARIABLES: Final = (
    "http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
)  # fmt: skip


def remarks(config: ResolvedConfig, environment: Mapping[str, str]) -> list[str]:
    """Return everything that is to be said before a run of `config` in this environment, the most important first."""
    full_speed = at_full_speed(config)
    return [*([full_speed] if full_speed else []), *_unused_proxies(config, environment)]


def at_full_speed(config: ResolvedConfig) -> str | None:
    """Say that no rate is set, and what happens then; None where every request has a rate."""
    pool = config.shared_pool
    if pool is None or pool.target_rps is not None:
        return None
    whose = " for the shared pool" if config.autoscaled else ""
    lanes = config.concurrent_requests
    flight = f" with {lanes} requests in flight{' each' if pool.workers > 1 else ''}" if lanes > 1 else ""
    workers = f"{pool.workers} workers{flight} send" if pool.workers > 1 else f"1 worker{flight} sends"
    return f"no rate is set{whose}: {workers} as fast as answers come"


def _unused_proxies(config: ResolvedConfig, environment: Mapping[str, str]) -> list[str]:
    """One sentence for all variables that other programs take a proxy from; their values may hold a password."""
    if isinstance(config.proxy, Proxies):
        is_empty = config.proxy.http is None and config.proxy.https is None
        return ["proxy: the environment names no proxy: requests go straight to the target"] if is_empty else []
    found = [name for name in PROXY_VARIABLES if environment.get(name)]
    if not found:
        return []
    names = found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"
    whither = "all requests go to the config's proxy" if config.proxy else "requests go straight to the target"
    remedy = "; `proxy` in the config sends them through one, and `environment` for it through these"
    remedy = "" if config.proxy else remedy
    has = "has" if len(found) == 1 else "have"
    return [f"{names} of the environment {has} no effect: {whither}{remedy}"]
