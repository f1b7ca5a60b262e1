"""What there is to know about a set before it is kept: sizes, values, labels, ids, and leaks between the parts of its
split.

Nothing is changed here. Values are read once, in pieces.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qfusion.data.formats.staged_set import SEVERITIES, Finding, Part, StagedSet, count
from qfusion.data.spec import SPLITS
from qfusion.errors import InvalidInput

Progress = Callable[[int, int, str], None]
RARE = 3  # samples of a class below which not every part of a split can have one
UNEVEN = 0.9  # share of one class from which accuracy says little
_SHOWN = 8


@dataclass(eq=False)
class Scan:
    """What one reading of a modality found: per feature (F,) and per sample (N,)."""

    nans: np.ndarray
    infinite: np.ndarray
    low: np.ndarray
    high: np.ndarray
    broken: np.ndarray  # samples with a value that is not finite
    zero: np.ndarray  # samples that are zeros only
    keys: np.ndarray  # digests of the rows, uint64

    @property
    def constant(self) -> np.ndarray:
        """Features that never change, bool (F,)."""
        return ~(self.high > self.low)


@dataclass(eq=False)
class Report:
    """Sizes and findings.

    Attributes:
        samples: how many; splits: how many in each part.
        modalities: of each its name, shape, and whether it holds sequences.
        target: name, kind, and either samples a class or the range, mean and deviation, by part.
        findings: worst first.
        scans: what was read, by modality.
    """

    samples: int
    splits: dict[str, int]
    modalities: list[dict[str, Any]]
    target: dict[str, Any]
    findings: list[Finding]
    scans: dict[str, Scan] = field(default_factory=dict)

    @property
    def errors(self) -> list[Finding]:
        """What keeps the set out."""
        return [found for found in self.findings if found.severity == "error"]

    @property
    def repairs(self) -> list[str]:
        """Names of the repairs that are offered, each once."""
        return list(dict.fromkeys(name for found in self.findings for name in found.repairs))

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON knows it."""
        return {
            "samples": self.samples,
            "splits": self.splits,
            "modalities": self.modalities,
            "target": self.target,
            "findings": [found.as_dict() for found in self.findings],
            "repairs": self.repairs,
            "can_be_kept": not self.errors,
        }

    def require_fit(self) -> None:
        """Raises InvalidInput, with the first error and the repairs that are offered, when the set cannot be kept."""
        if not self.errors:
            return
        first, more = self.errors[0], len(self.errors) - 1
        offered = ", ".join(dict.fromkeys(name for found in self.errors for name in found.repairs))
        remedy = (
            f"Repairs that would mend it, if you agree: {offered}." if offered else "Mend the file."
        )
        raise InvalidInput(
            f"As it is, the set cannot be kept: {first.where}{': ' if first.where else ''}{first.words}"
            f"{f' ({more} more errors in the report.)' if more else ''} {remedy}"
        )


def examine(staged: StagedSet, progress: Progress | None = None) -> Report:
    """Returns the report on a set.

    Args:
        staged: the set as it was read.
        progress: called with modalities read, modalities in all, and the next one's name.
    """
    scans = {}
    for done, part in enumerate(staged.parts):
        if progress is not None:
            progress(done, len(staged.parts), f"examining {part.name}")
        scans[part.name] = _scan(part)
    findings = [*staged.findings]
    for part in staged.parts:
        findings += _of_values(part, scans[part.name])
    findings += [
        *_of_ids(staged),
        *_of_split(staged),
        *_of_target(staged),
        *_of_copies(staged, scans),
    ]
    findings.sort(key=lambda found: SEVERITIES.index(found.severity))
    return Report(
        len(staged),
        {part: int((staged.split == part).sum()) for part in SPLITS},
        [
            {"name": p.name, "shape": list(p.shape), "sequence": p.lengths is not None}
            for p in staged.parts
        ],
        _target(staged),
        findings,
        scans,
    )


def _scan(part: Part) -> Scan:
    samples, size = part.shape[0], part.shape[-1]
    found = Scan(
        np.zeros(size, np.int64),
        np.zeros(size, np.int64),
        np.full(size, np.inf),
        np.full(size, -np.inf),
        np.zeros(samples, bool),
        np.zeros(samples, bool),
        np.zeros(samples, np.uint64),
    )
    at = 0
    for piece in part.pieces():
        rows = slice(at, at + len(piece))
        real = part.real(piece, at)
        finite = np.isfinite(real)
        if not finite.all():
            nan = np.isnan(real)
            found.nans += nan.sum(0)
            found.infinite += (~finite & ~nan).sum(0)
            found.broken[rows] = ~np.isfinite(piece).reshape(len(piece), -1).all(1)
            low, high = (
                np.where(finite, real, np.inf).min(0),
                np.where(finite, real, -np.inf).max(0),
            )
        else:
            low, high = real.min(0), real.max(0)
        found.low, found.high = np.minimum(found.low, low), np.maximum(found.high, high)
        found.zero[rows] = ~piece.reshape(len(piece), -1).any(1)
        found.keys[rows] = _keys(piece)
        at += len(piece)
    return found


def _keys(piece: np.ndarray) -> np.ndarray:
    """A digest of every row, uint64 (n,)."""
    flat = np.ascontiguousarray(piece).reshape(len(piece), -1).view(np.uint8)
    return np.frombuffer(
        b"".join(hashlib.blake2b(row.data, digest_size=8).digest() for row in flat), np.uint64
    )


def _some(number: int, one: str, more: str) -> str:
    """So many samples, and the verb."""
    return f"{count(number, 'sample')} {one if number == 1 else more}"


def _zeros(zeros: int, still: int) -> str:
    return ", all zeros" if zeros == still else f", {zeros:,} of them zeros only" if zeros else ""


def _names(names: Sequence[object]) -> str:
    shown = ", ".join(str(name)[:40] for name in names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _of_values(part: Part, scan: Scan) -> list[Finding]:
    found = []
    bad = scan.nans + scan.infinite
    if bad.any():
        worst = np.argsort(-bad, kind="stable")[: int((bad > 0).sum())]
        rows, nans = np.flatnonzero(scan.broken), int(scan.nans.sum())
        most = "most in " if len(set(bad[worst].tolist())) > 1 else ""
        words = (
            f"{count(nans, 'value')} {'is' if nans == 1 else 'are'} NaN and {int(scan.infinite.sum()):,} infinite, in "
            f"{len(rows):,} of {count(len(scan.keys), 'sample')} and {len(worst):,} of {count(len(bad), 'feature')}, "
            f"{most}{_names([part.feature_names[i] for i in worst])}."
        )
        found.append(
            Finding(
                "not-finite",
                "error",
                words,
                part.name,
                ("fill-median", "fill-zero", "drop-not-finite"),
                rows,
            )
        )
    still = np.flatnonzero(scan.constant)
    if len(still) == len(bad):
        words = "No feature ever changes: the modality says nothing."
        found.append(Finding("empty-modality", "error", words, part.name, ("drop-constant",)))
    elif len(still):
        zeros = int(((scan.low == 0) & (scan.high == 0)).sum())
        words = (
            f"{len(still):,} of {count(len(bad), 'feature')} never {'changes' if len(still) == 1 else 'change'}"
            f"{_zeros(zeros, len(still))}: {_names([part.feature_names[i] for i in still])}."
        )
        found.append(Finding("constant", "warning", words, part.name, ("drop-constant",)))
    if scan.zero.any():
        words = f"{_some(int(scan.zero.sum()), 'is', 'are')} zeros only, as where a modality is missing."
        found.append(Finding("zero-rows", "note", words, part.name))
    return found


def _again(codes: np.ndarray) -> np.ndarray:
    """Which entries have occurred before, bool (N,)."""
    first = np.zeros(len(codes), bool)
    first[np.unique(codes, return_index=True)[1]] = True
    return ~first


def _rank(staged: StagedSet) -> np.ndarray:
    """0 for training, 1 for validation, 2 for test, -1 for none."""
    return np.select([staged.split == part for part in SPLITS], [0, 1, 2], -1)


def _leaking(codes: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """Which samples occur again in a part further from training, bool (N,)."""
    top = np.full(int(codes.max(initial=-1)) + 1, -1)
    np.maximum.at(top, codes, rank)
    return (rank < top[codes]) & (rank >= 0)


def _of_ids(staged: StagedSet) -> list[Finding]:
    found = []
    empty = np.flatnonzero(staged.ids == "")
    if len(empty):
        words = f"{_some(len(empty), 'has', 'have')} no id, the first in row {empty[0] + 1}."
        found.append(Finding("empty-id", "error", words, "", ("rename-ids",)))
    unique, codes = np.unique(staged.ids, return_inverse=True)
    if len(unique) == len(codes):
        return found
    rank = _rank(staged)
    leaks = np.flatnonzero(_leaking(codes, rank) & (staged.ids != ""))
    if len(leaks):
        words = (
            f"{_some(len(leaks), 'has', 'have')} the id of a sample in a later part of the split (training, "
            f"validation, test): {_names(staged.ids[leaks].tolist())}."
        )
        found.append(Finding("leak-id", "error", words, "", ("drop-leaking", "rename-ids"), leaks))
    again = np.flatnonzero(_again(codes * 4 + rank + 1) & (staged.ids != ""))
    if len(again):
        words = f"{_some(len(again), 'has', 'have')} the id of one before them: {_names(staged.ids[again].tolist())}."
        found.append(
            Finding("duplicate-id", "error", words, "", ("drop-duplicates", "rename-ids"), again)
        )
    return found


def _of_split(staged: StagedSet) -> list[Finding]:
    counts = {part: int((staged.split == part).sum()) for part in SPLITS}
    if not any(counts.values()):
        return [
            Finding(
                "no-split",
                "error",
                "There is no split into training, validation and test.",
                "",
                ("make-split",),
            )
        ]
    empty = [part for part in SPLITS if not counts[part]]
    outside = np.flatnonzero(~np.isin(staged.split, SPLITS))
    found = []
    if empty:
        remedy = (
            "drawn from the training samples"
            if empty == ["valid"] and counts["train"] > 1
            else "made anew from all samples"
        )
        words = f"No sample is in {' or '.join(empty)}. With `make-split` it would be {remedy}."
        found.append(Finding("empty-split", "error", words, "", ("make-split",)))
    if len(outside):
        words = f"{_some(len(outside), 'is', 'are')} in no part of the split."
        found.append(Finding("outside-split", "error", words, "", ("drop-outside",), outside))
    return found


def _target(staged: StagedSet) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": staged.target,
        "kind": "classification" if staged.classes else "regression",
    }
    if staged.classes:

        def counts(rows: np.ndarray) -> list[int]:
            return np.bincount(
                staged.y[rows & (staged.y >= 0)], minlength=len(staged.classes)
            ).tolist()

        return told | {
            "classes": list(staged.classes),
            "convention": "classes",
            "counts": {part: counts(staged.split == part) for part in SPLITS},
            "samples": counts(np.ones(len(staged), bool)),
        }
    y = staged.y[~staged.missing]
    facts = {"low": y.min, "high": y.max, "mean": y.mean, "deviation": y.std}
    told |= {"range": staged.bounds, "convention": staged.convention}
    return told | {key: float(of()) if len(y) else None for key, of in facts.items()}


def _of_target(staged: StagedSet) -> list[Finding]:
    found = []
    absent = np.flatnonzero(staged.missing)
    if len(absent):
        words = (
            f"{_some(len(absent), 'has', 'have')} no {'label' if staged.classes else 'target'}, the first "
            f"'{str(staged.ids[absent[0]])[:60]}'."
        )
        found.append(Finding("no-target", "error", words, "", ("drop-unlabelled",), absent))
    y = staged.y[~staged.missing]
    if len(np.unique(y)) < 2:
        found.append(
            Finding(
                "one-target",
                "error",
                "All samples have the same target: there is nothing to predict.",
            )
        )
    if not staged.classes:
        return found
    counts = np.bincount(y, minlength=len(staged.classes))
    rare = np.flatnonzero((counts > 0) & (counts < RARE))
    if len(rare):
        words = (
            f"{len(rare):,} of {len(counts):,} classes {'has' if len(rare) == 1 else 'have'} fewer than {RARE} "
            "samples, too few to train, validate and test: "
            f"{_names([f'{staged.classes[i]} ({counts[i]})' for i in rare])}."
        )
        found.append(
            Finding(
                "rare-class",
                "warning",
                words,
                "",
                ("drop-rare",),
                np.flatnonzero(np.isin(staged.y, rare)),
            )
        )
    seen = np.unique(staged.y[staged.split == "train"])
    unseen = np.setdiff1d(
        np.unique(staged.y[np.isin(staged.split, SPLITS[1:]) & (staged.y >= 0)]), seen
    )
    if len(unseen) and (staged.split == "train").any():
        found.append(
            Finding(
                "unseen-class",
                "warning",
                f"Training never sees {_classes(len(unseen))} validated or tested: "
                f"{_names([staged.classes[i] for i in unseen])}.",
            )
        )
    if counts.max(initial=0) > UNEVEN * counts.sum():
        found.append(
            Finding(
                "uneven",
                "warning",
                f"{counts.max() / counts.sum():.1%} of the samples are of class "
                f"'{staged.classes[int(counts.argmax())][:40]}': saying it always is "
                "as accurate as that.",
            )
        )
    return found


def _classes(number: int) -> str:
    return "1 class that is" if number == 1 else f"{number:,} classes that are"


def _of_copies(staged: StagedSet, scans: dict[str, Scan]) -> list[Finding]:
    """Samples that are the same in every modality, and rows of one modality that occur in two parts of the split."""
    found, rank = [], _rank(staged)
    whole = np.zeros(len(staged), np.uint64)
    for scan in scans.values():
        whole = whole * np.uint64(0x9E3779B97F4A7C15) + scan.keys
    codes = np.unique(whole, return_inverse=True)[1]
    leaks = _leaking(codes, rank)
    if leaks.any():
        rows = np.flatnonzero(leaks)
        words = (
            f"{_some(len(rows), 'is', 'are')}, in every modality, the same as one in a later part of the split "
            f"(training, validation, test): figures would be too good. {_names(staged.ids[rows].tolist())}."
        )
        found.append(Finding("leak-sample", "warning", words, "", ("drop-leaking",), rows))
    again = np.flatnonzero(_again(codes * 4 + rank + 1))
    if len(again):
        words = (
            f"{_some(len(again), 'is', 'are')}, in every modality, the same as one before them in the same part: "
            f"{_names(staged.ids[again].tolist())}."
        )
        found.append(Finding("duplicate-sample", "warning", words, "", ("drop-duplicates",), again))
    for name, scan in scans.items():
        usable = ~scan.zero & ~scan.broken & ~leaks
        each = np.unique(scan.keys, return_inverse=True)[1]
        same = int(_leaking(each[usable], rank[usable]).sum())
        if same:
            few = len(np.unique(each)) < len(staged) / 2
            why = (
                ", where few different values occur at all."
                if few
                else ": the same recording or sentence may be in both."
            )
            words = (
                f"{_some(same, 'shares', 'share')} this modality, value for value, with one in a later part of "
                f"the split{why}"
            )
            found.append(Finding("leak-row", "note" if few else "warning", words, name))
    return found
