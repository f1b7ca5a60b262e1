"""Store a data set that is in memory, so that it can be loaded by name."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

import qfusion
from qfusion import _read_only
from qfusion._checks import check
from qfusion.data import imported_sets
from qfusion.data.data_set import DataSet
from qfusion.data.import_record import flush_to_disk, write_table
from qfusion.data.import_store import check_set_name, move_folder, staging_folder
from qfusion.data.modality_spec import Modality
from qfusion.data.row_splits import SPLITS
from qfusion.data.sample_content import Text

FILE_NAME, LENGTHS_NAME = "modality-{number}.npy", "lengths-{number}.npy"


def store_data_set(dataset: DataSet, name: str = "", *, replace: bool = False) -> Path:
    """Store a data set among the imported ones, and return its folder.

    Features, ids, split, targets, targets of single modalities, the table, and contents that are text are kept.
    Pictures, sounds, recordings, true contributions and functions that make features are not.

    Args:
        dataset: without samples of a visitor.
        name: the name to load it by; that of the set by default.
        replace: whether to replace an imported set of that name.

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
    place = imported_sets.imported_root() / name
    with staging_folder() as folder:
        entries = [_write_modality(folder, n, m) for n, m in enumerate(dataset.modalities)]
        for key, values in (("ids", dataset.ids), ("split", dataset.split), ("y", dataset.y)):
            np.save(folder / f"{key}.npy", np.ascontiguousarray(values))
        texts = _write_texts(folder, dataset)
        has_table = len(dataset.table.columns) > 0
        if has_table:
            write_table(_plain_columns(dataset.table), folder / "table.arrow")
        if dataset.unimodal is not None:
            np.save(folder / "unimodal.npy", dataset.unimodal.to_numpy(np.float64))
        record = _manifest(dataset, name) | {
            "modalities": entries,
            "texts": texts,
            "table": has_table,
        }
        path = folder / imported_sets.MANIFEST
        path.write_text(json.dumps(record, indent=1), encoding="utf-8")
        for entry in [*folder.iterdir(), folder]:
            flush_to_disk(entry)
        with imported_sets.lock_sets():
            move_folder(folder, place, replace)
    return place


def _manifest(dataset: DataSet, name: str) -> dict[str, Any]:
    target = dataset.target
    splits = {part: len(dataset.rows(part)) for part in SPLITS}
    return {
        "format": imported_sets.FORMAT,
        "name": name,
        "title": dataset.title,
        "licence": dataset.licence,
        "description": dataset.description,
        "source": dataset.source,
        "files": [],
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "versions": {
            "qfusion": qfusion.__version__,
            "numpy": np.__version__,
            "python": sys.version.split()[0],
        },
        "samples": len(dataset),
        "splits": splits,
        "target": vars(target),
        "rates": {m.name: m.rate for m in dataset.modalities if m.rate is not None},
        "extracted": {},
        "unimodal": [] if dataset.unimodal is None else list(map(str, dataset.unimodal.columns)),
        "repairs": [],
        "report": {"samples": len(dataset), "splits": splits, "findings": [], "repairs": []},
        "digest": dataset.digest,
    }


def _write_modality(folder: Path, number: int, modality: Modality) -> dict[str, Any]:
    """Write the arrays of a modality; return its entry in the manifest."""
    file = FILE_NAME.format(number=number)
    np.save(folder / file, np.ascontiguousarray(modality.values))
    if modality.lengths is not None:
        np.save(folder / LENGTHS_NAME.format(number=number), modality.lengths)
    return {
        "name": modality.name,
        "file": file,
        "shape": list(modality.values.shape),
        "sequence": modality.is_sequence,
        "lengths": LENGTHS_NAME.format(number=number),
        "feature_names": list(modality.feature_names),
        "picture": modality.shape,
        "double": modality.double,
    }


def _write_texts(folder: Path, dataset: DataSet) -> list[str]:
    """Write contents that are text; return the modalities that have some."""
    rows: dict[str, list[str]] = {name: [""] * len(dataset) for name in dataset.names}
    for row in range(len(dataset)):
        for name, content in dataset.content(row).items():
            if name in rows and isinstance(content, Text):
                rows[name][row] = content.text
    texts = pd.DataFrame({name: lines for name, lines in rows.items() if any(lines)})
    if len(texts.columns):
        write_table(texts, folder / imported_sets.TEXTS)
    return list(texts.columns)


def _plain_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose columns a file can hold: those that it cannot become text."""
    columns = {}
    for place, name in enumerate(table.columns):
        column = table.iloc[:, place]
        try:
            pa.Array.from_pandas(column)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
            column = column.astype(str)
        columns[str(name)] = column
    return pd.DataFrame(columns)
