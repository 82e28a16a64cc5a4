"""Put a wheel together, and have its tag checked."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

from release.targets import Target, tags, wheel_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from release.compiling import Build
    from release.sources import Prepared

EPOCH = (1980, 1, 1, 0, 0, 0)  # one time for every file, so that the same sources give the same wheel


class TagError(Exception):
    """A wheel that needs more than its tag promises."""


def wheel_text(python: str, target: Target) -> str:
    """The file WHEEL of PEP 427."""
    lines = ["Wheel-Version: 1.0", "Generator: tressi scripts/wheels", "Root-Is-Purelib: false"]
    return "\n".join([*lines, *(f"Tag: {tag}" for tag in tags(python, target)), ""])


def record_text(files: Iterable[tuple[str, bytes]], record: str) -> str:
    """The file RECORD: each file with its hash and its size in bytes, and itself without."""
    lines = []
    for name, content in files:
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(content)}")
    return "\n".join([*lines, f"{record},,", ""])


def files_below(folder: Path) -> dict[str, bytes]:
    """Every file by its name in the wheel."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assemble(prepared: Prepared, build: Build, dist: Path) -> Path:
    """Write the wheel of a build into `dist`."""
    files = {**files_below(prepared.tree), **files_below(build.output)}
    files[f"{prepared.dist_info}/WHEEL"] = wheel_text(build.python, build.target).encode()
    # The metadata stands at the end, as PEP 427 recommends.
    ordered = sorted(files.items(), key=lambda item: (item[0].startswith(prepared.dist_info), item[0]))
    record = f"{prepared.dist_info}/RECORD"
    ordered.append((record, record_text(ordered, record).encode()))
    path = dist / wheel_name(prepared.version, build.python, build.target)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in ordered:
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if name.endswith(".so") else 0o100644) << 16
            archive.writestr(entry, content)
    return path


def allowed_tag(said: str) -> str | None:
    """The platform tag that `auditwheel show` finds a wheel fit for; None where it names none."""
    match = re.search(r'consistent\s+with\s+the\s+following\s+platform\s+tag:\s+"([^"]+)"', said)
    return match[1] if match else None


def needs_musl_alone(said: str) -> bool:
    """Whether `auditwheel show` names musl as the one library that a wheel needs.

    zig links it by its name `libc.so`, which musl's loader takes for itself; auditwheel knows only the name that Alpine links.
    """
    listed = re.search(r"required by the wheel:\s*(\{[^}]*\})", said)
    return listed is not None and re.findall(r'"([^"]+)":', listed[1]) == ["libc.so"]


def check_tag(wheel: Path, target: Target) -> None:
    """TagError where the modules need other libraries or newer symbols of the C library than the wheel's tag promises."""
    command = [sys.executable, "-m", "auditwheel", "show", str(wheel)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    allowed = allowed_tag(done.stdout)
    if target.libc == "musl" and needs_musl_alone(done.stdout):
        return
    if allowed not in {*target.platforms, *_older(target)}:
        raise TagError(f"{wheel.name} is fit for {allowed} only, not for {target.platforms[-1]}: {done.stdout}{done.stderr}")


def _older(target: Target) -> set[str]:
    """Tags that promise more than the target's: an older C library."""
    if target.libc == "musl":
        return {f"musllinux_1_1_{target.machine}"}
    return {f"manylinux_2_{minor}_{target.machine}" for minor in range(5, 17)}
