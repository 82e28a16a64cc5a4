"""What a wheel is built for, and what it is called."""

from __future__ import annotations

from dataclasses import dataclass

PYTHONS = ("3.11", "3.12", "3.13", "3.14")


@dataclass(frozen=True)
class Target:
    """A processor and a C library."""

    machine: str
    libc: str  # "gnu" or "musl"
    triple: str  # as zig names it; behind "gnu." the oldest glibc that the modules load with
    platforms: tuple[str, ...]  # the platform tags of PEP 600 and PEP 656, the oldest way of naming it first

    @property
    def name(self) -> str:
        """How `--target` names it."""
        return f"{self.platforms[0].partition('_')[0].rstrip('0123456789')}-{self.machine}"


def _manylinux(machine: str) -> Target:
    """For glibc 2.17, which every distribution since 2014 has; pip knew that tag as manylinux2014 before PEP 600."""
    return Target(machine, "gnu", f"{machine}-linux-gnu.2.17", (f"manylinux2014_{machine}", f"manylinux_2_17_{machine}"))


def _musllinux(machine: str) -> Target:
    """For musl 1.2, which Alpine has had since 3.13, of 2021."""
    return Target(machine, "musl", f"{machine}-linux-musl", (f"musllinux_1_2_{machine}",))


TARGETS = tuple(make(machine) for machine in ("x86_64", "aarch64") for make in (_manylinux, _musllinux))


def tags(python: str, target: Target) -> list[str]:
    """The tags of a wheel for the Python `3.X`, as its file WHEEL lists them."""
    abi = f"cp{python.replace('.', '')}"
    return [f"{abi}-{abi}-{platform}" for platform in target.platforms]


def wheel_name(version: str, python: str, target: Target) -> str:
    """The file name of PEP 427, with both platform tags in one."""
    abi = f"cp{python.replace('.', '')}"
    return f"tressi-{version}-{abi}-{abi}-{'.'.join(target.platforms)}.whl"


def module_suffix(python: str, target: Target) -> str:
    """What CPython expects behind an extension module's name there; since 3.11 it tells musl from glibc."""
    return f".cpython-{python.replace('.', '')}-{target.machine}-linux-{target.libc}.so"
