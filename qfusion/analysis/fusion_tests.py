"""Tests whether data need fusion and whether a model fuses, cached."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from qfusion import _sentences, explain
from qfusion._checks import choose
from qfusion.analysis import cohort_table
from qfusion.analysis.memo import file_stamp, memo
from qfusion.analysis.study import Study, dividend_column
from qfusion.analysis.tasks import Task
from qfusion.analysis.trust import SPLIT, explain_test_rows, load_stability
from qfusion.data import DataSet
from qfusion.explain import (
    additive_projection,
    backgrounds,
    contribution_ranking,
    explanation_clusters,
    information,
    loss_attribution,
    sampled_synergy,
    stability,
)
from qfusion.training import checkpoint_cards, metrics


@memo(8, task=Task.ESTIMATE_INFORMATION)
def needs(dataset: DataSet) -> information.Estimate:
    """Estimate how much the modalities of a data set tell about its target, and how much joint models are worth; see
    `information.estimate`.
    """
    return information.estimate(dataset)


# Does my model fuse?

ROWS, DRAWS = 16, 10  # of the background, from which F_syn is sampled, and how often


def metric_labels(dataset: DataSet) -> dict[str, metrics.Label]:
    """Return the labels of a data set's metrics, keyed by metric. The metric that is reported first comes first."""
    target, names = dataset.target, metrics.names(dataset)
    return {
        name: metrics.label(name, target.convention)
        for name in dict.fromkeys((*metrics.headlines(names), *names))
    }


@memo(16, task=Task.REMOVE_JOINT_TERMS)
def remove_joint_terms(
    study: Study, kind: str = additive_projection.EMAP
) -> tuple[additive_projection.Additive, additive_projection.Gains]:
    """Return the scores of the explained test rows without joint terms, and the gain due to joint terms in every
    metric.

    Args:
        study: a model on its data. kind: of `additive_projection.KINDS`.
    """
    rows, explanation = explain_test_rows(study)
    if choose("Kind", kind, additive_projection.KINDS) == additive_projection.OWN:
        result = additive_projection.own_terms(explanation)
    else:
        is_linear = study.model.algebra.is_linear
        most = len(rows) if is_linear else study.explanation_background.size
        result = additive_projection.emap(study.model, study.inputs(rows), most)
    return result, gains(study, rows, result, metric_labels(study.dataset))


def gains(
    study: Study,
    rows: np.ndarray,
    result: additive_projection.Additive,
    labels: Mapping[str, metrics.Label],
) -> additive_projection.Gains:
    """Return by how much metrics of some rows are better with the joint terms that `result` leaves out, see
    `additive_projection.gains`.

    Args:
        result: scores of the explained model.
    """
    target = study.dataset.target
    return additive_projection.gains(
        result,
        study.dataset.y[rows],
        lambda scores, truth: metrics.score_metrics(
            study.logits(scores), truth, target.kind, target.convention
        ),
        labels,
        clusters=cohort_table.row_clusters(study.dataset, rows),
    )


@memo(16, task=Task.SPLIT_LOSS)
def loss_game(study: Study) -> loss_attribution.LossGame:
    """Return by how much coalitions reduce the loss of the explained test rows, for the loss that the model was
    trained with.
    """
    rows, explanation = explain_test_rows(study)
    trained = str(study.card.get("training", {}).get("loss", ""))
    loss = trained if trained in loss_attribution.LOSSES[1:] else loss_attribution.LOSSES[1]
    return loss_attribution.loss_game(
        explanation,
        study.dataset.y[rows],
        loss_attribution.LOSSES[0] if study.classes else loss,
        clusters=cohort_table.row_clusters(study.dataset, rows),
    )


@memo(16)
def ranking(
    study: Study, rows: np.ndarray, output: int | None = None
) -> contribution_ranking.Ranking:
    """Return the coalitions of explained rows, ranked by their contributions to one output or to each sample's
    predicted class.
    """
    frame = study.frame(output).iloc[rows]
    return contribution_ranking.ranking(
        {term: frame[dividend_column(term)].to_numpy(float) for term in study.terms},
        study.modalities,
        cohort_table.row_clusters(study.dataset, rows),
    )


@memo(16, task=Task.SAMPLE_SYNERGIES)
def synergies(study: Study, count: int = ROWS) -> pd.DataFrame:
    """F_syn of the explained test rows against `count` rows of the training set, `DRAWS` times, beside the exact
    dividends; see `sampled_synergy.synergies`. The rows are combined as in the study's background."""
    rows, exact = explain_test_rows(study)
    rng = np.random.default_rng(0)
    behind = study.dataset.rows(checkpoint_cards.training_split(study.card))
    features = study.inputs(rows)
    kind = "product" if study.background.kind == "product" else "cohort"
    sampled = []
    for _ in _sentences.progress_over(range(DRAWS), "Sampling synergies", DRAWS):
        drawn = np.sort(rng.choice(behind, min(count, len(behind)), replace=False))
        few = backgrounds.background(study.model, study.inputs(drawn), kind)
        sampled.append(explain.explain(study.model, features, few))
    return sampled_synergy.synergies(exact, sampled, study.predicted[rows])


# Basins: one explanation over training seeds, or several?


@memo(
    8,
    stamp=lambda study: file_stamp(stability.FOLDER / f"{study.name}.safetensors"),
    task=Task.CLUSTER_SEEDS,
)
def basins(study: Study) -> explanation_clusters.Basins:
    """Whether the seeds of a model explain each test sample in one way.

    Raises:
        NotFound: when seeds were not measured. InvalidInput: when they are too few.
    """
    return explanation_clusters.basins(
        load_stability(study).terms(stability.TERM_KINDS[0])[1],
        cohort_table.row_clusters(study.dataset, study.dataset.rows(SPLIT)),
    )
