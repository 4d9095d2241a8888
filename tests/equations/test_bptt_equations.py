"""Chapter 4's numbered equations, as printed."""

from equation_tests import of_chapter

SAME = {"eq-bptt-system": {"minus to plus, no. 2": "the series ends at T - 1 by itself: K^T = 0, as the page says"}}

test_declared, test_equation, test_mutants = of_chapter("foundations.backpropagation_through_time", SAME)
