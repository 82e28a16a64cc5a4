"""Drawing rows by weight in constant time: Walker's method of aliases, in Vose's form.

Each row gets a column of the height 1. Where its weight, divided by the mean, is less than 1, the rest of its column belongs
to one other row, its alias; a row that weighs more gives away parts of itself until 1 or less is left. To draw is to choose
a column evenly, and then the row or its alias by the probability of the row. Example: of the weights 1 and 3 (mean 2) the
first row stays with the probability 0.5 and has the second as its alias, which stays with 1: the first is drawn in
0.5 * 0.5 = 1/4 of all cases.
"""

from __future__ import annotations

from array import array


def aliases(weights: array[float]) -> tuple[array[float], array[int]]:
    """The probability of each row of staying, and its alias; `weights` are not negative, and one is above 0."""
    count = len(weights)
    # Divided first: the sum of large weights times their number may be no float.
    total = sum(weights)
    shares = [weight / total * count for weight in weights]
    stays = array("d", [1.0]) * count
    others = array("I", range(count))
    small = [row for row, share in enumerate(shares) if share < 1]
    large = [row for row, share in enumerate(shares) if share >= 1]
    while small and large:
        least, most = small.pop(), large[-1]
        share = stays[least] = shares[least]
        others[least] = most
        shares[most] = rest = shares[most] + share - 1
        if rest < 1:
            small.append(large.pop())
    # What is left is 1 but for rounding; a row that weighs nothing is never drawn all the same.
    for row in small:
        if not weights[row]:
            stays[row], others[row] = 0.0, weights.index(max(weights))
    return stays, others
