"""The quantiles and distribution functions against scipy's, to the ends of what the statistics ask for."""

import math

import pytest
from each import each

from tressi.stats.quantiles import (
    beta_cdf,
    binomial_cdf,
    binomial_quantile,
    normal_cdf,
    normal_quantile,
    student_cdf,
    student_quantile,
)

pytestmark = pytest.mark.pure

SHARES = [1e-6, 0.005, 0.025, 0.05, 0.5, 0.9, 0.975, 0.995, 1 - 1e-6]
FREEDOMS = [1, 1.5, 2, 3, 9, 29, 119.5, 599, 1e4]
LEVELS = [0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999]
SIZES = [1, 2.5, 6, 10.25, 29, 59.9, 299, 1234.5, 2995, 29956, 1e6, 1e9]


@each("share", SHARES)
def test_normal(share):
    """Quantile and distribution are each other's inverse, and scipy's."""
    from scipy import stats  # it takes seconds to import

    assert normal_quantile(share) == pytest.approx(stats.norm.ppf(share), abs=1e-9)
    assert normal_cdf(normal_quantile(share)) == pytest.approx(share, rel=1e-9)


@each("freedom", FREEDOMS)
def test_student(freedom):
    """From one degree of freedom, whose tails have no mean, to ten thousand."""
    from scipy import stats  # it takes seconds to import

    for share in SHARES:
        t = stats.t.ppf(share, freedom)
        assert student_quantile(share, freedom) == pytest.approx(t, rel=1e-6, abs=1e-9)
        assert student_cdf(t, freedom) == pytest.approx(share, rel=1e-8)


@each("a", [0.5, 1, 3.7, 50, 1e4])
@each("b", [0.5, 1, 12.3, 1e3])
def test_beta(a, b):
    """On both sides of the mean and far out."""
    from scipy import stats  # it takes seconds to import

    for x in (0.0, 1e-9, 0.01, a / (a + b), 0.5, 0.99, 1.0):
        assert beta_cdf(x, a, b) == pytest.approx(stats.beta.cdf(x, a, b), rel=1e-9, abs=1e-14)


@each("p", LEVELS)
@each("n", SIZES)
def test_binomial(n, p):
    """The continuation between whole numbers is the beta's; its quantile is within a hundredth of a rank of the root."""
    from scipy import stats  # it takes seconds to import

    for share in (0.025, 0.05, 0.5, 0.975):
        x = binomial_quantile(share, n, p)
        assert -1 <= x <= n
        # A hundredth of a rank to either side brackets the share.
        below, above = (stats.beta.cdf(1 - p, max(n - y, 1e-12), y + 1) if y > -1 else 0.0 for y in (x - 0.01, x + 0.01))
        assert below <= share + 1e-7
        assert above >= share - 1e-7 or x + 0.01 >= n


@each("n", [1, 6, 29, 299, 2995])
@each("p", [0.5, 0.9, 0.999])
def test_binomial_at_whole_numbers(n, p):
    """There it is the binomial that everybody knows."""
    from scipy import stats  # it takes seconds to import

    for k in {0, 1, n // 2, math.floor(n * p), n - 1}:
        assert binomial_cdf(k, n, p) == pytest.approx(stats.binom.cdf(k, n, p), rel=1e-9, abs=1e-14)
    assert binomial_cdf(-1, n, p) == 0
    assert binomial_cdf(n, n, p) == 1
