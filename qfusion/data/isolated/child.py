"""The process that reads a file of somebody else's: `child.py READER FILE FOLDER MEMORY SECONDS BYTES`.

READER is "mat" (also of other HDF5 files) or "pickle". What the file holds goes to FOLDER, see `value_tree`. The
process may take MEMORY bytes beyond those that it has with NumPy, and SECONDS of the processor; the arrays of a .mat
file may take BYTES. It runs as a script; why it fails is its last line on standard error.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

START = 2**30  # bytes of address space with NumPy, where the platform does not tell


def load(name: str) -> Any:
    """Return a module of this folder."""
    return importlib.import_module(f"{__package__}.{name}" if __package__ else name)


def convert(reader: str, path: str, folder: str, most: int, confined: bool = False) -> None:
    """Read a file and write its content.

    Args:
        reader: "mat" or "pickle".
        path: of the file.
        folder: that takes what it holds; an existing one.
        most: bytes that the arrays of a .mat file may take.
        confined: whether the process loses the right to open files before it reads a pickle; SciPy and h5py need it.
    """
    value_tree = load("value_tree")
    with value_tree.open_files(Path(folder)) as (tree, blocks):
        if reader == "pickle":
            pickle_reader = load("pickle_reader")
            pickle_reader.load_codecs()
            file = pickle_reader.MappedFile(path)
            if confined:
                load("process_limits").forbid_opening_files()
            value = pickle_reader.read_pickle(file)
        else:
            value = load("mat_reader").read_variables(path, most)
        value_tree.write_value(value, tree, blocks)


def describe_error(error: Exception) -> str:
    """Return an error as one line, "KIND: WORDS"."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def main(arguments: list[str]) -> None:
    """Read a file within limits."""
    reader, path, folder, *numbers = arguments
    memory, seconds, most = map(int, numbers)
    importlib.import_module("numpy")
    limits = load("process_limits")
    limits.limit_process((limits.used_address_space() or START) + memory, seconds)
    convert(reader, path, folder, most, confined=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    try:
        main(sys.argv[1:])
    except Exception as error:  # a damaged file raises whatever its bytes lead to
        sys.exit(describe_error(error))
