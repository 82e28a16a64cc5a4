"""Outputs that belong to one run at a time: two that write to one place would overwrite each other without a word.

The claim is an advisory lock (flock) on the directory or the file itself. It ends with the process that holds it, however
that ends, so that a killed run leaves none behind. A file system without such locks is written to without a claim.
"""

from __future__ import annotations

import fcntl
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from tressi.errors import ConfigError, ConfigProblem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

# O_NONBLOCK: the path may be a pipe that no program reads. Nothing is emptied: the place may be another run's.
_FLAGS: Final = os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


class Claims:
    """Claims the given outputs for a `with`: paths by the flag or property that names them, None and `-` being none.

    Entering raises ConfigError where another run, or another flag of this one, has one of them.
    """

    def __init__(self, outputs: Mapping[str, str | None]) -> None:
        self._outputs = {place: path for place, path in outputs.items() if path not in {None, "-"}}
        self._held: dict[str, int] = {}

    def __enter__(self) -> Self:
        try:
            for place, path in self._outputs.items():
                self._claim(place, str(path))
        except BaseException:
            self.release(*self._held)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release(*self._held)

    def release(self, *places: str) -> None:
        """Give outputs up before the end, such as those that are written; what is not held is no mistake."""
        for place in places:
            if place in self._held:
                os.close(self._held.pop(place))

    def _claim(self, place: str, path: str) -> None:
        # What cannot be opened or locked is told by who writes to it, or can be written to without a lock.
        with suppress(OSError, ValueError):  # ValueError: a NUL in the name
            descriptor = _opened(path)
            if descriptor is None:
                return
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                refusal = self._refusal(place, path, descriptor)
                os.close(descriptor)
                raise refusal from None
            except OSError:
                os.close(descriptor)
                raise
            self._held[place] = descriptor

    def _refusal(self, place: str, path: str, descriptor: int) -> ConfigError:
        wanted = os.fstat(descriptor)
        ours = next((other for other, held in self._held.items() if os.path.samestat(os.fstat(held), wanted)), None)
        if ours is not None:
            return ConfigError([ConfigProblem(place, f"{path!r} is where {ours} goes: name another place for one")])
        what = "directory" if stat.S_ISDIR(wanted.st_mode) else "file"
        remedy = f"wait for its end, or name another {what}"
        return ConfigError(
            [ConfigProblem(place, f"{path!r} is being written by another run, and only one at a time may: {remedy}")]
        )


def _opened(path: str) -> int | None:
    """A descriptor of a directory or a regular file, which is made where it is not; None for any other thing."""
    place = Path(path)
    if place.is_dir():
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | _FLAGS)
    if place.exists() and not place.is_file():
        return None  # to a pipe or a terminal several may write
    return os.open(path, os.O_WRONLY | os.O_CREAT | _FLAGS, 0o666)
