"""Read untrusted pickles, .mat files and HDF5 files.

A pickle names functions that Python's reader would call; ours knows none but the few that NumPy's pickles name. What it
returns are plain containers and arrays.

.mat and HDF5 files, and the pickles of strangers, are read by a process of its own (`isolated.child`), which may take
only so much memory and time: some damaged files end their reader's process (a segmentation fault), make it take memory
for whatever number of cells they declare, or keep it busy for ever. Windows limits only the time of such a process, and
macOS not its memory.
"""

import errno
import os
import re
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qfusion import _child_environment
from qfusion._checks import check
from qfusion.data import files, signatures
from qfusion.data.isolated import child, mat_reader, pickle_reader, value_tree
from qfusion.errors import translate_errors

SECONDS = 60  # of the processor, for a small file
PATIENCE = 300  # seconds of the clock, for a small file
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
_COPY = "Write or copy it again."
_AGAIN = "Save it again, with `save -v7` in MATLAB or `scipy.io.savemat` in Python."


def read_pickle(path: Path) -> Any:
    """Return the object in a pickle: plain containers, text, bytes, numbers and arrays of these.

    Arrays are read-only. Bytes that are keys of a dictionary become text, as Python 2 wrote text as bytes.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it asks for anything that is not a plain container, text, number or array (the message says
            for what), is cut short, damaged or too large.
    """
    size = files.file_size(path)
    signatures.require(path, "a pickle", "pickle")
    with path.open("rb") as file:
        start = file.read(2)
    if start[:1] != b"\x80" or start[1:] < b"\3":  # numbers as text
        files.check_size(path.name, 4 * size)
    ending, content = _read_pickle_here(path)
    check(not ending.refusal, ending.refusal)
    check(
        not ending.is_out_of_memory,
        f"File `{path.name}` unpacks to far more than its own size, which is refused. Save it with pickle protocol 4 "
        "or 5.",
    )
    check(
        not ending.is_cut_short,
        f"File `{path.name}` is cut short: its pickle ends in the middle, after {size:,} bytes. Copy it again.",
    )
    check(
        not ending.reason,
        f"File `{path.name}` cannot be read as a pickle: it {ending.reason}. {_COPY}",
    )
    return content


def read_mat(path: Path) -> dict[str, Any]:
    """Return the variables of a .mat file (versions 4 to 7.3) by name.

    Numbers are arrays of the type they are stored in; text is an array of its rows; a cell is an array of objects, a
    struct one of fields, and a sparse matrix is one of SciPy's. Anything else (objects, function handles) is an empty
    array.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it is of another version, damaged or too large.
    """
    files.check_size(path.name, files.file_size(path))
    signatures.require(path, "a .mat file", "mat", "hdf5")
    with path.open("rb") as file:
        start = file.read(128)
    check(
        mat_reader.is_hdf5(str(path))
        or start[126:128] in (b"IM", b"MI")
        or mat_reader.is_matlab4(start),
        f"File `{path.name}` must be a .mat file of version 4 to 7.3, but is not one. {_AGAIN}",
    )
    return _read_variables(path)


def read_hdf5(path: Path) -> dict[str, Any]:
    """Return the content of an HDF5 file, by name, as `read_mat` does. A group is a struct.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it is no HDF5 file, damaged or too large, or refers to other files.
    """
    files.check_size(path.name, files.file_size(path))
    signatures.require(path, "an HDF5 file", "hdf5")
    check(
        mat_reader.is_hdf5(str(path)),
        f"File `{path.name}` must be an HDF5 file, but is not one. {_COPY}",
    )
    return _read_variables(path)


@dataclass(frozen=True)
class Ending:
    """The end of the child.

    Attributes:
        code: exit status, negative for a signal.
        message: last line of its errors, "KIND: WORDS".
    """

    code: int = 0
    message: str = ""

    @property
    def refusal(self) -> str:
        """The message of a reader that refuses a file, empty for any other ending."""
        kind, _, words = self.message.partition(": ")
        return words if self.code > 0 and kind == "Refused" else ""

    @property
    def is_out_of_memory(self) -> bool:
        """Whether it needed more memory than it may take."""
        return self.code > 0 and "MemoryError" in self.message

    @property
    def disk_error(self) -> int:
        """Number of the error with which a disk refused more data from the child, or 0 if it took all."""
        number = re.match(r"OSError: \[Errno (\d+)\]", self.message)
        return int(number[1]) if number and int(number[1]) in DISK_ERRORS else 0

    @property
    def is_cut_short(self) -> bool:
        """Whether a pickle ended in the middle."""
        return self.code > 0 and self.message.startswith("EOFError")

    @property
    def reason(self) -> str:
        """The reason why a file could not be read, as the predicate of a sentence; empty if it was read."""
        if self.code == 0:
            return ""
        if self.code == -getattr(signal, "SIGXCPU", 24):
            return f"takes more than {SECONDS} seconds of the processor"
        if self.code < 0:
            return f"is damaged or incomplete (its reading ended with signal {-self.code})"
        return f"is damaged or incomplete ({self.message[:160]})"


def run_child(reader: str, path: Path, folder: Path, memory: int, most: int) -> Ending:
    """Let the child read a file into a folder.

    Args:
        reader: "mat" or "pickle".
        memory: bytes that it may take beyond its start.
        most: bytes that the arrays of a .mat file may take.

    Raises:
        InvalidInput: when it takes more than PATIENCE seconds.
        OSError: when the disk takes no more of what it reads.
    """
    remedy = _AGAIN if path.suffix.lower() == ".mat" else _COPY
    more = files.file_size(path) // 2**24  # seconds for a large file
    with translate_errors(
        f"File `{path.name}` cannot be read as {_describe_kind(reader, path)}",
        remedy,
        subprocess.TimeoutExpired,
        why=f"it takes more than {PATIENCE} seconds",
    ):
        done = subprocess.run(
            [
                *(sys.executable, "-P", child.__file__),
                *(reader, str(path.absolute()), str(folder)),
                *(str(memory), str(SECONDS + more), str(most)),
            ],
            env=_child_environment.child_variables(
                HDF5_PLUGIN_PRELOAD="::"
            ),  # HDF5 loads no filters from elsewhere
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=PATIENCE + 5 * more,
            check=False,
        )
    lines = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")
    ending = Ending(done.returncode, lines[2])
    if ending.disk_error:
        raise OSError(ending.disk_error, os.strerror(ending.disk_error), str(folder))
    return ending


def _read_pickle_here(path: Path) -> tuple[Ending, Any]:
    """Return how the reading of a pickle in this process ended, and the content."""
    try:
        return Ending(), pickle_reader.read_pickle(pickle_reader.MappedFile(str(path)))
    except MemoryError:
        raise
    except Exception as error:  # a damaged file raises whatever its bytes lead to
        return Ending(1, child.describe_error(error)), None


def _describe_kind(reader: str, path: Path) -> str:
    """Return the kind of a file, for messages."""
    if reader == "pickle":
        return "a pickle"
    if path.suffix.lower() != ".mat":
        return "an HDF5 file"
    if mat_reader.is_hdf5(str(path)):
        return "a .mat file of version 7.3 (HDF5)"
    return "a .mat file"


def _read_variables(path: Path) -> dict[str, Any]:
    """Return the variables that the child reads from a .mat or HDF5 file."""
    size = files.file_size(path)
    # SciPy and h5py need address space, too; zlib packs at most 1 : 1032
    memory = 2**30 + 3 * min(files.available_memory(), 1100 * size)
    most = min(files.available_memory(), max(files.HARMLESS, files.MAX_RATIO * size))
    with tempfile.TemporaryDirectory(prefix="qfusion-mat-", ignore_cleanup_errors=True) as folder:
        ending = run_child("mat", path, Path(folder), memory, most)
        reason = ending.reason
        if ending.is_out_of_memory:
            reason = f"needs more than {memory / 1024**3:.1f} GiB of memory, or only declares what it does not hold"
        remedy = _AGAIN if path.suffix.lower() == ".mat" else _COPY
        check(
            not reason,
            f"File `{path.name}` cannot be read as {_describe_kind('mat', path)}: it {reason}. {remedy}",
        )
        record = value_tree.read_value(Path(folder))
    files.check_size(path.name, record["bytes"])
    files.check_unpacked(path.name, record["bytes"], size)
    return {name: _build_variable(entry) for name, entry in record["variables"].items()}


def _build_variable(node: Any) -> Any:
    """Return a variable, or the content of a cell, from the output of the child."""
    if not isinstance(node, dict):
        return node
    shape = node["shape"]
    if "sparse" in node:
        from scipy.sparse import coo_array

        rows, columns, entries = map(_build_variable, node["sparse"])
        return coo_array((entries, (rows, columns)), shape)
    if "cell" in node:
        return _build_cells(node["cell"], shape)
    structs = np.empty(shape, dtype=[(name, object) for name in node["struct"]])
    for name, cells in node["struct"].items():
        structs[name] = _build_cells(cells, shape)
    return structs


def _build_cells(nodes: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    """Return an array of the contents of cells."""
    return np.fromiter(map(_build_variable, nodes), object, len(nodes)).reshape(shape, order="F")
