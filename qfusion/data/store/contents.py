"""The raw content of the samples of a stored set: an Arrow file of one record batch a sample, which is read when it is
looked at.
"""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from qfusion.data.data_set import DataSet
from qfusion.data.sample_content import Audio, Content, Film, Image, Series, Text, no_content

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
