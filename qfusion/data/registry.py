"""Data sets that can be loaded by name, built-in sources and imported sets, and files that can be loaded by path."""

import contextlib
import os
import pkgutil
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from qfusion import plugin
from qfusion._checks import choose
from qfusion._memory_cache import memo
from qfusion.data import files, sources as package
from qfusion.data.data_set import DataSet
from qfusion.data.store import manifest, reading
from qfusion.data.store.folders import imported_names, imported_root
from qfusion.errors import QFusionError


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
    questions of its labels where samples have several."""
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
