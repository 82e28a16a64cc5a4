"""Compile the extension modules for a target with zig, which brings clang and the C libraries of every target."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from release.targets import Target, module_suffix

if TYPE_CHECKING:
    from pathlib import Path

    from release.sources import Extension, Prepared

# As CPython compiles extension modules. With -target and without -march zig compiles for the oldest processor of the kind;
# it adds UBSan where it is not told otherwise.
FLAGS = ("-fPIC", "-shared", "-DNDEBUG", "-fwrapv", "-fno-strict-aliasing", "-fno-sanitize=undefined", "-w", "-s")


@dataclass(frozen=True)
class Build:
    """One Python and one target, with the folders that take part."""

    python: str
    target: Target
    include: Path
    output: Path  # the modules' folder


def module_path(extension: Extension, build: Build) -> Path:
    """Where a module of the build lies, below the output as below a wheel's root."""
    return build.output / f"{extension.name.replace('.', '/')}{module_suffix(build.python, build.target)}"


def compile_command(extension: Extension, build: Build) -> list[str]:
    """The command that compiles and links one module, for the folder of the sources."""
    command = [sys.executable, "-m", "ziglang", "cc", "-target", build.target.triple, *FLAGS, *extension.flags]
    return [*command, f"-I{build.include}", *extension.sources, "-o", str(module_path(extension, build))]


def compile_all(prepared: Prepared, build: Build, jobs: int, cache: Path) -> None:
    """Compile every module, `jobs` at a time; CalledProcessError where one fails, its messages on standard error."""
    shutil.rmtree(build.output, ignore_errors=True)
    environment = {**os.environ, "ZIG_GLOBAL_CACHE_DIR": str(cache), "ZIG_LOCAL_CACHE_DIR": str(cache)}

    def one(extension: Extension) -> None:
        module_path(extension, build).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(compile_command(extension, build), check=True, cwd=prepared.source, env=environment)

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(one, prepared.extensions))
