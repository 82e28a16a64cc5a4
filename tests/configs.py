"""Configs for tests, made of sections."""

import pytest

from tressi.config.load import load_config
from tressi.errors import ConfigError
from tressi.load.plan import make_plan
from tressi.model import pools_of

ABSENT = None


def document(*sections, **top):
    """A config with one request per section, None for a request without one."""
    requests = [
        {"url": f"http://h/{index}", **({} if section is ABSENT else {"autoscale": section})}
        for index, section in enumerate(sections)
    ]
    return {"requests": requests, **top}


def on(**more):
    """An enabled section."""
    return {"enabled": True, **more}


def off(**more):
    """A disabled section."""
    return {"enabled": False, **more}


def problems(bad):
    """Load a config with problems, and return them as lines."""
    with pytest.raises(ConfigError) as caught:
        load_config(bad)
    return str(caught.value).splitlines()


def planned(config):
    """The plan of a resolved config, each pool with one worker."""
    return make_plan(config, {pool.id: 1 for pool in pools_of(config)})
