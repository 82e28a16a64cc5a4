"""Fetching a config over https://, the certificate verified, every redirect held to https:// too.

The server may be slow, wrong or hostile: the whole takes `TOTAL_S` at most, and no more memory than the config may have.
"""

from __future__ import annotations

import re
import zlib
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

import urllib3

from tressi.config.messages import broken_url, printable, refusal
from tressi.hosts import ascii_host
from tressi.masking import secrets_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tressi.errors import ConfigError

MAX_REDIRECTS: Final = 5
TOTAL_S: Final = 60.0
TIMEOUT: Final = urllib3.Timeout(connect=10.0, read=30.0)
_CONNECTION = re.compile(r"^HTTPSConnection(Pool)?\(.*?\): ")  # urllib3 repeats the address
_PIECE_BYTES: Final = 1 << 16


def fetch(url: str, max_bytes: int, total_s: float = TOTAL_S) -> bytes:
    """Return the body at `url`, at most one byte more than `max_bytes`. Raises `ConfigError` with the masked URL."""
    outcome: list[bytes | BaseException] = []
    job = _Fetch(url, max_bytes, monotonic() + total_s)
    # A time limit of sockets begins anew with each byte, and looking up a name has none: only who waits can stop waiting.
    thread = Thread(target=job.do, args=(outcome.append,), name="tressi-fetch", daemon=True)
    thread.start()
    thread.join(total_s)
    if not outcome:
        raise _refusal(url, f"it took longer than {total_s:g} s")
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


class _Fetch:
    """One config on its way, redirects included, until `end_s` of the monotonic clock."""

    def __init__(self, url: str, max_bytes: int, end_s: float) -> None:
        self._url, self._max_bytes, self._end_s = url, max_bytes, end_s

    def do(self, tell: Callable[[bytes | BaseException], None]) -> None:
        """Fetch it, and tell the body or what went wrong."""
        try:
            tell(self._follow())
        except BaseException as failure:  # noqa: BLE001 - it is raised where it is waited for
            tell(failure)

    def _follow(self) -> bytes:
        url = self._url
        with urllib3.PoolManager(cert_reqs="CERT_REQUIRED") as pool:
            for _ in range(MAX_REDIRECTS + 1):
                body, location = self._once(pool, url)
                if not location:
                    return body
                url = _target(url, location)
        raise _refusal(url, f"redirects more than {MAX_REDIRECTS} times")

    def _once(self, pool: urllib3.PoolManager, url: str) -> tuple[bytes, str | None]:
        try:
            bare, headers = _without_user_info(url)
            with pool.request(
                "GET", bare, headers=headers, preload_content=False, redirect=False, retries=False, timeout=TIMEOUT
            ) as response:
                location = response.get_redirect_location()
                if location:
                    return b"", location
                if response.status != 200:  # noqa: PLR2004 - the one status that carries the config
                    raise _refusal(url, f"answered with status {response.status}")
                return self._body(url, response), None
        except (urllib3.exceptions.LocationValueError, ValueError):
            raise _refusal(url, "this is no address") from None
        except zlib.error:
            raise _refusal(url, "what it sends is not compressed as it says") from None
        except urllib3.exceptions.HTTPError as error:
            raise _refusal(url, _CONNECTION.sub("", str(error)) or type(error).__name__) from None

    def _body(self, url: str, response: urllib3.BaseHTTPResponse) -> bytes:
        decode = _decoder(url, response.headers.get("Content-Encoding", ""))
        body = bytearray()
        for piece in response.stream(_PIECE_BYTES, decode_content=False):
            if monotonic() > self._end_s:
                raise _refusal(url, "it took too long")
            body += decode(piece, self._max_bytes + 1 - len(body))
            if len(body) > self._max_bytes:
                break
        return bytes(body)


def _decoder(url: str, coding: str) -> Callable[[bytes, int], bytes]:
    """What takes a piece of a body and a length, and gives as much of it decoded at most: the rest is beyond the limit."""
    word = coding.strip().lower()
    if word in {"", "identity"}:
        return lambda piece, most: piece[:most]
    if word not in {"gzip", "x-gzip"}:
        raise _refusal(url, f"it is compressed as {printable(word[:20])}, which was not asked for")
    inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    # 0 would mean no limit.
    return lambda piece, most: inflate.decompress(piece, max(1, most))


def _target(url: str, location: str) -> str:
    shown = printable(broken_url(location))
    try:
        target = urljoin(url, location)
    except ValueError:
        raise _refusal(url, f"redirects to {shown}, which is no address") from None
    if not target.lower().startswith("https://"):
        raise _refusal(url, f"redirects to {printable(broken_url(target))}, which is not https://")
    return target


def _without_user_info(url: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(url)
    user_info, _, host = parts.netloc.rpartition("@")
    bare = urlunsplit(parts._replace(netloc=ascii_host(host), fragment=""))
    headers = urllib3.make_headers(basic_auth=unquote(user_info)) if user_info else {}
    return bare, {**headers, "accept-encoding": "gzip"}


def _refusal(url: str, reason: str) -> ConfigError:
    hidden = secrets_of((), [url]).hide(reason)
    return refusal(f"cannot fetch {printable(broken_url(url))}: {printable(hidden)}")
