"""A cache on the disk of arrays that can be made again at any time, such as outputs of encoders.

A cached file holds its own digest; one that is damaged, or cannot be read or written, counts as none.
"""

import contextlib
import hashlib
import itertools
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from qfusion import _files, _user_folders
from qfusion.errors import InvalidInput

_DIGEST = "__digest__"


def cache_key(parts: Iterable[str | bytes]) -> str:
    """Return a short digest of the data that an array is made from. Any change of them gives another file name."""
    digests = (
        hashlib.sha256(part.encode() if isinstance(part, str) else part).digest() for part in parts
    )
    return hashlib.sha256(b"".join(digests)).hexdigest()[:16]


def cached_arrays(
    name: str, key: str, make: Callable[[], dict[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """Return the arrays that `make` gives, from the cache if they are there and whole, else made and stored.

    Args:
        name: of the data set, the beginning of the file name.
        key: of everything the arrays depend on, from `cache_key`.
        make: makes the arrays; called only when they are not cached.
    """
    path = _user_folders.cache_root() / f"{name}-{key}.npz"
    arrays = read_arrays(path)
    if arrays is None:
        arrays = make()
        # A cache that cannot be written (read-only home, full disk) costs time at the next start, nothing else.
        with contextlib.suppress(OSError, InvalidInput):
            write_arrays(path, arrays)
    return arrays


def bound(folder: Path, most: int, spared: int = 0) -> None:
    """Remove the files of a folder that were not used for longest, until at most so many bytes are left; so many that
    were used last are `spared`, and so are locks."""
    with contextlib.suppress(OSError):  # another process may tidy up, too
        newest = sorted(
            (path for path in folder.iterdir() if path.suffix != ".lock"),
            key=lambda path: -path.stat().st_mtime,
        )
        totals = itertools.accumulate(path.stat().st_size for path in newest)
        for path, total in list(zip(newest, totals, strict=True))[spared:]:
            if total > most:
                path.unlink(missing_ok=True)


def digest_of_arrays(values: dict[str, np.ndarray]) -> str:
    """Return SHA-256, in hex, over names, types, shapes and numbers of arrays."""
    sha = hashlib.sha256()
    for name in sorted(values):
        array = np.ascontiguousarray(values[name])
        sha.update(f"{name}|{array.dtype}|{array.shape}|".encode())
        sha.update(array.tobytes())
    return sha.hexdigest()


def read_arrays(path: Path) -> dict[str, np.ndarray] | None:
    """Return the arrays of a file that `write` has written; None if it is not there, or not whole."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (
        Exception
    ):  # a damaged zip raises whatever its bytes lead to; the arrays are then made again
        return None
    digest = arrays.pop(_DIGEST, None)
    return arrays if digest is not None and str(digest) == digest_of_arrays(arrays) else None


def write_arrays(path: Path, values: dict[str, np.ndarray], *, compressed: bool = False) -> None:
    """Write arrays and their digest to a file, whole or not at all; compressed, it is smaller and slower to read.

    Raises:
        OSError: when it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    save = np.savez_compressed if compressed else np.savez
    with _files.atomic(path) as part, part.open("wb") as file:
        save(file, **values, **{_DIGEST: np.array(digest_of_arrays(values))})  # type: ignore[arg-type]
