"""Findings on an imported set: missing values, ids, split, target, copies, shared content, leaks of the target."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from qfusion._checks import require_few_modalities
from qfusion._sentences import count
from qfusion.data.coalition_terms import describe_coalition_count
from qfusion.data.examine import value_scans
from qfusion.data.examine.value_scans import Scan
from qfusion.data.parsing import shown_names
from qfusion.data.raw import Finding
from qfusion.data.row_splits import SPLITS
from qfusion.data.staged_set import Part, StagedSet
from qfusion.errors import InvalidInput

SHARED_SHARE = 0.1  # share of samples with the content of another one from which it is noted
FEW_ROWS = 0.5  # different ones a sample below which values of a modality are few
FEW_SAMPLES = 0.2  # the same of all modalities together
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
_PLURAL = {"is": "are", "has": "have", "begins": "begin", "shares": "share"}
_LATER = "a later part of the split"


def find_all(staged: StagedSet, scans: Mapping[str, Scan]) -> Iterator[Finding]:
    """Yield all findings on a set.

    Args:
        staged: the set as it was read.
        scans: statistics of the values, by modality.
    """
    # 0 for training, 1 for validation, 2 for test, -1 for none
    rank = pd.Index(SPLITS).get_indexer(staged.split)
    for part in staged.parts:
        yield from _value_findings(part, scans[part.name])
    yield from _coalition_findings(len(staged.parts))
    yield from _id_findings(staged.ids, rank)
    yield from _split_findings(rank)
    yield from _target_findings(staged)
    if staged.classes:
        yield from _class_findings(staged, rank)
    yield from _copy_findings(staged, rank, scans)
    for part in staged.parts:
        yield from _leak_findings(staged, part)


def _value_findings(part: Part, scan: Scan) -> Iterator[Finding]:
    """Values that are not finite, and features and samples without information."""
    bad = scan.nans + scan.infinite
    features = len(bad)
    if bad.any():
        nans = int(scan.nans.sum())
        worst_first = np.argsort(-bad, kind="stable")[: np.count_nonzero(bad)]
        most = "most in " if len(np.unique(bad[worst_first])) > 1 else ""
        yield Finding(
            "not-finite",
            "error",
            f"{count(nans, 'value is', 'values are')} NaN and {int(scan.infinite.sum()):,} infinite, in "
            f"{int(scan.broken.sum()):,} of {count(len(scan.keys), 'sample')} and {len(worst_first):,} of "
            f"{count(features, 'feature')}, {most}{_names(part.feature_names, worst_first)}.",
            part.name,
            ("fill-median", "fill-zero", "drop-not-finite"),
            np.flatnonzero(scan.broken),
        )
    constant = np.flatnonzero(scan.constant)
    if len(constant) == features:
        words = "No feature ever changes: the modality carries no information."
        yield Finding("empty-modality", "error", words, part.name, ("drop-constant",))
    elif len(constant):
        zeros = int(((scan.low == 0) & (scan.high == 0)).sum())
        clause = ", all zeros" if zeros == len(constant) else f", {zeros:,} of them zeros only"
        yield Finding(
            "constant",
            "warning",
            f"{len(constant):,} of {count(features, 'feature')} never "
            f"{'changes' if len(constant) == 1 else 'change'}{clause if zeros else ''}: "
            f"{_names(part.feature_names, constant)}.",
            part.name,
            ("drop-constant",),
        )
    yield from _of_samples(
        "zero-rows",
        "note",
        scan.zero,
        "is",
        "zeros only, as where a modality is missing.",
        where=part.name,
    )
    yield from _of_samples(
        "front-padding",
        "warning",
        scan.late,
        "begins",
        "with a step of zeros, which counts as a step. If it is padding, move the other steps to the front: padding is "
        "read at the end only.",
        where=part.name,
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


def _id_findings(ids: np.ndarray, rank: np.ndarray) -> Iterator[Finding]:
    """Missing and repeated ids."""
    empty = ids == ""
    recurs, repeats = _find_copies(ids, rank)
    words = f"no id, the first in row {empty.argmax() + 1}."
    yield from _of_samples("empty-id", "error", empty, "has", words, "rename-ids")
    leaks = recurs & ~empty
    words = (
        f"the id of a sample in {_LATER} (training, validation, test): {shown_names(ids[leaks])}."
    )
    yield from _of_samples("leak-id", "error", leaks, "has", words, "drop-leaking", "rename-ids")
    again = repeats & ~empty
    words = f"the id of an earlier one: {shown_names(ids[again])}."
    yield from _of_samples(
        "duplicate-id", "error", again, "has", words, "drop-duplicates", "rename-ids"
    )


def _split_findings(rank: np.ndarray) -> Iterator[Finding]:
    """A missing split, empty parts, and samples in no part."""
    sizes = np.bincount(rank[rank >= 0], minlength=len(SPLITS))
    if len(rank) < len(SPLITS):
        yield Finding(
            "few-samples",
            "error",
            f"A set must have at least {len(SPLITS)} samples, one each to train, validate and test, but has "
            f"{len(rank)}.",
        )
        return
    if not sizes.any():
        words = "There is no split into training, validation and test."
        yield Finding("no-split", "error", words, repairs=("make-split",))
        return
    empty = np.array(SPLITS)[sizes == 0].tolist()
    if empty:
        is_drawn_from_training = empty == ["valid"] and sizes[0] > 1
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
    words = "in no part of the split."
    yield from _of_samples("outside-split", "error", rank < 0, "is", words, "drop-outside")


def _target_findings(staged: StagedSet) -> Iterator[Finding]:
    """Samples without a target, targets that are all equal, classes of equal names, and targets that often stand for a
    missing one.
    """
    missing = staged.missing
    what = "label" if staged.classes else "target"
    words = f"no {what}, the first '{str(staged.ids[missing.argmax()])[:60]}'."
    yield from _of_samples("no-target", "error", missing, "has", words, "drop-unlabelled")
    if len(np.unique(staged.y[~missing])) < 2:
        words = "All samples have the same target: there is nothing to predict."
        yield Finding("one-target", "error", words)
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
    words = f"the target {shown}, which often stands for a missing one. If it does, leave it empty in the file."
    yield from _of_samples("placeholder", "warning", rows, "has", words)


def _find_placeholders(staged: StagedSet) -> tuple[np.ndarray, str]:
    """Return which samples have a target that often stands for a missing one, bool (N,), and these targets."""
    if staged.classes:
        names = pd.Series(staged.classes, dtype=object)
        is_known = names.str.casefold().isin(PLACEHOLDERS)
        others = names[~is_known]
        if others.tolist() == ["1"] or others.str.startswith("-").any():
            is_known &= names != "-1"  # a sign, or one of a scale
        rows = np.isin(staged.y, np.flatnonzero(is_known))
        return rows, " or ".join(map(repr, names[is_known]))
    y = np.unique(staged.y[~staged.missing])
    if len(y) > 2 and y[1] - y[0] > y[-1] - y[1] and f"{y[0]:g}" in PLACEHOLDERS:
        return staged.y == y[0], f"{y[0]:g}"
    return np.zeros(len(staged), bool), ""


def _class_findings(staged: StagedSet, rank: np.ndarray) -> Iterator[Finding]:
    """Classes that are too many, too rare, unseen in training, or too common."""
    y = staged.y[~staged.missing]
    counts = np.bincount(y, minlength=len(staged.classes))
    rare = np.flatnonzero((counts > 0) & (counts < RARE_CLASS))
    occurring = np.count_nonzero(counts)
    # Sets of labels may be many, since every label is a question of its own.
    if not staged.labels and occurring > max(2, len(y) / 3):
        yield Finding(
            "many-classes",
            "error",
            f"{len(y):,} samples have {occurring:,} classes, more than one for every three samples, such as "
            f"{', '.join(map(repr, staged.classes[:3]))}. Are they amounts (--target regression), or is another column "
            "the label?",
            repairs=("drop-rare",) if len(rare) < occurring else (),
        )
    if len(rare):
        names = shown_names([f"{staged.classes[i]} ({counts[i]})" for i in rare])
        yield Finding(
            "rare-class",
            "warning",
            f"{len(rare):,} of {len(counts):,} classes {'has' if len(rare) == 1 else 'have'} fewer than {RARE_CLASS} "
            f"samples, too few to train, validate and test: {names}.",
            repairs=("drop-rare",),
            rows=np.flatnonzero(np.isin(staged.y, rare)),
        )
    unseen = np.setdiff1d(staged.y[(rank > 0) & ~staged.missing], staged.y[rank == 0])
    if len(unseen) and (rank == 0).any():
        yield Finding(
            "unseen-class",
            "warning",
            f"Training never sees {count(len(unseen), 'class that is', 'classes that are')} validated or tested: "
            f"{_names(staged.classes, unseen)}.",
        )
    if counts.max() > _LARGEST_CLASS * counts.sum():
        yield Finding(
            "uneven",
            "warning",
            f"{counts.max() / counts.sum():.1%} of the samples are of class "
            f"'{staged.classes[int(counts.argmax())][:40]}': predicting it always is as accurate as that.",
        )


def _copy_findings(
    staged: StagedSet, rank: np.ndarray, scans: Mapping[str, Scan]
) -> Iterator[Finding]:
    """Samples that are equal in every modality, rows of one modality that occur in two parts of the split, and
    modalities whose samples share content, such as the pictures of balanced pairs. It is noted only where different
    samples are few, as rows of few yes-or-no answers are.
    """
    digests = np.zeros(len(staged), np.uint64)
    for scan in scans.values():
        digests = digests * np.uint64(0x9E3779B97F4A7C15) + scan.keys
    leaks, repeats = _find_copies(digests, rank)
    severity, outcome = "warning", "test results would be too good"
    if len(np.unique(digests)) < FEW_SAMPLES * len(staged):
        severity, outcome = "note", "few different samples occur at all"
    same = ", in every modality, the same as"
    words = f"one in {_LATER} (training, validation, test): {outcome}. {shown_names(staged.ids[leaks])}."
    yield from _of_samples("leak-sample", severity, leaks, "is", words, "drop-leaking", link=same)
    words = f"an earlier one in the same part: {shown_names(staged.ids[repeats])}."
    yield from _of_samples(
        "duplicate-sample", severity, repeats, "is", words, "drop-duplicates", link=same
    )
    for name, scan in scans.items():
        usable = ~scan.zero & ~scan.broken & ~leaks
        shared = np.zeros(len(staged), bool)
        shared[usable] = _find_copies(scan.keys[usable], rank[usable])[0]
        severity, reason = "warning", ": the same recording or sentence may be in both."
        if len(np.unique(scan.keys)) < FEW_ROWS * len(staged):
            severity, reason = "note", ", where few different values occur at all."
        words = f"this modality, value for value, with one in {_LATER}{reason}"
        yield from _of_samples("leak-row", severity, shared, "shares", words, where=name)
    for name, scan in scans.items():
        sizes = np.bincount(scan.contents)
        if len(sizes) >= value_scans.FEW and sizes[sizes > 1].sum() >= SHARED_SHARE * len(staged):
            yield Finding(
                "shared-content",
                "note",
                f"{len(staged):,} samples have {len(sizes):,} different contents of this modality. If "
                "`make-split` draws the split, samples with the same content stay in one part as far as possible.",
                name,
            )


def _leak_findings(staged: StagedSet, part: Part) -> Iterator[Finding]:
    """Features that equal the target, see `leaks`."""
    rows = value_scans.select_rows(~staged.missing, int(np.prod(part.shape[1:])))
    if len(rows) == 0 or np.prod(part.shape) == 0:
        return
    values, feature = part.summaries(rows)
    equal = value_scans.find_leaks(values, staged.y[rows], bool(staged.classes))
    if len(equal) == 0:
        return
    names = [part.feature_names[number] for number in feature]
    basis = f"{value_scans.describe_leaks(names, equal)} ({count(len(rows), 'sample')} examined.)"
    if staged.leaks_are_meant:
        yield Finding("target-leak", "warning", f"{basis} It is kept, as agreed.", part.name)
        return
    yield Finding(
        "target-leak",
        "error",
        f"{basis} A model would read the answer there. Drop it, or agree to keep it if it is known before the "
        "target is.",
        part.name,
        ("drop-leaks", "keep-leaks"),
        features=np.unique(feature[equal]),
    )


def _of_samples(
    code: str,
    severity: str,
    rows: np.ndarray,
    verb: str,
    words: str,
    *repairs: str,
    where: str = "",
    link: str = "",
) -> Iterator[Finding]:
    """Yield a finding on some samples, bool (N,), if there are any: "1 sample is", "3 samples are", and words."""
    if rows.any():
        samples = count(int(rows.sum()), f"sample {verb}", f"samples {_PLURAL[verb]}")
        sentence = f"{samples}{link} {words}"
        yield Finding(code, severity, sentence, where, repairs, np.flatnonzero(rows))


def _names(names: Sequence[str], places: np.ndarray) -> str:
    """Return the names at some places, for a sentence."""
    return shown_names(np.array(names, dtype=object)[places])


def _find_copies(keys: np.ndarray, rank: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which samples have the key of one in a part further from training, bool (N,), and which have that of an
    earlier one in the same part, bool (N,).
    """
    samples = pd.DataFrame({"key": keys, "rank": rank})
    last = samples.groupby("key")["rank"].transform("max").to_numpy()
    return (rank < last) & (rank >= 0), samples.duplicated().to_numpy()
