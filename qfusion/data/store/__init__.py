"""Stored data sets: one folder each, with a manifest and one `.npy` or Arrow file per array or table.

`writing` writes a `DataSet` into a folder, `reading` opens it again, its arrays memory-mapped, so that a set may be
larger than memory. Imported sets and sets of a Python session that the dashboard shows are stored alike, see `folders`.
Checks and the digest, which read the arrays, are made once and recorded in the `manifest`.
"""

from qfusion._lazy import modules

__getattr__ = modules(__name__, __path__)
