"""Samples that a user holds in Python: arrays, a frame of pandas, a `torch.utils.data.Dataset`.

{"text": (N, F), "audio": (N, T, F), "y": (N,)}     a dictionary of arrays, see `readers.session_features`
(x, ..., y), ({name: x}, y)                         a tuple of arrays
a frame                                             columns grouped by `modalities`, by a column index of two
                                                    levels, or by the beginnings of their names, as of a table
a Dataset                                           items (x, ..., y), ({name: x}, y), or {name: x, "y": y}
{"train": Dataset, "test": Dataset}                 its parts, as Hugging Face's DatasetDict
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check, check_present
from qfusion._sentences import listed
from qfusion.data.array_chunks import numbered_ids
from qfusion.data.column_roles import ColumnChoice, join_patterns
from qfusion.data.modality_spec import GivenForm
from qfusion.data.parsing import (
    ID_NAMES,
    LABEL_NAMES,
    SPLIT_NAMES,
    SPLIT_WORDS,
    find_ids,
    find_name,
    word_array,
)
from qfusion.data.raw import Raw
from qfusion.data.readers import tables
from qfusion.data.readers.session_features import as_array, masks_of, read_features

KIND = "a Python session"
MAX_ITEMS = 200_000  # of a Dataset
_ENCODE = (
    "No modality holds numbers: {names} holds strings. Encode them as your model takes them, such as embeddings "
    "(N, F), one-hot tokens (N, T, V), or token numbers with a mask; the strings can be shown by "
    "`contents={{'{one}': [...]}}`."
)


@dataclass(frozen=True)
class Description:
    """What a user says of data.

    Attributes:
        target: name of the entry or column with the targets; guessed if it is empty.
        modalities: of a table, the columns of each modality; of others, the names of the modalities, in their order.
        classes: names of the classes, in the order of their numbers; unless given, the categories of a Categorical in
            its order, else the words or numbers that occur, sorted.
        contents: of a modality, what is shown for each sample: texts, lists of words (one a step of a sequence),
            pictures or sounds, see `readers.session_contents`; or the name of the entry or column that holds them.

    Raises:
        InvalidInput: when an argument is of another type.
    """

    target: str = ""
    modalities: Mapping[str, Sequence[str]] | Sequence[str] | None = None
    classes: Sequence[str] | None = None
    contents: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for argument, names in (("modalities", self.modalities), ("classes", self.classes)):
            more = ", or a dictionary of columns" if argument == "modalities" else ""
            check(
                names is None or (hasattr(names, "__len__") and not isinstance(names, str)),
                f"Argument `{argument}` must be a list of names{more}, but is {names!r:.100}.",
            )
        check(
            isinstance(self.contents, Mapping),
            "Argument `contents` must be a dictionary such as {'text': list_of_texts}, but is a "
            f"{type(self.contents).__name__}.",
        )

    @property
    def shown(self) -> frozenset[str]:
        """Names of the entries or columns that are shown and are no features."""
        return frozenset(entry for entry in self.contents.values() if isinstance(entry, str))


def read_session(data: Any, description: Description) -> Raw:
    """Return the samples that a user holds, see the head of this module.

    Args:
        data: of any form; also the path of a table.
        description: of it.

    Raises:
        InvalidInput: when the data have another form, no targets, or samples that do not fit together; the message
            names the entry.
    """
    if isinstance(data, (Path, pd.DataFrame)):
        return _read_table(data, description)
    if isinstance(data, tuple) and len(data) >= 2 and np.ndim(as_array(data[-1])) >= 1:
        names = _split_item(data, description.modalities)
        return _read_arrays(names, description, names_given=False)
    if isinstance(data, Mapping):
        if data and set(map(str, data)) <= SPLIT_WORDS.keys() and not _holds_arrays(data):
            return _read_items(dict(data), description)
        return _read_arrays(data, description)
    if hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        return _read_items({"": data}, description)
    hint = " Give the loader's `dataset`." if hasattr(data, "dataset") else ""
    return check_present(
        None,
        "Argument `data` must be a data set, its name, a dictionary of arrays, a pandas frame, a torch Dataset with a "
        f"length, or the path of a file, but is a {type(data).__name__}.{hint}",
    )


def _read_table(data: Path | pd.DataFrame, description: Description) -> Raw:
    """Return the samples of a table, see `tables.read_single_table`."""
    given = description.modalities
    check(
        given is None or isinstance(given, Mapping),
        "Argument `modalities` must name the columns of each modality of a table, such as "
        "{'text': ['t1', 't2'], 'audio': ['a1']}, but is a list.",
    )
    columns: dict[str, list[str]] | None = None
    if isinstance(given, Mapping):
        columns = {
            str(name): [mine] if isinstance(mine, str) else list(map(str, mine))
            for name, mine in given.items()
        }
    if isinstance(data, pd.DataFrame):
        data, levels = _flatten(data, description)
        columns = levels if columns is None else columns
    shown = description.shown
    choice = ColumnChoice(
        label=description.target or None,
        modalities=None
        if columns is None
        else tuple((name, join_patterns(mine)) for name, mine in columns.items()),
        shown=shown,
        as_named=columns is not None,
    )
    raw = tables.read_single_table(data, choice)
    raw.classes = description.classes or raw.classes
    raw.modalities = [
        replace(part, given=part.given or GivenForm(part.shape[1:])) for part in raw.modalities
    ]
    entries = raw.columns if isinstance(data, Path) else data
    raw.contents |= _resolve(description.contents, entries)
    raw.columns = raw.columns.drop(columns=[name for name in shown if name in raw.columns])
    return raw


def _flatten(
    frame: pd.DataFrame, description: Description
) -> tuple[pd.DataFrame, dict[str, list[str]] | None]:
    """Return a frame with one level of column names and its index as a column, and the columns of each modality where
    a column index of two levels groups them.
    """
    groups: dict[str, list[str]] | None = None
    names = [str(name) for name in frame.columns]
    if isinstance(frame.columns, pd.MultiIndex):
        first = [str(levels[0]) for levels in frame.columns]
        whole = [" ".join(map(str, levels)) for levels in frame.columns]
        names = [
            name if first.count(name) == 1 else longer
            for name, longer in zip(first, whole, strict=True)
        ]
        roles = {*find_ids(names), find_name(names, SPLIT_NAMES), *description.shown}
        roles.add(description.target or find_name(names, LABEL_NAMES))
        groups = {}
        for name, column in zip(first, names, strict=True):
            if column not in roles:
                groups.setdefault(name, []).append(column)
    flat = frame.set_axis(names, axis=1)
    is_named = not isinstance(flat.index, pd.RangeIndex) and flat.index.is_unique
    if is_named and not find_ids(names):
        flat = flat.assign(id=flat.index.astype(str))
    return flat.reset_index(drop=True), groups


def _holds_arrays(data: Mapping[str, Any]) -> bool:
    return any(
        isinstance(value, np.ndarray) or hasattr(value, "detach") or not hasattr(value, "__len__")
        for value in data.values()
    )


def _read_arrays(
    given: Mapping[str, Any], description: Description, names_given: bool = True
) -> Raw:
    """Return the samples of a dictionary of arrays.

    Args:
        given: arrays by name.
        description: of them.
        names_given: whether the entries have names of their own, of which `modalities` chooses some.
    """
    arrays = {
        str(key): value.to_numpy() if isinstance(value, (pd.Series, pd.DataFrame)) else value
        for key, value in given.items()
    }
    names = description.modalities if names_given else None
    check(
        not isinstance(names, Mapping),
        "Argument `modalities` must list the names of modalities, since `data` is no table with columns.",
    )
    label = _find_label(description.target, list(arrays))
    ids = find_name([key for key in arrays if key != label], ID_NAMES)
    split = find_name(arrays, SPLIT_NAMES)
    masks = masks_of(arrays)
    special = {label, ids, split, *masks.values(), *description.shown}
    wanted = list(map(str, names or (key for key in arrays if key not in special)))
    missing = [key for key in wanted if key not in arrays]
    check(
        not missing,
        f"Argument `modalities` names {missing[:1]}, but `data` holds {', '.join(arrays)}.",
    )
    labels, classes = _read_labels(given[label] if label in given else arrays[label])
    count = len(labels)
    for key in (*wanted, *filter(None, (ids, split))):
        check(
            _count_rows(arrays[key]) == count,
            f"Entry `{key}` must have {count} values, one a sample like the targets `{label}`, but has "
            f"{_count_rows(arrays[key])}. Correct it or leave it out.",
        )
    texts = {key: list(map(_as_text, arrays[key])) for key in wanted if _is_words(arrays[key])}
    features = [key for key in wanted if key not in texts]
    words = list(texts) if names or not features else []
    check(
        not words,
        _ENCODE.format(names=listed([f"`{key}`" for key in words]), one=(words or [""])[0]),
    )
    is_amount = labels.dtype.kind == "f" and set(np.unique(labels)) != {0.0, 1.0}
    return Raw(
        title=KIND,
        kind=KIND,
        modalities=[
            read_features(key, arrays[key], arrays.get(masks.get(key, ""))) for key in features
        ],
        ids=numbered_ids("sample", count)
        if ids is None
        else word_array(list(map(str, as_array(arrays[ids]))), f"Ids in `{ids}`"),
        labels=labels,
        classes=description.classes or classes,
        label=label,
        is_class=False if is_amount else None,
        split=None if split is None else [str(word) for word in arrays[split]],
        split_name=f"Entry `{split}`",
        target=label,
        class_target=label,
        columns=pd.DataFrame(texts),
        contents=_resolve(description.contents, arrays),
    )


def _find_label(given: str, entries: Sequence[str]) -> str:
    """Return the name of the entry with the targets."""
    if given:
        check(
            given in entries,
            f"Argument `target` names {given!r}, but the data hold {', '.join(entries[:20])}.",
        )
        return given
    return check_present(
        find_name(entries, LABEL_NAMES),
        f"The data have no targets: none of {', '.join(LABEL_NAMES[:7])} is among {', '.join(entries[:20])}. Add them, "
        "or name their entry in `target`.",
    )


def _read_labels(y: Any) -> tuple[np.ndarray, list[str] | None]:
    """Return targets as an array (N,), or (N, C) of a column a class, and the names of their classes if they have any;
    of words, a missing one stays missing.
    """
    if isinstance(getattr(y, "dtype", None), pd.CategoricalDtype):
        known = pd.Categorical(y).remove_unused_categories()
        words = [None if pd.isna(label) else str(label) for label in known]
        return np.array(words, dtype=object), list(map(str, known.categories))
    values = [as_array(value) for value in y] if isinstance(y, (list, tuple)) else as_array(y)
    if isinstance(values, list) and any(isinstance(value, str) for value in values):
        return np.asarray(values, dtype=object), None
    array = np.asarray(values)
    return (array.reshape(-1) if array.size == len(array) else array), None


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
        is_list = hasattr(value, "__len__") and hasattr(value, "__getitem__")
        check(
            is_list and not isinstance(value, Mapping),
            f"Argument `contents` must hold one entry a sample for '{modality}', but holds a {type(value).__name__}.",
        )
        result[str(modality)] = value
    return result


def _count_rows(entry: Any) -> int:
    """Return how many values an entry has, one a sample; 1 if it is a single value."""
    is_single = isinstance(entry, str) or getattr(entry, "ndim", 1) == 0
    return 1 if is_single or not hasattr(entry, "__len__") else len(entry)


def _is_words(values: Any) -> bool:
    """Whether an entry holds a string or a list of strings a sample: text to show, not features."""
    if isinstance(values, np.ndarray) and (values.dtype != object or values.ndim > 1):
        return values.dtype.kind in "US" and values.ndim == 1
    if not isinstance(values, (list, tuple, np.ndarray)) or not len(values):
        return False
    first = values[0]
    if isinstance(first, (list, tuple)) and first:
        first = first[0]
    return isinstance(first, str)


def _as_text(entry: Any) -> str:
    return " ".join(map(str, entry)) if isinstance(entry, (list, tuple)) else str(entry)


def _read_items(parts: Mapping[str, Any], description: Description) -> Raw:
    """Return the samples of Datasets by the part of the split that they are, which is empty for a single one."""
    columns: dict[str, list[Any]] = {}
    by_name = False
    classes = description.classes
    for part, items in parts.items():
        mine, by_name = _columns_of(items, description.modalities)
        if part:
            columns.setdefault("split", []).extend([part] * len(items))
        for key, values in mine.items():
            columns.setdefault(key, []).extend(values)
        classes = classes or _named_classes(items, description.target)
    described = Description(
        description.target, description.modalities, classes, description.contents
    )
    return _read_arrays(columns, described, names_given=by_name)


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
    names = getattr(items, "classes", None)
    if isinstance(features, Mapping):
        named = {str(key): getattr(value, "names", None) for key, value in features.items()}
        label = target or find_name([key for key in named if named[key]], LABEL_NAMES)
        names = named.get(label or "")
    is_list = isinstance(names, (list, tuple)) and all(isinstance(label, str) for label in names)
    return list(names) if names and is_list else None


def _split_item(item: Any, modalities: Any) -> dict[str, Any]:
    """Return the entries of one item of a Dataset, or of a tuple of arrays, by name."""
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
