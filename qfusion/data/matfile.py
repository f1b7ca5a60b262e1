"""Variables from MATLAB files (.mat, versions 5 to 7.2) that anybody may have made.

SciPy reads them, but trusts what a file declares: it would take memory for any number of cells, and unpack whatever is
compressed. So the elements are walked through first, without reading their content (MathWorks, "MAT-File Format": a file is
a header of 128 bytes and elements, each a type and a number of bytes, possibly compressed, possibly holding elements).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from qfusion._checks import check
from qfusion.data import files
from qfusion.errors import InvalidInput

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_SPARSE_CLASS = 5
_CHUNK = 1 << 20
_DEEPEST = 20  # cells inside cells
_AGAIN = "Save it again, with `save -v7` in MATLAB or `scipy.io.savemat` in Python."


def read(path: Path) -> dict[str, Any]:
    """Returns the variables of a .mat file by name, as `scipy.io.loadmat` gives them: cells are object arrays.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it is of another version, damaged or too large.
    """
    import scipy.io

    files.check_size(path.name, files.size_of(path))
    content = path.read_bytes()
    order = _byte_order(path.name, content)
    try:
        _walk_file(path.name, memoryview(content), order)
        with path.open("rb") as file:
            found = scipy.io.loadmat(file, verify_compressed_data_integrity=True)
    except InvalidInput:
        raise
    except Exception as error:  # a damaged file raises whatever its bytes lead to
        raise InvalidInput(f"File `{path.name}` cannot be read as a .mat file: it is damaged or incomplete "
                           f"({type(error).__name__}). {_AGAIN}") from error
    return {name: value for name, value in found.items() if not name.startswith("__")}


def _byte_order(name: str, content: bytes) -> str:
    """"<" or ">", from the header."""
    hdf5 = content[:4] == b"\x89HDF" or content[512:516] == b"\x89HDF"
    check(not hdf5, f"File `{name}` is a .mat file of version 7.3 (HDF5), which is not read here. {_AGAIN}")
    order = {b"IM": "<", b"MI": ">"}.get(content[126:128], "")
    check(order != "", f"File `{name}` must be a .mat file of version 5 to 7.2, but is not one. {_AGAIN}")
    return order


def _walk_file(name: str, content: memoryview, order: str) -> None:
    """Checks every variable, unpacking one at a time and never more than the limit in all."""
    unpacked = 0
    for kind, body in _elements(content[_HEADER:], order, padded=False):
        if kind == _COMPRESSED:
            inner = _unpack(name, body, files.LARGEST - unpacked)
            unpacked += len(inner)
            for inner_kind, inner_body in _elements(memoryview(inner), order):
                if inner_kind == _MATRIX:
                    _check_matrix(name, inner_body, order, 0)
        elif kind == _MATRIX:
            _check_matrix(name, body, order, 0)


def _unpack(name: str, body: memoryview, room: int) -> bytes:
    stream, parts, size = zlib.decompressobj(), [], 0
    rest: bytes | memoryview = body
    while rest and not stream.eof:
        parts.append(stream.decompress(rest, _CHUNK))
        rest = stream.unconsumed_tail
        size += len(parts[-1])
        files.check_size(name, size + files.LARGEST - room)
    return b"".join(parts)


def _elements(content: memoryview, order: str, padded: bool = True) -> Iterator[tuple[int, memoryview]]:
    """Yields the type and the body of each element; a body that ends too early is an error."""
    at = 0
    while at + 8 <= len(content):
        kind, size = (int(n) for n in np.frombuffer(content[at:at + 8], f"{order}u4"))
        if kind >> 16:  # a small element: type, size and at most four bytes share the eight
            kind, size, start, step = kind & 0xFFFF, kind >> 16, at + 4, 8
        else:
            start, step = at + 8, 8 + size + (-size % 8 if padded or kind != _COMPRESSED else 0)
        if start + size > len(content):
            raise EOFError("an element ends too early")
        yield kind, content[start:start + size]
        at += step


def _check_matrix(name: str, body: memoryview, order: str, depth: int) -> None:
    """Refuses dimensions that the bytes of a matrix cannot fill, in it and in the cells and fields inside it."""
    check(depth < _DEEPEST, f"File `{name}` has cells inside cells more than {_DEEPEST} deep. {_AGAIN}")
    if len(body) == 0:  # an empty cell
        return
    parts = _elements(body, order)
    flags, dims = (part for _, part in (next(parts), next(parts)))
    shape = [int(n) for n in np.frombuffer(dims, f"{order}i4")]
    count = 1
    for length in shape:  # Python's integers, which cannot overflow
        count *= length
    sparse = int(np.frombuffer(flags[:4], f"{order}u4")[0]) & 0xFF == _SPARSE_CLASS
    check(min(shape, default=0) >= 0 and (sparse or count <= len(body)),
          f"File `{name}` declares an array of shape {tuple(shape)}, which its {len(body)} bytes cannot fill. {_AGAIN}")
    for kind, part in parts:
        if kind == _MATRIX:
            _check_matrix(name, part, order, depth + 1)
