"""Chapter 10's numbered equations, as printed."""

from equation_tests import of_chapter

test_declared, test_equation, test_mutants = of_chapter("composition.every_framework", {})
