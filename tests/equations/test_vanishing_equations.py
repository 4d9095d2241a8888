"""Chapter 5's numbered equations, as printed."""

from equation_tests import of_chapter

SAME = {
    "eq-vanish-by-lag": {"minus to plus, no. 1": "lags of T and more have no terms, as the inner sum says"},
    "eq-vanish-kreiss": {"minus to plus, no. 2": "true as well: the powers of -U have the norms of those of U"},
    "eq-vanish-fan-out": {"transpose dropped, no. 1": "true as well: U and its transpose have one distribution"},
}

test_declared, test_equation, test_mutants = of_chapter("foundations.vanishing", SAME)
