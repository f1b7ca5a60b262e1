"""Data sets of what a user holds in Python: arrays, a pandas frame, a `torch.utils.data.Dataset`, a Parquet file.

    {"text": (N, F), "audio": (N, T, F), "y": (N,)}     a dictionary of arrays, see `data.given_features`
    (x, ..., y), ({name: x}, y)                         a tuple of arrays
    a frame                                             columns grouped by `modalities`, by a column index of two
                                                        levels, or by the beginnings of their names
    a Dataset                                           items (x, ..., y), ({name: x}, y), or {name: x, "y": y}
    {"train": Dataset, "test": Dataset}                 its parts, as Hugging Face's DatasetDict
    "FILE.parquet"                                      columns of numbers, of lists, or of encoded pictures as
                                                        {"bytes", "path"}, as Hugging Face's `datasets` writes them

Features are stored in single precision, as in every data set.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion._sentences import listed
from qfusion.data import registry, sample_content
from qfusion.data.arrays import numbered_ids
from qfusion.data.column_groups import group_columns, guess_label
from qfusion.data.data_set import DataSet
from qfusion.data.file_words import numbered_features
from qfusion.data.given_contents import contents_by_row, name_one_hot
from qfusion.data.given_features import as_array, masks_of, modality_of
from qfusion.data.given_forms import GivenForm
from qfusion.data.given_targets import read_split, read_targets
from qfusion.data.modality_spec import Modality
from qfusion.data.table_preview import TablePreview
from qfusion.data.target_classes import class_name
from qfusion.errors import translate_errors

TARGETS = ("y", "label", "labels", "target", "targets", "score", "class")
IDS = ("id", "ids", "sample", "sample_id", "index")
SPLIT = "split"
PARTS = {"train": "train", "valid": "valid", "validation": "valid", "val": "valid", "test": "test"}
MAX_ITEMS = 200_000  # of a Dataset
MAX_PIXELS = 4096 * 4096  # of an encoded picture

Contents = Mapping[str, Any] | None


def data_set_of(
    data: Any,
    *,
    name: str = "data",
    target: str = "",
    modalities: Mapping[str, Sequence[str]] | Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    contents: Contents = None,
) -> DataSet:
    """Return what a user holds as a data set.

    Args:
        data: a `DataSet`, the name of one, or one of the forms at the head of this module.
        name: of the set, where it has none.
        target: name of the entry or column with the targets; guessed unless given.
        modalities: of a frame or Parquet file, the columns of each modality; of others, the names of the modalities, in
            their order.
        classes: names of the classes, in the order of their numbers; unless given, the categories of a Categorical in
            its order, else the words or numbers that occur, sorted.
        contents: of a modality, what is shown for each sample: texts, lists of words (one a step of a sequence),
            pictures or sounds, see `data.given_contents`; or the name of the entry or column that holds them. Pictures
            that are features are shown without it.

    Raises:
        InvalidInput: when the data have another form, no targets, or too few samples; the message names the entry.
        NotFound: when there is no such data set or file.
    """
    for argument, names in (("modalities", modalities), ("classes", classes)):
        check(
            names is None or (hasattr(names, "__len__") and not isinstance(names, str)),
            f"Argument `{argument}` must be a list of names{', or a dictionary of columns' * (names is modalities)}, "
            f"but is {names!r:.100}.",
        )
    check(
        contents is None or isinstance(contents, Mapping),
        "Argument `contents` must be a dictionary such as {'text': list_of_texts}, but is a "
        f"{type(contents).__name__}.",
    )
    shown = {str(key): value for key, value in (contents or {}).items()}
    if isinstance(data, DataSet) or (
        isinstance(data, (str, Path)) and Path(data).suffix.lower() != ".parquet"
    ):
        unused = [
            argument
            for argument, value in (
                ("target", target or None),
                ("modalities", modalities),
                ("classes", classes),
                ("contents", contents),
            )
            if value is not None
        ]
        check(
            not unused,
            f"Argument `{(unused or [''])[0]}` describes data of your own, but `data` is a data set of qfusion, which "
            "knows it. Leave it out.",
        )
        return data if isinstance(data, DataSet) else registry.load(data)
    if isinstance(data, (str, Path)):
        return _of_parquet(Path(data), name, target, modalities, classes, shown)
    if isinstance(data, pd.DataFrame):
        return _of_frame(data, name, target, modalities, classes, shown)
    if isinstance(data, tuple) and _is_arrays(data):
        data = _split_item(data, modalities)
        modalities = None
    if isinstance(data, Mapping):
        if data and set(map(str, data)) <= set(PARTS) and not _holds_arrays(data):
            return _of_parts(data, name, target, modalities, classes, shown)
        return _of_arrays(data, name, target, modalities, classes, shown)
    if hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        return _of_items(data, name, target, modalities, classes, shown)
    hint = " Give the loader's `dataset`." if hasattr(data, "dataset") else ""
    check(
        False,
        f"Argument `data` must be a data set, its name, a dictionary of arrays, a pandas frame, a torch Dataset with a "
        f"length, or a .parquet file, but is a {type(data).__name__}.{hint}",
    )
    raise AssertionError


def _is_arrays(data: tuple[Any, ...]) -> bool:
    """Whether a tuple holds arrays of all samples, (x, ..., y) or ({name: x}, y), and not samples."""
    return len(data) >= 2 and np.ndim(as_array(data[-1])) >= 1


def _holds_arrays(data: Mapping[str, Any]) -> bool:
    return any(
        isinstance(value, np.ndarray) or hasattr(value, "detach") or not hasattr(value, "__len__")
        for value in data.values()
    )


def _of_arrays(
    given: Mapping[str, Any],
    name: str,
    target: str,
    modalities: Any,
    classes: Sequence[str] | None,
    contents: Mapping[str, Any],
) -> DataSet:
    """Return a data set of a dictionary of arrays."""
    entries = {str(key): value for key, value in given.items()}
    arrays = {
        key: value.to_numpy() if isinstance(value, (pd.Series, pd.DataFrame)) else value
        for key, value in entries.items()
    }
    check(
        not isinstance(modalities, Mapping),
        "Argument `modalities` must list the names of modalities, since `data` is no table with columns.",
    )
    target = _choose_entry("target", target, TARGETS, list(arrays))
    ids = next((key for key in IDS if key in arrays), "")
    masks = masks_of(arrays)
    shown = {value for value in contents.values() if isinstance(value, str)}
    special = {target, ids, SPLIT, *masks.values(), *shown}
    wanted = [str(key) for key in modalities or arrays if modalities or key not in special]
    missing = [key for key in wanted if key not in arrays]
    check(
        not missing,
        f"Argument `modalities` names {missing[:1]}, but `data` holds {', '.join(arrays)}.",
    )
    table: dict[str, Any] = {}
    parts = []
    for key in wanted:
        if _is_words(arrays[key]):
            table[key] = [_as_text(entry) for entry in arrays[key]]
        else:
            parts.append(modality_of(key, arrays[key], arrays.get(masks.get(key, ""))))
    words = [key for key in table if modalities] or ([] if parts else list(table))
    check(
        not words,
        _ENCODE.format(names=listed([f"`{key}`" for key in words]), one=(words or [""])[0]),
    )
    return _build(
        name,
        parts,
        entries[target],
        target,
        classes,
        arrays[ids] if ids else None,
        arrays.get(SPLIT),
        pd.DataFrame(table),
        _resolve(contents, arrays),
    )


_ENCODE = (
    "No modality holds numbers: {names} holds strings. Encode them as your model takes them, such as embeddings "
    "(N, F), one-hot tokens (N, T, V), or token numbers with a mask; the strings can be shown by "
    "`contents={{'{one}': [...]}}`."
)


def _resolve(contents: Mapping[str, Any], entries: Any) -> dict[str, Sequence[Any]]:
    """Return the contents by modality, those that are names of entries or columns as what these hold."""
    result: dict[str, Sequence[Any]] = {}
    for modality, value in contents.items():
        if isinstance(value, str):
            check(
                value in entries,
                f"Argument `contents` names {value!r}, but the data hold {', '.join(map(str, entries))}.",
            )
            value = entries[value]
        if isinstance(value, pd.Series):
            value = value.tolist()
        check(
            hasattr(value, "__len__")
            and hasattr(value, "__getitem__")
            and not isinstance(value, Mapping),
            f"Argument `contents` must hold one entry a sample for '{modality}', but holds a {type(value).__name__}.",
        )
        result[modality] = value
    return result


def _is_words(values: Any) -> bool:
    """Whether an entry holds a string or a list of strings a sample: text to show, not features."""
    if isinstance(values, pd.Series):
        values = values.to_numpy()
    if isinstance(values, np.ndarray) and values.dtype.kind in "US":
        return values.ndim == 1
    if isinstance(values, np.ndarray) and (values.dtype != object or values.ndim != 1):
        return False
    if not isinstance(values, (list, tuple, np.ndarray)) or len(values) == 0:
        return False
    first = values[0]
    if isinstance(first, (list, tuple)) and first:
        first = first[0]
    return isinstance(first, str)


def _as_text(entry: Any) -> str:
    return " ".join(map(str, entry)) if isinstance(entry, (list, tuple)) else str(entry)


def _of_frame(
    frame: pd.DataFrame,
    name: str,
    target: str,
    modalities: Any,
    classes: Sequence[str] | None,
    contents: Mapping[str, Any],
) -> DataSet:
    """Return a data set of a frame whose columns are grouped."""
    check(len(frame) > 0, "Argument `data` is a frame without rows.")
    check(
        modalities is None or isinstance(modalities, Mapping),
        "Argument `modalities` must name the columns of each modality of a table, such as "
        "{'text': ['t1', 't2'], 'audio': ['a1']}, but is a list.",
    )
    shown = {value for value in contents.values() if isinstance(value, str)}
    if isinstance(frame.columns, pd.MultiIndex):
        groups = {
            str(first): [column for column in frame.columns if column[0] == first]
            for first in frame.columns.get_level_values(0).unique()
        }
        single = {first: columns[0] for first, columns in groups.items() if len(columns) == 1}
        target = _choose_entry("target", target, TARGETS, list(single))
        y = frame[single[target]]
        others = {target, *shown, *(key for key in (*IDS, SPLIT) if key in single)}
        chosen = {first: columns for first, columns in groups.items() if first not in others}
        ids = next((frame[single[key]] for key in IDS if key in single), None)
        split = frame[single[SPLIT]] if SPLIT in single else None
        rest: list[Any] = []
        entries: Any = {key: frame[column] for key, column in single.items()}
    else:
        columns = [str(column) for column in frame.columns]
        repeated = [column for column, times in Counter(columns).items() if times > 1]
        check(
            not repeated,
            f"Argument `data` must have columns of different names, but {repeated[:1]} occurs twice.",
        )
        frame = entries = frame.set_axis(columns, axis=1)
        preview = _preview(frame)
        free = [column for column in columns if column not in (*IDS, SPLIT, *shown)]
        target = target or guess_label(free, preview)
        target = _choose_entry("target", target, TARGETS, columns)
        if modalities is not None:
            chosen = {
                str(key): [value] if isinstance(value, str) else list(map(str, value))
                for key, value in modalities.items()
            }
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
            *shown,
            *(key for key in (*IDS, SPLIT)),
            *(c for mine in chosen.values() for c in mine),
        }
        rest = [column for column in columns if column not in used]
    _check_groups(chosen, frame, rest)
    parts = [_column_modality(key, frame[mine]) for key, mine in chosen.items()]
    if ids is None and not isinstance(frame.index, pd.RangeIndex) and frame.index.is_unique:
        ids = frame.index.to_series()
    table = frame[rest].reset_index(drop=True)
    return _build(
        name, parts, y, str(target), classes, ids, split, table, _resolve(contents, entries)
    )


def _check_groups(chosen: Mapping[str, Any], frame: pd.DataFrame, rest: Sequence[str]) -> None:
    """Check that a frame has modalities."""
    words = [column for column in rest if isinstance(frame[column].iloc[0], str)]
    check(
        bool(chosen) or not words,
        _ENCODE.format(
            names=listed([f"`{column}`" for column in words[:3]]), one=(words or [""])[0]
        ),
    )
    check(
        bool(chosen),
        "No modality is recognised among the columns. Give `modalities`, such as "
        "{'text': ['t1', 't2'], 'audio': ['a1']}.",
    )
    empty = [key for key, mine in chosen.items() if not len(mine)]
    check(not empty, f"Argument `modalities` must name columns of {empty[:1]}, but names none.")


def _preview(frame: pd.DataFrame) -> TablePreview:
    lists = frozenset(
        str(column)
        for column in frame.columns
        if isinstance(frame[column].iloc[0], (list, tuple, np.ndarray))
        and not _is_words([frame[column].iloc[0]])
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
        return modality_of(name, columns.iloc[:, 0].tolist())
    words = [
        str(column) for column in columns if not pd.api.types.is_numeric_dtype(columns[column])
    ]
    if words:
        column = columns[words[0]]
        missing = int(column.isna().sum())
        check(
            False,
            f"Modality '{name}' must hold numbers, but column {words[:1]} holds "
            + (
                f"{missing} missing values. Impute"
                if missing
                else f"{column.iloc[0]!r:.40}. Encode"
            )
            + " them first, such as with a step of a scikit-learn pipeline or `pandas.get_dummies`.",
        )
    names = [" ".join(map(str, c)) if isinstance(c, tuple) else str(c) for c in columns.columns]
    values = columns.to_numpy(np.float32, na_value=np.nan)
    return Modality(name, values, None, tuple(names), given=GivenForm(values.shape[1:]))


def _of_items(
    items: Any,
    name: str,
    target: str,
    modalities: Any,
    classes: Sequence[str] | None,
    contents: Mapping[str, Any],
) -> DataSet:
    """Return a data set of a torch Dataset."""
    columns, by_name = _columns_of(items, modalities)
    classes = classes or _named_classes(items, target)
    return _of_arrays(columns, name, target, modalities if by_name else None, classes, contents)


def _of_parts(
    parts: Mapping[str, Any],
    name: str,
    target: str,
    modalities: Any,
    classes: Sequence[str] | None,
    contents: Mapping[str, Any],
) -> DataSet:
    """Return a data set of Datasets by the part of the split that they are."""
    columns: dict[str, list[Any]] = {SPLIT: []}
    by_name = False
    for part, items in parts.items():
        mine, by_name = _columns_of(items, modalities)
        columns[SPLIT] += [PARTS[part]] * len(next(iter(mine.values())))
        for key, values in mine.items():
            columns.setdefault(key, []).extend(values)
        classes = classes or _named_classes(items, target)
    return _of_arrays(columns, name, target, modalities if by_name else None, classes, contents)


def _columns_of(items: Any, modalities: Any) -> tuple[dict[str, list[Any]], bool]:
    """Return the entries of the items of a Dataset by name, and whether the items name them."""
    count = len(items)
    check(
        0 < count <= MAX_ITEMS,
        f"Argument `data` must hold 1 to {MAX_ITEMS:,} samples, but holds {count:,}. Take a part of it, such as "
        "torch.utils.data.Subset.",
    )
    columns: dict[str, list[Any]] = {}
    by_name = False
    for number in range(count):
        item = items[number]
        by_name = isinstance(item, Mapping) or (
            isinstance(item, (tuple, list)) and len(item) > 0 and isinstance(item[0], Mapping)
        )
        for key, value in _split_item(item, modalities).items():
            columns.setdefault(key, []).append(as_array(value))
    short = [key for key, values in columns.items() if len(values) != count]
    check(
        not short,
        f"Every item of `data` must hold the same entries, but {short[:1]} is missing from some.",
    )
    return columns, by_name


def _named_classes(items: Any, target: str) -> list[str] | None:
    """Return the names of the classes of a Dataset of Hugging Face, or of torchvision, if it has any."""
    features = getattr(items, "features", None)
    if isinstance(features, Mapping):
        named = {str(key): getattr(value, "names", None) for key, value in features.items()}
        usual = [target] if target else [key for key in TARGETS if key in named]
        names = next((named[key] for key in usual if named.get(key)), None)
    else:
        names = getattr(items, "classes", None)
    is_list = isinstance(names, (list, tuple)) and all(isinstance(label, str) for label in names)
    return list(names) if names and is_list else None


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


def _of_parquet(
    path: Path,
    name: str,
    target: str,
    modalities: Any,
    classes: Sequence[str] | None,
    contents: Mapping[str, Any],
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
    return _with_pictures(frame, pictures, name, target, modalities, classes, contents)


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
    contents: Mapping[str, Any],
) -> DataSet:
    """Return a data set of a frame and decoded pictures; pictures are modalities of their pixels in [0, 1]."""
    if not pictures:
        return _of_frame(frame, name, target, modalities, classes, contents)
    entries: dict[str, Any] = {}
    columns = [str(column) for column in frame.columns]
    target = _choose_entry("target", target, TARGETS, columns)
    chosen = modalities if isinstance(modalities, Mapping) else {}
    named = {value for value in contents.values() if isinstance(value, str)}
    preview = _preview(frame)
    free = [column for column in columns if column not in (target, *IDS, SPLIT, *named)]
    guessed = {key: mine for key, (_, mine) in group_columns(free, preview).items()}
    parts = [
        _column_modality(key, frame[list(mine)])
        for key, mine in (chosen or guessed).items()
        if list(mine) != [key] or key not in pictures
    ]
    shown = _resolve(contents, frame)
    for key, drawn in pictures.items():
        sizes = {picture.shape for picture in drawn}
        check(
            len(sizes) == 1,
            f"Pictures of column `{key}` must have one size, but have {sorted(sizes)[:3]}. Resize them first.",
        )
        pixels = np.stack(drawn)
        flat = pixels.reshape(len(pixels), -1).astype(np.float32) / 255
        names = numbered_features("pixel", flat.shape[1])
        form = GivenForm(pixels.shape[1:])
        parts.append(Modality(key, flat, None, tuple(names), shape=pixels.shape[1:], given=form))
        shown.setdefault(key, drawn)
    entries["ids"] = next((frame[key] for key in IDS if key in columns), None)
    used = {
        target,
        SPLIT,
        *IDS,
        *named,
        *(c for part in (chosen or guessed).values() for c in part),
    }
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
        shown,
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


def _targets_array(y: Any) -> np.ndarray:
    """Return targets as an array; of strings, one in which a missing one stays missing."""
    values = [as_array(value) for value in y] if isinstance(y, (list, tuple)) else as_array(y)
    if isinstance(values, list) and any(isinstance(value, str) for value in values):
        return np.asarray(values, dtype=object)
    return np.asarray(values)


def _build(
    name: str,
    parts: Sequence[Modality],
    y: Any,
    target: str,
    classes: Sequence[str] | None,
    ids: Any,
    split: Any,
    table: pd.DataFrame,
    contents: Mapping[str, Sequence[Any]],
) -> DataSet:
    """Return the data set of parts that were read."""
    if classes is None and isinstance(getattr(y, "dtype", None), pd.CategoricalDtype):
        y = pd.Categorical(y).remove_unused_categories()
        classes = [class_name(label) for label in y.categories]
        y = [None if pd.isna(label) else class_name(label) for label in y]
    y = _targets_array(y)
    check(
        y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1),
        f"Targets `{target}` must have shape (N,), but have shape {y.shape}. Give the number of the class of each "
        "sample, such as `y.argmax(1)` of one-hot targets.",
    )
    y = y.reshape(-1)
    count = len(y)
    for part in parts:
        check(
            len(part.values) == count,
            f"Modality '{part.name}' must have {count} samples like the targets, but has {len(part.values)}.",
        )
    for entry, values in (("id", ids), (SPLIT, split)):
        check(
            values is None or len(values) == count,
            f"Entry `{entry}` must have {count} values like the targets, but has {np.size(values)}.",
        )
    numbers, spec = read_targets(y, target, classes)
    labels = numbered_ids("sample", count) if ids is None else np.asarray(ids).astype(str)
    parts_of_split = read_split(split, numbers, spec)
    index = pd.Index(labels.tolist())
    shown = table.set_axis(index) if len(table.columns) else pd.DataFrame(index=index)

    drawn = contents_by_row(contents, parts, count)
    parts = [
        name_one_hot(part, contents[part.name]) if part.name in contents else part for part in parts
    ]

    def content_of(row: int) -> dict[str, sample_content.Content]:
        content = drawn(row)
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
