"""Collecting: what a class handed in, from wherever it was handed in, into submitted/<student>/<assignment>/.

`trees` and `zips` look at folders and zip files without unpacking them; a module a source (`exchange`, `moodle`,
`canvas`, `classroom`, `folder`) says whose files are whose; `choosing` finds the notebooks among them, `placing` copies
those, and `collect` does all of it. Names, sizes, links and times come from outside and are never trusted. What is in a
notebook is the business of `boundary`, once it is graded; nothing here grades, and nothing is ever run.
"""
