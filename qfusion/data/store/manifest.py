"""The manifest of a stored set: what it is, its arrays, and how it came here.

The folders of stored sets: where they lie, and how one appears, gives way to another and is removed.

A folder of an imported set appears whole or not at all. A set of a Python session lies where QFUSION_OPENED_DATA, a
list like PATH, says; the user's own process has written it into a folder that nobody else can read.
"""

import contextlib
import errno
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import BaseModel, ValidationError

from qfusion import _files, _read_only, _user_folders
from qfusion._checks import check
from qfusion._memory_cache import memo
from qfusion.data.target_spec import Target
from qfusion.errors import DataUnavailable, IntegrityError, NotFound, translate_errors

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


FORMAT = 1


class StoredModality(BaseModel):
    """A modality in the manifest.

    Attributes:
        name, feature_names, double: see `Modality`.
        file: name of the file of its values.
        shape: of the values, (N, F) or (N, T, F).
        sequence: whether it has lengths.
        lengths: name of their file; the modality's with `.lengths.npy` if empty.
        picture: shape of the picture that a vector holds, or None.
    """

    name: str
    file: str
    shape: tuple[int, ...]
    sequence: bool
    lengths: str = ""
    feature_names: tuple[str, ...]
    picture: tuple[int, ...] | None = None
    double: bool = False


class Provenance(BaseModel):
    """How a set came here.

    Attributes:
        files: name, bytes and sha256 of each file that it was imported from.
        repairs: descriptions of the repairs made.
        report: of the import, see `Report.as_dict`.
        extracted: how features were extracted from recordings: `methods`, a record by modality, and more.
    """

    files: list[dict[str, Any]] = []
    repairs: list[str] = []
    report: dict[str, Any] = {"findings": [], "repairs": []}
    extracted: dict[str, Any] = {}

    @property
    def methods(self) -> dict[str, Any]:
        """The record of the extraction of each modality, by its name; empty for sets that were not extracted."""
        return dict(self.extracted.get("methods", {}))


class Manifest(Provenance):
    """A stored set; see `DataSet` for the meaning of its parts.

    Attributes:
        format: of the folder.
        name: of a set of a Python session; an imported set is called like its folder.
        created: time of writing, UTC.
        versions: of qfusion, NumPy and Python, by name.
        samples: their number.
        rates: steps a second of sequences, by modality.
        unimodal, truth: columns of these tables; empty if there is none.
        table: whether there are columns to show.
        game: whether it holds the samples of a measured game.
        clusters: unit of the clusters; empty if they follow from the ids, None if rows are independent.
    """

    format: int = FORMAT
    name: str
    title: str
    description: str
    source: str
    licence: str
    created: str
    versions: dict[str, str]
    samples: int
    target: Target
    modalities: list[StoredModality]
    rates: dict[str, float] = {}
    unimodal: list[str] = []
    truth: list[str] = []
    table: bool
    noise_variance: float | None = None
    game: bool = False
    clusters: str | None = ""
    digest: str


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of the set in a folder.

    Raises:
        IntegrityError: when it is damaged, or another version wrote it.
    """
    return _read(folder, stamp(folder))


def imported_manifest(name: str) -> Manifest:
    """Return the manifest of an imported set.

    Raises:
        NotFound: when there is none of that name. IntegrityError: see `read_manifest`.
    """
    return read_manifest(imported_folder(name))


def opened_folders() -> dict[str, Path]:
    """Return the folders of the sets of a Python session, by the names of the sets."""
    places = map(Path, filter(None, os.environ.get(OPENED, "").split(os.pathsep)))
    return {read_manifest(place).name: place for place in places if (place / MANIFEST).is_file()}


def extractor_names(name: str) -> dict[str, str]:
    """Return the methods by which the features of an extracted set were made, by modality; empty for other sets."""
    if name not in imported_names():
        return {}
    methods = imported_manifest(name).methods
    return {modality: str(record.get("method", "")) for modality, record in methods.items()}


def stamp(folder: Path) -> str:
    """Return a text that changes when the set in a folder is replaced. It is empty if there is no such set."""
    with contextlib.suppress(OSError, ValueError):  # such as a zero byte in the name
        facts = (folder / MANIFEST).stat()
        return f"{facts.st_mtime_ns}-{facts.st_size}-{facts.st_ino}"
    return ""


@memo(64)
def _read(folder: Path, stamp: str) -> Manifest:
    """Load a manifest. `stamp` changes when the set is replaced, so that the manifest is read anew."""
    what, remedy = describe_folder(folder)
    with translate_errors(
        f"{what} is damaged: its manifest cannot be read",
        remedy,
        *(OSError, ValueError, AttributeError, RecursionError),
        error=IntegrityError,
        why="{kind}",
    ):
        record = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        version = record.get("format", FORMAT)
    check(
        version == FORMAT,
        f"{what} was written by another version of qfusion (format {version}). {remedy}",
        IntegrityError,
    )
    try:
        return Manifest.model_validate(record)
    except (ValidationError, LookupError) as error:
        raise IntegrityError(
            f"{what} is damaged: its manifest cannot be read ({_describe_error(error)}). {remedy}"
        ) from error


def _describe_error(error: Exception) -> str:
    """Return the first entry that a manifest lacks or that is not of the form that it needs."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
