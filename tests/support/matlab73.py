"""Writes .mat files of version 7.3 (HDF5) as MATLAB lays them out."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.sparse

NUMBERS = count()
HEAD = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Mon Jan 1 00:00:00 2024 HDF5 schema 1.00 ."


def savemat73(path: Path, variables: dict[str, Any]) -> Path:
    """Writes variables: arrays, sparse matrices, text, cells (arrays of objects), structs (dictionaries) and arrays of
    structs (arrays with fields)."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in variables.items():
            _write(file, name, value, file.require_group("#refs#"))
    with path.open("r+b") as stream:
        stream.write(HEAD.ljust(116) + bytes(8) + b"\x00\x02IM")
    return path


def _write(group: Any, name: str, value: Any, references: Any) -> None:
    if isinstance(value, dict):
        made = group.create_group(name)
        made.attrs["MATLAB_class"] = np.bytes_("struct")
        for key, inner in value.items():
            _write(made, key, inner, references)
        return
    if scipy.sparse.issparse(value):
        columns = scipy.sparse.csc_matrix(value)
        made = group.create_group(name)
        made.attrs["MATLAB_class"] = np.bytes_("double")
        made.attrs["MATLAB_sparse"] = np.uint64(columns.shape[0])
        made["jc"] = columns.indptr.astype(np.uint64)
        if columns.nnz:
            made["data"] = columns.data
            made["ir"] = columns.indices.astype(np.uint64)
        return
    if isinstance(value, str):
        letters = np.frombuffer(value.encode("utf-16-le"), np.uint16)[None]
        _dataset(group, name, letters, "char", MATLAB_int_decode=np.int32(2))
        return
    array = np.atleast_2d(np.asarray(value))
    if array.dtype.names:
        made = group.create_group(name)
        made.attrs["MATLAB_class"] = np.bytes_("struct")
        for key in array.dtype.names:
            made.create_dataset(key, data=_references(array[key], references))
    elif array.dtype == object:
        made = group.create_dataset(name, data=_references(array, references))
        made.attrs["MATLAB_class"] = np.bytes_("cell")
    elif array.size == 0:
        _dataset(
            group, name, np.array([array.shape], np.uint64), "double", MATLAB_empty=np.uint8(1)
        )
    elif array.dtype.kind == "b":
        _dataset(group, name, array.astype(np.uint8), "logical", MATLAB_int_decode=np.int32(1))
    elif array.dtype.kind == "c":
        parts = np.empty(array.shape, [("real", "f8"), ("imag", "f8")])
        parts["real"] = array.real
        parts["imag"] = array.imag
        _dataset(group, name, parts, "double")
    else:
        kinds = {"float64": "double", "float32": "single"}
        _dataset(group, name, array, kinds.get(array.dtype.name, array.dtype.name))


def _dataset(group: Any, name: str, array: np.ndarray, kind: str, **attributes: Any) -> None:
    packed = {"compression": "gzip"} if array.size > 64 else {}
    made = group.create_dataset(name, data=array.T, **packed)
    made.attrs["MATLAB_class"] = np.bytes_(kind)
    for key, value in attributes.items():
        made.attrs[key] = value


def _references(cells: np.ndarray, references: Any) -> np.ndarray:
    made = np.empty(cells.shape, h5py.ref_dtype)
    for place in np.ndindex(cells.shape):
        name = f"r{next(NUMBERS)}"
        _write(references, name, cells[place], references)
        made[place] = references[name].ref
    return made.T
