"""One check of a review: its topic, what came out, the number that it rests on, and its verdict."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any, TypeVar

import pandas as pd

from qfusion.explain.bootstrap import Interval


class Verdict(StrEnum):
    """Outcome of a check. A fault invalidates a reported figure; a note belongs into the paper."""

    FAULT = "fault"
    NOTE = "note"
    PASSED = "passed"
    UNCHECKED = "not checked"


Claimed = TypeVar("Claimed")
SEVERITY = (Verdict.FAULT, Verdict.NOTE, Verdict.UNCHECKED, Verdict.PASSED)


class Topic(StrEnum):
    """Subject of a check, in the order of a review."""

    SPLIT = "split"
    MODALITIES = "modalities"
    GAIN = "gain"
    SEEDS = "seeds"
    CONVENTION = "convention"
    CALIBRATION = "calibration"
    STABILITY = "stability"
    RESOURCES = "resources"
    ROBUSTNESS = "robustness"
    PROVENANCE = "provenance"


class Finding(Enum):
    """What a check came out with, and its verdict. `plugins.review.words` has the sentences."""

    # Anything
    GAME = "a measured game has no features", Verdict.UNCHECKED
    NO_TRUTH = "targets are not known", Verdict.UNCHECKED
    ONE_MODALITY = "there is one modality", Verdict.UNCHECKED
    FAILED = "could not be computed", Verdict.UNCHECKED
    # Split
    GROUPS_SHARED = "test groups were learned from", Verdict.FAULT
    COPIES = "copies across the split", Verdict.FAULT
    NEAR_COPIES = "near copies across the split", Verdict.FAULT
    LABELS_KNOWN = "labels that cannot be learned are known of test rows", Verdict.FAULT
    CLOSE_ROWS = "test rows lie close to learned rows", Verdict.NOTE
    PEOPLE_KNOWN = "test people were learned from", Verdict.NOTE
    CONTENT_SEEN = "content of a modality was learned from", Verdict.NOTE
    DISJOINT = "nothing is shared", Verdict.PASSED
    COMMON_VALUES = "test rows are equal to learned rows as chance explains", Verdict.PASSED
    # Modalities
    CONSTANT = "a modality is constant", Verdict.FAULT
    TARGET_IN_FEATURES = "features contain the target", Verdict.FAULT
    FEATURES_LEARNED_LABELS = "features seem to have been made with labels", Verdict.FAULT
    ONE_IS_ENOUGH = "all are not shown to be better than one", Verdict.NOTE
    NONE_IS_ENOUGH = "all are better than one", Verdict.PASSED
    # Gain
    RIVAL_UNDERTRAINED = "a rival is undertrained", Verdict.FAULT
    PLAIN_BETTER = "a plain model is better", Verdict.NOTE
    NO_GAIN = "no gain over late fusion is shown", Verdict.NOTE
    GAIN = "better than late fusion", Verdict.PASSED
    # Seeds
    BEST_SEED = "the best seed is reported", Verdict.FAULT
    BEYOND_SEEDS = "no seed reaches the reported figure", Verdict.FAULT
    BELOW_SEEDS = "the reported figure is below the mean", Verdict.NOTE
    BEST_SEED_OPENED = "the model in question is the best seed", Verdict.NOTE
    ONE_SEED = "one seed is known", Verdict.UNCHECKED
    MEAN_REPORTED = "the mean is reported", Verdict.PASSED
    SEEDS_KNOWN = "the spread over seeds is known", Verdict.PASSED
    # Convention
    OTHER_CONVENTION = "the reported figure is of another convention", Verdict.FAULT
    NOT_REPRODUCED = "the reported figure is not reproduced", Verdict.NOTE
    CONVENTION_HOLDS = "the reported figure is of its convention", Verdict.PASSED
    CONVENTIONS_DIFFER = "conventions differ", Verdict.PASSED
    ONE_CONVENTION = "there is one convention", Verdict.PASSED
    # Calibration
    MISCALIBRATED = "probabilities are not calibrated", Verdict.NOTE
    CALIBRATED = "no miscalibration is shown", Verdict.PASSED
    SLOPE_OFF = "scores are on another scale than the truth", Verdict.NOTE
    SLOPE_HOLDS = "no other scale than that of the truth is shown", Verdict.PASSED
    # Stability
    SEEDS_DISAGREE = "explanations depend on the seed", Verdict.FAULT
    SEEDS_VARY = "seeds are not shown to agree well", Verdict.NOTE
    SEEDS_AGREE = "seeds agree on explanations", Verdict.PASSED
    SEEDS_UNKNOWN = "explanations of other seeds are unknown", Verdict.UNCHECKED
    # Resources
    CLAIMED_NOT_NEEDED = "a claimed resource is not needed", Verdict.FAULT
    CLAIM_UNDECIDED = "a claimed resource is undecided", Verdict.NOTE
    NOT_NEEDED = "resources are not needed", Verdict.NOTE
    USED = "resources are used", Verdict.NOTE
    UNDECIDED = "no resource is decided", Verdict.NOTE
    NEEDED = "resources are needed", Verdict.PASSED
    NO_RESOURCES = "nothing can be removed", Verdict.UNCHECKED
    # Robustness
    RETRAINING_HELPS = "plain models without a modality are better", Verdict.NOTE
    BELOW_CHANCE = "worse than a constant answer", Verdict.NOTE
    NEEDS_ALL = "not shown to be better than a constant answer without one modality", Verdict.NOTE
    ROBUST = "better than a constant answer without any one modality", Verdict.PASSED
    # Provenance
    OTHER_FEATURES = "features are not those of the training", Verdict.FAULT
    SAME_FEATURES = "features are those of the training", Verdict.PASSED
    LIKE_FEATURES = "other rows, and features like those of the training", Verdict.NOTE
    ORIGIN_UNKNOWN = "the training features are unknown", Verdict.UNCHECKED

    @property
    def verdict(self) -> Verdict:
        """Its verdict."""
        return self.value[1]


@dataclass(frozen=True, eq=False)
class Check:
    """One check of a review.

    Attributes:
        topic: of the check.
        findings: what came out, the gravest first.
        number: what the first finding rests on, with its 95% interval; None where there is none.
        unit: of the number.
        numbers: further numbers and words of the sentences, by name.
        table: details, a row each; None where there are none.
        details: numbers of single findings in their order, where several differ in them, as of several reported
            figures. They stand in for those of `numbers`.
    """

    topic: Topic
    findings: tuple[Finding, ...]
    number: Interval | None = None
    unit: str = ""
    numbers: Mapping[str, Any] = field(default_factory=dict)
    table: pd.DataFrame | None = None
    details: tuple[Mapping[str, Any], ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The gravest verdict of the findings."""
        return min((one.verdict for one in self.findings), key=SEVERITY.index)


def sort_judged(judged: Mapping[Claimed, Finding]) -> dict[Claimed, Finding]:
    """Return the findings on reported figures with the gravest first; equal ones stay in their order."""
    return dict(sorted(judged.items(), key=lambda pair: SEVERITY.index(pair[1].verdict)))


def sort_findings(findings: list[Finding]) -> tuple[Finding, ...]:
    """Return findings with the gravest first; equal ones stay in their order."""
    return tuple(sorted(findings, key=lambda one: SEVERITY.index(one.verdict)))
