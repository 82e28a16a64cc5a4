"""What a run is called: its `name` and its `labels`. What they may be, and how they are shown: without a secret in them.

A label says what a person wants to find a run by: a revision, a branch, the machine. So a value that a label takes from the
environment is shown there, unless the variable's name is that of a secret, or the same variable stands elsewhere in the
config. A label whose own name is that of a secret has a mask as its value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from tressi.config.messages import Finding, quoted
from tressi.masking import MASK, is_secret_parameter, mask_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tressi.masking import Masks

KEYS: Final = frozenset({"name", "labels"})
LONGEST_NAME: Final = 200  # characters
LONGEST_VALUE: Final = 1_000
MOST_LABELS: Final = 64
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def key_fault(key: str) -> str | None:
    """What keeps a text from being the key of a label; None where nothing does."""
    if not key:
        return "is empty"
    if "=" in key:
        return "has a =, which ends a key where --label sets it"
    return "has a control character" if _CONTROL.search(key) else None


def identity_mistakes(document: Mapping[str, Any]) -> Iterator[Finding]:
    """Say which labels have keys that no label may have."""
    for key in document.get("labels", {}):
        fault = key_fault(key)
        if fault:
            yield ("labels", key), f"{quoted(key)} {fault}"


def with_labels(document: dict[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """A document with these labels beside its own, or instead of those of the same keys."""
    own = document.get("labels", {})
    return {**document, "labels": {**own, **given}} if isinstance(own, dict) else document


def shown_identity(section: Mapping[str, Any], masks: Masks) -> dict[str, Any]:
    """The name and the labels of a section, as far as it has them, with what is secret in them masked."""
    shown: dict[str, Any] = {}
    if isinstance(section.get("name"), str):
        shown["name"] = _shown(section["name"], masks)
    if isinstance(section.get("labels"), dict):
        shown["labels"] = {_shown(key, masks): _value(key, value, masks) for key, value in section["labels"].items()}
    return shown


def _value(key: str, value: str, masks: Masks) -> str:
    return MASK if is_secret_parameter(key) or masks.names(key) else _shown(value, masks)


def _shown(text: str, masks: Masks) -> str:
    return masks.hide(mask_url(text, masks.is_parameter))
