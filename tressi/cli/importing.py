"""`tressi import FORMAT FILE`: a config of traffic that exists already, and a list of what was left out."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tressi.cli.arguments import integer
from tressi.cli.exits import Exit
from tressi.cli.output import remark, write
from tressi.config.messages import printable, refusal
from tressi.config.source import MAX_BYTES
from tressi.imports.formats import FORMATS, OWN_FLAGS, imported
from tressi.imports.options import Options
from tressi.imports.sound import text_of

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

NAME = "import"
HELP = """Make a config of traffic that exists already: a recording of a browser's, commands of curl's, the description of an
API, or a collection of requests. The config runs as it stands, once the variables that are listed are set.

Standard error has what was left out or is different, and why; secrets become variables of the environment.
docs/import.md has a section for each format."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the document, how it is read, and where the config goes."""
    parser.add_argument("source", choices=FORMATS, metavar="FORMAT", help=f"one of {', '.join(FORMATS)}")
    parser.add_argument("file", metavar="FILE", help="the document, - for standard input")
    parser.add_argument("-o", "--output", default="-", metavar="FILE", help="where to write; default: standard output")
    group = parser.add_argument_group("what is taken")
    group.add_argument(
        "--as",
        choices=("flow", "requests"),
        dest="wanted",
        help="a flow, in which a user makes the requests in their order, or endpoints that share a rate; "
        "default: a flow for har, endpoints for the others",
    )
    group.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="PATTERN",
        help="take only paths like /api/*; may be given several times",
    )
    group.add_argument(
        "--hosts",
        action="append",
        default=[],
        metavar="PATTERN",
        help="of a har take these hosts, as in *.shop.example, instead of those of the first page; may be given several times",
    )
    group.add_argument("--base-url", metavar="URL", help="send everything there, instead of to the document's servers")
    group.add_argument(
        "--total-rps", type=integer, metavar="N", help="requests per second of all together; default: 10, or a flow a second"
    )


def execute(arguments: Namespace) -> int:
    """Write the config, and say what was left out. Raises ConfigError, OutputError."""
    options = _options(arguments)
    label = "standard input" if arguments.file == "-" else printable(arguments.file)
    result = imported(arguments.source, text_of(_read(arguments.file, label), label), label, options)
    write(json.dumps(result.document, indent=2, ensure_ascii=False), arguments.output)
    for note in result.notes:
        remark(printable(note))
    for variable in result.variables:
        remark(f"set {variable.name}: {printable(variable.meaning)}")
    if arguments.output != "-":
        remark(f"wrote {printable(arguments.output)}; to see the plan: tressi validate {printable(arguments.output)}")
    return Exit.DONE


def _options(arguments: Namespace) -> Options:
    for flag, owners in OWN_FLAGS.items():
        if getattr(arguments, flag) and arguments.source not in owners:
            raise refusal(f"--{flag} is for {', '.join(owners)}, not for {arguments.source}")
    if arguments.total_rps is not None and not 0 < arguments.total_rps <= 1_000_000:  # noqa: PLR2004 - as many as can be meant
        raise refusal("--total-rps is not between 1 and 1,000,000")
    if arguments.base_url is not None:
        _check_base(arguments.base_url)
    output = Path(arguments.output).parent
    return Options(
        wanted=arguments.wanted,
        only=tuple(arguments.only),
        hosts=tuple(arguments.hosts),
        total_rps=arguments.total_rps,
        base_url=arguments.base_url,
        folder="" if arguments.output == "-" or output == Path() else os.path.relpath(Path(), output),
    )


def _check_base(url: str) -> None:
    from tressi.config.url import AddressError, wire_base  # noqa: PLC0415 - few imports name another server

    try:
        wire_base(url)
    except AddressError as error:
        raise refusal(f"--base-url: {error}") from None


def _read(file: str, label: str) -> bytes:
    """The bytes of the document, at most one more than a document may have. Raises ConfigError."""
    try:
        if file == "-":
            return sys.stdin.buffer.read(MAX_BYTES + 1) if sys.stdin else b""
        with Path(file).open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except IsADirectoryError:
        raise refusal(f"{label} is a directory, not a document") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else None
        raise refusal(f"cannot read {label}: {reason or error}") from None
