"""Read .mat files of version 4 to 7.3, and other HDF5 files, by SciPy and h5py."""

import warnings
from collections.abc import Iterable
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io
from scipy.sparse import csc_array

from qfusion.data import files
from qfusion.errors import InvalidInput, translate_errors

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
