"""Readers of files and of Python objects, one module a format; each returns `Raw`, and `formats` chooses one."""
