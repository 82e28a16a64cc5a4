"""What holds for all tests."""

import os

import pytest


@pytest.fixture(autouse=True)
def _no_proxy_variables(monkeypatch):
    """The machine's own would be remarked on in front of every run."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
