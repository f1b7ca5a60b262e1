"""The variables of a `.npz` or `.mat` file."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from qfusion.data import files, set_digest
from qfusion.data.readers import npz


@dataclass(frozen=True, eq=False)
class Variable:
    """An array of a file.

    Attributes:
        file: name of the file, for messages.
        name: of the variable.
        shape, dtype: of its values.
        values: an array, or one of SciPy's sparse matrices.
    """

    file: str
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    values: Any

    @property
    def is_numeric(self) -> bool:
        """Whether it holds numbers, real or complex."""
        return self.dtype.kind in "biufc"

    def whole(self) -> np.ndarray:
        """Return all values as an array in this machine's order of bytes.

        Raises:
            InvalidInput: when a sparse matrix would take more memory than is available.
        """
        values = self.values
        if hasattr(values, "toarray"):
            files.check_size(self.file, prod(values.shape) * values.dtype.itemsize)
            values = values.toarray()
        return native(np.asarray(values))

    def samples(self, last: bool = False) -> Iterator[np.ndarray]:
        """Yield the values in pieces (n, ...), one row per sample.

        Args:
            last: whether the samples lie along the last axis, and not along the first.
        """
        values = self.whole()
        yield from set_digest.pieces(np.moveaxis(values, -1, 0) if last else values)


def native(values: np.ndarray) -> np.ndarray:
    """Return an array in this machine's order of bytes."""
    return values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))


def memory_variable(file: str, name: str, values: Any) -> Variable:
    """Return a variable for values in memory, an array or a sparse matrix."""
    values = values if hasattr(values, "toarray") else np.asarray(values)
    return Variable(file, name, tuple(values.shape), values.dtype, values)


def npz_variables(path: Path) -> dict[str, Variable]:
    """Return the variables of a .npz file by name.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it is no .npz file, is damaged, or holds pickled objects.
    """
    return {
        name: memory_variable(path.name, name, values)
        for name, values in npz.read_npz(path).items()
    }
