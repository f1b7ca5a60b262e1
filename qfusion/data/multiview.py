"""Multi-view classification data from a file: `.mat` (cell `X`, labels `Y`, and relatives) or `.npz` (an array a view,
labels `y`).

What is accepted:

- `X` a cell, or a struct, of views; or every matrix beside the labels is a view under its own name; all of it possibly
  inside one struct. A view is N x F or F x N (told apart by the number of labels), sparse or not, or N x height x width
  [x colours].
- labels `Y`, `y`, `labels`, `label`, `gt`, `gnd`, `truelabel` or `truth`: N whole numbers, or N words. Each class is
  named by its label, and classes are in the order of their labels.

The split is random by a fixed seed, 70/30 with equal shares in every class, the validation part taken from the 70 %.
"""

import zipfile
from collections.abc import Iterator
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.data import files, spec, staged_set
from qfusion.errors import InvalidInput

SUFFIXES = (".mat", ".npz")
LABELS = ("Y", "y", "labels", "label", "gt", "gnd", "truelabel", "truth")
FEWEST = 3  # samples of a class: one in each part of the split
_LAYOUT = "Save the views as cell `X` and the labels as `Y` (.mat), or one array a view and the labels as `y` (.npz)."


def load(path: Path) -> spec.DataSet:
    """Returns the data set in a .mat or .npz file, named by the file.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it cannot be read, or views and labels do not fit together; names the view, row and column.
    """
    name = path.name
    views, y, classes, left_out = read_views(path)
    ids = spec.numbered("row", len(y))
    words = (
        f" Left out: {', '.join(left_out[:8])}{' and more' if len(left_out) > 8 else ''}."
        if left_out
        else ""
    )
    return spec.DataSet(
        name=path.stem,
        title=name,
        source=f"the file {name}",
        licence="as whoever made the file says",
        description=f"{len(y):,} samples of {len(classes)} classes in {len(views)} views, read from {name}.{words} "
        "Split by a fixed seed, 60 % to train, 10 % to validate, 30 % to test, with equal shares in every "
        "class.",
        modalities=tuple(
            spec.Modality(
                view,
                values.reshape(len(values), -1),
                None,
                staged_set.numbered(view, prod(values.shape[1:])),
                values.shape[1:] if values.ndim > 2 else None,
            )
            for view, values in views.items()
        ),
        target=spec.Target("classification", "class", None, classes),
        y=y,
        ids=ids,
        split=spec.stratified(y),
        table=pd.DataFrame({"class": [classes[label] for label in y]}, index=ids),
        content_of=partial(
            _content,
            {
                view: values
                for view, values in views.items()
                if values.ndim == 3 or (values.ndim == 4 and values.shape[-1] == 3)
            },
        ),
    )


def read_views(
    path: Path, strict: bool = True
) -> tuple[dict[str, np.ndarray], np.ndarray, tuple[str, ...], list[str]]:
    """Returns the views with samples first, (N, F) or (N, h, w[, c]), classes (N,), their names, and the names of what
    was left out.

    Args:
        path: of a .mat or .npz file.
        strict: whether values that are not finite and classes of fewer than FEWEST samples are errors.

    Raises:
        NotFound, InvalidInput: see `load`.
    """
    name = path.name
    check(
        path.suffix.lower() in SUFFIXES,
        f"File `{name}` must end in {' or '.join(SUFFIXES)}, but does not. {_LAYOUT}",
    )
    content = _opened((files.read_mat if path.suffix.lower() == ".mat" else files.read_npz)(path))
    label = next((key for key in LABELS if key in content), "")
    shown = ", ".join(list(content)[:8]) or "nothing"
    check(label != "", f"File `{name}` must hold labels `Y`, but holds {shown}. {_LAYOUT}")
    whole = content.get("X")
    if whole is not None and (whole.dtype == object or whole.dtype.names):
        views, used = _inside(whole), {"X", label}
    else:
        views = {key: value for key, value in content.items() if key != label and _is_matrix(value)}
        used = {*views, label}
    check(
        len(views) >= 2,
        f"File `{name}` must hold at least two views, as cell `X` or as matrices, but holds {len(views)} (in it: "
        f"{shown}). {_LAYOUT}",
    )
    y, classes = _classes(name, content[label], FEWEST if strict else 1)
    return (
        _views(name, views, len(y), strict),
        y,
        classes,
        [key for key in content if key not in used],
    )


def _opened(content: dict[str, Any]) -> dict[str, Any]:
    """The fields of a struct in place of the struct, when it is the only variable or the only one with labels."""
    if any(key in content for key in LABELS):
        return content
    for value in content.values():
        names = getattr(getattr(value, "dtype", None), "names", None) or ()
        if any(key in names for key in LABELS) and value.size == 1:
            return {key: value[key].ravel()[0] for key in names}
    return content


def _inside(whole: np.ndarray) -> dict[str, Any]:
    """The views in a cell or in a struct array of one field, numbered, or in a struct, by field."""
    fields = whole.dtype.names or ()
    if len(fields) > 1:
        return {key: whole[key].ravel()[0] for key in fields} if whole.size == 1 else {}
    whole = whole[fields[0]] if fields else whole
    return {f"view{number}": view for number, view in enumerate(whole.ravel(), 1)}


def _is_matrix(value: Any) -> bool:
    return (
        getattr(getattr(value, "dtype", None), "kind", "") in "biufc"
        and getattr(value, "ndim", 0) >= 2
        and min(value.shape) > 0
        and sorted(value.shape)[-2] > 1
    )


def _classes(name: str, labels: Any, fewest: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Classes 0, 1, ... (N,) and their names, from whole numbers or words in any shape with one axis."""
    flat = _flat_labels(name, labels)
    if flat.dtype.kind == "U":
        flat = np.char.strip(flat)
    else:
        check(
            flat.dtype.kind in "biuf",
            f"Labels in `{name}` must be whole numbers or words, but have type {flat.dtype}. Convert them.",
        )
        bad = ~np.isfinite(flat) | (flat != np.round(flat)) | (np.abs(flat.astype(float)) > 2**53)
        check(
            not bad.any(),
            f"Labels in `{name}` must be whole numbers, but label {bad.argmax() + 1} is {flat[bad.argmax()]}. Give the "
            "number of the class.",
        )
        flat = flat.astype(np.int64)
    known, y, counts = np.unique(flat, return_inverse=True, return_counts=True)
    check(
        len(known) >= 2,
        f"Labels in `{name}` must name at least two classes, but all are {str(known[:1].tolist())[:60]}. Add samples "
        "of another class.",
    )
    few = np.flatnonzero(counts < fewest)
    check(
        len(few) == 0,
        f"Every class in `{name}` must have at least {fewest} samples, to train, validate and test, but {len(few)} "
        f"of {len(known)} have fewer, such as class '{known[few[0]] if len(few) else ''!s:.60}'. Drop or merge rare "
        "classes.",
    )
    return y.astype(np.int64), tuple(str(label) for label in known.tolist())


def _flat_labels(name: str, labels: Any) -> np.ndarray:
    values = _dense(name, labels)
    if (
        values.dtype == object
    ):  # a cell: of words, or of the labels of each view, which are the same
        inner = [np.asarray(entry).ravel() for entry in values.ravel()]
        if inner and inner[0].size > 1:
            check(
                all(np.array_equal(entry, inner[0]) for entry in inner),
                f"Labels in `{name}` must be one list for all views, but are several that differ. Keep one.",
            )
            return inner[0]
        check(
            all(entry.size == 1 for entry in inner),
            f"Labels in `{name}` must be one a sample, but some are missing. Give all.",
        )
        values = staged_set.words_of([entry[0] for entry in inner], f"Labels in `{name}`")
    check(
        values.size > 0 and values.size == max(values.shape, default=0),
        f"Labels in `{name}` must have shape (N,), (N, 1) or (1, N), but have shape {values.shape}. Give one class "
        "number a sample; from one column a class, in MATLAB `[~, Y] = max(Y, [], 2)`.",
    )
    return values.ravel()


def _dense(name: str, values: Any) -> np.ndarray:
    """An array, also of a sparse matrix, if that does not get too large."""
    if not hasattr(values, "toarray"):
        return np.asarray(values)
    files.check_size(name, prod(values.shape) * values.dtype.itemsize)
    return values.toarray()


def _views(name: str, views: dict[str, Any], count: int, strict: bool) -> dict[str, np.ndarray]:
    """The views with samples first, (count, F) or (count, h, w[, c])."""
    shapes = {view: tuple(getattr(values, "shape", ())) for view, values in views.items()}
    for view, shape in shapes.items():
        dtype = getattr(views[view], "dtype", "?")
        check(
            getattr(dtype, "kind", "?") in "biuf",
            f"View '{view}' in `{name}` must hold real numbers, but has type {dtype}. Convert it.",
        )
        check(
            len(shape) >= 2 and count in (shape[0], shape[-1]) and min(shape) > 0,
            f"View '{view}' in `{name}` must have {count} rows like the labels, or as many columns, but has shape "
            f"{shape}; all views: {', '.join(f'{key} {value}' for key, value in list(shapes.items())[:8])}. Drop or "
            "add samples.",
        )
    files.check_size(name, sum(4 * prod(shape) for shape in shapes.values()))
    # A square view does not say which way it lies; it lies as the others do.
    lying = any(shape[0] != count for shape in shapes.values()) and not any(
        shape[-1] != count for shape in shapes.values()
    )
    return {
        view: _upright(name, view, values, count, lying, strict) for view, values in views.items()
    }


def _upright(
    name: str, view: str, values: Any, count: int, lying: bool, strict: bool
) -> np.ndarray:
    values = _dense(name, values)
    if values.shape[0] != count or (lying and values.shape[-1] == count):
        values = np.moveaxis(values, -1, 0) if values.ndim > 2 else values.T
    # what is too large for single precision becomes infinite and is then named
    values = np.ascontiguousarray(staged_set.as_single(values))
    bad = np.argwhere(~np.isfinite(values.reshape(count, -1))) if strict else np.zeros((0, 2))
    if len(bad):
        row, column = (int(i) + 1 for i in bad[0])
        raise InvalidInput(
            f"View '{view}' in `{name}` must be finite, but holds {len(bad)} entries that are NaN, infinite or beyond "
            f"single precision, the first in row {row}, column {column} (a row is a sample). Clean or impute the data."
        )
    return values[..., 0] if values.ndim > 2 and values.shape[-1] == 1 else values


def _content(pictures: dict[str, np.ndarray], row: int) -> dict[str, spec.Content]:
    return {
        view: spec.Image(
            spec.enlarged(spec.grey(values[row], float(values.min()), float(values.max())))
        )
        for view, values in pictures.items()
        if values.max() > values.min()
    }


# Multi-view files on their way in: `.mat` and `.npz` as `multiview` reads them; `.npz` beyond memory in pieces.
#
# A `.npz` whose arrays lie as they are to be kept (a row a sample, in C order, as NumPy saves them) is read in pieces.
# Beside the views it may hold `ids`, `split`, `<view>_lengths` for sequences (N, T, F), and `y` of numbers for a
# regression.

OWN = ("ids", "split")
NAMES = "label_names"  # of the columns of labels, where a sample may have several


def read(path: Path, folder: Path, target: str = "auto") -> staged_set.StagedSet:
    """Returns what a multi-view file holds, its arrays written to `folder`.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it cannot be read, or views and labels do not fit together.
    """
    files.size_of(path)
    headers = files.npz_headers(path) if path.suffix.lower() == ".npz" else {}
    if target == "labels" or _in_pieces(headers):
        check(
            _in_pieces(headers, target == "labels"),
            f"File `{path.name}` must be an .npz of one array a view, a row a sample, and `y` (N, L) of 0 and 1 for "
            "--target labels. Write it so.",
        )
        return _Stream(path, headers, folder, target == "labels").staged(target)
    check(
        target != "regression",
        f"File `{path.name}` is read for classification. For a regression give an .npz of one array a view, a "
        "row a sample, and numbers `y`.",
    )
    views, y, classes, left_out = read_views(path, strict=False)
    reading = staged_set.Reading(folder)
    parts = [
        reading.part(
            staged_set.modality_name(view),
            (len(values), prod(values.shape[1:])),
            files.pieces(values.reshape(len(values), -1)),
            staged_set.numbered(view, prod(values.shape[1:])),
            picture=values.shape[1:] if values.ndim > 2 else None,
        )
        for view, values in views.items()
    ]
    reading.say_left_out(left_out, "view nor label")
    return staged_set.StagedSet(
        y,
        classes,
        folder=folder,
        title=path.name,
        kind=f"multi-view {path.suffix.lower()} file",
        parts=parts,
        ids=spec.numbered("row", len(y)),
        split=np.full(len(y), "", dtype="<U5"),
        target="class",
        findings=reading.findings,
    )


def _in_pieces(headers: dict[str, files.Header], several: bool = False) -> bool:
    """Whether all arrays lie as they are to be kept: a row a sample, in C order; labels a column each, if `several`."""
    label = next((key for key in LABELS if key in headers), "")
    if not label or (several and len(headers[label][0]) != 2):
        return False
    count = headers[label][0][0] if several else prod(headers[label][0])
    views = [header for key, header in headers.items() if key != label and len(header[0]) >= 2]
    return (
        bool(views)
        and count > 0
        and all(
            not fortran and shape[0] == count and kind.kind in "biuf" and min(shape) > 0
            for shape, fortran, kind in views
        )
    )


class _Stream(staged_set.Reading):
    """Reads an .npz file in pieces."""

    def __init__(self, path: Path, headers: dict[str, files.Header], folder: Path, several: bool):
        super().__init__(folder)
        self.path, self.headers = path, headers
        self.label = next(key for key in LABELS if key in headers)
        self.count = headers[self.label][0][0] if several else prod(headers[self.label][0])

    def staged(self, target: str) -> staged_set.StagedSet:
        """The set."""
        views = [
            key
            for key, (shape, _, _) in self.headers.items()
            if key != self.label and len(shape) >= 2
        ]
        parts = [self._modality(view) for view in views]
        used = {self.label, NAMES, *views, *OWN, *(f"{view}_lengths" for view in views)}
        self.say_left_out([key for key in self.headers if key not in used], "view nor label")
        targets = self._label_sets() if target == "labels" else self._targets(target)
        return staged_set.StagedSet(
            folder=self.folder,
            title=self.path.name,
            kind="multi-view .npz file",
            parts=parts,
            ids=self._text("ids") if "ids" in self.headers else spec.numbered("row", self.count),
            split=staged_set.split_of(
                self._text("split") if "split" in self.headers else [""] * self.count,
                f"Array `split` in `{self.path.name}`",
            ),
            target="labels" if targets.labels else "class" if targets.classes else "score",
            findings=self.findings,
            **vars(targets),
        )

    def _whole(self, key: str) -> np.ndarray:
        return files.read_npz(self.path, [key])[key]

    def _text(self, key: str) -> np.ndarray:
        entries = self._whole(key).ravel()
        check(
            len(entries) == self.count,
            f"Array `{key}` in `{self.path.name}` must hold one entry for each of the {self.count} labels, but "
            f"holds {len(entries)}. Correct it.",
        )
        return staged_set.words_of(
            [staged_set.clean(word) for word in entries.tolist()],
            f"Words of `{key}` in `{self.path.name}`",
        )

    def _label_sets(self) -> staged_set.Targets:
        """Of an array (N, L) of 0 and 1, and the names of its columns."""
        given = self._whole(self.label)
        check(
            given.dtype.kind in "biuf"
            and given.shape[1] <= staged_set.MAX_LABELS
            and bool(np.isin(given, (0, 1)).all()),
            f"Array `{self.label}` in `{self.path.name}` must hold 0 and 1, a column for each of at most "
            f"{staged_set.MAX_LABELS} labels, but does not. Correct it.",
        )
        names = (
            [staged_set.clean(word).strip() for word in self._whole(NAMES).ravel().tolist()]
            if NAMES in self.headers
            else list(staged_set.numbered("label", given.shape[1]))
        )
        check(
            len(names) == given.shape[1] == len(set(names)),
            f"Array `{NAMES}` in `{self.path.name}` must name each of the {given.shape[1]} columns of "
            f"`{self.label}` once, but holds {len(names)}. Correct it.",
        )
        self.say("labels", f"A sample may have several of {len(names)} labels.")
        return staged_set.label_sets(
            [[names[i] for i in np.flatnonzero(row)] for row in given], names
        )

    def _targets(self, target: str) -> staged_set.Targets:
        labels = self._whole(self.label).ravel()
        known = labels[np.isfinite(labels)] if labels.dtype.kind == "f" else np.zeros(0)
        if target == "regression" or (target == "auto" and bool((known != np.round(known)).any())):
            check(
                labels.dtype.kind in "biuf",
                f"Labels in `{self.path.name}` must be numbers for a regression, but are {labels.dtype}. "
                "Import it for classification.",
            )
            return staged_set.Targets(labels.astype(np.float64))
        if labels.dtype.kind in "US":
            self.say("classes", "Labels are words, taken for the names of classes.")
            return staged_set.Targets(
                *staged_set.classes_of(
                    [word.strip() or None for word in self._text(self.label).tolist()]
                )
            )
        return staged_set.Targets(*staged_set.classes_of(labels))

    def _modality(self, view: str) -> staged_set.Part:
        shape, _, kind = self.headers[view]
        name, lengths = staged_set.modality_name(view), None
        if f"{view}_lengths" in self.headers and len(shape) == 3:
            lengths = self._whole(f"{view}_lengths").astype(np.int64).ravel()
            check(
                lengths.shape == (self.count,)
                and bool(((lengths >= 1) & (lengths <= shape[1])).all()),
                f"Array `{view}_lengths` in `{self.path.name}` must hold a number in 1..{shape[1]} a sample, but "
                "does not. Correct it.",
            )
        row = shape[1:] if lengths is not None else (prod(shape[1:]),)
        part = self.part(
            name,
            (shape[0], *row),
            self._pieces(view, shape, kind, row, lengths),
            staged_set.numbered(view, row[-1]),
            lengths,
            picture=shape[1:] if lengths is None and len(shape) > 2 else None,
        )
        if lengths is not None:
            self.say(
                "sequences",
                f"Sequences of {lengths.min()} to {lengths.max()} steps. What lies beyond a "
                "sample's length is padding and set to zero.",
                where=name,
            )
        return part

    def _pieces(
        self,
        view: str,
        shape: tuple[int, ...],
        kind: np.dtype,
        row: tuple[int, ...],
        lengths: np.ndarray | None,
    ) -> Iterator[np.ndarray]:
        rows, size = files.rows_at_once(shape, kind.itemsize), kind.itemsize * prod(shape[1:])
        with (
            files.misread(
                f"Array `{view}` in `{self.path.name}` cannot be read to its end",
                "Copy the file again.",
                *(ValueError, zipfile.BadZipFile, EOFError),
                why="{kind}",
            ),
            zipfile.ZipFile(self.path) as archive,
            archive.open(f"{view}.npy") as stream,
        ):
            files.check_header(
                stream, self.headers[view][2].itemsize * prod(shape), f"Array `{view}`"
            )
            for start in range(0, shape[0], rows):
                count = min(rows, shape[0] - start)
                values = np.frombuffer(stream.read(count * size), kind).reshape(count, *row)
                if lengths is not None:
                    real = np.arange(row[0]) < lengths[start : start + count, None]
                    values = np.where(real[..., None], values, 0)
                yield values if kind.kind == "f" else values.astype(np.float32)
