"""What is installed is all that the package needs."""

import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
from each import each

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parent.parent
PACKED = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]
CODE = {".py", ".pyc", ".pyx", ".so", ".c", ".html.c"}  # packed, or made, without being named
BESIDE = sorted(path for path in (ROOT / "tressi").rglob("*.*") if path.is_file() and path.suffix not in CODE)


def package_of(path):
    """The package that a file belongs to: the nearest folder that is one."""
    folder = next(parent for parent in path.parents if (parent / "__init__.py").exists())
    return folder, ".".join(folder.relative_to(ROOT).parts)


@each("path", BESIDE, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_beside_the_modules_is_packed(path):
    """A page, a style, a grammar or a schema that is not named in the package's data would be missing where it is installed."""
    folder, package = package_of(path)
    patterns = [*PACKED["*"], *PACKED.get(package, ())]
    assert any(fnmatch(str(path.relative_to(folder)), pattern) for pattern in patterns)
