"""An outpost as a process: what it says of itself, and that it ends with the process that hosts it."""

import os

import pytest

from tressi.nodes.carrier import CarrierError, NodeGoneError
from tressi.nodes.facts import decode_facts, encode_facts, facts_here
from tressi.nodes.hosting import Hosted

pytestmark = pytest.mark.timed


def test_an_outpost_says_what_its_machine_is():
    """The empty order is answered with the facts, as often as it is asked."""
    with Hosted() as outpost:
        first, second = (decode_facts(outpost.exchange(b"")) for _ in range(2))
    assert first == second == facts_here()
    assert outpost.process.returncode == 0


def test_an_outpost_that_is_gone_is_told_of():
    """A call to it fails, and does not wait."""
    with Hosted() as outpost:
        outpost.exchange(b"")
        os.kill(outpost.process.pid, 9)
        with pytest.raises(NodeGoneError, match="outpost"):
            outpost.exchange(b"")


@pytest.mark.parametrize("answer", [b"", b"\x80", b"\xc1", encode_facts(facts_here())[:-3], b"\x81\xa4name\x01"])
def test_facts_that_are_none_are_an_error_in_words(answer):
    """Another version, or something else altogether, may answer."""
    with pytest.raises(CarrierError, match="a node says nothing of itself"):
        decode_facts(answer)
