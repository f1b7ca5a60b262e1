"""The cache on the disk: numbers that can be made again at any time, in plain files of one folder (QFUSION_CACHE).

    key = cache_key([VERSION, dataset.digest, name])
    arrays = cached_arrays("moments", key, make)

A key is a digest of what arrays are made from: files, weights, settings, row numbers, versions of code. No number that
is computed on the way is part of it, since its last bits differ between processors. A file holds its own digest and its
name; one that is damaged, belongs to another name, or cannot be read or written, counts as none. The files that were
not used for longest are removed where all take more than QFUSION_KEPT_MB. Records of finished trainings, which are
small and took long, stay.
"""

import contextlib
import hashlib
import itertools
import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from qfusion import _files, _limits, _progress, _user_folders
from qfusion._checks import read_json
from qfusion.errors import InvalidInput

_DIGEST = "__digest__"  # in a file: of its arrays
_NAME = (
    "__name__"  # in a cached file: what it is kept by, so that a file under another's name is none
)
_log = logging.getLogger(__name__)


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

    One process at a time makes them. If no file can be written, each process makes its own.

    Args:
        name: what they are, the beginning of the file name.
        key: of everything the arrays depend on, from `cache_key`.
        make: makes the arrays; called only when they are not cached.
    """
    arrays = find_arrays(name, key)
    if arrays is None:
        path = array_path(name, key)
        with _alone(path):
            arrays = find_arrays(name, key)
            if arrays is None:
                arrays = make()
                _store(path, arrays)
    return arrays


def find_arrays(name: str, key: str) -> dict[str, np.ndarray] | None:
    """Return the cached arrays of a key and mark their file as used, or None if there are none. A file that is not
    whole, or not of this key, is removed.
    """
    path = array_path(name, key)
    arrays = read_arrays(path)
    if arrays is not None and str(arrays.pop(_NAME, "")) == path.stem:
        with contextlib.suppress(OSError):
            os.utime(path)
        return arrays
    if path.exists():
        _log.warning(
            "The cached numbers in %s are damaged or of another model or data set and are computed again.",
            path,
        )
        with contextlib.suppress(OSError):
            path.unlink()
    return None


def array_path(name: str, key: str) -> Path:
    """Return the file of the cached arrays of a key."""
    return _user_folders.cache_root() / f"{name}-{key}.npz"


def find_record(name: str, key: str) -> dict[str, Any] | None:
    """Return the record of a finished training, or None if there is none that can be read.

    Args:
        name: what it was trained for. key: a digest of all that determines it.
    """
    with contextlib.suppress(OSError, UnicodeDecodeError):
        record = read_json(_record_path(name, key).read_text(encoding="utf-8"))
        if isinstance(record, dict) and record.get("key") == key:
            return record
    return None


def store_record(name: str, record: Mapping[str, Any]) -> None:
    """Store the record of a finished training, whose entry `key` says what determines it; `name` as of `find_record`.

    Raises:
        InvalidInput: when it cannot be written.
    """
    path = _record_path(name, record["key"])
    path.parent.mkdir(parents=True, exist_ok=True)
    _files.write_file(path, json.dumps(record))


def stamp_records(name: str) -> tuple[tuple[str, int], ...]:
    """Return the files of the records of a name with their times, as a stamp for results that are read from them."""
    with contextlib.suppress(OSError):  # another process may tidy up
        return tuple(
            (path.name, path.stat().st_mtime_ns)
            for path in sorted(_user_folders.cache_root().glob(f"{name}-*.json"))
        )
    return ()


def digest_of_arrays(values: dict[str, np.ndarray]) -> str:
    """Return SHA-256, in hex, over names, types, shapes and numbers of arrays."""
    sha = hashlib.sha256()
    for name in sorted(values):
        array = np.ascontiguousarray(values[name])
        sha.update(f"{name}|{array.dtype}|{array.shape}|".encode())
        sha.update(array.tobytes())
    return sha.hexdigest()


def read_arrays(path: Path) -> dict[str, np.ndarray] | None:
    """Return the arrays of a file that `write_arrays` has written; None if it is not there, or not whole."""
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


def _record_path(name: str, key: str) -> Path:
    return _user_folders.cache_root() / f"{name}-{key}.json"


def _store(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Store arrays, and remove the oldest ones if all take too much space. If the disk cannot be written to, log a
    warning: the arrays are then made again at the next start.
    """
    try:
        write_arrays(path, {**arrays, _NAME: np.array(path.stem)})
    except (OSError, InvalidInput) as error:
        _log.warning(
            "The computed numbers cannot be stored and will be computed again next time: %s", error
        )
    _remove_oldest(_limits.limit("QFUSION_KEPT_MB") * _limits.MIB)


def _remove_oldest(most: int) -> None:
    """Remove the files that were not used for longest, until at most so many bytes are left; the newest stays."""
    with contextlib.suppress(OSError):  # another process may tidy up, too
        newest = sorted(
            _user_folders.cache_root().glob("*-*.npz"), key=lambda path: -path.stat().st_mtime
        )
        totals = itertools.accumulate(path.stat().st_size for path in newest)
        for path, total in list(zip(newest, totals, strict=True))[1:]:
            if total > most:
                path.unlink(missing_ok=True)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Context manager that lets one process at a time make the contents of a file. If no file can be written, each
    process makes its own.
    """
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            place = path.with_suffix(".lock")
            lock = FileLock(place, is_singleton=False)
            try:
                stack.enter_context(lock.acquire(blocking=False))
            except Timeout:
                with _progress.progress_shown("Waiting for the process that computes the same"):
                    stack.enter_context(lock.acquire())
            stack.callback(place.unlink, missing_ok=True)
        yield
