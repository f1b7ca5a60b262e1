"""Multi-view classification data from a file: `.mat` (cell `X`, labels `Y`) or `.npz` (an array a view, labels `y`).

What is accepted without a word:

- a cell, or a struct, called as in `multiview_variables.CONTAINERS`, whose entries are the views; or else every matrix
  of numbers beside the labels is a view under its own name. A view is N x F or F x N (told apart by the number of
  labels), sparse or not, or N x height x width [x colours].
- labels called as in `class_labels.NAMES`, in any capitals: N whole numbers, N words, or a column a class. Each class
  is named by its label, or the number of its column, and classes are in that order.

Anything else is named by the caller. A `.npz` file may also hold `ids`, `split`, `<view>_lengths` or `<view>_mask` for
sequences (N, T, F), and `y` of numbers for a regression. Without `split` the split is random by a fixed seed, 70/30
with equal shares in every class, the validation part taken from the 70%.
"""

from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path

import numpy as np

from qfusion._checks import check
from qfusion.data import class_labels, files, set_digest
from qfusion.data.arrays import numbered_ids
from qfusion.data.column_roles import ColumnChoice
from qfusion.data.file_words import (
    clean_text,
    make_modality_name,
    numbered_features,
    parse_split,
    word_array,
)
from qfusion.data.given_features import step_lengths
from qfusion.data.multiview_variables import (
    MultiviewFile,
    has_samples,
    is_npz,
)
from qfusion.data.padding import find_padded_lengths
from qfusion.data.set_reader import SetReader
from qfusion.data.staged_set import Part, StagedSet
from qfusion.data.target_classes import MAX_LABELS, Targets, encode_classes, encode_label_sets
from qfusion.data.variables import Variable

SUFFIXES = (".mat", ".npz")
OWN = ("ids", "split")
STEPS = ("lengths", "mask")  # of sequences, as VIEW_lengths (N,) or VIEW_mask (N, T)
NAMES = "label_names"  # of the columns of labels, where a sample may have several


def read_multiview(
    path: Path, folder: Path, target: str = "auto", choice: ColumnChoice | None = None
) -> StagedSet:
    """Return the content of a multi-view file. Its arrays are written to `folder`.

    Args:
        path: of the file. folder: that exists. target: "auto", "regression", "classification" or "labels".
        choice: variables of the labels, the ids, the split and the views; what is left open is found by its name.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it cannot be read, views and labels do not fit together, or it is not clear which variables
            they are.
    """
    return MultiviewReader(path, folder, target, choice=choice).stage()


class MultiviewReader(SetReader):
    """Reads one file on its way in."""

    def __init__(
        self,
        path: Path,
        folder: Path,
        target: str,
        held: bool = False,
        choice: ColumnChoice | None = None,
    ):
        """Open a file; `held`: whether its arrays will be held in memory, so that their size is bounded."""
        super().__init__(folder)
        self.path = path
        self.target = target
        self.held = held
        self.choice = choice or ColumnChoice()
        self.content = MultiviewFile(path)
        self.label = self.choice.label or self.content.find_label(target == "labels")
        self.given = self.content.variable(self.label, "--label")
        self.own = self._known_addresses()

    def _known_addresses(self) -> dict[str, str]:
        """Return addresses of ids, split, lengths of sequences and names of labels, by what they are."""
        ids, split = self.choice.ids, self.choice.split
        chosen = {"ids": "" if ids is None else ", ".join(ids), "split": split or ""}
        known = {}
        if is_npz(self.path):
            entries = self.content.entries
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
        for key, address in chosen.items():
            if address:
                self.content.variable(address, f"--{key.removesuffix('s')}")
                known[key] = address
        if ids == ():
            known.pop("ids", None)
        if split == "":
            known.pop("split", None)
        return known

    def _own(self, key: str) -> np.ndarray:
        return self.content.variable(self.own[key], key).whole()

    def stage(self) -> StagedSet:
        """The set."""
        targets = self._label_sets() if self.target == "labels" else self._targets()
        count = len(targets.y)
        views = self._find_views(count)
        if self.held:
            values = sum(prod(view.shape) for view in views.values())
            files.check_size(self.path.name, 4 * values)
        parts = [self._modality(name, view, count) for name, view in views.items()]
        self._note_left_out(views, count)
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

    def _find_views(self, count: int) -> dict[str, Variable]:
        """Return the views by name, each of real numbers with a row or column per sample."""
        chosen = self.choice.modalities
        if chosen is None:
            views = self.content.find_views(count, [self.label, *self.own.values()])
        else:
            views = {name: self.content.variable(address, "--view") for name, address in chosen}
        fewest = 1 if is_npz(self.path) or chosen else 2
        if len(views) < fewest:
            raise self.content.refusal(
                f"It must hold at least {'two views' if fewest == 2 else 'one view'}, with a row or column for each of "
                f"the {count} labels, but holds {len(views)}."
            )
        for name, view in views.items():
            check(
                view.dtype.kind in "biuf",
                f"View '{name}' in `{self.path.name}` must hold real numbers, but has type {view.dtype}. Convert it.",
            )
            shapes = ", ".join(f"{key} {one.shape}" for key, one in list(views.items())[:8])
            check(
                has_samples(view.shape, count),
                f"View '{name}' in `{self.path.name}` must have {count} rows like the labels, or as many columns, but "
                f"has shape {view.shape}; all views: {shapes}. Drop or add samples.",
            )
        return views

    def _note_left_out(self, views: Mapping[str, Variable], count: int) -> None:
        steps = [f"{name}_{ending}" for name in views for ending in STEPS]
        known = [self.own[key] for key in self.own if key in (*OWN, NAMES, *steps)]
        used = [self.label, *known, *(view.name for view in views.values())]
        unused = self.content.left_out(used)
        if unused:
            shapes = [self.content.entries[name].shape for name in unused]
            self.add_finding(
                "left-out",
                f"Left out of `{self.path.name}`: {self.content.shown(unused)}. Name views with --view NAME=VARIABLE.",
                "warning" if any(has_samples(shape, count) for shape in shapes) else "note",
            )

    def _text(self, key: str, count: int) -> np.ndarray:
        entries = class_labels.flat(f"Entries of `{key}`", self._own(key))
        check(
            len(entries) == count,
            f"Array `{key}` in `{self.path.name}` must hold one entry for each of the {count} labels, but "
            f"holds {len(entries)}. Correct it.",
        )
        return self._words(key, entries)

    def _words(self, key: str, entries: np.ndarray) -> np.ndarray:
        return word_array(
            [clean_text(word).rstrip() for word in entries.tolist()],
            f"Words of `{key}` in `{self.path.name}`",
        )

    def _label_sets(self) -> Targets:
        """Return the targets from an array (N, L) of 0 and 1 and the names of its columns."""
        given = self.given.whole()
        name = self.label
        check(
            given.dtype.kind in "biuf"
            and given.ndim == 2
            and given.shape[1] <= MAX_LABELS
            and bool(np.isin(given, (0, 1)).all()),
            f"Array `{name}` in `{self.path.name}` must hold 0 and 1, a column for each of at most "
            f"{MAX_LABELS} labels, but does not. Correct it.",
        )
        names = (
            [clean_text(word).strip() for word in self._own(NAMES).ravel().tolist()]
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
        labels = class_labels.flat(
            f"Labels in `{self.path.name}`",
            self.given.whole(),
            "Give one label a sample, or import the set with --target labels if it may have several.",
        )
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
            words = [word.strip() or None for word in self._words(self.label, labels)]
            return Targets(*encode_classes(words))
        check(
            labels.dtype.kind in "biuf",
            f"Labels in `{self.path.name}` must be numbers or words, but have type {labels.dtype}. Convert them.",
        )
        shape = self.given.shape
        if len(shape) == 2 and min(shape) > 1:
            self.add_finding(
                "classes",
                f"`{self.label}` has a column a class. Classes are the numbers of the columns, from 0.",
            )
        return Targets(*encode_classes(labels))

    def _modality(self, view: str, variable: Variable, count: int) -> Part:
        """Write one view to the folder."""
        last = variable.shape[0] != count
        name = make_modality_name(view)
        shape = variable.shape[-1:] + variable.shape[:-1] if last else variable.shape
        lengths = self._lengths(view, shape)
        is_padded = lengths is None and _may_be_padded(variable, shape)
        if is_padded:
            lengths = find_padded_lengths(lambda: variable.samples(last))
        row = shape[1:] if lengths is not None else (prod(shape[1:]),)
        picture = shape[1:-1] if shape[-1] == 1 else shape[1:]
        part = self.write_part(
            name,
            (shape[0], *row),
            _rows(variable, last, row, lengths),
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
        return part

    def _lengths(self, view: str, shape: tuple[int, ...]) -> np.ndarray | None:
        """Return the number of steps of each sample of a view; None if the file does not say it."""
        key = next((f"{view}_{ending}" for ending in STEPS if f"{view}_{ending}" in self.own), "")
        if not key or len(shape) != 3:
            return None
        steps = self._own(key)
        return step_lengths(view, steps if steps.shape == shape[:2] else steps.ravel(), shape[:2])


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
) -> Iterator[np.ndarray]:
    """The rows of a view in pieces (n, *row); zero beyond `lengths`."""
    for start, piece in set_digest.enumerate_pieces(variable.samples(last)):
        values = piece.reshape(len(piece), *row)
        if lengths is not None:
            real = np.arange(row[0]) < lengths[start : start + len(piece), None]
            values = np.where(real[..., None], values, 0)
        yield values
