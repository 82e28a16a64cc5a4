"""`tressi init`: write a config to start from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tressi.cli.exits import Exit
from tressi.cli.output import remark, write
from tressi.config.messages import printable, quoted, refusal
from tressi.errors import ConfigError, ConfigProblem

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

NAME = "init"
HELP = """Write a config to start from, which runs as it stands. With a URL it sends that 10 requests a second; without one it
has two endpoints of `tressi target` with a target rate each, and one that shares what is left.
A file that exists is never overwritten."""

DEFAULT_FILE = "tressi.json"
SCHEMA_FILE = "tressi.schema.json"

STARTER: dict[str, Any] = {
    "$schema": f"./{SCHEMA_FILE}",
    "baseUrl": "http://127.0.0.1:8080",
    "duration": 30,
    "rampUpTime": 5,
    "headers": {"Accept": "application/json"},
    "autoscale": {"enabled": True, "targetRps": 200, "maxWorkers": 40},
    "requests": [
        {"url": "/fast", "autoscale": {"enabled": True, "targetRps": 100}},
        {"url": "/slow", "autoscale": {"enabled": True, "targetRps": 50, "minWorkers": 2}},
        {"url": "/tide", "method": "POST", "payload": {"name": "tressi"}},
    ],
}


def starter_of(url: str) -> dict[str, Any]:
    """A config for a target of the user's own: a small load, for nobody knows what it can bear."""
    return {
        "$schema": f"./{SCHEMA_FILE}",
        "duration": 30,
        "rampUpTime": 5,
        "requests": [{"url": url, "autoscale": {"enabled": True, "targetRps": 10}}],
        "workers": 20,
        "thresholds": ["errorRate < 1%", "p99 < 1s"],
    }


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the target and the file to write."""
    parser.add_argument(
        "url", nargs="?", metavar="URL", help="what the config sends requests to; default: the paths of `tressi target`"
    )
    parser.add_argument("file", nargs="?", metavar="FILE", help=f"default: {DEFAULT_FILE}; - for standard output")


def execute(arguments: Namespace) -> int:
    """Write the starter config.

    Raises ConfigError where the URL is none or the file exists, OutputError where it cannot be written.
    """
    url, file = _told_apart(arguments.url, arguments.file)
    if file != "-" and Path(file).exists():
        raise refusal(f"{printable(file)} exists; name another file, or remove it first")
    document = STARTER if url is None else starter_of(url)
    _check(url)
    write(json.dumps(document, indent=2, ensure_ascii=False), file)
    if file != "-":
        serves = "" if url else "`tressi target` serves what it asks for; "
        remark(f"wrote {printable(file)}; {serves}for an editor: tressi schema > {SCHEMA_FILE}")
    return Exit.DONE


def _check(url: str | None) -> None:
    """Raise ConfigError where a config could not have this URL."""
    if url is None:
        return
    from tressi.config.url import AddressError, address  # noqa: PLC0415 - it needs the engine, and the starter does not

    try:
        address(url)
    except AddressError as error:
        raise ConfigError([ConfigProblem("URL", str(error))]) from None


def _told_apart(first: str | None, second: str | None) -> tuple[str | None, str]:
    """Which of the two is the URL, and which the file: what has `://` in it is a URL."""
    if first is None or "://" in first:
        return first, second or DEFAULT_FILE
    if second is not None:
        raise refusal(f"{quoted(first)} is no URL, which begins with http:// or https://; FILE goes behind it")
    return None, first
