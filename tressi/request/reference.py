"""URL references as RFC 3986 has them: taken apart without losing a byte, and resolved against a base."""

from __future__ import annotations

import re

from tressi.frozen import dataclass

# RFC 3986, appendix B. It matches every text; what is absent is None, which differs from empty: `/a?` is not `/a`.
_PARTS = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):)?(?://(?P<authority>[^/?#]*))?(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#.*)?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Reference:
    """A URL, or a reference to one, without its fragment."""

    scheme: str | None
    authority: str | None
    path: str
    query: str | None

    @property
    def target(self) -> str:
        """The origin form of a request target (RFC 9112 3.2.1): path and query."""
        return (self.path or "/") + ("" if self.query is None else f"?{self.query}")


def reference_of(text: str) -> Reference:
    """Take a URL or a relative reference apart."""
    parts = _PARTS.fullmatch(text)
    if parts is None:
        raise ValueError(f"{text!r} is not matched by a pattern that matches all")
    scheme = parts["scheme"]
    return Reference(scheme and scheme.lower(), parts["authority"], parts["path"], parts["query"])


def resolved(base: Reference, reference: Reference) -> Reference:
    """Resolve `reference` against an absolute `base` that has an authority (RFC 3986 5.2.2).

    `http:path` on an http base is relative, as browsers have it; the RFC calls that reading the non-strict one.
    """
    if reference.authority is not None or (reference.scheme is not None and reference.scheme != base.scheme):
        scheme = reference.scheme or base.scheme
        return Reference(scheme, reference.authority, without_dots(reference.path), reference.query)
    if not reference.path:
        query = base.query if reference.query is None else reference.query
        return Reference(base.scheme, base.authority, base.path, query)
    folder = base.path.rpartition("/")[0]
    path = reference.path if reference.path.startswith("/") else f"{folder}/{reference.path}"
    return Reference(base.scheme, base.authority, without_dots(path), reference.query)


def without_dots(path: str) -> str:
    """Remove the segments `.` and `..` of an absolute path, with what the latter go back over (RFC 3986 5.2.4)."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for place, segment in enumerate(segments):
        if segment not in {".", ".."}:
            kept.append(segment)
            continue
        if segment == ".." and kept:
            kept.pop()
        if place == len(segments) - 1:
            kept.append("")
    return "/" + "/".join(kept)
