"""The folders of stored sets: where they lie, and how one appears, gives way to another and is removed.

A folder of an imported set appears whole or not at all. A set of a Python session lies where QFUSION_OPENED_DATA, a
list like PATH, says; the user's own process has written it into a folder that nobody else can read.
"""

import contextlib
import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from qfusion import _files, _read_only, _user_folders
from qfusion._checks import check
from qfusion.errors import DataUnavailable, NotFound

OPENED = "QFUSION_OPENED_DATA"
MANIFEST = "manifest.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")


def imported_root() -> Path:
    """Return where imported sets lie: QFUSION_IMPORTED, else `imported` in the user's data folder."""
    return _user_folders.own_folder("imported")


def imported_names() -> tuple[str, ...]:
    """Return the names of the imported sets, sorted."""
    _restore_replaced()
    folders = [path.parent.name for path in imported_root().glob(f"*/{MANIFEST}")]
    return tuple(sorted(filter(NAME.fullmatch, folders)))


def imported_folder(name: str) -> Path:
    """Return the folder of an imported set.

    Raises:
        NotFound: when there is none of that name.
    """
    place = imported_root() / name
    is_name = NAME.fullmatch(name) is not None
    if is_name and not place.is_dir():
        _restore_replaced()
    check(
        is_name and place.is_dir(),
        f"Imported data set {name[:80]!r} does not exist. See `python -m qfusion data list`.",
        NotFound,
    )
    return place


def is_imported(folder: Path) -> bool:
    """Return whether a folder is that of an imported set."""
    return folder.parent == imported_root()


def describe_folder(folder: Path) -> tuple[str, str]:
    """Return what the set in a folder is called in messages, and what to do if it is damaged."""
    if is_imported(folder):
        remedy = (
            f"Remove it with `python -m qfusion data remove {folder.name}` and import it again."
        )
        return f"Imported data set '{folder.name}'", remedy
    return f"The opened data set in {folder}", "Open it again with `qfusion.show`."


@contextlib.contextmanager
def staging_folder(keep: bool = False) -> Iterator[Path]:
    """Yield a new folder beside the imported sets for a set on its way in.

    It is removed when the block ends; with `keep`, only when the block fails.

    Raises:
        DataUnavailable: when the disk refuses, also inside the block.
    """
    root = imported_root()
    with translate_disk_errors("The data"):
        root.mkdir(parents=True, exist_ok=True)
        _files.clear(root)  # removes what interrupted imports and removals have left
        folder = root / f".draft-{_files.process_suffix()}"
        folder.mkdir()
        with contextlib.ExitStack() as stack:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            yield folder
            if keep:
                stack.pop_all()


def place_folder(folder: Path, name: str, replace: bool) -> Path:
    """Move a complete folder to the imported sets and return its place; a folder that is replaced comes back if that
    fails.

    Raises:
        InvalidInput: when another process has stored a set of that name meanwhile.
        OSError: when the disk refuses.
    """
    for entry in [*folder.iterdir(), folder]:
        _flush_to_disk(entry)
    place = imported_root() / name
    old = old_folder(name)
    with lock_sets():
        if replace and place.exists():
            os.rename(place, old)
        try:
            os.rename(folder, place)
        except OSError as error:
            if old.exists():
                os.rename(old, place)
            check(
                error.errno not in (errno.ENOTEMPTY, errno.EEXIST),
                f"Argument `name` must be new, but an imported set has been called {name!r} meanwhile. Choose "
                "another.",
            )
            raise
        shutil.rmtree(old, ignore_errors=True)
        _flush_to_disk(place.parent)
    return place


def remove_imported(name: str) -> Path:
    """Remove an imported set and return where it was.

    Raises:
        NotFound: when there is none of that name. DataUnavailable: when the disk refuses.
    """
    _read_only.check_allowed("remove data")
    _restore_replaced()  # an older version would be restored later otherwise
    place = imported_folder(name)
    with translate_disk_errors(f"Data set '{name}'"):
        gone = place.with_name(f".gone-{_files.process_suffix()}")
        with lock_sets(), contextlib.suppress(FileNotFoundError):  # another process has removed it
            os.rename(place, gone)
        shutil.rmtree(gone, ignore_errors=True)
    return place


@contextlib.contextmanager
def translate_disk_errors(what: str) -> Iterator[None]:
    """Context manager that turns errors of the disk inside the block into one line that says what to do."""
    try:
        yield
    except OSError as error:
        full = error.errno in (
            errno.ENOSPC,
            errno.EDQUOT,
            errno.EFBIG,
            None,
        )  # NumPy tells only what was not written
        raise DataUnavailable(
            f"{what} cannot be written to the folder of imported sets "
            f"({'the disk is full' if full else error.strerror or error}); nothing was kept. "
            f"{'Free some space' if full else 'Correct its permissions'}, or name another folder in "
            "QFUSION_IMPORTED."
        ) from error


def lock_sets(timeout: float = -1) -> contextlib.AbstractContextManager[object]:
    """Return the lock, taken, by which one process at a time moves sets here; it is let go of as a block ends.

    Raises:
        Timeout: when another one still does after so many seconds.
    """
    return FileLock(imported_root() / ".lock", is_singleton=False).acquire(timeout=timeout)


def old_folder(name: str) -> Path:
    """Return the folder of a set while another one replaces it."""
    return imported_root() / f".old-{name}.{secrets.token_hex(6)}"


def _restore_replaced() -> None:
    """Finish replacements of sets during which a process was killed. The old set is put back if there is no new one
    yet.
    """
    left = list(imported_root().glob(".old-*.*"))
    if left and not _read_only.is_read_only():
        with contextlib.suppress(Timeout, OSError), lock_sets(timeout=0):
            for old in left:
                place = imported_root() / old.name.removeprefix(".old-").rpartition(".")[0]
                if place.exists():
                    shutil.rmtree(old, ignore_errors=True)
                elif old.is_dir():
                    os.rename(old, place)


def _flush_to_disk(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
