"""Readers of files and of Python objects, one module a format; each returns `Raw`, and `formats` chooses one.

A format whose sets are single files is a module here with a `FORMAT`: that is all that an import, a path, the command
line and the Data page need of it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from qfusion.data.raw import Raw


@dataclass(frozen=True)
class FileFormat:
    """A format whose data sets are single files.

    Attributes:
        words: what such a file is, for descriptions.
        suffixes: endings of its files.
        read: returns the samples of a file. It takes the path, the target (see `targets.encode_targets`) and the choice
            of columns or variables (see `column_roles.ColumnChoice`), or None.
        has_columns: whether such a choice is possible.
    """

    words: str
    suffixes: tuple[str, ...]
    read: Callable[..., Raw]
    has_columns: bool = False
