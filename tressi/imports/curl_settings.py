"""What curl's options about connections are in a config: each function changes the settings of all requests, or of one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from tressi.imports import marks
from tressi.imports.request import DocumentError

if TYPE_CHECKING:
    from collections.abc import Callable

Settings = dict[str, Any]
_RESOLVED: Final = re.compile(r"\+?(\[[^\]]+\]|[^:]*):(\d+):(.+)")
_CONNECTED: Final = re.compile(r"(\[[^\]]+\]|[^:]*):(\d*):(\[[^\]]+\]|[^:]*):(\d*)")


def _seconds(option: str, value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < 1e7:  # noqa: PLR2004 - a third of a year; it also refuses what is not a number
        raise DocumentError(f"the value of {option} is no number of seconds above 0")
    return int(seconds) if seconds == int(seconds) else seconds


def _timeout(_: Settings, own: Settings, value: str) -> None:
    own["timeout"] = _seconds("--max-time", value)


def _connect_timeout(_: Settings, own: Settings, value: str) -> None:
    own["connectTimeout"] = _seconds("--connect-timeout", value)


def _follow(settings: Settings, _: Settings, __: str) -> None:
    settings.setdefault("followRedirects", True)


def _redirects(settings: Settings, _: Settings, value: str) -> None:
    if not re.fullmatch(r"-1|\d{1,6}", value):
        raise DocumentError("the value of --max-redirs is no number")
    most = int(value)
    settings["followRedirects"] = True if most < 0 else min(most, 1000) or False


def _tls(name: str, fixed: Any = None) -> Callable[[Settings, Settings, str], None]:  # noqa: ANN401 - any JSON value
    def change(settings: Settings, own: Settings, value: str) -> None:
        del own
        settings.setdefault("tls", {})[name] = value if fixed is None else fixed

    return change


def _cert(settings: Settings, _: Settings, value: str) -> None:
    if ":" in value:
        raise DocumentError("-E has a password behind the file's name; tressi reads keys without one")
    settings.setdefault("tls", {})["cert"] = value


def _tls_max(settings: Settings, _: Settings, value: str) -> None:
    if value not in {"default", "1.2", "1.3"}:
        raise DocumentError("--tls-max allows versions that tressi does not speak; it speaks 1.2 and 1.3")
    if value != "default":
        settings.setdefault("tls", {})["maxVersion"] = value


def _proxy(settings: Settings, _: Settings, value: str) -> None:
    scheme, separator, rest = value.rpartition("://")
    if separator and scheme.lower() not in {"http", "https"}:
        raise DocumentError("the proxy of -x is none of HTTP's; tressi speaks to no other")
    user_info, at, host = rest.rpartition("@")
    if at and not marks.has_mark(user_info):
        host = f"{marks.variable('PROXY_CREDENTIALS')}@{host}"
    elif at:
        host = rest
    settings["proxy"] = f"{scheme or 'http'}://{host}"


def _resolve(settings: Settings, _: Settings, value: str) -> None:
    match = _RESOLVED.fullmatch(value)
    if match is None or match[1] == "*":
        raise DocumentError("the value of --resolve is not HOST:PORT:ADDRESS")
    address = match[3].split(",")[0]
    address = f"[{address}]" if ":" in address and not address.startswith("[") else address
    settings.setdefault("resolve", {})[f"{match[1]}:{match[2]}"] = address


def _connect_to(settings: Settings, _: Settings, value: str) -> None:
    match = _CONNECTED.fullmatch(value)
    if match is None or not (match[1] and match[2] and match[3]):
        raise DocumentError("the value of --connect-to is not HOST:PORT:HOST:PORT, with both hosts and the first port")
    settings.setdefault("resolve", {})[f"{match[1]}:{match[2]}"] = f"{match[3]}:{match[4]}" if match[4] else match[3]


def _protocol(name: str) -> Callable[[Settings, Settings, str], None]:
    def change(settings: Settings, own: Settings, value: str) -> None:
        del settings, value
        own["protocol"] = name

    return change


def settings_of(own: Settings, origin: str) -> Settings:
    """What a command says of its request to an origin: HTTP/2 that is known beforehand is h2 over TLS."""
    if own.get("protocol") == "h2c" and origin.startswith("https:"):
        return {**own, "protocol": "h2"}
    return dict(own)


SETTINGS: Final[dict[str, Callable[[Settings, Settings, str], None]]] = {
    "timeout": _timeout,
    "connecttimeout": _connect_timeout,
    "http11": _protocol("http/1.1"),
    "http2": _protocol("auto"),
    "knownhttp2": _protocol("h2c"),
    "follow": _follow,
    "redirects": _redirects,
    "insecure": _tls("verify", fixed=False),
    "ca": _tls("ca"),
    "cert": _cert,
    "key": _tls("key"),
    "ciphers": _tls("ciphers"),
    "tls12": _tls("minVersion", "1.2"),
    "tls13": _tls("minVersion", "1.3"),
    "tlsmax": _tls_max,
    "proxy": _proxy,
    "resolve": _resolve,
    "connectto": _connect_to,
}
