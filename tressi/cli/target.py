"""`tressi target`: the embedded target until Ctrl-C, to try a config or a command on."""

from __future__ import annotations

import errno
import os
import signal
from argparse import ArgumentTypeError
from typing import TYPE_CHECKING, Final

from tressi.cli.exits import Exit
from tressi.cli.output import remark, write
from tressi.config.messages import printable
from tressi.errors import ConfigError, ConfigProblem

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

NAME = "target"
HELP = """Serve a small HTTP target until Ctrl-C or SIGTERM, and print its address.

/fast answers at once, /slow after 50 ms, /flaky with 503 every tenth time on average, and /tide after 20 to 60 ms, rising and
falling. Bodies are read and forgotten.

Beside these there is a small shop for journeys. POST /login takes a JSON user and password, any, and gives a token and the
cookie sid. GET /items is a list, as gzip where that is accepted. GET /items/1 to /items/100 and POST /cart with
{"item": 1} need the token, as Authorization: Bearer; GET /cart needs the cookie; POST /logout ends both. /form is a login by
form whose hidden field csrf must be given back, and /shop a page whose script logs in and loads items."""

PORT, HIGHEST_PORT = 8080, 0xFFFF
HOST: Final = "127.0.0.1"
_MOST: Final = 10**9  # of requests or seconds


def add_arguments(parser: ArgumentParser) -> None:
    """Declare where it listens."""
    parser.add_argument("--port", type=_port, default=PORT, metavar="N", help=f"0 takes a free one (default: {PORT})")
    parser.add_argument(
        "--host",
        default=HOST,
        metavar="HOST",
        help=f"address of this machine to listen on; any may reach 0.0.0.0 (default: {HOST})",
    )
    parser.add_argument(
        "--token-requests", type=_count, metavar="N", help="requests that a token of the shop is good for (default: any number)"
    )
    parser.add_argument(
        "--token-seconds", type=_count, default=3600, metavar="S", help="seconds that it is good for (default: 3600)"
    )


def execute(arguments: Namespace) -> int:
    """Serve until a signal. Raises ConfigError where it cannot listen there."""
    import gevent  # noqa: PLC0415 - help and completion need no server
    from gevent.event import Event  # noqa: PLC0415 - likewise

    from tressi.testing.shop import Shop  # noqa: PLC0415 - likewise
    from tressi.testing.target import Behaviour, Server  # noqa: PLC0415 - likewise

    shop = Shop(arguments.token_requests, arguments.token_seconds)
    server, ended = Server(Behaviour(), arguments.port, arguments.host, shop), Event()
    try:
        url = server.start()
    except (OSError, UnicodeError) as error:
        reason = os.strerror(error.errno or 0) if isinstance(error, OSError) else "it is no name of a host"
        remedy = "; --port 0 takes a free one" if isinstance(error, OSError) and error.errno == errno.EADDRINUSE else ""
        where = f"{printable(arguments.host)} port {arguments.port}"
        message = f"nothing can be served on {where}: {reason}{remedy}"
        raise ConfigError([ConfigProblem("--host and --port", message)]) from None
    for number in (signal.SIGINT, signal.SIGTERM):
        gevent.signal_handler(number, ended.set)
    write(url)
    remark("serves /fast, /slow, /flaky and /tide, and a shop at /login, /items, /cart, /form and /shop, until Ctrl-C")
    ended.wait()
    server.stop()
    return Exit.DONE


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= _MOST:
        raise ArgumentTypeError(f"{text!r} is no number from 1 to {_MOST:,}")
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > HIGHEST_PORT:
        raise ArgumentTypeError(f"{text!r} is no port: 0 to {HIGHEST_PORT}")
    return int(text)
