"""Who may see a server's pages and give commands: anyone who has the token of its address, from a page that it served itself.

Any site that the user's browser shows can send requests to this machine, and any program on it can try the port. Three
checks keep them out. The token is the first part of every path, so that a client without it finds nothing, not even a script.
The `Host` that a browser asks for must be a name of this machine where we listen on loopback only: a foreign name that was
made to resolve to 127.0.0.1 (DNS rebinding) is not one. And a command must come from a page of the same origin, as the
browser says in `Sec-Fetch-Site` and `Origin`; a program that is no browser says neither and needs only the token.
"""

from __future__ import annotations

from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from tressi.site.host_header import is_loopback, is_of_this_machine
from tressi.site.server import TRUST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_SAFE: Final = frozenset({"GET", "HEAD"})


def guarded(app: WSGIApplication, token: str, host: str) -> WSGIApplication:
    """`app` below `/TOKEN`, for those who may; `host` is the address at which it listens."""

    def guard(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answer = _with_headers(start_response)
        given, rest = _split(environ.get("PATH_INFO", ""))
        if not compare_digest(given, token.encode()):
            return _refuse(answer, "404 Not Found", "nothing is here: use the whole address that tressi said when it started")
        if words := refusal(environ, host):
            return _refuse(answer, "403 Forbidden", words)
        if not environ.get(TRUST, _always)():
            return _refuse(answer, "503 Service Unavailable", "too many connections: close a page of this server")
        environ["SCRIPT_NAME"], environ["PATH_INFO"] = f"/{token}", rest
        return app(environ, answer)

    return guard


def refusal(environ: Mapping[str, Any], host: str) -> str:
    """Why a request with the token is refused all the same, or ""."""
    asked = environ.get("HTTP_HOST", "")
    if is_loopback(host) and not is_of_this_machine(asked, host):
        return "the Host header does not name this machine"
    if environ["REQUEST_METHOD"] in _SAFE:
        return ""
    origin, site = environ.get("HTTP_ORIGIN"), environ.get("HTTP_SEC_FETCH_SITE", "same-origin")
    if site != "same-origin" or (origin is not None and _place(origin) not in {asked.lower()} - {""}):
        return "commands are taken from this server's own pages alone"
    return ""


def _split(path: str) -> tuple[bytes, str]:
    """The first part of a path, and the rest."""
    first, slash, rest = path.removeprefix("/").partition("/")
    return first.encode(), slash + rest


def _place(origin: str) -> str:
    """Host and port of an `Origin`, in lower case; "" where it is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _always() -> bool:
    """There is room, as on a server that has no places."""
    return True


def _with_headers(start_response: StartResponse) -> StartResponse:
    """Send `HEADERS` too, except where the app has its own of that name."""

    def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], object]:  # noqa: ANN401 - WSGI's
        own = {name.lower() for name, _ in headers}
        return start_response(status, headers + [(name, HEADERS[name]) for name in HEADERS if name.lower() not in own], *rest)

    return start


def _refuse(start_response: StartResponse, status: str, words: str) -> list[bytes]:
    body = f"{words}\n".encode()
    start_response(status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]
