# nbgrader's settings for this course. Everything here holds for stock `nbgrader` commands run in this folder,
# for Formgrader, and for `unrolled`, which reads the same file.
from pathlib import Path

from autograder.boundary.execution import ExecuteAcross
from autograder.boundary.nbgrader_reading import protect
from autograder.checks.checking import assignments
from autograder.grading.partial import PartialCredit
from autograder.grading.sources import write_notebooks

c = get_config()  # noqa: F821  (nbgrader defines it)

here = Path(__file__).resolve().parent

c.CourseDirectory.course_id = "unrolled"
c.CourseDirectory.source_directory = str(here / "solutions")
c.CourseDirectory.release_directory = str(here / "exercises")
# The sources are .py files beside the notebooks made from them: they must never reach a learner.
c.CourseDirectory.ignore = [".ipynb_checkpoints", "__pycache__", "*.pyc", "*.py"]

# solutions/ holds py:percent sources; nbgrader reads notebooks. Brings those up to date, in milliseconds.
write_notebooks(here / "solutions")

# exercises/ is generated and committed, so making it again replaces it.
c.GenerateAssignment.force = True
c.ClearSolutions.code_stub = {"python": "# your code here\nraise NotImplementedError()"}
c.ClearSolutions.text_stub = "*Your answer here.*"

# A cell that runs longer than this is interrupted, and the cells after it still run.
# Six runs of a training, each of 30 seconds of processor time on a machine that does three things at once.
c.Execute.timeout = 600
c.Execute.interrupt_on_timeout = True
# What the questions' numbers are drawn from. Made when it is missing; keep it, and keep it to yourself.
c.ExecuteAcross.secret_file = str(here / "secret")
# Imported once, before kernels are forked, instead of in each.
c.ExecuteAcross.examiner_modules = [f"autograder.checks.{module}" for module in assignments().values()]
c.ExecuteAcross.learner_modules = ["unrolled_agent", "autograder", "autograder.checks.drivers.across"]
c.ExecuteAcross.rehearsals = ["autograder.checks.drivers.rehearsal"]
c.LimitOutput.max_lines = 200
c.LimitOutput.max_traceback = 50

# Being late costs nothing until you say what: for example ten percent of the score for each day begun.
# from autograder.grading.late import EnterDueDates, LatePenalties  (the module's text says more)
# c.EnterDueDates.due = {"vanilla": "2027-01-15 23:59 Europe/Berlin"}
# c.AssignLatePenalties.plugin_class = LatePenalties
# c.LatePenalties.percent = 10

# Submissions are read, rebuilt, run and shown through the trust boundary: see the page "What a submission cannot do".
# Whatever grades with this file (nbgrader autograde, its Python API, Formgrader's button, unrolled) is protected alike.
protect(c, execute=ExecuteAcross)
c.Autograde.autograde_preprocessors.insert(1, PartialCredit)
