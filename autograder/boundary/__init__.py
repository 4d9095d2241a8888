"""The trust boundary: what a learner hands in is looked at here before anything else touches it.

Notebooks come in as files and leave as checked data. Nothing here knows recurrent networks, a gradebook or a
class, so that another course could use it.
"""
