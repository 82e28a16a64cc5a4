"""`--header`: what is laid over the headers of a config."""

import pytest

from tressi.config.load import load_config
from tressi.config.overrides import Overrides, headers_of
from tressi.errors import ConfigError

pytestmark = pytest.mark.pure


def sent(document, *lines):
    """The headers of each request, with these laid over."""
    return [endpoint.headers for endpoint in load_config(document, Overrides(headers=lines)).endpoints]


def test_it_replaces_the_headers_of_that_name_everywhere():
    """Whatever their letters; all others stay."""
    document = {
        "headers": {"accept": "a", "X-One": "1"},
        "requests": [{"url": "http://h/a"}, {"url": "http://h/b", "headers": {"ACCEPT": "b", "X-Two": "2"}}],
    }
    assert sent(document, ("Accept", "c"), ("Via", "d"), ("via", "e")) == [
        (("X-One", "1"), ("Accept", "c"), ("Via", "d"), ("Via", "e")),
        (("X-One", "1"), ("Accept", "c"), ("Via", "d"), ("Via", "e"), ("X-Two", "2")),
    ]


def test_it_replaces_the_credentials_of_a_url():
    """They count for more than a header of all requests, and less than this."""
    document = {"requests": [{"url": "http://ann:word@h/a"}, {"url": "http://h/b", "headers": {"Authorization": "own"}}]}
    assert sent(document, ("authorization", "mine")) == 2 * [(("authorization", "mine"),)]


def test_it_may_leave_a_header_out():
    """A payload's Content-Type, a header of the config, and what tressi adds."""
    document = {"headers": {"X-One": "1"}, "requests": [{"url": "http://h/", "method": "POST", "payload": {}}]}
    (endpoint,) = load_config(
        document, Overrides(headers=(("x-one", None), ("Content-Type", None), ("User-Agent", None)))
    ).endpoints
    assert (endpoint.headers, endpoint.left_out) == ((), {"x-one", "content-type", "user-agent"})


def test_the_last_word_counts():
    """None leaves out what came before; a value after it stands alone."""
    assert headers_of([("A", "1"), ("a", None)]) == {"A": None}
    assert headers_of([("A", None), ("a", "1")]) == {"A": "1"}
    assert headers_of([("A", "1"), ("A", "2"), ("a", "3")]) == {"A": ["1", "2", "3"]}


@pytest.mark.parametrize(
    "document", [{"requests": 5}, {"requests": [5]}, {"headers": 5, "requests": [{"url": "http://h/"}]}, 5]
)
def test_a_broken_config_has_its_own_message(document):
    """Nothing is laid over what is none."""
    with pytest.raises(ConfigError):
        sent(document, ("A", "b"))
