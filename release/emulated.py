"""Import the aarch64 wheel of CPython 3.11 and run the demo with it under emulation: `scripts/wheels emulate`, as root.

It needs mmdebstrap and Debian's qemu-user-static, which is registered with the kernel (binfmt_misc) where its installation,
as in a container, could not.
The packages of that Debian are only unpacked and the libraries are put there by this machine's pip: emulated, both take long.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from release import chroots
from release.trial import ROOT, WORK

FORMATS = Path("/proc/sys/fs/binfmt_misc")
REGISTERED = FORMATS / "qemu-aarch64"
DESCRIBED = Path("/usr/lib/binfmt.d/qemu-aarch64.conf")  # of qemu-user-static
PACKAGES = ("dash", "coreutils", "base-files", "base-passwd", "libc-bin", "libstdc++6", "python3.11", "ca-certificates")
GLIBCS = (17, 24, 26, 27, 28, 31, 34)  # of manylinux_2_X; pip takes each name for itself
MODULES = "_wire, _planned, _books, _values, _extract, _core, _parser, _histogram, _ledger, _h2, _tls"
IMPORT = f"import platform, tressi; from tressi import {MODULES}; print(platform.machine(), _wire.__file__)"
STEPS = {
    "import": ("python3.11", "-c", IMPORT),
    "demo": ("python3.11", "-m", "tressi", "demo", "--no-ui", "--duration", "5", "--export", "/tmp/results"),
}


def register() -> bool:
    """Have the kernel run programs for aarch64 by qemu; False where it cannot."""
    if REGISTERED.exists():
        return True
    if not DESCRIBED.exists():
        return False
    if not (FORMATS / "register").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(FORMATS)], check=False)
    with suppress(OSError):
        (FORMATS / "register").write_text(DESCRIBED.read_text(encoding="ascii"), encoding="ascii")
    return REGISTERED.exists()


def install(wheel: Path, site: Path) -> None:
    """Put the wheel and its libraries where that Debian's Python will find them."""
    shutil.rmtree(site, ignore_errors=True)
    platforms = ["manylinux2014_aarch64", *(f"manylinux_2_{minor}_aarch64" for minor in GLIBCS)]
    foreign = ["--only-binary=:all:", "--python-version=3.11", "--implementation=cp", "--abi=cp311"]
    command = [sys.executable, "-m", "pip", "install", "--quiet", f"--target={site}", *foreign]
    subprocess.run([*command, *(f"--platform={one}" for one in platforms), f"{wheel}[report]"], check=True)


def main() -> int:
    """Both steps with the wheel in `dist/`, one line each; 1 where one fails."""
    parser = argparse.ArgumentParser(prog="scripts/wheels emulate", description=__doc__)
    parser.add_argument(
        "--dist", type=Path, default=ROOT / "dist", metavar="FOLDER", help="where the wheels are (default: dist)"
    )
    wheels = sorted(parser.parse_args().dist.glob("tressi-*-cp311-*manylinux*aarch64.whl"))
    if not wheels or not register():
        print(
            "there is no aarch64 wheel" if not wheels else f"qemu is not registered: {REGISTERED} is not there", file=sys.stderr
        )
        return 1
    root = WORK / "bookworm-3.11-arm64"
    chroots.make("bookworm", PACKAGES, root, "arm64")
    install(wheels[-1], root / "opt" / "site")
    for name, command in STEPS.items():
        since = time.monotonic()
        code = chroots.run(root, list(command), user="1000:1000", cwd="/tmp", environment={"PYTHONPATH": "/opt/site"})
        print(f"{wheels[-1].name}: {name}: {'ok' if code == 0 else f'exit code {code}'} in {time.monotonic() - since:.1f} s")
        if code:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
