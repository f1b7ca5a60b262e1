"""How far a verdict depends on the background: the verdicts under three backgrounds.

words_of_sample(sample)      {"product": "joint", "joint": "joint", "mixed": "agreement"}
agreement(study)             the share of test samples on which all backgrounds give the same word
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qfusion._memory_cache import memo
from qfusion.analysis.background_choice import BACKGROUNDS, with_background
from qfusion.analysis.sample import Sample
from qfusion.analysis.shipped_results import shipped
from qfusion.analysis.study import Study
from qfusion.analysis.tasks import Task
from qfusion.models import FusionModel

COMPARED = ("product", "joint", "mixed")
NAMES = {kind: name for name, kind in BACKGROUNDS.items()}


def compared_kinds(study: Study) -> tuple[str, ...]:
    """Return the backgrounds over which verdicts are compared: those that the model can have, or none if one sample
    would take long.
    """
    if study.is_sampled or len(study.modalities) < 2:
        return ()
    return offered_kinds(study.model)


def offered_kinds(model: FusionModel) -> tuple[str, ...]:
    """Return which of the compared backgrounds a model can have."""
    offered = model.algebra.background_kinds
    return tuple(kind for kind in COMPARED if kind in offered)


def words_of_sample(sample: Sample) -> dict[str, str]:
    """Return the relation that each background gives a sample, by kind; none against one other sample or a cohort."""
    kinds = compared_kinds(sample.study)
    if sample.background.kind not in kinds:
        return {}
    words: dict[str, str] = {}
    for kind in kinds:
        other = replace(sample, study=with_background(sample.study, kind))
        words[kind] = other.verdict.relation.value
    return words


@dataclass(frozen=True)
class Agreement:
    """How often verdicts on B samples are the same word against several backgrounds.

    Attributes:
        kinds: of the backgrounds. samples: B. same: the share of samples with one word.
    """

    kinds: tuple[str, ...]
    samples: int
    same: float

    @property
    def names(self) -> list[str]:
        """The backgrounds as pages call them."""
        return [NAMES[kind] for kind in self.kinds]


def can_compare(study: Study) -> bool:
    """Return whether there are two backgrounds or more to compare, and explained test samples."""
    has_samples = np.isin(study.explained_rows, study.dataset.rows("test")).any()
    return len(compared_kinds(study)) > 1 and bool(has_samples)


@memo(12, task=Task.COMPARE_BACKGROUNDS, ready=shipped(Agreement | None))
def agreement(study: Study) -> Agreement | None:
    """Return how often the explained test samples get the same word against every background; None where no
    backgrounds can be compared."""
    if not can_compare(study):
        return None
    kinds = compared_kinds(study)
    inside = np.isin(study.explained_rows, study.dataset.rows("test"))
    words = np.stack(
        [with_background(study, kind).explained_verdicts().relation[inside] for kind in kinds]
    )
    return Agreement(kinds, int(inside.sum()), float((words == words[0]).all(0).mean()))
