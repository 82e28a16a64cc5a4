"""The formats by name: how the text of each is read, what its config is by default, and which module knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tressi.imports.finish import finished
from tressi.imports.names import Names
from tressi.imports.request import DocumentError
from tressi.imports.secrets import Vault
from tressi.imports.sound import read_json, read_json_or_yaml, without_halves

if TYPE_CHECKING:
    from collections.abc import Callable

    from tressi.imports.options import Imported, Options

FORMATS: Final = ("har", "curl", "openapi", "postman", "insomnia")
# Which flags belong to one format alone.
OWN_FLAGS: Final = {"hosts": ("har",)}


def imported(source: str, text: str, label: str, options: Options) -> Imported:
    """The config of a document; `label` is what messages call it. Raises ConfigError where there is none."""
    try:
        return _READERS[source](without_halves(text), label, options)
    except DocumentError as error:
        raise DocumentError(f"{label}: {error}") from None


def _curl(text: str, label: str, options: Options) -> Imported:
    from tressi.imports.curl import gather  # noqa: PLC0415 - one format is imported at a time

    del label
    vault = Vault()
    return finished(gather(text, options, vault), options.wanted or "requests", options, Names(), vault)


def _har(text: str, label: str, options: Options) -> Imported:
    from tressi.imports.har import import_har  # noqa: PLC0415 - one format is imported at a time

    return import_har(read_json(text, label), options, Names())


def _openapi(text: str, label: str, options: Options) -> Imported:
    from tressi.imports.openapi import gather  # noqa: PLC0415 - one format is imported at a time

    vault = Vault()
    gathered = gather(read_json_or_yaml(text, label), options, vault)
    return finished(gathered, options.wanted or "requests", options, Names(), vault)


def _postman(text: str, label: str, options: Options) -> Imported:
    from tressi.imports.postman import gather  # noqa: PLC0415 - one format is imported at a time

    wanted, names, vault = options.wanted or "requests", Names(), Vault()
    return finished(gather(read_json(text, label), wanted, options, names, vault), wanted, options, names, vault)


def _insomnia(text: str, label: str, options: Options) -> Imported:
    from tressi.imports.insomnia import gather  # noqa: PLC0415 - one format is imported at a time

    names, vault = Names(), Vault()
    gathered = gather(read_json_or_yaml(text, label), options, names, vault)
    return finished(gathered, options.wanted or "requests", options, names, vault)


_READERS: Final[dict[str, Callable[[str, str, Options], Imported]]] = {
    "har": _har,
    "curl": _curl,
    "openapi": _openapi,
    "postman": _postman,
    "insomnia": _insomnia,
}
