"""What the config can say and this version cannot do yet: one table, a line per thing, removed when it is built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tressi.config.place import Finding

NOT_YET = {
    "thresholds": "thresholds on the results are not there yet; earlyExitOnError can fail a run",
}


def unsupported(document: Mapping[str, Any]) -> list[Finding]:
    """Return what a well-typed document asks for and does not get; asking for the default is no refusal."""
    return [((key,), reason) for key, reason in NOT_YET.items() if document.get(key)]
