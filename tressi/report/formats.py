"""Every file of an export, by name: one module each, each a pure function of the summary."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tressi.errors import OutputError, TressiError
from tressi.report import (
    endpoints_csv,
    flows_csv,
    junit_xml,
    latency_hlog,
    report_html,
    report_xlsx,
    scaling_csv,
    summary_json,
    summary_md,
    timeline_csv,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

# In the order of their worth: where the disk fills up, the first are whole.
FORMATS: Mapping[str, Callable[[Mapping[str, Any]], bytes]] = {
    "summary.json": summary_json.render,
    "junit.xml": junit_xml.render,
    "summary.md": summary_md.render,
    "endpoints.csv": endpoints_csv.render,
    "flows.csv": flows_csv.render,
    "scaling.csv": scaling_csv.render,
    "timeline.csv": timeline_csv.render,
    "report.html": report_html.render,
    "report.xlsx": report_xlsx.render,
    "latency.hlog": latency_hlog.render,
}
_STREAMED: Final[Mapping[Callable[[Mapping[str, Any]], bytes], Callable[[Mapping[str, Any]], Iterable[bytes]]]] = {
    summary_json.render: summary_json.pieces,
    timeline_csv.render: timeline_csv.pieces,
}
# A summary says at its beginning when its run began, so that the rest of it need not be read.
_HEAD_BYTES: Final = 4096
_STARTED_AT: Final = re.compile(rb'"startedAt":\s*"([^"]{1,40})"')


class Export(NamedTuple):
    """What has become of an export: files written, why others were left out, and what went wrong with the rest."""

    written: list[Path]
    left_out: list[str]
    failures: list[Exception]

    def check(self) -> None:
        """Raise the first failure, where there is one."""
        if self.failures:
            raise self.failures[0]


def write_export(
    summary: Mapping[str, Any],
    directory: str | os.PathLike[str],
    log: Iterable[bytes] | None = None,
    timeline: Iterable[bytes] | None = None,
    *,
    there: Collection[str] = (),
) -> Export:
    """Write every format into `directory`, each file whole or not at all. A file that cannot be written costs no other.

    `log` is the `latency.hlog` of a run in pieces and `timeline` its `timeline.csv`, both finer than those that a summary
    makes; those that `there` names are in the directory already, and give way to what comes before them where the disk is
    full. Raises nothing: a file whose library is not installed is
    left out, whatever else goes wrong is a failure.
    """
    export = Export([], [], [])
    finer = {"latency.hlog": log, "timeline.csv": timeline}
    for name, render in FORMATS.items():
        path = Path(directory) / name
        try:
            if name in there:
                there = ()  # what comes now is worth less
            elif not _fits(path, finer.get(name) or _pieces(render, summary, path.parent), there):
                there = ()
                write_whole(path, _pieces(render, summary, path.parent))
        except OutputError as failure:
            export.failures.append(failure)
        except OSError as failure:  # a renderer's own temporary files
            export.failures.append(OutputError(str(path), failure.strerror or str(failure)))
        except TressiError as missing:
            older = "; the one there is of an earlier run" if path.exists() else ""
            export.left_out.append(f"{path} is left out: {missing}{older}")
        except Exception as failure:  # noqa: BLE001 - a mistake in one format must not cost the others
            export.failures.append(failure)
        else:
            export.written.append(path)
    return export


def _fits(path: Path, pieces: Iterable[bytes], there: Collection[str]) -> bool:
    """Write a file; says False where there was no room for it, and those that were there have made some."""
    try:
        write_whole(path, pieces)
    except OutputError as failure:
        reason = failure.__context__
        if not there or not isinstance(reason, OSError) or reason.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        for name in there:
            path.with_name(name).unlink(missing_ok=True)
        return False
    return True


def _pieces(render: Callable[[Mapping[str, Any]], bytes], summary: Mapping[str, Any], directory: Path) -> Iterable[bytes]:
    """A file as it is made, where that is possible: a day's run is large."""
    if render is report_xlsx.render:
        # Beside its result there is room for its parts, or there is none for the result either.
        directory.mkdir(parents=True, exist_ok=True)
        return (report_xlsx.render(summary, parts_in=directory),)
    streamed = _STREAMED.get(render)
    return streamed(summary) if streamed is not None else (render(summary),)


def earlier_run(directory: str | os.PathLike[str]) -> str | None:
    """What a directory holds that an export replaces, in words; None where it holds nothing of the kind."""
    folder = Path(directory)
    try:
        with (folder / "summary.json").open("rb") as file:
            found = _STARTED_AT.search(file.read(_HEAD_BYTES))
        if found:
            return f"a run of {datetime.fromisoformat(found[1].decode()).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OSError, ValueError):  # ValueError: no date, or no text
        pass
    return "files of an export" if any((folder / name).exists() for name in FORMATS) else None


def write_whole(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file whole, or leave what was there. Raises OutputError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_beside(path, pieces)
    except (OSError, ValueError) as failure:  # ValueError: a NUL in the name
        reason = failure.strerror if isinstance(failure, OSError) else None
        raise OutputError(str(path), reason or str(failure)) from None


def _write_beside(path: Path, pieces: Iterable[bytes]) -> None:
    """Write beside the file and put it in place: a full disk leaves what was there before."""
    descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.writelines(pieces)
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
