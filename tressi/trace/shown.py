"""Events as they may be shown: plain JSON values in which no secret stands, and no byte that a terminal would obey.

A secret is what a run hides: the headers, parameters and members that are named or known for it, what came from the
environment, and what a flow has extracted unless `show` says otherwise. It is hidden wherever it stands from then on.
"""

from __future__ import annotations

import re
from dataclasses import fields as fields_of
from typing import TYPE_CHECKING, Any, Final

from tressi.masking import MASK, Secrets, is_secret_header, mask_url, secrets_of
from tressi.text import counted, plain, plain_lines
from tressi.trace.events import CookieSeen, Extracted, Garbled, Place, Received, Sent

if TYPE_CHECKING:
    from tressi.model import ResolvedConfig
    from tressi.trace.events import Event, Fields

BODY_BYTES: Final = 1024  # of a body, that are shown


class Shown:
    """Makes events fit to be shown, one after the other: what is secret in one is so in all that follow."""

    def __init__(self, config: ResolvedConfig) -> None:
        self._config = config
        self._known: set[str] = set(config.secrets)
        self._single: set[str] = set()  # characters: they are hidden where they stand alone
        self._fields: set[tuple[str, str]] = set()  # of secret names, that were sent
        self._urls: set[str] = set()
        self._secrets = self._found()

    def of(self, event: Event) -> dict[str, Any]:
        """One event as a line of JSON has it."""
        name = type(event).__name__
        shown: dict[str, Any] = {"event": name[0].lower() + name[1:]}
        if isinstance(event, Sent):
            return shown | self._sent(event)
        if isinstance(event, Received):
            return shown | self._received(event)
        if isinstance(event, Garbled):
            return shown | self._garbled(event)
        if isinstance(event, CookieSeen):
            return shown | self._cookie(event)
        if isinstance(event, Extracted):
            return shown | self._extracted(event)
        return shown | {_camel(field.name): self._value(getattr(event, field.name)) for field in fields_of(event)}

    def _value(self, value: Any) -> Any:  # noqa: ANN401 - any value of an event
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Place):
            return str(value)
        return round(value, 6) if isinstance(value, float) else value

    # -------------------------------------------------------------------------------------------- requests and responses

    def _sent(self, event: Sent) -> dict[str, Any]:
        first, *lines = event.head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        pairs = tuple((name, value) for name, _, value in (text.partition(": ") for text in lines))
        self._learn(pairs, event.url)
        method, target, version = first.split(" ", 2)
        said = event.body if event.message is None else event.message.encode()
        body, is_cut = self._body(said, is_cut=len(said) > BODY_BYTES)
        over_h2 = event.fields is not None
        return {
            "protocol": "h2" if over_h2 else "http/1.1",
            "requestLine": None if over_h2 else f"{plain(method)} {self._said(target)} {version}",
            "headers": self._headers(pairs if event.fields is None else event.fields),
            "body": body,
            "bodyBytes": len(event.body),
            "bodyIsCut": is_cut,
            "hop": event.hop,
        }

    def _received(self, event: Received) -> dict[str, Any]:
        for secret in event.secrets:
            self._hide(secret)
        for name, value in event.fields:
            if name.lower() == "set-cookie":
                self._hide_cookie(value)
        body, is_cut = self._body(event.body, is_cut=event.is_cut)
        return {
            "statusLine": None if event.status_line is None else self._text(event.status_line),
            "headers": self._headers(event.fields),
            **({"trailers": self._headers(event.trailers)} if event.trailers else {}),
            "body": body,
            "bodyBytes": event.body_bytes,
            "bodyIsCut": is_cut,
            "ms": round(event.ms, 3),
            "unread": None if event.reason is None else self._text(event.reason),
        }

    def _garbled(self, event: Garbled) -> dict[str, Any]:
        # A line that looks like a field is one, as far as secrets go.
        lines = event.beginning.decode("latin-1").split("\n")
        named = ((line, *line.partition(":")) for line in lines)
        also = self._config.mask_headers
        kept = [f"{name}: {MASK}" if colon and is_secret_header(name, also) else line for line, name, colon, _ in named]
        text, is_cut = self._body("\n".join(kept).encode("latin-1"), is_cut=False)
        return {"beginning": text, "isCut": is_cut, "ms": round(event.ms, 3)}

    def _headers(self, pairs: Fields) -> list[list[str]]:
        also = self._config.mask_headers
        return [[plain(name), MASK if is_secret_header(name, also) else self._said(value)] for name, value in pairs]

    def _body(self, body: bytes, *, is_cut: bool) -> tuple[str | None, bool]:
        """A body as text, and whether it goes on; bytes that are no text are counted alone."""
        part = body[:BODY_BYTES]
        is_cut = is_cut or len(body) > BODY_BYTES
        if not part:
            return None, is_cut
        try:
            text = part.decode()
        except UnicodeDecodeError as error:
            # A character may have been cut in two.
            if not is_cut or error.start < len(part) - 3 or error.reason != "unexpected end of data":
                return f"({counted(len(body), 'byte')}{' or more' * is_cut} that are no text)", is_cut
            text = part[: error.start].decode()
        if "\0" in text:
            return f"({counted(len(body), 'byte')}{' or more' * is_cut} that are no text)", is_cut
        return plain_lines(self._alone(self._secrets.hide(self._config.masks.hide(text), is_cut=is_cut))), is_cut

    # ---------------------------------------------------------------------------------------------------------- the rest

    def _cookie(self, event: CookieSeen) -> dict[str, Any]:
        self._hide_cookie(event.line)
        name = event.line.partition(";")[0].partition("=")[0].strip()
        attributes = event.line.partition(";")[2].strip()
        return {"name": plain(name), "value": MASK, "attributes": self._text(attributes), "outcome": event.outcome}

    def _extracted(self, event: Extracted) -> dict[str, Any]:
        value = None if event.value is None else event.value.decode("utf-8", "replace")
        if value is not None and event.hidden:
            self._hide(event.value or b"")
        shown = None if value is None else MASK if event.hidden else self._cut(self._text(value))
        reason = None if event.reason is None else self._text(event.reason)
        return {"name": plain(event.name), "from": self._text(event.origin), "value": shown, "reason": reason}

    def _cut(self, text: str) -> str:
        return text if len(text) <= BODY_BYTES else f"{text[:BODY_BYTES]}…"

    # ----------------------------------------------------------------------------------------------------------- secrets

    def _text(self, text: str) -> str:
        """A text of tressi's, or one that the target has a part in."""
        return plain(self._secrets.hide(mask_url(text, self._config.masks.is_parameter)))

    def _said(self, text: str) -> str:
        """A text that was sent or received, in which a secret may be one character."""
        return self._alone(self._text(text))

    def _alone(self, text: str) -> str:
        for secret in self._single:
            text = re.sub(rf"(?<![0-9A-Za-z*]){re.escape(secret)}(?![0-9A-Za-z*])", MASK, text)
        return text

    def _learn(self, pairs: Fields, url: str) -> None:
        """Remember the secrets of a request."""
        before = len(self._fields), len(self._urls)
        self._fields |= {(name, value) for name, value in pairs if is_secret_header(name, self._config.mask_headers)}
        self._urls |= {url} if mask_url(url, self._config.masks.is_parameter) != url else set()
        if before != (len(self._fields), len(self._urls)):
            self._secrets = self._found()

    def _found(self) -> Secrets:
        return secrets_of(self._fields, self._urls, self._config.mask_headers, self._known)

    def _hide(self, value: bytes) -> None:
        text = value.decode("utf-8", "replace")
        if len(text) == 1:
            self._single.add(text)
        elif text not in self._known:
            self._known.add(text)
            self._secrets = self._found()

    def _hide_cookie(self, line: str) -> None:
        self._hide(line.partition(";")[0].partition("=")[2].strip().encode())


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
