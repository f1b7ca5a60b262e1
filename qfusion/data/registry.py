"""The data sets that can be loaded by name.

A source says what it is and how to load it; nothing is read or imported until it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module

from qfusion._checks import choose
from qfusion.data.spec import DataSet


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


@dataclass(frozen=True)
class Source:
    """Where a data set comes from: a module with `load() -> DataSet` and `missing() -> (reason, remedy) | None`."""

    name: str
    title: str
    module: str


SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source("planted", "Planted opinions", "qfusion.data.planted"),
        Source("mosi", "CMU-MOSI", "qfusion.data.mosi"),
    )
}


def names() -> tuple[str, ...]:
    """Returns the names that `load` knows, available or not."""
    return tuple(SOURCES)


def load(name: str) -> DataSet:
    """Returns the data set of that name; the same object for the same name within a process.

    Raises:
        NotFound: when no source has that name, with close matches.
        DataUnavailable: when its files are missing, with how to get them.
        IntegrityError: when a file is not the one that was recorded.
    """
    return _load(choose("Data set", name, SOURCES))


@lru_cache(maxsize=4)
def _load(name: str) -> DataSet:
    loader: Callable[[], DataSet] = import_module(SOURCES[name].module).load
    return loader()


def available() -> list[SourceInfo]:
    """Returns every source, with whether its files are there and, if not, what is missing and how to get it.

    It looks for files but does not read them: a file that is there but altered shows when the data set is loaded.
    """
    infos = []
    for source in SOURCES.values():
        missing = import_module(source.module).missing()
        reason, remedy = missing or ("", "")
        infos.append(SourceInfo(source.name, source.title, missing is None, reason, remedy))
    return infos
