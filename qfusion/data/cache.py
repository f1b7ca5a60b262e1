"""Where data are kept on this machine, and a cache of arrays that can always be made again.

A cached file holds its own digest; one that is damaged, or cannot be read or written, is as good as none.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import platformdirs

from qfusion import _limits, _places
from qfusion._files import atomic
from qfusion.errors import InvalidInput

_DIGEST = "__digest__"


def data_folder() -> Path:
    """Returns where data sets are looked for and downloaded to: QFUSION_DATA, else the user's data folder."""
    return Path(os.environ.get("QFUSION_DATA") or platformdirs.user_data_dir("qfusion"))


def cache_folder() -> Path:
    """Returns where made arrays are kept: QFUSION_CACHE, else the user's cache folder."""
    return _places.cache()


def key_of(parts: Iterable[str | bytes]) -> str:
    """Returns a short digest of what an array was made from; any change gives another file name."""
    sha = hashlib.sha256()
    for part in parts:
        sha.update(hashlib.sha256(part.encode() if isinstance(part, str) else part).digest())
    return sha.hexdigest()[:16]


def arrays(name: str, key: str, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Returns the arrays that `make` gives, from the cache if they are there and whole, else made and stored.

    Args:
        name: of the data set, the beginning of the file name.
        key: of everything the arrays depend on, from `key_of`.
        make: makes the arrays; called only when they are not cached.
    """
    path = cache_folder() / f"{name}-{key}.npz"
    found = read(path)
    if found is None:
        found = make()
        # A cache that cannot be written (read-only home, full disk) costs time at the next start, nothing else.
        with contextlib.suppress(OSError, InvalidInput):
            write(path, found)
    return found


def _digest(found: dict[str, np.ndarray]) -> str:
    sha = hashlib.sha256()
    for name in sorted(found):
        array = np.ascontiguousarray(found[name])
        sha.update(f"{name}|{array.dtype}|{array.shape}|".encode())
        sha.update(array.tobytes())
    return sha.hexdigest()


def read(path: Path) -> dict[str, np.ndarray] | None:
    """Returns the arrays of a file that `write` has written; None if it is not there, or not whole."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            found = {name: stored[name] for name in stored.files}
    except (
        Exception
    ):  # a damaged zip raises whatever its bytes lead to; the arrays are then made again
        return None
    digest = found.pop(_DIGEST, None)
    return found if digest is not None and str(digest) == _digest(found) else None


def write(path: Path, found: dict[str, np.ndarray], *, compressed: bool = False) -> None:
    """Writes arrays and their digest to a file, whole or not at all; compressed, it is smaller and slower to read.

    Raises:
        OSError, InvalidInput: when it cannot be written.
    """
    _limits.check_disk("The cache", sum(each.nbytes for each in found.values()))
    path.parent.mkdir(parents=True, exist_ok=True)
    save = np.savez_compressed if compressed else np.savez
    with atomic(path) as part, part.open("wb") as file:
        save(file, **found, **{_DIGEST: np.array(_digest(found))})  # type: ignore[arg-type]
