"""Reads one .mat file with SciPy, in the process of its own that `matfile` starts: `_mat_child.py FILE FOLDER MEMORY SECONDS BYTES`.

What the file holds is written to FOLDER: `tree.json` says how variables, cells and structs lie in one another, and where in `values`
each array begins. It runs as a script and imports nothing of the library, so that it starts fast.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import IO, Any

DEEPEST = 20  # cells inside cells
MAX_ARRAYS = 1_000_000  # arrays in a file, cells counted
ALIGNED = 16


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
    for what, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(what)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        try:
            resource.setrlimit(what, (most, hard))
        except (ValueError, OSError):  # macOS, where more address space is in use already
            continue


class Writer:
    """Writes arrays one after the other; of more than `most` bytes it only counts what they would take."""

    def __init__(self, file: IO[bytes], most: int):
        self.file, self.most, self.at, self.arrays = file, most, 0, 0

    def put(self, value: Any, depth: int = 0) -> dict[str, Any]:
        """Returns how a value is made up of arrays, which are written.

        Args:
            value: as SciPy gives it: an array, an array of objects, one of structs, or a sparse matrix.
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
            return {"shape": coo.shape, "sparse": [self.put(each, depth) for each in (coo.row, coo.col, coo.data)]}
        if isinstance(value, (MatlabFunction, MatlabObject, MatlabOpaque)):
            value = np.zeros((0, 0))
        value = np.asarray(value)
        if value.dtype.names:
            return {"shape": value.shape, "struct": {name: self._each(value[name], depth) for name in value.dtype.names}}
        if value.dtype.hasobject:
            return {"shape": value.shape, "cell": self._each(value, depth)}
        return self._array(value)

    def _each(self, cells: Any, depth: int) -> list[dict[str, Any]]:
        return [self.put(each, depth + 1) for each in cells.ravel(order="F")]

    def _array(self, value: Any) -> dict[str, Any]:
        import numpy as np

        self.arrays += 1
        if self.arrays > MAX_ARRAYS:
            raise ValueError(f"it holds more than {MAX_ARRAYS:,} arrays and cells")
        start = self.at + -self.at % ALIGNED
        if start + value.nbytes <= self.most:
            self.file.write(bytes(start - self.at))
            np.ascontiguousarray(value.T).tofile(self.file)  # MATLAB's order, so that nothing is copied
        self.at = start + value.nbytes
        return {"shape": value.shape, "type": value.dtype.str, "at": start}


def convert(path: str, folder: str, most: int) -> None:
    """Reads a file and writes what it holds into a folder.

    Args:
        path: of the file.
        folder: that exists and takes `tree.json` and `values`.
        most: bytes that `values` may take; of more it only says how many they would be.
    """
    import scipy.io

    with (Path(folder) / "values").open("wb", buffering=0) as file, warnings.catch_warnings():
        # SciPy gives a variable that it cannot read as the text of the error, and warns.
        warnings.filterwarnings("error", message="Unreadable variable")
        writer = Writer(file, most)
        # What has no name belongs to the objects of MATLAB.
        tree = {name: writer.put(value) for name, value in scipy.io.loadmat(path, appendmat=False).items()
                if not name.startswith("__") and name != "None"}
        (Path(folder) / "tree.json").write_text(json.dumps({"bytes": writer.at, "variables": tree}), encoding="utf-8")


if __name__ == "__main__":
    limit(int(sys.argv[3]), int(sys.argv[4]))
    try:
        convert(sys.argv[1], sys.argv[2], int(sys.argv[5]))
    except Exception as error:  # a damaged file raises whatever its bytes lead to
        sys.exit(f"{type(error).__name__}: {' '.join(str(error).split())}")
