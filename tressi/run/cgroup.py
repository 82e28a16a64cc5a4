"""What a cgroup's quota leaves of the CPU: how many cores, and for how long it has stopped us.

A container that may use two cores of sixty-four still sees sixty-four, and the kernel stops it for the rest of each period
once its share is used up. Version 2 of the interface says it in `cpu.max` and `cpu.stat`, version 1 in `cpu.cfs_quota_us`,
`cpu.cfs_period_us` and `cpu.stat`; both may be mounted. A quota binds all cgroups below it, so every parent is asked too, as
far up as this process can see.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CPU: Final = "cpu"
_ESCAPE: Final = re.compile(r"\\([0-7]{3})")
# In `cpu.stat`: the name of the time stopped, and how many of its units are a second.
_THROTTLED: Final = {"throttled_usec": 1e6, "throttled_time": 1e9}


class Mount(NamedTuple):
    """A mounted hierarchy that has a say about CPU time: which part of it (`root`) is mounted where."""

    version: int
    root: str
    place: str


def mounts_of(mountinfo: str) -> Iterator[Mount]:
    """The hierarchies among the lines of /proc/self/mountinfo."""
    for line in mountinfo.splitlines():
        fields, _, described = line.partition(" - ")
        _, _, _, root, place, *_ = [*fields.split(" "), "", "", "", "", ""]
        kind, _, options = [*described.split(" ", 2), "", "", ""][:3]
        if kind == "cgroup2":
            yield Mount(2, _unescaped(root), _unescaped(place))
        elif kind == "cgroup" and _CPU in options.split(","):
            yield Mount(1, _unescaped(root), _unescaped(place))


def paths_of(cgroups: str) -> dict[int, str]:
    """By version the path of this process, of the lines of /proc/self/cgroup."""
    found = {}
    for line in cgroups.splitlines():
        number, controllers, path = [*line.split(":", 2), "", ""][:3]
        if number == "0" and not controllers:
            found[2] = path
        elif _CPU in controllers.split(","):
            found[1] = path
    return found


def folders_of(cgroups: str, mountinfo: str) -> list[tuple[int, str]]:
    """The folders of every cgroup that binds this process, each with its version, the innermost first."""
    paths, folders, seen = paths_of(cgroups), list[tuple[int, str]](), set[int]()
    for mount in mounts_of(mountinfo):
        if mount.version in seen or mount.version not in paths:
            continue
        seen.add(mount.version)
        folder = PurePosixPath(mount.place) / _below(paths[mount.version], mount.root)
        while True:
            folders.append((mount.version, str(folder)))
            if folder in {PurePosixPath(mount.place), folder.parent}:
                break
            folder = folder.parent
    return folders


def cores_of_max(text: str) -> float | None:
    """The cores that the text of a `cpu.max` grants; None without a limit or for text of another kind."""
    quota, _, period = text.strip().partition(" ")
    return _ratio(quota, period or "100000")


def cores_of_quota(quota_us: str, period_us: str) -> float | None:
    """The same of `cpu.cfs_quota_us` and `cpu.cfs_period_us`."""
    return _ratio(quota_us.strip(), period_us.strip())


def throttled_of(text: str) -> float | None:
    """For how many seconds a `cpu.stat` says that its cgroup was stopped, over all cores; None where it does not say."""
    for line in text.splitlines():
        name, _, value = line.strip().partition(" ")
        if name in _THROTTLED and value.isdecimal():
            return int(value) / _THROTTLED[name]
    return None


def whole_cores(cores: float | None, at_hand: int) -> int:
    """How many engines a quota leaves of the available cores: rounded down, because the next would be stopped, but one."""
    return at_hand if cores is None else max(1, min(at_hand, int(cores)))


class Quota:
    """The quotas that bind this process; `root` is where its file system begins."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._folders: Sequence[tuple[int, str]] = folders_of(self._read("proc/self/cgroup"), self._read("proc/self/mountinfo"))

    def cores(self) -> float | None:
        """The cores that the tightest of them grants, as a fraction; None without any."""
        found = (self._cores(version, folder) for version, folder in self._folders)
        return min((cores for cores in found if cores is not None), default=None)

    def throttled_s(self) -> float | None:
        """For how long they have stopped processes of their cgroups since these began, over all cores; None without any.

        Only its growth says something: a cgroup may be older than this process.
        """
        found = [throttled_of(self._read(f"{folder}/cpu.stat")) for _, folder in self._folders]
        # A sum, so that it grows whichever of them stops us.
        return sum(one for one in found if one is not None) if any(one is not None for one in found) else None

    def _cores(self, version: int, folder: str) -> float | None:
        if version == 1:
            return cores_of_quota(self._read(f"{folder}/cpu.cfs_quota_us"), self._read(f"{folder}/cpu.cfs_period_us"))
        return cores_of_max(self._read(f"{folder}/cpu.max"))

    def _read(self, place: str) -> str:
        """A file's text; nothing where there is none, as on another system, or where it may not be read."""
        with suppress(OSError):
            return (self._root / place.lstrip("/")).read_text(encoding="utf-8", errors="replace")
        return ""


@cache
def own_quota() -> Quota:
    """Of this process. Its cgroup is looked up once: a process is put into one before it starts."""
    return Quota()


def throttled_s() -> float | None:
    """For how long a quota has stopped this process and its neighbours in the cgroup; see `Quota.throttled_s`."""
    return own_quota().throttled_s()


def _below(path: str, root: str) -> str:
    """A cgroup's path below the part of the hierarchy that is mounted; nothing where it lies elsewhere or above."""
    base = root.rstrip("/")
    if path == base or not path.startswith(f"{base}/") or ".." in PurePosixPath(path).parts:
        return ""
    return path.removeprefix(base).strip("/")


def _ratio(quota: str, period: str) -> float | None:
    """`max` and -1 are no limit."""
    if not (quota.isdecimal() and period.isdecimal()) or int(period) == 0:
        return None
    return int(quota) / int(period)


def _unescaped(text: str) -> str:
    """Blanks are written as their octal codes."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 8)), text)
