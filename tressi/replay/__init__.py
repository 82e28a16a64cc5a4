"""The traffic of an access log, to be sent again: lines into entries, entries into endpoints, and how well a run kept to them.

All of it is pure but `files`, which opens the log.
"""
