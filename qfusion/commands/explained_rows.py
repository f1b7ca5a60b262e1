"""Explain rows of a data set with disturbed inputs, in this process or on a worker."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import compress
from typing import TYPE_CHECKING, Any

import numpy as np

import qfusion
from qfusion.commands.opened_model import OpenedModel

if TYPE_CHECKING:
    import pandas as pd


def contribution_rows(
    output: qfusion.analysis.outputs.Output,
    disturbance: qfusion.explain.disturbances.Disturbance,
    opened: OpenedModel,
    rows: np.ndarray,
) -> tuple[pd.DataFrame, float]:
    """Return a table with a row for each sample, and the seconds that the explanation took.

    The columns are the contributions, the relation of the modalities and the leading modality.
    """
    explanation, seconds = explain_rows(output, disturbance, opened, rows)
    numbers = output.numbers(explanation)
    doubt = seed_doubt(output, disturbance, opened, rows, numbers)
    verdict = qfusion.explain.judge(explanation, numbers, doubt, opened.dataset.target.boundary)
    frame = explanation.frame(opened.dataset.ids[rows].tolist(), output=numbers).reset_index()
    if opened.classes and output.reference is not None:
        frame.insert(1, "output", str(output))
    elif opened.classes:
        frame.insert(1, "output", np.array(explanation.outputs, dtype=object)[numbers])
    within = [
        "; ".join(term or "baseline" for term in compress(explanation.coalitions, row))
        for row in verdict.within_spread
    ]
    return frame.assign(**verdict.columns(), within_spread=within), seconds


def explain_rows(
    output: qfusion.analysis.outputs.Output,
    disturbance: qfusion.explain.disturbances.Disturbance,
    opened: OpenedModel,
    rows: np.ndarray,
) -> tuple[qfusion.explain.Explanation, float]:
    """Return the explanation of some rows, and the seconds that it took.

    The time covers the encoding of the samples, the evolution of the observables, the coalition values and the
    indices. It does not cover the loading of the model and the encoding of the background.
    """
    features = disturbed_inputs(opened, rows, disturbance)
    background = opened.background
    started = time.perf_counter()
    explanation = qfusion.explain.explain(
        output.explained_model(opened.explained_model), features, background
    )
    _ = explanation.interaction  # computed on first access
    seconds = time.perf_counter() - started
    if disturbance.missing:
        explanation = qfusion.explain.interventions.remove_modalities(
            explanation, disturbance.missing
        )
    return explanation, seconds


def seed_doubt(
    output: qfusion.analysis.outputs.Output,
    disturbance: qfusion.explain.disturbances.Disturbance,
    opened: OpenedModel,
    rows: np.ndarray,
    numbers: np.ndarray,
) -> qfusion.explain.verdicts.Doubt | None:
    """Return the uncertainty of some rows over training seeds.

    It was measured on undisturbed samples against the default background, and for no pair of classes. For other
    explanations the result is None.
    """
    undisturbed = qfusion.explain.disturbances.Disturbance(seed=disturbance.seed)
    if disturbance != undisturbed or output.reference is not None:
        return None
    if opened.background.kind != qfusion.explain.backgrounds.DEFAULT:
        return None
    return qfusion.explain.stability.seed_doubt(load_seeds(opened), opened.dataset, rows, numbers)


def load_seeds(opened: OpenedModel) -> qfusion.explain.stability.Stability | None:
    """Return the explanations by several training seeds, or None if they were not measured."""
    trained = opened.trained
    return qfusion.explain.stability.load_measured(
        str(opened.arguments[0]), trained.card, opened.dataset, trained.path
    )


def disturbed_inputs(
    opened: OpenedModel,
    rows: np.ndarray,
    disturbance: qfusion.explain.disturbances.Disturbance,
) -> dict[str, Any]:
    """Return the inputs of rows of one split, with noise and with modalities of other samples of that split."""
    return qfusion.explain.disturbances.inputs(
        opened.dataset,
        rows,
        disturbance,
        opened.training_split,
        opened.split_rows(rows),
        model=opened.trained.model,
    )


def relation_by_background(
    output: qfusion.analysis.outputs.Output,
    disturbance: qfusion.explain.disturbances.Disturbance,
    opened: OpenedModel,
    row: np.ndarray,
    relation: str,
) -> dict[str, str]:
    """Return the relation of one sample's modalities against each background over which verdicts are compared.

    The result is empty where modalities are missing, and for a background outside the comparison.

    Args:
        row: number of the sample, shape (1,).
        relation: the relation against the background of `opened`.
    """
    kinds = qfusion.analysis.background_agreement.offered_kinds(opened.explained_model)
    current = opened.background.kind
    if disturbance.missing or current not in kinds or "mixed" not in kinds:
        return {}
    boundary = opened.dataset.target.boundary
    relations = {}
    for kind in kinds:
        if kind == current:
            relations[kind] = relation
            continue
        other = replace(opened, arguments=(*opened.arguments[:3], kind, None))
        explanation, _ = explain_rows(output, disturbance, other, row)
        index = int(output.numbers(explanation)[0])
        relations[kind] = qfusion.explain.verdict(
            explanation, 0, index, boundary=boundary
        ).relation.value
    return relations
