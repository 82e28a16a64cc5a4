"""The sources of `data`: from what a config says of each to what it is, and everything that is wrong with it.

Of a table's file only the first row is read here, for the names of its columns; the rows are read once it is clear that
everything else is sound.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from tressi.config.flows import slots_of
from tressi.config.messages import Finding, Place, listed, path_of, quoted
from tressi.config.stray import nearest
from tressi.frozen import dataclass
from tressi.model.data import NAME, Integer, Rows, Sequence, Text, Time, Uuid

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from tressi.model.data import DataSource, Format, Pick

KINDS: Final = ("file", "values", "integer", "uuid", "sequence", "time", "text")
MOST: Final = 2**63 - 1
_MOST_OF_A_TEXT: Final = 65_536


class DataError(ValueError):
    """A source that cannot be used; `place` is the property to blame, within the source."""

    def __init__(self, message: str, *place: str) -> None:
        super().__init__(message)
        self.place = place


@dataclass(frozen=True, slots=True)
class Declared:
    """The sources of a config that can be used, the names of all, and what is wrong with the others."""

    sources: Mapping[str, DataSource]
    names: frozenset[str]
    findings: tuple[Finding, ...]


def declared(document: Mapping[str, Any], folder: str | None, broken: Collection[Place] = ()) -> Declared:
    """The sources of a document whose values have the right types; `folder` is `Reading.folder`.

    Those in which one of the `broken` places is are declared, and not looked into: what is wrong there is told already.
    """
    passed_over = {place[1] for place in broken if place[:1] == ("data",) and len(place) > 1}
    sources: dict[str, DataSource] = {}
    findings: list[Finding] = []
    data = document.get("data", {})
    for name, entry in data.items():
        place: Place = ("data", name)
        if not NAME.fullmatch(name):
            findings.append((place, "is no name; letters, digits, - and _ make one, and the first is a letter or _"))
            continue
        try:
            if isinstance(entry, dict) and name not in passed_over:
                sources[name] = _source(entry, place, folder)
        except DataError as error:
            findings.append(((*place, *error.place), str(error)))
    slots = slots_of(document)
    return Declared({**slots, **sources}, frozenset({*slots, *data}), tuple(findings))


def local_file(name: str, folder: str | None) -> str:
    """Where a file is that a config names: beside the config. Raises DataError for a config that may name none."""
    if folder is None:
        raise DataError(f"{quoted(name)} is a file of this machine, and a config that was fetched may name none")
    if "\0" in name:
        raise DataError(f"{quoted(name)} has a NUL, which no path can have")
    return os.path.join(folder, name)  # noqa: PTH118 - as it is written, also in messages


def unreadable(name: str, error: OSError) -> str:
    """Say that a file cannot be read, and why."""
    return f"cannot read {quoted(name)}: {error.strerror or error}"


def _source(entry: Mapping[str, Any], place: Place, folder: str | None) -> DataSource:
    kinds = [kind for kind in KINDS if kind in entry]
    if len(kinds) != 1:
        what = f"has {listed(kinds).replace(' or ', ' and ')}" if kinds else "says nothing of its values"
        raise DataError(f"{what}; a source is one of {listed(KINDS)}")
    kind = kinds[0]
    for name, owners in (("format", {"file"}), ("pick", {"file", "values"})):
        if name in entry and kind not in owners:
            raise DataError(f"is of no use with {kind}; only {listed(sorted(owners))} has rows", name)
    if kind in {"file", "values"}:
        return _rows(entry, place, folder)
    return _GENERATORS[kind](entry[kind])


# -------------------------------------------------------------------------------------------------------------- generators


def _integer(value: Mapping[str, Any]) -> Integer:
    low, high = int(value["from"]), int(value["to"])
    if low > high:
        raise DataError(f"from {low} is greater than to {high}", "integer")
    if low < -MOST or high > MOST:
        raise DataError(f"has a bound beyond {MOST}, the most that can be held", "integer")
    return Integer(low, high)


def _uuid(value: int) -> Uuid:
    return Uuid(7 if value == 7 else 4)  # noqa: PLR2004 - the versions that the schema allows


def _sequence(value: Mapping[str, Any]) -> Sequence:
    first, step = int(value.get("from", 1)), int(value.get("step", 1))
    if step == 0:
        raise DataError("0 would give the same number each time", "sequence", "step")
    if abs(first) > MOST or abs(step) > 2**31:
        raise DataError("is beyond what can be held", "sequence")
    return Sequence(first, step)


def _time(value: str) -> Time:
    return Time(cast("Any", value))


def _text(value: Mapping[str, Any]) -> Text:
    length, alphabet = int(value["length"]), value.get("alphabet")
    if length > _MOST_OF_A_TEXT:
        raise DataError(f"{length} is greater than {_MOST_OF_A_TEXT:,}, the most that can be held", "text", "length")
    return Text(length) if alphabet is None else Text(length, _alphabet(alphabet))


def _alphabet(alphabet: str) -> bytes:
    odd = next((sign for sign in alphabet if not "\x20" <= sign <= "\x7e"), None)
    if odd is not None:
        raise DataError(f"has U+{ord(odd):04X}, which is no printable character of ASCII", "text", "alphabet")
    if len(alphabet) > 256:  # noqa: PLR2004 - what a byte can choose from
        raise DataError(f"has {len(alphabet)} characters, more than 256", "text", "alphabet")
    return alphabet.encode()


_GENERATORS: Final[Mapping[str, Callable[[Any], DataSource]]] = {
    "integer": _integer,
    "uuid": _uuid,
    "sequence": _sequence,
    "time": _time,
    "text": _text,
}


# -------------------------------------------------------------------------------------------------------------------- rows


def _rows(entry: Mapping[str, Any], place: Place, folder: str | None) -> Rows:
    from tressi.rows import column_names  # noqa: PLC0415 - most configs have no table, and need nothing that reads one

    kind = "file" if "file" in entry else "values"
    where = path_of((*place, kind))
    if kind == "values":
        first = entry["values"][0] if entry["values"] else None
        rows = Rows(where, column_names(first), values=tuple(entry["values"]))
    else:
        rows = _file(entry, where, folder)
    pick, exponent, weight = _pick(entry.get("pick", "sequential"), rows)
    return Rows(where, rows.columns, rows.file, rows.format, rows.values, pick, exponent, weight)


def _file(entry: Mapping[str, Any], where: str, folder: str | None) -> Rows:
    from tressi.rows import BY_EXTENSION, RowsError, head_of  # noqa: PLC0415 - see `_rows`

    name = entry["file"]
    form = entry.get("format") or BY_EXTENSION.get(Path(name).suffix.lower())
    if form is None:
        raise DataError(f"{quoted(name)} does not tell its format by its extension; `format` says it", "file")
    try:
        path = local_file(name, folder)
        return Rows(where, head_of(path, form).columns, path, cast("Format", form))
    except RowsError as error:
        raise DataError(f"{quoted(name)} {error}", "file") from None
    except OSError as error:
        raise DataError(unreadable(name, error), "file") from None
    except DataError as error:
        raise DataError(str(error), "file") from None


def _pick(value: str | Mapping[str, Any], rows: Rows) -> tuple[Pick, float, str | None]:
    if isinstance(value, str):
        return cast("Pick", value), 0.0, None
    given = [name for name in ("zipf", "weight") if name in value]
    if len(given) != 1:
        raise DataError("needs zipf or weight, one of both", "pick")
    if "zipf" in value:
        return "zipf", float(value["zipf"]), None
    column = value["weight"]
    if column not in rows.columns:
        raise DataError(unknown_column(column, rows.columns), "pick", "weight")
    return "weight", 0.0, column


def unknown_column(column: str, columns: tuple[str, ...]) -> str:
    """Say that a table has no column of a name, and which it has."""
    if not columns:
        return f"{quoted(column)} is no column, for a row is one value without a name"
    near = nearest(column, columns)
    remedy = f"did you mean {quoted(near)}?" if near else f"it has {_enumerated(columns)}"
    return f"{quoted(column)} is no column of the table; {remedy}"


def _enumerated(columns: tuple[str, ...]) -> str:
    some = ", ".join(quoted(name) for name in columns[:10])
    return f"{some} and {len(columns) - 10} more" if len(columns) > 10 else some  # noqa: PLR2004 - as many as one reads


def walk(value: Any, place: Place) -> Iterator[tuple[Place, str]]:  # noqa: ANN401 - any JSON value
    """Every text within a value, with its place; names of members are not among them."""
    waiting = [(place, value)]
    while waiting:
        there, one = waiting.pop()
        if isinstance(one, str):
            yield there, one
        inner = one.items() if isinstance(one, dict) else enumerate(one) if isinstance(one, list) else ()
        waiting += [((*there, key), item) for key, item in inner][::-1]
