"""Carry out the Dockerfile's steps in chroots of its base and run the demo as its user: `scripts/docker-steps`, as root.

This shows that every RUN, COPY, ENV, USER and WORKDIR works on that Debian, and that the ENTRYPOINT runs as the user.
It cannot show the engine's own part: layers, the registry's base image, signals to process 1 and mounted folders.
"""

from __future__ import annotations

import shutil
import sys
import time
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from release import chroots
from release.dockerfile import Copy, Stage, copy_of, entry_of, environment_of, stages, suite_of

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "release" / "steps"
UNPACKED = ("_*.c", "*.so", "__pycache__")  # what .dockerignore leaves out of the folders that are copied


@dataclass
class Room:
    """A stage under way: its folder, and what the steps so far have set."""

    root: Path
    user: str = "0:0"
    folder: str = "/"
    environment: dict[str, str] = field(default_factory=dict)


def user_of(root: Path, name: str) -> str:
    """The ids of a user in a folder's /etc/passwd, as `chroot --userspec` takes them."""
    rows = [line.split(":") for line in (root / "etc/passwd").read_text(encoding="utf-8").splitlines()]
    return next(f"{row[2]}:{row[3]}" for row in rows if row[0] == name)


def copy_in(one: Copy, room: Room, from_root: Path) -> None:
    """Carry out a COPY: a folder's contents go to the place, several files into it."""
    to = room.root / Path(room.folder, one.to).relative_to("/")
    for source in one.sources:
        place = from_root / source.lstrip("/")
        if place.is_dir():
            shutil.copytree(
                place,
                to,
                dirs_exist_ok=True,
                ignore=lambda _, names: {n for n in names if any(fnmatch(n, p) for p in UNPACKED)},
            )
        else:
            to.mkdir(parents=True, exist_ok=True)
            shutil.copy2(place, to)


def carry_out(stage: Stage, room: Room, made: dict[str, Path]) -> int:
    """The steps of a stage in order; the exit code of the first that fails, or 0."""
    for step in stage.steps:
        since, code = time.monotonic(), 0
        if step.word == "RUN":
            command = ["sh", "-c", step.text]
            code = chroots.run(room.root, command, user=room.user, cwd=room.folder, environment=room.environment)
        elif step.word == "COPY":
            one = copy_of(step)
            copy_in(one, room, made[one.stage] if one.stage else ROOT)
        elif step.word == "ENV":
            room.environment |= environment_of(step)
        elif step.word == "USER":
            room.user = user_of(room.root, step.text)
        elif step.word == "WORKDIR":
            room.folder = step.text
            (room.root / step.text.lstrip("/")).mkdir(parents=True, exist_ok=True)
        print(f"{time.monotonic() - since:6.1f} s  {step.word} {step.text}{f': exit code {code}' if code else ''}", flush=True)
        if code:
            return code
    return 0


def build(text: str) -> tuple[Room, Stage, int]:
    """All stages of a Dockerfile; the last one with its room, and an exit code."""
    made: dict[str, Path] = {}
    for number, stage in enumerate(stages(text)):
        suite = suite_of(stage.base)
        chroots.make(suite, (), WORK / suite)
        root = WORK / f"stage-{number}"
        chroots.copy(WORK / suite, root)
        room = Room(root)
        made[stage.name or str(number)] = root
        print(f"stage {stage.name or number}, from {stage.base}", flush=True)
        code = carry_out(stage, room, made)
        if code:
            break
    return room, stage, code


def main() -> int:
    """Build, and run the demo as the image's user with its results in the image's folder."""
    room, stage, code = build((ROOT / "Dockerfile").read_text(encoding="utf-8"))
    if code:
        return code
    command = [*entry_of(stage), "demo", "--duration", "5", "--export", "results"]
    code = chroots.run(room.root, command, user=room.user, cwd=room.folder, environment=room.environment)
    results = sorted(path.name for path in (room.root / room.folder.lstrip("/") / "results").glob("*"))
    print(f"{' '.join(command)} as {room.user}: exit code {code}, {len(results)} files: {', '.join(results)}")
    size = sum(path.stat().st_size for path in room.root.rglob("*") if path.is_file() and not path.is_symlink())
    print(f"the last stage has {size / 1e6:.0f} MB")
    return code


if __name__ == "__main__":
    sys.exit(main())
