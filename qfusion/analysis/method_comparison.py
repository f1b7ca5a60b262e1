"""Shapley values of one sample by brute force and by captum's estimators, beside the exact ones."""

import time

from qfusion import explain
from qfusion._checks import check
from qfusion._memory_cache import memo
from qfusion.analysis.background_choice import with_background
from qfusion.analysis.study import Study
from qfusion.analysis.tasks import Task
from qfusion.explain import faithfulness
from qfusion.training import checkpoint_cards


def playable(study: Study) -> bool:
    """Whether the background can be rows of features, as other methods need it. Rows of the training set, with their
    modalities kept together, can replace the training set with each modality drawn separately.
    """
    return study.reads_features and study.background.kind in ("product", "joint", "contrast")


def with_row_background(study: Study) -> Study:
    """Return the study with the background that other methods can take: rows of features whose modalities stay
    together.

    Where each absent modality is drawn on its own, that is the training set taken together, so exact values differ
    from those of the other panels.
    """
    return with_background(study, "joint") if study.background.kind == "product" else study


@memo(16, task=Task.COMPARE_METHODS)
def estimates(study: Study, row: int, output: int) -> list[faithfulness.Estimate]:
    """Shapley values of one sample: exact, by brute force, and by captum's estimators, against
    `with_row_background`."""
    check(
        playable(study),
        "Other methods need background samples. Compare with the training set or with one other sample.",
    )
    study = with_row_background(study)
    data, background, inputs = study.dataset, study.background, study.inputs([row])
    start = time.perf_counter()
    exact = explain.explain(study.model, inputs, background)
    seconds = time.perf_counter() - start
    rows = (
        [data.row(background.label)]
        if background.kind == "contrast"
        else data.rows(checkpoint_cards.training_split(study.card))
    )
    return faithfulness.compare(
        faithfulness.Game(study.model, inputs, study.inputs(rows), output), exact, seconds
    )
