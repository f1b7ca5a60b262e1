"""Samples of a study: what was annotated and predicted."""

from typing import Any

import numpy as np

from qfusion._sentences import true_minus
from qfusion.analysis.study import Study


def describe_outcomes(study: Study, rows: np.ndarray) -> tuple[list[str], list[bool | None]]:
    """Return "annotated → predicted" of some rows, and whether each is right.

    None of a regression, and where no annotation is known.
    """
    truths, predictions = truth_and_prediction(study, rows)
    form = "{}" if study.classes else "{:+.2f}"
    texts = []
    correct: list[bool | None] = []
    for row, truth, prediction in zip(rows, truths, predictions, strict=True):
        is_known = study.dataset.has_truth(row)
        written = form.format(truth) if is_known else "no truth"
        texts.append(true_minus(f"{written} → {form.format(prediction)}"))
        if study.classes and is_known:
            correct.append(truth == prediction)
        else:
            correct.append(None)
    return texts, correct


def truth_and_prediction(study: Study, rows: np.ndarray) -> list[list[Any]]:
    """Return the annotations and predictions of some rows: names of classes, or numbers."""
    if not study.classes:
        return [study.dataset.y[rows].tolist(), study.scores[rows, 0].tolist()]
    return [
        [study.classes[int(entry)] if entry >= 0 else "" for entry in column[rows]]
        for column in (study.dataset.y, study.predicted)
    ]
