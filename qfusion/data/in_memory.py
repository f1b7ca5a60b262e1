"""Data sets of what a user holds in Python: arrays, a pandas frame, a `torch.utils.data.Dataset`, a Parquet file.

    {"text": (N, F), "audio": (N, T, F), "y": (N,)}     a dictionary of arrays; lists of (T, F) are sequences
    a frame                                             columns grouped by `modalities`, by a column index of two
                                                        levels, or by the beginnings of their names
    a Dataset                                           items (x, ..., y), ({name: x}, y), or {name: x, "y": y}
    "FILE.parquet"                                      columns of numbers, of lists, or of encoded pictures as
                                                        {"bytes", "path"}, as Hugging Face's `datasets` writes them

Features are kept in single precision, as in every data set.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.data import registry, sample_content
from qfusion.data.arrays import numbered_ids
from qfusion.data.column_groups import group_columns, guess_label
from qfusion.data.data_set import DataSet
from qfusion.data.file_words import numbered_features
from qfusion.data.modality_spec import Modality
from qfusion.data.random_split import target_tenths
from qfusion.data.row_splits import SPLIT_SEED, SPLITS, stratified_split
from qfusion.data.table_preview import TablePreview
from qfusion.data.target_classes import encode_classes
from qfusion.data.target_spec import Target
from qfusion.errors import translate_errors

if TYPE_CHECKING:
    pass

TARGETS = ("y", "label", "labels", "target", "targets", "score", "class")
IDS = ("id", "ids", "sample", "sample_id", "index")
SPLIT = "split"
MAX_CLASSES = 50  # of whole numbers that are taken for classes
MAX_ITEMS = 200_000  # of a Dataset
MAX_PIXELS = 4096 * 4096  # of an encoded picture

Data = "DataSet | str | Path | Mapping[str, Any] | pd.DataFrame | Dataset[Any]"


def data_set_of(
    data: Any,
    *,
    name: str = "data",
    target: str = "",
    modalities: Mapping[str, Sequence[str]] | Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
) -> DataSet:
    """Return what a user holds as a data set.

    Args:
        data: a `DataSet`, the name of one, or one of the forms at the head of this module.
        name: of the set, where it has none.
        target: name of the entry or column with the targets; guessed unless given.
        modalities: of a frame or Parquet file, the columns of each modality; of others, the names of the modalities, in
            their order.
        classes: names of the classes, in the order of their numbers; guessed unless given.

    Raises:
        InvalidInput: when the data have another form, no targets, or too few samples; the message names the entry.
        NotFound: when there is no such data set or file.
    """
    if isinstance(data, DataSet):
        return data
    if isinstance(data, (str, Path)):
        path = Path(data)
        if path.suffix.lower() != ".parquet":
            return registry.load(data)
        return _of_parquet(path, name, target, modalities, classes)
    if isinstance(data, pd.DataFrame):
        return _of_frame(data, name, target, modalities, classes)
    if isinstance(data, Mapping):
        return _of_arrays(data, name, target, modalities, classes)
    if hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        return _of_items(data, name, target, modalities, classes)
    check(
        False,
        f"Argument `data` must be a data set, its name, a dictionary of arrays, a pandas frame, a torch Dataset or a "
        f".parquet file, but is a {type(data).__name__}.",
    )
    raise AssertionError


def _of_arrays(
    arrays: Mapping[str, Any],
    name: str,
    target: str,
    modalities: Any,
    classes: Sequence[str] | None,
) -> DataSet:
    """Return a data set of a dictionary of arrays."""
    target = _choose_entry("target", target, TARGETS, list(arrays))
    ids = next((key for key in IDS if key in arrays), "")
    special = {target, ids, SPLIT}
    wanted = list(modalities or [key for key in arrays if key not in special])
    missing = [key for key in wanted if key not in arrays]
    check(
        not missing,
        f"Argument `data` must hold modality {missing[:1]}, but holds {', '.join(map(str, arrays))}.",
    )
    table: dict[str, Any] = {}
    parts = []
    contents: dict[str, list[sample_content.Content]] = {}
    for key in wanted:
        if _is_words(arrays[key]):
            table[key] = [str(word) for word in arrays[key]]
        else:
            parts.append(_modality(str(key), arrays[key]))
    return _build(
        name,
        parts,
        arrays[target],
        target,
        classes,
        arrays[ids] if ids else None,
        arrays.get(SPLIT),
        pd.DataFrame(table),
        contents,
    )


def _is_words(values: Any) -> bool:
    """Whether an entry holds one string a sample: text to show, not features."""
    array = np.asarray(values, dtype=object) if isinstance(values, (list, tuple)) else values
    if isinstance(array, pd.Series):
        array = array.to_numpy()
    return (
        isinstance(array, np.ndarray)
        and array.ndim == 1
        and len(array) > 0
        and (array.dtype.kind in "US" or isinstance(array[0], str))
    )


def _of_frame(
    frame: pd.DataFrame,
    name: str,
    target: str,
    modalities: Any,
    classes: Sequence[str] | None,
) -> DataSet:
    """Return a data set of a frame whose columns are grouped."""
    check(len(frame) > 0, "Argument `data` is a frame without rows.")
    if isinstance(frame.columns, pd.MultiIndex):
        groups = {
            str(first): [column for column in frame.columns if column[0] == first]
            for first in frame.columns.get_level_values(0).unique()
        }
        single = {first: columns[0] for first, columns in groups.items() if len(columns) == 1}
        target = _choose_entry("target", target, TARGETS, list(single))
        y = frame[single[target]]
        others = {target, *(key for key in (*IDS, SPLIT) if key in single)}
        chosen = {first: columns for first, columns in groups.items() if first not in others}
        ids = next((frame[single[key]] for key in IDS if key in single), None)
        split = frame[single[SPLIT]] if SPLIT in single else None
        rest: list[Any] = []
    else:
        columns = [str(column) for column in frame.columns]
        frame = frame.set_axis(columns, axis=1)
        preview = _preview(frame)
        free = [column for column in columns if column not in (*IDS, SPLIT)]
        target = target or guess_label(free, preview)
        target = _choose_entry("target", target, TARGETS, columns)
        if isinstance(modalities, Mapping):
            chosen = {str(key): list(map(str, value)) for key, value in modalities.items()}
        else:
            guessed = group_columns([column for column in free if column != target], preview)
            chosen = {key: members for key, (_, members) in guessed.items()}
        missing = [column for mine in chosen.values() for column in mine if column not in columns]
        check(
            not missing,
            f"Argument `modalities` names column {missing[:1]}, but the frame has {', '.join(columns[:20])}.",
        )
        y = frame[target]
        ids = next((frame[key] for key in IDS if key in columns), None)
        split = frame[SPLIT] if SPLIT in columns else None
        used = {
            target,
            *(key for key in (*IDS, SPLIT)),
            *(c for mine in chosen.values() for c in mine),
        }
        rest = [column for column in columns if column not in used]
    check(
        bool(chosen),
        "No modality is recognised among the columns. Give `modalities`, such as "
        "{'text': ['t1', 't2'], 'audio': ['a1']}.",
    )
    parts = [_column_modality(key, frame[mine]) for key, mine in chosen.items()]
    if ids is None and not isinstance(frame.index, pd.RangeIndex) and frame.index.is_unique:
        ids = frame.index.to_series()
    return _build(
        name, parts, y, str(target), classes, ids, split, frame[rest].reset_index(drop=True), {}
    )


def _preview(frame: pd.DataFrame) -> TablePreview:
    lists = frozenset(
        str(column)
        for column in frame.columns
        if isinstance(frame[column].iloc[0], (list, tuple, np.ndarray))
    )
    numbers = {
        str(column) for column in frame.columns if pd.api.types.is_numeric_dtype(frame[column])
    }
    return TablePreview(
        "frame",
        tuple(map(str, frame.columns)),
        frozenset(numbers | lists),
        lists,
        SPLIT if SPLIT in frame else None,
        frame.head(0),
    )


def _column_modality(name: str, columns: pd.DataFrame) -> Modality:
    """Return a modality of columns of numbers, or of one column of lists."""
    if columns.shape[1] == 1 and isinstance(columns.iloc[0, 0], (list, tuple, np.ndarray)):
        return _modality(name, [np.asarray(entry) for entry in columns.iloc[:, 0]])
    words = [
        str(column) for column in columns if not pd.api.types.is_numeric_dtype(columns[column])
    ]
    check(
        not words,
        f"Modality '{name}' must hold numbers, but column {words[:1]} does not. Encode it first.",
    )
    names = [" ".join(map(str, c)) if isinstance(c, tuple) else str(c) for c in columns.columns]
    return Modality(name, columns.to_numpy(np.float32), None, tuple(names))


def _of_items(
    items: Any, name: str, target: str, modalities: Any, classes: Sequence[str] | None
) -> DataSet:
    """Return a data set of a torch Dataset."""
    count = len(items)
    check(
        0 < count <= MAX_ITEMS,
        f"Argument `data` must hold 1 to {MAX_ITEMS:,} samples, but holds {count:,}. Take a part of it, such as "
        "torch.utils.data.Subset.",
    )
    columns: dict[str, list[Any]] = {}
    for number in range(count):
        for key, value in _split_item(items[number], modalities).items():
            columns.setdefault(key, []).append(_as_array(value))
    short = [key for key, values in columns.items() if len(values) != count]
    check(
        not short,
        f"Every item of `data` must hold the same entries, but {short[:1]} is missing from some.",
    )
    return _of_arrays(columns, name, target, None, classes)


def _split_item(item: Any, modalities: Any) -> dict[str, Any]:
    """Return the entries of one item of a Dataset by name."""
    if isinstance(item, Mapping):
        return {str(key): value for key, value in item.items()}
    check(
        isinstance(item, (tuple, list)) and len(item) >= 2,
        "An item of `data` must be (x, ..., y), ({name: x}, y) or a dictionary, but is a "
        f"{type(item).__name__}.",
    )
    *inputs, y = item
    if len(inputs) == 1 and isinstance(inputs[0], Mapping):
        return {**{str(key): value for key, value in inputs[0].items()}, "y": y}
    if len(inputs) == 1 and isinstance(inputs[0], (tuple, list)):
        inputs = list(inputs[0])
    names = list(modalities or [f"input{k + 1}" for k in range(len(inputs))])
    check(
        len(names) == len(inputs),
        f"Argument `modalities` must name {len(inputs)} inputs of an item, but names {len(names)}.",
    )
    return {**dict(zip(map(str, names), inputs, strict=True)), "y": y}


def _as_array(value: Any) -> Any:
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return value.item()
    return value


def _of_parquet(
    path: Path, name: str, target: str, modalities: Any, classes: Sequence[str] | None
) -> DataSet:
    """Return a data set of a Parquet file, whose encoded pictures are decoded."""
    import pyarrow as pa
    import pyarrow.parquet

    from qfusion.errors import InvalidInput, NotFound

    check(path.is_file(), f"File {path} does not exist.", NotFound)
    with translate_errors(
        f"File `{path.name}` cannot be read as Parquet",
        "Write it again.",
        *(pa.ArrowException, OSError, ValueError),
        error=InvalidInput,
        why="{words:.200}",
    ):
        read = pyarrow.parquet.read_table(path)
    frame = read.to_pandas()
    check(len(frame) > 0, f"File `{path.name}` has no rows.")
    classes = classes or _huggingface_classes(read.schema.metadata, target)
    pictures: dict[str, list[np.ndarray]] = {}
    for column in frame.columns:
        first = frame[column].iloc[0]
        if isinstance(first, Mapping) and "bytes" in first:
            pictures[str(column)] = [
                _decode_picture(str(column), row, entry) for row, entry in enumerate(frame[column])
            ]
            frame = frame.drop(columns=column)
    return _with_pictures(frame, pictures, name, target, modalities, classes)


def _huggingface_classes(metadata: Any, target: str) -> list[str] | None:
    """Return the names of the classes that Hugging Face's `datasets` writes into a file, if there are any."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
        named = {key: value["names"] for key, value in features.items() if value.get("names")}
        chosen = named[target] if target else next(iter(named.values()))
        return [str(label) for label in chosen]
    except (KeyError, ValueError, TypeError, AttributeError, StopIteration):
        return None


def _decode_picture(column: str, row: int, entry: Any) -> np.ndarray:
    """Return a picture as uint8, (h, w, 3)."""
    from PIL import Image

    data = entry.get("bytes") if isinstance(entry, Mapping) else None
    check(
        isinstance(data, bytes),
        f"Column `{column}` must hold the bytes of a picture in every row, but row {row} holds none.",
    )
    with translate_errors(
        f"Row {row} of column `{column}` is no picture that can be read",
        "Write PNG or JPEG.",
        *(OSError, ValueError, SyntaxError, Image.DecompressionBombError),
        why="{kind}",
    ):
        picture = Image.open(io.BytesIO(data or b""), formats=("PNG", "JPEG", "WEBP", "GIF", "BMP"))
        check(
            picture.width * picture.height <= MAX_PIXELS,
            f"The picture in row {row} of column `{column}` has {picture.width} x {picture.height} pixels; at most "
            f"{MAX_PIXELS:,} are read.",
        )
        return np.asarray(picture.convert("RGB"))


def _with_pictures(
    frame: pd.DataFrame,
    pictures: Mapping[str, list[np.ndarray]],
    name: str,
    target: str,
    modalities: Any,
    classes: Sequence[str] | None,
) -> DataSet:
    """Return a data set of a frame and decoded pictures; pictures are modalities of their pixels in [0, 1]."""
    if not pictures:
        return _of_frame(frame, name, target, modalities, classes)
    entries: dict[str, Any] = {}
    columns = [str(column) for column in frame.columns]
    target = _choose_entry("target", target, TARGETS, columns)
    chosen = modalities if isinstance(modalities, Mapping) else {}
    preview = _preview(frame)
    free = [column for column in columns if column not in (target, *IDS, SPLIT)]
    guessed = {key: mine for key, (_, mine) in group_columns(free, preview).items()}
    parts = [
        _column_modality(key, frame[list(mine)])
        for key, mine in (chosen or guessed).items()
        if list(mine) != [key] or key not in pictures
    ]
    contents: dict[str, list[sample_content.Content]] = {}
    for key, drawn in pictures.items():
        sizes = {picture.shape for picture in drawn}
        check(
            len(sizes) == 1,
            f"Pictures of column `{key}` must have one size, but have {sorted(sizes)[:3]}. Resize them first.",
        )
        pixels = np.stack(drawn)
        flat = pixels.reshape(len(pixels), -1).astype(np.float32) / 255
        names = numbered_features("pixel", flat.shape[1])
        parts.append(Modality(key, flat, None, tuple(names), shape=pixels.shape[1:]))
        contents[key] = [sample_content.Image(picture) for picture in drawn]
    entries["ids"] = next((frame[key] for key in IDS if key in columns), None)
    used = {target, SPLIT, *IDS, *(c for part in (chosen or guessed).values() for c in part)}
    rest = [column for column in columns if column not in used]
    return _build(
        name,
        parts,
        frame[target],
        target,
        classes,
        entries["ids"],
        frame[SPLIT] if SPLIT in columns else None,
        frame[rest].reset_index(drop=True),
        contents,
    )


def _choose_entry(what: str, given: str, usual: Sequence[str], entries: Sequence[Any]) -> str:
    """Return the name of the entry with the targets."""
    if given:
        check(
            given in entries,
            f"Argument `{what}` names {given!r}, but the data hold {', '.join(map(str, entries[:20]))}.",
        )
        return given
    chosen = next((name for name in usual if name in entries), "")
    check(
        bool(chosen),
        f"The data have no targets: none of {', '.join(usual)} is among {', '.join(map(str, entries[:20]))}. Add them, "
        f"or name their column in `{what}`.",
    )
    return chosen


def _modality(name: str, values: Any) -> Modality:
    """Return the features of one modality from an array (N, ...), or a list of N arrays."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    if isinstance(values, (list, tuple)):
        arrays = [np.asarray(_as_array(entry), dtype=np.float32) for entry in values]
        if {entry.ndim for entry in arrays} == {2} and len({e.shape for e in arrays}) > 1:
            return _sequence(name, arrays)
        sizes = {entry.shape for entry in arrays}
        check(
            len(sizes) == 1,
            f"Samples of modality '{name}' must have one shape, or be sequences (T, F) of one F, but have shapes "
            f"{sorted(sizes)[:3]}.",
        )
        values = np.stack(arrays)
    array = np.asarray(values)
    check(
        array.dtype.kind in "fiub" and array.ndim >= 1,
        f"Modality '{name}' must be an array of numbers with one row a sample, but has type {array.dtype}.",
    )
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim == 2:
        return Modality(
            name, array.astype(np.float32), None, tuple(numbered_features(name, array.shape[1]))
        )
    if array.ndim == 3 and not _is_picture(array.shape):
        lengths = np.full(len(array), array.shape[1])
        features = tuple(numbered_features(name, array.shape[2]))
        return Modality(name, array.astype(np.float32), lengths, features)
    flat = array.reshape(len(array), -1).astype(np.float32)
    return Modality(
        name, flat, None, tuple(numbered_features(name, flat.shape[1])), shape=array.shape[1:]
    )


def _is_picture(shape: tuple[int, ...]) -> bool:
    """Whether an array (N, a, b) holds square grey pictures; other such arrays are sequences (N, T, F)."""
    return shape[1] == shape[2] and shape[1] >= 8


def _sequence(name: str, arrays: Sequence[np.ndarray]) -> Modality:
    widths = {entry.shape[1] for entry in arrays}
    check(
        len(widths) == 1 and min(len(entry) for entry in arrays) > 0,
        f"Sequences of modality '{name}' must have one number of features and at least one step, but have "
        f"{sorted(widths)[:3]} features and lengths from {min(len(entry) for entry in arrays)}.",
    )
    lengths = np.array([len(entry) for entry in arrays])
    padded = np.zeros((len(arrays), lengths.max(), widths.pop()), np.float32)
    for row, entry in enumerate(arrays):
        padded[row, : len(entry)] = entry
    return Modality(name, padded, lengths, tuple(numbered_features(name, padded.shape[2])))


def _build(
    name: str,
    parts: Sequence[Modality],
    y: Any,
    target: str,
    classes: Sequence[str] | None,
    ids: Any,
    split: Any,
    table: pd.DataFrame,
    contents: Mapping[str, Sequence[sample_content.Content]],
) -> DataSet:
    """Return the data set of parts that were read."""
    y = np.asarray(_as_array(y) if not isinstance(y, (list, tuple)) else [_as_array(v) for v in y])
    check(
        y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1),
        f"Targets `{target}` must have shape (N,), but have shape {y.shape}.",
    )
    y = y.reshape(-1)
    count = len(y)
    for part in parts:
        check(
            len(part.values) == count,
            f"Modality '{part.name}' must have {count} samples like the targets, but has {len(part.values)}.",
        )
    numbers, spec = _target(y, target, classes)
    labels = numbered_ids("sample", count) if ids is None else np.asarray(ids).astype(str)
    parts_of_split = _split(split, numbers, spec)
    index = pd.Index(labels.tolist())
    shown = table.set_axis(index) if len(table.columns) else pd.DataFrame(index=index)

    def content_of(row: int) -> dict[str, sample_content.Content]:
        content: dict[str, sample_content.Content] = {
            key: rows[row] for key, rows in contents.items()
        }
        if "text" in shown.columns:
            content.setdefault("text", sample_content.Text(str(shown["text"].iloc[row])))
        return content

    return DataSet(
        name=name,
        title=name,
        description=f"{count:,} samples of a Python session.",
        source="a Python session",
        licence="",
        modalities=tuple(parts),
        target=spec,
        y=numbers,
        ids=labels,
        split=parts_of_split,
        table=shown,
        content_of=content_of,
    )


def _target(y: np.ndarray, name: str, classes: Sequence[str] | None) -> tuple[np.ndarray, Target]:
    """Return targets as numbers, and what they are: classes where they are words, truth values or few whole numbers."""
    is_number = y.dtype.kind in "fiu"
    if is_number:
        finite = np.isfinite(y.astype(float))
        check(
            bool(finite.all()),
            f"Targets `{name}` must be finite, but row {int((~finite).argmax())} holds {y[~finite][:1].tolist()}. Drop "
            "the sample or correct its target.",
        )
    whole = is_number and bool(np.all(y == np.round(y.astype(float))))
    few = (
        whole and len(np.unique(y)) <= MAX_CLASSES and (y.dtype.kind in "iu" or classes is not None)
    )
    if classes is not None and whole:
        check(
            bool((y >= 0).all() and (y < len(classes)).all()),
            f"Targets `{name}` must number the {len(classes)} classes from 0, but go from {y.min()} to {y.max()}.",
        )
        return y.astype(np.int64), Target("classification", name, None, tuple(map(str, classes)))
    if is_number and not few:
        return y.astype(np.float64), Target("regression", name, convention="plain")
    numbers, known = encode_classes(list(y.tolist()))
    check(
        len(known) >= 2,
        f"Targets `{name}` must have at least two classes, but all are {known[:1]}. Give `classes`.",
    )
    return numbers, Target("classification", name, None, known)


def _split(given: Any, y: np.ndarray, target: Target) -> np.ndarray:
    """Return the part of every sample: as given, or drawn."""
    count = len(y)
    if given is not None:
        split = np.asarray(given).astype(str)
        split = np.where(split == "validation", "valid", split)
        split = np.where(split == "val", "valid", split)
        wrong = sorted(set(split.tolist()) - set(SPLITS))
        check(
            not wrong,
            f"Entries of `split` must be {', '.join(SPLITS)}, but some are {wrong[:3]}.",
        )
        if (split == "valid").any() or not (split == "train").any():
            return split
        training = np.random.default_rng(SPLIT_SEED).permutation(np.flatnonzero(split == "train"))
        split = split.astype("<U5")
        split[training[: max(1, len(training) // 10)]] = "valid"
        return split
    check(
        count >= 3,
        f"The data must have at least 3 samples, one each to train, validate and test, but have {count}.",
    )
    groups = y if target.kind == "classification" else target_tenths(y)
    split = stratified_split(np.asarray(groups))
    for part in SPLITS:  # of very few samples
        if not (split == part).any():
            common = max(SPLITS, key=lambda name: int((split == name).sum()))
            split[np.flatnonzero(split == common)[0]] = part
    return split
