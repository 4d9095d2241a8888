# The attacked course: the settings of the course it belongs to, with folders, a gradebook and short limits of its own.
from pathlib import Path

load_subconfig("nbgrader_config.py", path="{repository}")  # noqa: F821
c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "attacks"
c.CourseDirectory.source_directory = "source"
c.CourseDirectory.release_directory = "release"
c.ExecuteAcross.secret_file = str(Path(__file__).resolve().parent / "secret")
c.ExecuteAcross.timeout = 20
c.ExecuteAcross.cell_seconds = 8
c.ExecuteAcross.call_seconds = 5
c.ExecuteAcross.total_seconds = 60
c.ExecuteAcross.memory_mib = 1024
