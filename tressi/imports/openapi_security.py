"""Security schemes of OpenAPI, as headers, parameters and cookies whose values are variables of the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tressi.imports.peek import obj, text
from tressi.imports.secrets import PAIR, env_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tressi.imports.secrets import Vault


def credentials(
    needed: Any,  # noqa: ANN401 - any value of a document
    schemes: Mapping[str, Mapping[str, Any]],
    vault: Vault,
    notes: list[str],
) -> Iterator[tuple[str, str, str]]:
    """What goes where (`header`, `query` or `cookie`), by name, for the first of the alternatives that are allowed."""
    alternatives = [one for one in needed if isinstance(one, dict)] if isinstance(needed, list) else []
    if not alternatives or {} in alternatives:
        return
    for name in alternatives[0]:
        scheme = obj(schemes.get(name))
        kind = text(scheme, "type")
        if kind == "apiKey" and text(scheme, "in") in {"header", "query", "cookie"} and text(scheme, "name"):
            mark = vault.declare(env_name(text(scheme, "name")), f"the key that the scheme {name} asks for")
            yield text(scheme, "in"), text(scheme, "name"), mark
        elif kind == "http" and text(scheme, "scheme").lower() == "basic":
            yield "header", "Authorization", f"Basic {vault.declare('BASIC_CREDENTIALS', PAIR)}"
        elif kind in {"http", "oauth2", "openIdConnect"}:
            word = text(scheme, "scheme") if kind == "http" else "Bearer"
            word = "Bearer" if word.lower() == "bearer" else word
            mark = vault.declare("BEARER_TOKEN" if word == "Bearer" else "AUTHORIZATION", f"a token of the scheme {name}")
            yield "header", "Authorization", f"{word} {mark}"
        elif kind == "mutualTLS":
            _say_once(notes, f"the scheme {name} asks for a certificate: give it as tls.cert and tls.key")
        else:
            _say_once(notes, f"the scheme {name} was left out: it is not one that this import knows")


def _say_once(notes: list[str], note: str) -> None:
    if note not in notes:
        notes.append(note)
