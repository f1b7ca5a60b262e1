"""Imported sets: one folder each in the user's data folder, with a manifest and one .npy file per array.

A set's folder appears whole or not at all. Its arrays are opened memory-mapped, so that a set may be larger than
memory. Checks and the digest, which read them, are computed at import and recorded in the manifest.
"""

import contextlib
import errno
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from filelock import FileLock, Timeout

from qfusion import _files, _read_only, _user_folders, plugin
from qfusion._checks import check, require_few_modalities
from qfusion._memory_cache import memo
from qfusion.data import clips, mmsa
from qfusion.data.clusters import Clusters, video_clusters
from qfusion.data.data_set import DataSet, compute_digest
from qfusion.data.file_words import split_words
from qfusion.data.modality_spec import Modality
from qfusion.data.sample_content import Content, Maker, Text, no_content
from qfusion.data.target_spec import Target, guess_convention
from qfusion.errors import DataUnavailable, IntegrityError, NotFound, translate_errors

FORMAT = 1
MANIFEST = "manifest.json"
TEXTS = "texts.arrow"  # contents that are text, a column a modality
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")
_BROKEN = "Remove it with `python -m qfusion data remove {name}` and import it again."


def imported_root() -> Path:
    """Return where imported sets lie: QFUSION_IMPORTED, else `imported` in the user's data folder."""
    return _user_folders.own_folder("imported")


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


def imported_names() -> tuple[str, ...]:
    """Return the names of the imported sets, sorted."""
    _restore_replaced()
    folders = (path.parent.name for path in imported_root().glob(f"*/{MANIFEST}"))
    return tuple(sorted(filter(NAME.fullmatch, folders)))


def manifest(name: str) -> dict[str, Any]:
    """Return the manifest of an imported set.

    Raises:
        NotFound: when there is none of that name. IntegrityError: when its manifest is damaged.
    """
    if NAME.fullmatch(name):
        path = imported_root() / name / MANIFEST
        if not path.exists():
            _restore_replaced()
        with contextlib.suppress(OSError):
            return _manifest(path, manifest_stamp(name))
    raise NotFound(
        f"Imported data set {name[:80]!r} does not exist. See `python -m qfusion data list`."
    )


def extractor_names(name: str) -> dict[str, str]:
    """Return the methods by which the features of an extracted set were made, by modality; empty for other sets."""
    if name not in imported_names():
        return {}
    methods = manifest(name).get("extracted", {}).get("methods", {})
    return {str(modality): str(record.get("method", "")) for modality, record in methods.items()}


def manifest_stamp(name: str) -> str:
    """Return a text that changes when an imported set is replaced. It is empty if there is no such set."""
    with contextlib.suppress(OSError, ValueError):  # such as a zero byte in the name
        facts = (imported_root() / name / MANIFEST).stat()
        return f"{facts.st_mtime_ns}-{facts.st_size}-{facts.st_ino}"
    return ""


@memo(64)
def _manifest(path: Path, stamp: str) -> dict[str, Any]:
    """Load a manifest. `stamp` changes when the set is replaced, so that the manifest is read anew."""
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
        isinstance(record["modalities"], list | dict),
        f"Imported data set '{name}' is damaged: its manifest lists no modalities. {_BROKEN.format(name=name)}",
        IntegrityError,
    )
    check(
        record.get("format") == FORMAT,
        f"Imported data set '{name}' was written by another version of qfusion (format {record.get('format')}). "
        + _BROKEN.format(name=name),
        IntegrityError,
    )
    return record


def load_imported(name: str) -> DataSet:
    """Return an imported set, its arrays memory-mapped.

    Raises:
        NotFound: when there is none of that name.
        IntegrityError: when a file of it is missing or not as long as it should be.
    """
    record = manifest(name)
    folder = imported_root() / name
    require_few_modalities(f"Imported data set {name}", len(record["modalities"]))
    with translate_errors(
        f"Imported data set '{name}' is damaged",
        _BROKEN.format(name=name),
        *(OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError),
        pa.ArrowException,
        error=IntegrityError,
        why="{kind}: {words:.120}",
    ):
        count = record["samples"]
        target = record["target"]
        ids = _array(folder, "ids.npy", (count,))
        index = pd.Index(ids)
        table = pd.DataFrame(index=index)
        if record["table"]:
            table = _read_table(folder / "table.arrow", index)
        rates = record.get("rates", {})
        modalities = tuple(_load_modality(m, folder, count, rates) for m in record["modalities"])
        y = _array(folder, "y.npy", (count,))
        convention = str(target.get("convention", ""))
        if not convention and target["kind"] == "regression":
            convention = guess_convention(
                y,
                annotated={m.name for m in modalities} == set(record["unimodal"]),
                pickled=str(record["source"]).startswith(mmsa.KIND),
            )
        unimodal = None
        if record["unimodal"]:
            values = _array(folder, "unimodal.npy")
            unimodal = pd.DataFrame(values, columns=record["unimodal"], index=index)
        extracted = record.get("extracted", {})
        content = partial(
            _content,
            table.get("text"),
            "text" in extracted.get("methods", {}),
        )
        return DataSet(
            name=name,
            title=record["title"],
            description=record["description"],
            source=record["source"],
            licence=record["licence"],
            modalities=modalities,
            target=_build_target(target, convention),
            y=y,
            ids=ids,
            split=_array(folder, "split.npy", (count,)),
            table=table,
            content_of=(
                partial(_texts, _read_table(folder / TEXTS, index))
                if record.get("texts")
                else content
                if "text" in table.columns
                else no_content
            ),
            clip_of=partial(clips.find_clip, name, ids),
            unimodal=unimodal,
            clusters=Clusters(_array(folder, "clusters.npy"), str(record["clusters"]))
            if record.get("clusters")
            else video_clusters(ids),
            makers=_find_makers(extracted, modalities),
            is_game=bool(record.get("game")),
            recorded=record["digest"],
        )


def _find_makers(extracted: Mapping[str, Any], modalities: Sequence[Modality]) -> dict[str, Maker]:
    """Return what plugins offer to make features of a visitor's input as those of an extracted set, by modality."""
    makers = dict[str, Maker]()
    if extracted:
        for reference in plugin.entries("makers"):
            makers |= plugin.load_name(reference)(extracted, modalities)
    return makers


def _load_modality(
    entry: Mapping[str, Any], folder: Path, count: int, rates: Mapping[str, float]
) -> Modality:
    """Return a modality of a set from its entry in the manifest."""
    name = entry["name"]
    lengths = None
    if entry["sequence"]:
        lengths = _array(folder, entry.get("lengths", f"{name}.lengths.npy"), (count,))
    return Modality(
        name=name,
        values=_array(folder, entry["file"], tuple(entry["shape"])),
        lengths=lengths,
        feature_names=tuple(entry["feature_names"]),
        shape=tuple(entry["picture"]) if entry["picture"] else None,
        rate=rates.get(name),
        double=bool(entry.get("double", False)),
        checked=True,
    )


def _build_target(entry: Mapping[str, Any], convention: str) -> Target:
    """Return the target of a set from its entry in the manifest."""
    return Target(
        kind=entry["kind"],
        name=entry["name"],
        range=tuple(entry["range"]) if entry["range"] else None,
        classes=tuple(entry["classes"]),
        unit=entry["unit"],
        labels=tuple(entry.get("labels", ())),
        sets=tuple(map(tuple, entry.get("sets", ()))),
        convention=convention,
        known=bool(entry.get("known", True)),
    )


def _array(folder: Path, file: str, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Return an array of a set, memory-mapped. Of the file in the manifest only the name is used, not the folder."""
    values = np.load(folder / Path(file).name, mmap_mode="r", allow_pickle=False)
    check(shape in (None, values.shape), f"{file} has shape {values.shape}, not {shape}")
    return np.asarray(values)


def _read_table(path: Path, index: pd.Index) -> pd.DataFrame:
    """Return the columns of an Arrow file, with the given index."""
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all().to_pandas().set_axis(index)


def _texts(texts: pd.DataFrame, row: int) -> dict[str, Content]:
    """Return the stored texts of a row, by modality."""
    return {str(name): Text(str(line)) for name, line in texts.iloc[row].items() if line}


def _content(texts: pd.Series, worded: bool, row: int) -> dict[str, Content]:
    words = str(texts.iloc[row])
    return {"text": Text(words, split_words(words) if worded else None)}


def verify_imported(name: str) -> DataSet:
    """Return an imported set after reading all of it.

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
    """Remove an imported set and return where it was.

    Raises:
        NotFound: when there is none of that name. DataUnavailable: when the disk refuses.
    """
    _read_only.check_allowed("remove data")
    place = imported_root() / name
    _restore_replaced()  # an older version would be restored later otherwise
    check(
        NAME.fullmatch(name) is not None and place.is_dir(),
        f"Imported data set {name[:80]!r} does not exist. See `python -m qfusion data list`.",
        NotFound,
    )
    with translate_disk_errors(f"Data set '{name}'"):
        gone = place.with_name(f".gone-{_files.process_suffix()}")
        with lock_sets(), contextlib.suppress(FileNotFoundError):  # another process has removed it
            os.rename(place, gone)
        shutil.rmtree(gone, ignore_errors=True)
    return place
