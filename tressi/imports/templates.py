"""Templates of collections.

A variable with a value becomes that value, one without is a variable of the environment, and a generator is a source of `data`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from tressi.imports import marks
from tressi.imports.secrets import env_name
from tressi.masking import is_secret_parameter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tressi.imports.names import Names
    from tressi.imports.secrets import Vault

_TEMPLATE: Final = re.compile(r"\{\{([^{}]*)\}\}|\{%-?([^%]*)%\}")
_MOST_DEPTH: Final = 5
_MOST_CHARACTERS: Final = 1 << 20
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
# The generators that tressi has too; others give eight letters, and a sentence.
GENERATORS: Final[dict[str, dict[str, Any]]] = {
    "guid": {"uuid": 4},
    "randomUUID": {"uuid": 4},
    "timestamp": {"time": "s"},
    "isoTimestamp": {"time": "iso"},
    "randomInt": {"integer": {"from": 0, "to": 1000}},
    "randomAlphaNumeric": {"text": {"length": 1}},
    "randomBoolean": {"values": [True, False], "pick": "random"},
    "randomPassword": {"text": {"length": 15}},
    "randomHexadecimal": {"text": {"length": 2, "alphabet": "0123456789abcdef"}},
    "uuid": {"uuid": 4},
    "now": {"time": "iso"},
    "milliseconds": {"time": "ms"},
}


class Templates:
    """The variables of a collection. `data` gets the generators that are used, `slots` the values that a flow extracts."""

    def __init__(self, names: Names, vault: Vault, notes: list[str]) -> None:
        self._names, self._vault, self._notes = names, vault, notes
        self._sources: dict[str, str] = {}
        self.data: dict[str, dict[str, Any]] = {}
        self.slots: dict[str, str] = {}

    def fill(self, text: str, values: Mapping[str, str], secret: frozenset[str] = frozenset(), depth: int = 0) -> str:
        """A text with its templates filled; `values` has the variables, of which those in `secret` are secrets."""
        if depth > _MOST_DEPTH or len(text) > _MOST_CHARACTERS:
            return text

        def filled(match: re.Match[str]) -> str:
            if match[2] is not None:
                return self._tag(match[2].strip().rstrip("-"))
            name = _plain(match[1].strip())
            if name in self.slots:
                return marks.value(self.slots[name])
            if name.startswith("$"):
                return self.generator(name[1:])
            if not re.fullmatch(r"[^\x00-\x1f|()]+", name):
                self._say(f"the template {match[0][:40]!r} was left as it stands: it is no variable")
                return match[0]
            return self._variable(name, values, secret, depth)

        return marks.literal(text, lambda piece: _TEMPLATE.sub(filled, piece))

    def _variable(self, name: str, values: Mapping[str, str], secret: frozenset[str], depth: int) -> str:
        value = values.get(name, "")
        if not value.strip():
            return self._vault.declare(env_name(name), f"the variable {name} of the collection, which has no value for it")
        plain = self.fill(value, values, secret, depth + 1)
        if (name in secret or is_secret_parameter(name)) and not marks.has_mark(plain):
            return self._vault.mark(plain, name, f"the variable {name} of the collection")
        return plain

    def generator(self, name: str) -> str:
        """The mark of a source that generates what a dynamic variable does."""
        if name not in self._sources:
            source = GENERATORS.get(name)
            if source is None:
                self._say(f"{{{{${name}}}}} becomes eight random letters: tressi has no such generator")
                source = {"text": {"length": 8, "alphabet": _LETTERS}}
            self._sources[name] = self._names.free(name)
            self.data[self._sources[name]] = source
        return marks.value(self._sources[name])

    def _tag(self, tag: str) -> str:
        """A tag of Insomnia's: what it generates, or a variable for what it would fetch."""
        name, _, rest = tag.partition(" ")
        if name == "uuid":
            return self.generator("uuid")
        if name in {"now", "timestamp"}:
            return self.generator("milliseconds" if "millis" in rest else "timestamp" if "unix" in rest else "now")
        self._say(f"the tag {{% {name[:20]} %}} is a variable of the environment now: tressi does not compute it")
        return self._vault.declare(env_name(f"tag {name}"), f"what the tag {{% {name[:20]} %}} stands for")

    def _say(self, note: str) -> None:
        if note not in self._notes:
            self._notes.append(note)


def _plain(name: str) -> str:
    """`_.base_url` and `_['base_url']` as `base_url`."""
    quoted = re.fullmatch(r"_\[['\"]([^'\"]+)['\"]\]", name)
    return quoted[1] if quoted else name.removeprefix("_.")
