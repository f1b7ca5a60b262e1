"""Variables from MATLAB files (.mat, versions 5 to 7.2) that anybody may have made.

The format is simple (MathWorks, "MAT-File Format"): a header of 128 bytes, then elements, each a type, a number of bytes and a
body; a compressed element holds another one, and a matrix holds elements for its flags, dimensions, name and data. It is
read here and not with SciPy, whose reader ends the process (a segmentation fault) on some damaged files, and takes memory for
whatever number of cells a file declares. Here nothing is taken on a file's word: a count must be filled by bytes that are there.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from qfusion._checks import check
from qfusion.data import files
from qfusion.errors import InvalidInput

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_CELL, _STRUCT, _CHAR, _SPARSE = 1, 2, 4, 5
_NUMBERS = range(6, 16)  # classes of matrices: double, single, int8, ..., uint64
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_TEXT = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
_COMPLEX, _LOGICAL = 0x800, 0x200  # in the flags of a matrix
_CHUNK = 1 << 20
_DEEPEST = 20  # cells inside cells
_MOST = 1_000_000  # matrices in a file, cells counted
_AGAIN = "Save it again, with `save -v7` in MATLAB or `scipy.io.savemat` in Python."


@dataclass(frozen=True, eq=False)
class Sparse:
    """A sparse matrix: `values` (n,) at `rows` (n,) and `columns` (n,) of zeros of `shape`; every place lies inside."""

    shape: tuple[int, ...]
    rows: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    ndim = 2

    @property
    def dtype(self) -> np.dtype:
        """The type of the values."""
        return self.values.dtype

    @property
    def size(self) -> int:
        """The number of entries, zeros counted."""
        return prod(self.shape)

    def dense(self, name: str) -> np.ndarray:
        """Returns the whole matrix; InvalidInput, naming file `name`, when it would be too large."""
        files.check_size(name, self.size * self.dtype.itemsize)
        whole = np.zeros(self.shape, self.dtype)
        whole[self.rows, self.columns] = self.values
        return whole


def read(path: Path) -> dict[str, Any]:
    """Returns the variables of a .mat file by name.

    Numbers are arrays of the type they are stored in, logical ones bool; text is an array of its rows; a cell is an array of
    objects, a struct one of fields, and a sparse matrix is `Sparse`. Anything else (objects, function handles) is an empty array.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it is of another version, damaged or too large.
    """
    files.check_size(path.name, files.size_of(path))
    content = path.read_bytes()
    reader = _Reader(path.name, _byte_order(path.name, content))
    try:
        return dict(reader.variables(memoryview(content)[_HEADER:]))
    except InvalidInput:
        raise
    except Exception as error:  # a damaged file raises whatever its bytes lead to
        raise InvalidInput(f"File `{path.name}` cannot be read as a .mat file: it is damaged or incomplete "
                           f"({type(error).__name__}). {_AGAIN}") from error


def _byte_order(name: str, content: bytes) -> str:
    """"<" or ">", from the header."""
    hdf5 = content[:4] == b"\x89HDF" or content[512:516] == b"\x89HDF"
    check(not hdf5, f"File `{name}` is a .mat file of version 7.3 (HDF5), which is not read here. {_AGAIN}")
    order = {b"IM": "<", b"MI": ">"}.get(content[126:128], "")
    check(order != "", f"File `{name}` must be a .mat file of version 5 to 7.2, but is not one. {_AGAIN}")
    return order


class _Reader:
    """Reads the elements of one file; counts what it has unpacked and how many matrices it has met."""

    def __init__(self, name: str, order: str):
        self.name, self.order = name, order
        self.unpacked = self.matrices = 0

    def variables(self, content: memoryview) -> Iterator[tuple[str, Any]]:
        for kind, body in self._elements(content, compressed=True):
            elements = self._elements(self._unpack(body)) if kind == _COMPRESSED else iter([(kind, body)])
            for inner_kind, inner in elements:
                if inner_kind == _MATRIX:
                    name, value = self._matrix(inner, 0)
                    if name:  # what has none belongs to the objects of MATLAB
                        yield name, value

    def _unpack(self, body: memoryview) -> memoryview:
        stream, parts = zlib.decompressobj(), []
        rest: bytes | memoryview = body
        while rest and not stream.eof:
            parts.append(stream.decompress(rest, _CHUNK))
            rest = stream.unconsumed_tail
            self.unpacked += len(parts[-1])
            files.check_size(self.name, self.unpacked)
        if not stream.eof:
            raise EOFError("compressed data end too early")
        return memoryview(b"".join(parts))

    def _elements(self, content: memoryview, compressed: bool = False) -> Iterator[tuple[int, memoryview]]:
        """Yields the type and the body of each element; a body that ends too early is an error."""
        at = 0
        while at + 8 <= len(content):
            kind, size = (int(n) for n in np.frombuffer(content[at:at + 8], f"{self.order}u4"))
            if kind >> 16:  # a small element: type, size and at most four bytes share the eight
                kind, size, start, end = kind & 0xFFFF, kind >> 16, at + 4, at + 8
            else:
                start = at + 8
                end = start + size + (0 if compressed and kind == _COMPRESSED else -size % 8)
            if start + size > len(content):
                raise EOFError("an element ends too early")
            yield kind, content[start:start + size]
            at = end
        if compressed and at < len(content):
            raise EOFError("the file ends inside an element")

    def _matrix(self, body: memoryview, depth: int) -> tuple[str, Any]:
        """The name of a matrix and what it holds."""
        self.matrices += 1
        check(depth < _DEEPEST and self.matrices <= _MOST,
              f"File `{self.name}` must have at most {_MOST:,} cells, at most {_DEEPEST} deep inside each other, but has more. {_AGAIN}")
        if len(body) == 0:  # an empty cell
            return "", np.zeros((0, 0))
        parts = self._elements(body)
        flags = int(self._numbers(next(parts))[0])
        shape = tuple(self._numbers(next(parts)).tolist())
        name = bytes(next(parts)[1]).decode("latin-1")
        kind = flags & 0xFF
        check(len(shape) >= 2 and min(shape) >= 0 and (kind == _SPARSE or prod(shape) <= len(body)),
              f"File `{self.name}` declares an array of shape {shape}, which its {len(body)} bytes cannot fill. {_AGAIN}")
        if kind in (_CELL, _STRUCT):
            return name, self._cells(parts, shape, depth) if kind == _CELL else self._struct(parts, shape, depth)
        if kind == _CHAR:
            return name, self._text(next(parts), shape)
        if kind == _SPARSE:
            return name, self._sparse(parts, shape, flags)
        return name, self._full(parts, shape, flags) if kind in _NUMBERS else np.zeros((0, 0))

    def _numbers(self, element: tuple[int, memoryview]) -> np.ndarray:
        kind, body = element
        return np.frombuffer(body, f"{self.order}{_STORED[kind]}").astype(_STORED[kind], copy=False)

    def _full(self, parts: Iterator[tuple[int, memoryview]], shape: tuple[int, ...], flags: int) -> np.ndarray:
        values = self._numbers(next(parts)).reshape(shape, order="F")
        if flags & _COMPLEX:
            values = values + 1j * self._numbers(next(parts)).reshape(shape, order="F")
        return values != 0 if flags & _LOGICAL else values

    def _cells(self, parts: Iterator[tuple[int, memoryview]], shape: tuple[int, ...], depth: int) -> np.ndarray:
        cells = np.empty(prod(shape), dtype=object)
        for at in range(len(cells)):
            cells[at] = self._matrix(next(parts)[1], depth + 1)[1]
        return cells.reshape(shape, order="F")

    def _struct(self, parts: Iterator[tuple[int, memoryview]], shape: tuple[int, ...], depth: int) -> np.ndarray:
        width = int(self._numbers(next(parts))[0])
        joined = bytes(next(parts)[1]).decode("latin-1")
        fields = [joined[at:at + width].split("\0")[0] for at in range(0, len(joined), width)]
        count = prod(shape)
        cells = self._cells(parts, (len(fields), count), depth) if fields and count else np.empty((len(fields), 0))
        made = np.empty(shape, dtype=[(field, object) for field in fields])
        for field, column in zip(fields, cells, strict=True):
            made[field] = column.reshape(shape, order="F")
        return made

    def _text(self, element: tuple[int, memoryview], shape: tuple[int, ...]) -> np.ndarray:
        kind, body = element
        ending = "" if _TEXT[kind] in ("latin-1", "utf-8") else "-le" if self.order == "<" else "-be"
        text = bytes(body).decode(_TEXT[kind] + ending, "replace")
        if len(shape) > 2 or len(text) != shape[0] * shape[1]:
            raise ValueError("characters do not fill the text")
        return np.array(["".join(text[row::shape[0]]) for row in range(shape[0])], dtype=np.str_)

    def _sparse(self, parts: Iterator[tuple[int, memoryview]], shape: tuple[int, ...], flags: int) -> Sparse:
        rows, starts = (self._numbers(next(parts)) for _ in range(2))
        kind, body = next(parts)
        # MATLAB declares the bytes of a logical sparse matrix to be doubles.
        values = self._numbers((2 if flags & _LOGICAL and len(body) == starts[-1] else kind, body))
        counts: np.ndarray = np.diff(starts.astype(np.int64))
        if len(shape) != 2 or len(starts) != shape[1] + 1 or starts[0] != 0 or counts.min(initial=0) < 0:
            raise ValueError("columns of a sparse matrix do not follow each other")
        rows, values = rows[:starts[-1]].astype(np.int64), values[:starts[-1]]
        if len(rows) != starts[-1] or len(values) != starts[-1] or not ((rows >= 0) & (rows < shape[0])).all():
            raise ValueError("entries of a sparse matrix lie outside of it")
        if flags & _COMPLEX:
            values = values + 1j * self._numbers(next(parts))[:starts[-1]]
        return Sparse(shape, rows, np.repeat(np.arange(shape[1]), counts), values != 0 if flags & _LOGICAL else values)
