"""Variables from MATLAB files (.mat, versions 5 to 7.2) that anybody may have made.

SciPy reads them. On some damaged files its reader ends the process (a segmentation fault), and it takes memory for
whatever number of cells a file declares; so it runs in a process of its own (`_mat_child`), which may take only so much
memory and time. What comes back are arrays, read as any pickle that is not trusted. On Windows there is no such limit
but that of time, and on macOS none of memory.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from qfusion._checks import check
from qfusion.data import files
from qfusion.data.formats import pickles
from qfusion.errors import InvalidInput

SECONDS = 60  # of the processor
PATIENCE = 300  # seconds of the clock
_START = 1 << 30  # bytes of address space that Python and SciPy need, and some
_RATIO = 1100  # zlib packs at most 1 : 1032
_CHILD = Path(__file__).with_name("_mat_child.py")
_AGAIN = "Save it again, with `save -v7` in MATLAB or `scipy.io.savemat` in Python."


def read(path: Path) -> dict[str, Any]:
    """Returns the variables of a .mat file by name.

    Numbers are arrays of the type they are stored in; text is an array of its rows; a cell is an array of objects, a
    struct one of fields, and a sparse matrix is one of SciPy's. Anything else (objects, function handles) is an empty
    array.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it is of another version, damaged or too large.
    """
    size = files.size_of(path)
    files.check_size(path.name, size)
    with path.open("rb") as file:
        _check_version(path.name, file.read(516))
    with tempfile.TemporaryDirectory(prefix="qfusion-mat-", ignore_cleanup_errors=True) as folder:
        out = Path(folder) / "found"
        _run(path, out, _START + 3 * min(files.MAX_SIZE, _RATIO * size))
        found = pickles.read(out.read_bytes(), path.name)
    files.check_size(path.name, found["bytes"])
    files.check_unpacked(path.name, found["bytes"], size)
    return {name: _made(each) for name, each in found["variables"].items()}


def _check_version(name: str, start: bytes) -> None:
    hdf5 = start[:4] == b"\x89HDF" or start[512:516] == b"\x89HDF"
    check(
        not hdf5,
        f"File `{name}` is a .mat file of version 7.3 (HDF5), which is not read here. {_AGAIN}",
    )
    check(
        start[126:128] in (b"IM", b"MI"),
        f"File `{name}` must be a .mat file of version 5 to 7.2, but is not one. {_AGAIN}",
    )


def _run(path: Path, out: Path, memory: int) -> None:
    """Lets the child read a file into another; InvalidInput when it does not come to its end."""
    # The child finds SciPy where this process does; threads of a library for matrices would take address space each.
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-P", _CHILD, path.absolute(), out, memory, SECONDS, files.MAX_SIZE]
    try:
        done = subprocess.run(
            list(map(str, command)),
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _refused(path, f"it takes more than {PATIENCE} seconds") from None
    if done.returncode == -getattr(signal, "SIGXCPU", 24):
        raise _refused(path, f"it takes more than {SECONDS} seconds of the processor")
    said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2][:160]
    if "MemoryError" in said:
        raise _refused(
            path,
            f"it needs more than {memory / 1024**3:.1f} GiB of memory, or only declares what it does not "
            "hold",
        )
    if done.returncode != 0:
        ended = f"its reading ended with signal {-done.returncode}" if done.returncode < 0 else said
        raise _refused(path, f"it is damaged or incomplete ({ended})")


def _refused(path: Path, why: str) -> InvalidInput:
    return InvalidInput(f"File `{path.name}` cannot be read as a .mat file: {why}. {_AGAIN}")


def _made(node: Any) -> Any:
    """A variable, or what a cell holds, from what the child wrote."""
    found = pickles.value(node)
    if not isinstance(found, dict):
        return found
    shape = found["shape"]
    if "sparse" in found:
        from scipy.sparse import coo_array

        rows, columns, entries = map(_made, found["sparse"])
        return coo_array((entries, (rows, columns)), shape)
    if "cell" in found:
        return _cells(found["cell"], shape)
    made = np.empty(shape, dtype=[(field, object) for field in found["struct"]])
    for field, cells in found["struct"].items():
        made[field] = _cells(cells, shape)
    return made


def _cells(nodes: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    cells = np.empty(len(nodes), dtype=object)
    for at, node in enumerate(nodes):
        cells[at] = _made(node)
    return cells.reshape(shape, order="F")
