"""Open stored sets."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from qfusion import plugin
from qfusion._checks import check, require_few_modalities
from qfusion.data.clusters import Clusters, video_clusters
from qfusion.data.data_set import DataSet, compute_digest
from qfusion.data.file_words import split_words
from qfusion.data.media import clips
from qfusion.data.modality_spec import Modality
from qfusion.data.sample_content import Content, Maker, Text, no_clip, no_content
from qfusion.data.store import contents, folders
from qfusion.data.store.manifest import Manifest, StoredModality, read_manifest
from qfusion.errors import IntegrityError, translate_errors


def open_set(folder: Path) -> DataSet:
    """Return the set in a folder, its arrays memory-mapped.

    Raises:
        IntegrityError: when a file of it is missing or not as long as it should be.
    """
    record = read_manifest(folder)
    what, remedy = folders.describe_folder(folder)
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
    return open_set(folders.imported_folder(name))


def verify_imported(name: str) -> DataSet:
    """Return an imported set after reading all of it.

    Raises:
        IntegrityError: when it is not what was recorded.
    """
    folder = folders.imported_folder(name)
    dataset = open_set(folder)
    what, remedy = folders.describe_folder(folder)
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
    is_imported = folders.is_imported(folder)
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
        clip_of=partial(clips.find_clip, name, ids) if is_imported else no_clip,
        makers=_find_makers(record.extracted, modalities),
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
    path = folder / contents.CONTENT_FILE
    if path.is_file():
        return partial(contents.read_content, path)
    if "text" in table.columns:
        return partial(_show_text, table["text"], worded)
    return no_content


def _show_text(texts: pd.Series, worded: bool, row: int) -> dict[str, Content]:
    words = str(texts.iloc[row])
    return {"text": Text(words, split_words(words) if worded else None)}


def _find_makers(extracted: Mapping[str, Any], modalities: Sequence[Modality]) -> dict[str, Maker]:
    """Return what plugins offer to make features of a visitor's input as those of an extracted set, by modality."""
    makers = dict[str, Maker]()
    if extracted:
        for reference in plugin.entries("makers"):
            makers |= plugin.load_name(reference)(extracted, modalities)
    return makers
