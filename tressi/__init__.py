"""tressi: a declarative HTTP load generator with one autoscaled worker pool per endpoint.

`load_config` reads a config and finds everything wrong with it, `run` does one run, `EndpointRunner` is a run that can be
watched and steered while it lasts. For example a run of one second, against an engine that answers without a network:

>>> from tressi import EndpointRunner, load_config
>>> from tressi.testing.fake_engine import FakeEngine
>>> config = load_config({"requests": [{"url": "http://127.0.0.1:8080/fast"}], "rps": 50, "workers": 2, "duration": 1})
>>> config.duration_s, config.shared_pool.workers, config.shared_pool.target_rps
(1.0, 2, 50.0)
>>> runner = EndpointRunner(config, engine=FakeEngine())
>>> runner.start()
>>> summary = runner.summary()
>>> summary["endReason"], summary["global"]["requestsFailed"], summary["verdict"]["word"]
('duration', 0, 'PASSED')

A name of this module is imported when it is first used: importing tressi loads nothing, and works where the compiled parts
are missing. What cannot work there says so when it is used.
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
