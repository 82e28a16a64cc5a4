"""What stands beside the package, benches, fuzz targets, scripts and examples, imports names that are there."""

import ast
import importlib
from pathlib import Path

import pytest

pytestmark = pytest.mark.timed  # some modules open a socket when they are imported

ROOT = Path(__file__).parents[1]
FOLDERS = ("bench", "fuzz", "release", "scripts", "examples", "tests")
OURS = {"tressi", "bench", "fuzz", "release"}


def test_every_name_that_is_imported_is_there():
    """Most of these files are run by hand and seldom, so a name that has moved would be found late."""
    lacking = [
        f"{path.relative_to(ROOT)}:{node.lineno} imports {name.name} from {node.module}"
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*"))
        if _is_python(path)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in OURS and not node.level
        for name in node.names
        if not _has(node.module, name.name)
    ]
    assert not lacking, "\n".join(lacking)


def _is_python(path):
    if not path.is_file():
        return False
    if path.suffix == ".py":
        return True
    with path.open("rb") as file:
        return not path.suffix and b"python" in file.readline(80)


def _has(module, name):
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        # What needs a library that is not installed, as Ray is not everywhere, cannot be looked at.
        return (error.name or "tressi").partition(".")[0] not in OURS
    except ImportError:
        return False
    if hasattr(found, name):
        return True
    try:
        importlib.import_module(f"{module}.{name}")
    except ImportError:
        return False
    return True
