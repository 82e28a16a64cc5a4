"""What the config can say and this version cannot do yet: one table, a line per thing, removed when it is built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tressi.config.meaning import requests_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tressi.config.place import Finding, Place

NOT_YET = {
    "tls": "TLS settings are not there yet, because https:// targets are not",
    "proxy": "proxies are not there yet; requests go to the target directly",
    "followRedirects": "following redirects is not there yet; a redirect counts as the response that it is",
    "thresholds": "thresholds on the results are not there yet; earlyExitOnError can fail a run",
}


def unsupported(document: Mapping[str, Any]) -> list[Finding]:
    """Return what a well-typed document asks for and does not get; asking for the default is no refusal."""
    findings: list[Finding] = [((key,), reason) for key, reason in NOT_YET.items() if document.get(key)]
    addresses: list[tuple[Place, str]] = [(("baseUrl",), document.get("baseUrl", ""))]
    addresses += [(("requests", index, "url"), request.get("url", "")) for index, request in requests_of(document)]
    reason = "https:// targets are not there yet; only http:// can be loaded"
    return findings + [(place, reason) for place, url in addresses if url.lower().startswith("https://")]
