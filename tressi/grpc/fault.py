"""Which part of a message is wrong, and why: protobuf's own words name a field, and not always where it stands.

The part is found by having each field of the message read alone, and each entry of the field that fails, until what fails
has no parts. Only a message that is refused comes here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_OUTER: Final = re.compile(r"^Failed to parse [^:]* field: ")
_PLACE: Final = re.compile(r' at "?[\w.\[\]]+"?\.?$')
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")  # of either alphabet, as JSON's form of protobuf has it
_TYPES: Final = {
    "DOUBLE": "a number", "FLOAT": "a number", "BOOL": "true or false", "STRING": "a text", "BYTES": "a text in base64",
    "INT32": "a whole number of 32 bits", "SINT32": "a whole number of 32 bits", "SFIXED32": "a whole number of 32 bits",
    "INT64": "a whole number of 64 bits", "SINT64": "a whole number of 64 bits", "SFIXED64": "a whole number of 64 bits",
    "UINT32": "a whole number of 32 bits from 0 on", "FIXED32": "a whole number of 32 bits from 0 on",
    "UINT64": "a whole number of 64 bits from 0 on", "FIXED64": "a whole number of 64 bits from 0 on",
}  # fmt: skip
_NAMED: Final = 12
_SHOWN: Final = 40


@dataclass(frozen=True, slots=True)
class Fault:
    """The place in a message, and why what stands there is refused."""

    path: tuple[str | int, ...]
    words: str


def fault_of(message: dict[str, Any], descriptor: Any, words: str) -> Fault:  # noqa: ANN401 - protobuf has no types
    """Find the smallest part of a message that is refused; `words` are protobuf's about the whole, for where none is found."""
    fields = _fields(descriptor)
    for name, value in message.items():
        if name not in fields:
            names = list(dict.fromkeys(field.name for field in fields.values()))
            has = ", ".join(names[:_NAMED]) or "no field"
            return Fault((name,), f"is no field of {descriptor.full_name}, which has {has}")
        found = _in_field(value, name, descriptor, fields[name])
        if found is not None:
            return found
    return Fault((), _short(words))


def text_fault_of(message: dict[str, Any], descriptor: Any) -> Fault | None:  # noqa: ANN401 - as above
    """Find bytes that are written in no base64, of a message that protobuf takes: it leaves out what it cannot read."""
    fields = _fields(descriptor)
    for name, value in message.items():
        field = fields[name]
        kind, is_bytes = _kind(field), _type_name(_value(field)) == "BYTES"
        whole = [(None, value, value)]
        for step, entry, _ in (_parts(value, field) if _is_repeated(field) else whole) if kind or is_bytes else ():
            path = (name,) if step is None else (name, step)
            if is_bytes and isinstance(entry, str) and not _BASE64.fullmatch(entry):
                return Fault(path, _why(entry, field, ""))
            inner = text_fault_of(entry, kind) if kind is not None and isinstance(entry, dict) else None
            if inner is not None:
                return Fault((*path, *inner.path), inner.words)
    return None


def _in_field(value: Any, name: str, descriptor: Any, field: Any) -> Fault | None:  # noqa: ANN401 - as above
    """What is wrong with one field, read without the others."""
    refused = _refused(descriptor, {name: value})
    if refused is None:
        return None
    for step, entry, whole in _parts(value, field):
        again = _refused(descriptor, {name: whole})
        if again is None:
            continue
        path = (name,) if step is None else (name, step)
        kind = _kind(field)
        if kind is not None and isinstance(entry, dict):
            inner = fault_of(entry, kind, again)
            return Fault((*path, *inner.path), inner.words)
        return Fault(path, _why(entry, field, again))
    return Fault((name,), _why(value, field, refused))


def _parts(value: Any, field: Any) -> Iterator[tuple[str | int | None, Any, Any]]:  # noqa: ANN401 - as above
    """The entries of a field, each with its step and as the only one of the field."""
    if _is_map(field) and isinstance(value, dict):
        yield from ((key, entry, {key: entry}) for key, entry in value.items())
    elif _is_repeated(field) and not _is_map(field) and isinstance(value, list):
        yield from ((place, entry, [entry]) for place, entry in enumerate(value))
    elif not _is_repeated(field) and isinstance(value, dict):
        yield None, value, value


def _why(value: Any, field: Any, words: str) -> str:  # noqa: ANN401 - as above
    shown = repr(value) if isinstance(value, (str, int, float, bool, type(None))) else type(value).__name__
    shown = {"True": "true", "False": "false", "None": "null", "dict": "an object", "list": "a list"}.get(shown, shown)
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
    if _is_map(field) and (value is None or isinstance(value, list)):
        return f"{shown} is no object, as a map must be"
    kind = _kind(field)
    if kind is not None and not isinstance(value, (dict, list)):
        return f"{shown} is no object, as a {kind.full_name} must be"
    if _is_repeated(field) and not _is_map(field) and not isinstance(value, list) and "must be in []" in words:
        return f"{shown} is no list, and {field.name} is repeated"
    enum = _value(field).enum_type
    if enum is not None:
        return f"{shown} is none of {enum.full_name}, which has {', '.join(list(enum.values_by_name)[:_NAMED])}"
    wanted = _TYPES.get(_type_name(_value(field)))
    return f"{shown} is not {wanted}" if wanted is not None else _short(words)


def _short(words: str) -> str:
    """Protobuf's words without the fields around it, which the path has."""
    while _OUTER.match(words):
        words = _OUTER.sub("", words)
    return _PLACE.sub("", words.splitlines()[0].rstrip(".")) if words else "is refused by protobuf"


def _refused(descriptor: Any, message: Any) -> str | None:  # noqa: ANN401 - as above
    from google.protobuf.json_format import ParseDict, ParseError  # noqa: PLC0415 - an extra
    from google.protobuf.message_factory import GetMessageClass  # noqa: PLC0415

    try:
        ParseDict(message, GetMessageClass(descriptor)())
    except (ParseError, TypeError, ValueError, AttributeError) as error:
        return str(error) or type(error).__name__
    return None


def _fields(descriptor: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    """By each name that JSON may have for it."""
    return {name: field for field in descriptor.fields for name in (field.name, field.json_name)}


def _is_repeated(field: Any) -> bool:  # noqa: ANN401 - as above
    return bool(field.is_repeated)


def _is_map(field: Any) -> bool:  # noqa: ANN401 - as above
    return bool(field.message_type is not None and field.message_type.GetOptions().map_entry)


def _value(field: Any) -> Any:  # noqa: ANN401 - as above
    """What an entry is: of a map its value."""
    return field.message_type.fields_by_name["value"] if _is_map(field) else field


def _kind(field: Any) -> Any:  # noqa: ANN401 - as above
    """The type of its entries where they are messages, those apart that JSON writes in a form of their own."""
    kind = _value(field).message_type
    return None if kind is None or kind.full_name.startswith("google.protobuf.") else kind


def _type_name(field: Any) -> str:  # noqa: ANN401 - as above
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto  # noqa: PLC0415 - an extra

    name: str = FieldDescriptorProto.Type.Name(field.type)
    return name.removeprefix("TYPE_")
