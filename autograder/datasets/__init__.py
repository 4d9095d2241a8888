"""Small data sets that travel with the package, and the functions that read them.

Such as a plain text made from this book's own prose, and a checkpoint of a small network that has begun to learn it.
Nothing downloads, nothing here knows a network, a question or a grade, and nothing else of the course is imported.
"""
