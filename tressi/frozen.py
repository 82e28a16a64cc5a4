"""The frozen dataclasses that every command makes while it starts, made in a fifth of the time.

`dataclasses` writes up to eight methods for each class as text and has them compiled: a millisecond for each of the hundred
and more classes that a run imports before its first request. Here the methods that are the same for all classes are functions
that all classes share, and `__init__`, which is not, is written when the class is called for the first time. All else is the
library's: `fields`, `replace` and the like do not know the difference, and a checker of types sees the library's decorator.

A run of a thousand endpoints makes thousands of large values each second, and to set a field past a `__setattr__` that refuses
takes ten times as long as to set one. So the `__init__` of a class with many fields makes its value one of a class with the
same slots that refuses nothing, sets the fields, and makes it its own again: a quarter of the time with 38 fields.
"""

from __future__ import annotations

import dataclasses
from dataclasses import FrozenInstanceError, fields
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping
    from dataclasses import dataclass

    Init = Callable[..., None]
else:

    def dataclass(cls: type | None = None, /, **options: bool) -> Any:  # noqa: ANN401 - a class, or what makes one
        """What `dataclasses.dataclass` does; with `frozen=True, slots=True` and nothing else in less time."""
        if options != {"frozen": True, "slots": True}:
            return dataclasses.dataclass(cls, **options)
        return _frozen if cls is None else _frozen(cls)


__all__ = ["dataclass"]

_set = object.__setattr__
_MANY: Final = 8  # fields, from which on a second class pays


def _frozen(cls: type) -> type:
    for name, method in _SHARED.items():
        if name not in cls.__dict__:
            setattr(cls, name, method)
    made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(cls)

    def init(self: object, *values: object, **named: object) -> None:
        whole = _init_of(made)
        made.__init__ = whole
        whole(self, *values, **named)

    init.__name__, init.__qualname__ = "__init__", f"{made.__qualname__}.__init__"
    made.__init__ = init
    finished: type = made
    return finished


def _init_of(cls: type) -> Init:
    """The `__init__` of a class: its parameters are the fields, and it sets them past `__setattr__`, which refuses."""
    of_init: dict[str, Any] = {"_set": _set}
    parameters, named_alone, before, values = ["self"], ["*"], [], {}
    for one in fields(cls):
        default = ""
        if one.default is not dataclasses.MISSING:
            of_init[f"_{one.name}"] = one.default
            default = f"=_{one.name}"
        elif one.default_factory is not dataclasses.MISSING:
            of_init[f"_{one.name}"], of_init["_absent"] = one.default_factory, dataclasses.MISSING
            default = "=_absent"
            if one.init:
                before.append(f"if {one.name} is _absent: {one.name} = _{one.name}()")
        if one.init:
            (named_alone if one.kw_only else parameters).append(f"{one.name}{default}")
            values[one.name] = one.name
        elif default:
            values[one.name] = f"_{one.name}{'' if default != '=_absent' else '()'}"
    after = ["self.__post_init__()"] if hasattr(cls, "__post_init__") else []
    parameters += named_alone if len(named_alone) > 1 else []
    lines = [*before, *_setting(cls, values, of_init), *after]
    text = f"def __init__({', '.join(parameters)}):\n" + "".join(f"    {line}\n" for line in lines or ["pass"])
    exec(text, of_init)  # noqa: S102 - of the names of fields alone, as the library does it
    made: Init = of_init["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


def _setting(cls: type, values: Mapping[str, str], of_init: dict[str, Any]) -> list[str]:
    """The lines that give each field its value; what they refer to is added to `of_init`."""
    plain = [f"_set(self, {name!r}, {value})" for name, value in values.items()]
    if len(values) < _MANY:
        return plain
    slots = {"__slots__": cls.__dict__["__slots__"], "__setattr__": _set}
    of_init["_own"], of_init["_open"] = cls, type(f"_Open{cls.__name__}", cls.__bases__, slots)
    return [
        "if self.__class__ is _own:",
        "    _set(self, '__class__', _open)",
        *(f"    self.{name} = {value}" for name, value in values.items()),
        "    self.__class__ = _own",
        "else:",  # a class that is derived from it, and has other slots
        *(f"    {line}" for line in plain),
    ]


# --------------------------------------------------------------------------------------------- the methods of all classes


@cache
def _compared(cls: Hashable) -> Callable[[object], Any]:
    """What two instances are compared and hashed by: the fields, as one value."""
    names = [one.name for one in fields(cast("type[Any]", cls)) if one.compare]
    return attrgetter(*names) if names else lambda _: ()


def _equal(self: Any, other: Any) -> Any:  # noqa: ANN401 - any of the classes; a bool or NotImplemented
    if other.__class__ is not self.__class__:
        return NotImplemented  # Python asks the other one
    values = _compared(self.__class__)
    return values(self) == values(other)


def _hash(self: Any) -> int:  # noqa: ANN401 - any of the classes
    return hash(_compared(self.__class__)(self))


def _text(self: Any) -> str:  # noqa: ANN401 - any of the classes
    shown = ", ".join(f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)
    return f"{self.__class__.__qualname__}({shown})"


def _refuse_to_set(_: object, name: str, __: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(_: object, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[object]:  # noqa: ANN401 - any of the classes
    return [getattr(self, one.name) for one in fields(self)]


def _set_state(self: Any, state: list[object]) -> None:  # noqa: ANN401 - any of the classes
    for one, value in zip(fields(self), state, strict=True):
        _set(self, one.name, value)


_SHARED = {
    "__eq__": _equal,
    "__hash__": _hash,
    "__repr__": _text,
    "__setattr__": _refuse_to_set,
    "__delattr__": _refuse_to_delete,
    "__getstate__": _state,
    "__setstate__": _set_state,
}
