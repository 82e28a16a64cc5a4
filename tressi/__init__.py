"""tressi: a declarative HTTP load generator with one autoscaled worker pool per endpoint.

The doors are opened when they are asked for: importing tressi loads nothing, and works where the compiled parts are
missing. What cannot work there says so when it is used.
"""

from __future__ import annotations

from importlib import import_module

from tressi.version import __version__

TYPE_CHECKING = False  # typing's, without typing: `isolation` runs only after this file
if TYPE_CHECKING:
    from tressi.config.load import load_config
    from tressi.errors import ConfigError, TressiError
    from tressi.run.runner import EndpointRunner, run

__all__ = ["ConfigError", "EndpointRunner", "TressiError", "__version__", "load_config", "run"]

_ROOMS = {
    "ConfigError": "tressi.errors",
    "EndpointRunner": "tressi.run.runner",
    "TressiError": "tressi.errors",
    "load_config": "tressi.config.load",
}


def __getattr__(name: str) -> object:
    """Open a door (PEP 562). `run` is the room of that name, which can be called."""
    if name == "run":
        return import_module("tressi.run")
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(_ROOMS[name]), name)
    except ImportError as error:
        from tressi.errors import missing_engine  # noqa: PLC0415 - see above

        raise missing_engine(error) or error from None


def __dir__() -> list[str]:
    """The doors, opened or not."""
    return sorted(__all__)
