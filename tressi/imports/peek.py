"""Looking into a document that others wrote: a member of the right type, or nothing."""

from __future__ import annotations

from typing import Any


def obj(value: Any, *path: str) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """The object at a path of names, empty where there is none."""
    found = at(value, *path)
    return found if isinstance(found, dict) else {}


def objs(value: Any, *path: str) -> list[dict[str, Any]]:  # noqa: ANN401 - any JSON value
    """The objects of the list at a path of names."""
    found = at(value, *path)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def text(value: Any, *path: str) -> str:  # noqa: ANN401 - any JSON value
    """The text at a path of names, "" where there is none; a number is written out."""
    found = at(value, *path)
    if isinstance(found, bool):
        return "true" if found else "false"
    return found if isinstance(found, str) else str(found) if isinstance(found, (int, float)) else ""


def number(value: Any, *path: str) -> float | None:  # noqa: ANN401 - any JSON value
    """The number at a path of names."""
    found = at(value, *path)
    return float(found) if isinstance(found, (int, float)) and not isinstance(found, bool) and abs(found) < 1e300 else None  # noqa: PLR2004 - below what a float holds


def at(value: Any, *path: str) -> Any:  # noqa: ANN401 - any JSON value
    """The value at a path of names, None where there is none."""
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value
