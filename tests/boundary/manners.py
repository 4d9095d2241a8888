"""The two sides of an examination, over Jupyter's channels or over lines."""

from autograder.boundary import learner_package
from autograder.boundary.agent_text import MODULE
from autograder.boundary.sides import Side
from autograder.kernels import Limits, kernel_manager
from autograder.kernels.cells import CellKernel
from autograder.kernels.launching import Wanted

MANNERS = ("jupyter", "cells")
EXAMINER = ("autograder.boundary.examiner",)


def sides(manner: str, limits: Limits | None = None, isolation: str = "auto") -> dict[str, Side]:
    """The arguments `learner` and `examiner` of `examine`."""
    if manner == "jupyter":
        return {
            "learner": Side(lambda: kernel_manager(side="learner", limits=limits, isolation=isolation)),
            "examiner": Side(lambda: kernel_manager(side="examiner", modules=EXAMINER)),
        }
    learner = Wanted(
        "learner",
        "cells",
        modules=(MODULE,),
        folders=(learner_package.built(),),
        limits=limits or Limits(),
        isolation=isolation,
    )
    examiner = Wanted("examiner", "cells", modules=EXAMINER)
    return {"learner": Side(lambda: CellKernel(learner)), "examiner": Side(lambda: CellKernel(examiner))}
