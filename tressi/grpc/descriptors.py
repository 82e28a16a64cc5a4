"""Where the types of messages come from: a `.proto` that protoc compiles, or a file that protoc has made of one already.

Both are a FileDescriptorSet of protobuf in the end, as bytes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tressi.grpc.errors import GrpcError

if TYPE_CHECKING:
    from collections.abc import Sequence

EXTRA: Final = "which comes with the extra tressi[grpc]"
_PROTOC_S: Final = 60.0
_MOST_BYTES: Final = 64 * 1024 * 1024
_LINES_SHOWN: Final = 5


def of_protoset(file: str) -> bytes:
    """Read what `protoc --descriptor_set_out --include_imports` wrote. Raises GrpcError."""
    try:
        with Path(file).open("rb") as opened:
            data = opened.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise GrpcError(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}", "protoset") from None
    if len(data) > _MOST_BYTES:
        raise GrpcError(f"{file} is larger than {_MOST_BYTES >> 20} MiB, the most that is read", "protoset")
    return data


def of_proto(file: str, import_paths: Sequence[str]) -> bytes:
    """Compile a `.proto`, its imports looked for in `import_paths` and beside it. Raises GrpcError with protoc's own words."""
    path = Path(file)
    if not path.is_file():
        raise GrpcError(f"{file} is no file", "proto")
    for folder in import_paths:
        if not Path(folder).is_dir():
            raise GrpcError(f"{folder} is no folder", "importPaths")
    roots = tuple(dict.fromkeys(str(Path(one).resolve()) for one in (*import_paths, str(path.parent))))
    return _compiled(str(path.resolve()), roots, _stamps(path))


def _stamps(path: Path) -> tuple[int, int]:
    about = path.stat()
    return about.st_mtime_ns, about.st_size


@cache
def _compiled(file: str, roots: tuple[str, ...], stamps: tuple[int, int]) -> bytes:  # noqa: ARG001 - a changed file is another
    """Kept, because a config is looked at more than once, and protoc takes a quarter of a second.

    It runs in a process of its own: what is wrong it writes to the standard error of its process, past Python.
    """
    with tempfile.TemporaryDirectory(prefix="tressi-") as folder:
        out = Path(folder, "descriptors")
        arguments = ("--include_imports", f"--descriptor_set_out={out}", *(f"-I{root}" for root in roots), file)
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-P", "-m", "grpc_tools.protoc", *arguments],
                capture_output=True,
                text=True,
                timeout=_PROTOC_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as failure:
            raise GrpcError(f"protoc cannot be run: {failure}", "proto") from None
        if done.returncode == 0:
            return out.read_bytes()
    if "No module named" in done.stderr:
        raise GrpcError(f"needs the library grpcio-tools, {EXTRA}", "proto")
    raise GrpcError(f"protoc says {_words(done.stderr, roots)}", "proto")


def _words(said: str, roots: Sequence[str]) -> str:
    """The first lines, without the folders in which everybody knows the files to be."""
    for root in sorted(roots, key=len, reverse=True):
        said = said.replace(f"{root}/", "")
    lines = [line.strip() for line in said.splitlines() if line.strip() and "directory does not exist" not in line]
    more = len(lines) - _LINES_SHOWN
    return "; ".join(lines[:_LINES_SHOWN]) + (f"; and {more} lines more" if more > 0 else "")
