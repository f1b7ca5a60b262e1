"""Data sets that can be loaded by name, built-in sources and imported sets, files that can be loaded by path, and the
download of the files of a source.
"""

import contextlib
import io
import os
import pkgutil
import shutil
import tempfile
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import IO

from qfusion import _files, _read_only, plugin
from qfusion._checks import check, choose
from qfusion._memory_cache import memo
from qfusion.data import files, sources as package
from qfusion.data.data_set import DataSet
from qfusion.data.examine.report import Progress, no_progress
from qfusion.data.store import manifest, reading
from qfusion.data.store.manifest import imported_names, imported_root
from qfusion.errors import DataUnavailable, IntegrityError, NotFound, QFusionError, translate_errors


@dataclass(frozen=True)
class SourceInfo:
    """A source as a list or a picker shows it.

    Attributes:
        name: what `load` takes.
        title: shown on pages.
        origin: where its data come from.
        available: whether its files are there.
        reason: what is missing, empty when available.
        remedy: how to get it, empty when available.
    """

    name: str
    title: str
    origin: package.Origin
    available: bool
    reason: str = ""
    remedy: str = ""


@memo(1)
def sources() -> dict[str, package.Source]:
    """Return the data sets that come with the library or are read from known files, by name: all that modules of
    `sources` and plugins declare."""
    modules = [
        import_module(item.name)
        for item in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    ]
    declared = [source for m in modules for source in getattr(m, "SOURCES", None) or [m.SOURCE]]
    declared += map(plugin.load_name, plugin.entries("sources"))
    return {source.name: source for source in sorted(declared, key=lambda source: source.place)}


def names() -> tuple[str, ...]:
    """Return the names that `load` knows, available or not: of the sources, then of the imported sets, each with the
    questions of its labels where samples have several.
    """
    known = list(sources())
    for name in imported_names():
        if name not in sources():
            known += [name, *(f"{name}:{label}" for label in _labels(name))]
    known += [name for name in manifest.opened_folders() if name not in known]
    return tuple(known)


def _labels(name: str) -> list[str]:
    """Return the labels of an imported data set whose samples have several labels. The list is empty for a damaged
    data set.
    """
    with contextlib.suppress(QFusionError):
        return list(manifest.imported_manifest(name).target.labels)
    return []


def is_game(name: str) -> bool:
    """Return whether a data set holds the samples of a measured game; False for a damaged one."""
    if name in sources():
        return sources()[name].game is not None
    with contextlib.suppress(QFusionError):
        return name in imported_names() and manifest.imported_manifest(name).game
    return False


def load(name: str | os.PathLike[str]) -> DataSet:
    """Return a data set; the same object for the same name, or the same unchanged file, within a process.

    Args:
        name: of a source or an imported set; NAME:LABEL of a set whose samples have several labels, see
            `DataSet.select_label`; or the path of a file, see `readers.formats`.

    Raises:
        NotFound: when no source has that name, with close matches, or there is no such file.
        DataUnavailable: when a source's files are missing, with how to get them.
        IntegrityError: when a file is not the one that was recorded.
        InvalidInput: when a file given by its path does not hold what it should.

    Example:
        >>> from qfusion.data import load, names
        >>> load(names()[0]).names
        ('picture', 'question')
    """
    path = Path(name)
    is_path = len(path.parts) > 1 or (path.suffix != "" and ":" not in str(name))
    if is_path and str(name) not in names():
        return _load_file(path.absolute(), files.file_size(path), path.stat().st_mtime_ns)
    known = choose("Data set", str(name), names())
    return load_manifest(known, stamp(known))


@memo(8)
def load_manifest(name: str, stamp: str) -> DataSet:
    """Load a manifest. `stamp` changes when the set is replaced, so that the manifest is read anew."""
    opened = manifest.opened_folders()
    if name in opened:  # a session shows its own data, whatever else has their name
        return reading.open_set(opened[name])
    if name in sources():
        dataset = sources()[name].load()
        object.__setattr__(dataset, "version", f"{name} {sources()[name].version}")
        return dataset
    base, _, label = name.partition(":")
    return load_manifest(base, stamp).select_label(label) if label else reading.open_imported(name)


def stamp(name: str) -> str:
    """Return a text that changes when the set of a name does, the folder of an opened one; empty for sources, which do
    not change.
    """
    opened = manifest.opened_folders()
    if name in opened:
        return str(opened[name])
    if name in sources():
        return ""
    return manifest.stamp(imported_root() / name.partition(":")[0])


@memo(2)
def _load_file(path: Path, size: int, changed: int) -> DataSet:
    """Size and time of the last change are there to tell a file that was written again."""
    from qfusion.data import build  # it brings readers of all formats

    dataset = build.load_file(path)
    # A file that is called like a source must not be taken for it later, when a model's card names its data.
    return replace(dataset, name=path.name) if dataset.name in sources() else dataset


def available() -> list[SourceInfo]:
    """Return every source and imported set, with whether its files are there and, if not, which are missing and how to
    get them.

    It looks for files but does not read them: a file that is there but altered shows when the data set is loaded.
    """
    return [_describe(name) for name in names()]


def _describe(name: str) -> SourceInfo:
    opened = manifest.opened_folders()
    if name in opened:
        title = manifest.read_manifest(opened[name]).title
        return SourceInfo(name, title, package.Origin.IMPORTED, True)
    return _describe_source(sources()[name]) if name in sources() else _describe_imported(name)


def _describe_source(source: package.Source) -> SourceInfo:
    reason = source.missing()
    remedy = source.remedy if reason else ""
    return SourceInfo(source.name, source.title, source.origin, not reason, reason, remedy)


def _describe_imported(name: str) -> SourceInfo:
    base, _, label = name.partition(":")
    imported = package.Origin.IMPORTED
    try:
        title = manifest.imported_manifest(base).title
    except QFusionError as error:
        reason, _, remedy = str(error).partition(". ")
        return SourceInfo(name, name, imported, False, f"{reason}.", remedy)
    return SourceInfo(name, f"{title}: {label}" if label else title, imported, True)


MAX_BYTES = 2 * 1024**3  # of a file whose digest is not known
UNCHANGED = "Nothing was changed; try again, or get the files from where they were first published."


def download(
    name: str,
    target: str | os.PathLike[str] | None = None,
    base_url: str | None = None,
    progress: Progress = no_progress,
    retries: int = 2,
) -> Path:
    """Download a data set's files and return the folder they are in.

    Files that are there and whole are kept; all others are fetched into a temporary folder, checked against their
    recorded SHA-256, and only when every one of them is right moved into place. After a failure the target is as it
    was. Where files are public in another form only, the source fetches them there.

    Args:
        name: of the data set; see `qfusion.data.names`.
        target: folder to put the files in; the data set's own below the data folder by default.
        base_url: where the files are instead of at their public source, laid out as in the folder or, where the
            source fetches them, as it expects. The environment variable QFUSION_<NAME>_URL does the same.
        progress: called with (files done, files in all, path of the file).
        retries: how often a failed transfer is tried again.

    Raises:
        NotFound: when the data set is unknown or not to be downloaded.
        DataUnavailable: when a file cannot be fetched or the folder cannot be written.
        IntegrityError: when a fetched file is not the recorded one.
    """
    _read_only.check_allowed("download data")
    public = [key for key, source in sources().items() if source.is_public]
    source = sources()[name if name in sources() else choose("Downloadable data set", name, public)]
    check(
        not source.made,
        f"Data set '{name}' {source.made} and needs no download. Use it as it is.",
        NotFound,
    )
    check(source.is_public, f"Data set '{name}' cannot be downloaded. {source.remedy}", NotFound)
    folder = Path(target) if target is not None else source.folder
    base = base_url or os.environ.get(f"QFUSION_{name.upper().replace('-', '_')}_URL")
    lacking = [file for file in source.files if not file.is_complete(folder)]
    with translate_errors(
        f"Data set '{name}' cannot be written to {folder}",
        "Give another folder, or set QFUSION_DATA to one that can be written.",
        error=DataUnavailable,
    ):
        folder.mkdir(parents=True, exist_ok=True)
        _files.clear(folder)
        with tempfile.TemporaryDirectory(
            dir=folder, prefix=".download-", suffix=f"-{_files.process_suffix()}"
        ) as temporary:
            if lacking and source.fetch is not None:
                source.fetch(source, Path(temporary), base, progress, retries)
            for done, file in enumerate(lacking if source.fetch is None else ()):
                progress(done, len(lacking), file.path)
                download_file(
                    file.path,
                    Path(temporary),
                    address(base, file.path, file.url),
                    retries,
                    file.sha256,
                )
            for file in lacking:
                place = folder / file.path
                place.parent.mkdir(parents=True, exist_ok=True)
                if place.is_dir():
                    shutil.rmtree(place)
                os.replace(Path(temporary) / file.path, place)
    progress(len(lacking), len(lacking), lacking[-1].path if lacking else "")
    return folder


def address(base: str | None, path: str, url: str) -> str:
    """Return the address of a file: below `base`, if given, else its own."""
    return f"{base.rstrip('/')}/{path}" if base else url


def download_file(
    path: str,
    folder: Path,
    url: str,
    retries: int,
    sha256: str | None = None,
    most: int = MAX_BYTES,
) -> Path:
    """Download one file into `folder`. Its digest is checked if known, and its size is limited to `most` bytes."""
    import pooch  # on demand: it pulls in the HTTP client, which only a download needs

    pooch.get_logger().setLevel("WARNING")  # it would announce every file and every second try

    place = folder / path
    # seconds without an answer
    fetched = pooch.HTTPDownloader(timeout=30)

    def fetch_bounded(address: str, output: str, shelf: object) -> None:
        with open(output, "wb") as file:
            fetched(address, Bounded(file, most, f"File `{path}` from {address}"), shelf)

    shelf = pooch.create(
        place.parent,
        base_url="",
        registry={place.name: sha256 and f"sha256:{sha256}"},
        urls={place.name: url},
        retry_if_failed=retries,
    )
    try:
        shelf.fetch(place.name, downloader=fetch_bounded)
    except OSError as error:
        if not hasattr(
            error, "request"
        ):  # the disk's error, not one of the HTTP client's, which are OSErrors too
            raise
        response = getattr(error, "response", None)
        why = type(error).__name__ if response is None else f"HTTP {response.status_code}"
        raise DataUnavailable(
            f"File `{path}` cannot be downloaded from {url} ({why}). Check the connection "
            "and try again; nothing was changed."
        ) from error
    except ValueError as error:
        raise IntegrityError(
            f"File `{path}` from {url} is not the recorded one: its SHA-256 differs. {UNCHANGED}"
        ) from error
    return place


class Bounded(io.IOBase):
    """A file that gives or takes at most so many bytes."""

    def __init__(self, file: IO[bytes], most: int, what: str):
        self.file = file
        self.left = most
        self.what = what

    def _count(self, chunk: bytes) -> bytes:
        self.left -= len(chunk)
        check(
            self.left >= 0,
            f"{self.what} is larger than the recorded one can be. {UNCHANGED}",
            IntegrityError,
        )
        return chunk

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        return self._count(self.file.read(size))

    def write(self, chunk: bytes) -> None:
        """Add bytes."""
        self.file.write(self._count(chunk))
