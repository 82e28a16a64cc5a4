"""References: RFC 3986's own examples, and what urllib loses."""

from urllib.parse import urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tressi.request.reference import Reference, reference_of, resolved

pytestmark = pytest.mark.pure

BASE = "http://a/b/c/d;p?q"

# RFC 3986 5.4.1 and 5.4.2, without the fragments, which no request has; the last is read as browsers do (the non-strict way).
EXAMPLES = {
    "g:h": "g:h",
    "g": "http://a/b/c/g",
    "./g": "http://a/b/c/g",
    "g/": "http://a/b/c/g/",
    "/g": "http://a/g",
    "//g": "http://g",
    "?y": "http://a/b/c/d;p?y",
    "g?y": "http://a/b/c/g?y",
    "#s": "http://a/b/c/d;p?q",
    "g#s": "http://a/b/c/g",
    "g?y#s": "http://a/b/c/g?y",
    ";x": "http://a/b/c/;x",
    "g;x": "http://a/b/c/g;x",
    "g;x?y#s": "http://a/b/c/g;x?y",
    "": "http://a/b/c/d;p?q",
    ".": "http://a/b/c/",
    "./": "http://a/b/c/",
    "..": "http://a/b/",
    "../": "http://a/b/",
    "../g": "http://a/b/g",
    "../..": "http://a/",
    "../../": "http://a/",
    "../../g": "http://a/g",
    "../../../g": "http://a/g",
    "../../../../g": "http://a/g",
    "/./g": "http://a/g",
    "/../g": "http://a/g",
    "g.": "http://a/b/c/g.",
    ".g": "http://a/b/c/.g",
    "g..": "http://a/b/c/g..",
    "..g": "http://a/b/c/..g",
    "./../g": "http://a/b/g",
    "./g/.": "http://a/b/c/g/",
    "g/./h": "http://a/b/c/g/h",
    "g/../h": "http://a/b/c/h",
    "g;x=1/./y": "http://a/b/c/g;x=1/y",
    "g;x=1/../y": "http://a/b/c/y",
    "g?y/./x": "http://a/b/c/g?y/./x",
    "g?y/../x": "http://a/b/c/g?y/../x",
    "g#s/./x": "http://a/b/c/g",
    "http:g": "http://a/b/c/g",
}


def whole(reference):
    """A reference as text; the path of an authority without one is empty or `/`, which are the same."""
    authority = "" if reference.authority is None else f"//{reference.authority}"
    path = "" if reference.authority is not None and reference.path == "/" else reference.path
    return f"{reference.scheme}:{authority}{path}" + ("" if reference.query is None else f"?{reference.query}")


def test_references_are_resolved_as_the_standard_shows():
    """Every example of RFC 3986 5.4."""
    for text, expected in EXAMPLES.items():
        found = resolved(reference_of(BASE), reference_of(text))
        # A path without an authority has no root to go back to.
        shown = "g:h" if text == "g:h" and found.scheme == "g" else whole(found)
        assert shown.rstrip("/") == expected.rstrip("/"), text
        assert (shown[-1] == "/") == (expected[-1] == "/") or found.path == "/", text


def test_what_is_empty_differs_from_what_is_absent():
    """A lone `?` is part of the target, and a lone `#` is not."""
    assert reference_of("http://h/a?").target == "/a?"
    assert reference_of("http://h/a#").target == "/a"
    assert reference_of("http://h?").target == "/?"
    assert reference_of("http://h").target == "/"
    assert reference_of("//h/a") == Reference(None, "h", "/a", None)
    assert reference_of("1a://b") == Reference(None, None, "1a://b", None)


SEGMENT = st.sampled_from(["", "a", "b", ".", "..", "...", "%2e", "a.b"])


@given(base=st.lists(SEGMENT, min_size=1, max_size=4), path=st.lists(SEGMENT, min_size=1, max_size=6))
def test_a_relative_path_is_resolved_as_urllib_does(base, path):
    """Where urllib keeps to the standard, too: without empty segments, of which it makes hosts, or loses them."""
    base, path = ([segment or "x" for segment in parts] for parts in (base, path))
    one = resolved(reference_of("http://h/" + "/".join(base)), reference_of("/".join(path)))
    assert f"http://h{one.target}" == urljoin("http://h/" + "/".join(base), "/".join(path))
