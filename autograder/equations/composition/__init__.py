"""Declarations for the chapters of part III (both directions, depth, every framework), one module a chapter.

As in `foundations`: no formula of a page is held here. What the symbols are comes from automatic differentiation.
"""
