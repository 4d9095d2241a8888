"""The trust boundary: what a learner hands in is looked at here before anything else touches it.

Notebooks come in as files and leave as checked data; what their code answers comes in as messages and leaves as
checked values; what is shown of them is harmless to look at. `nbgrader_reading` and `execution` hang all that into
nbgrader. Nothing here knows recurrent networks or what a question expects, so that another course could use it.
"""

from autograder.boundary import schemas as schemas
