"""Digests of folders and of arrays, for files that are not one file byte for byte."""

import hashlib
from pathlib import Path

from qfusion._disk_cache import digest_of_arrays
from qfusion.data.files import sha256
from qfusion.data.readers.variables import read_npz


def sha256_of_folder(folder: Path) -> str:
    """Return the SHA-256, in hex, over the lines "NAME DIGEST" of all files in a folder, sorted by their names."""
    lines = "".join(f"{path.name} {sha256(path)}\n" for path in sorted(folder.iterdir()))
    return hashlib.sha256(lines.encode()).hexdigest()


def sha256_of_arrays(path: Path) -> str:
    """Return the SHA-256, in hex, over names, types, shapes and numbers of an .npz file's arrays: the same however the
    file is packed.

    Raises:
        InvalidInput: as `read_npz` does.
    """
    return digest_of_arrays(read_npz(path))
