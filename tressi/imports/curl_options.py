"""The options of curl that an import knows: what each takes, and what becomes of it. docs/import.md shows the same table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Option:
    """An option of curl. `names` without hyphens; `takes`: it has a value; `what` becomes of it in the config.

    `action` is the name of what `curl.py` does with it; "" for one that is left out without loss, "loss" for one whose
    effect no config has, which is said.
    """

    names: tuple[str, ...]
    takes: bool
    action: str
    what: str


def _kept(names: str, action: str, what: str, *, takes: bool = True) -> Option:
    return Option(tuple(names.split()), takes, action, what)


def _ignored(names: str, why: str, *, takes: bool = False) -> Option:
    return Option(tuple(names.split()), takes, "", why)


def _lost(names: str, why: str, *, takes: bool = False) -> Option:
    return Option(tuple(names.split()), takes, "loss", why)


OPTIONS: Final = (
    _kept("X request", "method", "`method`"),
    _kept("H header", "header", "`headers`; `Name:` leaves one out, `Name;` sends it empty"),
    _kept("A user-agent", "agent", "the header User-Agent"),
    _kept("e referer", "referer", "the header Referer, without `;auto`"),
    _kept("b cookie", "cookie", "the header Cookie, as `${COOKIE}`; a file of cookies is an error"),
    _kept("u user", "user", "the header Authorization, as `Basic ${BASIC_CREDENTIALS}`"),
    _kept("oauth2-bearer", "bearer", "the header Authorization, as `Bearer ${BEARER_TOKEN}`"),
    _kept("basic", "", "what `-u` means anyway", takes=False),
    _kept("d data data-ascii", "data", "`payload`, `form` or `body`; `@FILE` is `bodyFile`"),
    _kept("data-raw", "raw", "the same, without `@`"),
    _kept("data-binary", "data", "the same as `-d`"),
    _kept("data-urlencode", "urlencode", "the same, percent-encoded as curl does"),
    _kept("json", "json", "`payload`, with Accept and Content-Type"),
    _kept("F form", "form", "`multipart`"),
    _kept("form-string", "formstring", "`multipart`, without `@` and `<`"),
    _kept("T upload-file", "upload", "`bodyFile` of a PUT"),
    _kept("G get", "get", "data go into the query", takes=False),
    _kept("I head", "head", "`method` HEAD", takes=False),
    _kept("url", "url", "`url`"),
    _kept("url-query", "query", "more of the query"),
    _kept("r range", "range", "the header Range"),
    _kept("compressed", "compressed", "the header Accept-Encoding", takes=False),
    _kept("L location", "follow", "`followRedirects`", takes=False),
    _kept("location-trusted", "follow", "`followRedirects`; credentials go to no other host", takes=False),
    _kept("max-redirs", "redirects", "the number of `followRedirects`"),
    _kept("k insecure", "insecure", "`tls.verify` false", takes=False),
    _kept("cacert", "ca", "`tls.ca`"),
    _kept("E cert", "cert", "`tls.cert`; one with a password is an error"),
    _kept("key", "key", "`tls.key`"),
    _kept("ciphers", "ciphers", "`tls.ciphers`"),
    _kept("1 tlsv1 tlsv1.2", "tls12", "`tls.minVersion` 1.2", takes=False),
    _kept("tlsv1.3", "tls13", "`tls.minVersion` 1.3", takes=False),
    _kept("tls-max", "tlsmax", "`tls.maxVersion`"),
    _kept("x proxy", "proxy", "`proxy`"),
    _kept("resolve", "resolve", "`resolve`"),
    _kept("connect-to", "connectto", "`resolve`"),
    _kept("m max-time", "timeout", "`timeout`"),
    _kept("connect-timeout", "connecttimeout", "`connectTimeout`"),
    _kept("http1.1", "http11", "`protocol` http/1.1, which is the usual one", takes=False),
    _kept("http2", "http2", "`protocol` auto", takes=False),
    _kept("http2-prior-knowledge", "knownhttp2", "`protocol` h2c, or h2 over TLS", takes=False),
    _kept("no-keepalive", "", "about TCP's probes, not about connections that are kept", takes=False),
    _kept("next :", "next", "a further request", takes=False),
    _ignored("s silent S show-error v verbose no-progress-meter progress-bar # styled-output", "says what curl prints"),
    _ignored("i include show-headers N no-buffer", "says what curl prints"),
    _ignored("o output D dump-header w write-out stderr trace trace-ascii output-dir", "says where curl writes", takes=True),
    _ignored("O remote-name J remote-header-name remote-name-all create-dirs trace-time", "says where curl writes"),
    _ignored("f fail fail-with-body fail-early", "every status from 400 on is a failure anyway"),
    _ignored("g globoff", "no URL is expanded", takes=False),
    _ignored("path-as-is", "no path is changed"),
    _ignored("q disable", "no file of curl's settings is read"),
    _ignored("Z parallel no-parallel", "the rate of the config says how requests are sent"),
    _ignored("tcp-nodelay keepalive", "so it is anyway"),
    _ignored("keepalive-time", "about TCP's probes", takes=True),
    _lost("c cookie-jar", "cookies are kept in no file", takes=True),
    _lost("retry retry-delay retry-max-time", "what has failed is a failure, and is not sent again", takes=True),
    _lost("retry-all-errors retry-connrefused", "what has failed is a failure, and is not sent again"),
    _lost("http3 http3-only http1.0 0", "tressi speaks HTTP/1.1 and HTTP/2"),
    _lost("limit-rate", "responses are read as fast as they come", takes=True),
    _lost("Y speed-limit y speed-time", "`timeout` is the one limit of a response", takes=True),
    _lost("4 ipv4 6 ipv6", "the addresses of both families are used"),
    _lost("interface", "`--source-address` of `tressi run` says from which address", takes=True),
    _lost("max-filesize", "`expect.maxBodyBytes` can say it", takes=True),
    _lost("expect100-timeout", "tressi waits a second", takes=True),
    _lost("post301 post302 post303", "redirects change methods as browsers do"),
    _lost("noproxy", "the proxy is for all requests", takes=True),
    _lost("ssl-no-revoke ssl-allow-beast no-alpn no-sessionid", "has no counterpart"),
)  # fmt: skip
BY_NAME: Final = {name: option for option in OPTIONS for name in option.names}
