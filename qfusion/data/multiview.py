"""Multi-view classification data from a file: `.mat` (cell `X`, labels `Y`, and relatives) or `.npz` (an array a view,
labels `y`).

What is accepted:

- A cell, or a struct, of views, whatever its name; or every matrix beside the labels is a view under its own name; all
  of it possibly inside one struct. A view is N x F or F x N (told apart by the number of labels), sparse or not, or
  N x height x width [x colours]. What is no view says `layout`.
- labels called as in `class_labels.NAMES`, in any capitals: N whole numbers, N words, or a column a class. Each class
  is named by its label, or the number of its column, and classes are in that order.

A `.npz` file may also hold `ids`, `split`, `<view>_lengths` or `<view>_mask` for sequences (N, T, F), and `y` of
numbers for a regression. Without `split` the split is random by a fixed seed, 70/30 with equal shares in every class,
the validation part taken from the 70%.
"""

from collections.abc import Iterator
from math import prod
from pathlib import Path

import numpy as np

from qfusion._checks import check
from qfusion.data import files, set_digest, view_layout
from qfusion.data.arrays import numbered_ids
from qfusion.data.file_words import (
    clean_text,
    make_modality_name,
    numbered_features,
    parse_split,
    word_array,
)
from qfusion.data.given_features import step_lengths
from qfusion.data.multiview_variables import MultiviewFile, describe_layout, is_npz
from qfusion.data.padding import find_padded_lengths
from qfusion.data.set_reader import SetReader
from qfusion.data.staged_set import Part, StagedSet
from qfusion.data.target_classes import MAX_LABELS, Targets, encode_classes, encode_label_sets
from qfusion.data.variables import Variable

SUFFIXES = (".mat", ".npz")
OWN = ("ids", "split")
STEPS = ("lengths", "mask")  # of sequences, as VIEW_lengths (N,) or VIEW_mask (N, T)
NAMES = "label_names"  # of the columns of labels, where a sample may have several


def read_multiview(path: Path, folder: Path, target: str = "auto") -> StagedSet:
    """Return the content of a multi-view file. Its arrays are written to `folder`.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it cannot be read, or views and labels do not fit together.
    """
    return MultiviewReader(path, folder, target).stage()


class MultiviewReader(SetReader):
    """Reads one file on its way in."""

    def __init__(self, path: Path, folder: Path, target: str, held: bool = False):
        """Open a file; `held`: whether its arrays will be held in memory, so that their size is bounded."""
        super().__init__(folder)
        self.path = path
        self.target = target
        self.held = held
        self.content = MultiviewFile(path, several=target == "labels")
        self.own = self._pop_known()

    def _pop_known(self) -> dict[str, Variable]:
        """Take the variables of a .npz file that are known by name out of the others: ids, split, lengths, names of
        labels.
        """
        if not is_npz(self.path):
            return {}
        known = {*OWN, NAMES}
        steps = {
            f"{name}_{ending}"
            for name, variable in self.content.variables.items()
            for ending in STEPS
            if ending == "lengths" or len(variable.shape) == 3
        }
        return {
            name.lower() if name.lower() in known else name: self.content.variables.pop(name)
            for name in list(self.content.variables)
            if name.lower() in known or name in steps
        }

    def stage(self) -> StagedSet:
        """The set."""
        targets = self._label_sets() if self.target == "labels" else self._targets()
        layout = self.content.arrange(targets.y)
        _check_views(layout, 1 if is_npz(self.path) else 2, self.content.names)
        if self.held:
            values = sum(prod(view.shape) for view in layout.views.values())
            files.check_size(self.path.name, 4 * values)
        parts = [self._modality(layout, place, name) for place, name in enumerate(layout.views)]
        self._note_left_out(layout)
        count = len(targets.y)
        split = self._text("split", count) if "split" in self.own else [""] * count
        if targets.labels:
            target = "labels"
        else:
            target = "class" if targets.classes else "score"
        return StagedSet(
            folder=self.folder,
            title=self.path.name,
            kind=f"multi-view {self.path.suffix.lower()} file",
            parts=parts,
            ids=self._text("ids", count) if "ids" in self.own else numbered_ids("row", count),
            split=parse_split(split, f"Array `split` in `{self.path.name}`"),
            target=target,
            findings=self.findings,
            **vars(targets),
        )

    def _note_left_out(self, layout: view_layout.Layout) -> None:
        names = [f"{name}_{ending}" for name in layout.views for ending in STEPS]
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
        """Return the targets from an array (N, L) of 0 and 1 and the names of its columns."""
        given = self.content.labels(several=True)
        name = self.content.label
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

    def _modality(self, layout: view_layout.Layout, place: int, view: str) -> Part:
        """Write one view to the folder."""
        variable = layout.views[view]
        last = view in layout.last
        name = make_modality_name(view)
        shape = variable.shape[-1:] + variable.shape[:-1] if last else variable.shape
        lengths = self._lengths(view, shape)
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
        if is_padded and lengths is None:
            self.add_finding(
                "pictures",
                f"Read as pictures of {shape[1]} x {shape[2]}. If these are steps of sequences, say how many are real "
                f"in `{view}_lengths` or `{view}_mask` of a .npz.",
                where=name,
            )
        if lengths is not None:
            if is_padded:
                padding = "Steps of zeros at the end count as padding."
            else:
                padding = "Steps beyond a sample's length are padding and set to zero."
            self.add_finding(
                "sequences",
                f"Sequences of {lengths.min()} to {lengths.max()} steps. {padding}",
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

    def _lengths(self, view: str, shape: tuple[int, ...]) -> np.ndarray | None:
        """Return the number of steps of each sample of a view; None if the file does not say it."""
        key = next((f"{view}_{ending}" for ending in STEPS if f"{view}_{ending}" in self.own), "")
        if not key or len(shape) != 3:
            return None
        steps = self.own[key].whole()
        return step_lengths(view, steps if steps.shape == shape[:2] else steps.ravel(), shape[:2])


def _check_views(layout: view_layout.Layout, fewest: int, names: list[str]) -> None:
    """Check that there are enough views, of real numbers, each with a row or column per sample."""
    shapes = {name: variable.shape for name, variable in layout.views.items()}
    shown = ", ".join(names[:8]) or "nothing"
    left = "".join(
        f" `{variable.name}` {variable.why}." for variable in layout.left_out[:8] if variable.why
    )
    path = Path(layout.file)
    how = "an array each" if is_npz(path) else "as cell `X` or as matrices"
    check(
        len(shapes) >= fewest,
        f"File `{layout.file}` must hold at least {'two views' if fewest == 2 else 'one view'}, {how}, but holds "
        f"{len(shapes)} (in it: {shown}).{left} {describe_layout(path)}",
    )
    for view, shape in shapes.items():
        dtype = layout.views[view].dtype
        check(
            dtype.kind in "biuf",
            f"View '{view}' in `{layout.file}` must hold real numbers, but has type {dtype}. Convert it.",
        )
        check(
            view_layout.has_samples(shape, layout.count),
            f"View '{view}' in `{layout.file}` must have {layout.count} rows like the labels, or as many columns, but "
            f"has shape {shape}; all views: {', '.join(f'{key} {value}' for key, value in list(shapes.items())[:8])}. "
            "Drop or add samples.",
        )


def _may_be_padded(variable: Variable, shape: tuple[int, ...]) -> bool:
    """Whether a view may consist of sequences (N, T, F) padded with zeros. A view of whole numbers consists of
    pictures.
    """
    return variable.dtype.kind == "f" and len(shape) == 3 and shape[1] > 1 and shape[2] > 1


def _rows(
    variable: Variable,
    last: bool,
    row: tuple[int, ...],
    lengths: np.ndarray | None,
    absent: np.ndarray | None,
) -> Iterator[np.ndarray]:
    """The rows of a view in pieces (n, *row); zero beyond `lengths` and where a sample lacks the view."""
    for start, piece in set_digest.enumerate_pieces(variable.samples(last)):
        values = piece.reshape(len(piece), *row)
        rows = slice(start, start + len(piece))
        if lengths is not None:
            real = np.arange(row[0]) < lengths[rows, None]
            values = np.where(real[..., None], values, 0)
        if absent is not None:
            there = ~absent[rows]
            values = np.where(there.reshape(-1, *[1] * len(row)), values, 0)
        yield values
