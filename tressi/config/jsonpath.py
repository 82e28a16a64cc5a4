"""The paths of `expect.json` and `extract`: the part of JSONPath (RFC 9535) that names one place in a document.

`$` is the document, `.name` and `['name']` a member of an object, `[n]` an entry of a list, counted from 0, or from -1
backwards. Whatever names several places (`*`, `..`, slices, filters) is refused in a condition: what would it mean that they
are `true`? Where a value is extracted, `[*]` is any entry of a list, and no index counts backwards: a body is read while it
comes, and its end is not known then.
"""

from __future__ import annotations

import re
from typing import Final

Step = str | int

# Letters, digits, _ and all beyond ASCII, as what they are not: `re` takes ten times as long to compile so large a range.
_NAME: Final = re.compile(r"\.([^\x00-@\[-^`{-\x7f][^\x00-/:-@\[-^`{-\x7f]*)")
_INDEX: Final = re.compile(r"\[(0|-?[1-9][0-9]{0,8})\]")
_QUOTED: Final = re.compile(r"""\[(?:'((?:[^'\\]|\\['"\\/])*)'|"((?:[^"\\]|\\['"\\/])*)")\]""")
_ANY: Final = "\x00*"
_ESCAPED: Final = re.compile(r"\\(.)")


class PathError(ValueError):
    """What is wrong with a path, in words that go on behind it."""


def steps_of(path: str) -> tuple[Step, ...]:
    """The names and indices from the document to the place. Raises PathError.

    >>> steps_of("$.items[0]['sku id']")
    ('items', 0, 'sku id')
    """
    if not path.startswith("$"):
        raise PathError('is no path, which begins with $, as in "$.items[0].id"')
    steps: list[Step] = []
    at = 1
    while at < len(path):
        found = _NAME.match(path, at) or _QUOTED.match(path, at) or _INDEX.match(path, at)
        if found is None:
            raise PathError(_refusal(path, at))
        steps.append(_step(found))
        at = found.end()
    return tuple(steps)


def steps_to_values(path: str) -> tuple[Step | None, ...]:
    """The steps to the values of an extract, None for any index. Raises PathError.

    >>> steps_to_values("$.items[*].id")
    ('items', None, 'id')
    """
    # A name that no path can have stands for them while the rest is read.
    steps = steps_of(path.replace("[*]", f"['{_ANY}']"))
    backwards = next((step for step in steps if isinstance(step, int) and step < 0), None)
    if backwards is not None:
        raise PathError(f"counts from the end with [{backwards}], which is not known while a body comes")
    return tuple(None if step == _ANY else step for step in steps)


def _step(found: re.Match[str]) -> Step:
    if found.re is _INDEX:
        return int(found[1])
    text = found[1] if found.re is _NAME or found[1] is not None else found[2]
    return text if found.re is _NAME else _ESCAPED.sub(r"\1", text)


def _refusal(path: str, at: int) -> str:
    rest = path[at:]
    if rest.startswith(("..", ".*", "[*", "[?", "[:")) or re.match(r"\[-?\d*:", rest):
        return f"names several places at character {at + 1}; a condition is about one"
    return f"cannot be read at character {at + 1}: behind $ stand .name, ['name'] and [n], as in \"$.items[0]['sku id']\""
