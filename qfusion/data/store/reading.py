"""Open stored sets, and the raw content of their samples: an Arrow file of one record batch a sample, which is read
when it is looked at.
"""

import io
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from qfusion import plugin
from qfusion._checks import check, require_few_modalities
from qfusion.data import media_files
from qfusion.data.data_set import DataSet, compute_digest
from qfusion.data.modality_spec import Modality
from qfusion.data.parsing import split_words
from qfusion.data.row_splits import Clusters, video_clusters
from qfusion.data.sample_content import (
    Audio,
    Content,
    FeatureTransform,
    Film,
    Image,
    Series,
    Text,
    no_clip,
    no_content,
)
from qfusion.data.store import manifest
from qfusion.data.store.manifest import Manifest, StoredModality, read_manifest
from qfusion.errors import IntegrityError, translate_errors

CONTENT_FILE = "content.arrow"
MAX_CONTENT = 256 * 2**20  # bytes of raw content that are written; beyond, none is shown
_KINDS = {kind.__name__: kind for kind in (Audio, Film, Image, Series, Text)}
# `facts`: a JSON of the attributes of a content; an array among them is null there, and an .npy file in `data`.
_SCHEMA = pa.schema(
    {
        "modality": pa.string(),
        "kind": pa.string(),
        "facts": pa.string(),
        "data": pa.large_binary(),
    }
)


def write_contents(dataset: DataSet, path: Path) -> None:
    """Write the contents of all samples into a file; no file is left if they take more than `MAX_CONTENT`."""
    if dataset.content_of is no_content:
        return
    size = 0
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, _SCHEMA) as writer:
        for row in dataset.rows():
            contents = dataset.content(int(row))
            entries = [_pack(name, content) for name, content in contents.items()]
            size += sum(len(entry["data"]) for entry in entries)
            if size > MAX_CONTENT:
                break
            writer.write_batch(pa.RecordBatch.from_pylist(entries, _SCHEMA))
    if size > MAX_CONTENT:
        path.unlink()


def read_content(path: Path, row: int) -> dict[str, Content]:
    """Return the content of a sample by modality, from a file of `write_contents`."""
    with pa.memory_map(str(path)) as source:
        entries = pa.ipc.open_file(source).get_batch(row).to_pylist()
    return {entry["modality"]: _unpack(entry) for entry in entries}


def _pack(modality: str, content: Content) -> dict[str, Any]:
    facts = dict(vars(content))
    data = io.BytesIO()
    for name, value in facts.items():
        if isinstance(value, np.ndarray):
            facts[name] = None
            np.save(data, value, allow_pickle=False)
    return {
        "modality": modality,
        "kind": type(content).__name__,
        "facts": json.dumps(facts),
        "data": data.getvalue(),
    }


def _unpack(entry: dict[str, Any]) -> Content:
    facts = json.loads(entry["facts"])
    kind = _KINDS[entry["kind"]]
    if kind is Text:
        words = facts["words"]
        return Text(facts["text"], None if words is None else tuple(words))
    data = io.BytesIO(entry["data"])
    for name, value in facts.items():
        if value is None:
            facts[name] = np.load(data, allow_pickle=False)
    return kind(**facts)


def open_set(folder: Path) -> DataSet:
    """Return the set in a folder, its arrays memory-mapped.

    Raises:
        IntegrityError: when a file of it is missing or not as long as it should be.
    """
    record = read_manifest(folder)
    what, remedy = manifest.describe_folder(folder)
    require_few_modalities(what, len(record.modalities))
    with translate_errors(
        f"{what} is damaged",
        remedy,
        *(OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError),
        pa.ArrowException,
        error=IntegrityError,
        why="{kind}: {words:.120}",
    ):
        return _read_set(folder, record)


def open_imported(name: str) -> DataSet:
    """Return an imported set, its arrays memory-mapped.

    Raises:
        NotFound: when there is none of that name. IntegrityError: see `open_set`.
    """
    return open_set(manifest.imported_folder(name))


def verify_imported(name: str) -> DataSet:
    """Return an imported set after reading all of it.

    Raises:
        IntegrityError: when it is not what was recorded.
    """
    folder = manifest.imported_folder(name)
    dataset = open_set(folder)
    what, remedy = manifest.describe_folder(folder)
    check(
        compute_digest(dataset) == dataset.digest,
        f"{what} was altered: its SHA-256 is not the recorded one. {remedy}",
        IntegrityError,
    )
    return dataset


def _read_set(folder: Path, record: Manifest) -> DataSet:
    count = record.samples
    ids = _read_array(folder, "ids.npy", (count,))
    index = pd.Index(ids)
    table = pd.DataFrame(index=index)
    if record.table:
        table = _read_table(folder / "table.arrow", index)
    is_imported = manifest.is_imported(folder)
    name = folder.name if is_imported else record.name
    modalities = tuple(_read_modality(folder, entry, record) for entry in record.modalities)
    clusters = video_clusters(ids) if record.clusters == "" else None
    if record.clusters:
        clusters = Clusters(_read_array(folder, "clusters.npy"), record.clusters)
    return DataSet(
        name=name,
        title=record.title,
        description=record.description,
        source=record.source,
        licence=record.licence,
        modalities=modalities,
        target=record.target,
        y=_read_array(folder, "y.npy", (count,)),
        ids=ids,
        split=_read_array(folder, "split.npy", (count,)),
        table=table,
        truth=_read_columns(folder / "truth.npy", record.truth, index),
        noise_variance=record.noise_variance,
        content_of=_find_content(folder, table, "text" in record.methods),
        unimodal=_read_columns(folder / "unimodal.npy", record.unimodal, index),
        clusters=clusters,
        clip_of=partial(media_files.find_clip, name, ids) if is_imported else no_clip,
        feature_transforms=_find_feature_transforms(record.extracted, modalities),
        is_game=record.game,
        recorded=record.digest,
    )


def _read_modality(folder: Path, entry: StoredModality, record: Manifest) -> Modality:
    lengths = None
    if entry.sequence:
        file = entry.lengths or f"{entry.name}.lengths.npy"
        lengths = _read_array(folder, file, (record.samples,))
    return Modality(
        name=entry.name,
        values=_read_array(folder, entry.file, entry.shape),
        lengths=lengths,
        feature_names=entry.feature_names,
        shape=entry.picture or None,
        rate=record.rates.get(entry.name),
        double=entry.double,
        checked=True,
    )


def _read_array(folder: Path, file: str, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Return an array of a set, memory-mapped. Of the file in the manifest only the name is used, not the folder."""
    values = np.load(folder / Path(file).name, mmap_mode="r", allow_pickle=False)
    check(shape in (None, values.shape), f"{file} has shape {values.shape}, not {shape}")
    return np.asarray(values)


def _read_columns(path: Path, names: Sequence[str], index: pd.Index) -> pd.DataFrame | None:
    """Return a table of numbers, or None if it has no columns."""
    if not names:
        return None
    return pd.DataFrame(_read_array(path.parent, path.name), columns=list(names), index=index)


def _read_table(path: Path, index: pd.Index) -> pd.DataFrame:
    """Return the columns of an Arrow file, with the given index."""
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all().to_pandas().set_axis(index)


def _find_content(folder: Path, table: pd.DataFrame, worded: bool) -> Any:
    """Return the function from a row to its content: what is stored, else the column `text`."""
    path = folder / CONTENT_FILE
    if path.is_file():
        return partial(read_content, path)
    if "text" in table.columns:
        return partial(_show_text, table["text"], worded)
    return no_content


def _show_text(texts: pd.Series, worded: bool, row: int) -> dict[str, Content]:
    words = str(texts.iloc[row])
    return {"text": Text(words, split_words(words) if worded else None)}


def _find_feature_transforms(
    extracted: Mapping[str, Any], modalities: Sequence[Modality]
) -> dict[str, FeatureTransform]:
    """Return what plugins offer to make features of a visitor's input as those of an extracted set, by modality."""
    transforms = dict[str, FeatureTransform]()
    if extracted:
        for reference in plugin.entries("feature_transforms"):
            transforms |= plugin.load_name(reference)(extracted, modalities)
    return transforms
