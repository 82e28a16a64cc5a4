"""The seam between a run and its displays: who is told of what."""

import pytest

from tressi.run.events import Publisher
from tressi.ui.watcher import Watcher, attach

pytestmark = pytest.mark.pure


class Counts(Watcher):
    """A display that shows a figure of each second."""

    def moment(self, moment):
        """See Watcher."""


@pytest.mark.parametrize(("watcher", "listens"), [(Watcher(), False), (Counts(), True)])
def test_nothing_is_published_of_a_second_for_a_display_that_shows_none(watcher, listens):
    publisher = Publisher()
    attach(publisher, watcher)
    assert publisher.has_listener("snapshot") is listens
    assert publisher.has_listener("start")
