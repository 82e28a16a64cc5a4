"""What the command line says of an import, and what an import comes to."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tressi.imports.request import Wanted
    from tressi.imports.secrets import Variable

# Nobody knows what the target can bear: the load of `tressi init`.
TOTAL_RPS: Final = 10


@dataclass(frozen=True, slots=True)
class Options:
    """What an import takes, and what it makes of it.

    `only` are patterns of paths, `hosts` of hosts; without any, everything is taken. `base_url` is where the document's
    requests go instead. `folder` leads from the config's directory to the one in which the import runs, "" for the same.
    """

    wanted: Wanted | None = None
    only: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    total_rps: int | None = None
    base_url: str | None = None
    folder: str = ""

    def takes_path(self, path: str) -> bool:
        """Whether a path is one of those that are wanted."""
        return not self.only or any(fnmatchcase(path, pattern) for pattern in self.only)

    def takes_host(self, host: str) -> bool:
        """Whether a host is one of those that are wanted."""
        bare = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
        return any(fnmatchcase(one, pattern.lower()) for pattern in self.hosts for one in {host.lower(), bare.lower()})


@dataclass(frozen=True, slots=True)
class Imported:
    """A config, what to set in the environment before it runs, and what is different or was left out, in sentences."""

    document: Mapping[str, Any]
    variables: tuple[Variable, ...]
    notes: tuple[str, ...]
