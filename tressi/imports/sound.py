"""Reading the text of a document: JSON or YAML into values that every importer may walk without asking.

Whatever the text is, the outcome is a value or a sentence. YAML is an extra, and its reader takes aliases, which may stand
for more values than fit in memory; they are counted before anything walks the document.
"""

from __future__ import annotations

import re
from math import inf
from typing import Any, Final

from tressi.config.messages import refusal
from tressi.config.source import decoded, parse

MAX_DEPTH: Final = 200
MAX_VALUES: Final = 5_000_000
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def text_of(data: bytes, label: str) -> str:
    """The text of a file. Raises ConfigError."""
    return decoded(data, label)


def read_json(text: str, label: str) -> Any:  # noqa: ANN401 - any JSON value
    """A document in JSON. Raises ConfigError."""
    if not text.strip():
        raise refusal(f"{label} is empty")
    return _sound(parse(text, label), label)


def read_json_or_yaml(text: str, label: str) -> Any:  # noqa: ANN401 - any value of both
    """A document in JSON, or in YAML where it does not begin with a brace. Raises ConfigError."""
    if text.lstrip()[:1] in {"", "{", "["}:
        # YAML has braces too, but JSON is what was meant most likely, and its error has the place.
        return read_json(text, label)
    document = _read_yaml(text, label)
    if _size(document, {}) > MAX_VALUES:
        raise refusal(f"{label} stands for more than {MAX_VALUES:,} values, or for itself")
    return _sound(document, label)


def _size(value: Any, known: dict[int, float]) -> float:  # noqa: ANN401 - any value
    """How many values a document of YAML stands for, each alias counted; infinite where it holds itself."""
    if not isinstance(value, (dict, list)):
        return 1
    if id(value) not in known:
        known[id(value)] = inf  # until it is counted: what leads back here never ends
        inner = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_size(one, known) for one in inner)
    return known[id(value)]


def clean(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """A value that was read of a text within a document: nothing in it is a mark. Raises ConfigError."""
    return _sound(value, "a text within the document")


def without_halves(text: str) -> str:
    """A text without halves of surrogate pairs, which are marks in this room and characters nowhere."""
    return _SURROGATE.sub("\ufffd", text)


def _read_yaml(text: str, label: str) -> Any:  # noqa: ANN401 - any value of YAML
    try:
        import yaml  # noqa: PLC0415 - an extra, and only documents in YAML need it
    except ImportError:
        raise refusal(
            f"{label} is not JSON; if it is YAML, the extra tressi[import] reads it; or convert it: `yq -o=json`"
        ) from None
    try:
        return yaml.load(text, Loader=_loader())  # noqa: S506 - a safe loader with fewer types
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = "" if mark is None else f" at line {mark.line + 1}, column {mark.column + 1}"
        raise refusal(f"{label} is neither JSON nor YAML: {error.problem or 'it cannot be read'}{where}") from None
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError):
        raise refusal(f"{label} is neither JSON nor YAML that can be read") from None


def _loader() -> Any:  # noqa: ANN401 - a class of PyYAML's, which has no types
    """PyYAML's safe loader with the scalars of JSON: dates and `on`, `off`, `yes`, `no` are texts, as in YAML 1.2."""
    import yaml  # noqa: PLC0415 - see above

    class Loader(yaml.SafeLoader):
        """See the function."""

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":bool", ":value"))]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
    return Loader


def _sound(document: Any, label: str) -> Any:  # noqa: ANN401 - any value
    """The document with texts as names and no half of a surrogate pair. Raises ConfigError where it is too deep or large."""
    left = [MAX_VALUES]

    def sound(value: Any, depth: int) -> Any:  # noqa: ANN401 - any value
        left[0] -= 1
        if left[0] < 0:
            raise refusal(f"{label} has more than {MAX_VALUES:,} values")
        if depth > MAX_DEPTH:
            raise refusal(f"{label} is nested deeper than {MAX_DEPTH} levels")
        if isinstance(value, dict):
            return {_text(key): sound(inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, (list, tuple, set)):
            return [sound(inner, depth + 1) for inner in value]
        if isinstance(value, str):
            return _SURROGATE.sub("\ufffd", value)
        return value if value is None or isinstance(value, (bool, int, float)) else _text(value)

    return sound(document, 0)


def _text(value: object) -> str:
    """A name of YAML that is no text, such as the status 200 or the boolean true, as it is written."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if value is None or isinstance(value, bool):
        return {True: "true", False: "false", None: "null"}[value]
    return _SURROGATE.sub("\ufffd", str(value))
