"""The floors of the house: what may import what."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from each import each

pytestmark = pytest.mark.pure

PACKAGE = Path(__file__).parent.parent / "tressi"

# Bottom up; rooms of one floor know nothing of one another.
FLOORS = [
    {"isolation", "start", "masking", "frozen"},
    {"errors", "log", "text", "hosts", "rows", "version", "vocabulary", "core", "_core", "_histogram", "_ledger"},
    {"threshold", "site", "grpc"},
    {"model", "hdr"},
    {
        "wire",
        "_wire",
        "_planned",
        "_parser",
        "_h2",
        "_tls",
        "_values",
        "_extract",
        "_books",
        "config",
        "autoscale",
        "request",
        "stats",
    },
    {"load", "imports", "replay", "capacity"},
    {"run", "page", "trace", "nodes"},
    {"report", "store", "ui", "testing"},
    {"compare"},
    {"cli"},
]
HEIGHT = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
TOP = len(FLOORS)
# A border and its room are one; errors may speak of each other on the ground floor.
SAME_ROOM = {
    "_core": "core",
    "_histogram": "core",
    "_ledger": "core",
    "_wire": "wire",
    "_planned": "wire",
    "_parser": "wire",
    "_h2": "wire",
    "_tls": "wire",
    "_values": "wire",
    "_extract": "wire",
    "_books": "wire",
}


def room_of(module: str) -> str:
    """The room that a dotted module of the package lies in; the doors of the house lie in none."""
    parts = module.split(".")
    name = parts[1] if len(parts) > 1 else ""
    return SAME_ROOM.get(name, name)


@cache
def imports_of(path: Path) -> set[str]:
    """Every module of tressi that a file imports, typing imports and Cython's included."""
    text = path.read_text(encoding="utf-8")
    if path.suffix in {".pxd", ".pyx"}:
        found = re.findall(r"^\s*from (tressi[\w.]*) c?import (\w+)", text, re.MULTILINE)
        return {f"{module}.{name}" if module == "tressi" else module for module, name in found}
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "tressi":
            if node.module == "tressi":
                found |= {f"tressi.{alias.name}" for alias in node.names}
            else:
                found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] == "tressi"}
    return found


def files_of(path: Path) -> set[str]:
    """Every file of the rooms in C that another one takes in, as it is called in docs/architecture.md."""
    found = set()
    for module, names in re.findall(
        r"^from tressi\.?([\w.]*) cimport (\([^)]*\)|.*)$", path.read_text(encoding="utf-8"), re.MULTILINE
    ):
        for name in re.findall(r"(\w+)(?: as \w+)?", names.strip("()")):
            parts = [part for part in module.split(".") if part]
            whole = "/".join([*parts, name])
            found.add(whole if (PACKAGE / f"{whole}.pxd").exists() else "/".join(parts))
    return found


def module_of(path: Path) -> str:
    return ".".join(("tressi", *path.relative_to(PACKAGE).with_suffix("").parts))


FILES = sorted(path for suffix in ("py", "pyi", "pyx", "pxd") for path in PACKAGE.rglob(f"*.{suffix}"))


@each("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path):
    """A room imports from its own files and from floors below, never from a neighbour or from above."""
    here = room_of(module_of(path))
    height = HEIGHT.get(here, TOP)
    for module in imports_of(path):
        there = room_of(module)
        assert there in HEIGHT, f"{module} is in no room"
        assert there == here or HEIGHT[there] < height, f"{here} imports {module}"


def test_only_load_touches_the_reactor():
    """Nothing outside `load` imports the border of `wire`."""
    users = {room_of(module_of(path)) for path in FILES if "tressi._wire" in imports_of(path)}
    assert users <= {"load", "wire"}


def test_the_page_on_architecture_has_the_same_floors():
    """Its table names every room on the floor that the imports are checked against; a border is its room's."""
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| ((?:`\w+` ?)+) \|", page, re.MULTILINE)
    named = {int(floor): set(re.findall(r"\w+", rooms)) for floor, rooms in rows}
    assert named == {height: rooms - set(SAME_ROOM) for height, rooms in enumerate(FLOORS)}


def test_every_room_is_on_a_floor():
    """A new room has to say which floor it is on."""
    rooms = {room_of(module_of(path)) for path in FILES} - {"__init__", "__main__"}
    assert rooms - set(HEIGHT) == set()


def test_files_point_down_inside_the_rooms_in_c():
    """Every file of `core` and `wire` is in the table of the architecture page, and takes in only those above it."""
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page.partition("## Inside `core` and `wire`")[2].partition("\n## ")[0]
    order = re.findall(r"^\| `([\w/]+)` \|", section, re.MULTILINE)
    place = {name: number for number, name in enumerate(order)}
    files = {}
    for path in FILES:
        if path.suffix in {".pxd", ".pyx"} and path.stem != "__init__":
            files.setdefault(str(path.relative_to(PACKAGE).with_suffix("")), set()).update(files_of(path))

    assert sorted(order) == sorted(files)
    upward = {(here, there) for here, taken in files.items() for there in taken if place[there] > place[here]}
    assert not upward
