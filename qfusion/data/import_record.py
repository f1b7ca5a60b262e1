"""The record of an imported set: its manifest, and the arrays with one value a sample."""

import json
import os
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

import qfusion
from qfusion._checks import check, read_pairs, require_number
from qfusion.data import imported_sets, set_digest
from qfusion.data.import_report import ExaminedSet
from qfusion.data.staged_set import Part, StagedSet

MAX_RATE = 100_000  # steps a second


def write_record(
    examined: ExaminedSet,
    name: str,
    title: str,
    licence: str,
    rates: Mapping[str, float],
    extracted: Mapping[str, Any],
) -> None:
    """Write ids, split, targets, lengths, the table and the manifest into the folder of a set.

    Args:
        examined: the set and the report on it.
        name, title, licence, rates, extracted: see `import_store.store_set`.
    """
    staged = examined.staged
    _write_arrays(staged)
    if not staged.columns.empty:
        write_table(staged.columns, staged.folder / "table.arrow")
    versions = {
        "qfusion": qfusion.__version__,
        "numpy": np.__version__,
        "python": sys.version.split()[0],
    }
    manifest = {
        "format": imported_sets.FORMAT,
        "name": name,
        "title": title or name,
        "licence": licence or "as whoever made the files says",
        "description": _describe(staged),
        "source": f"{staged.kind} {staged.title}",
        "files": staged.files,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "versions": versions,
        "samples": len(staged),
        "splits": examined.report.splits,
        "target": vars(staged.build_target()),
        "modalities": [_describe_part(part) for part in staged.parts],
        "rates": dict(rates),
        "extracted": dict(extracted),
        "unimodal": list(staged.unimodal),
        "table": not staged.columns.empty,
        "repairs": staged.done,
        "report": examined.report.as_dict(),
        "clusters": "" if staged.clusters is None else staged.clusters.unit,
        "digest": _digest(staged),
    }
    path = staged.folder / imported_sets.MANIFEST
    path.write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    for entry in [*staged.folder.iterdir(), staged.folder]:
        flush_to_disk(entry)


def parse_rates(words: Iterable[str]) -> dict[str, float]:
    """Return rates by modality, in steps a second, that are written as "audio=100".

    Raises:
        InvalidInput: when something is written otherwise.
    """
    pairs = read_pairs(words, "A rate", "name=steps, a number a second", "audio=100")
    return {
        name: require_number(f"rate of {name}", text, 0, MAX_RATE) for name, text in pairs.items()
    }


def check_rates(staged: StagedSet, rates: Mapping[str, float]) -> dict[str, float]:
    """Return rates as floats, by modality.

    Raises:
        InvalidInput: when a modality is no sequence, or its rate is out of range.
    """
    sequences = [part.name for part in staged.parts if part.lengths is not None]
    for modality, rate in rates.items():
        check(
            modality in sequences,
            f"Argument `--rate` must name modalities that are sequences, of {sequences}, but names "
            f"{modality[:40]!r}. Correct or drop it.",
        )
        check(
            isinstance(rate, (int, float)) and 0 < rate <= MAX_RATE,
            f"Argument `--rate` of '{modality}' must be steps a second, above 0 and at most {MAX_RATE:,}, but is "
            f"{rate}. Give --rate {modality}=25, say.",
        )
    return {modality: float(rate) for modality, rate in rates.items()}


def flush_to_disk(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_arrays(staged: StagedSet) -> None:
    arrays: dict[str, np.ndarray | None] = {
        "ids": staged.ids,
        "split": staged.split,
        "y": staged.y,
        "clusters": None if staged.clusters is None else staged.clusters.labels,
    }
    if staged.unimodal:
        arrays["unimodal"] = np.stack(list(staged.unimodal.values()), 1)
    for part in staged.parts:
        arrays[f"{part.name}.lengths"] = part.lengths
    for key, values in arrays.items():
        if values is not None:
            np.save(staged.folder / f"{key}.npy", np.ascontiguousarray(values))


def write_table(columns: pd.DataFrame, path: Path) -> None:
    """Write the columns of a table into an Arrow file, without their index."""
    table = pa.Table.from_pandas(columns, preserve_index=False)
    with (
        pa.OSFile(str(path), "wb") as sink,
        pa.ipc.new_file(sink, table.schema) as writer,
    ):
        writer.write_table(table, max_chunksize=set_digest.ROWS)


def _describe_part(part: Part) -> dict[str, Any]:
    """Return the entry of a modality in the manifest."""
    return {
        "name": part.name,
        "file": part.path.name,
        "shape": list(part.shape),
        "sequence": part.lengths is not None,
        "feature_names": list(part.feature_names),
        "picture": part.picture,
    }


def _describe(staged: StagedSet) -> str:
    """Return the description that the page of the data set shows."""
    sizes = []
    for part in staged.parts:
        kind = ", sequences" if part.lengths is not None else ""
        sizes.append(f"{part.name} ({part.shape[-1]} features{kind})")
    repairs = "Nothing was repaired."
    if staged.done:
        repairs = f"Repaired, as asked for: {'; '.join(staged.done)}."
    return (
        f"{len(staged):,} samples, imported from {staged.kind} {staged.title}: {', '.join(sizes)}. "
        f"{repairs}"
    )


def _digest(staged: StagedSet) -> str:
    """Return the digest of the data, equal to that of the loaded `DataSet`."""
    modalities = (
        (part.name, part.shape, part.feature_names, part.pieces(), part.lengths, part.picture)
        for part in staged.parts
    )
    unimodal = pd.DataFrame(staged.unimodal) if staged.unimodal else None
    return set_digest.digest(
        staged.build_target(), staged.ids, staged.split, staged.y, modalities, unimodal
    )
