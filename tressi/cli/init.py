"""`tressi init`: write a config to start from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tressi.cli.exits import Exit
from tressi.cli.output import remark, write
from tressi.config.place import printable, refusal

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

NAME = "init"
HELP = """Write a config to start from: two endpoints with a target rate each, and one that shares what is left.
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


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the file to write."""
    parser.add_argument(
        "file", nargs="?", default=DEFAULT_FILE, metavar="FILE", help=f"default: {DEFAULT_FILE}; - for standard output"
    )


def execute(arguments: Namespace) -> int:
    """Write the starter config. Raises `ConfigError` where the file exists, `OutputError` where it cannot be written."""
    file: str = arguments.file
    if file != "-" and Path(file).exists():
        raise refusal(f"{printable(file)} exists; name another file, or remove it first")
    write(json.dumps(STARTER, indent=2), file)
    if file != "-":
        remark(f"wrote {printable(file)}; for an editor: tressi schema > {SCHEMA_FILE}")
    return Exit.DONE
