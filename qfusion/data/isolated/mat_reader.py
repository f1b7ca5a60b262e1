"""Reads one .mat file, with SciPy or, of version 7.3, with h5py, or another HDF5 file."""

import struct
import warnings
from pathlib import Path
from typing import Any

DEEPEST = 20  # cells inside cells
MAX_ARRAYS = 1_000_000  # arrays in a file, cells counted
MAX_LETTERS = (
    64  # of the name of a variable of version 4, with the zero at its end; MATLAB gives at most 20
)


def plain(value: Any, arrays: list[Any], depth: int = 0) -> Any:
    """Return a value as arrays and, for cells, structs and sparse matrices, dictionaries of them with their shape.

    Args:
        value: as SciPy gives it: an array, an array of objects, one of structs, or a sparse matrix.
        arrays: takes every array on the way.
        depth: how many cells and structs it lies inside.
    """
    import numpy as np
    from scipy.io.matlab import MatlabFunction, MatlabObject, MatlabOpaque
    from scipy.sparse import issparse

    if depth > DEEPEST:
        raise ValueError(f"cells lie more than {DEEPEST} deep inside each other")
    if issparse(value):
        if hasattr(
            value, "check_format"
        ):  # of columns; entries of version 4 are checked when SciPy makes them
            value.check_format(full_check=True)
        coo = value.tocoo()
        return {
            "shape": coo.shape,
            "sparse": [plain(part, arrays, depth) for part in (coo.row, coo.col, coo.data)],
        }
    if isinstance(value, (MatlabFunction, MatlabObject, MatlabOpaque)):
        value = np.zeros((0, 0))
    value = np.asarray(value)
    fields = {name: value[name] for name in value.dtype.names} if value.dtype.names else {"": value}
    if value.dtype.names or value.dtype.hasobject:
        inner = {
            name: [plain(entry, arrays, depth + 1) for entry in cells.ravel(order="F")]
            for name, cells in fields.items()
        }
        return {
            "shape": value.shape,
            **({"struct": inner} if value.dtype.names else {"cell": inner[""]}),
        }
    arrays.append(value)
    if len(arrays) > MAX_ARRAYS:
        raise ValueError(f"it holds more than {MAX_ARRAYS:,} arrays and cells")
    return value


def read_variables(path: str, most: int) -> dict[str, Any]:
    """Return the content of a file: "bytes", the size of its arrays, and "variables", which is empty if they take too
    many bytes.

    Args:
        path: of the file.
        most: bytes that arrays may take.
    """
    read = read_hdf5 if is_hdf5(path) else read_by_scipy
    size, variables = read(path, most)
    return {"bytes": size, "variables": variables if size <= most else {}}


def is_hdf5(path: str) -> bool:
    """Whether a file is HDF5. The signature is at byte 0, 512, 1024, 2048, ..."""
    mark, place = b"\x89HDF\r\n\x1a\n", 0
    with Path(path).open("rb") as file:
        while place < 2**20:
            file.seek(place)
            beginning = file.read(len(mark))
            if beginning == mark:
                return True
            if len(beginning) < len(mark):
                return False
            place = max(512, 2 * place)
    return False


def is_matlab4(head: bytes) -> bool:
    """Whether a file of these first bytes is a .mat file of version 4.

    Such a file has no mark: it begins with the header of a variable, five numbers (kind, rows, columns, whether it is
    complex, bytes of its name) and the name, which ends with a zero.
    """
    for order in ("<", ">"):
        if len(head) < 24:
            return False
        kind, rows, columns, is_complex, letters = struct.unpack(order + "5i", head[:20])
        machine, nothing, number, form = kind // 1000, kind // 100 % 10, kind // 10 % 10, kind % 10
        name = head[20 : 20 + letters] if 2 <= letters <= MAX_LETTERS else b""
        if (
            machine == "<>".index(order)
            and nothing == 0
            and number <= 5
            and form <= 2
            and min(rows, columns) >= 0
            and is_complex in (0, 1)
            and name.endswith(b"\0")
            and name[:-1].decode("latin-1").isidentifier()
        ):
            return True
    return False


def read_by_scipy(path: str, most: int) -> tuple[int, dict[str, Any]]:
    """Return how many bytes the arrays take, and the variables of a file of version 4 to 7.2."""
    import scipy.io

    with warnings.catch_warnings():
        # SciPy gives a variable that it cannot read as the text of the error, and warns; numbers of a VAX or Cray it
        # reads wrongly, and warns.
        warnings.filterwarnings("error", message="Unreadable variable")
        warnings.filterwarnings("error", message="We do not support byte ordering")
        arrays: list[Any] = []
        # What has no name belongs to the objects of MATLAB.
        variables = {
            name: plain(value, arrays)
            for name, value in scipy.io.loadmat(path, appendmat=False).items()
            if not name.startswith("__") and name != "None"
        }
    return sum(array.nbytes for array in arrays), variables


def read_hdf5(path: str, most: int) -> tuple[int, dict[str, Any]]:
    """Return the number of bytes of the arrays, and the variables, of a file of version 7.3. There are no variables
    if they take too many bytes.
    """
    import h5py

    with h5py.File(path, "r") as file, Path(path).open("rb") as start:
        reader = Hdf5(file, most, matlab=start.read(6) == b"MATLAB")
        try:
            variables = {
                name: reader.node(entry, 0)
                for name, entry in reader.entries(file)
                if not name.startswith("#")
            }
        except TooLarge:
            variables = {}
    return reader.size, variables


class TooLarge(Exception):
    """The arrays of a file take more bytes than they may."""


class Hdf5:
    """Reads the variables of an HDF5 file as `plain` gives them.

    MATLAB writes arrays column by column, so that HDF5 has their axes in the reverse order; cells, and fields of arrays
    of structs, as references; text as numbers. Nothing outside the file is opened, and no more memory taken than
    `most` bytes, whatever shapes the file declares.
    """

    def __init__(self, file: Any, most: int, matlab: bool):
        """Initialize the reader of an open file. `matlab` is whether MATLAB wrote it, and not another program."""
        self.file = file
        self.most = most
        self.matlab = matlab
        self.size = 0  # bytes of the arrays so far
        self.count = 0

    def entries(self, group: Any) -> list[tuple[str, Any]]:
        """The names and entries of a group that lie in this file."""
        import h5py

        return [
            (name, group[name])
            for name in group
            if isinstance(group.get(name, getlink=True), h5py.HardLink)
        ]

    def node(self, entry: Any, depth: int) -> Any:
        """Return a group or dataset, with its content."""
        import h5py

        if depth > DEEPEST:
            raise ValueError(f"cells lie more than {DEEPEST} deep inside each other")
        if isinstance(entry, h5py.Group):
            return (
                self.sparse(entry) if "MATLAB_sparse" in entry.attrs else self.struct(entry, depth)
            )
        if isinstance(entry, h5py.Dataset):
            return self.dataset(entry, depth)
        return self.empty()

    def struct(self, group: Any, depth: int) -> Any:
        """Return a struct, or an array of structs, whose fields are references."""
        import h5py

        fields = self.entries(group)
        many = self.matlab and any(
            isinstance(entry, h5py.Dataset)
            and h5py.check_ref_dtype(entry.dtype)
            and "MATLAB_class" not in entry.attrs
            for _, entry in fields
        )
        if not many:
            inner = {name: [self.node(entry, depth + 1)] for name, entry in fields}
            return {"shape": (1, 1), "struct": inner}
        cells = {name: self.cell(entry, depth) for name, entry in fields}
        shapes = {tuple(cell["shape"]) for cell in cells.values()}
        if len(shapes) != 1:
            raise ValueError("the fields of an array of structs differ in shape")
        return {
            "shape": shapes.pop(),
            "struct": {name: cell["cell"] for name, cell in cells.items()},
        }

    def cell(self, dataset: Any, depth: int) -> dict[str, Any]:
        """A cell, given as references."""
        references = self.values(dataset)
        shape = references.shape[::-1] if self.is_reversed(dataset) else references.shape
        order = "C" if self.is_reversed(dataset) else "F"
        inner = [
            self.node(self.file[reference], depth + 1) if reference else self.empty()
            for reference in references.ravel(order=order)
        ]
        return {"shape": shape, "cell": inner}

    def dataset(self, dataset: Any, depth: int) -> Any:
        """An array of numbers or text, or a cell."""
        import h5py
        import numpy as np

        kind = dataset.attrs.get("MATLAB_class", b"")
        if dataset.attrs.get("MATLAB_empty", 0):
            return self.empty() if kind != b"char" else self.count_array(np.zeros(0, "<U1"))
        if h5py.check_ref_dtype(dataset.dtype) is h5py.Reference:
            return self.cell(dataset, depth)
        if h5py.check_string_dtype(dataset.dtype):
            return self.words(dataset)
        values = self.values(dataset)
        if values.dtype.names == ("real", "imag"):
            values = values["real"] + 1j * values["imag"]
        if values.dtype.kind not in "biufc":
            return self.empty()
        values = values.T if self.is_reversed(dataset) else values
        if kind == b"char":
            rows = np.ascontiguousarray(np.atleast_2d(values).astype("<u2"))
            return self.count_array(
                np.array([row.tobytes().decode("utf-16-le", "replace") for row in rows])
            )
        return values

    def sparse(self, group: Any) -> Any:
        """Return a sparse matrix: its entries with their rows and columns."""
        import numpy as np

        begins = self.values(group["jc"]).ravel().astype(np.int64)
        rows, data = np.zeros(0, np.int64), np.zeros(0)
        if "ir" in group:
            rows = self.values(group["ir"]).ravel().astype(np.int64)
            data = self.values(group["data"]).ravel()
        shape = (int(group.attrs["MATLAB_sparse"]), len(begins) - 1)
        sound = (
            len(begins) >= 1
            and begins[0] == 0
            and begins[-1] == len(rows) == len(data)
            and bool((np.diff(begins) >= 0).all())
            and bool(((rows >= 0) & (rows < shape[0])).all())
        )
        if not sound:
            raise ValueError("a sparse matrix has entries outside itself")
        columns = np.repeat(np.arange(shape[1]), np.diff(begins))
        self.take(columns.nbytes)
        return {"shape": shape, "sparse": [rows, columns, data]}

    def words(self, dataset: Any) -> Any:
        """Text as other programs write it."""
        import numpy as np

        if dataset.size > MAX_ARRAYS:
            raise ValueError(f"it holds more than {MAX_ARRAYS:,} words")
        self.check(dataset)
        words = np.asarray(dataset.asstr(errors="replace")[()], dtype=object)
        longest = max((len(word) for word in words.ravel()), default=0)
        self.take(4 * longest * words.size)
        return self.count_array(words.astype(str))

    def values(self, dataset: Any) -> Any:
        """Return the values of a dataset, after checking that there is room for them."""
        self.check(dataset)
        self.take(dataset.size * dataset.dtype.itemsize)
        return self.count_array(dataset[()])

    def check(self, dataset: Any) -> None:
        """Refuse data that lie in other files."""
        if dataset.external or dataset.is_virtual:
            raise ValueError("it refers to other files")

    def take(self, size: int) -> None:
        """Counts bytes before they are taken."""
        self.size += int(size)
        if self.size > self.most:
            raise TooLarge

    def count_array(self, values: Any) -> Any:
        """Count an array."""
        self.count += 1
        if self.count > MAX_ARRAYS:
            raise ValueError(f"it holds more than {MAX_ARRAYS:,} arrays and cells")
        return values

    def empty(self) -> Any:
        """Return an empty array in place of an entry that is no array, such as an object or a handle."""
        import numpy as np

        return self.count_array(np.zeros((0, 0)))

    def is_reversed(self, dataset: Any) -> bool:
        """Whether the axes are in the reverse order, as MATLAB writes them."""
        return self.matlab or "MATLAB_class" in dataset.attrs
