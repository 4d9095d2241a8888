"""Chapter 2's numbered equations, as printed."""

from equation_tests import of_chapter

SAME = {
    "eq-check-complex": {"plus to minus, no. 2": "f is real on the real line, so Re f''' agrees at conjugate points"},
    "eq-check-kink": {"minus to plus, no. 1": "max(0, v - ε) is 0 for a step that reaches over the kink"},
    "eq-check-relative-bound": {"minus to plus, no. 1": "the triangle inequality holds for a sum and a difference"},
}

test_declared, test_equation, test_mutants = of_chapter("foundations.gradient_checking", SAME)
