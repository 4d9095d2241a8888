# The attacked course: the settings of the course it belongs to, with folders, a gradebook and short limits of its own.
load_subconfig("nbgrader_config.py", path="{repository}")  # noqa: F821
c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "attacks"
c.CourseDirectory.source_directory = "source"
c.CourseDirectory.release_directory = "release"
c.ExecuteAcross.isolation = "{tier}"
c.ExecuteAcross.timeout = 12
c.ExecuteAcross.cell_seconds = 4
c.ExecuteAcross.call_seconds = 2
c.ExecuteAcross.total_seconds = 45
c.ExecuteAcross.memory_mib = 1024
