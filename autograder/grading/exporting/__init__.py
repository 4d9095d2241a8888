"""Exporting: the grades of an assignment in the forms that other programs read.

`result` gathers what is known of each student from outcomes and gradebook, once; `as_csv`, `as_json`, `canvas` and
`moodle` turn that into a table or a document, `matching` finds whose row is whose in a table that another program
exported. Functions from data to data: files are read and written through `csv_files`, and nothing is graded here.
"""
