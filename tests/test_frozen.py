"""The frozen dataclasses that are made quickly: they do what the library's do."""

import dataclasses
import pickle
from dataclasses import FrozenInstanceError, field, replace

import pytest

from tressi import frozen

pytestmark = pytest.mark.pure


def classes(dataclass):
    """The same classes, made by either decorator."""

    @dataclass(frozen=True, slots=True)
    class Base:
        name: str
        size: int = 3
        notes: list = field(default_factory=list)
        hidden: int = field(default=0, repr=False, compare=False)
        apart: bool = field(default=False, kw_only=True)
        made: int = field(default=7, init=False)

        @property
        def double(self):
            return 2 * self.size

    @dataclass(frozen=True, slots=True)
    class Derived(Base):
        more: float = 1.5

    @dataclass(frozen=True, slots=True)
    class Told:
        value: int

        def __post_init__(self):
            object.__setattr__(self, "value", self.value + 1)

        def __repr__(self):
            return f"told {self.value}"

    @dataclass(frozen=True, slots=True)
    class Empty:
        pass

    return Base, Derived, Told, Empty


Base, Derived, Told, Empty = classes(frozen.dataclass)


@dataclasses.dataclass(frozen=True, slots=True)
class TheLibrarys:
    """What the methods of the others are held against."""

    at: tuple[int, ...]


@frozen.dataclass(frozen=True, slots=True)
class Ours:
    """The same."""

    at: tuple[int, ...]


@pytest.mark.parametrize("dataclass", [frozen.dataclass, dataclasses.dataclass])
def test_they_are_made_shown_compared_and_copied_alike(dataclass):
    """Defaults, factories, keywords, fields left out of each of these, a subclass, and methods of the class's own."""
    base, derived, told, empty = classes(dataclass)
    one = base("a", apart=True)
    assert repr(one).endswith("Base(name='a', size=3, notes=[], apart=True, made=7)")
    assert one == base("a", 3, [], 99, apart=True) != base("b", apart=True)
    assert one.notes is not base("a").notes
    assert replace(one, size=4) == base("a", 4, apart=True)
    assert replace(one, size=4).double == 8
    assert dataclasses.astuple(derived("a", more=2.0)) == ("a", 3, [], 0, False, 7, 2.0)
    assert derived("a") != one
    assert (repr(told(1)), told(1), empty()) == ("told 2", told(1), empty())
    assert base.__match_args__ == ("name", "size", "notes", "hidden")
    assert not hasattr(one, "__dict__")
    for wrong in (base, lambda: base("a", 1, [], 2, 3), lambda: base("a", other=1)):
        with pytest.raises(TypeError, match="__init__"):
            wrong()
    for change in (lambda: setattr(one, "size", 1), lambda: delattr(one, "size")):
        with pytest.raises(FrozenInstanceError, match="size"):
            change()


@pytest.mark.parametrize("kind", [Ours, TheLibrarys])
def test_they_are_hashed_and_pickled_alike(kind):
    """By their values, which a list among them forbids."""
    one = kind((1, 2))
    assert {one: 1}[kind((1, 2))] == 1
    assert pickle.loads(pickle.dumps(one)) == one
    with pytest.raises(TypeError, match="unhashable"):
        hash(kind([]))


def test_other_options_are_the_librarys():
    """A class that is not frozen can be set."""

    @frozen.dataclass
    class Open:
        at: int = 0

    one = Open()
    one.at = 2
    assert one == Open(2)
