"""What explanations of a model on its data set are worth to a student, cached."""

from __future__ import annotations

import numpy as np
import torch

from qfusion import explain
from qfusion._checks import check
from qfusion._memory_cache import memo
from qfusion.explain import attribution, bootstrap, disturbances
from qfusion.plugins.review.students import simulatability
from qfusion.plugins.why.information import label_leak
from qfusion.study import cohorts
from qfusion.study.cache import shipped
from qfusion.study.jobs import iterate_chunks
from qfusion.study.study import Study
from qfusion.training import batches, checkpoint_cards

LEARNT_FROM, UNSEEN = "train+valid", "test"
MOST = 1024  # samples to draw from, and unseen ones, at most
AT_ONCE = 256  # samples that are explained together

TEACHING = "Teaching small students the decisions of this model (about a minute) …"


@memo(8, task=TEACHING, ready=shipped(simulatability.Simulatability))
def teach_students(study: Study, seed: int = 0) -> simulatability.Simulatability:
    """Return how many samples explanations of a model save a student that learns its decisions.

    Samples to learn from are drawn from training and validation rows, and unseen samples are test rows. Students see
    what the model sees: the features of all modalities, as principal components.

    Args:
        study: a model that reads features.
        seed: of the draws and of the students.

    Raises:
        InvalidInput: when the model is a measured game, there are too few rows, or all decisions are equal.
    """
    obstacle = find_obstacle(study)
    check(not obstacle, obstacle)
    return simulatability.measure(collect_student_data(study), seed=seed)


def find_obstacle(study: Study) -> str:
    """Return why students cannot learn the decisions of a model, as a sentence; empty where they can."""
    if not study.reads_features:
        return (
            f"Students learn decisions from features, but '{study.name}' is a measured game: it has a value for each "
            "coalition, and no features to predict its decisions from. Choose a model that reads features."
        )
    rows = {split: len(study.dataset.rows(split)) for split in (LEARNT_FROM, UNSEEN)}
    if min(rows.values()) < simulatability.FEWEST:
        return (
            f"Students need at least {simulatability.FEWEST} rows to learn from and as many unseen ones, but "
            f"'{study.dataset.name}' has {rows[LEARNT_FROM]:,} training and validation rows and {rows[UNSEEN]:,} test "
            "rows. Use a larger data set."
        )
    dataset = study.dataset
    learnt_from, unseen = (
        label_leak.draw_rows(dataset.rows(s), MOST) for s in (LEARNT_FROM, UNSEEN)
    )
    if not bootstrap.has_enough(len(unseen), cohorts.row_clusters(dataset, unseen)):
        return (
            f"Unseen samples must come from at least {bootstrap.FEWEST} groups for an interval, but the test rows of "
            f"'{dataset.name}' come from fewer. Use a data set with more groups."
        )
    if len(np.unique(decisions(study)[learnt_from])) < 2:
        return (
            f"The decisions of '{study.name}' must differ, but are the same on all samples of '{dataset.name}' to "
            "learn from, so there is nothing to predict. Choose another model or data set."
        )
    return ""


def collect_student_data(study: Study) -> simulatability.StudentData:
    """Return the rows of a study that students learn from and are asked about, with what the model says of them."""
    dataset = study.dataset
    learnt_from = label_leak.draw_rows(dataset.rows(LEARNT_FROM), MOST)
    unseen = label_leak.draw_rows(dataset.rows(UNSEEN), MOST)
    rows = np.concatenate([learnt_from, unseen])
    inputs = np.concatenate(
        [
            label_leak.principal_components(label_leak.pool_features(dataset, name, rows))
            for name in study.modalities
        ],
        1,
    )
    N = len(learnt_from)
    decided = decisions(study)
    return simulatability.StudentData(
        inputs=inputs[:N],
        decisions=decided[learnt_from],
        targets=_targets(study, learnt_from),
        unseen_inputs=inputs[N:],
        unseen_decisions=decided[unseen],
        clusters=cohorts.row_clusters(dataset, unseen),
    )


def decisions(study: Study) -> np.ndarray:
    """Return the model's decision on every sample, (N,): the predicted class; of a regression, whether the score is
    above 0 where its sign is the decision, else above its median over training and validation rows."""
    if study.classes:
        return study.predicted
    scores = study.scores[:, 0]
    is_zero = study.decides_by_sign
    threshold = 0.0 if is_zero else float(np.median(scores[study.dataset.rows(LEARNT_FROM)]))
    return (scores > threshold).astype(int)


def explained_outputs(study: Study, rows: np.ndarray) -> np.ndarray:
    """Return the output that is explained of each row, (n,): the predicted class, as on pages; of two classes always
    the second, whose log-odds are those of the first with the other sign; of a regression the score."""
    if len(study.classes) == 2:
        return np.ones(len(rows), dtype=int)
    return study.predicted[rows]


def _targets(study: Study, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Return what is said of rows, (n, K) each: contributions, scores, and attributions of other methods."""
    outputs = explained_outputs(study, rows)
    parts = [
        explain.explain(study.model, study.inputs(chunk), study.explanation_background).dividends
        for chunk in iterate_chunks(rows, AT_ONCE, "Explaining")
    ]
    places = np.arange(len(rows))
    targets = {
        simulatability.CONTRIBUTIONS: np.concatenate(parts)[places, 1:, outputs],
        simulatability.SCORES: study.scores[rows, outputs][:, None],
    }
    for method in attribution.METHODS.values():
        targets[method.title] = _attributions(study, rows, outputs, method.title)
    return targets


def _attributions(study: Study, rows: np.ndarray, outputs: np.ndarray, title: str) -> np.ndarray:
    """Return the attributions of one output of each row to the features of all modalities, or to the steps of
    sequences, side by side, (n, K)."""
    dataset, model = study.dataset, study.backend.fixed_model()
    training = dataset.rows(checkpoint_cards.training_split(study.card))
    columns = []
    for modality in study.modalities:
        baseline = batches.mean_and_std(dataset, training, modality)[0]
        blocks = []
        for places in iterate_chunks(np.arange(len(rows)), AT_ONCE, "Attributing"):
            chunk = rows[places]
            inputs = study.inputs(chunk) | dataset.inputs(chunk, torch.float64, [modality])
            blocks.append(
                disturbances.attributions(model, inputs, modality, outputs[places], baseline, title)
            )
        width = max(block.shape[1] for block in blocks)
        columns.append(
            np.concatenate([np.pad(one, ((0, 0), (0, width - one.shape[1]))) for one in blocks])
        )
    return np.concatenate(columns, 1)
