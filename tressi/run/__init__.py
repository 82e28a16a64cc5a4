"""One run from start to summary.

The package's top promises `from tressi import run; run(config)`, and this room has the same name. Importing anything
from the room would put the room in the function's place, so the room can be called, and is the function.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _CallableRoom(ModuleType):
    """The module's own type: a call is passed to `tressi.run.runner.run`, imported only then."""

    def __call__(self, config: Any) -> dict[str, Any]:  # noqa: ANN401 - typed where it is defined
        """Do one run and return its summary; see `tressi.run.runner.run`.

        >>> from tressi import run
        >>> from tressi.testing.target import Target
        >>> with Target() as address:
        ...     summary = run({"baseUrl": address, "requests": [{"url": "/fast"}], "rps": 20, "duration": 1})
        >>> summary["endReason"], summary["global"]["statusCodes"].keys() == {"200"}
        ('duration', True)
        """
        summary: dict[str, Any] = import_module("tressi.run.runner").run(config)
        return summary

    def __reduce__(self) -> tuple[Any, ...]:
        """Be found by name in another process, as a function would be: `pool.map(tressi.run, configs)`."""
        return import_module, (self.__name__,)


sys.modules[__name__].__class__ = _CallableRoom
