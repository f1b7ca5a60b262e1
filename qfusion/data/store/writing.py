"""Store data sets."""

import json
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

import qfusion
from qfusion import _read_only
from qfusion._checks import check
from qfusion.data import array_chunks, registry
from qfusion.data.data_set import DataSet
from qfusion.data.modality_spec import Modality
from qfusion.data.store import manifest, reading
from qfusion.data.store.manifest import Manifest, Provenance, StoredModality

MAX_TITLE = 100  # characters
MAX_LICENCE = 200  # characters
VALUES, LENGTHS = "modality-{number}.npy", "lengths-{number}.npy"


def store_set(
    dataset: DataSet,
    name: str = "",
    *,
    replace: bool = False,
    provenance: Provenance | None = None,
    folder: Path | None = None,
    files: Mapping[str, str] | None = None,
) -> Path:
    """Store a data set among the imported ones, so that it can be loaded by name, and return its folder.

    Args:
        dataset: without samples of a visitor.
        name: the name to load it by; that of the set by default.
        replace: whether to replace an imported set of that name.
        provenance: how the set came here.
        folder: beside the imported sets, of arrays that are there already. It is moved, not copied.
        files: names of the files in `folder` that hold the values of modalities, by modality.

    Raises:
        InvalidInput: when the name is in use or malformed, or the set has samples of a visitor.
        DataUnavailable: when the disk refuses; nothing is stored then.
    """
    name = name or dataset.name
    _read_only.check_allowed("store data")
    check_set_name(name, replace)
    check(
        dataset.own is None,
        "Argument `dataset` must not hold samples of a visitor. Store the set without them.",
    )
    with ExitStack() as stack:
        place = folder or stack.enter_context(manifest.staging_folder())
        stack.enter_context(manifest.translate_disk_errors(f"Data set '{name}'"))
        write_set(dataset, place, provenance, files)
        return manifest.place_folder(place, name, replace)


def write_set(
    dataset: DataSet,
    folder: Path,
    provenance: Provenance | None = None,
    files: Mapping[str, str] | None = None,
) -> None:
    """Write a data set into a folder, with all that it has except recordings and transforms.

    Args:
        dataset: any.
        folder: which exists.
        provenance: how the set came here.
        files: names of the files in `folder` that hold the values of modalities already, by modality.

    Raises:
        OSError: when the disk refuses.
    """
    arrays = {"ids": dataset.ids, "split": dataset.split, "y": dataset.y}
    if dataset.clusters is not None:
        arrays["clusters"] = dataset.clusters.labels
    for name in ("truth", "unimodal"):
        frame = getattr(dataset, name)
        if frame is not None:
            arrays[name] = frame.to_numpy(np.float64)
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", np.ascontiguousarray(values))
    if len(dataset.table.columns):
        _write_table(dataset.table, folder / "table.arrow")
    reading.write_contents(dataset, folder / reading.CONTENT_FILE)
    entries = [
        _write_modality(folder, number, modality, (files or {}).get(modality.name, ""))
        for number, modality in enumerate(dataset.modalities)
    ]
    record = _describe_set(dataset, entries, provenance or Provenance())
    text = json.dumps(record.model_dump(), indent=1)
    (folder / manifest.MANIFEST).write_text(text, encoding="utf-8")


def check_set_name(name: str, replace: bool = False) -> None:
    """Check that a set may be stored under a name.

    Args:
        name: the name to load it by.
        replace: whether an imported set of that name may be replaced.

    Raises:
        InvalidInput: when the name has characters that links or folders do not allow, or is in use.
    """
    check(
        manifest.NAME.fullmatch(name) is not None,
        "Argument `name` must begin with a letter or digit and have at most 60 letters, digits, `-` and "
        f"`_`, but is {name[:80]!r}. Choose another.",
    )
    built_in = map(str.casefold, registry.sources())
    check(
        name.casefold() not in built_in,
        f"Argument `name` must not be a built-in data set's, but is {name!r}. Choose another.",
    )
    imported = map(str.casefold, manifest.imported_names())
    is_used = name.casefold() in imported or (manifest.imported_root() / name).exists()
    check(
        replace or not is_used,
        f"Argument `name` must be new, but an imported set is called {name!r}. Choose another, or replace it "
        "(--replace).",
    )


def check_texts(title: str, licence: str) -> None:
    """Check that the title and the licence that a user gives are short enough to be shown.

    Raises:
        InvalidInput: when one is too long.
    """
    for argument, text, most in (("title", title, MAX_TITLE), ("licence", licence, MAX_LICENCE)):
        check(
            len(text) <= most,
            f"Argument `{argument}` must have at most {most} characters, but has {len(text):,}. Shorten it.",
        )


def _write_modality(folder: Path, number: int, modality: Modality, file: str) -> StoredModality:
    """Write the arrays of a modality, its values unless a file has them; return its entry in the manifest."""
    if not file:
        file = VALUES.format(number=number)
        np.save(folder / file, np.ascontiguousarray(modality.values))
    lengths = ""
    if modality.lengths is not None:
        lengths = LENGTHS.format(number=number)
        np.save(folder / lengths, modality.lengths)
    return StoredModality(
        name=modality.name,
        file=file,
        shape=modality.values.shape,
        sequence=modality.is_sequence,
        lengths=lengths,
        feature_names=modality.feature_names,
        picture=modality.shape,
        double=modality.double,
    )


def _write_table(table: pd.DataFrame, path: Path) -> None:
    """Write the columns of a table into an Arrow file, without their index; a column that it cannot hold is written as
    text."""
    columns = {}
    for place, name in enumerate(table.columns):
        column = table.iloc[:, place]
        try:
            pa.Array.from_pandas(column)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
            column = column.astype(str)
        columns[str(name)] = column
    content = pa.Table.from_pandas(pd.DataFrame(columns), preserve_index=False)
    with (
        pa.OSFile(str(path), "wb") as sink,
        pa.ipc.new_file(sink, content.schema) as writer,
    ):
        writer.write_table(content, max_chunksize=array_chunks.ROWS)


def _describe_set(
    dataset: DataSet, modalities: list[StoredModality], provenance: Provenance
) -> Manifest:
    return Manifest(
        name=dataset.name,
        title=dataset.title,
        description=dataset.description,
        source=dataset.source,
        licence=dataset.licence,
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        versions={
            "qfusion": qfusion.__version__,
            "numpy": np.__version__,
            "python": sys.version.split()[0],
        },
        samples=len(dataset),
        target=dataset.target,
        modalities=modalities,
        rates={m.name: m.rate for m in dataset.modalities if m.rate is not None},
        table=len(dataset.table.columns) > 0,
        noise_variance=dataset.noise_variance,
        game=dataset.is_game,
        clusters=None if dataset.clusters is None else dataset.clusters.unit,
        digest=dataset.digest,
        truth=[] if dataset.truth is None else list(dataset.truth.columns),
        unimodal=[] if dataset.unimodal is None else list(dataset.unimodal.columns),
        **provenance.model_dump(),
    )
