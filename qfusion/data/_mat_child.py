"""Reads one .mat file with SciPy, in the process of its own that `matfile` starts:
`_mat_child.py FILE FOUND MEMORY SECONDS BYTES`.

What the file holds goes to FOUND: a pickle of arrays in plain containers, which `files` reads without running
anything. It runs as a script and imports nothing of the library, so that it starts fast.
"""

import pickle
import sys
import warnings
from pathlib import Path
from typing import Any

DEEPEST = 20  # cells inside cells
MAX_ARRAYS = 1_000_000  # arrays in a file, cells counted


def limit(memory: int, seconds: int) -> None:
    """Lets this process take no more memory and processor time than that, where the platform knows such limits (POSIX).

    Args:
        memory: bytes of address space; macOS does not hold a process to it.
        seconds: of the processor.
    """
    try:
        import resource
    except ImportError:  # Windows
        return
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        try:
            resource.setrlimit(what, (most, hard))
        except (ValueError, OSError):  # macOS, where more address space is in use already
            continue


def taken_memory() -> int:
    """Returns the bytes of address space that this process has already, 0 where that is not told."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * 4096
    except (OSError, ValueError):
        return 0


def plain(value: Any, arrays: list[Any], depth: int = 0) -> Any:
    """Returns a value as arrays and, for cells, structs and sparse matrices, dictionaries of them with their shape.

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


def convert(path: str, out: str, most: int) -> None:
    """Reads a file and writes what it holds.

    Args:
        path: of the file.
        out: of the pickle.
        most: bytes that arrays may take; of more it only says how many they would be.
    """
    import scipy.io

    with warnings.catch_warnings():
        # SciPy gives a variable that it cannot read as the text of the error, and warns.
        warnings.filterwarnings("error", message="Unreadable variable")
        arrays: list[Any] = []
        # What has no name belongs to the objects of MATLAB.
        variables = {
            name: plain(value, arrays)
            for name, value in scipy.io.loadmat(path, appendmat=False).items()
            if not name.startswith("__") and name != "None"
        }
    size = sum(array.nbytes for array in arrays)
    with Path(out).open("wb") as file:
        pickle.dump(
            {"bytes": size, "variables": variables if size <= most else {}}, file, protocol=5
        )


if __name__ == "__main__":
    limit(int(sys.argv[3]), int(sys.argv[4]))
    try:
        convert(sys.argv[1], sys.argv[2], int(sys.argv[5]))
    except Exception as error:  # a damaged file raises whatever its bytes lead to
        sys.exit(f"{type(error).__name__}: {' '.join(str(error).split())}")
