"""Repairs of an imported set. Each is made only on request, and is recorded."""

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import compress
from pathlib import Path

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion._sentences import count
from qfusion.data import array_chunks
from qfusion.data.examine import value_scans
from qfusion.data.examine.report import ExaminedSet, Progress, Report, build_report, no_progress
from qfusion.data.raw import Finding
from qfusion.data.row_splits import draw_split, target_tenths, video_clusters
from qfusion.data.staged_set import Part, StagedSet, new_array

REPAIRS = {
    "fill-median": "replace NaN and infinite values by the feature's median over the training samples",
    "fill-zero": "replace NaN and infinite values by zero, as MMSA does",
    "drop-not-finite": "drop samples with NaN or infinite values",
    "drop-constant": "drop features that never change, and a modality of nothing else",
    "drop-duplicates": "drop samples that repeat an earlier one, by id or in every modality",
    "drop-leaking": "drop training and validation samples that occur again in a later part of the split",
    "rename-ids": "number samples without an id or with the id of an earlier one",
    "drop-unlabelled": "drop samples without a target",
    "drop-rare": "drop classes of fewer than three samples",
    "drop-incomplete": "drop samples that lack a modality",
    "zero-incomplete": "use zeros for a modality that a sample lacks",
    "drop-outside": "drop samples that are in no part of the split",
    "drop-leaks": "drop features that are a copy or a code of the target, and a modality of nothing else",
    "keep-leaks": "keep features that are a copy or a code of the target, since they are known before it is",
    "make-split": "create a stratified random split, or its empty part, by a fixed seed",
}
# The findings whose samples, or whose features, a repair drops.
_SAMPLE_CODES = {
    "drop-not-finite": ("not-finite",),
    "drop-duplicates": ("duplicate-id", "duplicate-sample"),
    "drop-leaking": ("leak-id", "leak-sample"),
    "drop-unlabelled": ("no-target",),
    "drop-rare": ("rare-class",),
    "drop-incomplete": ("incomplete",),
    "drop-outside": ("outside-split",),
}
MAX_VALUES = 1 << 25  # values of one modality in the computation of medians


def make_repairs(
    examined: ExaminedSet,
    names: Iterable[str],
    folder: Path | None,
    progress: Progress = no_progress,
) -> ExaminedSet:
    """Return the set after repairs, with a new report; the given one if there is nothing to repair, which is unchanged
    otherwise.

    Args:
        examined: the set and the report on it.
        names: of the repairs, see REPAIRS. Repairs that the report does not offer are ignored.
        folder: that exists and takes the arrays; None to hold them in memory.
        progress: see `import_report.build_report`.

    Raises:
        NotFound: when there is no repair of that name.
        InvalidInput: when no sample or no modality would be left.
    """
    staged = examined.staged
    report = examined.report
    agreed = check_repair_names(names)
    chosen = [name for name in REPAIRS if name in agreed and name in report.repairs]
    if not chosen:
        return examined
    keep, done = _kept_samples(len(staged), report, chosen)
    check(bool(keep.any()), "The repairs would drop every sample. Choose others.")
    repaired = select_samples(staged, keep)
    if "rename-ids" in chosen:
        repaired.ids, renamed = _rename_ids(repaired.ids)
        done.append(f"rename-ids: {count(renamed, 'sample')} numbered")
    if "make-split" in chosen:
        groups = _shared_groups(repaired, report, keep)
        classes = repaired.y if repaired.classes else target_tenths(repaired.y)
        repaired.split, description = draw_split(classes, repaired.split, groups)
        done.append(f"make-split: {description}")
    if "keep-leaks" in chosen:
        repaired.leaks_are_meant = True
        done.append("keep-leaks: features that give the target away stay")
    if "zero-incomplete" in chosen:
        done.append("zero-incomplete: zeros where a sample lacks a modality")
    training = keep.copy()
    training[keep] = repaired.split == "train"
    repaired.parts = []
    for part in staged.parts:
        fill = _fill_values(part, report, chosen, training, done)
        dropped = _dropped_features(part, report, chosen, done)
        if not dropped.all():
            repaired.parts.append(_write_part(part, folder, keep, ~dropped, fill))
    check(bool(repaired.parts), "The repairs would drop every modality. Choose others.")
    names_left = {part.name for part in repaired.parts}
    repaired.folder = folder
    repaired.done = [*staged.done, *done]
    repaired.unimodal = {name: y for name, y in repaired.unimodal.items() if name in names_left}
    repaired.findings = _remaining_findings(staged, chosen)
    for description in done:
        words = f"Repaired, as asked for: {description}."
        repaired.findings.append(Finding("repaired", "note", words))
    return ExaminedSet(repaired, build_report(repaired, progress))


def check_repair_names(names: Iterable[str]) -> set[str]:
    """Return the names of repairs, each once.

    Raises:
        NotFound: when there is no repair of a name.
    """
    agreed = set(names)
    for name in agreed:
        choose("Repair", name, REPAIRS)
    return agreed


def _kept_samples(
    samples: int, report: Report, chosen: Sequence[str]
) -> tuple[np.ndarray, list[str]]:
    """Return which samples the repairs keep, bool (N,), and descriptions of the dropped ones."""
    keep = np.ones(samples, bool)
    done = []
    for name in chosen:
        codes = _SAMPLE_CODES.get(name, ())
        rows = [
            finding.rows
            for finding in report.findings
            if finding.code in codes and finding.rows is not None
        ]
        if rows:
            dropped = np.unique(np.concatenate(rows))
            keep[dropped] = False
            done.append(f"{name}: {count(len(dropped), 'sample')} left out")
    return keep, done


def _remaining_findings(staged: StagedSet, chosen: Sequence[str]) -> list[Finding]:
    """The findings of the reading that repairs leave."""
    if "drop-incomplete" in chosen or "zero-incomplete" in chosen:
        return [finding for finding in staged.findings if finding.code != "incomplete"]
    return list(staged.findings)


def _shared_groups(staged: StagedSet, report: Report, keep: np.ndarray) -> np.ndarray:
    """Return group numbers (N,), equal for samples that must be in the same part of a split.

    They share content of a modality, or a video that their ids name. If there are too few groups for a split, every
    sample is a group of its own.
    """
    contents = {}
    for name, scan in report.scans.items():
        contents[name] = np.unique(scan.contents[keep], return_inverse=True)[1]
    videos = video_clusters(staged.ids)
    declared = None if videos is None else videos.numbers
    groups = value_scans.find_shared_rows(contents, declared).together[:, 0]
    if len(np.unique(groups)) < value_scans.FEW:
        return np.arange(len(staged))
    return groups


def _fill_values(
    part: Part, report: Report, chosen: Sequence[str], training: np.ndarray, done: list[str]
) -> np.ndarray | None:
    """Return the values that replace those that are not finite, (F,), or None if nothing is replaced. The repair is
    added to `done`.
    """
    scan = report.scans[part.name]
    bad = scan.nans + scan.infinite
    fills = [name for name in ("fill-median", "fill-zero") if name in chosen]
    if not fills or not bad.any():
        return None
    values = np.zeros(part.shape[-1], np.float32)
    if fills[0] == "fill-median":
        values[bad > 0] = _medians(part, training, np.flatnonzero(bad))
    done.append(f"{fills[0]}: {count(int(bad.sum()), 'value')} of {part.name}")
    return values


def _dropped_features(
    part: Part, report: Report, chosen: Sequence[str], done: list[str]
) -> np.ndarray:
    """Return which features the repairs drop, bool (F,), and note them in `done`."""
    by_repair = {}
    if "drop-constant" in chosen:
        by_repair["drop-constant"] = np.flatnonzero(report.scans[part.name].constant)
    if "drop-leaks" in chosen:
        for finding in report.findings:
            is_leak = finding.code == "target-leak" and finding.where == part.name
            if is_leak and finding.features is not None:
                by_repair["drop-leaks"] = finding.features
    dropped = np.zeros(part.shape[-1], bool)
    for name, numbers in by_repair.items():
        if len(numbers):
            done.append(f"{name}: {len(numbers):,} of {len(dropped):,} features of {part.name}")
            dropped[numbers] = True
    return dropped


def select_samples(staged: StagedSet, keep: np.ndarray) -> StagedSet:
    """Return the set with some of its samples. The modalities still have all samples. Classes without samples are
    dropped.
    """
    y = staged.y[keep]
    classes = staged.classes
    sets = staged.sets
    if classes:
        known = np.unique(y[y >= 0])
        y = np.where(y >= 0, np.searchsorted(known, y), -1)
        classes = tuple(classes[i] for i in known)
        if sets:
            sets = tuple(sets[i] for i in known)
    columns = staged.columns
    if not columns.empty:
        columns = columns[keep].reset_index(drop=True)
    return replace(
        staged,
        y=y,
        classes=classes,
        sets=sets,
        ids=staged.ids[keep],
        split=staged.split[keep],
        columns=columns,
        unimodal={name: values[keep] for name, values in staged.unimodal.items()},
    )


def _rename_ids(ids: np.ndarray) -> tuple[np.ndarray, int]:
    """Return ids in which missing or repeated ones are replaced by new ones, and the number of new ones."""
    names = ids.tolist()
    used = set(names)
    rows = np.flatnonzero((ids == "") | pd.Series(ids).duplicated())
    for row in rows:
        base = names[row] or f"row-{row + 1}"
        name = base
        number = 1
        while name in used:
            number += 1
            name = f"{base}#{number}"
        names[row] = name
        used.add(name)
    return np.array(names, dtype=np.str_), len(rows)


def _medians(part: Part, training: np.ndarray, columns: np.ndarray) -> list[float]:
    """Medians of some features over the finite values of training samples; 0 where there are none."""
    steps = training.sum() if part.lengths is None else part.lengths[training].sum()
    # In a very large set, only every n-th training sample is read.
    every = max(1, -(-int(steps) * len(columns) // MAX_VALUES))
    inside = np.zeros(len(training), bool)
    inside[np.flatnonzero(training)[::every]] = True
    read = []
    for start, chunk in array_chunks.enumerate_chunks(part.chunks()):
        rows = np.flatnonzero(inside[start : start + len(chunk)])
        lengths = None if part.lengths is None else part.lengths[start + rows]
        steps_of_rows = replace(part, lengths=lengths).real(chunk[rows], 0)
        read.append(steps_of_rows[:, columns])
    medians = []
    for column in np.concatenate(read).T:
        finite = column[np.isfinite(column)]
        medians.append(float(np.median(finite)) if len(finite) else 0.0)
    return medians


def _write_part(
    part: Part,
    folder: Path | None,
    keep: np.ndarray,
    features: np.ndarray,
    fill: np.ndarray | None,
) -> Part:
    """Return some samples and features of a modality.

    Args:
        part: the modality.
        folder: that takes the array; None to hold it in memory.
        keep: which samples to write, bool (N,).
        features: which features to write, bool (F,).
        fill: replacements of values that are not finite, (F,), or None to keep them.
    """
    lengths = None if part.lengths is None else part.lengths[keep]
    is_same = bool(keep.all() and features.all() and fill is None)
    if is_same and folder is None:
        return part
    if is_same and part.path is not None and folder is not None:
        path = folder / part.path.name
        try:
            os.link(part.path, path)
        except OSError:  # the folder is on another disk, or the disk has no links
            shutil.copyfile(part.path, path)
        return replace(part, values=np.load(path, mmap_mode="r", allow_pickle=False))
    shape = (int(keep.sum()), *part.shape[1:-1], int(features.sum()))
    values = new_array(folder, part.name, shape)
    at = 0
    for start, chunk in array_chunks.enumerate_chunks(part.chunks()):
        chosen = chunk[keep[start : start + len(chunk)]]
        if fill is not None:
            chosen = np.where(np.isfinite(chosen), chosen, fill)
        values[at : at + len(chosen)] = chosen if features.all() else chosen[..., features]
        at += len(chosen)
    values.flags.writeable = False
    return replace(
        part,
        values=values,
        lengths=lengths,
        feature_names=tuple(compress(part.feature_names, features)),
        picture=part.picture if features.all() else None,
        given=part.given if features.all() else None,
    )
