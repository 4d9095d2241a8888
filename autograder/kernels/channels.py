"""A kernel's channels, in the order in which their sockets are handed over; "port" numbers count from 1."""

CHANNELS = ("shell", "iopub", "stdin", "control", "hb")
