"""curl's command lines, as people and browsers write them: each becomes a request.

A table says of every option what becomes of it (`curl_options`); one that is not in it is an error, because a request
without it might be another one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tressi.imports import marks
from tressi.imports.curl_body import body_of, typed
from tressi.imports.curl_options import BY_NAME
from tressi.imports.curl_settings import SETTINGS, settings_of
from tressi.imports.request import DocumentError, Gathered, Request, Visit, url_parts
from tressi.imports.secrets import PAIR, basic
from tressi.imports.sendable import clean_url_text, sent_headers, with_content_type
from tressi.imports.shell import commands_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tressi.imports.options import Options
    from tressi.imports.secrets import Vault

_TABLES = frozenset({"resolve", "tls"})
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_GLOB = re.compile(r"\[[^\[\]/]{0,99}-[^\[\]]{0,99}\]|\{[^{}]{0,999},[^{}]{0,999}\}")
_ADDRESS = re.compile(r"^(?:\w+://)?(?:[^/?#]*@)?\[[0-9A-Fa-f:.]+\]")
_METHOD = re.compile(r"[A-Z0-9!#$%&'*+.^_`|~-]+")


@dataclass
class Command:
    """What the options of one request say, before it is put together."""

    urls: list[str] = field(default_factory=list)
    method: str | None = None
    headers: list[tuple[str, str | None]] = field(default_factory=list)
    user: str | None = None
    bearer: str | None = None
    data: list[tuple[str, str]] = field(default_factory=list)
    parts: list[tuple[str, str]] = field(default_factory=list)
    query: list[str] = field(default_factory=list)
    upload: str | None = None
    range: str | None = None
    flags: set[str] = field(default_factory=set)
    own: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)


def gather(text: str, options: Options, vault: Vault) -> Gathered:
    """The requests of command lines. Raises DocumentError."""
    if re.search(r'\^"|\^\s*$', text, re.MULTILINE):
        raise DocumentError("this is a command for Windows' cmd; copy it as cURL (bash)")
    visits: list[Visit] = []
    notes: list[str] = []
    found: list[dict[str, Any]] = []
    for words in commands_of(text):
        arguments = _arguments(words, notes)
        for command in _commands(arguments, notes) if arguments is not None else ():
            visits += [Visit(request) for request in _requests(command, options, vault, notes)]
            found.append(command.settings)
    if not visits:
        raise DocumentError("; ".join(["there is no command curl with a URL in it", *notes[:3]]))
    settings = _together(found, notes)
    return Gathered(tuple(visits), tuple(dict.fromkeys(notes)), settings)


def _together(found: list[dict[str, Any]], notes: list[str]) -> dict[str, Any]:
    """The settings of all commands, of which a config has one each; what not all commands have is said."""
    settings: dict[str, Any] = {}
    for key in dict.fromkeys(key for one in found for key in one):
        values = [one[key] for one in found if key in one]
        if len(values) < len(found) or any(value != values[0] for value in values):
            notes.append(f"{key} is for all requests of a config, although the commands differ in it")
        settings[key] = {name: inner for value in values for name, inner in value.items()} if key in _TABLES else values[-1]
    return settings


def _arguments(words: list[str], notes: list[str]) -> list[str] | None:
    """The arguments of a command that is curl, None for any other."""
    while words and _ASSIGNMENT.match(words[0]):
        notes.append(f"the shell's assignment to {words[0].partition('=')[0]} was left out: set it before the run")
        words = words[1:]
    if not words:
        return None
    first = words[0].rpartition("/")[2].removesuffix(".exe")
    if first == "$":  # a prompt that was copied too
        return _arguments(words[1:], notes)
    if first == "curl":
        return words[1:]
    notes.append(f"a command that is not curl was left out: {marks.shown(words[0])[:20]!r}")
    return None


def _commands(arguments: list[str], notes: list[str]) -> Iterator[Command]:
    """The requests of one command line, which `--next` parts."""
    command, waiting = Command(), list(arguments)
    while waiting:
        word = waiting.pop(0)
        if word in {"--next", "-:"}:
            yield command
            command = Command()
        elif word.startswith("--") and len(word) > 2:  # noqa: PLR2004 - a long option
            _long(command, word[2:], waiting, notes)
        elif word.startswith("-") and len(word) > 1 and not word.startswith("--"):
            _short(command, word[1:], waiting, notes)
        elif word != "--":
            command.urls.append(word)
    yield command


def _long(command: Command, name: str, waiting: list[str], notes: list[str]) -> None:
    option = BY_NAME.get(name) if len(name) > 1 else None
    if option is None:
        # What follows on an option's name may be a secret.
        raise DocumentError(f"curl's option --{re.match('[A-Za-z0-9.-]{0,30}', name)[0]} is not known to this import")  # type: ignore[index] # it matches nothing too
    _apply(command, name, _value(f"--{name}", waiting) if option.takes else "", notes)


def _short(command: Command, letters: str, waiting: list[str], notes: list[str]) -> None:
    """Short options may stand in one word, the last of them with its value: `-sXPOST`."""
    while letters:
        name, letters = letters[0], letters[1:]
        option = BY_NAME.get(name) if name != ":" else None  # it parts requests, and stands alone
        if option is None:
            raise DocumentError(f"curl's option -{name if name.isprintable() else '?'} is not known to this import")
        if option.takes:
            _apply(command, name, letters or _value(f"-{name}", waiting), notes)
            return
        _apply(command, name, "", notes)


def _value(option: str, waiting: list[str]) -> str:
    if not waiting:
        raise DocumentError(f"curl's option {option} has no value")
    return waiting.pop(0)


def _apply(command: Command, name: str, value: str, notes: list[str]) -> None:
    option = BY_NAME[name]
    shown = f"-{name}" if len(name) == 1 else f"--{name}"
    if option.action == "loss":
        notes.append(f"curl's option {shown} was left out: {option.what}")
    elif option.action:
        _ACTIONS[option.action](command, value)


# ------------------------------------------------------------------------------------------------------- the options' effects


def _method(command: Command, value: str) -> None:
    if not _METHOD.fullmatch(value):
        raise DocumentError("the method of -X is none that tressi sends; it has capitals, digits and no spaces")
    command.method = value


def _header(command: Command, value: str) -> None:
    if value.startswith("@"):
        raise DocumentError("-H @FILE reads headers from a file; write them out")
    name, colon, text = value.partition(":")
    if colon:
        command.headers.append((name.strip(), text.strip() or None))
    elif value.endswith(";"):
        command.headers.append((value[:-1].strip(), ""))
    else:
        raise DocumentError("a value of -H has no colon, so it is no header")


def _cookie(command: Command, value: str) -> None:
    if "=" not in value and not marks.has_mark(value):
        raise DocumentError("-b names a file of cookies; write them out, as in -b 'name=value'")
    command.headers.append(("Cookie", value))


def _named(name: str) -> Callable[[Command, str], None]:
    def add(command: Command, value: str) -> None:
        command.headers.append((name, value))

    return add


def _referer(command: Command, value: str) -> None:
    plain = value.removesuffix(";auto")
    if plain:
        command.headers.append(("Referer", plain))


def _attribute(name: str) -> Callable[[Command, str], None]:
    def set_it(command: Command, value: str) -> None:
        setattr(command, name, value)

    return set_it


def _listed(name: str, kind: str = "") -> Callable[[Command, str], None]:
    def add(command: Command, value: str) -> None:
        getattr(command, name).append((kind, value) if kind else value)

    return add


def _flag(name: str) -> Callable[[Command, str], None]:
    def raise_it(command: Command, _: str) -> None:
        command.flags.add(name)

    return raise_it


def _setting(name: str) -> Callable[[Command, str], None]:
    def change(command: Command, value: str) -> None:
        SETTINGS[name](command.settings, command.own, value)

    return change


_ACTIONS: dict[str, Callable[[Command, str], None]] = {
    "method": _method,
    "header": _header,
    "agent": _named("User-Agent"),
    "referer": _referer,
    "cookie": _cookie,
    "user": _attribute("user"),
    "bearer": _attribute("bearer"),
    "upload": _attribute("upload"),
    **{kind: _listed("data", kind) for kind in ("data", "raw", "urlencode", "json")},
    "form": _listed("parts", "form"),
    "formstring": _listed("parts", "string"),
    "url": _listed("urls"),
    "query": _listed("query"),
    "range": _attribute("range"),
    "compressed": lambda command, _: command.headers.append(("Accept-Encoding", "gzip, deflate")),
    **{name: _flag(name) for name in ("get", "head")},
    **{name: _setting(name) for name in SETTINGS},
}


# ---------------------------------------------------------------------------------------------------------- putting together


def _requests(command: Command, options: Options, vault: Vault, notes: list[str]) -> Iterator[Request]:
    if not command.urls:
        raise DocumentError("a command curl has no URL")
    body, extra, query = body_of(command.data, command.parts, command.upload, to_query="get" in command.flags)
    if command.range is not None and body is not None:
        raise DocumentError("-r beside a body makes curl send a Content-Range; write that header with -H")
    for url in command.urls:
        origin, path, own_query = _address(url, options)
        if command.upload is not None and path.endswith("/"):
            path += command.upload.rpartition("/")[2]
        pieces = [piece for piece in (own_query, *command.query, query) if piece is not None]
        whole_query = clean_url_text("&".join(pieces)) if pieces else None
        kept, left = sent_headers(_headers(command, extra, vault), origin)
        notes += [f"left out: {one}" for one in left]
        method = command.method or ("HEAD" if "head" in command.flags else _usual_method(command, has_body=body is not None))
        if options.takes_path(path):
            sent = typed(body, next((value for name, value in kept if name.lower() == "content-type"), None))
            headers = tuple(with_content_type(kept, sent))
            yield Request(
                method, origin, clean_url_text(path), whole_query, headers, sent, settings=settings_of(command.own, origin)
            )


def _usual_method(command: Command, *, has_body: bool) -> str:
    if command.upload is not None:
        return "PUT"
    return "POST" if has_body else "GET"


def _address(url: str, options: Options) -> tuple[str, str, str | None]:
    if _GLOB.search(_ADDRESS.sub("", url)):
        raise DocumentError("a URL has a range or a list in [ ] or { }, which curl would expand; write each one out")
    whole = url if "://" in url or url.startswith(marks.variable("x")[:2]) else f"http://{url}"
    parts = url_parts(whole)
    if parts is None or (not marks.has_mark(parts[0]) and parts[0].partition("://")[0].lower() not in {"http", "https"}):
        raise DocumentError("a URL is neither http:// nor https://")
    origin, path, query = parts
    if options.base_url is not None:
        origin = options.base_url.rstrip("/")
    return origin, path, query


def _headers(command: Command, extra: list[tuple[str, str]], vault: Vault) -> list[tuple[str, str]]:
    """The headers that are given, and behind them those that curl adds where none of that name is given."""
    given = {name.lower() for name, _ in command.headers}
    added = [("Accept", "*/*"), *extra, *([("Range", f"bytes={command.range}")] if command.range is not None else [])]
    added = [*{name.lower(): (name, value) for name, value in added}.values()]
    if command.user is not None:
        added.append(_basic(command.user, vault))
    if command.bearer is not None:
        added.append(("Authorization", f"Bearer {command.bearer}"))
    own = [(name, value) for name, value in command.headers if value is not None]
    return [*own, *((name, value) for name, value in added if name.lower() not in given)]


def _basic(pair: str, vault: Vault) -> tuple[str, str]:
    if marks.has_mark(pair):
        return "Authorization", f"Basic {vault.declare('BASIC_CREDENTIALS', PAIR)}"
    return basic(pair, vault)
