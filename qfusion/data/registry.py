"""The data sets that can be loaded by name, and the files that can be loaded by path.

A source says what it is and how to load it; nothing is read or imported until it is asked for.
"""

from __future__ import annotations

import os
import pkgutil
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from pathlib import Path

from qfusion._checks import choose
from qfusion.data import files, imported
from qfusion.data import sources as package
from qfusion.data.formats import multiview
from qfusion.data.source import Source
from qfusion.data.spec import DataSet
from qfusion.errors import QFusionError


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
def sources() -> dict[str, Source]:
    """Returns the data sets that come with the library or are read from known files, by name: all that modules of
    `sources` declare."""
    modules = [
        import_module(f"{package.__name__}.{module.name}")
        for module in pkgutil.iter_modules(package.__path__)
    ]
    found = [
        source
        for module in modules
        for source in getattr(module, "SOURCES", None) or [module.SOURCE]
    ]
    return {source.name: source for source in sorted(found, key=lambda source: source.place)}


def names() -> tuple[str, ...]:
    """Returns the names that `load` knows, available or not: of the sources, then of the imported sets, each with the
    questions of its labels where samples have several."""
    own = [name for name in imported.names() if name not in sources()]
    return (
        *sources(),
        *(each for name in own for each in (name, *(f"{name}:{label}" for label in _labels(name)))),
    )


def _labels(name: str) -> list[str]:
    """Labels of an imported set whose samples have several; none of a damaged one."""
    try:
        return list(imported.manifest(name)["target"].get("labels", ()))
    except (QFusionError, AttributeError):
        return []


def load(name: str | os.PathLike[str]) -> DataSet:
    """Returns a data set; the same object for the same name, or the same unchanged file, within a process.

    Args:
        name: of a source or an imported set; NAME:LABEL of a set whose samples have several labels, see
            `DataSet.of_label`; or the path of a multi-view `.mat` or `.npz` file, see `multiview`.

    Raises:
        NotFound: when no source has that name, with close matches, or there is no such file.
        DataUnavailable: when a source's files are missing, with how to get them.
        IntegrityError: when a file is not the one that was recorded.
        InvalidInput: when a file given by its path does not hold what it should.
    """
    if is_path(name):
        path = Path(name).absolute()
        size = files.size_of(path)
        return _load_file(path, size, path.stat().st_mtime_ns)
    found = choose("Data set", str(name), names())
    if ":" in found:
        base, _, label = found.partition(":")
        return _load_label(base, label, imported.stamp(base))
    return _load(found) if found in sources() else _load_imported(found, imported.stamp(found))


def is_path(name: str | os.PathLike[str]) -> bool:
    """Returns whether `load` would take `name` for the path of a file: it is no source's name, and looks like one."""
    return str(name) not in names() and (
        len(Path(name).parts) > 1 or Path(name).suffix.lower() in multiview.SUFFIXES
    )


@lru_cache(maxsize=4)
def _load(name: str) -> DataSet:
    found: DataSet = sources()[name].load()
    return found


@lru_cache(maxsize=8)
def _load_label(name: str, label: str, stamp: str) -> DataSet:
    return _load_imported(name, stamp).of_label(label)


@lru_cache(maxsize=4)
def _load_imported(name: str, stamp: str) -> DataSet:
    """`stamp` is there to tell a set that was replaced."""
    return imported.load(name)


def stamp(name: str) -> str:
    """Returns what changes when the set that `load` gives for a name does: an imported one may be replaced."""
    return "" if name in sources() else imported.stamp(name.partition(":")[0])


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
    infos = []
    for source in sources().values():
        gone = source.missing()
        infos.append(
            SourceInfo(source.name, source.title, not gone, gone, source.remedy if gone else "")
        )
    return infos + [_imported(name) for name in names()[len(infos) :]]


def _imported(name: str) -> SourceInfo:
    base, colon, label = name.partition(":")
    try:
        return SourceInfo(
            name, f"{imported.manifest(base)['title']}{f': {label}' if colon else ''}", True
        )
    except QFusionError as error:
        reason, _, remedy = str(error).partition(". ")
        return SourceInfo(name, name, False, f"{reason}.", remedy)
