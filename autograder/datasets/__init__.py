"""Small data sets that travel with the package or are made from an installed one, and the functions that read them.

Such as a plain text made from this book's own prose, a checkpoint of a small network that has begun to learn it, and
family names in six languages from the package faker.
Nothing downloads, nothing here knows a network, a question or a grade, and nothing else of the course is imported.
"""
