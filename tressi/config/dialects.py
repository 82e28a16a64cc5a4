"""Names of rates and limits, as other load generators write them, and where each belongs in a config.

A config that was written for k6, Artillery, Locust, JMeter, Gatling, wrk, hey, vegeta or the original tool says how much
load there shall be in words of its own. A property that is ignored then means full speed, so each such name has a kind, and
each kind says for each place what to write instead.
"""

from __future__ import annotations

import re
from typing import Final, Literal

Kind = Literal["rate", "workers", "length", "ramp", "warm", "count", "pace", "timeout", "failures", "form", "limit"]
Where = Literal["top", "request", "section", "stage", "threshold", "elsewhere"]


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


# Folded: small letters and digits alone. What tokens tell (below) need not stand here.
_NAMES: Final[dict[Kind, frozenset[str]]] = {
    "rate": words(
        "target load arrivals arrivalcount arrivalspersecond requestspersecond requestsperminute reqpersec reqspersec"
        " requestspersec callspersecond startspersecond requestrate iterationspersecond ops hz timeunit burst"
    ),
    "workers": words(
        "vu vus maxvus maxvusers vusers preallocatedvus usercount user virtualusers worker thread connection client clients"
        " concurrent parallel parallelism inflight maxinflight pool poolsize sockets maxsockets sessions lanes"
    ),
    "length": words("durationsec durationms durationseconds runtime testtime holdfor hold timelimit seconds minutes"),
    "ramp": words(
        "stage rampup rampupdurationsec rampuptimesec rampto rampdown gracefulrampdown steps phase phases profile loadprofile"
    ),
    "warm": words("warmup warmuptime warmupsec warmupseconds warmupduration"),
    "count": words(
        "iteration iterations amount count repeat repeats loop loops n number numberofrequests numrequests requestcount"
        " totalrequests maxrequests shots"
    ),
    "pace": words("think thinktime wait waittime mindelay maxdelay minwait maxwait interval every starttime"),
    "timeout": words("deadline timeoutms timeoutsec timeoutseconds"),
    "failures": words(
        "earlyexit workerearlyexit errorrate maxerrors maxfailures failurerate failrate bailout abortonfail maxfail errorbudget"
        " exitstatuscodes failon stoponerror"
    ),
    "form": words("options scenario scenarios executor execution executors tasks userclasses provisioning"),
}

# A word of a name in several words, such as `rpsLimit` or `max_requests`; the first kind that has one of them speaks.
_TOKENS: Final[dict[Kind, frozenset[str]]] = {
    "rate": words("rps qps tps rpm rph rate rates throughput throttle throttling"),
    "workers": words("workers worker users vus vu threads thread concurrency concurrent connections clients parallelism"),
    "ramp": words("ramp rampup stages"),
    "length": words("duration"),
    "count": words("iterations iteration loops loop repeats repeat"),
    "pace": words("think delay sleep pause pacing"),
    "timeout": words("timeout timeouts"),
    "limit": words("limit limits max maximum"),
}

# Words that are names of other things too; a number beside them makes the difference.
_AMBIGUOUS: Final = words(
    "target load user worker thread connection client wait hold every interval seconds minutes burst phase profile steps n"
    " number amount count pool every ops hz tasks sessions starttime clients"
)

_RUN: Final = "the rate of the run is rps, and that of one endpoint requests[].autoscale.targetRps"
_OF_ENDPOINT: Final = 'a request has a rate of its own with autoscale: {"enabled": true, "targetRps": …}'
_ABORTS: Final = "a threshold ends the run early with abort: true, from abortDelay seconds on"
_HINTS: Final[dict[Kind, dict[Where, str]]] = {
    "rate": {
        "top": _RUN,
        "request": _OF_ENDPOINT,
        "section": "the rate of a section is targetRps",
        "stage": "the rate of a stage is targetRps",
        "elsewhere": _RUN,
    },
    "workers": {
        "top": "how many requests are in flight at most is workers times concurrentRequests, and for pools that scale"
        " autoscale.maxWorkers",
        "request": 'a request has workers of its own with autoscale: {"enabled": true, "targetRps": …, "maxWorkers": …}',
        "section": "the workers of a section are minWorkers, maxWorkers and initialWorkers",
        "elsewhere": "workers stand at the top level, or in an autoscale section as maxWorkers",
    },
    "length": {
        "top": "how long a run lasts is duration, in seconds",
        "stage": "how long a stage lasts is duration, in seconds",
        "elsewhere": "how long a run lasts is duration, in seconds, at the top level, for all endpoints",
    },
    "ramp": {
        "request": "a rate rises in a straight line over autoscale.rampUpTime seconds, or follows autoscale.stages",
        "elsewhere": "a rate rises in a straight line over rampUpTime seconds, or follows stages",
    },
    "warm": {"elsewhere": "seconds at the beginning of a run that are in no figure are warmUp, at the top level"},
    "count": {
        "request": "an endpoint ends after so many requests with maxRequests",
        "elsewhere": "a run ends after so many requests with maxRequests, and after its duration, in seconds",
    },
    "pace": {
        "elsewhere": "requests start at the rate that rps or autoscale.targetRps asks for, and pause for nothing else",
        "threshold": _ABORTS,
    },
    "timeout": {
        "elsewhere": "timeout has the seconds until a request counts as failed, connectTimeout those until a connection does"
    },
    "failures": {
        "elsewhere": "a run ends early with earlyExitOnError and errorRateThreshold, errorCountThreshold or errorStatusCodes,"
        " at the top level, or with a threshold that aborts",
        "threshold": _ABORTS,
    },
    "form": {"elsewhere": "what a run does stands at the top level: duration, rps, workers, headers"},
    "limit": {"elsewhere": "no property of this name limits anything; `tressi schema` lists those that do"},
}


def kind_of(name: str, value: object) -> Kind | None:
    """What a property of this name and value would say of the load in another dialect; None where it says nothing of it."""
    folded = fold(name)
    if folded in _AMBIGUOUS and not has_number(value):
        return None
    for kind, names in _NAMES.items():
        if folded in names:
            return kind
    parts = {fold(word) for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}
    return next((kind for kind, tokens in _TOKENS.items() if parts & tokens or folded in tokens), None)


def belongs(kind: Kind, where: Where) -> str:
    """Where what is meant by `kind` belongs, seen from `where`."""
    hints = _HINTS[kind]
    return hints.get(where, hints["elsewhere"])


def fold(name: str) -> str:
    """A name without case and signs: `target_RPS` is `targetrps`."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def has_number(value: object) -> bool:
    """Tell whether a value is a number, or a text that begins with one, such as `30s`."""
    if isinstance(value, str):
        return value[:1].isdigit()
    return isinstance(value, (int, float)) and not isinstance(value, bool)
