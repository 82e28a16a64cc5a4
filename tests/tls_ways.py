"""The ways of TLS: the first transport has two, see `tressi/load/openssl.py`."""

import pytest

PYTHON_TLS = "wire, TLS by Python"
# For a test that asks for `transport`.
EVERY_TLS = pytest.mark.parametrize("transport", ["wire", PYTHON_TLS, "urllib3"], indirect=True)
