"""What people read of a graded class: the teacher's report and each student's page.

From outcomes and the gradebook to figures (`figures`, `student`), from figures to a page (`pages`); and nbgrader's own
page of each notebook, brought up to date (`nbgrader_pages`). Nothing here grades, changes the gradebook, or opens what
was handed in. What a message of a check says is the business of `checks`.
"""
