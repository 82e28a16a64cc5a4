"""What a log says of one request, and why a line says nothing that can be sent. Pure functions.

A target is made sendable: what may stand nowhere in a URL is percent-encoded, braces and dollar signs before braces too, so
that nothing of a log is ever read as a placeholder or a variable.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import urlsplit

_REQUEST: Final = re.compile(r"([A-Za-z][A-Za-z0-9_-]{0,31}) (\S.*?)(?: (HTTP/\d(?:\.\d)?))?", re.DOTALL)
_VERSIONS: Final = (" HTTP/1.1", " HTTP/2.0", " HTTP/1.0", " HTTP/3.0", " HTTP/2")
_UNSAFE: Final = re.compile(r"[^!$%&\'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]")
# What most targets are: safe as they stand.
_PLAIN: Final = re.compile(r"/[!$&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]{0,4000}")
_ESCAPED: Final = re.compile(r"\\x([0-9A-Fa-f]{2})|\\([\"\\])")
_BROKEN_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
MOST_TARGET_BYTES: Final = 16384


class LineError(ValueError):
    """A line is none of the format, or no request that can be sent again. `str()` says why."""


class Entry(NamedTuple):
    """A request of a log. `time_ns` is when it began, since 1970; `is_whole` says that its stamp had a second's resolution.

    `origin` is the scheme and the host that the log names, or "" where it names none. `delay_ns` is what is still to be taken
    off `time_ns`, once stamps of one second are spread.
    """

    time_ns: int
    is_whole: bool
    method: str
    target: str
    origin: str = ""
    delay_ns: int = 0


def split_request(text: str) -> tuple[str, str]:
    """The method and the target of a request line as a log has it. Raises LineError."""
    if text.startswith(("GET /", "HEAD /", "POST /")) and text.count(" ") == 2 and text.endswith(_VERSIONS):  # noqa: PLR2004
        method, target, _ = text.split(" ")
        return method, target
    if text in {"", "-"}:
        raise LineError("the request is empty")
    found = _REQUEST.fullmatch(text)
    if found is None:
        raise LineError(f"{_short(text)} is no request line")
    return found[1].upper(), found[2]


def sendable(target: str) -> tuple[str, str]:
    """(origin or "", target) of what a log has for a target: a path, or a whole URL. Raises LineError."""
    if _PLAIN.fullmatch(target):
        return "", target
    origin = ""
    target = _ESCAPED.sub(lambda one: f"%{one[1]}" if one[1] else one[2], target).partition("#")[0]
    if target[:4].lower() == "http" and "://" in target:
        origin, target = _of_url(target)
    if not target.startswith("/"):
        raise LineError(f"{_short(target)} is neither a path nor a URL of http")
    if len(target) > MOST_TARGET_BYTES:
        raise LineError(f"the target has {len(target)} characters, and {MOST_TARGET_BYTES} are the most")
    target = _BROKEN_PERCENT.sub("%25", target)
    return origin, _UNSAFE.sub(_percent, target)


def origin_of(scheme: str, host: str) -> str:
    """The origin of a host that a log names; "" where it is none."""
    host = host.strip()
    if not host or host == "-" or not re.fullmatch(r"[A-Za-z0-9._-]+(?::\d{1,5})?|\[[0-9A-Fa-f:.]+\](?::\d{1,5})?", host):
        return ""
    return f"{scheme if scheme in {'http', 'https'} else 'http'}://{host.lower()}"


def _of_url(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
        origin = origin_of(parts.scheme.lower(), parts.netloc.rpartition("@")[2])
    except ValueError:
        origin = ""
    if not origin:
        raise LineError(f"{_short(url)} is no URL")
    return origin, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _percent(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "surrogateescape"))


def _short(text: str) -> str:
    return ascii(text if len(text) <= 40 else f"{text[:40]}…")  # noqa: PLR2004 - what fits beside its reason
