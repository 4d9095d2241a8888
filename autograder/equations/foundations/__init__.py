"""Declarations for the chapters of part I, one module a chapter, and the networks they are read in (networks.py).

A module says of every numbered equation of its page whether it is read, tied or a definition, and in which world. It
holds no formula of the page: what the symbols are comes from automatic differentiation of the networks.
"""
