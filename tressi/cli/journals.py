"""Where a run's journal lies: opened before the run, found by `tressi recover`, removed once the results are written."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from tressi.cli.output import remark
from tressi.config.messages import printable
from tressi.errors import ConfigError, ConfigProblem
from tressi.run.journal import NAME, Journal

_ASIDE: Final = "run-%Y%m%dT%H%M%SZ.journal"


def open_journal(directory: str, place: str) -> Journal:
    """A new journal in `directory`, which `place` of the command line or the config names. Raises ConfigError.

    A journal that lies there is of a run whose results were never written, so it is kept under another name.
    """
    path = Path(directory) / NAME
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _put_aside(path)
        return Journal(str(path))
    except (OSError, ValueError) as failure:  # ValueError: a NUL in the name
        reason = failure.strerror if isinstance(failure, OSError) else None
        raise ConfigError([ConfigProblem(place, f"{directory!r} cannot hold a journal: {reason or failure}")]) from None


def _put_aside(path: Path) -> None:
    try:
        written_s = path.stat().st_mtime
    except FileNotFoundError:
        return
    aside = path.with_name(time.strftime(_ASIDE, time.gmtime(written_s)))
    path.rename(aside)
    kept = printable(str(aside))
    remark(f"{printable(str(path))} is of an earlier run: it is kept as {kept} (`tressi recover {kept}` makes its results)")


def remove_journal(journal: Journal) -> None:
    """Remove the journal of a run whose results are written."""
    with suppress(OSError):
        Path(journal.path).unlink()


def find_journal(place: str) -> Path:
    """The journal at `place`, a file or a directory that holds one. Raises ConfigError."""
    path = Path(place)
    if not path.is_dir():
        return path
    found = sorted(path.glob("*.journal"))
    if path / NAME in found:
        return path / NAME
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(printable(one.name) for one in found)
        raise ConfigError([ConfigProblem(printable(place), f"it holds {len(found)} journals, name one of them: {names}")])
    said = "it holds no journal: a run writes one with --export or --journal, and removes it once its results are written"
    raise ConfigError([ConfigProblem(printable(place), said)])
