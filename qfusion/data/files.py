"""Files that must be there and must be the recorded ones, and numbers read from them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.data import cache
from qfusion.data.pinned import BY_HAND, PinnedFile, folder_of
from qfusion.errors import DataUnavailable, IntegrityError, InvalidInput, NotFound

LARGEST = 2 * 1024**3  # bytes of a file that is read into memory, also after unpacking


def size_of(path: Path) -> int:
    """Returns the size of a file in bytes.

    Raises:
        NotFound: when there is no such file.
    """
    if not path.is_file():
        raise NotFound(f"File {str(path)[:200]} does not exist. Check the path.")
    return path.stat().st_size


def check_size(name: str, size: int) -> None:
    """Raises InvalidInput when a file called `name` has, or unpacks to, more bytes than LARGEST."""
    check(size <= LARGEST, f"File `{name}` must have at most {LARGEST / 1024**3:.0f} GiB, also when unpacked, but has more. Keep fewer "
                           "samples or features, or use single precision.")


def sha256(path: Path) -> str:
    """Returns a file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remedy(name: str) -> str:
    """Returns what to do when files of data set `name` are missing or altered."""
    place = f"et QFUSION_DATA to the folder that holds `{folder_of(name)}/`."
    return f"{BY_HAND[name]} S{place}" if name in BY_HAND else f"Run `python -m qfusion data get {name}`, or s{place}"


def _replace(name: str) -> str:
    return remedy(name) + ("" if name in BY_HAND else " The download replaces an altered file.")


def absent(folder: Path, files: Sequence[PinnedFile]) -> str:
    """Returns which files are missing in `folder`, as a sentence; empty when all are there."""
    gone = [file.path for file in files if not (folder / file.path).is_file()]
    if not gone:
        return ""
    rest = f" and {len(gone) - 1} more of its {len(files)} files" if len(gone) > 1 else ""
    return f"{folder} lacks `{gone[0]}`{rest}."


def folder(name: str) -> Path:
    """Returns where the files of data set `name` are looked for."""
    return cache.data_folder() / folder_of(name)


def missing(name: str, files: Sequence[PinnedFile]) -> tuple[str, str] | None:
    """Returns what is missing of a data set in its folder and the remedy, or None when every file is there."""
    gone = absent(folder(name), files)
    return (gone, remedy(name)) if gone else None


def verify(name: str, folder: Path, files: Sequence[PinnedFile]) -> None:
    """Checks that every file is there and is the recorded one.

    Raises:
        DataUnavailable: when a file is missing, naming it and the remedy.
        IntegrityError: when a file's content is another one, naming it and the remedy.
    """
    if gone := absent(folder, files):
        raise DataUnavailable(f"Data set '{name}' is not complete: {gone} {remedy(name)}")
    for file in files:
        try:
            altered = sha256(folder / file.path) != file.sha256
        except OSError as error:
            raise DataUnavailable(f"File `{file.path}` of data set '{name}' in {folder} cannot be read "
                                  f"({error.strerror}). Correct its permissions. {remedy(name)}") from None
        if altered:
            raise IntegrityError(f"File `{file.path}` of data set '{name}' in {folder} is not the recorded one: its "
                                 f"SHA-256 differs. {_replace(name)}")


def numbers(path: Path, shown: str, columns: int) -> np.ndarray:
    """Returns the numbers (rows, columns), float64, of a comma-separated file without a header.

    Args:
        path: the file.
        shown: its name in messages.
        columns: how many columns it must have.

    Raises:
        InvalidInput: when it has other columns, or an entry is no finite number; names file, row and column, from 1.
    """
    try:
        table = pd.read_csv(path, header=None)
    except (ValueError, UnicodeDecodeError) as error:
        raise InvalidInput(f"File `{shown}` must be comma-separated numbers, but cannot be read ({error}). "
                           "Download it again.") from None
    if table.shape[1] != columns:
        raise InvalidInput(f"File `{shown}` must have {columns} columns, but has {table.shape[1]}. Download it again.")
    values = table.apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        row, column = (int(i) for i in bad[0])
        raise InvalidInput(f"File `{shown}` must hold finite numbers, but row {row + 1}, column {column + 1} is "
                           f"{str(table.iat[row, column])[:40]!r} ({len(bad)} such entries). Download it again.")
    return values
