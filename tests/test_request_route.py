"""Which route a path belongs to."""

import pytest
from each import each
from hypothesis import given
from hypothesis import strategies as st

from tressi.request.route import path_of, route_of

pytestmark = pytest.mark.pure

ROUTES = [
    ("/", "/"),
    ("/items", "/items"),
    ("/items/17", "/items/:id"),
    ("/items/17/", "/items/:id/"),
    ("/items/17?page=2", "/items/:id"),
    ("/items/17/18", "/items/:id/:id"),
    ("/items/17.jpg", "/items/:id.jpg"),
    ("/items/17.5", "/items/17.5"),
    ("/v1/users/0f8fad5b-d9cb-469f-a165-70867728950e/orders", "/v1/users/:id/orders"),
    ("/users/0f8fad5bd9cb469fa16570867728950e", "/users/:id"),
    ("/objects/507f1f77bcf86cd799439011", "/objects/:id"),
    # Words and short digits of a word stay: they are no ids.
    ("/deadbeef", "/deadbeef"),
    ("/facade/decade", "/facade/decade"),
    ("/v2/item17", "/v2/item17"),
    ("/abcdefabcdefabcdef", "/abcdefabcdefabcdef"),
    ("/a//7", "/a//:id"),
]


@each(("target", "route"), ROUTES)
def test_ids_are_folded_and_words_are_not(target, route):
    """The table says what an id is."""
    assert route_of(target) == route


@given(st.lists(st.integers(min_value=0), max_size=5), st.text("abc/?=&1", max_size=20))
def test_a_route_is_its_own_route(numbers, query):
    """Folding twice is folding once, and no query is left."""
    target = "/" + "/x/".join(map(str, numbers)) + "?" + query
    route = route_of(target)

    assert route_of(route) == route
    assert "?" not in route
    assert path_of(target).count("/") == route.count("/")
