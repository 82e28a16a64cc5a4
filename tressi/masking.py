"""What is secret, and how it is hidden in whatever leaves the process: reports, exports, logs, messages.

Names tell what is secret before a run: those of headers, and those of parameters in a URL. Their values are then known, and
`Secrets` finds them in what a target sends back, in the forms in which servers write what they were sent: as it is, in JSON,
HTML or a URL, in any mixture of these, and in base64.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from functools import cached_property
from html.entities import codepoint2name
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MASK: Final = "***"
SECRET_HEADERS: Final = frozenset({"authorization", "cookie", "proxy-authorization", "set-cookie", "x-api-key"})
# A header whose name has one of these in it is secret, whatever else the name says.
SECRET_WORDS: Final = ("auth", "cookie", "key", "password", "secret", "session", "token")
# Parameters of a URL have shorter names (`keyword`, `author`): there a whole word counts, or the end of the name.
_SECRET_PARAMETERS: Final = frozenset(
    {"auth", "authorization", "credential", "credentials", "key", "passphrase", "passwd", "password", "pwd"}
    | {"secret", "session", "sessionid", "sig", "signature", "token"}
)
_SECRET_ENDS: Final = ("apikey", "passwd", "password", "secret", "sessionid", "signature", "token")
# What a header of a secret name may hold without being a secret: hiding it would hide half of a JSON body.
_NO_SECRETS: Final = frozenset({"", "true", "false", "null", "none", "yes", "no", "on", "off"})
# Shorter ones are hidden only where they stand alone, as they are parts of many words.
_SHORT: Final = 4

# Greedy up to the last @ of the authority: user info may itself hold an unencoded @.
_USER_INFO = re.compile(r"(?<=://)[^/?#\s]*@")
_PARAMETER = re.compile(r"(?<=[?&#;])([A-Za-z0-9_.~%+\[\]-]+)=([^&#;\s\"'<>]+)")
_UNCHANGED = re.compile("[0-9A-Za-z]+")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def mask_url(text: str, is_secret: Callable[[str], bool] | None = None) -> str:
    """Hide the secrets of every URL in `text`: `https://name:word@host/?api_key=x` becomes `https://***@host/?api_key=***`.

    `is_secret` says of a parameter by its name whether its value is one.
    """
    judge = is_secret or is_secret_parameter

    def masked(match: re.Match[str]) -> str:
        return f"{match[1]}={MASK}" if judge(match[1]) else match[0]

    return _PARAMETER.sub(masked, _USER_INFO.sub(f"{MASK}@", text))


def is_secret_parameter(name: str) -> bool:
    """Tell whether the value of a URL's parameter must never be shown: `api_key`, `accessToken`, `X-Amz-Signature`."""
    plain = unquote(name)
    words = {word.lower() for word in _WORDS.findall(plain)}
    return not words.isdisjoint(_SECRET_PARAMETERS) or plain.lower().endswith(_SECRET_ENDS)


def is_secret_header(name: str, also: Iterable[str] = ()) -> bool:
    """Tell whether a header's value must never be shown; `also` has the names given by `--mask-header`."""
    folded = name.strip().lower()
    # HTTP/2's own fields, of which `:authority` is the Host, begin with a colon, and are what a URL is.
    named = folded in SECRET_HEADERS or (not folded.startswith(":") and any(word in folded for word in SECRET_WORDS))
    return named or any(folded == other.strip().lower() for other in also)


def mask_headers(headers: Iterable[tuple[str, str]], also: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Copy `headers` with the values of the secret ones replaced by the mask."""
    names = tuple(also)
    return [(name, MASK if is_secret_header(name, names) else value) for name, value in headers]


@dataclass(frozen=True, slots=True)
class Masks:
    """What a config or a flag names as secret: headers, parameters of URLs, and values in JSON by their pointers (RFC 6901)."""

    headers: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    pointers: tuple[str, ...] = ()

    def is_parameter(self, name: str) -> bool:
        """Tell whether the value of a URL's parameter must never be shown."""
        return is_secret_parameter(name) or self.names(name)

    def names(self, name: str) -> bool:
        """Tell whether a parameter of URLs is one of those that are named; case does not count."""
        return bool(self.parameters) and unquote(name).lower() in map(str.lower, self.parameters)

    def hide(self, text: str) -> str:
        """Hide the secret parameters of URLs in a text, and the members of JSON or of a form in it whose name ends a pointer.

        A text may be a piece of JSON that has been cut, so the way to a member is not looked at.
        """
        text = mask_url(text, self.is_parameter) if self.parameters else text
        for pointer in self.pointers:
            name = pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
            if f'"{name}"' in text:
                member = re.compile(rf'("{re.escape(name)}"\s*:\s*)(?:"(?:[^"\\]|\\.)*(?:"|\\?$)|[^\s,}}\]"{{\[][^\s,}}\]]*)')
                text = member.sub(lambda match: f'{match[1]}"{MASK}"', text)
            if f"{quote(name)}=" in text:
                text = re.sub(rf"((?:^|[&?\s]){re.escape(quote(name))}=)[^&\s]*", rf"\g<1>{MASK}", text)
        return text


class Secrets:
    """The secret values of a run. `hide` is what everything goes through that a target said.

    `names` are those of users: words that texts have for other reasons too, so they are hidden only where they stand alone.
    """

    def __init__(self, values: Iterable[str] = (), names: Iterable[str] = ()) -> None:
        self._values = frozenset(value for value in values if len(value) > 1 and value.lower() not in _NO_SECRETS)
        self._names = frozenset(name for name in names if len(name) > 1) - self._values

    def hide(self, text: str, *, is_cut: bool = False) -> str:
        """Write `text` with the mask in place of each secret; `is_cut`: it may end within one."""
        for needle, pattern in self._patterns:
            # A run may have a secret for each of thousands of endpoints, and a search by pattern takes long.
            if needle in text:
                text = re.sub(pattern, MASK, text)
        return self._without_begun(text) if is_cut else text

    @cached_property
    def _patterns(self) -> list[tuple[str, str]]:
        # The longest first: of a password and the pair that it is in, the pair is hidden.
        longest = sorted(self._values, key=lambda value: (-len(value), value))
        patterns = [pattern for value in longest for pattern in _patterns(value)]
        return patterns + [(_needle(name), _alone(name)) for name in sorted(self._names)]

    @cached_property
    def _begun(self) -> list[str]:
        return [form for value in self._values for form in (value, *_base64_forms(value)) if len(form) > _SHORT]

    def _without_begun(self, text: str) -> str:
        """Hide the secret that the end of a text begins, from so many characters on that it is no chance."""
        for form in self._begun:
            if form[:_SHORT] in text[1 - len(form) :]:
                for length in range(min(len(form) - 1, len(text)), _SHORT - 1, -1):
                    if text.endswith(form[:length]):
                        return text[:-length] + MASK
        return text


def secrets_of(
    headers: Iterable[tuple[str, str]], urls: Iterable[str], also: Iterable[str] = (), known: Iterable[str] = ()
) -> Secrets:
    """The secrets of what a run sends: the values of secret headers, the user info and the secret parameters of URLs.

    `also` has further names of headers, `known` values that are secret wherever they stand.
    """
    names, addresses = tuple(also), set(urls)
    values = {value for name, value in headers if is_secret_header(name, names)}
    parts = [*known, *(part for value in values for part in _parts_of_header(value))]
    pairs = [pair for url in addresses for pair in _user_info_of(url)] + [_basic(value) for value in values]
    parts += [part for url in addresses for part in _parameters_of(url)]
    # What is sent of a pair is base64, which a target may encode once more.
    parts += [
        part
        for pair in pairs
        for part in (pair, pair.partition(":")[2], b64encode(pair.encode("utf-8", "surrogatepass")).decode())
    ]
    return Secrets(parts, (pair.partition(":")[0] for pair in pairs))


def _parts_of_header(value: str) -> Iterator[str]:
    """A header's value, and what of it is a secret by itself: what stands behind `Bearer`, and the values of cookies."""
    yield value.strip()
    scheme, _, credentials = value.strip().partition(" ")
    if credentials and scheme.isalpha():
        yield credentials.strip()
    for cookie in value.split(";"):
        name, equals, word = cookie.strip().partition("=")
        if equals and name and len(word) >= _SHORT:
            yield word


def _basic(value: str) -> str:
    """The name and the password of an Authorization of the kind `Basic`, as `name:password`; "" of any other."""
    scheme, _, credentials = value.strip().partition(" ")
    try:
        return b64decode(credentials, validate=True).decode() if scheme.lower() == "basic" else ""
    except ValueError:
        return ""


def _user_info_of(url: str) -> Iterator[str]:
    """The user info of a URL, as it stands and decoded."""
    try:
        user_info = urlsplit(url).netloc.rpartition("@")[0]
    except ValueError:
        return
    yield from (user_info, unquote(user_info))


def _parameters_of(url: str) -> Iterator[str]:
    """The values of the secret parameters of a URL, as they stand and decoded."""
    for name, value in parameters_of(url):
        if is_secret_parameter(name):
            yield from (value, unquote(value))


def parameters_of(url: str) -> Iterator[tuple[str, str]]:
    """The parameters of a URL, as they stand."""
    for match in _PARAMETER.finditer(url):
        yield match[1], match[2]


# ---------------------------------------------------------------------------------------------- the forms of one value


def _patterns(value: str) -> Iterator[tuple[str, str]]:
    """The forms in which a server may send a value back: a text that each occurrence has in it, and a regular expression."""
    for form in _base64_forms(value):
        yield _needle(form), re.escape(form).replace(r"\+", "[+-]").replace("/", "[/_]")
    yield _needle(value), "".join(map(_character, value)) if len(value) >= _SHORT else _alone(value)


def _alone(value: str) -> str:
    return f"(?<![0-9A-Za-z]){''.join(map(_character, value))}(?![0-9A-Za-z])"


def _needle(value: str) -> str:
    """The longest part of a value that is the same in all its forms."""
    return max(_UNCHANGED.findall(value), key=len, default="")


def _character(character: str) -> str:
    """One character as it is, or as JSON, HTML or a URL write it."""
    if character.isascii() and character.isalnum():
        return character
    code = ord(character)
    forms = [re.escape(character), rf"\\u{code:04x}", rf"&\#0*{code};", rf"&\#x0*{code:x};"]
    forms += [_percent(character.encode("utf-8", "surrogatepass"))]
    if code <= 0xFF:  # noqa: PLR2004 - a header is Latin-1 on the wire, which a reader of UTF-8 takes for no character
        forms += [_percent(bytes([code])), *(["\ufffd"] if not character.isascii() else ())]
    if character in '"\\/':
        forms.append(re.escape(f"\\{character}"))
    if character == " ":
        forms.append(r"\+")
    if code in codepoint2name or character == "'":
        forms.append(f"&{codepoint2name.get(code, 'apos')};")
    return f"(?i:{'|'.join(forms)})"


def _percent(data: bytes) -> str:
    return "".join(f"%{byte:02x}" for byte in data)


def _base64_forms(value: str) -> list[str]:
    """What is the same in base64 of any text that holds the value, for each place that it may have in a group of three."""
    forms = []
    for data in {value.encode("utf-8", "surrogatepass"), value.encode("latin-1", "replace")}:
        for before in range(3):
            bits = 8 * (before + len(data))
            first, last = -(-8 * before // 6), bits // 6
            form = b64encode(bytes(before) + data).decode("ascii")[first:last]
            if len(form) >= _SHORT:
                forms.append(form)
    return sorted(set(forms), key=len, reverse=True)
