"""The log is written where it can be, and costs a run nothing where it cannot."""

import errno
import io

import pytest
import structlog

from tressi.log import log_error, log_failure, log_warning

pytestmark = pytest.mark.pure


class Refusing(io.StringIO):
    """A stream whose writes fail, after its reader has left or its disk is full."""

    def __init__(self, number):
        super().__init__()
        self.number, self.asked = number, 0

    def write(self, _):
        """Fail, and count how often."""
        self.asked += 1
        raise OSError(self.number, "no")


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.fixture
def written():
    """Have an application's own structlog write to a stream."""
    yield lambda stream: structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(stream))
    structlog.reset_defaults()


def test_a_log_that_cannot_be_written_ends_nothing(written):
    """Neither a pipe without a reader nor a full disk nor a closed file raises where an event is told."""
    for stream in (Refusing(errno.EPIPE), Refusing(errno.ENOSPC), Refusing(errno.EIO), closed()):
        written(stream)
        log_error("a node was lost", node="n1")
        log_warning("a clock is coarse", node="n1")
        log_failure("an evaluation failed", ValueError("no"))
        assert getattr(stream, "asked", 3) == 3, stream


def test_an_event_is_written_once(written):
    """What can be written is."""
    stream = io.StringIO()
    written(stream)
    log_error("a node was lost", node="n1")
    assert stream.getvalue().count("a node was lost") == 1
    assert "n1" in stream.getvalue()
