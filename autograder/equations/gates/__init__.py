"""Declarations for the chapters of part II (LSTM, GRU), one module a chapter, and the networks they are read in.

As in `foundations`: no formula of a page is held here. What the symbols are comes from automatic differentiation.
"""
