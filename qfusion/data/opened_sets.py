"""Data sets of a Python session that the dashboard opens where they lie: QFUSION_OPENED_DATA, a list like PATH.

A folder holds one set, with all that a `DataSet` has except recordings and makers. It is written by the user's own
process into a folder that nobody else can read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from qfusion._checks import check
from qfusion._memory_cache import memo
from qfusion.data import sample_content
from qfusion.data.clusters import Clusters
from qfusion.data.data_set import DataSet
from qfusion.data.modality_spec import Modality
from qfusion.data.target_spec import Target
from qfusion.errors import IntegrityError, translate_errors

OPENED = "QFUSION_OPENED_DATA"
MAX_CONTENT = 256 * 2**20  # bytes of raw content that are written; beyond, none is shown
_MANIFEST, _ARRAYS, _TABLES, _CONTENT = "set.json", "arrays.npz", "{}.arrow", "content.arrow"
_TEXTS = ("title", "description", "source", "licence")


def write_set(dataset: DataSet, folder: Path) -> Path:
    """Write a data set to a new folder, and return the folder.

    Args:
        dataset: any, also one that no source has.
        folder: which must not exist.
    """
    folder.mkdir(parents=True)
    arrays: dict[str, np.ndarray] = {"y": dataset.y, "ids": dataset.ids, "split": dataset.split}
    if dataset.clusters is not None:
        arrays["clusters"] = dataset.clusters.labels
    modalities = []
    for place, modality in enumerate(dataset.modalities):
        arrays[f"values-{place}"] = modality.values
        if modality.lengths is not None:
            arrays[f"lengths-{place}"] = modality.lengths
        modalities.append(
            {
                "name": modality.name,
                "features": list(modality.feature_names),
                "shape": modality.shape,
                "rate": modality.rate,
                "double": modality.double,
            }
        )
    np.savez(folder / _ARRAYS, allow_pickle=False, **arrays)
    for name in ("table", "truth", "unimodal"):
        frame = getattr(dataset, name)
        if frame is not None and len(frame.columns):
            _write_frame(frame, folder / _TABLES.format(name))
    _write_content(dataset, folder / _CONTENT)
    manifest = {
        "name": dataset.name,
        **{text: getattr(dataset, text) for text in _TEXTS},
        "modalities": modalities,
        "target": asdict(dataset.target),
        "noise_variance": dataset.noise_variance,
        "unit": "" if dataset.clusters is None else dataset.clusters.unit,
        "digest": dataset.digest,
    }
    (folder / _MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def _write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Write a table; columns that Arrow cannot hold are written as text."""
    columns = {}
    for name in frame.columns:
        try:
            columns[str(name)] = pa.array(frame[name].to_numpy())
        except (pa.ArrowException, TypeError, ValueError):
            columns[str(name)] = pa.array(frame[name].astype(str).to_numpy())
    with pa.OSFile(str(path), "wb") as file:
        table = pa.table(columns)
        with pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)


def opened_folders() -> dict[str, Path]:
    """Return the folders of the opened sets, by the names of the sets."""
    places = [Path(place) for place in os.environ.get(OPENED, "").split(os.pathsep) if place]
    return {
        str(_manifest(place)["name"]): place for place in places if (place / _MANIFEST).is_file()
    }


@memo(8)
def _manifest(folder: Path) -> Mapping[str, Any]:
    with translate_errors(
        f"The opened data set in {folder} is damaged",
        "Open it again with `qfusion.show`.",
        *(OSError, ValueError),
        error=IntegrityError,
        why="{kind}",
    ):
        return dict(json.loads((folder / _MANIFEST).read_text(encoding="utf-8")))


def opened_title(name: str) -> str:
    """Return the title of an opened set."""
    return str(_manifest(opened_folders()[name])["title"])


def read_set(folder: Path) -> DataSet:
    """Return the data set in a folder.

    Raises:
        IntegrityError: when a file is missing or damaged.
    """
    record = _manifest(folder)
    with translate_errors(
        f"The opened data set in {folder} is damaged",
        "Open it again with `qfusion.show`.",
        *(OSError, ValueError, LookupError, TypeError, pa.ArrowException),
        error=IntegrityError,
        why="{kind}: {words:.120}",
    ):
        with np.load(folder / _ARRAYS, allow_pickle=False) as file:
            arrays = dict(file)
        index = pd.Index(arrays["ids"].tolist())
        frames = {
            name: _read_frame(folder / _TABLES.format(name), index)
            for name in ("table", "truth", "unimodal")
        }
        modalities = tuple(
            Modality(
                entry["name"],
                arrays[f"values-{place}"],
                arrays.get(f"lengths-{place}"),
                tuple(entry["features"]),
                None if entry["shape"] is None else tuple(entry["shape"]),
                entry["rate"],
                entry.get("double", False),
                checked=True,
            )
            for place, entry in enumerate(record["modalities"])
        )
        clusters = Clusters(arrays["clusters"], record["unit"]) if "clusters" in arrays else None
        return DataSet(
            name=record["name"],
            **{text: record[text] for text in _TEXTS},
            modalities=modalities,
            target=_read_target(record["target"]),
            y=arrays["y"],
            ids=arrays["ids"],
            split=arrays["split"],
            table=pd.DataFrame(index=index) if frames["table"] is None else frames["table"],
            truth=frames["truth"],
            unimodal=frames["unimodal"],
            noise_variance=record["noise_variance"],
            clusters=clusters,
            content_of=partial(_read_content, folder / _CONTENT),
            recorded=record["digest"],
        )


def _read_target(values: Mapping[str, Any]) -> Target:
    return Target(
        values["kind"],
        values["name"],
        None if values["range"] is None else tuple(values["range"]),
        tuple(values["classes"]),
        values["unit"],
        tuple(values["labels"]),
        tuple(map(tuple, values["sets"])),
        values["convention"],
        values.get("known", True),
    )


def _read_frame(path: Path, index: pd.Index) -> pd.DataFrame | None:
    if not path.is_file():
        return None
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all().to_pandas().set_axis(index)


# The raw content of samples: one record batch a sample, of which each is read when it is looked at.

_FIELDS = pa.schema(
    [
        ("modality", pa.string()),
        ("kind", pa.string()),
        ("facts", pa.string()),
        ("data", pa.large_binary()),
    ]
)


def _write_content(dataset: DataSet, path: Path) -> None:
    written = 0
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, _FIELDS) as writer:
        for row in dataset.rows():
            entries = [
                (name, *_pack(content)) for name, content in dataset.content(int(row)).items()
            ]
            written += sum(len(data) for *_, data in entries)
            if written > MAX_CONTENT:
                break
            columns = (
                [
                    pa.array(list(column), _FIELDS.field(k).type)
                    for k, column in enumerate(zip(*entries, strict=True))
                ]
                if entries
                else [pa.array([], field.type) for field in _FIELDS]
            )
            writer.write_batch(pa.record_batch(columns, schema=_FIELDS))
    if written > MAX_CONTENT:
        path.unlink()


def _pack(content: sample_content.Content) -> tuple[str, str, bytes]:
    """Return a content as its kind, its facts as JSON and the bytes of its array."""
    facts: dict[str, Any] = {}
    array: np.ndarray | None = None
    match content:
        case sample_content.Text(text, words):
            facts = {"text": text, "words": words}
        case sample_content.Image(pixels):
            array = pixels
        case sample_content.Audio(samples, rate):
            facts, array = {"rate": rate}, samples
        case sample_content.Series(values, x, x_label, y_label):
            facts, array = {"x_label": x_label, "y_label": y_label}, np.stack([values, x])
        case sample_content.Film(frames, rate):
            facts, array = {"rate": rate}, frames
    if array is not None:
        facts |= {"shape": array.shape, "dtype": array.dtype.str}
    return type(content).__name__, json.dumps(facts), b"" if array is None else array.tobytes()


def _read_content(path: Path, row: int) -> dict[str, sample_content.Content]:
    if not path.is_file():
        return {}
    with pa.memory_map(str(path)) as source:
        reader = pa.ipc.open_file(source)
        if row >= reader.num_record_batches:
            return {}
        entries = reader.get_batch(row).to_pylist()
    return {entry["modality"]: _unpack(entry) for entry in entries}


def _unpack(entry: Mapping[str, Any]) -> sample_content.Content:
    facts = json.loads(entry["facts"])
    if entry["kind"] == "Text":
        words = facts["words"]
        return sample_content.Text(facts["text"], None if words is None else tuple(words))
    array = np.frombuffer(entry["data"], np.dtype(facts["dtype"])).reshape(facts["shape"])
    match entry["kind"]:
        case "Image":
            return sample_content.Image(array)
        case "Audio":
            return sample_content.Audio(array, facts["rate"])
        case "Series":
            values, x = array
            return sample_content.Series(values, x, facts["x_label"], facts["y_label"])
    check(entry["kind"] == "Film", f"content is of kind {entry['kind']}", IntegrityError)
    return sample_content.Film(array, facts["rate"])
