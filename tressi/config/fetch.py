"""Fetching a config over https://, the certificate verified, every redirect held to https:// too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

import urllib3

from tressi.config.place import broken_url, printable, refusal
from tressi.hosts import ascii_host

if TYPE_CHECKING:
    from tressi.errors import ConfigError

MAX_REDIRECTS = 5
_CONNECTION = re.compile(r"^HTTPSConnection(Pool)?\(.*?\): ")  # urllib3 repeats the address
TIMEOUT = urllib3.Timeout(connect=10.0, read=30.0)


def fetch(url: str, max_bytes: int) -> bytes:
    """Return the body at `url`, at most one byte more than `max_bytes`. Raises `ConfigError` with the masked URL."""
    with urllib3.PoolManager(cert_reqs="CERT_REQUIRED") as pool:
        for _ in range(MAX_REDIRECTS + 1):
            body, location = _fetch_once(pool, url, max_bytes)
            if not location:
                return body
            target = urljoin(url, location)
            if not target.lower().startswith("https://"):
                raise _refusal(url, f"redirects to {printable(broken_url(target))}, which is not https://")
            url = target
    raise _refusal(url, f"redirects more than {MAX_REDIRECTS} times")


def _fetch_once(pool: urllib3.PoolManager, url: str, max_bytes: int) -> tuple[bytes, str | None]:
    try:
        bare, headers = _without_user_info(url)
        with pool.request(
            "GET", bare, headers=headers, preload_content=False, redirect=False, retries=False, timeout=TIMEOUT
        ) as response:
            location = response.get_redirect_location()
            if not location and response.status != 200:  # noqa: PLR2004 - the one status that carries the config
                raise _refusal(url, f"answered with status {response.status}")
            return response.read(max_bytes + 1, decode_content=True), location or None
    except (urllib3.exceptions.LocationValueError, ValueError):
        raise _refusal(url, "this is no address") from None
    except urllib3.exceptions.HTTPError as error:
        raise _refusal(url, _CONNECTION.sub("", str(error)) or type(error).__name__) from None


def _without_user_info(url: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(url)
    user_info, _, host = parts.netloc.rpartition("@")
    bare = urlunsplit(parts._replace(netloc=ascii_host(host), fragment=""))
    headers = urllib3.make_headers(basic_auth=unquote(user_info)) if user_info else {}
    return bare, dict(headers)


def _refusal(url: str, reason: str) -> ConfigError:
    return refusal(f"cannot fetch {printable(broken_url(url))}: {reason}")
