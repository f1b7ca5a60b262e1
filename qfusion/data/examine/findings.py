"""Findings on an imported set: missing values, ids, split, target, copies, shared content, leaks of the target."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from qfusion._checks import require_few_modalities
from qfusion._sentences import count
from qfusion.data.coalition_terms import describe_coalition_count
from qfusion.data.examine import scans as modality_scan, shared_content
from qfusion.data.examine.scans import Scan
from qfusion.data.file_words import shown_names
from qfusion.data.raw import Finding
from qfusion.data.row_splits import SPLITS
from qfusion.data.staged_set import Part, StagedSet
from qfusion.errors import InvalidInput

SHARED_SHARE = 0.1  # share of samples with the content of another one from which it is noted
FEW_ROWS, FEW_SAMPLES = (
    0.5,
    0.2,
)  # different ones a sample below which values of a modality, or of all, are few
RARE_CLASS = 3  # samples of a class below which some part of the split has none
PLACEHOLDERS = (
    "-1",
    "-9",
    "-99",
    "-999",
    "-9999",
    "xxx",
    "missing",
    "unknown",
    "unlabelled",
    "unlabeled",
)
_LARGEST_CLASS = 0.9  # share of one class above which accuracy says little


def find_all(staged: StagedSet, scans: Mapping[str, Scan]) -> Iterator[Finding]:
    """Yield all findings on a set.

    Args:
        staged: the set as it was read.
        scans: statistics of the values, by modality.
    """
    # 0 for training, 1 for validation, 2 for test, -1 for none
    rank = np.select([staged.split == part for part in SPLITS], [0, 1, 2], -1)
    for part in staged.parts:
        yield from _value_findings(part, scans[part.name])
    yield from _coalition_findings(len(staged.parts))
    yield from _id_findings(staged, rank)
    yield from _split_findings(staged, rank)
    yield from _target_findings(staged)
    yield from _name_findings(staged)
    if staged.classes:
        yield from _class_findings(staged, rank)
    yield from _copy_findings(staged, rank, scans)
    yield from _sharing_findings(scans)
    yield from _leak_findings(staged)


def _value_findings(part: Part, scan: Scan) -> Iterator[Finding]:
    """Values that are not finite, and features and samples without information."""
    yield from _missing_value_findings(part, scan)
    yield from _constant_findings(part, scan)
    yield from _rows_finding(
        "zero-rows",
        "note",
        scan.zero,
        f"{_count_samples(scan.zero, 'is', 'are')} zeros only, as where a modality is missing.",
        where=part.name,
    )
    yield from _rows_finding(
        "front-padding",
        "warning",
        scan.late,
        f"{_count_samples(scan.late, 'begins', 'begin')} with a step of zeros, which counts as a step. If it is "
        "padding, move the other steps to the front: padding is read at the end only.",
        where=part.name,
    )


def _missing_value_findings(part: Part, scan: Scan) -> Iterator[Finding]:
    bad = scan.nans + scan.infinite
    if not bad.any():
        return
    nans = int(scan.nans.sum())
    infinite = int(scan.infinite.sum())
    rows = np.flatnonzero(scan.broken)
    worst_first = np.argsort(-bad, kind="stable")[: int((bad > 0).sum())]
    names = shown_names([part.feature_names[i] for i in worst_first])
    differ = len(np.unique(bad[worst_first])) > 1
    yield Finding(
        "not-finite",
        "error",
        f"{count(nans, 'value')} {'is' if nans == 1 else 'are'} NaN and {infinite:,} infinite, in "
        f"{len(rows):,} of {count(len(scan.keys), 'sample')} and {len(worst_first):,} of "
        f"{count(len(bad), 'feature')}, {'most in ' if differ else ''}{names}.",
        part.name,
        ("fill-median", "fill-zero", "drop-not-finite"),
        rows,
    )


def _constant_findings(part: Part, scan: Scan) -> Iterator[Finding]:
    constant = np.flatnonzero(scan.constant)
    features = len(scan.constant)
    if len(constant) == features:
        yield Finding(
            "empty-modality",
            "error",
            "No feature ever changes: the modality carries no information.",
            part.name,
            ("drop-constant",),
        )
        return
    if len(constant) == 0:
        return
    zeros = int(((scan.low == 0) & (scan.high == 0)).sum())
    if zeros == 0:
        zeros_clause = ""
    elif zeros == len(constant):
        zeros_clause = ", all zeros"
    else:
        zeros_clause = f", {zeros:,} of them zeros only"
    verb = "changes" if len(constant) == 1 else "change"
    names = shown_names([part.feature_names[i] for i in constant])
    yield Finding(
        "constant",
        "warning",
        f"{len(constant):,} of {count(features, 'feature')} never {verb}{zeros_clause}: {names}.",
        part.name,
        ("drop-constant",),
    )


def _coalition_findings(modalities: int) -> Iterator[Finding]:
    """Yield findings on whether so many modalities can be explained, and at what cost."""
    try:
        require_few_modalities("A data set", modalities)
    except InvalidInput as error:
        yield Finding("many-modalities", "error", str(error))
        return
    sentence = describe_coalition_count(modalities)
    if sentence:
        yield Finding("many-coalitions", "note", sentence)


def _id_findings(staged: StagedSet, rank: np.ndarray) -> Iterator[Finding]:
    """Missing and repeated ids."""
    ids = staged.ids
    empty = ids == ""
    leaks_on = _recurs_later(ids, rank) & ~empty
    repeated = _repeats_earlier(ids, rank) & ~empty
    yield from _rows_finding(
        "empty-id",
        "error",
        empty,
        f"{_count_samples(empty, 'has', 'have')} no id, the first in row {empty.argmax() + 1}.",
        "rename-ids",
    )
    yield from _rows_finding(
        "leak-id",
        "error",
        leaks_on,
        f"{_count_samples(leaks_on, 'has', 'have')} the id of a sample in a later part of the split (training, "
        f"validation, test): {shown_names(ids[leaks_on].tolist())}.",
        "drop-leaking",
        "rename-ids",
    )
    yield from _rows_finding(
        "duplicate-id",
        "error",
        repeated,
        f"{_count_samples(repeated, 'has', 'have')} the id of an earlier one: {shown_names(ids[repeated].tolist())}.",
        "drop-duplicates",
        "rename-ids",
    )


def _split_findings(staged: StagedSet, rank: np.ndarray) -> Iterator[Finding]:
    """A missing split, empty parts, and samples in no part."""
    if len(staged) < len(SPLITS):
        yield Finding(
            "few-samples",
            "error",
            f"A set must have at least {len(SPLITS)} samples, one each to train, validate and test, but has "
            f"{len(staged)}.",
        )
        return
    if (rank < 0).all():
        yield Finding(
            "no-split",
            "error",
            "There is no split into training, validation and test.",
            repairs=("make-split",),
        )
        return
    empty = [part for part in SPLITS if part not in staged.split]
    if empty:
        is_drawn_from_training = empty == ["valid"] and (rank == 0).sum() > 1
        origin = (
            "drawn from the training samples"
            if is_drawn_from_training
            else "made anew from all samples"
        )
        yield Finding(
            "empty-split",
            "error",
            f"No sample is in {' or '.join(empty)}. With `make-split` it would be {origin}.",
            repairs=("make-split",),
        )
    outside = rank < 0
    yield from _rows_finding(
        "outside-split",
        "error",
        outside,
        f"{_count_samples(outside, 'is', 'are')} in no part of the split.",
        "drop-outside",
    )


def _target_findings(staged: StagedSet) -> Iterator[Finding]:
    """Samples without a target, and targets that are all equal."""
    missing = staged.missing
    what = "label" if staged.classes else "target"
    first_id = str(staged.ids[missing.argmax()])[:60]
    yield from _rows_finding(
        "no-target",
        "error",
        missing,
        f"{_count_samples(missing, 'has', 'have')} no {what}, the first '{first_id}'.",
        "drop-unlabelled",
    )
    if len(np.unique(staged.y[~missing])) < 2:
        yield Finding(
            "one-target",
            "error",
            "All samples have the same target: there is nothing to predict.",
        )


def _name_findings(staged: StagedSet) -> Iterator[Finding]:
    """Classes whose names differ in capitals only, and targets that often stand for a missing one."""
    alike: dict[str, list[str]] = {}
    for name in staged.labels or staged.classes:
        alike.setdefault(" ".join(name.casefold().split()), []).append(repr(name[:40]))
    pairs = [" and ".join(names) for names in alike.values() if len(names) > 1]
    if pairs:
        yield Finding(
            "similar-classes",
            "warning",
            f"Classes differ in capitals or blanks only: {shown_names(pairs)}. If they are the same, write them alike.",
        )
    rows, shown = _find_placeholders(staged)
    yield from _rows_finding(
        "placeholder",
        "warning",
        rows,
        f"{_count_samples(rows, 'has', 'have')} the target {shown}, which often stands for a missing one. If it does, "
        "leave it empty in the file.",
    )


def _find_placeholders(staged: StagedSet) -> tuple[np.ndarray, str]:
    """Return which samples have a target that often stands for a missing one, bool (N,), and these targets."""
    if staged.classes:
        names = {name for name in staged.classes if name.casefold() in PLACEHOLDERS}
        others = set(staged.classes) - names
        if others == {"1"} or any(name.startswith("-") for name in others):
            names.discard("-1")  # a sign, or one of a scale
        places = [place for place, name in enumerate(staged.classes) if name in names]
        return np.isin(staged.y, places), " or ".join(repr(staged.classes[at]) for at in places)
    y = np.unique(staged.y[~staged.missing])
    if len(y) > 2 and y[1] - y[0] > y[-1] - y[1] and f"{y[0]:g}" in PLACEHOLDERS:
        return staged.y == y[0], f"{y[0]:g}"
    return np.zeros(len(staged), bool), ""


def _class_findings(staged: StagedSet, rank: np.ndarray) -> Iterator[Finding]:
    """Classes that are too many, too rare, unseen in training, or too common."""
    has_label = ~staged.missing
    y = staged.y[has_label]
    counts = np.bincount(y, minlength=len(staged.classes))
    rare = np.flatnonzero((counts > 0) & (counts < RARE_CLASS))
    occurring = int((counts > 0).sum())
    # Sets of labels may be many, since every label is a question of its own.
    if not staged.labels and occurring > max(2, len(y) / 3):
        examples = shown_names([repr(name) for name in staged.classes[:3]])
        yield Finding(
            "many-classes",
            "error",
            f"{len(y):,} samples have {occurring:,} classes, more than one for every three samples, such as "
            f"{examples}. Are they amounts (--target regression), or is another column the label?",
            repairs=("drop-rare",) if len(rare) < occurring else (),
        )
    rare_names = shown_names([f"{staged.classes[i]} ({counts[i]})" for i in rare])
    yield from _rows_finding(
        "rare-class",
        "warning",
        np.isin(staged.y, rare),
        f"{len(rare):,} of {len(counts):,} classes {'has' if len(rare) == 1 else 'have'} fewer than {RARE_CLASS} "
        f"samples, too few to train, validate and test: {rare_names}.",
        "drop-rare",
    )
    unseen = np.setdiff1d(staged.y[(rank > 0) & has_label], staged.y[rank == 0])
    if len(unseen) and (rank == 0).any():
        yield Finding(
            "unseen-class",
            "warning",
            f"Training never sees {count(len(unseen), 'class', 'classes')} that "
            f"{'is' if len(unseen) == 1 else 'are'} validated or tested: "
            f"{shown_names([staged.classes[i] for i in unseen])}.",
        )
    if counts.max() > _LARGEST_CLASS * counts.sum():
        share = counts.max() / max(1, counts.sum())
        largest = staged.classes[int(counts.argmax())][:40]
        yield Finding(
            "uneven",
            "warning",
            f"{share:.1%} of the samples are of class '{largest}': predicting it always is as accurate as that.",
        )


def _copy_findings(
    staged: StagedSet, rank: np.ndarray, scans: Mapping[str, Scan]
) -> Iterator[Finding]:
    """Samples that are equal in every modality, and rows of one modality that occur in two parts of the split. It is
    noted only where different samples are few, as rows of few yes-or-no answers are.
    """
    digests = np.zeros(len(staged), np.uint64)
    for scan in scans.values():
        digests = digests * np.uint64(0x9E3779B97F4A7C15) + scan.keys
    leaking = _recurs_later(digests, rank)
    repeated = _repeats_earlier(digests, rank)
    few = _have_few_values(digests, FEW_SAMPLES)
    severity = "note" if few else "warning"
    outcome = "few different samples occur at all" if few else "test results would be too good"
    yield from _rows_finding(
        "leak-sample",
        severity,
        leaking,
        f"{_count_samples(leaking, 'is', 'are')}, in every modality, the same as one in a later part of the split "
        f"(training, validation, test): {outcome}. {shown_names(staged.ids[leaking].tolist())}.",
        "drop-leaking",
    )
    yield from _rows_finding(
        "duplicate-sample",
        severity,
        repeated,
        f"{_count_samples(repeated, 'is', 'are')}, in every modality, the same as an earlier one in the same part: "
        f"{shown_names(staged.ids[repeated].tolist())}.",
        "drop-duplicates",
    )
    for name, scan in scans.items():
        usable = ~scan.zero & ~scan.broken & ~leaking
        shared = _recurs_later(scan.keys[usable], rank[usable])
        if not shared.any():
            continue
        has_few_values = _have_few_values(scan.keys, FEW_ROWS)
        reason = ": the same recording or sentence may be in both."
        if has_few_values:
            reason = ", where few different values occur at all."
        yield Finding(
            "leak-row",
            "note" if has_few_values else "warning",
            f"{_count_samples(shared, 'shares', 'share')} this modality, value for value, with one in a later part of "
            f"the split{reason}",
            name,
        )


def _have_few_values(keys: np.ndarray, most: float) -> bool:
    """Return whether the number of different values is below a share of that of samples."""
    return len(np.unique(keys)) < most * len(keys)


def _sharing_findings(scans: Mapping[str, Scan]) -> Iterator[Finding]:
    """Yield findings on modalities whose samples share content, such as the pictures of balanced pairs. Modalities
    with few different values are left out.
    """
    for name, scan in scans.items():
        sizes = np.bincount(scan.contents)
        shared = int(sizes[sizes > 1].sum())
        if len(sizes) >= shared_content.FEW and shared >= SHARED_SHARE * len(scan.contents):
            yield Finding(
                "shared-content",
                "note",
                f"{len(scan.contents):,} samples have {len(sizes):,} different contents of this modality. If "
                "`make-split` draws the split, samples with the same content stay in one part as far as possible.",
                name,
            )


def _leak_findings(staged: StagedSet) -> Iterator[Finding]:
    """Features that equal the target, see `leaks`."""
    for part in staged.parts:
        rows = modality_scan.select_rows(~staged.missing, int(np.prod(part.shape[1:])))
        if len(rows) == 0 or np.prod(part.shape) == 0:
            continue
        values, feature = part.summaries(rows)
        equal = modality_scan.find_leaks(values, staged.y[rows], bool(staged.classes))
        if len(equal) == 0:
            continue
        names = [part.feature_names[number] for number in feature]
        basis = (
            f"{modality_scan.describe_leaks(names, equal)} ({count(len(rows), 'sample')} examined.)"
        )
        if staged.leaks_are_meant:
            yield Finding("target-leak", "warning", f"{basis} It is kept, as agreed.", part.name)
            continue
        yield Finding(
            "target-leak",
            "error",
            f"{basis} A model would read the answer there. Drop it, or agree to keep it if it is known before the "
            "target is.",
            part.name,
            ("drop-leaks", "keep-leaks"),
            features=np.unique(feature[equal]),
        )


def _rows_finding(
    code: str, severity: str, rows: np.ndarray, words: str, *repairs: str, where: str = ""
) -> Iterator[Finding]:
    """Yield a finding on some samples, bool (N,), if there are any."""
    if rows.any():
        yield Finding(code, severity, words, where, repairs, np.flatnonzero(rows))


def _count_samples(rows: np.ndarray, singular: str, plural: str) -> str:
    """The number of samples, of bool (N,), and a verb: "1 sample is", "3 samples are"."""
    number = int(rows.sum())
    return f"{count(number, 'sample')} {singular if number == 1 else plural}"


def _repeats_earlier(keys: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """Return which samples have the key of an earlier one in the same part, bool (N,)."""
    return pd.DataFrame({"key": keys, "rank": rank}).duplicated().to_numpy()


def _recurs_later(keys: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """Return which samples have the key of one in a part further from training, bool (N,)."""
    last = pd.Series(rank).groupby(keys).transform("max").to_numpy()
    return (rank < last) & (rank >= 0)
