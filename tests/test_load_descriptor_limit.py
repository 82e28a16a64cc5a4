"""Few file descriptors: what is open is counted, and connections that fit are made."""

import os
import resource
import subprocess
import sys

import pytest
from servers import answering, raw_server, response

from tressi.load.descriptor_limit import open_descriptors

pytestmark = pytest.mark.timed

PROGRAM = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
import os
if os.getuid() == 0:
    # The superuser may raise the limit again, which is what is not wanted here.
    resource.setrlimit = lambda *_: None
from tressi import run
summary = run({"duration": 1, "rps": 50, "workers": 2, "requests": [{"url": sys.argv[1]}]})
print(summary["endReason"], summary["global"]["requestsSucceeded"] > 0, summary["endDetail"])
"""


def test_two_connections_fit_in_64_descriptors():
    """The process has some twenty open; 64 were kept spare, and nothing was left."""
    with raw_server(answering(response())) as server:
        ended = subprocess.run(
            [sys.executable, "-c", PROGRAM, server.url], capture_output=True, text=True, timeout=60, check=False
        )
    assert ended.stdout == "duration True None\n", ended.stderr


def test_what_is_open_is_counted():
    """One more with each file."""
    before = open_descriptors()
    reading, writing = os.pipe()
    assert open_descriptors() == before + 2
    os.close(reading)
    os.close(writing)
    assert before < resource.getrlimit(resource.RLIMIT_NOFILE)[0]
