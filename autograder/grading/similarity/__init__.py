"""Pairs of submissions that are alike beyond what the release and the reference explain, for a person to judge.

Here live the words of a learner's code (`words`), the fingerprints of its passages (`fingerprints`), what of a
submission counts (`reading`), how pairs are found and weighed (`comparing`), and how they are shown (`pages`).
Nothing here runs a learner's code, changes a grade, or says that somebody copied.
"""
