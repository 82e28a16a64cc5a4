"""The source distribution, and from it everything in a wheel that is the same for all of them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Run in the unpacked source distribution: makes the C files, the tree of Python modules and the metadata, and writes what
# setup.py says of each extension module, so that its flags stand there alone.
PREPARE = """
import json, sys
import setuptools
tree, described_file = sys.argv[1:]
from distutils.core import run_setup
from setuptools.build_meta import prepare_metadata_for_build_wheel
extensions = run_setup("setup.py", stop_after="init").ext_modules
described = [
    {"name": one.name, "sources": one.sources, "flags": one.extra_compile_args, "macros": one.define_macros}
    for one in extensions
]
run_setup("setup.py", ["--quiet", "build_py", "--build-lib", tree])
named = prepare_metadata_for_build_wheel(tree)
with open(described_file, "w") as file:
    json.dump({"dist_info": named, "extensions": described}, file)
"""
LEFT_OUT = (".git", ".venv", "build", "dist", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis", "_*.c", "_*.html", "*.so")


@dataclass(frozen=True)
class Extension:
    """An extension module as setup.py describes it."""

    name: str  # "tressi._wire"
    sources: tuple[str, ...]  # C files, in the unpacked source distribution
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Prepared:
    """What every wheel is made from."""

    source: Path  # the unpacked source distribution, with the C files
    tree: Path  # what goes into the wheel, but for the extension modules
    dist_info: str  # the name of the folder of metadata in the tree
    extensions: tuple[Extension, ...]

    @property
    def version(self) -> str:
        """The version in the folder's name."""
        return self.dist_info.removesuffix(".dist-info").partition("-")[2]


def make_sdist(root: Path, work: Path, dist: Path) -> Path:
    """Build the source distribution of a checkout from a copy of it, so that nothing in the checkout is rebuilt."""
    copy = work / "checkout"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(root, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
    made = work / "sdist"
    shutil.rmtree(made, ignore_errors=True)
    command = [sys.executable, "-P", "-m", "build", "--no-isolation", "--sdist", "--outdir", str(made), str(copy)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    (archive,) = made.glob("tressi-*.tar.gz")
    dist.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy2(archive, dist))


def prepare(archive: Path, work: Path) -> Prepared:
    """Unpack the source distribution and make from it what does not depend on the target."""
    unpacked, tree, described = work / "unpacked", work / "tree", work / "described.json"
    for folder in (unpacked, tree):
        shutil.rmtree(folder, ignore_errors=True)
    with tarfile.open(archive) as tar:
        tar.extractall(unpacked, filter="data")
    (source,) = unpacked.iterdir()
    command = [sys.executable, "-P", "-c", PREPARE, str(tree), str(described)]
    subprocess.run(command, check=True, cwd=source, stdout=subprocess.DEVNULL)
    found = json.loads(described.read_text(encoding="utf-8"))
    return Prepared(source, tree, found["dist_info"], tuple(map(_extension, found["extensions"])))


def _extension(described: dict[str, Any]) -> Extension:
    """An extension module, its macros as flags of the compiler."""
    macros = [f"-D{name}" if value is None else f"-D{name}={value}" for name, value in described["macros"]]
    return Extension(described["name"], tuple(described["sources"]), (*described["flags"], *macros))
