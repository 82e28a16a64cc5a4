"""Install each wheel of this processor where there is no compiler, run the demo with it, and the checkout's pure tests.

`python -m release.trial` takes the wheels from `dist/`. Debian has CPython 3.11 in bookworm, 3.13 in trixie and 3.14 in forky;
another version is copied from an interpreter of this machine (`--python`) with its libraries, into a bookworm.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from release import chroots
from release.headers import find
from release.targets import PYTHONS

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "release" / "trial"
SUITES = {"3.11": "bookworm", "3.13": "trixie", "3.14": "forky"}
LIBRARIES = (
    "libssl3 libffi8 libsqlite3-0 libbz2-1.0 liblzma5 zlib1g libncursesw6 libreadline8 libuuid1 libexpat1 ca-certificates"
)
COMPILERS = ("cc", "gcc", "clang", "c++", "tcc")
CHECKOUT = ("tressi", "tests", "bench", "fuzz", "examples", "docs", "scripts", "release", "pyproject.toml", "setup.py")
BESIDE = ("*.md", "LICENSE", "MANIFEST.in", "Dockerfile", ".dockerignore", "action.yml", ".gitignore")
# The installed package comes before the checkout in what Python looks through. The checkout's own has no extension modules
# here, so that a test that found it would fail at once.
SITE = """site=$(/opt/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"""
PYTEST = "/opt/venv/bin/pytest -q -p no:cacheprovider -o pythonpath= --import-mode=append --lane pure"


@dataclass(frozen=True)
class Step:
    """Something tried, as one line of the result."""

    name: str
    command: str
    user: str = "0:0"
    cwd: str = "/tmp"


def steps(wheel: str, python: str) -> list[Step]:
    """What is tried with one wheel, in this order; the first that fails ends it."""
    no_compiler = " && ".join(f"! command -v {one}" for one in COMPILERS)
    tressi = "/opt/venv/bin/tressi"
    return [
        Step("no compiler", no_compiler),
        Step(
            "install", f"{python} -m venv /opt/venv && /opt/venv/bin/pip install -q --only-binary :all: '/wheels/{wheel}[all]'"
        ),
        Step("demo", f"{tressi} --version && {tressi} demo --duration 5 --export /tmp/results && ls /tmp/results", "1000:1000"),
        Step("what the tests need", f"/opt/venv/bin/pip install -q --retries 10 '/wheels/{wheel}[all,test]'"),
        Step("pure tests", f'{SITE}; PYTHONSAFEPATH=1 PYTHONPATH="$site:/checkout" {PYTEST}', cwd="/checkout"),
    ]


def lay_checkout(folder: Path) -> None:
    """The checkout as the tests need it: with the sources that some of them read, without any extension module."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    ignored = shutil.ignore_patterns("*.so", "_*.c", "__pycache__")
    for name in CHECKOUT:
        place = ROOT / name
        if place.is_dir():
            shutil.copytree(place, folder / name, ignore=ignored)
        else:
            shutil.copy2(place, folder)
    for pattern in BESIDE:
        for path in ROOT.glob(pattern):
            shutil.copy2(path, folder)


def lay_interpreter(interpreter: str, root: Path) -> str:
    """Copy an interpreter of this machine with its library; answer its path inside."""
    program = "import sys; print(sys.base_prefix)"
    said = subprocess.run([interpreter, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    prefix = Path(said.stdout.strip())
    # Not to where it was: a home folder is closed to the user that runs the demo. CPython finds its library beside itself.
    shutil.copytree(prefix, root / "opt/python", symlinks=True, ignore=shutil.ignore_patterns("test", "__pycache__"))
    (root / "etc/ld.so.conf.d/python.conf").write_text("/opt/python/lib\n", encoding="utf-8")
    chroots.run(root, ["ldconfig"])
    return f"/opt/python/bin/{Path(interpreter).name}"


def lay_root(python: str, interpreter: str | None) -> tuple[Path, str]:
    """A Debian with this Python, for one trial; its folder, and the interpreter's path in it."""
    suite = "bookworm" if interpreter else SUITES[python]
    packages = tuple(LIBRARIES.split()) if interpreter else (f"python{python}", f"python{python}-venv", "ca-certificates")
    made, root = WORK / f"{suite}-{'copied' if interpreter else python}", WORK / f"root-{python}"
    chroots.make(suite, packages, made)
    chroots.copy(made, root)
    (root / "wheels").mkdir()
    inside = lay_interpreter(interpreter, root) if interpreter else f"python{python}"
    lay_checkout(root / "checkout")
    return root, inside


def try_wheel(wheel: Path, python: str, interpreter: str | None) -> bool:
    """All steps with one wheel, one line each."""
    root, inside = lay_root(python, interpreter)
    shutil.copy2(wheel, root / "wheels")
    for step in steps(wheel.name, inside):
        since = time.monotonic()
        code = chroots.run(root, ["sh", "-c", step.command], user=step.user, cwd=step.cwd)
        print(
            f"{wheel.name}: {step.name}: {'ok' if code == 0 else f'exit code {code}'} in {time.monotonic() - since:.1f} s",
            flush=True,
        )
        if code:
            return False
    shutil.rmtree(root)
    return True


def main() -> int:
    """Try the wheels for glibc and x86_64 of every version asked for; 1 where one is missing or fails."""
    parser = argparse.ArgumentParser(prog="scripts/wheels try", description=__doc__)
    parser.add_argument("--only", action="append", choices=PYTHONS, metavar="3.X", help="only for this Python; may be repeated")
    parser.add_argument(
        "--dist", type=Path, default=ROOT / "dist", metavar="FOLDER", help="where the wheels are (default: dist)"
    )
    args = parser.parse_args()
    good = True
    for python in args.only or PYTHONS:
        wheels = sorted(args.dist.glob(f"tressi-*-cp{python.replace('.', '')}-*manylinux*x86_64.whl"))
        found = None if python in SUITES else find(python)
        if not wheels or (python not in SUITES and found is None):
            print(f"{python}: {'no interpreter to copy' if wheels else 'no wheel'}", file=sys.stderr)
            good = False
        else:
            good = try_wheel(wheels[-1], python, found[0] if found else None) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
