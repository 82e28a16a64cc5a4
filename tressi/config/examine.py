"""Everything that is wrong with a config, or worth a warning, found in one go: schema, unknown names, meaning, budgets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tressi.config.budget import TOTAL, Budget, divide
from tressi.config.check import breaches, plain_integers
from tressi.config.data import declared
from tressi.config.doubts import doubts
from tressi.config.grpc import call_mistakes
from tressi.config.masks import mask_mistakes
from tressi.config.messages import Finding, Place, in_document_order, problem_of
from tressi.config.migrate import DEPRECATION, is_legacy, legacy_place, migrated
from tressi.config.original import DEPRECATION as MOVED
from tressi.config.overrides import kebab
from tressi.config.rules import beyond_limits, mistakes
from tressi.config.stages import stage_doubts, stage_mistakes, with_length
from tressi.config.stray import sentences, strays
from tressi.config.templates import template_mistakes
from tressi.config.thresholds import threshold_doubts, threshold_mistakes
from tressi.errors import ConfigError, ConfigProblem
from tressi.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tressi.config.original import Moved
    from tressi.config.overrides import Overrides

_SCALE: Final = "--scale"


@dataclass(frozen=True, slots=True)
class Given:
    """What was read, with the overrides over it: any JSON value.

    `move` says how it was converted from the original tool's form, if it had that; `folder` is `Reading.folder`,
    `literal` is `Filled.literal`.
    """

    document: Any
    overrides: Overrides
    move: Moved | None = None
    folder: str | None = ""
    literal: frozenset[str] = frozenset()


def examined(given: Given) -> tuple[dict[str, Any], Budget]:
    """Return the document in the current form and its budgets. Raises `ConfigError` with every problem."""
    # What breaks the schema is taken out, so that the rules of meaning still speak about the rest.
    overrides, masked = given.overrides, given.overrides.mask_headers
    findings = breaches(given.document, masked)
    broken = {place for place, _ in findings}
    sound = _without(given.document, broken) if broken else given.document
    current = with_length(migrated(plain_integers(sound))) if isinstance(sound, dict) else {}
    findings += strays(given.document, masked, strict=overrides.strict).mistakes
    findings += stage_mistakes(sound) if isinstance(sound, dict) else ()
    found = mistakes(current, masked, given.folder)
    findings += [one for one in found if not _follows(one, broken)]
    findings += threshold_mistakes(current, overrides.fail_if)
    data = declared(current, given.folder, broken)
    findings += [*data.findings, *template_mistakes(current, data), *mask_mistakes(current)]
    findings += [one for one in call_mistakes(current, given.folder, data) if not _follows(one, broken)]
    # A budget with a part missing would complain of consequences; one with a part beyond all limits cannot be computed.
    broken |= {place for place, _ in beyond_limits(current)}
    budget = None if any(_bears_on_budget(place) for place in broken) else divide(current, _total_name(given))
    findings += [*budget.findings, *_vain_rate(current, budget, overrides)] if budget else ()
    told = _told(findings, given)
    if told or budget is None:
        raise ConfigError([problem_of(finding) for finding in told])
    return (current, budget) if overrides.scale is None else _scaled(current, overrides.scale)


def warnings_of(given: Given, current: dict[str, Any], budget: Budget) -> list[str]:
    """Return the warnings about a document without problems."""
    overrides = given.overrides
    warnings = [*sentences(strays(given.document).warnings), *doubts(current, overrides.mask_headers, given.literal)]
    warnings += stage_doubts(current)
    warnings += threshold_doubts(current, overrides.fail_if, is_scaled=overrides.scale is not None)
    autoscaled = sum(bool(one) for one in budget.settings)
    if "rps" in current and None not in budget.settings:
        why = "every endpoint is autoscaled" if autoscaled == len(budget.settings) else "no endpoint is in it"
        warnings.append(f"rps: has no effect, it limits the shared pool and {why}")
    elif overrides.rps is not None and autoscaled and not is_legacy(given.document):
        whose = f"{autoscaled} autoscaled endpoint{'s keep theirs' if autoscaled > 1 else ' keeps its own'}"
        warnings.append(f"--rps: is the rate of the shared pool alone, and {whose}; {_SCALE} changes the rates of all")
    if overrides.rps is not None and is_legacy(given.document):
        warnings.append("--rps: in the legacy form it is the rate of all endpoints together, as rps of the file is")
    if given.move:
        return [MOVED, *given.move.notes, *sentences(given.move.unknown), *warnings]
    return [DEPRECATION, *warnings] if is_legacy(given.document) else warnings


def _total_name(given: Given) -> str:
    """What the author of a config has written its total rate as."""
    if not isinstance(given.document, dict) or not is_legacy(given.document):
        return TOTAL
    return "--rps" if given.overrides.rps is not None else "rps"


def _vain_rate(current: dict[str, Any], budget: Budget, overrides: Overrides) -> Iterable[Finding]:
    """A rate by flag for a shared pool that is not there: the load would be another than the one asked for."""
    if overrides.rps is None or overrides.rps <= 0 or "rps" not in current or None in budget.settings:
        return
    total = sum(one["targetRps"] for one in budget.settings if one)
    if total:
        remedy = f"{_SCALE} {overrides.rps / total:.4g} makes {overrides.rps} of their {total:g} RPS together"
        yield ("--rps",), f"{overrides.rps} is a rate of the shared pool, and every endpoint is autoscaled; {remedy}"


def _scaled(current: dict[str, Any], factor: float) -> tuple[dict[str, Any], Budget]:
    """The same with every rate and bound times `factor`. What was sound is so in proportion, but may be too large."""
    from tressi.config.scale import scaled  # noqa: PLC0415 - its exact numbers are needed with --scale alone

    new = scaled(current, factor)
    findings = beyond_limits(new)
    if findings:
        what = f"(after {_SCALE} {factor:g})"
        raise ConfigError([problem_of((place, f"{message} {what}")) for place, message in findings])
    return new, divide(new)


def check_scale(factor: float | None) -> None:
    """Raise `ConfigError` for a factor that scales nothing."""
    if factor is not None and not 0 < factor < float("inf"):
        raise ConfigError([ConfigProblem(_SCALE, f"{factor:g} is no number greater than 0")])


def _without(value: Any, broken: set[Place], place: Place = ()) -> Any:  # noqa: ANN401 - any JSON value
    if place in broken:
        return None
    if isinstance(value, dict):
        return {key: _without(item, broken, (*place, key)) for key, item in value.items() if (*place, key) not in broken}
    if isinstance(value, list):
        return [_without(item, broken, (*place, index)) for index, item in enumerate(value)]
    return value


def _follows(finding: Finding, broken: set[Place]) -> bool:
    """Whether a step of a flow lacks what was taken out of it: that has its own message."""
    place = finding[0]
    return place[:1] == ("flows",) and any(one[: len(place)] == place for one in broken)


def _bears_on_budget(place: Place) -> bool:
    whole_request = len(place) <= 2 and place[:1] == ("requests",)  # noqa: PLR2004 - `requests` itself, or one of them
    return not place or whole_request or not {"autoscale", "rps", "stages", "workers", "rampUpTime"}.isdisjoint(place)


def _told(findings: Iterable[Finding], given: Given) -> list[Finding]:
    """The findings with the places of the file, in its order; what came from a flag names the flag."""
    move, flags, told = given.move, given.overrides.settings(), list[Finding]()
    legacy = isinstance(given.document, dict) and is_legacy(given.document)
    for place, message in findings:
        there = legacy_place(place) if legacy else place
        if len(there) == 1 and there[0] in flags:
            told.append((there, f"{message} (given by --{kebab(str(there[0]))})"))
        else:
            told.append((move.origin(there) if move else there, message))
    told += [*move.mistakes, *(move.unknown if given.overrides.strict else ())] if move else []
    return in_document_order(told, move.source if move else given.document)
