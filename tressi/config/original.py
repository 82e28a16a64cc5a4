"""From the form of the original tool (its `options`, and a rate at each request) to the current one.

That tool sends each request at its own `rps`, with as many requests in flight as it takes, for `options.durationSec`. So
each request becomes an endpoint with a target of its own, and the limit of workers is one for each request per second, so
that the rates are kept by a target that answers within a second. Forms of earlier versions are read too: `options.rps` is
the total of all requests, `options.workers` their limit, the early exit stands among the options.

Nothing is judged here. A value moves to its new place as it is, and where it came from is remembered, so that a complaint
about it names the place in the file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from tressi.config.dialects import belongs, kind_of
from tressi.config.identity import KEYS
from tressi.config.messages import shown
from tressi.config.schema import properties, schema
from tressi.config.stray import IGNORED, NOTES, nearest
from tressi.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tressi.config.messages import Finding, Place

DEPRECATION: Final = (
    "this config has the form of the original tool; it is run as it is meant there,"
    " and `tressi migrate` writes the current form"
)
DEFAULT_RPS: Final = 1
LEAST_WORKERS, MOST_WORKERS = 10, 1000

# Options that keep their meaning under another name, in the order of the current form.
_RENAMED: Final = {
    "durationSec": "duration",
    "rampUpDurationSec": "rampUpTime",
    "rampUpTimeSec": "rampUpTime",
    "headers": "headers",
    "exportPath": "export",
    "concurrentRequests": "concurrentRequests",
    "earlyExitOnError": "earlyExitOnError",
    "errorRateThreshold": "errorRateThreshold",
    "errorCountThreshold": "errorCountThreshold",
    "errorStatusCodes": "errorStatusCodes",
}
_SECTION: Final = {"rps": "targetRps", "workers": "maxWorkers"}
# What has no counterpart, and what to do; the values at which nothing needs to be said.
_LEFT_OUT: Final = {
    "threads": ("the flag --processes says how many processes send", ()),
    "workerMemoryLimit": ("workers here have no memory of their own", ()),
    "useUI": ("the flag --no-ui says so", (True,)),
    "silent": ("the flag --quiet says so", (False,)),
    "adaptiveConcurrency": ("pools scale by themselves", ()),
}
OPTIONS: Final = frozenset({*_RENAMED, *_SECTION, *_LEFT_OUT, "workerEarlyExit"})
_HARMLESS: Final = frozenset({"headers", "exportPath", "useUI", "silent", "workerMemoryLimit"})
_OF_REQUEST: Final = frozenset({"rps", "rampUpDurationSec", "earlyExit"})
_WITH_BODY: Final = ("POST", "PUT", "PATCH")
_SCHEMA: Final = re.compile(r"tressi\.schema\.v([0-9]+)\.([0-9]+)\.([0-9]+)")
_PERCENT_SINCE: Final = (0, 0, 20)


@dataclass(frozen=True, slots=True)
class Moved:
    """A document in the current form, made of `source`.

    `origins` has where values stood there, `notes` what a person should know of what changed. `mistakes` and `unknown` are
    properties that the original tool has not either: those that would be a rate or a limit, and the rest.
    """

    source: Mapping[str, Any]
    document: dict[str, Any]
    origins: dict[Place, Place]
    notes: tuple[str, ...]
    mistakes: tuple[Finding, ...]
    unknown: tuple[Finding, ...]

    def origin(self, place: Place) -> Place:
        """Name the place in the file that a place in the new document came from."""
        for length in range(len(place), 0, -1):
            if place[:length] in self.origins:
                return self.origins[place[:length]] + place[length:]
        return place


def is_original(document: object) -> bool:
    """Tell whether a document has the original tool's form, and nothing of the current one at its top level."""
    if not isinstance(document, dict) or not isinstance(document.get("requests"), list):
        return False
    options = document.get("options")
    if document.keys() & (properties(schema()).keys() - {"$schema", "requests", *KEYS}):
        return False
    if isinstance(options, dict):
        return not options or bool(options.keys() & OPTIONS)
    named = isinstance(document.get("$schema"), str) and _SCHEMA.search(document["$schema"])
    return "options" not in document and bool(named) and any(_OF_REQUEST & request.keys() for request in _requests(document))


def moved(document: Mapping[str, Any]) -> Moved:
    """Return a document of the original tool's form in the current one."""
    return _Move(document).done()


class _Move:
    """One document on its way."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.old = document
        self.options: Mapping[str, Any] = document.get("options", {})
        self.new: dict[str, Any] = {}
        self.origins: dict[Place, Place] = {("autoscale",): ("options",)}
        self.notes: list[str] = []
        self.mistakes: list[Finding] = []
        self.unknown: list[Finding] = []
        self.thresholds: list[dict[str, Any]] = []

    def done(self) -> Moved:
        """Move everything, in the order of the current form."""
        for old, name in _RENAMED.items():
            # What is null, false or empty there is the same as absent.
            if self.options.get(old) not in (None, False, [], {}):
                self._take(name, old)
        self._leave_out()
        section = self._section()
        requests = [self._request(index, request) for index, request in enumerate(self.old["requests"])]
        self._early_exit()
        if self.thresholds:
            self.new["thresholds"] = self.thresholds
        rest = {name: value for name, value in self.old.items() if name not in {"$schema", "options", "requests"}}
        self.new |= {"autoscale": section, "requests": requests, **rest}
        return Moved(self.old, self.new, self.origins, tuple(self.notes), tuple(self.mistakes), tuple(self.unknown))

    def _take(self, name: str, old: str) -> None:
        if old == "exportPath" and self.options[old] is True:
            self.notes.append("options.exportPath: is left out; the flag --export writes the result files")
            return
        self.new[name] = self.options[old]
        self.origins[name,] = ("options", old)

    def _leave_out(self) -> None:
        for name, (instead, silent) in _LEFT_OUT.items():
            value = self.options.get(name)
            if value is not None and value not in silent:
                self.notes.append(f"options.{name}: is left out; {instead}")
        for name, value in self.options.items():
            if name not in OPTIONS:
                self._judge(("options", name), value, OPTIONS)

    def _judge(self, place: Place, value: object, known: frozenset[str]) -> None:
        """Say of a property that is unknown there too whether it would be a rate or a limit."""
        name = str(place[-1])
        near = None if name.startswith(NOTES) else nearest(name, known)
        kind = None if near or name.startswith(NOTES) else kind_of(name, value)
        remedy = f"did you mean {near}?" if near else belongs(kind, "top") if kind else None
        if remedy and near not in _HARMLESS:
            self.mistakes.append((place, f"{shown(value, place)} {IGNORED}; {remedy}"))
        else:
            self.unknown.append((place, f"unknown property, it has no effect{f'; {remedy}' if remedy else ''}"))

    def _section(self) -> dict[str, Any]:
        section: dict[str, Any] = {"enabled": True}
        for old, name in _SECTION.items():
            if self.options.get(old) is not None:
                section[name] = self.options[old]
                self.origins["autoscale", name] = ("options", old)
        least = len(self.old["requests"])
        given = section.setdefault("maxWorkers", self._workers(least))
        if isinstance(given, int) and 0 < given < least:
            section["maxWorkers"] = least
            self.notes.append(f"options.workers: {given} is raised to {least}, one for each request")
        return section

    def _workers(self, least: int) -> int:
        requests = _requests(self.old)
        rates = [self.options.get("rps"), *(request.get("rps", DEFAULT_RPS) for request in requests)]
        # Each apart: a sum of what is refused later may be no float.
        total = sum(min(rate, MOST_WORKERS) for rate in rates if isinstance(rate, (int, float)))
        return max(least, min(MOST_WORKERS, max(LEAST_WORKERS, int(total))))

    def _request(self, index: int, request: Any) -> Any:  # noqa: ANN401 - any JSON value, whose mistakes are told later
        if not isinstance(request, dict):
            return request
        place, known = ("requests", index), properties(schema()["definitions"]["RequestConfigSchema"])
        foreign = [name for name in request if name not in known and name not in _OF_REQUEST]
        slips = [name for name in foreign if nearest(name, _OF_REQUEST)]
        for name in slips:
            self._judge((*place, name), request[name], _OF_REQUEST)
        new = {name: value for name, value in request.items() if name not in _OF_REQUEST and name not in slips}
        if "payload" in new and (new["payload"] in ({}, []) or new.get("method", "GET") not in _WITH_BODY):
            del new["payload"]
        if new.get("headers") == {}:
            del new["headers"]
        section = self._own_section(place, request)
        if section:
            new["autoscale"] = section
        return new

    def _own_section(self, place: Place, request: Mapping[str, Any]) -> dict[str, Any]:
        section: dict[str, Any] = {}
        if "rps" in request or self.options.get("rps") is None:
            if "rps" not in request:
                self.notes.append(f"requests[{place[1]}]: has no rps; {DEFAULT_RPS} is taken, as the original tool does")
            section["targetRps"] = request.get("rps", DEFAULT_RPS)
            self.origins[*place, "autoscale", "targetRps"] = (*place, "rps")
        if request.get("rampUpDurationSec"):
            section["rampUpTime"] = request["rampUpDurationSec"]
            self.origins[*place, "autoscale", "rampUpTime"] = (*place, "rampUpDurationSec")
        return {"enabled": True, **section} if section else {}

    def _early_exit(self) -> None:
        """One for all requests becomes the run's; one of a request's own becomes thresholds that end the run."""
        requests = self.old["requests"]
        shared = self.options.get("workerEarlyExit")
        own = [request.get("earlyExit") if isinstance(request, dict) else None for request in requests]
        exits = [shared if one is None else one for one in own]
        if all(one is None for one in own) and _is_armed(shared):
            self._exit_of_run(shared)
        else:
            for index, one in enumerate(exits):
                if _is_armed(one):
                    self._exit_of_request(index, one, "workerEarlyExit" if own[index] is None else "earlyExit")
        if any(map(_is_armed, exits)):
            self.notes.append("an early exit ends the whole run here, where the original tool stops the one endpoint")

    def _exit_of_run(self, one: Mapping[str, Any]) -> None:
        self.new["earlyExitOnError"] = True
        for old, name in (("errorRateThreshold", "errorRateThreshold"), ("exitStatusCodes", "errorStatusCodes")):
            if one.get(old):
                self.new[name] = self._share(one) if old == "errorRateThreshold" else one[old]
                self.origins[name,] = ("options", "workerEarlyExit", old)

    def _exit_of_request(self, index: int, one: Mapping[str, Any], where: str) -> None:
        request = self.old["requests"][index]
        label = f"{request.get('method', 'GET')} {request.get('url')}"
        conditions = [f"errorRate < {self._share(one)}"] if one.get("errorRateThreshold") else []
        codes = one.get("exitStatusCodes")
        conditions += [f"statusCodes({code}) == 0" for code in codes] if isinstance(codes, list) else []
        place: Place = ("options", where) if where == "workerEarlyExit" else ("requests", index, where)
        for condition in conditions:
            self.origins["thresholds", len(self.thresholds), "threshold"] = place
            self.thresholds.append({"threshold": f"{label}: {condition}", "abort": True, "abortDelay": _window_s(one)})

    def _share(self, one: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON value, whose mistakes are told later
        value = one["errorRateThreshold"]
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            return value
        return value / 100 if value > 1 or self._is_percent(one) else value

    def _is_percent(self, one: Mapping[str, Any]) -> bool:
        """Whether 1 is 1 %: it is since version 0.0.20, which measures the window in seconds; before, it was all."""
        if "monitoringWindowSeconds" in one or "monitoringWindowMs" in one:
            return "monitoringWindowSeconds" in one
        named = _SCHEMA.search(str(self.old.get("$schema", "")))
        return named is None or tuple(map(int, named.groups())) >= _PERCENT_SINCE


def _requests(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [request for request in document["requests"] if isinstance(request, dict)]


def _is_armed(one: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(one, dict) and one.get("enabled") is True


def _window_s(one: Mapping[str, Any]) -> float:
    """How long the original tool waits before it judges for the first time."""
    seconds, milliseconds = one.get("monitoringWindowSeconds", 1), one.get("monitoringWindowMs")
    value = milliseconds / 1000 if isinstance(milliseconds, (int, float)) else seconds
    return value if isinstance(value, (int, float)) and value >= 0 else 1
