"""Read a Dockerfile into its stages and steps: as much of the language as this project's own uses, and nothing else quietly."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass

WORDS = {"ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "RUN", "USER", "WORKDIR"}


class DockerfileError(Exception):
    """A line that is not understood."""


@dataclass(frozen=True)
class Step:
    """One instruction, its lines joined."""

    word: str
    text: str


@dataclass(frozen=True)
class Stage:
    """What stands below one FROM."""

    base: str
    name: str | None
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Copy:
    """A COPY: files of the context, or of an earlier stage, into a folder or to a name."""

    stage: str | None
    sources: tuple[str, ...]
    to: str


def instructions(text: str) -> list[Step]:
    """The instructions in order; comments are left out, and a backslash at a line's end joins the next to it."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
    found = [line.strip().partition(" ") for line in joined.splitlines()]
    return [Step(word.upper(), rest.strip()) for word, _, rest in found]


def stages(text: str) -> list[Stage]:
    """The stages in order; DockerfileError names an instruction that is not among WORDS."""
    found: list[Stage] = []
    for step in instructions(text):
        if step.word == "FROM":
            base, _, name = step.text.partition(" AS ")
            found.append(Stage(base.strip(), name.strip() or None, ()))
        elif step.word not in WORDS or not found:
            raise DockerfileError(f"the instruction {step.word} {step.text} is not understood")
        else:
            found[-1] = Stage(found[-1].base, found[-1].name, (*found[-1].steps, step))
    return found


def copy_of(step: Step) -> Copy:
    """What a COPY copies; its one option is --from."""
    words = step.text.split()
    options = [word for word in words if word.startswith("--")]
    if any(not option.startswith("--from=") for option in options):
        raise DockerfileError(f"the option in COPY {step.text} is not understood")
    *sources, to = [word for word in words if not word.startswith("--")]
    return Copy(options[0].removeprefix("--from=") if options else None, tuple(sources), to)


def environment_of(step: Step) -> dict[str, str]:
    """The variables that an ENV sets."""
    return dict(word.split("=", 1) for word in shlex.split(step.text))


def last(stage: Stage, word: str, otherwise: str) -> str:
    """The text of the last instruction of a word."""
    return next((step.text for step in reversed(stage.steps) if step.word == word), otherwise)


def entry_of(stage: Stage) -> list[str]:
    """The command of the image: its ENTRYPOINT, in the form of a list."""
    return [str(word) for word in json.loads(last(stage, "ENTRYPOINT", "[]"))]


def suite_of(base: str) -> str:
    """The suite of Debian that a base image is made of, as `trixie` for `debian:trixie-slim`."""
    match = re.fullmatch(r"debian:([a-z]+)-slim", base)
    if match is None:
        raise DockerfileError(f"the base {base} is no slim Debian, and no chroot can be made of it")
    return match[1]
