"""Multi-view files on their way in: `.mat` and `.npz` as `multiview` reads them; `.npz` beyond memory in pieces.

A `.npz` whose arrays lie as they are to be kept (a row a sample, in C order, as NumPy saves them) is read in pieces.
Beside the views it may hold `ids`, `split`, `<view>_lengths` for sequences (N, T, F), and `y` of numbers for a
regression.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from math import prod
from pathlib import Path

import numpy as np

from qfusion._checks import check
from qfusion.data import _digest, files, splits
from qfusion.data.formats import joined, multiview, npzfile, staged_set
from qfusion.data.formats.staged_set import Finding, LabelSets, Part, StagedSet
from qfusion.errors import InvalidInput

OWN = ("ids", "split")
NAMES = "label_names"  # of the columns of labels, where a sample may have several


def read(path: Path, folder: Path, target: str = "auto") -> StagedSet:
    """Returns what a multi-view file holds, its arrays written to `folder`.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it cannot be read, or views and labels do not fit together.
    """
    files.size_of(path)
    headers = npzfile.headers(path) if path.suffix.lower() == ".npz" else {}
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
    views, y, classes, left_out = multiview.read(path, strict=False)
    parts = []
    for view, values in views.items():
        name = staged_set.modality_name(view)
        flat = values.reshape(len(values), -1)
        staged_set.need_room(folder, 4 * flat.size, f"Modality '{name}'")
        shape, _ = staged_set.write(folder / f"{name}.npy", flat.shape[1:], _digest.pieces(flat))
        parts.append(
            Part(
                name,
                folder / f"{name}.npy",
                shape,
                staged_set.numbered(view, flat.shape[1]),
                None,
                values.shape[1:] if values.ndim > 2 else None,
            )
        )
    found = (
        [
            Finding(
                "left-out",
                "note",
                f"Left out, as neither view nor label: {', '.join(left_out[:12])}.",
            )
        ]
        if left_out
        else []
    )
    return StagedSet(
        folder,
        path.name,
        f"multi-view {path.suffix.lower()} file",
        parts,
        y,
        splits.numbered("row", len(y)),
        np.full(len(y), "", dtype="<U5"),
        classes,
        "class",
        findings=found,
    )


def _in_pieces(headers: dict[str, npzfile.Header], several: bool = False) -> bool:
    """Whether all arrays lie as they are to be kept: a row a sample, in C order; labels a column each, if `several`."""
    label = next((key for key in multiview.LABELS if key in headers), None)
    if label is None or (several and len(headers[label][0]) != 2):
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


class _Stream:
    """Reads an .npz file in pieces."""

    def __init__(self, path: Path, headers: dict[str, npzfile.Header], folder: Path, several: bool):
        self.path, self.headers, self.folder = path, headers, folder
        self.label = next(key for key in multiview.LABELS if key in headers)
        self.count = headers[self.label][0][0] if several else prod(headers[self.label][0])
        self.findings: list[Finding] = []

    def staged(self, target: str) -> StagedSet:
        views = [
            key
            for key, (shape, _, _) in self.headers.items()
            if key != self.label and len(shape) >= 2
        ]
        parts = [self._part(view) for view in views]
        used = {self.label, NAMES, *views, *OWN, *(f"{view}_lengths" for view in views)}
        rest = [key for key in self.headers if key not in used]
        if rest:
            self.findings.append(
                Finding(
                    "left-out",
                    "note",
                    f"Left out, as neither view nor label: {', '.join(rest[:12])}.",
                )
            )
        ids = self._text("ids") if "ids" in self.headers else splits.numbered("row", self.count)
        split = (
            np.char.lower(self._text("split"))
            if "split" in self.headers
            else np.full(self.count, "")
        )
        wrong = [word for word in np.unique(split).tolist() if word not in joined.PARTS]
        check(
            not wrong,
            f"Array `split` in `{self.path.name}` must hold train, valid or test, but holds {str(wrong[:1])[:60]}. "
            "Correct it.",
        )
        known = (
            self._label_sets() if target == "labels" else LabelSets(*self._targets(target), (), ())
        )
        return StagedSet(
            self.folder,
            self.path.name,
            "multi-view .npz file",
            parts,
            known.y,
            ids,
            np.array([joined.PARTS[word] for word in split.tolist()], dtype="<U5"),
            known.classes,
            "labels" if known.labels else "class" if known.classes else "score",
            findings=self.findings,
            labels=known.labels,
            sets=known.sets,
        )

    def _whole(self, key: str) -> np.ndarray:
        return npzfile.read(self.path, [key])[key]

    def _text(self, key: str) -> np.ndarray:
        found = self._whole(key).ravel()
        check(
            len(found) == self.count,
            f"Array `{key}` in `{self.path.name}` must hold one entry for each of the {self.count} labels, but "
            f"holds {len(found)}. Correct it.",
        )
        return np.array([staged_set.clean(word) for word in found.tolist()], dtype=np.str_)

    def _label_sets(self) -> LabelSets:
        """Of an array (N, L) of 0 and 1, and the names of its columns."""
        given = self._whole(self.label)
        check(
            given.dtype.kind in "biuf" and bool(np.isin(given, (0, 1)).all()),
            f"Array `{self.label}` in `{self.path.name}` must hold 0 and 1, a column for each label, but does not. "
            "Correct it.",
        )
        names = (
            np.char.strip(
                np.array([staged_set.clean(word) for word in self._whole(NAMES).ravel().tolist()])
            )
            if NAMES in self.headers
            else [f"label {i + 1}" for i in range(given.shape[1])]
        )
        check(
            len(names) == given.shape[1] == len(set(names)),
            f"Array `{NAMES}` in `{self.path.name}` must name each of the {given.shape[1]} columns of "
            f"`{self.label}` once, but holds {len(names)}. Correct it.",
        )
        self.findings.append(
            Finding("labels", "note", f"A sample may have several of {len(names)} labels.")
        )
        order = [str(name) for name in names]
        return staged_set.label_sets(
            [[order[i] for i in np.flatnonzero(row)] for row in given], order
        )

    def _targets(self, target: str) -> tuple[np.ndarray, tuple[str, ...]]:
        labels = self._whole(self.label).ravel()
        amounts = labels.dtype.kind == "f" and not bool(
            (labels[np.isfinite(labels)] == np.round(labels[np.isfinite(labels)])).all()
        )
        if target == "regression" or (target == "auto" and amounts):
            check(
                labels.dtype.kind in "biuf",
                f"Labels in `{self.path.name}` must be numbers for a regression, but are {labels.dtype}. "
                "Import it for classification.",
            )
            return labels.astype(np.float64), ()
        if labels.dtype.kind in "US":
            self.findings.append(
                Finding("classes", "note", "Labels are words, taken for the names of classes.")
            )
            words = self._text(self.label)
            return staged_set.classes_of([word.strip() or None for word in words.tolist()])
        return staged_set.classes_of(labels)

    def _part(self, view: str) -> Part:
        shape, _, kind = self.headers[view]
        name = staged_set.modality_name(view)
        staged_set.need_room(self.folder, 4 * prod(shape), f"Modality '{name}'")
        lengths = None
        if f"{view}_lengths" in self.headers and len(shape) == 3:
            lengths = self._whole(f"{view}_lengths").astype(np.int64).ravel()
            check(
                lengths.shape == (self.count,)
                and bool(((lengths >= 1) & (lengths <= shape[1])).all()),
                f"Array `{view}_lengths` in `{self.path.name}` must hold a number in 1..{shape[1]} a sample, but "
                "does not. Correct it.",
            )
        row = shape[1:] if lengths is not None else (prod(shape[1:]),)
        written, large = staged_set.write(
            self.folder / f"{name}.npy", row, self._pieces(view, shape, kind, row, lengths)
        )
        if large:
            self.findings.append(
                Finding(
                    "too-large",
                    "warning",
                    f"{large:,} values are too large for single precision and count as infinite.",
                    name,
                )
            )
        if lengths is not None:
            self.findings.append(
                Finding(
                    "sequences",
                    "note",
                    f"Sequences of {lengths.min()} to {lengths.max()} steps. What lies beyond a "
                    "sample's length is padding and set to zero.",
                    name,
                )
            )
        picture = shape[1:] if lengths is None and len(shape) > 2 else None
        return Part(
            name,
            self.folder / f"{name}.npy",
            written,
            staged_set.numbered(view, row[-1]),
            lengths,
            picture,
        )

    def _pieces(
        self,
        view: str,
        shape: tuple[int, ...],
        kind: np.dtype,
        row: tuple[int, ...],
        lengths: np.ndarray | None,
    ) -> Iterator[np.ndarray]:
        rows, size = _digest.rows_at_once(shape, kind.itemsize), kind.itemsize * prod(shape[1:])
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(f"{view}.npy") as stream:
                npzfile.check_header(
                    stream, self.headers[view][2].itemsize * prod(shape), f"Array `{view}`"
                )
                for start in range(0, shape[0], rows):
                    count = min(rows, shape[0] - start)
                    content = stream.read(count * size)
                    values = np.frombuffer(content, kind).reshape(count, *row)
                    if lengths is not None:
                        values = np.where(
                            (np.arange(row[0]) < lengths[start : start + count, None])[..., None],
                            values,
                            0,
                        )
                    yield values if kind.kind == "f" else values.astype(np.float32)
        except InvalidInput:
            raise
        except (ValueError, zipfile.BadZipFile, EOFError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise InvalidInput(
                f"Array `{view}` in `{self.path.name}` cannot be read to its end ({type(error).__name__}). Copy the "
                "file again."
            ) from error
