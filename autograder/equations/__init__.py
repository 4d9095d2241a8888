"""Equations under test: the book's numbered equations, read from their LaTeX and evaluated.

What is printed is what is tested. A grammar turns the LaTeX of an equation into a tree; the tree is evaluated on
arrays in a *world*, a small network run with random sizes and numbers; every relation sign in it must hold. Gradients
in a world are never written by hand: they come from automatic differentiation in PyTorch and TensorFlow and from
complex steps in NumPy. Which equation is evaluated in which world is declared in one module a chapter, in folders
named as the book's. Nothing of the course's other rooms is imported or known here, so that a mistake in the reference
networks cannot hide one in the book; frameworks are imported only when a world asks for them.
"""
