"""Attempts granted to nodes bit by bit: never one too many, none left over, whatever is late, uneven or lost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tressi.nodes.grants import Count

pytestmark = pytest.mark.pure


class Node:
    """A node that uses up to `pace` attempts between two exchanges."""

    def __init__(self, pace):
        self.pace, self.granted, self.used = pace, 0, 0

    def obey(self, wanted):
        """Change its grant as its memory allows: what is used cannot be taken back."""
        self.granted = max(self.used, wanted)

    def work(self):
        """Use some."""
        self.used = min(self.granted, self.used + self.pace)


def exchange(count, number, node, shares, *, comes_back=True):
    """One order and its answer, half a second after the one before."""
    node.obey(count.wanted(number, shares))
    assert count.total >= sum(grant.most for grant in count._grants)
    if comes_back:
        count.answered(number, node.granted, node.granted - node.used, 0.5)


@settings(max_examples=100, deadline=None)
@given(
    total=st.integers(1, 5_000),
    paces=st.lists(st.integers(1, 200), min_size=1, max_size=5),
    order=st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=60),
)
def test_all_attempts_are_made_and_not_one_more(total, paces, order):
    """However unequal the nodes are, and whichever answers next."""
    count, nodes = Count(total, len(paces)), [Node(pace) for pace in paces]
    shares = [1] * len(nodes)
    for number, comes_back in order:
        node = nodes[number % len(nodes)]
        exchange(count, number % len(nodes), node, shares, comes_back=comes_back)
        node.work()
        assert sum(one.used for one in nodes) <= total
    for _ in range(2 * total + 20):
        for number, node in enumerate(nodes):
            exchange(count, number, node, shares)
            node.work()
        if count.is_closed and sum(one.used for one in nodes) == total:
            break
    assert (sum(one.used for one in nodes), count.is_closed) == (total, True)


@settings(max_examples=100, deadline=None)
@given(total=st.integers(10, 2_000), paces=st.lists(st.integers(1, 50), min_size=2, max_size=4), after=st.integers(0, 20))
def test_what_a_lost_node_may_have_made_is_made_by_no_other(total, paces, after):
    """The others make the rest; how much is in doubt is known, and none of it is once the lost node's last word has come."""
    count, nodes = Count(total, len(paces)), [Node(pace) for pace in paces]
    shares = [1] * len(nodes)
    for turn in range(2 * total + 40):
        for number, node in enumerate(nodes):
            if number == 0 and turn >= after:
                continue
            exchange(count, number, node, shares, comes_back=number != 0 or turn + 1 < after)
            node.work()
        if turn == after:
            count.lose(0)
    known = sum(one.used for one in nodes[1:])
    assert known + nodes[0].used <= total
    assert known + count._grants[0].most == total
    assert nodes[0].used <= count._grants[0].used + count.doubtful(0)
    count.answered(0, nodes[0].granted, nodes[0].granted - nodes[0].used, 0.5)
    count.settle(0)
    assert count.doubtful(0) == 0


def test_a_node_without_workers_is_granted_nothing():
    """Before anything is known of what they use, the workers say whose attempts they are."""
    count = Count(5, 3)
    assert [count.wanted(number, [0, 3, 2]) for number in range(3)] == [0, 3, 2]
