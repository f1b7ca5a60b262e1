"""Readers of untrusted files, run in a separate process with limits.

`foreign_files` starts `child.py`, which runs one of the readers and writes what the file holds as `value_tree` does:
plain containers as JSON and arrays as their bytes, nothing that has to be trusted. The modules import nothing of the
library, so that the process starts fast.
"""
