"""Which transport does what a config asks for: the wire transport wherever there is epoll.

urllib3 does elsewhere what it can, which is all but unix sockets and flows, and wherever it is asked for by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tressi.config.protocols import HTTP_2
from tressi.errors import ConfigError, ConfigProblem

if TYPE_CHECKING:
    from tressi.model import ResolvedConfig, Transport

_ONLY_ON_LINUX = "needs epoll, which only Linux has"


def chosen_transport(config: ResolvedConfig, wished: Transport | None, *, has_epoll: bool) -> Transport:
    """The transport that was `wished` for, or else the one that can. Raises ConfigError where it cannot."""
    if wished == "wire" and not has_epoll:
        raise _problem("--transport", f"wire {_ONLY_ON_LINUX}: leave it out, or give urllib3")
    if has_epoll and wished != "urllib3":
        return "wire"
    reason = "" if has_epoll else f", which {_ONLY_ON_LINUX}"
    if config.flows:
        raise _problem("flows", f"need the transport wire{reason}")
    for endpoint in config.endpoints:
        urls = (endpoint.url, *(variant.url for variant in endpoint.variants))
        if any(url.startswith("http+unix:") for url in urls):
            raise _problem(endpoint.endpoint_key, f"a unix socket needs the transport wire{reason}")
        if endpoint.protocol.name in HTTP_2:
            raise _problem(endpoint.endpoint_key, f"HTTP/2 needs the transport wire{reason}")
    return "urllib3"


def epoll_is_here() -> bool:
    """Whether the engine was built on epoll; where it is not built at all, a config is checked as if."""
    try:
        from tressi._core import HAS_EPOLL  # noqa: PLC0415 - a config can be checked without an engine
    except ImportError:
        return True
    return HAS_EPOLL


def _problem(path: str, message: str) -> ConfigError:
    return ConfigError([ConfigProblem(path, message)])
