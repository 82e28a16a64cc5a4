"""What the flags of the command line, or a program, lay over a config."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tressi.model import Transport


@dataclass(frozen=True, slots=True)
class Overrides:
    """What replaces the file's top-level settings; None leaves them. Times are seconds, `export` a directory.

    `insecure` takes any certificate; `source_addresses` are IP addresses of this machine to connect from, in turn;
    `transport` None: whichever the config needs. `mask_headers` names headers whose values are secrets, beside those that
    always are, and `masks` what else is a secret (`query:NAME`, `header:NAME`, `body:/path`). `fail_if` are conditions that
    fail the run where they hold, beside the config's thresholds. `strict` refuses a config with any property that is
    unknown. `scale` multiplies every rate and bound of workers. `env_files` are files of variables for the `${NAME}` of the
    config, beside the environment.
    """

    duration: int | None = None
    rps: int | None = None
    max_requests: int | None = None
    workers: int | None = None
    concurrent_requests: int | None = None
    ramp_up_time: int | None = None
    base_url: str | None = None
    timeout: float | None = None
    connect_timeout: float | None = None
    connections_per_second: float | None = None
    graceful_stop: float | None = None
    seed: int | None = None
    export: str | None = None
    insecure: bool = False
    source_addresses: tuple[str, ...] = ()
    transport: Transport | None = None
    mask_headers: tuple[str, ...] = ()
    masks: tuple[str, ...] = ()
    fail_if: tuple[str, ...] = ()
    strict: bool = False
    scale: float | None = None
    env_files: tuple[str, ...] = ()

    def settings(self) -> dict[str, Any]:
        """Return what was given, by config key."""
        given = {field.name: getattr(self, field.name) for field in fields(self) if field.name in _SETTINGS}
        return {_camel(name): value for name, value in given.items() if value is not None}


_SETTINGS = frozenset(field.name for field in fields(Overrides)) - {
    "insecure",
    "source_addresses",
    "transport",
    "mask_headers",
    "masks",
    "fail_if",
    "strict",
    "scale",
    "env_files",
}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def kebab(name: str) -> str:
    """`maxWorkers` as a flag has it, `max-workers`."""
    if name == "maxRequests":
        return "requests"
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name)
