"""What holds for all tests."""

import os

import pytest
from hypothesis import settings

# An example has no time limit: on a busy machine, or under ASan, one of 200 ms says nothing of tressi.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def _no_proxy_variables(monkeypatch):
    """The machine's own would be remarked on in front of every run."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
