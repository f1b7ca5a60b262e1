"""Multi-view classification data from a file: `.mat` (cell `X`, labels `Y`, and relatives) or `.npz` (an array a view,
labels `y`).

What is accepted:

- A cell, or a struct, of views, whatever its name; or every matrix beside the labels is a view under its own name; all
  of it possibly inside one struct. A view is N x F or F x N (told apart by the number of labels), sparse or not, or
  N x height x width [x colours]. What is no view says `layout`.
- labels called as in `class_labels.NAMES`, in any capitals: N whole numbers, N words, or a column a class. Each class
  is named by its label, or the number of its column, and classes are in that order.

A `.npz` file may also hold `ids`, `split`, `<view>_lengths` for sequences (N, T, F), and `y` of numbers for a
regression. Without `split` the split is random by a fixed seed, 70/30 with equal shares in every class, the validation
part taken from the 70 %.
"""

import tempfile
from collections.abc import Iterator
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.data import (
    class_labels,
    files,
    foreign_files,
    layout as layout_of,
    set_digest,
    variables,
)
from qfusion.data.arrays import numbered_ids
from qfusion.data.data_set import DataSet
from qfusion.data.file_words import (
    clean_text,
    make_modality_name,
    numbered_features,
    parse_split,
    word_array,
)
from qfusion.data.import_report import build_report
from qfusion.data.modality_spec import Modality
from qfusion.data.padding import find_padded_lengths
from qfusion.data.picture_arrays import enlarge, grey_levels
from qfusion.data.random_split import draw_split
from qfusion.data.sample_content import Content, Image
from qfusion.data.set_reader import SetReader
from qfusion.data.staged_set import Part, StagedSet
from qfusion.data.target_classes import MAX_LABELS, Targets, encode_classes, encode_label_sets
from qfusion.data.variables import Variable
from qfusion.errors import InvalidInput

SUFFIXES = (".mat", ".npz")
FEWEST = 3  # samples of a class: one in each part of the split


def load(path: Path) -> DataSet:
    """Returns the data set in a .mat or .npz file, named by the file, as an import reads it.

    A file that says no split is split by a fixed seed, see `row_splits.stratified_split`.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it cannot be read, or views and labels do not fit together; names the view, row and column.
            Also when an import would ask for repairs.
    """
    check(
        path.suffix.lower() in SUFFIXES,
        f"File `{path.name}` must end in {' or '.join(SUFFIXES)}, but does not. {_layout_of(path)}",
    )
    with tempfile.TemporaryDirectory(prefix="qfusion-") as folder:
        staged = _Import(path, Path(folder), "auto", held=True).staged()
        _check_finite(staged)
        how = "split as the file says"
        if not (staged.split != "").any():
            _check_large_classes(staged)
            staged.split, how = draw_split(staged)
            how = f"split at random: {how}, with equal shares in every class"
        build_report(staged).require_no_errors(
            f"`{staged.title}` cannot be used as it is",
            "Import it with `data import` to see and repair everything.",
        )
        return _data_set(path, staged, how)


def _check_finite(staged: StagedSet) -> None:
    """Names the first value of a view that is not finite."""
    for part in staged.parts:
        values = np.load(part.path, mmap_mode="r", allow_pickle=False).reshape(len(staged), -1)
        bad = np.argwhere(~np.isfinite(values))
        if len(bad):
            row, column = (int(place) + 1 for place in bad[0])
            raise InvalidInput(
                f"View '{part.name}' in `{staged.title}` must be finite, but holds {len(bad)} entries that are NaN, "
                f"infinite or beyond single precision, the first in row {row}, column {column} (a row is a sample). "
                "Clean or impute the data, or repair it with `data import`."
            )


def _check_large_classes(staged: StagedSet) -> None:
    """Checks that every class has a sample for each part of a split."""
    if not staged.classes:
        return
    counts = np.bincount(staged.y[staged.y >= 0], minlength=len(staged.classes))
    few = np.flatnonzero(counts < FEWEST)
    check(
        len(few) == 0,
        f"Every class in `{staged.title}` must have at least {FEWEST} samples, to train, validate and test, but "
        f"{len(few)} of {len(counts)} have fewer, such as class '{staged.classes[few[0]] if len(few) else '':.60}'. "
        "Drop or merge rare classes.",
    )


def _data_set(path: Path, staged: StagedSet, how: str) -> DataSet:
    """The data set of a file; its arrays are held in memory.

    Args:
        how: it was split, in words.
    """
    values = {part.name: np.load(part.path, allow_pickle=False) for part in staged.parts}
    left_out = [
        finding.words
        for finding in staged.findings
        if finding.code in ("left-out", "no-view", "precision")
    ]
    what = f"{len(staged.classes)} classes" if staged.classes else "scores"
    pictures = {
        part.name: values[part.name].reshape(-1, *part.picture)
        for part in staged.parts
        if part.picture is not None
        and (len(part.picture) == 2 or (len(part.picture) == 3 and part.picture[-1] == 3))
    }
    return DataSet(
        name=path.stem,
        title=path.name,
        source=f"the file {path.name}",
        licence="as whoever made the file says",
        description=" ".join(
            [
                f"{len(staged):,} samples of {what} in {len(staged.parts)} views, read from {path.name}, {how}.",
                *left_out,
            ]
        ),
        modalities=tuple(
            Modality(
                part.name,
                values[part.name],
                part.lengths,
                part.feature_names,
                part.picture,
            )
            for part in staged.parts
        ),
        target=staged.as_target(),
        y=staged.y,
        ids=staged.ids,
        split=staged.split,
        table=_table(staged),
        content_of=partial(_content, pictures),
    )


def _table(staged: StagedSet) -> pd.DataFrame:
    """What is shown of each sample beside its features: its class."""
    index = pd.Index(staged.ids)
    if not staged.classes:
        return pd.DataFrame(index=index)
    return pd.DataFrame({"class": [staged.classes[label] for label in staged.y]}, index=index)


def _is_npz(path: Path) -> bool:
    return path.suffix.lower() == ".npz"


def _layout_of(path: Path) -> str:
    """How a file of that ending should be laid out."""
    if _is_npz(path):
        return "Save one array a view, a row a sample, and the labels as `y`."
    return "Save the views as cell `X` and the labels as `Y`."


class _Content:
    """The variables of a file, and its labels.

    Attributes:
        names: of all variables.
        variables: arrays by name, containers: the entries of cells and structs by name; both without the labels.
        label: name of the labels.
    """

    def __init__(self, path: Path, several: bool = False):
        """Reads a file; `several`: whether a sample may have several labels, so that they are a matrix."""
        self.path = path
        content = _content_of(path)
        self.names = list(content)
        self.label = _label_of(path.name, content, several)
        shown = ", ".join(self.names[:8]) or "nothing"
        check(
            self.label != "" or not several,
            f"File `{path.name}` must hold `y` (N, L) of 0 and 1, a column a label, for --target labels, but holds "
            f"{shown}. Write it so.",
        )
        check(
            self.label != "",
            f"File `{path.name}` must hold labels `Y`, but holds {shown}. {_layout_of(path)}",
        )
        self.given = content.pop(self.label)
        self.variables: dict[str, Variable] = {}
        self.containers: dict[str, dict[str, Variable]] = {}
        for name, value in content.items():
            entries = _entries(value)
            if entries is None:
                self.variables[name] = _variable(path.name, name, value)
            else:
                self.containers[name] = {
                    key: _variable(path.name, key, entry) for key, entry in entries.items()
                }

    @property
    def shape_of_labels(self) -> tuple[int, ...]:
        """The shape that the labels have in the file."""
        return tuple(self.given.shape)

    def labels(self, several: bool = False) -> np.ndarray:
        """Labels (N,), or (N, L) where a sample may have several."""
        what = f"Labels in `{self.path.name}`"
        values = _variable(self.path.name, self.label, self.given).whole()
        if several:
            return values
        remedy = "Give one label a sample, or import the set with --target labels if it may have several."
        return class_labels.flat(what, values, remedy)

    def arranged(self, codes: np.ndarray) -> layout_of.Layout:
        """Which variable is what, for targets (N,)."""
        layout = layout_of.arrange(
            self.path.name,
            self.label,
            codes,
            self.variables,
            self.containers,
            columns=_is_npz(self.path),
        )
        place = {name: at for at, name in enumerate(self.names)}
        layout.left_out.sort(key=lambda entry: place.get(entry.name, 0))
        return layout


def _content_of(path: Path) -> dict[str, Any]:
    """The variables of a file by name: of a .npz file each a `Variable`, else as `read_mat` gives them."""
    if _is_npz(path):
        return dict(variables.of_npz(path))
    return _opened(foreign_files.read_mat(path))


def _variable(file: str, name: str, value: Any) -> Variable:
    return value if isinstance(value, Variable) else variables.in_memory(file, name, value)


def _opened(content: dict[str, Any]) -> dict[str, Any]:
    """The fields of a struct in place of the struct, when it is the only variable with labels."""
    if class_labels.among(list(content)):
        return content
    for value in content.values():
        names = getattr(getattr(value, "dtype", None), "names", None) or ()
        if class_labels.among(list(names)) and value.size == 1:
            return {key: value[key].ravel()[0] for key in names}
    return content


def _entries(value: Any) -> dict[str, Any] | None:
    """What lies in a cell or in a struct array of one field, numbered, or in a struct, by field; None for an array."""
    if not (value.dtype == object or value.dtype.names):
        return None
    fields = value.dtype.names or ()
    if len(fields) > 1:
        return {key: value[key].ravel()[0] for key in fields} if value.size == 1 else {}
    cells = value[fields[0]] if fields else value
    inner = cells.ravel()
    if len(inner) == 1 and getattr(inner[0], "dtype", np.dtype(float)).hasobject:
        inner = inner[0].ravel()  # a cell whose only entry is the cell of the views
    return {f"view{number}": view for number, view in enumerate(inner, 1)}


def _label_of(file: str, content: dict[str, Any], several: bool) -> str:
    """The name of the labels; empty where there are none."""
    if several:
        known = class_labels.among(list(content))
        return next((name for name in known if len(content[name].shape) == 2), "")
    matrices = [
        tuple(entry.shape)
        for name, value in content.items()
        for entry in (_entries(value) or {name: value}).values()
        if hasattr(entry, "shape") and prod(entry.shape) > max(entry.shape, default=0)
    ]

    def fits(count: int) -> bool:
        return any(layout_of.has_samples(shape, count) for shape in matrices)

    lengths = {name: _label_count(value) for name, value in content.items()}
    return layout_of.label_of(list(content), lengths, fits)


def _label_count(value: Any) -> int:
    """How many labels a variable may hold: the length of a list, or of a cell of words or lists; 0 of anything else."""
    longest = max(value.shape, default=0)
    if value.dtype == object:
        first = np.asarray(value.ravel()[0]) if prod(value.shape) else np.zeros(0)
        return first.size if first.size > 1 else prod(value.shape)
    is_list = not value.dtype.names and prod(value.shape) == longest
    return longest if is_list else 0


def _check_views(layout: layout_of.Layout, fewest: int, names: list[str]) -> None:
    """Checks that there are enough views, of real numbers, each with a row or column per sample."""
    shapes = {name: variable.shape for name, variable in layout.views.items()}
    shown = ", ".join(names[:8]) or "nothing"
    left = "".join(
        f" `{variable.name}` {variable.why}." for variable in layout.left_out[:8] if variable.why
    )
    path = Path(layout.file)
    how = "an array each" if _is_npz(path) else "as cell `X` or as matrices"
    check(
        len(shapes) >= fewest,
        f"File `{layout.file}` must hold at least {'two views' if fewest == 2 else 'one view'}, {how}, but holds "
        f"{len(shapes)} (in it: {shown}).{left} {_layout_of(path)}",
    )
    for view, shape in shapes.items():
        dtype = layout.views[view].dtype
        check(
            dtype.kind in "biuf",
            f"View '{view}' in `{layout.file}` must hold real numbers, but has type {dtype}. Convert it.",
        )
        check(
            layout_of.has_samples(shape, layout.count),
            f"View '{view}' in `{layout.file}` must have {layout.count} rows like the labels, or as many columns, but "
            f"has shape {shape}; all views: {', '.join(f'{key} {value}' for key, value in list(shapes.items())[:8])}. "
            "Drop or add samples.",
        )


def _content(pictures: dict[str, np.ndarray], row: int) -> dict[str, Content]:
    return {
        view: Image(enlarge(grey_levels(values[row], float(values.min()), float(values.max()))))
        for view, values in pictures.items()
        if values.max() > values.min()
    }


# Multi-view files on their way in, in pieces where the file holds the rows one after the other.

OWN = ("ids", "split")
NAMES = "label_names"  # of the columns of labels, where a sample may have several


def read(path: Path, folder: Path, target: str = "auto") -> StagedSet:
    """Returns what a multi-view file holds, its arrays written to `folder`.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it cannot be read, or views and labels do not fit together.
    """
    return _Import(path, folder, target).staged()


class _Import(SetReader):
    """Reads one file on its way in."""

    def __init__(self, path: Path, folder: Path, target: str, held: bool = False):
        """Opens a file; `held`: whether its arrays will be held in memory, so that their size is bounded."""
        super().__init__(folder)
        self.path, self.target, self.held = path, target, held
        self.content = _Content(path, several=target == "labels")
        self.own = self._take_own()

    def _take_own(self) -> dict[str, Variable]:
        """Takes out of the variables of a .npz file what is known by its name: ids, split, lengths, names of labels."""
        if not _is_npz(self.path):
            return {}
        known = {*OWN, NAMES}
        lengths = {f"{name}_lengths" for name in self.content.variables}
        return {
            name.lower() if name.lower() in known else name: self.content.variables.pop(name)
            for name in list(self.content.variables)
            if name.lower() in known or name in lengths
        }

    def staged(self) -> StagedSet:
        """The set."""
        targets = self._label_sets() if self.target == "labels" else self._targets()
        layout = self.content.arranged(targets.y)
        _check_views(layout, 1 if _is_npz(self.path) else 2, self.content.names)
        if self.held:
            values = sum(prod(view.shape) for view in layout.views.values())
            files.check_size(self.path.name, 4 * values)
        parts = [self._modality(layout, place, name) for place, name in enumerate(layout.views)]
        self._say_left_out(layout)
        count = len(targets.y)
        return StagedSet(
            folder=self.folder,
            title=self.path.name,
            kind=f"multi-view {self.path.suffix.lower()} file",
            parts=parts,
            ids=self._text("ids", count) if "ids" in self.own else numbered_ids("row", count),
            split=parse_split(
                self._text("split", count) if "split" in self.own else [""] * count,
                f"Array `split` in `{self.path.name}`",
            ),
            target="labels" if targets.labels else "class" if targets.classes else "score",
            findings=self.findings,
            **vars(targets),
        )

    def _say_left_out(self, layout: layout_of.Layout) -> None:
        names = [f"{name}_lengths" for name in layout.views]
        unused = [name for name in self.own if name not in (*OWN, NAMES, *names)]
        plain = [variable.name for variable in layout.left_out if not variable.why]
        self.note_left_out([*plain, *unused], "view nor label")
        if layout.only_graphs:
            self.add_finding(
                "graphs",
                "Every matrix relates the samples to each other, as graphs and kernels do. They are taken for views.",
                "warning",
            )
        for variable in layout.left_out:
            if variable.why:
                remedy = f" {variable.remedy}" if variable.loses else ""
                self.add_finding(
                    "no-view",
                    f"`{variable.name}` {variable.why}, so it is left out.{remedy}",
                    "warning" if variable.loses else "note",
                )

    def _text(self, key: str, count: int) -> np.ndarray:
        entries = self.own[key].whole().ravel()
        check(
            len(entries) == count,
            f"Array `{key}` in `{self.path.name}` must hold one entry for each of the {count} labels, but "
            f"holds {len(entries)}. Correct it.",
        )
        return self._words(key, entries)

    def _words(self, key: str, entries: np.ndarray) -> np.ndarray:
        return word_array(
            [clean_text(word) for word in entries.tolist()],
            f"Words of `{key}` in `{self.path.name}`",
        )

    def _label_sets(self) -> Targets:
        """Of an array (N, L) of 0 and 1, and the names of its columns."""
        given, name = self.content.labels(several=True), self.content.label
        check(
            given.dtype.kind in "biuf"
            and given.shape[1] <= MAX_LABELS
            and bool(np.isin(given, (0, 1)).all()),
            f"Array `{name}` in `{self.path.name}` must hold 0 and 1, a column for each of at most "
            f"{MAX_LABELS} labels, but does not. Correct it.",
        )
        names = (
            [clean_text(word).strip() for word in self.own[NAMES].whole().ravel().tolist()]
            if NAMES in self.own
            else list(numbered_features("label", given.shape[1]))
        )
        check(
            len(names) == given.shape[1] == len(set(names)),
            f"Array `{NAMES}` in `{self.path.name}` must name each of the {given.shape[1]} columns of "
            f"`{name}` once, but holds {len(names)}. Correct it.",
        )
        self.add_finding("labels", f"A sample may have several of {len(names)} labels.")
        return encode_label_sets([[names[i] for i in np.flatnonzero(row)] for row in given], names)

    def _targets(self) -> Targets:
        labels = self.content.labels()
        known = labels[np.isfinite(labels)] if labels.dtype.kind == "f" else np.zeros(0)
        fractions = bool((known != np.round(known)).any())
        if self.target == "regression" or (self.target == "auto" and fractions):
            check(
                labels.dtype.kind in "biuf",
                f"Labels in `{self.path.name}` must be numbers for a regression, but are {labels.dtype}. "
                "Import it for classification.",
            )
            return Targets(labels.astype(np.float64))
        if labels.dtype.kind in "US":
            self.add_finding("classes", "Labels are words, taken for the names of classes.")
            words = [word.strip() or None for word in self._words(self.content.label, labels)]
            return Targets(*encode_classes(words))
        check(
            labels.dtype.kind in "biuf",
            f"Labels in `{self.path.name}` must be numbers or words, but have type {labels.dtype}. Convert them.",
        )
        shape = self.content.shape_of_labels
        if len(shape) == 2 and min(shape) > 1:
            self.add_finding(
                "classes",
                f"`{self.content.label}` has a column a class. Classes are the numbers of the columns, from 0.",
            )
        return Targets(*encode_classes(labels))

    def _modality(self, layout: layout_of.Layout, place: int, view: str) -> Part:
        """Writes one view to the folder."""
        variable, last = layout.views[view], view in layout.last
        name = make_modality_name(view)
        shape = variable.shape[-1:] + variable.shape[:-1] if last else variable.shape
        lengths = self._lengths(f"{view}_lengths", shape)
        is_padded = lengths is None and _may_be_padded(variable, shape)
        if is_padded:
            lengths = find_padded_lengths(lambda: variable.samples(last))
        absent = None if layout.mask is None else ~layout.mask[:, place]
        row = shape[1:] if lengths is not None else (prod(shape[1:]),)
        picture = shape[1:-1] if shape[-1] == 1 else shape[1:]
        part = self.write_part(
            name,
            (shape[0], *row),
            _rows(variable, last, row, lengths, absent),
            numbered_features(view, row[-1]),
            lengths,
            picture=picture if lengths is None and len(picture) > 1 else None,
        )
        if lengths is not None:
            self.add_finding(
                "sequences",
                f"Sequences of {lengths.min()} to {lengths.max()} steps. "
                + (
                    "Steps of zeros at the end count as padding."
                    if is_padded
                    else "What lies beyond a sample's length is padding and set to zero."
                ),
                where=name,
            )
        if absent is not None and absent.any():
            rows = np.flatnonzero(absent)
            self.add_finding(
                "incomplete",
                f"{len(rows):,} of {layout.count:,} samples lack this modality, as `{layout.mask_name}` says, the "
                f"first in row {rows[0] + 1}.",
                "error",
                name,
                repairs=("drop-incomplete", "zero-incomplete"),
                rows=rows,
            )
        return part

    def _lengths(self, key: str, shape: tuple[int, ...]) -> np.ndarray | None:
        """How many steps each sample of a view has; None where it holds no sequences."""
        if key not in self.own or len(shape) != 3:
            return None
        lengths = self.own[key].whole().astype(np.int64).ravel()
        check(
            lengths.shape == shape[:1] and bool(((lengths >= 1) & (lengths <= shape[1])).all()),
            f"Array `{key}` in `{self.path.name}` must hold a number in 1..{shape[1]} a sample, but does not. Correct "
            "it.",
        )
        return lengths


def _may_be_padded(variable: Variable, shape: tuple[int, ...]) -> bool:
    """Whether a view may be of sequences (N, T, F) that zeros fill up: of whole numbers it is of pictures."""
    return variable.dtype.kind == "f" and len(shape) == 3 and shape[1] > 1 and shape[2] > 1


def _rows(
    variable: Variable,
    last: bool,
    row: tuple[int, ...],
    lengths: np.ndarray | None,
    absent: np.ndarray | None,
) -> Iterator[np.ndarray]:
    """The rows of a view in pieces (n, *row); zero beyond `lengths` and where a sample lacks the view."""
    for start, piece in set_digest.placed(variable.samples(last)):
        values = piece.reshape(len(piece), *row)
        rows = slice(start, start + len(piece))
        if lengths is not None:
            real = np.arange(row[0]) < lengths[rows, None]
            values = np.where(real[..., None], values, 0)
        if absent is not None:
            there = ~absent[rows]
            values = np.where(there.reshape(-1, *[1] * len(row)), values, 0)
        yield values
