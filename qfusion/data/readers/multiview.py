"""Multi-view classification data from a file: `.mat` (cell `X`, labels `Y`) or `.npz` (an array a view, labels `y`).

What is accepted without a word:

- a cell, or a struct, called as in `multiview_variables.CONTAINERS`, whose entries are the views; or else every matrix
  of numbers beside the labels is a view under its own name. A view is N x F or F x N (told apart by the number of
  labels), sparse or not, or N x height x width [x colours].
- labels called as in `column_names.LABEL_NAMES`: N whole numbers, N words, or a column a class. Each class is named by
  its label, or the number of its column, and classes are in that order.

Anything else is named by the caller. A `.npz` file may also hold `ids`, `split`, `<view>_lengths` or `<view>_mask` for
sequences (N, T, F), and `y` of numbers for a regression.
"""

from collections.abc import Mapping
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from qfusion._checks import check
from qfusion.data import array_chunks
from qfusion.data.array_chunks import find_padded_lengths, numbered_ids
from qfusion.data.column_roles import ColumnChoice
from qfusion.data.parsing import clean_text, make_modality_name, numbered_features, word_array
from qfusion.data.raw import Chunks, Raw, RawModality
from qfusion.data.readers import FileFormat
from qfusion.data.readers.multiview_variables import MultiviewFile, has_samples, is_npz
from qfusion.data.readers.session_features import step_lengths
from qfusion.data.readers.variables import Variable

OWN = ("ids", "split")
STEPS = ("lengths", "mask")  # of sequences, as VIEW_lengths (N,) or VIEW_mask (N, T)
NAMES = "label_names"  # of the columns of labels, where a sample may have several


def read_multiview(path: Path, target: str = "auto", choice: ColumnChoice | None = None) -> Raw:
    """Return the samples of a multi-view file.

    Args:
        path: of the file.
        target: "auto", "regression", "classification" or "labels".
        choice: variables of the labels, the ids, the split and the views; what is left open is found by its name.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it cannot be read, views and labels do not fit together, or it is not clear which variables
            they are.
    """
    choice = choice or ColumnChoice()
    content = MultiviewFile(path)
    label = choice.label or content.find_label(target == "labels")
    own = _known_addresses(content, choice)
    labels = _read_labels(path.name, content.variable(label, "--label").whole(), target == "labels")
    count = len(labels)
    views = _find_views(content, choice, count, [label, *own.values()])
    split = _read_text(content, own, "split", count)
    ids = _read_text(content, own, "ids", count)
    raw = Raw(
        title=path.name,
        kind=f"multi-view {path.suffix.lower()} file",
        modalities=[],
        ids=numbered_ids("sample", count) if ids is None else ids,
        labels=labels,
        label_names=_read_label_names(content, own),
        label=label,
        # whole numbers are classes, however many
        is_class=None if _has_fractions(labels) else True,
        split=split,
        split_name=f"Array `split` in `{path.name}`",
        target="score",
    )
    raw.modalities = [_read_view(raw, content, own, name, view) for name, view in views.items()]
    _note_left_out(raw, content, [label, *own.values()], views)
    return raw


FORMAT = FileFormat("multi-view .mat or .npz", (".mat", ".npz"), read_multiview, has_columns=True)


def _known_addresses(content: MultiviewFile, choice: ColumnChoice) -> dict[str, str]:
    """Return addresses of ids, split, lengths of sequences and names of labels, by what they are."""
    known = {}
    entries = content.entries if is_npz(content.path) else {}
    steps = {
        f"{name}_{ending}"
        for name, variable in entries.items()
        for ending in STEPS
        if ending == "lengths" or len(variable.shape) == 3
    }
    for name in entries:
        if name.lower() in (*OWN, NAMES):
            known[name.lower()] = name
        elif name in steps:
            known[name] = name
    chosen = {
        "ids": None if choice.ids is None else ", ".join(choice.ids),
        "split": choice.split,
    }
    for key, address in chosen.items():
        if address:
            content.variable(address, f"--{key.removesuffix('s')}")
            known[key] = address
        elif address is not None:
            known.pop(key, None)
    return known


def _read_labels(file: str, values: np.ndarray, several: bool) -> np.ndarray:
    """Return labels (N,), or a matrix (N, L) of 0 and 1.

    They may be (N, 1) or (1, N), a cell of words, or a cell of the labels of each view, which are the same.
    """
    what = f"Labels in `{file}`"
    if values.dtype == object:
        inner = [np.asarray(entry).ravel() for entry in values.ravel()]
        if inner and inner[0].size > 1:
            check(
                all(np.array_equal(entry, inner[0]) for entry in inner),
                f"{what} must be one list for all views, but are several that differ. Keep one.",
            )
            return inner[0]
        check(
            all(entry.size == 1 for entry in inner),
            f"{what} must be one a sample, but some are missing. Give all.",
        )
        values = word_array([entry[0] for entry in inner], what)
    is_matrix = values.ndim == 2 and min(values.shape) > 1
    check(
        values.dtype.kind in "biufUS",
        f"{what} must be numbers or words, but have type {values.dtype}. Convert them.",
    )
    if is_matrix and values.dtype.kind in "biuf":
        # a column a class; several labels a sample have a row a sample
        return values if several or len(values) >= values.shape[1] else values.T
    check(
        values.size > 0 and values.size == max(values.shape, default=0),
        f"{what} must have shape (N,), (N, 1) or (1, N), but have shape {values.shape}. Give one label a sample.",
    )
    flat = values.ravel()
    if flat.dtype.kind in "US":
        return word_array([clean_text(word).rstrip() for word in flat.tolist()], what)
    return flat


def _has_fractions(labels: np.ndarray) -> bool:
    """Whether labels are numbers of which some are not whole."""
    if labels.dtype.kind != "f":
        return False
    known = labels[np.isfinite(labels)]
    return bool((known != np.round(known)).any())


def _read_label_names(content: MultiviewFile, own: Mapping[str, str]) -> list[str]:
    if NAMES not in own:
        return []
    words = content.variable(own[NAMES], NAMES).whole()
    return [clean_text(word).strip() for word in words.ravel().tolist()]


def _read_text(
    content: MultiviewFile, own: Mapping[str, str], key: str, count: int
) -> np.ndarray | None:
    """Return the ids or the parts of the split (N,); None if the file has none."""
    if key not in own:
        return None
    file = content.path.name
    entries = np.asarray(content.variable(own[key], key).whole()).ravel()
    if entries.dtype == object:
        entries = np.array([np.asarray(entry).ravel()[0] for entry in entries])
    check(
        len(entries) == count,
        f"Array `{key}` in `{file}` must hold one entry for each of the {count} labels, but holds {len(entries)}. "
        "Correct it.",
    )
    words = [clean_text(word).rstrip() for word in entries.tolist()]
    return word_array(words, f"Words of `{key}` in `{file}`")


def _find_views(
    content: MultiviewFile, choice: ColumnChoice, count: int, taken: list[str]
) -> dict[str, Variable]:
    """Return the views by name, each of real numbers with a row or column per sample."""
    chosen = choice.modalities
    if chosen is None:
        views = content.find_views(count, taken)
    else:
        views = {name: content.variable(address, "--view") for name, address in chosen}
    fewest = 1 if is_npz(content.path) or chosen else 2
    if len(views) < fewest:
        raise content.refusal(
            f"It must hold at least {'two views' if fewest == 2 else 'one view'}, with a row or column for each of "
            f"the {count} labels, but holds {len(views)}."
        )
    file = content.path.name
    shapes = ", ".join(f"{key} {one.shape}" for key, one in list(views.items())[:8])
    for name, view in views.items():
        check(
            view.dtype.kind in "biuf",
            f"View '{name}' in `{file}` must hold real numbers, but has type {view.dtype}. Convert it.",
        )
        check(
            has_samples(view.shape, count),
            f"View '{name}' in `{file}` must have {count} rows like the labels, or as many columns, but has shape "
            f"{view.shape}; all views: {shapes}. Drop or add samples.",
        )
    return views


def _note_left_out(
    raw: Raw, content: MultiviewFile, taken: list[str], views: Mapping[str, Variable]
) -> None:
    steps = {f"{name}_{ending}" for name in views for ending in STEPS}
    known = [name for name in taken if not name.endswith(STEPS) or name in steps]
    unused = content.left_out([*known, *(view.name for view in views.values())])
    if unused:
        shapes = [content.entries[name].shape for name in unused]
        raw.note(
            "left-out",
            f"Left out of `{raw.title}`: {content.shown(unused)}. Name views with --view NAME=VARIABLE.",
            "warning" if any(has_samples(shape, len(raw.ids)) for shape in shapes) else "note",
        )


def _read_view(
    raw: Raw, content: MultiviewFile, own: Mapping[str, str], view: str, variable: Variable
) -> RawModality:
    """Return one view as a modality."""
    is_last = variable.shape[0] != len(raw.ids)
    name = make_modality_name(view)
    shape = variable.shape[-1:] + variable.shape[:-1] if is_last else variable.shape
    lengths = _find_lengths(content, own, view, shape)
    is_padded = lengths is None and _may_be_padded(variable, shape)
    if is_padded:
        lengths = find_padded_lengths(lambda: variable.samples(is_last))
    if lengths is not None:
        padding = "Steps beyond a sample's length are padding and set to zero."
        if is_padded:
            padding = "Steps of zeros at the end count as padding."
        steps = f"Sequences of {lengths.min()} to {lengths.max()} steps."
        raw.note("sequences", f"{steps} {padding}", where=name)
    elif is_padded:
        raw.note(
            "pictures",
            f"Read as pictures of {shape[1]} x {shape[2]}. If these are steps of sequences, say how many are real in "
            f"`{view}_lengths` or `{view}_mask` of a .npz.",
            where=name,
        )
    row = shape[1:] if lengths is not None else (prod(shape[1:]),)
    picture = shape[1:-1] if shape[-1] == 1 else shape[1:]
    return RawModality(
        name,
        (shape[0], *row),
        partial(_rows, variable, is_last, row, lengths),
        numbered_features(view, row[-1]),
        lengths,
        picture if lengths is None and len(picture) > 1 else None,
    )


def _find_lengths(
    content: MultiviewFile, own: Mapping[str, str], view: str, shape: tuple[int, ...]
) -> np.ndarray | None:
    """Return the number of steps of each sample of a view; None if the file does not say it."""
    key = next((f"{view}_{ending}" for ending in STEPS if f"{view}_{ending}" in own), "")
    if not key or len(shape) != 3:
        return None
    steps: Any = content.variable(own[key], key).whole()
    return step_lengths(view, steps if steps.shape == shape[:2] else steps.ravel(), shape[:2])


def _may_be_padded(variable: Variable, shape: tuple[int, ...]) -> bool:
    """Whether a view may consist of sequences (N, T, F) padded with zeros. A view of whole numbers consists of
    pictures.
    """
    return variable.dtype.kind == "f" and len(shape) == 3 and shape[1] > 1 and shape[2] > 1


def _rows(
    variable: Variable, is_last: bool, row: tuple[int, ...], lengths: np.ndarray | None
) -> Chunks:
    """Yield the rows of a view in chunks (n, *row); zero beyond `lengths`."""
    for start, chunk in array_chunks.enumerate_chunks(variable.samples(is_last)):
        values = chunk.reshape(len(chunk), *row)
        here = slice(start, start + len(chunk))
        if lengths is not None:
            real = np.arange(row[0]) < lengths[here, None]
            values = np.where(real[..., None], values, 0)
        yield here, values
