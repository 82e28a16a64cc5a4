"""What a config that cannot be read is refused with."""

import pytest

from tressi.config.source import read
from tressi.errors import ConfigError


def message_of(source):
    """Read what cannot be read, and return the sentence."""
    with pytest.raises(ConfigError) as caught:
        read(source)
    return str(caught.value)
