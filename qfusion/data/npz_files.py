"""Arrays from .npz files that anybody may have made: nothing in one is run, and no memory taken on its word."""

import contextlib
import zipfile
from collections.abc import Iterable, Iterator
from math import prod
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from qfusion._checks import check
from qfusion.data import signatures
from qfusion.data.array_cache import digest_of_arrays
from qfusion.data.files import check_size, check_unpacked, file_size
from qfusion.errors import InvalidInput, translate_errors

Header = tuple[tuple[int, ...], bool, np.dtype]  # shape, whether in Fortran's order, type
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def read_npz(path: Path, names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """Return the arrays of a .npz file by name, in the file's order.

    Args:
        path: the file.
        names: which arrays; all of them by default.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it is no .npz file, is damaged or too large, lacks an array, or holds pickled objects.
    """
    size = file_size(path)
    with _open_archive(path) as (archive, inside):
        chosen = list(inside if names is None else names)
        missing = [name for name in chosen if name not in inside]
        check(
            not missing,
            f"File `{path.name}` must hold the array {missing[:1]}, but holds {list(inside)[:8]}. Copy it again.",
        )
        check_size(path.name, max(size, sum(inside[name].file_size for name in chosen)))
        arrays = {}
        for name in chosen:
            with archive.open(inside[name]) as stream:
                check_header(stream, inside[name].file_size, f"Array `{name}` in `{path.name}`")
            with archive.open(inside[name]) as stream:
                arrays[name] = npy.read_array(stream, allow_pickle=False)
        return arrays


def sha256_of_arrays(path: Path) -> str:
    """Return the SHA-256, in hex, over names, types, shapes and numbers of an .npz file's arrays: the same however the
    file is packed.

    Raises:
        InvalidInput: as `read_npz` does.
    """
    return digest_of_arrays(read_npz(path))


def npz_headers(path: Path) -> dict[str, Header]:
    """Return shape, whether in Fortran's order, and type of every array of an .npz file.

    Raises:
        InvalidInput: when it is no .npz file, is damaged, or holds pickled objects.
    """
    headers = {}
    with _open_archive(path) as (archive, inside):
        for name, entry in inside.items():
            with archive.open(entry) as stream:
                headers[name] = check_header(
                    stream, entry.file_size, f"Array `{name}` in `{path.name}`"
                )
    return headers


@contextlib.contextmanager
def _open_archive(path: Path) -> Iterator[tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]]:
    signatures.require(path, "an .npz file", "zip")
    with (
        translate_errors(
            f"File `{path.name}` must be an .npz file as numpy.savez writes it, but cannot be read",
            "Write or copy it again.",
            Exception,  # a damaged archive raises whatever its bytes lead to
            why="{kind}",
            passing=(InvalidInput,),
        ),
        zipfile.ZipFile(path) as archive,
    ):
        entries = archive.infolist()
        check_unpacked(path.name, sum(entry.file_size for entry in entries), path.stat().st_size)
        yield (
            archive,
            {
                entry.filename.removesuffix(".npy"): entry
                for entry in entries
                if entry.filename.endswith(".npy")
            },
        )


def check_header(stream: IO[bytes], size: int, what: str) -> Header:
    """Return the shape, whether the order is Fortran's, and the type of a .npy file of `size` bytes. The stream is then
    at its numbers.

    Refuses objects, and a shape that the bytes cannot fill: NumPy would take the memory before it reads them.
    """
    version = npy.read_magic(stream)
    check(
        version in _HEADERS,
        f"{what} has the .npy version {version}, which is not read here. Save it with plain numeric arrays.",
    )
    shape, fortran, dtype = _HEADERS[version](stream)
    check(
        not dtype.hasobject,
        f"{what} holds pickled Python objects, which could run code when read. They are refused; save numbers: one "
        "array a view, with `numpy.savez(file, view1=..., view2=..., y=labels)`.",
    )
    check(
        prod(shape) * dtype.itemsize <= size,
        f"{what} declares the shape {shape}, which its {size} bytes cannot fill. Write or copy the file again.",
    )
    return shape, fortran, dtype
