"""Every file of an export, by name: one module each, each a pure function of the summary."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tressi.errors import OutputError
from tressi.report import endpoints_csv, report_html, summary_json, timeline_csv

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FORMATS: Mapping[str, Callable[[Mapping[str, Any]], bytes]] = {
    "summary.json": summary_json.render,
    "endpoints.csv": endpoints_csv.render,
    "timeline.csv": timeline_csv.render,
    "report.html": report_html.render,
}


def write_export(summary: Mapping[str, Any], directory: str | os.PathLike[str]) -> list[Path]:
    """Write every format into `directory`, each file whole or not at all; returns their paths.

    A file that cannot be written costs no other. Raises the first OutputError when all have been tried.
    """
    written, failures = [], []
    for name, render in FORMATS.items():
        path, data = Path(directory) / name, render(summary)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_whole(path, data)
        except (OSError, ValueError) as failure:  # ValueError: a NUL in the name
            reason = failure.strerror if isinstance(failure, OSError) else None
            failures.append(OutputError(str(path), reason or str(failure)))
        else:
            written.append(path)
    if failures:
        raise failures[0]
    return written


def _write_whole(path: Path, data: bytes) -> None:
    """Write beside the file and put it in place: a full disk leaves what was there before."""
    descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        # A temporary file is for its owner alone; a result is like any other file.
        Path(beside).chmod(0o666 & ~_umask())
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def _umask() -> int:
    """The process's mask for new files, which can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
