"""The variables of a `.npz` or `.mat` file: shapes and types first, values on demand."""

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from qfusion.data import files, npz_files, set_digest


@dataclass(frozen=True, eq=False)
class Variable:
    """An array of a file.

    Attributes:
        file: name of the file, for messages.
        name: of the variable.
        shape, dtype: of its values.
        read: returns all values, an array or one of SciPy's sparse matrices.
        stream: yields the rows in pieces; None where the file does not hold them one after the other.
    """

    file: str
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    read: Callable[[], Any]
    stream: Callable[[], Iterator[np.ndarray]] | None = None

    @property
    def is_numeric(self) -> bool:
        """Whether it holds numbers, real or complex."""
        return self.dtype.kind in "biufc"

    def whole(self) -> np.ndarray:
        """Return all values as an array in this machine's order of bytes.

        Raises:
            InvalidInput: when a sparse matrix would take more than `files.MAX_SIZE`.
        """
        values = self.read()
        if hasattr(values, "toarray"):
            files.check_size(self.file, prod(values.shape) * values.dtype.itemsize)
            values = values.toarray()
        return native(np.asarray(values))

    def samples(self, last: bool = False) -> Iterator[np.ndarray]:
        """Yield the values in pieces (n, ...), one row per sample.

        Args:
            last: whether the samples lie along the last axis, and not along the first.
        """
        if self.stream is not None and not last:
            yield from self.stream()
            return
        values = self.whole()
        yield from set_digest.pieces(np.moveaxis(values, -1, 0) if last else values)


def native(values: np.ndarray) -> np.ndarray:
    """Return an array in this machine's order of bytes."""
    return values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))


def memory_variable(file: str, name: str, values: Any) -> Variable:
    """Return a variable for values in memory, an array or a sparse matrix."""
    values = values if hasattr(values, "toarray") else np.asarray(values)
    return Variable(file, name, tuple(values.shape), values.dtype, lambda: values)


def npz_variables(path: Path) -> dict[str, Variable]:
    """Return the variables of a .npz file by name; their numbers stay in the file.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it is no .npz file, is damaged, or holds pickled objects.
    """
    files.file_size(path)
    return {
        name: _npz_variable(path, name, header)
        for name, header in npz_files.npz_headers(path).items()
    }


def _npz_variable(path: Path, name: str, header: npz_files.Header) -> Variable:
    shape, fortran, dtype = header

    def read() -> np.ndarray:
        return npz_files.read_npz(path, [name])[name]

    def stream() -> Iterator[np.ndarray]:
        return _rows(path, name, shape, dtype)

    in_rows = len(shape) >= 1 and not fortran and min(shape) > 0
    return Variable(path.name, name, shape, dtype, read, stream if in_rows else None)


def _rows(path: Path, name: str, shape: tuple[int, ...], dtype: np.dtype) -> Iterator[np.ndarray]:
    """The rows of an array in a .npz file, in pieces."""
    at_once = set_digest.rows_at_once(shape, dtype.itemsize)
    row_size = dtype.itemsize * prod(shape[1:])
    with (
        files.misread(
            f"Array `{name}` in `{path.name}` cannot be read to its end",
            "Copy the file again.",
            *(ValueError, zipfile.BadZipFile, EOFError),
            why="{kind}",
        ),
        zipfile.ZipFile(path) as archive,
        archive.open(f"{name}.npy") as stream,
    ):
        npz_files.check_header(stream, dtype.itemsize * prod(shape), f"Array `{name}`")
        for start in range(0, shape[0], at_once):
            count = min(at_once, shape[0] - start)
            content = stream.read(count * row_size)
            yield native(np.frombuffer(content, dtype).reshape(count, *shape[1:]))
