"""What can go wrong, as a tree: whose fault it is, is the type.

TressiError
├── ConfigError            the config file, a flag or an argument is wrong; carries every problem found, not the first
├── EngineError            an engine could not start, or was lost
└── OutputError            a result could not be written

`str()` of each is the sentence for a person: place, value, rule, remedy.
On the hot path an error is a counter, never an exception.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tressi.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ConfigError", "ConfigProblem", "EngineError", "OutputError", "TressiError", "missing_engine"]


class TressiError(Exception):
    """The root of every error that tressi raises on purpose."""


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One broken rule: `path` is the JSON path of the place (`requests[2].url`), `message` the value and the rule."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class ConfigError(TressiError):
    """A config, flag or argument breaks at least one rule; `problems` has them all, in document order."""

    def __init__(self, problems: Sequence[ConfigProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class EngineError(TressiError):
    """An engine could not be started, or was lost while it ran."""


class OutputError(TressiError):
    """A summary or an export could not be written; `path` is where it should have gone."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        super().__init__(f"cannot write {path}: {reason}")


def missing_engine(error: ImportError) -> EngineError | None:
    """What to say instead of an ImportError of the compiled modules, which Windows lacks; None for any other."""
    if error.name not in {"tressi._core", "tressi._wire"}:
        return None
    return EngineError(
        "tressi's engine is missing here: it needs Linux, macOS or another POSIX system and a C compiler when tressi is "
        "installed; on Windows, run it in WSL or in a container"
    )
