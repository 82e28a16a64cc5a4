"""A Debian of its own in a folder, and commands in it: the clean environment where no container engine runs. It needs root."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

MIRROR = "http://deb.debian.org/debian"
# Debian's testing suites are served with a date in their list of packages; an older copy of a mirror is as good for a trial.
OPTIONS = ('--aptopt=Acquire::Check-Valid-Until "false"',)
# What a machine behind a registry of its own needs inside, too: its names, its authorities and pip's settings. They are copied
# and never mounted: what is installed inside may write to them.
COPIED = ("/etc/resolv.conf", "/etc/hosts")
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
AUTHORITIES_INSIDE = "/opt/authorities.crt"
PASSED_ON = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_DEFAULT_TIMEOUT", "http_proxy", "https_proxy", "no_proxy")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# In namespaces of its own, so that what is mounted and what is started go with the command; of this machine's devices only
# those that every program may use.
ENTER = """
set -eu
root=$1 cwd=$2 user=$3
shift 3
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
exec chroot --userspec="$user" "$root" env -i -C "$cwd" "$@"
"""


def make(suite: str, packages: tuple[str, ...], folder: Path, architecture: str | None = None) -> None:
    """Make the smallest Debian of a suite in `folder`, with packages; what is there already is taken as it is.

    One of another architecture is only unpacked: its packages' scripts would run under emulation, for minutes.
    """
    if (folder / "made").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    variant = ["--variant=extract", f"--architectures={architecture}"] if architecture else ["--variant=minbase"]
    included = [f"--include={','.join(packages)}"] if packages else []
    subprocess.run(["mmdebstrap", "--quiet", *variant, *OPTIONS, *included, suite, str(folder), MIRROR], check=True)
    (folder / "made").touch()


def copy(folder: Path, to: Path) -> None:
    """A copy of a Debian in a folder, to be changed; hard links would change both."""
    shutil.rmtree(to, ignore_errors=True)
    subprocess.run(["cp", "-a", str(folder), str(to)], check=True)


def run(
    root: Path,
    command: list[str],
    *,
    user: str = "0:0",
    cwd: str = "/",
    environment: dict[str, str] | None = None,
    timeout_s: float = 3600,
) -> int:
    """Run a command inside as a user, with nothing of the environment outside but what reaching the registries takes."""
    outside = {name: value for name, value in os.environ.items() if name in PASSED_ON}
    inside = {"PATH": PATH, "HOME": "/tmp", "LC_ALL": "C.UTF-8", **_reach_registries(root), **outside, **(environment or {})}
    assigned = [f"{name}={value}" for name, value in inside.items()]
    enter = ["unshare", "--mount", "--pid", "--fork", "sh", "-c", ENTER, "enter", str(root), cwd, user]
    return subprocess.run([*enter, *assigned, *command], check=False, timeout=timeout_s, env={"PATH": PATH}).returncode


def _reach_registries(root: Path) -> dict[str, str]:
    """Copy in what reaching the registries takes, and answer the variables that name it."""
    for place in COPIED:
        if Path(place).exists():
            (root / place[1:]).unlink(missing_ok=True)
            shutil.copyfile(place, root / place[1:])
    if not Path(AUTHORITIES).exists():
        return {}
    shutil.copyfile(AUTHORITIES, root / AUTHORITIES_INSIDE[1:])
    return dict.fromkeys(("PIP_CERT", "SSL_CERT_FILE"), AUTHORITIES_INSIDE)
