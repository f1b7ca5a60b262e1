"""Sets that were imported: a folder each, below the user's data folder, with a manifest and one .npy file an array.

A set's folder appears whole or not at all. Its arrays are opened memory-mapped, so that a set may be larger than
memory; what would need reading them (checks, digest) was done at import and is recorded in the manifest.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from filelock import FileLock, Timeout

from qfusion import _places, _read_only
from qfusion._files import mark
from qfusion.data import vocabulary
from qfusion.data.clusters import videos_of
from qfusion.data.formats import mmsa
from qfusion.data.modality import Content, Modality, Target, Text, likely_convention, no_content
from qfusion.data.spec import DataSet, digest_of
from qfusion.errors import DataUnavailable, IntegrityError, NotFound

FORMAT = 1
MANIFEST = "manifest.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")
_BROKEN = "Remove it with `python -m qfusion data remove {name}` and import it again."


def root() -> Path:
    """Returns where imported sets lie: QFUSION_IMPORTED, else `imported` in the user's data folder."""
    return _places.imported()


@contextlib.contextmanager
def disk(folder: Path, what: str) -> Iterator[None]:
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
        remedy = "Free some space" if full else "Correct its permissions"
        raise DataUnavailable(
            f"{what} cannot be written to {folder} ({'the disk is full' if full else error.strerror or error}); "
            f"nothing was kept. {remedy}, or name another folder in QFUSION_IMPORTED."
        ) from error


@contextlib.contextmanager
def alone(timeout: float = -1) -> Iterator[None]:
    """One process at a time moves sets here.

    Raises:
        Timeout: when another one still does after so many seconds.
    """
    with FileLock(root() / ".lock", is_singleton=False).acquire(timeout=timeout):
        yield


def old_of(name: str) -> Path:
    """Where a set stands while another takes its place."""
    return root() / f".old-{name}.{secrets.token_hex(6)}"


def _bring_back() -> None:
    """Ends what a process was killed at that replaced a set: puts the old one back where no new one stands yet."""
    left = list(root().glob(".old-*.*"))
    if left and not _read_only.is_on():
        with contextlib.suppress(Timeout, OSError), alone(timeout=0):
            for old in left:
                place = root() / old.name.removeprefix(".old-").rpartition(".")[0]
                if place.exists():
                    shutil.rmtree(old, ignore_errors=True)
                elif old.is_dir():
                    os.rename(old, place)


def names() -> tuple[str, ...]:
    """Returns the names of the imported sets, sorted."""
    _bring_back()
    try:
        return tuple(
            sorted(
                entry.name
                for entry in root().iterdir()
                if NAME.fullmatch(entry.name) and (entry / MANIFEST).is_file()
            )
        )
    except OSError:
        return ()


def manifest(name: str) -> dict[str, Any]:
    """Returns what is recorded of an imported set.

    Raises:
        NotFound: when there is none of that name. IntegrityError: when its manifest is damaged.
    """
    if NAME.fullmatch(name):
        path = root() / name / MANIFEST
        if not path.exists():
            _bring_back()
        with contextlib.suppress(OSError):
            seen = path.stat()
            return _manifest(path, seen.st_mtime_ns, seen.st_size)
    raise NotFound(
        f"Imported data set {name[:80]!r} does not exist. See `python -m qfusion data list`."
    )


@lru_cache(maxsize=64)
def _manifest(path: Path, changed: int, size: int) -> dict[str, Any]:
    name = path.parent.name
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        for key in ("title", "description", "target", "modalities", "samples", "digest"):
            found[key]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise IntegrityError(
            f"Imported data set '{name}' is damaged: its manifest cannot be read ({type(error).__name__}). "
            + _BROKEN.format(name=name)
        ) from error
    if found.get("format") != FORMAT:
        raise IntegrityError(
            f"Imported data set '{name}' was written by another version of qfusion (format {found.get('format')}). "
            + _BROKEN.format(name=name)
        )
    return found


def stamp(name: str) -> str:
    """Returns what changes whenever the set of that name does; empty when there is none."""
    with contextlib.suppress(OSError, ValueError):  # such as a zero byte in the name
        seen = (root() / name / MANIFEST).stat()
        return f"{seen.st_mtime_ns}-{seen.st_size}-{seen.st_ino}"
    return ""


def load(name: str) -> DataSet:
    """Returns an imported set, its arrays memory-mapped.

    Raises:
        NotFound: when there is none of that name.
        IntegrityError: when a file of it is missing or not as long as it should be.
    """
    found, folder = manifest(name), root() / name
    try:
        return _loaded(name, found, folder)
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        ArithmeticError,
        pa.ArrowException,
    ) as error:
        raise IntegrityError(
            f"Imported data set '{name}' is damaged: {type(error).__name__} ({str(error)[:120]}). "
            + _BROKEN.format(name=name)
        ) from error


def _array(folder: Path, file: str, shape: tuple[int, ...] | None = None) -> np.ndarray:
    values = np.load(folder / Path(file).name, mmap_mode="r", allow_pickle=False)
    if shape is not None and values.shape != shape:
        raise ValueError(f"{file} has shape {values.shape}, not {shape}")
    return np.asarray(values)


def _loaded(name: str, found: dict[str, Any], folder: Path) -> DataSet:
    count, target = found["samples"], found["target"]
    ids = _array(folder, "ids.npy", (count,))
    index = pd.Index(ids)
    table = pd.DataFrame(index=index)
    if found["table"]:
        with pa.memory_map(str(folder / "table.arrow")) as source:
            table = pa.ipc.open_file(source).read_all().to_pandas().set_axis(index)
    modalities = tuple(
        Modality(
            m["name"],
            _array(folder, m["file"], tuple(m["shape"])),
            _array(folder, f"{m['name']}.lengths.npy", (count,)) if m["sequence"] else None,
            tuple(m["feature_names"]),
            tuple(m["picture"]) if m["picture"] else None,
            found.get("rates", {}).get(m["name"]),
            checked=True,
        )
        for m in found["modalities"]
    )
    unimodal = (
        pd.DataFrame(_array(folder, "unimodal.npy"), columns=found["unimodal"], index=index)
        if found["unimodal"]
        else None
    )
    y = _array(folder, "y.npy", (count,))
    convention = str(target.get("convention", ""))
    if not convention and target["kind"] == "regression":  # of before manifests named it
        convention = likely_convention(
            y,
            annotated={m.name for m in modalities} == set(found["unimodal"]),
            pickled=str(found["source"]).startswith(mmsa.KIND),
        )
    texts = table["text"] if "text" in table.columns else None
    numbers = _array(folder, "tokens.npy") if found.get("tokens") else None
    known = {int(number): str(token) for number, token in found.get("vocabulary", {}).items()}
    return DataSet(
        name=name,
        title=found["title"],
        description=found["description"],
        source=found["source"],
        licence=found["licence"],
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
        content_of=no_content if texts is None else partial(_content, texts, numbers, known),
        unimodal=unimodal,
        clusters=videos_of(ids),
        recorded=found["digest"],
    )


def _content(
    texts: pd.Series, numbers: np.ndarray | None, known: dict[int, str], row: int
) -> dict[str, Content]:
    words = str(texts.iloc[row])
    if numbers is None:
        return {"text": Text(words)}
    own = tuple(int(number) for number in numbers[row] if number >= 0)
    tokens, why = vocabulary.tokens(own, known), ""
    if tokens is None:
        named, reason = vocabulary.at_hand()
        tokens = None if named is None else vocabulary.tokens(own, named)
        why = (
            f"whose vocabulary cannot be read ({reason.rstrip('.')})"
            if reason
            else ""
            if named is None
            else f"that the vocabulary in {vocabulary.VARIABLE} does not have"
        )
    return {"text": Text(words, None, own, tokens, why)}


def verify(name: str) -> DataSet:
    """Returns an imported set after reading all of it.

    Raises:
        IntegrityError: when it is not what was recorded.
    """
    dataset = load(name)
    if digest_of(dataset) != dataset.digest:
        raise IntegrityError(
            f"Imported data set '{name}' was altered: its SHA-256 is not the recorded one. "
            + _BROKEN.format(name=name)
        )
    return dataset


def remove(name: str) -> Path:
    """Removes an imported set and returns where it was.

    Raises:
        NotFound: when there is none of that name. DataUnavailable: when the disk refuses.
    """
    _read_only.refuse("remove data")
    place = root() / name
    _bring_back()  # else an old one would come back later
    if not NAME.fullmatch(name) or not place.is_dir():
        raise NotFound(
            f"Imported data set {name[:80]!r} does not exist. See `python -m qfusion data list`."
        )
    with disk(root(), f"Data set '{name}'"):
        gone = place.with_name(f".gone-{mark()}")
        with alone(), contextlib.suppress(FileNotFoundError):  # somebody else has removed it
            os.rename(place, gone)
        shutil.rmtree(gone, ignore_errors=True)
    return place
