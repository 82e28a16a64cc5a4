"""The shop of the embedded target: a login, tokens that expire, a cart by cookie, and pages that a browser can walk through.

| request | answer |
| --- | --- |
| `POST /login` | with a JSON user and password: a token, when it expires, the user's id; and the cookie `sid` |
| `GET /items` | a JSON list, as gzip where that is accepted |
| `GET /items/N` | an item, for a token; without one that is good: 401, and why |
| `POST /cart` | puts an item into the user's cart, for a token: 201, and where it is |
| `GET /cart` | what is in the cart of the cookie `sid` |
| `POST /logout` | ends token and cookie: 204 |
| `GET /shop` | a page whose script logs in and loads items |
| `GET /form`, `POST /form` | a login by form, whose hidden field `csrf` must be given back |

What it remembers has bounds: of users and of forms the oldest go. No sockets here.
"""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

from tressi.testing.pages import form_page, shop_page

if TYPE_CHECKING:
    from collections.abc import Mapping

ITEMS: Final = 100
TOKEN_SECONDS: Final = 3600.0
BODY_LIMIT: Final = 64 * 1024
_USERS: Final = 100_000  # that are remembered, and as many forms
_CART: Final = 100  # items in one
_NAMES: Final = ("hat", "scarf", "glove", "boot", "coat", "belt", "sock", "shirt", "skirt", "tie")
_JSON: Final = ("Content-Type", "application/json")
_HTML: Final = ("Content-Type", "text/html; charset=utf-8")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said to one request: its status, its fields beside Content-Length, and its body."""

    status: int
    fields: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(slots=True)
class _User:
    """Somebody who is logged in."""

    number: int
    token: str
    sid: str
    ends_s: float
    left: int | None  # requests that the token is good for; None: any number
    cart: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, its head read: names of fields are in small letters."""

    method: str
    path: str
    fields: Mapping[str, str]
    body: bytes = b""

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that came along."""
        pairs = (pair.strip().partition("=") for pair in self.fields.get("cookie", "").split(";"))
        return {name: value for name, equals, value in pairs if equals}


def is_of_the_shop(target: str) -> bool:
    """Whether a path, with or without a query, is one of the shop's."""
    place = target.partition("?")[0]
    return place in {"/login", "/items", "/cart", "/logout", "/shop", "/form"} or place.startswith("/items/")


class Shop:
    """The shop's state. A token is good for `token_requests` requests (None: any number) and for `token_s` seconds.

    Tokens follow from the seed, so that a run can be repeated; they guard nothing.
    """

    def __init__(self, token_requests: int | None = None, token_s: float = TOKEN_SECONDS, seed: int = 0) -> None:
        self._token_requests = token_requests
        self._token_s = token_s
        self._random = random.Random(seed)  # noqa: S311 - no secret depends on it
        self._logins = 0
        self._by_token: dict[str, _User] = {}
        self._by_sid: dict[str, _User] = {}
        self._forms: dict[str, None] = {}

    def answer(self, asked: Asked, now_s: float) -> Answer:
        """What the shop says at `now_s`, seconds of any one clock."""
        place = asked.path.partition("?")[0]
        name = "item" if place.startswith("/items/") else place[1:]
        method = "GET" if asked.method == "HEAD" else asked.method
        does = getattr(self, f"_{method.lower()}_{name}", None) if method in {"GET", "POST"} else None
        if does is None:
            allowed = [one for one in ("GET", "POST") if hasattr(self, f"_{one.lower()}_{name}")]
            return _failed(405, f"{place} takes {' and '.join(allowed)}", ("Allow", ", ".join(allowed)))
        if len(asked.body) > BODY_LIMIT:
            return _failed(413, f"a body has {BODY_LIMIT} bytes at most")
        made: Answer = does(asked, now_s)
        return made

    # ------------------------------------------------------------------------------------------------------ logging in

    def _post_login(self, asked: Asked, now_s: float) -> Answer:
        said = _json_of(asked.body)
        if not isinstance(said, dict):
            return _failed(400, "the body is no JSON object")
        if not all(isinstance(said.get(name), str) and said[name] for name in ("user", "password")):
            return _failed(401, "a login needs a user and a password")
        user = self._log_in(now_s)
        body = {"access_token": user.token, "expires_in": int(self._token_s), "user": {"id": user.number, "name": said["user"]}}
        return _json(200, body, _cookie(user))

    def _post_logout(self, asked: Asked, now_s: float) -> Answer:
        found = self._of_token(asked, now_s)
        user = found if isinstance(found, _User) else self._by_sid.get(asked.cookies.get("sid", ""))
        if user is None:
            return _failed(401, "nobody is logged in")
        self._forget(user)
        return Answer(204, (("Set-Cookie", "sid=; Path=/; Max-Age=0"),))

    def _log_in(self, now_s: float) -> _User:
        self._logins += 1
        user = _User(self._logins, self._word(), self._word(), now_s + self._token_s, self._token_requests)
        self._by_token[user.token] = self._by_sid[user.sid] = user
        if len(self._by_token) > _USERS:
            self._forget(next(iter(self._by_token.values())))
        return user

    def _forget(self, user: _User) -> None:
        self._by_token.pop(user.token, None)
        self._by_sid.pop(user.sid, None)

    def _of_token(self, asked: Asked, now_s: float) -> _User | Answer:
        """Whose token came along, which is one request less good from now on; or why there is none."""
        scheme, _, token = asked.fields.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return _unauthorised("a token is missing")
        user = self._by_token.get(token.strip())
        if user is None:
            return _unauthorised("the token is not known")
        if now_s >= user.ends_s:
            return _unauthorised(f"the token has expired after {self._token_s:g} s")
        if user.left == 0:
            return _unauthorised(f"the token has expired after {self._token_requests} requests")
        user.left = None if user.left is None else user.left - 1
        return user

    def _word(self) -> str:
        return f"{self._random.getrandbits(160):040x}"

    # ----------------------------------------------------------------------------------------------------------- items

    def _get_items(self, asked: Asked, _now_s: float) -> Answer:
        codings = {coding.partition(";")[0].strip().lower() for coding in asked.fields.get("accept-encoding", "").split(",")}
        plain, packed = self._list
        if "gzip" in codings:
            return Answer(200, (_JSON, ("Vary", "Accept-Encoding"), ("Content-Encoding", "gzip")), packed)
        return Answer(200, (_JSON, ("Vary", "Accept-Encoding")), plain)

    def _get_item(self, asked: Asked, now_s: float) -> Answer:
        number = _number(asked.path.partition("?")[0].removeprefix("/items/"))
        user = self._of_token(asked, now_s)
        if isinstance(user, Answer):
            return user
        if number is None:
            return _failed(404, f"the items are 1 to {ITEMS}")
        return _json(200, _item(number))

    @cached_property
    def _list(self) -> tuple[bytes, bytes]:
        """The list of all items, as it is and as gzip."""
        plain = json.dumps({"items": [_item(number) for number in range(1, ITEMS + 1)]}).encode()
        return plain, gzip.compress(plain, mtime=0)

    # ------------------------------------------------------------------------------------------------------------ cart

    def _post_cart(self, asked: Asked, now_s: float) -> Answer:
        user = self._of_token(asked, now_s)
        if isinstance(user, Answer):
            return user
        said = _json_of(asked.body)
        number = _number(str(said.get("item"))) if isinstance(said, dict) else None
        if number is None:
            return _failed(422, f"the body must be an item, 1 to {ITEMS}")
        user.cart.append(number)
        del user.cart[:-_CART]
        return _json(201, {"item": number, "items": len(user.cart)}, ("Location", "/cart"))

    def _get_cart(self, asked: Asked, _now_s: float) -> Answer:
        user = self._by_sid.get(asked.cookies.get("sid", ""))
        if user is None:
            return _failed(401, "the cookie sid is of nobody who is logged in")
        return _json(200, {"user": user.number, "items": [_item(number) for number in user.cart]})

    # ----------------------------------------------------------------------------------------------------------- pages

    def _get_shop(self, _asked: Asked, _now_s: float) -> Answer:
        return Answer(200, (_HTML,), shop_page())

    def _get_form(self, _asked: Asked, _now_s: float) -> Answer:
        csrf = self._word()
        self._forms[csrf] = None
        if len(self._forms) > _USERS:
            del self._forms[next(iter(self._forms))]
        return Answer(200, (_HTML, ("Cache-Control", "no-store")), form_page(csrf))

    def _post_form(self, asked: Asked, now_s: float) -> Answer:
        given = {name: values[0] for name, values in parse_qs(asked.body.decode("latin-1")).items()}
        if given.get("csrf") not in self._forms:
            return _failed(403, "the field csrf is not that of a form of this shop, or was given back before")
        del self._forms[given["csrf"]]
        if not given.get("user") or not given.get("password"):
            return _failed(401, "a login needs a user and a password")
        return Answer(303, (("Location", "/cart"), _cookie(self._log_in(now_s))))


def _json_of(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _number(text: str) -> int | None:
    """The number of an item, or None."""
    is_one = text.isascii() and text.isdecimal() and len(text) <= len(str(ITEMS)) and 1 <= int(text) <= ITEMS
    return int(text) if is_one else None


def _item(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "name": f"{_NAMES[number % len(_NAMES)]} {number}",
        "price": 100 + 7 * number,
        "url": f"/items/{number}",
    }


def _json(status: int, value: object, *fields: tuple[str, str]) -> Answer:
    return Answer(status, (_JSON, *fields), json.dumps(value).encode())


def _failed(status: int, reason: str, *fields: tuple[str, str]) -> Answer:
    return _json(status, {"error": reason}, *fields)


def _unauthorised(reason: str) -> Answer:
    return _failed(401, reason, ("WWW-Authenticate", "Bearer"))


def _cookie(user: _User) -> tuple[str, str]:
    return "Set-Cookie", f"sid={user.sid}; Path=/; HttpOnly; SameSite=Lax"
