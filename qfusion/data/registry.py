"""The data sets that can be loaded by name: those of `sources`, downloaded where their files are public, and those
that were imported; and the files that can be loaded by path.

A source says what it is and how to load it; nothing is read or imported until it is asked for.
"""

import contextlib
import errno
import gzip
import io
import json
import os
import pkgutil
import re
import secrets
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from importlib import import_module
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
from filelock import FileLock, Timeout

from qfusion import _files, _limits
from qfusion._checks import check, choose, require_few_modalities
from qfusion.data import (
    clips,
    extractors,
    files,
    mmsa,
    multiview,
    sources as package,
)
from qfusion.data.clusters import video_clusters
from qfusion.data.data_set import DataSet, compute_digest
from qfusion.data.modality_spec import Modality
from qfusion.data.progress import Progress, no_progress
from qfusion.data.sample_content import Content, Text, no_content
from qfusion.data.target_spec import Target, guess_convention
from qfusion.errors import DataUnavailable, IntegrityError, NotFound, QFusionError, translate_errors

# Sets that were imported: a folder each, below the user's data folder, with a manifest and one .npy file an array.
#
# A set's folder appears whole or not at all. Its arrays are opened memory-mapped, so that a set may be larger than
# memory; what would need reading them (checks, digest) was done at import and is recorded in the manifest.

FORMAT = 1
MANIFEST = "manifest.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")
_BROKEN = "Remove it with `python -m qfusion data remove {name}` and import it again."


def imported_root() -> Path:
    """Returns where imported sets lie: QFUSION_IMPORTED, else `imported` in the user's data folder."""
    return _files.own_folder("imported")


@contextlib.contextmanager
def disk(what: str) -> Iterator[None]:
    """Turns what the disk refuses inside the block into one line that says what to do."""
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


def alone(timeout: float = -1) -> contextlib.AbstractContextManager[object]:
    """Returns the lock, taken, by which one process at a time moves sets here; it is let go of as a block ends.

    Raises:
        Timeout: when another one still does after so many seconds.
    """
    return FileLock(imported_root() / ".lock", is_singleton=False).acquire(timeout=timeout)


def old_folder(name: str) -> Path:
    """Where a set stands while another takes its place."""
    return imported_root() / f".old-{name}.{secrets.token_hex(6)}"


def _bring_back() -> None:
    """Ends what a process was killed at that replaced a set: puts the old one back where no new one stands yet."""
    left = list(imported_root().glob(".old-*.*"))
    if left and not _limits.is_read_only():
        with contextlib.suppress(Timeout, OSError), alone(timeout=0):
            for old in left:
                place = imported_root() / old.name.removeprefix(".old-").rpartition(".")[0]
                if place.exists():
                    shutil.rmtree(old, ignore_errors=True)
                elif old.is_dir():
                    os.rename(old, place)


def imported_names() -> tuple[str, ...]:
    """Returns the names of the imported sets, sorted."""
    _bring_back()
    folders = (path.parent.name for path in imported_root().glob(f"*/{MANIFEST}"))
    return tuple(sorted(filter(NAME.fullmatch, folders)))


def manifest(name: str) -> dict[str, Any]:
    """Returns what is recorded of an imported set.

    Raises:
        NotFound: when there is none of that name. IntegrityError: when its manifest is damaged.
    """
    if NAME.fullmatch(name):
        path = imported_root() / name / MANIFEST
        if not path.exists():
            _bring_back()
        with contextlib.suppress(OSError):
            return _manifest(path, stamp(name))
    raise NotFound(
        f"Imported data set {name[:80]!r} does not exist. See `python -m qfusion data list`."
    )


@lru_cache(maxsize=64)
def _manifest(path: Path, stamp: str) -> dict[str, Any]:
    """`stamp` is there to tell a set that was replaced."""
    name = path.parent.name
    with translate_errors(
        f"Imported data set '{name}' is damaged: its manifest cannot be read",
        _BROKEN.format(name=name),
        *(ValueError, KeyError, TypeError, RecursionError),
        error=IntegrityError,
        why="{kind}",
    ):
        record = json.loads(path.read_text(encoding="utf-8"))
        for key in ("title", "description", "target", "modalities", "samples", "digest"):
            record[key]
    check(
        record.get("format") == FORMAT,
        f"Imported data set '{name}' was written by another version of qfusion (format {record.get('format')}). "
        + _BROKEN.format(name=name),
        IntegrityError,
    )
    return record


def load_imported(name: str) -> DataSet:
    """Returns an imported set, its arrays memory-mapped.

    Raises:
        NotFound: when there is none of that name.
        IntegrityError: when a file of it is missing or not as long as it should be.
    """
    record, folder = manifest(name), imported_root() / name
    require_few_modalities(f"Imported data set {name}", len(record["modalities"]))
    with translate_errors(
        f"Imported data set '{name}' is damaged",
        _BROKEN.format(name=name),
        *(OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError),
        pa.ArrowException,
        error=IntegrityError,
        why="{kind}: {words:.120}",
    ):
        count, target = record["samples"], record["target"]
        ids = _array(folder, "ids.npy", (count,))
        index = pd.Index(ids)
        table = pd.DataFrame(index=index)
        if record["table"]:
            with pa.memory_map(str(folder / "table.arrow")) as source:
                table = pa.ipc.open_file(source).read_all().to_pandas().set_axis(index)
        modalities = tuple(
            Modality(
                m["name"],
                _array(folder, m["file"], tuple(m["shape"])),
                _array(folder, f"{m['name']}.lengths.npy", (count,)) if m["sequence"] else None,
                tuple(m["feature_names"]),
                tuple(m["picture"]) if m["picture"] else None,
                record.get("rates", {}).get(m["name"]),
                checked=True,
            )
            for m in record["modalities"]
        )
        y = _array(folder, "y.npy", (count,))
        convention = str(target.get("convention", ""))
        if not convention and target["kind"] == "regression":  # of before manifests named it
            convention = guess_convention(
                y,
                annotated={m.name for m in modalities} == set(record["unimodal"]),
                pickled=str(record["source"]).startswith(mmsa.KIND),
            )
        extracted = record.get("extracted", {})
        content = partial(
            _content,
            table.get("text"),
            _array(folder, "tokens.npy") if record.get("tokens") else None,
            {int(number): str(token) for number, token in record.get("vocabulary", {}).items()},
            "text" in extracted.get("methods", {}),
        )
        return DataSet(
            name=name,
            title=record["title"],
            description=record["description"],
            source=record["source"],
            licence=record["licence"],
            modalities=modalities,
            target=Target(
                target["kind"],
                target["name"],
                tuple(target["range"]) if target["range"] else None,
                tuple(target["classes"]),
                target["unit"],
                tuple(target.get("labels", ())),
                tuple(map(tuple, target.get("sets", ()))),
                convention,
            ),
            y=y,
            ids=ids,
            split=_array(folder, "split.npy", (count,)),
            table=table,
            content_of=content if "text" in table.columns else no_content,
            clip_of=partial(clips.clip_of, name, ids),
            unimodal=pd.DataFrame(
                _array(folder, "unimodal.npy"), columns=record["unimodal"], index=index
            )
            if record["unimodal"]
            else None,
            clusters=video_clusters(ids),
            makers=extractors.makers(extracted, modalities),
            recorded=record["digest"],
        )


def _array(folder: Path, file: str, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """An array of a set, memory-mapped; only the name of the file counts, not where a manifest says that it lies."""
    values = np.load(folder / Path(file).name, mmap_mode="r", allow_pickle=False)
    check(shape in (None, values.shape), f"{file} has shape {values.shape}, not {shape}")
    return np.asarray(values)


def _content(
    texts: pd.Series, numbers: np.ndarray | None, known: dict[int, str], worded: bool, row: int
) -> dict[str, Content]:
    words = str(texts.iloc[row])
    if numbers is None:
        return {"text": Text(words, extractors.spoken(words) if worded else None)}
    own = tuple(int(number) for number in numbers[row] if number >= 0)
    tokens, why = mmsa.tokens_of(own, known), ""
    if tokens is None:
        named, reason = mmsa.vocabulary_at_hand()
        if named is not None:
            tokens = mmsa.tokens_of(own, named)
            why = f"that the vocabulary in {mmsa.VOCABULARY} does not have"
        elif reason:
            why = f"whose vocabulary cannot be read ({reason.rstrip('.')})"
    return {"text": Text(words, None, own, tokens, why)}


def verify_imported(name: str) -> DataSet:
    """Returns an imported set after reading all of it.

    Raises:
        IntegrityError: when it is not what was recorded.
    """
    dataset = load_imported(name)
    check(
        compute_digest(dataset) == dataset.digest,
        f"Imported data set '{name}' was altered: its SHA-256 is not the recorded one. "
        + _BROKEN.format(name=name),
        IntegrityError,
    )
    return dataset


def remove_imported(name: str) -> Path:
    """Removes an imported set and returns where it was.

    Raises:
        NotFound: when there is none of that name. DataUnavailable: when the disk refuses.
    """
    _limits.refuse("remove data")
    place = imported_root() / name
    _bring_back()  # else an old one would come back later
    check(
        NAME.fullmatch(name) is not None and place.is_dir(),
        f"Imported data set {name[:80]!r} does not exist. See `python -m qfusion data list`.",
        NotFound,
    )
    with disk(f"Data set '{name}'"):
        gone = place.with_name(f".gone-{_files.mark()}")
        with alone(), contextlib.suppress(FileNotFoundError):  # somebody else has removed it
            os.rename(place, gone)
        shutil.rmtree(gone, ignore_errors=True)
    return place


# The data sets that can be loaded by name, and the files that can be loaded by path.


@dataclass(frozen=True)
class SourceInfo:
    """A source as a list or a picker shows it.

    Attributes:
        name: what `load` takes.
        title: what a person calls it.
        available: whether its files are there.
        reason: what is missing, empty when available.
        remedy: how to get it, empty when available.
    """

    name: str
    title: str
    available: bool
    reason: str = ""
    remedy: str = ""


@lru_cache(maxsize=1)
def sources() -> dict[str, package.Source]:
    """Returns the data sets that come with the library or are read from known files, by name: all that modules of
    `sources` declare."""
    modules = [
        import_module(item.name)
        for item in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    ]
    declared = [source for m in modules for source in getattr(m, "SOURCES", None) or [m.SOURCE]]
    return {source.name: source for source in sorted(declared, key=lambda source: source.place)}


def names() -> tuple[str, ...]:
    """Returns the names that `load` knows, available or not: of the sources, then of the imported sets, each with the
    questions of its labels where samples have several."""
    return (
        *sources(),
        *(
            text
            for name in imported_names()
            if name not in sources()
            for text in (name, *(f"{name}:{label}" for label in _labels(name)))
        ),
    )


def _labels(name: str) -> list[str]:
    """Labels of an imported set whose samples have several; none of a damaged one."""
    with contextlib.suppress(QFusionError, AttributeError):
        return list(manifest(name)["target"].get("labels", ()))
    return []


def load(name: str | os.PathLike[str]) -> DataSet:
    """Returns a data set; the same object for the same name, or the same unchanged file, within a process.

    Args:
        name: of a source or an imported set; NAME:LABEL of a set whose samples have several labels, see
            `DataSet.select_label`; or the path of a multi-view `.mat` or `.npz` file, see `multiview`.

    Raises:
        NotFound: when no source has that name, with close matches, or there is no such file.
        DataUnavailable: when a source's files are missing, with how to get them.
        IntegrityError: when a file is not the one that was recorded.
        InvalidInput: when a file given by its path does not hold what it should.
    """
    path = Path(name)  # of what looks like one, and is no source's name
    if str(name) not in names() and (
        len(path.parts) > 1 or path.suffix.lower() in multiview.SUFFIXES
    ):
        return _load_file(path.absolute(), files.size_of(path), path.stat().st_mtime_ns)
    known = choose("Data set", str(name), names())
    return _load(known, stamp(known))


@lru_cache(maxsize=8)
def _load(name: str, stamp: str) -> DataSet:
    """`stamp` is there to tell a set that was replaced."""
    if name in sources():
        return sources()[name].load()
    base, _, label = name.partition(":")
    return _load(base, stamp).select_label(label) if label else load_imported(name)


def stamp(name: str) -> str:
    """Returns what changes when the set that `load` gives for a name does: an imported one may be replaced. Empty of a
    source, and where there is no such set."""
    with contextlib.suppress(OSError, ValueError):  # such as a zero byte in the name
        if name not in sources():
            seen = (imported_root() / name.partition(":")[0] / MANIFEST).stat()
            return f"{seen.st_mtime_ns}-{seen.st_size}-{seen.st_ino}"
    return ""


@lru_cache(maxsize=2)
def _load_file(path: Path, size: int, changed: int) -> DataSet:
    """Size and time of the last change are there to tell a file that was written again."""
    dataset = multiview.load(path)
    # A file that is called like a source must not be taken for it later, when a model's card names its data.
    return replace(dataset, name=path.name) if dataset.name in sources() else dataset


def available() -> list[SourceInfo]:
    """Returns every source and imported set, with whether its files are there and, if not, what is missing and how to
    get it.

    It looks for files but does not read them: a file that is there but altered shows when the data set is loaded.
    """
    infos = [
        SourceInfo(source.name, source.title, not gone, gone, source.remedy if gone else "")
        for source in sources().values()
        for gone in [source.missing()]
    ]
    return infos + [_imported(name) for name in names()[len(infos) :]]


def _imported(name: str) -> SourceInfo:
    base, colon, label = name.partition(":")
    try:
        return SourceInfo(name, f"{manifest(base)['title']}{f': {label}' if colon else ''}", True)
    except QFusionError as error:
        reason, _, remedy = str(error).partition(". ")
        return SourceInfo(name, name, False, f"{reason}.", remedy)


# Fetching the files of a data set from where they are public, each one checked before it counts.

_UNCHANGED = (
    "Nothing was changed; try again, or get the files from where they were first published."
)


def download(
    name: str,
    target: str | os.PathLike[str] | None = None,
    base_url: str | None = None,
    progress: Progress = no_progress,
    retries: int = 2,
) -> Path:
    """Downloads a data set's files and returns the folder they are in.

    Files that are there and whole are kept; all others are fetched into a temporary folder, checked against their
    recorded SHA-256, and only when every one of them is right moved into place. After a failure the target is as it
    was. Where files are public in an archive only, it is unpacked there: known names alone, of known number and size.

    Args:
        name: of the data set; see `qfusion.data.names`.
        target: folder to put the files in; the data set's own below the data folder unless told.
        base_url: where the files are instead of at their public source, laid out as in the folder, or their archive
            is, called as there. The environment variable QFUSION_<NAME>_URL does the same.
        progress: called with (files done, files in all, path of the file).
        retries: how often a failed transfer is tried again.

    Raises:
        NotFound: when the data set is unknown or not to be downloaded.
        DataUnavailable: when a file cannot be fetched or the folder cannot be written.
        IntegrityError: when a fetched file is not the recorded one.
    """
    _limits.refuse("download data")
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
    lacking = [file for file in source.files if not file.is_whole(folder)]
    with translate_errors(
        f"Data set '{name}' cannot be written to {folder}",
        "Give another folder, or set QFUSION_DATA to one that can be written.",
        error=DataUnavailable,
    ):
        folder.mkdir(parents=True, exist_ok=True)
        _files.clear(folder)
        with tempfile.TemporaryDirectory(
            dir=folder, prefix=".download-", suffix=f"-{_files.mark()}"
        ) as temporary:
            if lacking and source.archive is not None:
                _unpack(source, source.archive, Path(temporary), base, progress, retries)
            for done, file in enumerate(lacking if source.archive is None else ()):
                progress(done, len(lacking), file.path)
                _fetch(
                    file.path,
                    Path(temporary),
                    _address(base, file.path, file.url),
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


def _address(base: str | None, path: str, url: str) -> str:
    return f"{base.rstrip('/')}/{path}" if base else url


def _fetch(
    path: str,
    folder: Path,
    url: str,
    retries: int,
    sha256: str | None = None,
    most: int = files.MAX_SIZE,
) -> Path:
    """Puts one file, checked where its digest is known, and of at most so many bytes, into `folder`."""
    import pooch  # on demand: it pulls in the HTTP client, which only a download needs

    pooch.get_logger().setLevel("WARNING")  # it would announce every file and every second try

    place = folder / path
    # seconds without an answer
    fetched = pooch.HTTPDownloader(timeout=30)

    def bounded(address: str, output: str, shelf: object) -> None:
        with open(output, "wb") as file:
            fetched(address, _Bounded(file, most, f"File `{path}` from {address}"), shelf)

    shelf = pooch.create(
        place.parent,
        base_url="",
        registry={place.name: sha256 and f"sha256:{sha256}"},
        urls={place.name: url},
        retry_if_failed=retries,
    )
    try:
        shelf.fetch(place.name, downloader=bounded)
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
            f"File `{path}` from {url} is not the recorded one: its SHA-256 differs. {_UNCHANGED}"
        ) from error
    return place


class _Bounded(io.IOBase):
    """A file that gives or takes at most so many bytes."""

    def __init__(self, file: IO[bytes] | gzip.GzipFile, most: int, what: str):
        self.file, self.left, self.what = file, most, what

    def _counted(self, chunk: bytes) -> bytes:
        self.left -= len(chunk)
        check(
            self.left >= 0,
            f"{self.what} is larger than the recorded one can be. {_UNCHANGED}",
            IntegrityError,
        )
        return chunk

    def read(self, size: int) -> bytes:
        """Returns the next bytes."""
        return self._counted(self.file.read(size))

    def write(self, chunk: bytes) -> None:
        """Adds bytes."""
        self.file.write(self._counted(chunk))


def _unpack(
    source: package.Source,
    archive: package.Archive,
    folder: Path,
    base: str | None,
    progress: Progress,
    retries: int,
) -> None:
    """Puts a source's files, checked, into `folder`: what its archive holds of them, or what is made of that."""
    name = archive.url.rpartition("/")[2]
    url = _address(base, name, archive.url)
    progress(0, archive.count, name)
    packed = _fetch(name, folder, url, retries, most=archive.most)
    what, taken = f"Archive `{name}` from {url}", set[str]()
    with (
        translate_errors(
            f"{what} cannot be unpacked",
            _UNCHANGED,
            *(tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError),
            error=IntegrityError,
            why="{words:.200}",
        ),
        gzip.open(packed) as plain,
        tarfile.open(
            fileobj=_Bounded(cast(IO[bytes], plain), archive.most, what), mode="r|"
        ) as members,
    ):
        for member in members:
            match = re.fullmatch(f"[^/]*/{archive.members}", member.name)
            plainly = member.isfile() and member.sparse is None  # holes could fill the disk
            if match is None or not plainly or match[1] in taken:
                continue
            place = folder / match[1]
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("wb") as file:
                shutil.copyfileobj(cast(IO[bytes], members.extractfile(member)), file)
            taken.add(match[1])
            progress(len(taken), archive.count, match[1])
    check(
        len(taken) == archive.count,
        f"{what} must hold {archive.count:,} files of data set '{source.name}', but holds {len(taken):,}. {_UNCHANGED}",
        IntegrityError,
    )
    if archive.make is not None:
        archive.make(folder)
    for pinned in source.files:
        check(
            pinned.is_whole(folder),
            f"`{pinned.path}` of a{what[1:]} is not the recorded one: its SHA-256 differs. {_UNCHANGED}",
            IntegrityError,
        )
