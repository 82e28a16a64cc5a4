"""Properties that the schema does not know: a rate or a limit is a mistake, anything else is worth a warning.

A misspelt rate that were ignored would mean full speed against somebody's server. So a name is a mistake if it nearly is
the name of a rate or limit, if it is one in another place, or if it means one in another tool's config (dialects.py). A
name that begins with `_`, `$`, `#`, `x-` or `//` is a note, as people write notes where comments cannot be.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

from tressi.config.dialects import belongs, fold, has_number, kind_of, words
from tressi.config.messages import Finding, Place, path_of, shown
from tressi.config.schema import items, members, properties, schema
from tressi.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tressi.config.dialects import Where

# The properties that say nothing of how much load there is; all others are rates or limits.
HARMLESS: Final = words(
    "$schema headers requests url payload method name body expect status bodyContains baseUrl tls verify ca cert key"
    " serverName minVersion maxVersion ciphers resolve keepAlive followRedirects proxy seed arrival export priority"
    " distributionStrategy threshold enabled data mask bodyFile form multipart compress variants value file filename"
    " contentType format values pick zipf integer from to uuid sequence step time text length alphabet"
    " bodyMatches json maxBodyBytes labels protocol http2 grpc proto importPaths protoset grpcStatus"
    " flows steps begin end request extract pick header cookie between show cookies onFailure slotBytes uniform exponential"
)
NOTES: Final = ("_", "$", "#", "x-", "X-", "//")
# In another place these mean a rate, workers or a length, for which dialects.py has better words than their home.
_SPOKEN_FOR: Final = words("rps targetrps workers maxworkers minworkers duration rampuptime repeat think connections")
_HOMES: Final = {
    "TressiConfigSchema": "at the top level",
    "RequestConfigSchema": "in an entry of requests",
    "EndpointAutoscaleConfig": "in an autoscale section",
    "GlobalAutoscaleConfig": "in the autoscale section of the top level",
    "VariantConfigSchema": "in an entry of variants",
    "DataConfigSchema": "in a source of data",
    "FlowConfigSchema": "in an entry of flows",
    "StepConfigSchema": "in a step of a flow",
    "ExtractConfigSchema": "in an extract of a step",
    "Http2ConfigSchema": "in http2",
}
# Properties whose parts have homes of their own.
_APART: Final = frozenset({"requests", "autoscale", "variants", "flows", "begin", "steps", "end", "extract"})
IGNORED: Final = "would have no effect, because there is no such property here"
_DEEPEST: Final = 5  # of the places in a foreign object; what is deeper is no setting of a run
_SHORT: Final = 4
# What other tools call the payload of a request, and a config its conditions on an answer.
_MEANT: Final = {"json": "payload"}


@dataclass(frozen=True, slots=True)
class Strays:
    """`mistakes` must be repaired, `warnings` may be ignored; both as place and message."""

    mistakes: tuple[Finding, ...]
    warnings: tuple[Finding, ...]


def sentences(findings: Iterable[Finding]) -> list[str]:
    """Findings as warnings are shown."""
    return [f"{path_of(place)}: {message}" for place, message in findings]


def strays(document: object, mask_headers: Iterable[str] = (), *, strict: bool = False) -> Strays:
    """Return what is unknown in a document; with `strict` all of it is a mistake."""
    masked, mistakes, warnings = tuple(mask_headers), [], []
    for place, name, value, known in _unknown(schema(), document, ()):
        remedy = None if name.startswith(NOTES) else _remedy(name, value, place, known)
        if remedy:
            mistakes.append(((*place, name), f"{shown(value, (*place, name), masked)} {IGNORED}; {remedy}"))
            continue
        is_foreign = not place and fold(name) not in map(fold, homes()) and not name.startswith(NOTES)
        nested = list(_nested((*place, name), value, masked)) if is_foreign else []
        unknown: Finding = ((*place, name), f"unknown property, it has no effect{_advice(name, known)}")
        mistakes += nested or ([unknown] if strict else [])
        warnings += [] if nested or strict else [unknown]
    return Strays(tuple(mistakes), tuple(warnings))


def _unknown(node: Mapping[str, Any], value: object, place: Place) -> Iterator[tuple[Place, str, Any, tuple[str, ...]]]:
    """Each unknown property with its place, its value, and the names that are known beside it."""
    if isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _unknown(items(node), entry, (*place, index))
    elif isinstance(value, dict):
        known = properties(node)
        others = {} if known else members(node)
        for name, entry in value.items():
            if name in known and not isinstance(entry, (dict, list)):
                continue
            if name in known:
                yield from _unknown(known[name], entry, (*place, name))
            elif known:
                yield place, name, entry, tuple(known)
            elif others and isinstance(entry, (dict, list)):
                yield from _unknown(others, entry, (*place, name))


def _remedy(name: str, value: object, place: Place, known: tuple[str, ...]) -> str | None:
    """What to write instead of a name that means a rate or a limit; None where it means none."""
    near = nearest(name, known)
    if near:
        return None if near in HARMLESS else f"did you mean {near}?"
    folded = fold(name)
    if folded in _limits() and folded not in _SPOKEN_FOR:
        return _belonging(_limits()[folded], name)
    kind = kind_of(name, value)
    if kind and kind != "limit":
        return belongs(kind, _where(place))
    elsewhere = nearest(name, homes())
    if elsewhere and elsewhere not in HARMLESS:
        return _belonging(elsewhere, name)
    return belongs(kind, _where(place)) if kind else None


def _nested(place: Place, value: object, masked: tuple[str, ...]) -> Iterator[Finding]:
    """The rates and limits inside of an unknown object at the top level: they are ignored with it."""
    if not isinstance(value, dict) or len(place) > _DEEPEST:
        return
    for name, entry in value.items():
        kind = kind_of(name, entry) if has_number(entry) or isinstance(entry, list) else None
        if kind and kind not in {"limit", "timeout", "form"}:
            yield (*place, name), f"{shown(entry, (*place, name), masked)} {IGNORED}; {belongs(kind, 'elsewhere')}"
        else:
            yield from _nested((*place, name), entry, masked)


def _belonging(name: str, written: str) -> str:
    return f"{'it' if written == name else name} belongs {homes()[name]}"


def _advice(name: str, known: tuple[str, ...]) -> str:
    if name.startswith(NOTES):
        return ""
    near = nearest(name, known) or (_MEANT.get(name) if _MEANT.get(name) in known else None)
    if near:
        return f"; did you mean {near}?"
    elsewhere = {fold(other): other for other in homes()}.get(fold(name))
    return f"; {_belonging(elsewhere, name)}" if elsewhere else ""


def _where(place: Place) -> Where:
    if not place:
        return "top"
    if place[-1] == "autoscale":
        return "section"
    if place[0] == "thresholds":
        return "threshold"
    if "stages" in place:
        return "stage"
    return "request" if place[0] == "requests" and len(place) == 2 else "elsewhere"  # noqa: PLR2004 - and its index


@cache
def homes() -> dict[str, str]:
    """Where each property of the schema belongs, in words; what several places have belongs into the outermost."""
    found: dict[str, str] = {}
    for definition, home in _HOMES.items():
        for name, node in properties(schema()["definitions"][definition]).items():
            found.setdefault(name, home)
            inner = {} if name in _APART else properties(items(node) or node)
            for part in inner:
                found.setdefault(part, f"in {name}")
    return found


@cache
def _limits() -> dict[str, str]:
    """The rates and limits of the schema by their folded names."""
    return {fold(name): name for name in homes() if name not in HARMLESS}


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that `name` nearly is: the same letters, or so few slips that a person would see the same word."""
    return _nearest(name, tuple(known))


# A property that is unknown in one request is in the others too, and there may be 300,000 of them.
@lru_cache(maxsize=1024)
def _nearest(name: str, known: tuple[str, ...]) -> str | None:
    folded = fold(name)
    slips = {other: _distance(folded, fold(other)) for other in known}
    best = min(slips, key=lambda other: slips[other], default=None)
    if best is None or not folded:
        return None
    allowed = (len(folded) >= _SHORT - 1) + (len(folded) > 2 * _SHORT)
    return best if slips[best] <= allowed else None


def _distance(left: str, right: str) -> int:
    """How many letters must be added, left out, changed, or swapped with the next to make one of the other."""
    before: list[int] = []
    last = list(range(len(right) + 1))
    for row, letter in enumerate(left, 1):
        this = [row]
        for column, other in enumerate(right, 1):
            steps = min(last[column] + 1, this[-1] + 1, last[column - 1] + (letter != other))
            if row > 1 and column > 1 and letter == right[column - 2] and left[row - 2] == other:
                steps = min(steps, before[column - 2] + 1)
            this.append(steps)
        before, last = last, this
    return last[-1]
