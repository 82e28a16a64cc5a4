"""From what an importer gathered to a config that runs: secrets out, paths folded, written, checked."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from tressi.config.load import load_config
from tressi.errors import ConfigError
from tressi.imports import marks
from tressi.imports.document import entries_of, flow_document, plain_document
from tressi.imports.options import Imported
from tressi.imports.request import DocumentError
from tressi.imports.routes import folded
from tressi.imports.secrets import Finder, Variable, Vault, without_secrets
from tressi.imports.spots import found
from tressi.masking import Secrets, mask_url

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tressi.imports.names import Names
    from tressi.imports.options import Options
    from tressi.imports.request import Gathered, Request, Visit, Wanted

_REFERENCE: Final = re.compile(r"\$\$\{|\$\{[^{}]*\}")
_PLACE: Final = re.compile(r"requests\[(\d+)\]")
_MOST_ROUNDS: Final = 3


def finished(gathered: Gathered, wanted: Wanted, options: Options, names: Names, vault: Vault | None = None) -> Imported:
    """The config of what was gathered. `names` has the slots and sources that are in use, `vault` what is known to be secret.

    Raises ConfigError where nothing is left that can be sent.
    """
    vault = vault or Vault()
    notes = list(gathered.notes)
    requests = without_secrets([visit.request for visit in gathered.visits], vault)
    data = dict(gathered.data)
    if wanted == "flow":
        requests, rows, said = folded(requests, names)
        data |= rows
        notes += said
    visits = [replace(visit, request=request) for visit, request in zip(gathered.visits, requests, strict=True)]
    visits = _with_used_slots(visits)
    finder = Finder(vault.values)
    visits = _without(visits, [index for index, visit in enumerate(visits) if _gives_away(visit, finder)], notes, vault)
    gathered = replace(gathered, settings={**gathered.settings, **({"data": data} if data else {})})
    document = _checked(visits, wanted, gathered, options, notes)
    hidden = Secrets(vault.values)
    return Imported(_moved(document, options.folder), _variables(document, vault), tuple(hidden.hide(note) for note in notes))


def _with_used_slots(visits: list[Visit]) -> list[Visit]:
    """The visits without slots that no request uses: what is not found abandons a flow."""
    if not any(visit.extract for visit in visits):
        return visits
    used = {name for visit in visits for text in _texts(visit.request) for name in marks.values_in(text)}
    return [replace(visit, extract={slot: how for slot, how in visit.extract.items() if slot in used}) for visit in visits]


def _texts(request: Request) -> list[str]:
    return [request.origin, request.target, *(value for _, value in found(request) if isinstance(value, str))]


def _without(visits: list[Visit], bad: list[int], notes: list[str], vault: Vault) -> list[Visit]:
    """Leave out what has a secret in a place that cannot hold a variable, such as the name of a member."""
    hidden = Secrets(vault.values)
    for index in bad:
        request = visits[index].request
        label = f"{request.method} {hidden.hide(marks.shown(request.path))}"
        notes.append(f"{label} was left out: a secret stands where a config can have no variable")
    return [visit for index, visit in enumerate(visits) if index not in bad]


def _gives_away(visit: Visit, finder: Finder) -> bool:
    content = json.dumps(visit.request.body.content, ensure_ascii=False) if visit.request.body else ""
    return finder.found(f"{visit!r}{content}")


def _checked(visits: list[Visit], wanted: Wanted, gathered: Gathered, options: Options, notes: list[str]) -> dict[str, Any]:
    """A document that `load_config` takes; requests that it refuses are left out, with its sentence."""
    for _ in range(_MOST_ROUNDS):
        visits = _with_known_slots(visits, gathered.settings.get("data", {}), notes)
        if not visits:
            raise DocumentError("; ".join(["nothing is left that tressi could send", *notes[:3]]))
        if wanted == "flow":
            document = flow_document(visits, gathered.settings, options.total_rps, gathered.longest)
        else:
            document = plain_document(visits, gathered.settings, options.total_rps)
        document = _with_data(document)
        try:
            load_config(_checkable(document))
        except ConfigError as error:
            refused = {document["requests"][index]["name"]: message for index, message in _refused(error).items()}
            if not refused:
                raise
            notes += [f"{name!r} was left out: {message}" for name, message in refused.items()]
            visits = _kept(visits, set(refused))
            continue
        return document
    raise DocumentError("the requests that are left make no config")


def _with_known_slots(visits: Sequence[Visit], data: Mapping[str, Any], notes: list[str]) -> list[Visit]:
    """The visits without those that use a value which no earlier one takes any more, because that one was left out."""
    known = {*data, marks.BRACE}
    kept = []
    for visit in visits:
        missing = {name for text in _texts(visit.request) for name in marks.values_in(text)} - known
        if missing:
            label = f"{visit.request.method} {marks.shown(visit.request.path)}"
            notes.append(f"{label} was left out: it needs {min(missing)} of a response that was left out")
        else:
            known |= visit.extract.keys()
            kept.append(visit)
    return kept


def _refused(error: ConfigError) -> dict[int, str]:
    """The requests that are wrong, each with its first sentence."""
    refused: dict[int, str] = {}
    for problem in error.problems:
        place = _PLACE.match(problem.path)
        if place is None:
            return {}
        refused.setdefault(int(place[1]), mask_url(problem.message))
    return refused


def _kept(visits: Sequence[Visit], refused: set[str]) -> list[Visit]:
    entries, numbers = entries_of(visit.request for visit in visits)

    return [visit for visit, number in zip(visits, numbers, strict=True) if entries[number].name not in refused]


def _with_data(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the source of braces where it is used, and without sources that no request uses."""
    text = json.dumps(document["requests"]) + json.dumps(document.get("headers", {})) + document.get("baseUrl", "")
    given = {**document.get("data", {}), marks.BRACE: {"values": ["{"]}}
    data = {name: source for name, source in given.items() if re.search(rf"\{{\{{{re.escape(name)}[.}}]", text)}
    rest = {name: value for name, value in document.items() if name != "data"}
    if not data:
        return rest
    requests = rest.pop("requests")
    flows = {"flows": rest.pop("flows")} if "flows" in rest else {}
    return {**rest, "data": data, "requests": requests, **flows}


def _checkable(document: dict[str, Any]) -> dict[str, Any]:
    """The document with a word in the place of each variable, which may not be set here."""
    plain: dict[str, Any] = _replaced(document)
    for section in (plain, *plain["requests"]):
        for key in section.keys() & {"baseUrl", "url"}:
            # A variable in front of a URL is its scheme, or all that stands before the path.
            section[key] = re.sub(r"^x(?=/|\Z)", "http://localhost", re.sub(r"^x(?=://)", "http", section[key]))
    return plain


def _replaced(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        return _REFERENCE.sub(lambda match: match[0] if match[0] == "$${" else "x", value)
    if isinstance(value, dict):
        return {name: _replaced(inner) for name, inner in value.items()}
    return [_replaced(inner) for inner in value] if isinstance(value, list) else value


def _variables(document: dict[str, Any], vault: Vault) -> tuple[Variable, ...]:
    """The variables that stand in a document, those of secrets first, and then what the document itself names."""
    text = json.dumps(document, ensure_ascii=False)
    used = dict.fromkeys(re.findall(r"(?<!\$)\$\{([A-Za-z_][A-Za-z0-9_]*)\}", text))
    known = {variable.name: variable for variable in vault.variables if variable.name in used}
    others = [
        Variable(name, "a variable that the document names without a value, or needs") for name in used if name not in known
    ]
    return (*known.values(), *others)


def _moved(document: dict[str, Any], folder: str) -> dict[str, Any]:
    """The document with the paths of its files as they are from the config's directory."""
    if not folder:
        return document

    def moved(name: str) -> str:
        return name if name.startswith("/") else os.path.normpath(os.path.join(folder, name))  # noqa: PTH118 - pure text

    requests = []
    for request in document["requests"]:
        one = dict(request)
        if "bodyFile" in one:
            one["bodyFile"] = moved(one["bodyFile"])
        if "multipart" in one:
            one["multipart"] = [{**part, "file": moved(part["file"])} if "file" in part else part for part in one["multipart"]]
        requests.append(one)
    tls = {key: moved(value) if key in {"ca", "cert", "key"} else value for key, value in document.get("tls", {}).items()}
    return {**document, **({"tls": tls} if tls else {}), "requests": requests}
