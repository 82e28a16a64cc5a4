"""Where the headers of each CPython are.

A wheel is compiled against them alone; the interpreter need not run the wheel's modules.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from release.targets import TARGETS, Target


class HeadersError(Exception):
    """A folder without usable headers, or an interpreter that cannot say where its own are."""


@dataclass(frozen=True)
class Headers:
    """The folder of one CPython's `Python.h`."""

    python: str  # "3.11"
    folder: Path


def python_of(patchlevel: str) -> str | None:
    """The version `3.X` that a `patchlevel.h` is of; None where it names none."""
    found = [re.search(rf"^#define\s+PY_{part}_VERSION\s+(\d+)", patchlevel, re.MULTILINE) for part in ("MAJOR", "MINOR")]
    return ".".join(match[1] for match in found if match) if all(found) else None


def is_free_threaded(pyconfig: str) -> bool:
    """Whether these are the headers of a CPython without the GIL, which has another ABI and would need wheels of its own."""
    return re.search(r"^#define\s+Py_GIL_DISABLED\s+1", pyconfig, re.MULTILINE) is not None


def pyconfig_of(folder: Path, machine: str) -> Path:
    """The `pyconfig.h` for a processor.

    Debian keeps one per processor beside the folder, and in it a file that includes the right one. Elsewhere there is the one
    of the machine that Python was built on. It serves for the other processor as well: what Python's headers read from it
    (sizes of types, byte order, options of the build) is the same on x86_64 and aarch64 under Linux.
    """
    machines = (machine, *(target.machine for target in TARGETS))
    beside = (folder.parent / f"{one}-linux-gnu" / folder.name / "pyconfig.h" for one in machines)
    return next((path for path in beside if path.exists()), folder / "pyconfig.h")


def read_headers(folder: Path) -> Headers:
    """The headers in a folder; HeadersError where there are none, or none of a CPython with the GIL."""
    patchlevel = folder / "patchlevel.h"
    python = (
        python_of(patchlevel.read_text(encoding="utf-8")) if patchlevel.exists() and (folder / "Python.h").exists() else None
    )
    if python is None:
        raise HeadersError(f"{folder} has no Python.h with a patchlevel.h that names the version")
    pyconfig = pyconfig_of(folder, TARGETS[0].machine)
    if not pyconfig.exists():
        raise HeadersError(f"{folder} has no pyconfig.h")
    if is_free_threaded(pyconfig.read_text(encoding="utf-8")):
        raise HeadersError(f"{folder} is of a CPython without the GIL, for which no wheels are built")
    return Headers(python, folder)


def headers_of(interpreter: str) -> Headers:
    """The headers that an interpreter says are its own."""
    program = "import sysconfig; print(sysconfig.get_path('include'))"
    try:
        said = subprocess.run([interpreter, "-I", "-c", program], capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise HeadersError(f"{interpreter} cannot be asked for its headers: {error}") from None
    return read_headers(Path(said.strip()))


def interpreters(python: str) -> list[str]:
    """Where a CPython `3.X` may be: on PATH, of pyenv, and of uv; the newest patch first."""
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR", "~/.local/share/uv/python")).expanduser()
    found = [*pyenv.glob(f"{python}.*/bin/python{python}"), *uv.glob(f"cpython-{python}.*-linux-*/bin/python{python}")]
    on_path = shutil.which(f"python{python}")
    return [*([on_path] if on_path else []), *sorted(map(str, found), reverse=True)]


def find(python: str) -> tuple[str, Headers] | None:
    """The first interpreter `3.X` that has headers, and these; Debian's python3 without python3-dev has none."""
    for interpreter in interpreters(python):
        try:
            headers = headers_of(interpreter)
        except HeadersError:
            continue
        if headers.python == python:
            return interpreter, headers
    return None


def lay_out(headers: Headers, target: Target, folder: Path) -> Path:
    """Copy the headers into `folder` with the `pyconfig.h` for the target's processor, and answer the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(headers.folder, folder)
    shutil.copyfile(pyconfig_of(headers.folder, target.machine), folder / "pyconfig.h")
    return folder
