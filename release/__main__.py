"""Build the source distribution and the wheels: `scripts/wheels` makes the environment that this runs in."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from release.assembling import TagError, assemble, check_tag
from release.compiling import Build, compile_all
from release.headers import Headers, HeadersError, find, headers_of, lay_out, read_headers
from release.sources import Prepared, make_sdist, prepare
from release.targets import PYTHONS, TARGETS, Target

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "release"


def arguments() -> argparse.Namespace:
    """What to build, from where, into which folder."""
    parser = argparse.ArgumentParser(prog="scripts/wheels", description="Build the sdist and the wheels of this checkout.")
    parser.add_argument("--only", action="append", choices=PYTHONS, metavar="3.X", help="only for this Python; may be repeated")
    parser.add_argument("--python", action="append", default=[], metavar="PATH", help="an interpreter that has its headers")
    parser.add_argument("--headers", action="append", default=[], type=Path, metavar="FOLDER", help="a folder with Python.h")
    names = [target.name for target in TARGETS]
    parser.add_argument(
        "--target", action="append", choices=names, help="only for this processor and C library; may be repeated"
    )
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", metavar="FOLDER", help="where the files go (default: dist)")
    parser.add_argument("--jobs", type=int, default=1, help="modules compiled at a time (default: 1)")
    return parser.parse_args()


def chosen_headers(args: argparse.Namespace) -> list[Headers]:
    """The headers named, and those found for the other versions; a version without is said on standard error."""
    named = [*map(headers_of, args.python), *map(read_headers, args.headers)]
    by_python = {headers.python: headers for headers in named}
    for python in args.only or PYTHONS:
        found = None if python in by_python else find(python)
        if found:
            by_python[python] = found[1]
        elif python not in by_python:
            print(f"{python}: no interpreter with headers was found: its wheels are left out", file=sys.stderr)
    return [by_python[python] for python in args.only or PYTHONS if python in by_python]


def build_one(prepared: Prepared, headers: Headers, target: Target, args: argparse.Namespace) -> Path:
    """One wheel, its tag checked."""
    place = f"{headers.python}-{target.name}"
    build = Build(headers.python, target, lay_out(headers, target, WORK / "include" / place), WORK / "modules" / place)
    compile_all(prepared, build, args.jobs, WORK / "cache")
    wheel = assemble(prepared, build, args.dist)
    check_tag(wheel, target)
    return wheel


def said(path: Path, since: float) -> None:
    """One line for a file that is ready."""
    print(f"{time.monotonic() - since:6.1f} s  {path.stat().st_size / 1e6:5.2f} MB  {path.name}", flush=True)


def main() -> int:
    """Build all that is asked for; 1 where something could not be built."""
    args = arguments()
    try:
        versions = chosen_headers(args)
        since = time.monotonic()
        archive = make_sdist(ROOT, WORK, args.dist)
        said(archive, since)
        since = time.monotonic()
        prepared = prepare(archive, WORK)
        print(f"{time.monotonic() - since:6.1f} s  the C files, from the sources in it", flush=True)
        targets = [target for target in TARGETS if args.target is None or target.name in args.target]
        for target in targets:
            for headers in versions:
                since = time.monotonic()
                said(build_one(prepared, headers, target, args), since)
    except (HeadersError, TagError, subprocess.CalledProcessError) as error:
        print(f"scripts/wheels: {error}", file=sys.stderr)
        return 1
    return 0 if len(versions) == len(args.only or PYTHONS) else 1


if __name__ == "__main__":
    sys.exit(main())
