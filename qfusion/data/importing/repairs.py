"""Repairs of a set that is being imported: each is made only when it is asked for by name, and is recorded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from qfusion._checks import check, choose
from qfusion.data import splits
from qfusion.data.formats import staged_set
from qfusion.data.formats.staged_set import Finding, Part, StagedSet
from qfusion.data.importing.report import Report

REPAIRS = {
    "fill-median": "replace NaN and infinite values by the feature's median over the training samples",
    "fill-zero": "replace NaN and infinite values by zero, as MMSA does",
    "drop-not-finite": "leave out samples with NaN or infinite values",
    "drop-constant": "leave out features that never change, and a modality of nothing else",
    "drop-duplicates": "leave out samples that repeat one before them, by id or in every modality",
    "drop-leaking": "leave out training and validation samples that occur again in a later part of the split",
    "rename-ids": "number samples without an id or with one that occurred before",
    "drop-unlabelled": "leave out samples without a target",
    "drop-rare": "leave out classes of fewer than three samples",
    "drop-incomplete": "leave out samples that lack a modality",
    "zero-incomplete": "put zeros in the place of a modality that a sample lacks",
    "drop-outside": "leave out samples that are in no part of the split",
    "make-split": "make the split, or the part of it that is empty, at random by a fixed seed with equal shares in "
    "every class",
}
_DROPS = {
    "drop-not-finite": ("not-finite",),
    "drop-duplicates": ("duplicate-id", "duplicate-sample"),
    "drop-leaking": ("leak-id", "leak-sample"),
    "drop-unlabelled": ("no-target",),
    "drop-rare": ("rare-class",),
    "drop-incomplete": ("incomplete",),
    "drop-outside": ("outside-split",),
}
MAX_VALUES = 1 << 25  # values of one modality that a median is taken of


def apply(staged: StagedSet, report: Report, names: Iterable[str], folder: Path) -> StagedSet:
    """Returns the set with repairs made, its arrays in another folder; the given one is as it was.

    Args:
        staged: the set; report: on it.
        names: of the repairs, see REPAIRS; only what the report offers is done.
        folder: that exists and takes the arrays.

    Raises:
        NotFound: when there is no repair of that name.
        InvalidInput: when nothing would be left.
    """
    chosen = [choose("Repair", name, REPAIRS) for name in names]
    offered = set(report.repairs)
    chosen = [name for name in REPAIRS if name in chosen and name in offered]
    done = []
    keep = np.ones(len(staged), bool)
    for name in chosen:
        rows = [
            f.rows for f in report.findings if f.code in _DROPS.get(name, ()) and f.rows is not None
        ]
        if rows:
            gone = np.unique(np.concatenate(rows))
            keep[gone] = False
            done.append(f"{name}: {staged_set.count(len(gone), 'sample')} left out")
    check(bool(keep.any()), "The repairs would leave out every sample. Choose others.")
    mended = _rows(staged, keep)
    if "rename-ids" in chosen:
        mended.ids, count = _renamed(mended.ids)
        done.append(f"rename-ids: {staged_set.count(count, 'sample')} numbered")
    if "make-split" in chosen:
        mended.split, words = _split(mended)
        done.append(f"make-split: {words}")
    if "zero-incomplete" in chosen:
        done.append("zero-incomplete: zeros where a sample lacks a modality")
    parts = []
    for part in staged.parts:
        scan = report.scans[part.name]
        fill = _fill(
            staged,
            part,
            keep & (_split_before(staged, mended, keep) == "train"),
            chosen,
            (scan.nans + scan.infinite) > 0,
        )
        if fill is not None:
            filled = staged_set.count(int((scan.nans + scan.infinite).sum()), "value")
            done.append(
                f"{'fill-median' if 'fill-median' in chosen else 'fill-zero'}: {filled} of {part.name}"
            )
        still = scan.constant if "drop-constant" in chosen else np.zeros(part.shape[-1], bool)
        if still.any():
            done.append(
                f"drop-constant: {int(still.sum()):,} of {len(still):,} features of {part.name}"
            )
        if not still.all():
            parts.append(_rewritten(part, folder, keep, ~still, fill))
    check(bool(parts), "The repairs would leave out every modality. Choose others.")
    mended.parts, mended.folder, mended.done = parts, folder, [*staged.done, *done]
    gone_codes = {"incomplete"} if {"drop-incomplete", "zero-incomplete"} & set(chosen) else set()
    mended.findings = [f for f in staged.findings if f.code not in gone_codes]
    mended.unimodal = {
        name: values
        for name, values in mended.unimodal.items()
        if name in {part.name for part in parts}
    }
    mended.findings += [
        Finding("repaired", "note", f"Repaired, as asked for: {words}.") for words in done
    ]
    return mended


def _split_before(before: StagedSet, after: StagedSet, keep: np.ndarray) -> np.ndarray:
    """Returns the split after the repairs for every row before them; "" for rows that are left out."""
    split = np.full(len(before), "", dtype="<U5")
    split[keep] = after.split
    return split


def _rows(staged: StagedSet, keep: np.ndarray) -> StagedSet:
    """The set with some of its samples, arrays apart."""
    y, classes, sets = staged.y[keep], staged.classes, staged.sets
    if classes:  # classes that nobody has any more go
        known = np.unique(y[y >= 0])
        y = np.where(y >= 0, np.searchsorted(known, y), -1)
        classes, sets = (
            tuple(classes[i] for i in known),
            tuple(sets[i] for i in known) if sets else (),
        )
    columns = (
        staged.columns if staged.columns.empty else staged.columns[keep].reset_index(drop=True)
    )
    return replace(
        staged,
        y=y,
        classes=classes,
        sets=sets,
        ids=staged.ids[keep],
        split=staged.split[keep],
        columns=columns,
        unimodal={name: values[keep] for name, values in staged.unimodal.items()},
        tokens=None if staged.tokens is None else staged.tokens[keep],
    )


def _renamed(ids: np.ndarray) -> tuple[np.ndarray, int]:
    taken, seen, named, count = set(ids.tolist()), set(), [], 0
    for row, name in enumerate(ids.tolist()):
        if name == "" or name in seen:
            base, number = name or f"row-{row + 1}", 2 if name else 1
            new = base if not name else f"{base}#{number}"
            while new in taken or new in seen:
                number += 1
                new = f"{base}#{number}"
            name, count = new, count + 1
        seen.add(name)
        named.append(name)
    return np.array(named, dtype=np.str_), count


def _split(staged: StagedSet) -> tuple[np.ndarray, str]:
    """A split, and how it was made."""
    classes = staged.y if staged.classes else _bins(staged.y)
    train = staged.split == "train"
    if (staged.split == "test").any() and train.sum() > 1 and not (staged.split == "valid").any():
        made, rows = staged.split.copy(), np.flatnonzero(train)
        share = splits.VALID_SHARE / (1 - splits.TEST_SHARE)
        inner = splits.stratified(classes[rows], test=0.0, valid=share)
        made[rows[inner == "valid"]] = "valid"
        return (
            made,
            f"{int((inner == 'valid').sum()):,} training samples validate, by seed {splits.SEED}",
        )
    return splits.stratified(
        classes
    ), f"60 % train, 10 % validate, 30 % test, by seed {splits.SEED}"


def _bins(y: np.ndarray) -> np.ndarray:
    """Ten groups of targets of about the same size, fewer where there are few samples."""
    groups = int(np.clip(len(y) // 10, 1, 10))
    return (np.argsort(np.argsort(y, kind="stable"), kind="stable") * groups) // max(1, len(y))


def _fill(
    staged: StagedSet, part: Part, training: np.ndarray, chosen: list[str], bad: np.ndarray
) -> np.ndarray | None:
    """What stands for values that are not finite, (F,), or None where nothing is to be filled."""
    if not bad.any() or not {"fill-median", "fill-zero"} & set(chosen):
        return None
    fill = np.zeros(part.shape[-1], np.float32)
    if "fill-median" not in chosen:
        return fill
    columns = np.flatnonzero(bad)
    total = int(training.sum() if part.lengths is None else part.lengths[training].sum()) * len(
        columns
    )
    every = max(1, -(-total // MAX_VALUES))  # of a very large set, every so manyth training sample
    held, at, seen = [], 0, 0
    for piece in part.pieces():
        inside = training[at : at + len(piece)].copy()
        order = seen + np.cumsum(inside) - 1
        seen += int(inside.sum())
        inside &= order % every == 0
        mask = (
            inside
            if part.lengths is None
            else inside[:, None]
            & (np.arange(part.shape[1]) < part.lengths[at : at + len(piece), None])
        )
        held.append(piece[mask][:, columns])
        at += len(piece)
    values = np.concatenate(held)
    for place, column in enumerate(columns):
        finite = values[np.isfinite(values[:, place]), place]
        fill[column] = np.median(finite) if len(finite) else 0
    return fill


def _rewritten(
    part: Part, folder: Path, keep: np.ndarray, features: np.ndarray, fill: np.ndarray | None
) -> Part:
    path = folder / part.path.name
    lengths = None if part.lengths is None else part.lengths[keep]
    if keep.all() and features.all() and fill is None:
        try:
            os.link(part.path, path)
        except OSError:  # another disk, or one without links
            shutil.copyfile(part.path, path)
        return replace(part, path=path, lengths=lengths)

    def pieces() -> Iterator[np.ndarray]:
        at = 0
        for piece in part.pieces():
            rows = keep[at : at + len(piece)]
            at += len(piece)
            chosen = piece[rows]
            if fill is not None:
                chosen = np.where(np.isfinite(chosen), chosen, fill)
            yield chosen if features.all() else chosen[..., features]

    shape, _ = staged_set.write(path, (*part.shape[1:-1], int(features.sum())), pieces())
    names = tuple(name for name, kept in zip(part.feature_names, features, strict=True) if kept)
    return replace(
        part,
        path=path,
        shape=shape,
        lengths=lengths,
        feature_names=names,
        picture=part.picture if features.all() else None,
    )
