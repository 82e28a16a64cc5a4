"""The config as it goes into the summary: defaults filled in, so that it says what was run, and secrets masked.

Defaults go to the top level, the global autoscale section and each request, never into an endpoint's section: what is left
out there is inherited, and a default written there would stop that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tressi.config.defaults import defaults
from tressi.config.identity import shown_identity
from tressi.config.masks import pointer_keys, without
from tressi.config.messages import URL_KEYS
from tressi.config.stray import homes
from tressi.masking import MASK, Masks, is_secret_parameter, mask_url
from tressi.masking import mask_headers as masked_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping


def record(document: Mapping[str, Any], masks: Masks | None = None) -> dict[str, Any]:
    """Return a copy of a sound document in the current form, filled in and safe to show."""
    masks = masks or Masks()
    filled = {**document, **_missing(document, "TressiConfigSchema")}
    if isinstance(document.get("autoscale"), dict):
        filled["autoscale"] = {**document["autoscale"], **_missing(document["autoscale"], "GlobalAutoscaleConfig")}
    filled["requests"] = [
        _masked({**request, **_missing(request, "RequestConfigSchema")}, masks) for request in document["requests"]
    ]
    if "thresholds" in document:
        filled["thresholds"] = [_masked_threshold(entry) for entry in document["thresholds"]]
    return {**_masked(filled, masks), **shown_identity(filled, masks)}


def _missing(section: Mapping[str, Any], definition: str) -> dict[str, Any]:
    return {name: value for name, value in defaults(definition).items() if name not in section}


def _masked_threshold(entry: str | Mapping[str, Any]) -> str | dict[str, Any]:
    # An endpoint may be named by its URL.
    if isinstance(entry, str):
        return mask_url(entry)
    return {**entry, "threshold": mask_url(entry["threshold"])}


def _masked(section: Mapping[str, Any], masks: Masks) -> dict[str, Any]:
    masked = {name: _masked_value(name, value, masks) for name, value in section.items()}
    if isinstance(section.get("headers"), dict):
        masked["headers"] = {**section["headers"], **dict(masked_pairs(_sent(section["headers"]), masks.headers))}
    if isinstance(section.get("expect"), dict):
        masked["expect"] = _masked(section["expect"], masks)
    if isinstance(section.get("variants"), list):  # at the top level it is unknown, and may be anything
        masked["variants"] = [_masked(one, masks) if isinstance(one, dict) else one for one in section["variants"]]
    return masked


def _sent(headers: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Those that are not left out: null gives nothing away."""
    return [(name, value) for name, value in headers.items() if value is not None]


def _masked_value(name: str, value: Any, masks: Masks) -> Any:  # noqa: ANN401 - any JSON value
    # A property that is unknown here may have the name of one elsewhere, and a value of any type.
    if name in URL_KEYS and isinstance(value, str):
        return mask_url(value, masks.is_parameter)
    if name == "body" and isinstance(value, str):
        return masks.hide(value)
    if name in {"payload", "form"}:
        for pointer in masks.pointers:
            value = without(value, pointer_keys(pointer), MASK)
        return value
    # One that no section knows is only a warning, and people leave passwords in such.
    return MASK if name not in homes() and is_secret_parameter(name) else value
