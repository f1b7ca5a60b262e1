"""The variables of a `.npz`, `.mat` or HDF5 file and the content of a pickle, read without running code of the file."""

import pickle
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io
from scipy.sparse import csc_array

from qfusion._checks import check
from qfusion.data import array_chunks, files
from qfusion.data.files import check_size, file_size
from qfusion.errors import InvalidInput, translate_errors


def read_npz(path: Path, names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """Return the arrays of a .npz file by name, in the file's order.

    Args:
        path: the file.
        names: which arrays; all of them by default.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it is no .npz file, is damaged, needs more memory than is available, lacks an array, or
            holds pickled objects.
    """
    file_size(path)
    files.require_signature(path, "an .npz file", "zip")
    with translate_errors(
        f"File `{path.name}` must be an .npz file with arrays of numbers or text, but cannot be read",
        "Write it again with `numpy.savez(file, view1=..., view2=..., y=labels)`, or copy it again.",
        Exception,  # a damaged archive raises whatever its bytes lead to
        why="{kind}: {words:.160}",
        passing=(InvalidInput,),
    ):
        with zipfile.ZipFile(path) as archive:
            sizes = {
                entry.filename.removesuffix(".npy"): entry.file_size
                for entry in archive.infolist()
                if entry.filename.endswith(".npy")
            }
        chosen = list(sizes if names is None else names)
        missing = [name for name in chosen if name not in sizes]
        check(
            not missing,
            f"File `{path.name}` must hold the array {missing[:1]}, but holds {list(sizes)[:8]}. Copy it again.",
        )
        check_size(path.name, sum(sizes[name] for name in chosen))
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in chosen}


_NUMBERS = (
    "double",
    "single",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
)


def read_mat(path: Path) -> dict[str, Any]:
    """Return the variables of a .mat file (versions 4 to 7.3) by name.

    Numbers are arrays of the type they are stored in; text is an array of its rows; a cell is an array of objects, a
    struct one of fields, and a sparse matrix is one of SciPy's.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it is of another version, damaged, or needs more memory than is available.
    """
    files.check_size(path.name, files.file_size(path))
    files.require_signature(path, "a .mat file")
    with translate_errors(
        f"File `{path.name}` cannot be read as a .mat file of version 4 to 7.3",
        "It may be cut short or damaged: save it again, with `save -v7` in MATLAB or `scipy.io.savemat` in Python.",
        Exception,  # a damaged file raises whatever its bytes lead to
        why="{kind}: {words:.160}",
        passing=(InvalidInput,),
    ):
        return _read_hdf5(path) if h5py.is_hdf5(path) else _read_by_scipy(path)


def read_hdf5(path: Path) -> dict[str, Any]:
    """Return the content of an HDF5 file, by name, as `read_mat` does. A group is a struct.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it is no HDF5 file, damaged, or needs more memory than is available.
    """
    files.file_size(path)
    files.require_signature(path, "an HDF5 file")
    with translate_errors(
        f"File `{path.name}` cannot be read as an HDF5 file",
        "It may be cut short or damaged: write or copy it again.",
        Exception,  # a damaged file raises whatever its bytes lead to
        why="{kind}: {words:.160}",
        passing=(InvalidInput,),
    ):
        return _read_hdf5(path)


def _read_by_scipy(path: Path) -> dict[str, Any]:
    """Return the variables of a file of version 4 to 7.2."""
    sizes = (
        prod(shape) * np.dtype(kind).itemsize
        for _, shape, kind in scipy.io.whosmat(path, appendmat=False)
        if kind in _NUMBERS
    )
    files.check_size(path.name, sum(sizes))
    with warnings.catch_warnings():
        # SciPy gives a variable that it cannot read as the text of the error, and warns
        warnings.filterwarnings("error", message="Unreadable variable")
        content = scipy.io.loadmat(path, appendmat=False)
    # what has no name belongs to the objects of MATLAB
    return {
        name: value
        for name, value in content.items()
        if not name.startswith("__") and name != "None"
    }


def _read_hdf5(path: Path) -> dict[str, Any]:
    """Return the content of an HDF5 file."""
    with h5py.File(path) as file:
        return {name: _read_entry(entry) for name, entry in file.items() if name[:1] != "#"}


def _read_entry(entry: Any) -> Any:
    """Return a group or dataset, with its content.

    MATLAB writes arrays column by column, so that HDF5 has their axes in the reverse order; cells, and fields of arrays
    of structs, as references; text as numbers.
    """
    if isinstance(entry, h5py.Group):
        return _read_sparse(entry) if "MATLAB_sparse" in entry.attrs else _read_struct(entry)
    kind = entry.attrs.get("MATLAB_class", b"")
    if entry.attrs.get("MATLAB_empty", 0):
        return np.zeros(0, "<U1") if kind == b"char" else np.zeros((0, 0))
    if _holds_references(entry):
        return _read_cell(entry, reverse=kind != b"")
    if h5py.check_string_dtype(entry.dtype):
        return np.asarray(entry.asstr(errors="replace")[()], dtype=object).astype(str)
    values = _read_values(entry)
    if values.dtype.names == ("real", "imag"):
        values = values["real"] + 1j * values["imag"]
    values = values.T if kind else values
    if kind == b"char":
        rows = np.ascontiguousarray(np.atleast_2d(values).astype("<u2"))
        return np.array([row.tobytes().decode("utf-16-le", "replace") for row in rows])
    return values


def _read_struct(group: Any) -> np.ndarray:
    """Return a struct, or an array of structs, whose fields are references without a class."""
    is_array = any(
        _holds_references(entry) and "MATLAB_class" not in entry.attrs for entry in group.values()
    )
    fields = {
        name: _read_cell(entry, reverse=True) if is_array else _cells([_read_entry(entry)], (1, 1))
        for name, entry in group.items()
    }
    shape = next((cells.shape for cells in fields.values()), (1, 1))
    structs = np.empty(shape, dtype=[(name, object) for name in fields])
    for name, cells in fields.items():
        structs[name] = cells
    return structs


def _read_cell(dataset: Any, *, reverse: bool) -> np.ndarray:
    """Return a cell, given as references, with its axes in the reverse order if MATLAB wrote it."""
    references = dataset[()].T if reverse else dataset[()]
    entries = [
        _read_entry(dataset.file[reference]) if reference else np.zeros((0, 0))
        for reference in references.flat
    ]
    return _cells(entries, references.shape)


def _read_sparse(group: Any) -> csc_array:
    """Return a sparse matrix."""
    begins = _read_values(group["jc"]).ravel()
    rows = data = np.zeros(0)
    if "ir" in group:
        rows = _read_values(group["ir"]).ravel()
        data = _read_values(group["data"]).ravel()
    shape = (int(group.attrs["MATLAB_sparse"]), len(begins) - 1)
    matrix = csc_array((data, rows.astype(np.int64), begins.astype(np.int64)), shape)
    matrix.check_format(full_check=True)
    return matrix


def _read_values(dataset: Any) -> Any:
    """Return the values of a dataset, if there is memory for them."""
    files.check_size(dataset.file.filename, dataset.nbytes)
    return dataset[()]


def _holds_references(entry: Any) -> bool:
    return isinstance(entry, h5py.Dataset) and h5py.check_ref_dtype(entry.dtype) is h5py.Reference


def _cells(entries: Iterable[Any], shape: tuple[int, ...]) -> np.ndarray:
    """Return an array of objects."""
    return np.fromiter(entries, object).reshape(shape)


_BUILTINS = ("bytearray", "bytes", "complex", "dict", "frozenset", "list", "set")
_ARRAYS = ("_reconstruct", "scalar", "_frombuffer")
# All names that a pickle may ask for. A module has other names in Python 2 and in NumPy 1.
ALLOWED = frozenset(
    {
        *((module, name) for module in ("builtins", "__builtin__") for name in _BUILTINS),
        *(
            (f"numpy.{core}.{module}", name)
            for core in ("_core", "core")
            for module in ("multiarray", "numeric")
            for name in _ARRAYS
        ),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("_codecs", "encode"),
        ("collections", "OrderedDict"),
        ("collections", "defaultdict"),
    }
)


def read_pickle(path: Path) -> Any:
    """Return the object in a pickle: plain containers, text, numbers and NumPy arrays.

    Text of Python 2 is read as Latin-1.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it asks for any other class or function (the message says for which), is cut short, damaged
            or larger than the memory that is available.
    """
    files.check_size(path.name, files.file_size(path))
    files.require_signature(path, "a pickle")
    with (
        translate_errors(
            f"File `{path.name}` cannot be read as a pickle",
            "It may be cut short or damaged: copy or save it again.",
            Exception,  # a damaged file raises whatever its bytes lead to
            why="{kind}: {words:.160}",
            passing=(InvalidInput,),
        ),
        path.open("rb") as file,
    ):
        return _Unpickler(file, encoding="latin1").load()


class _Unpickler(pickle.Unpickler):
    """Unpickler that knows the names in ALLOWED and no others: a pickle may call whatever it can name."""

    def find_class(self, module: str, name: str) -> Any:
        check(
            (module, name) in ALLOWED,
            f"The pickle asks for `{module[:80]}.{name[:80]}`, which is refused: only NumPy arrays, plain containers, "
            "text and numbers are read. If you trust the file, save its arrays again with NumPy.",
        )
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


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
        """Yield the values in chunks (n, ...), one row per sample.

        Args:
            last: whether the samples lie along the last axis, and not along the first.
        """
        values = self.whole()
        yield from array_chunks.iter_chunks(np.moveaxis(values, -1, 0) if last else values)


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
        name: memory_variable(path.name, name, values) for name, values in read_npz(path).items()
    }
