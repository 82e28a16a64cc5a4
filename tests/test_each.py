"""What tries many cases in one test: every case is tried, and each that fails is named."""

import inspect

import pytest
from each import each

pytestmark = pytest.mark.pure


def test_every_case_that_fails_is_named():
    """None keeps another from being tried; a refusal of the lanes counts like any failure."""
    tried = []

    @each(("left", "right"), [(1, 1), (1, 2), pytest.param(3, 4, id="far"), (5, 5)])
    def law(left, right):
        tried.append(left)
        if left == 1:
            assert left == right
        elif left != right:
            pytest.fail("they differ")

    with pytest.raises(BaseExceptionGroup, match=r"^2 of 4 cases failed: 1-2; far$") as failed:
        law()
    assert tried == [1, 1, 3, 5]
    assert [failure.__notes__ for failure in failed.value.exceptions] == [["the case is 1-2"], ["the case is far"]]


def test_every_combination_is_tried_with_the_fixtures():
    """Arguments that are in no case are fixtures."""
    tried = []

    @each("letter", "ab", ids=str.upper)
    @each("number", [1, 2], ids=["one", "two"])
    def law(letter, number, tmp_path):
        tried.append(f"{letter}{number}{tmp_path}")
        assert (letter, number) != ("b", 1)

    assert list(inspect.signature(law).parameters) == ["tmp_path"]
    with pytest.raises(BaseExceptionGroup, match=r"^1 of 4 cases failed: B, one$"):
        law(tmp_path="/")
    assert tried == ["a1/", "b1/", "a2/", "b2/"]


def test_a_test_without_cases_is_none():
    """It would hold whatever happened."""
    with pytest.raises(AssertionError):
        each("one", [])
