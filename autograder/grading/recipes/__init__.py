"""Recipes that bring workers to a Dask scheduler: over SSH, by Slurm, in Kubernetes; and the certificates for TLS.

Scripts and settings that a teacher copies and edits, explained in the book's page on grading thousands. No Python code
of the grader lives here, and nothing of it reads these files. `ls` lists them:
python -c "import autograder.grading.recipes as r; print(*r.__path__)"
"""
