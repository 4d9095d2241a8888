"""Chapter 9's numbered equations, as printed."""

from equation_tests import of_chapter

SAME = {
    "eq-deep-ln-invariant": {"plus to minus, no. 1": "κ is any number, so -κ will do"},
    "eq-deep-ln-growth": {"minus to plus, no. 1": "a right angle: uphill is as long as downhill"},
}

test_declared, test_equation, test_mutants = of_chapter("composition.deep", SAME)
