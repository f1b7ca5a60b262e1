"""How far explanations can be trusted: deletion curves, known truth, training seeds, backgrounds and other methods.

`reliability_findings` collects the warnings."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch

from qfusion import explain
from qfusion._checks import check
from qfusion._memory_cache import file_stamp, find_result, memo
from qfusion.errors import QFusionError
from qfusion.explain import backgrounds, disturbances, faithfulness, stability
from qfusion.explain.findings import (
    Concern,
    Finding,
    check_backgrounds,
    check_deletion,
    check_joint,
    check_stability,
    check_truth,
    reconcile,
)
from qfusion.models import FusionModel
from qfusion.study import cohorts, jobs
from qfusion.study.cache import shipped
from qfusion.study.jobs import Task, iterate_chunks
from qfusion.study.opening import BACKGROUNDS, open_study, with_background
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from qfusion.training import batches, checkpoint_cards, encodings

INSIDE = 64  # test rows of a large set whose features are replaced
SPLIT = "test"


def count_training_rows(study: Study) -> int:
    """How many rows the model was trained on: features that are taken away are replaced by their mean over these."""
    return len(study.dataset.rows(checkpoint_cards.training_split(study.card)))


def explained_test_rows(study: Study) -> np.ndarray:
    """Return the test rows that are explained together."""
    return study.explained_rows[np.isin(study.explained_rows, study.dataset.rows(SPLIT))]


def explain_test_rows(study: Study) -> tuple[np.ndarray, explain.Explanation]:
    """The test rows that are explained together, and their explanation."""
    inside = np.isin(study.explained_rows, study.dataset.rows(SPLIT))
    explanation = study.explanation
    return study.explained_rows[inside], replace(
        explanation,
        values=explanation.values[inside],
        dividends=explanation.dividends[inside],
        shapley=explanation.shapley[inside],
    )


@memo(16, task=Task.SPLIT_DECISIONS, ready=shipped(faithfulness.Curves))
def modality_curves(study: Study, probability: bool = False) -> faithfulness.Curves:
    """Deletion and insertion of modalities, of the log-odds of the predicted class where there are classes."""
    rows, result = explain_test_rows(study)
    return faithfulness.modality_curves(
        result, study.predicted[rows], probability=probability, quantity=study.quantity
    )


@memo(24, task=Task.REPLACE_FEATURES, ready=shipped(faithfulness.Curves))
def feature_curves(
    study: Study,
    modality: str,
    ranking: str = disturbances.FIRST,
    probability: bool = False,
    all_samples: bool = False,
) -> faithfulness.Curves:
    """Return the deletion and insertion curves of one modality's features on the test rows, or, for a large set and
    unless `all_samples` is set, on some of them.
    """
    data = study.dataset
    rows = asked_inside(study, all_samples)
    random = np.random.default_rng(0)
    baseline = batches.mean_and_std(
        data, data.rows(checkpoint_cards.training_split(study.card)), modality
    )[0]
    size = INSIDE if encodings.is_heavy(data) else max(1, len(rows))
    changes = []
    for chunk in iterate_chunks(rows, size, "Replacing features"):
        features = data.inputs(chunk, torch.float64, [modality])
        change = disturbances.feature_changes(
            study.model,
            study.inputs(chunk) | features,
            modality,
            study.predicted[chunk],
            baseline,
            random,
            ranking=ranking,
            probability=probability,
            orders=5,  # of each the model is asked fourteen times
        )
        changes.append(change)
    curves = disturbances.mean_curves(
        np.concatenate(changes, -1),
        probability=probability,
        clusters=cohorts.row_clusters(study.dataset, rows),
        sampled=len(rows) < len(data.rows(SPLIT)),
    )
    return curves if probability else replace(curves, unit=study.quantity)


def asked_inside(study: Study, all_samples: bool = False) -> np.ndarray:
    """Return the test rows on which the model is evaluated with features replaced. These are all test rows, or, for
    a large set and unless `all_samples` is set, `INSIDE` rows drawn at random, because its features have to be encoded
    again and again.
    """
    rows = study.dataset.rows(SPLIT)
    return rows[
        jobs.drawn_places(
            len(rows), INSIDE, INSIDE, all_samples or not encodings.is_heavy(study.dataset)
        )
    ]


@memo(8, task=Task.COMPARE_TRUTH)
def compare_with_truth(study: Study) -> faithfulness.AgainstTruth | None:
    """Exact against true dividends of the test rows, of classes those of the first; None where nobody knows these."""
    truth = study.dataset.truth
    if truth is None or not is_truth_known(study):
        return None
    rows, result = explain_test_rows(study)
    return faithfulness.compare_with_truth(result, truth.iloc[rows])


def is_truth_known(study: Study) -> bool:
    """Return whether the data set has true dividends of the model's modalities."""
    return study.dataset.truth is not None and study.dataset.names == study.modalities


@memo(8, ready=shipped(Finding))
def find_truth(study: Study) -> Finding:
    """Return the finding on the true dividends, which may be unknown."""
    result = compare_with_truth(study)
    if result is not None:
        return check_truth(result)
    is_other = study.dataset.truth is not None
    concern = Concern.OTHER_TRUTH if is_other else Concern.NO_TRUTH
    return Finding(concern)


@memo(8, ready=shipped(list[Finding]))
def find_joint(study: Study) -> list[Finding]:
    """Return the finding on Shapley values that split large joint terms, if there is one."""
    rows, result = explain_test_rows(study)
    return check_joint(result, study.predicted[rows])


def truth_over_seeds(study: Study, result: stability.Stability) -> dict[str, tuple[float, float]]:
    """Mean and deviation over the seeds of the rank correlation with the true dividends, by term."""
    from scipy.stats import spearmanr

    truth = study.dataset.truth
    assert truth is not None  # else there is nothing to compare with, see `compare_with_truth`
    true = truth.iloc[study.dataset.rows(SPLIT)]
    ranks = {
        term: [float(spearmanr(run[:, i], true[term]).statistic) for run in result.dividends]
        for i, term in enumerate(result.coalitions)
        if term
    }
    return {
        term: (float(np.mean(values)), float(np.std(values, ddof=1)))
        for term, values in ranks.items()
    }


def sarcasm(study: Study, over_seeds: stability.Stability | None) -> list[tuple[float, int]]:
    """For this model, then for each training seed: share of sarcastic test samples with a negative text+audio dividend,
    and how many."""
    rows, result = explain_test_rows(study)
    one = faithfulness.sarcasm_share(result, study.dataset.table.iloc[rows])
    runs = [] if one is None else [one]
    if runs and over_seeds is not None and "text+audio" in over_seeds.coalitions:
        sarcastic = study.dataset.table["regime"].to_numpy()[study.dataset.rows(SPLIT)] == "sarcasm"
        values = over_seeds.dividends[:, sarcastic, over_seeds.coalitions.index("text+audio")]
        runs += [(float((run < 0).mean()), int(sarcastic.sum())) for run in values]
    return runs


def stamp_seeds(study: Study) -> tuple[int, int]:
    """Return the stamp of the file with what was measured over training seeds."""
    return file_stamp(study.seeds_path)


@memo(8, stamp=stamp_seeds)
def load_stability(study: Study) -> stability.Stability:
    """Load what was measured over training seeds. It is read anew when its file changes.

    Raises:
        NotFound, IntegrityError: when nothing was, or the file does not belong to this model and these data.
    """
    return stability.load(
        study.name,
        study.card,
        study.dataset.digest,
        len(study.dataset.rows(SPLIT)),
        study.card_path,
    )


def with_training_background(study: Study) -> Study:
    """The study against the training set, with which truth and seeds are compared, whatever is picked beside."""
    is_default = study.background.kind == backgrounds.DEFAULT
    return study if is_default else open_study(study.name, study.dataset.name)


SEVERITIES = ("warning", "fine", "unknown")


@memo(8, stamp=stamp_seeds)
def find_stability(study: Study) -> list[Finding]:
    """Return the findings on the spread over training seeds.

    Raises:
        NotFound: when it is not measured for this model.
    """
    errors = study.errors[study.dataset.rows(SPLIT)]
    return check_stability(load_stability(study), errors, unit_over_seeds(study))


def reliability_findings(study: Study, *, cached_only: bool = False) -> list[Finding]:
    """Return the findings on the reliability of a model's explanations, warnings first.

    Args:
        cached_only: leave out the comparison of backgrounds unless it is computed already, since it takes longest.
    """
    findings = check_deletion(modality_curves(study), "modalities")
    findings.append(find_truth(study))
    with suppress(QFusionError):  # not measured for this model
        findings += find_stability(study)
    findings += find_joint(study)
    compare = agreement
    compared = find_result(compare, study) if cached_only else compare(study)
    if compared is not None:
        findings.append(check_backgrounds(compared.same, compared.samples, tuple(compared.names)))
    findings = reconcile(findings)
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def is_comparison_missing(study: Study) -> bool:
    """Return whether backgrounds can be compared and have not been yet."""
    is_possible = can_compare_backgrounds(study)
    return is_possible and find_result(agreement, study) is None


def unit_over_seeds(study: Study) -> str:
    """Unit of contributions that are compared over training seeds, in words."""
    return "log-odds of the true class, nats" if study.classes else study.score_unit(0)


def seed_values(
    study: Study, result: stability.Stability, row: int, what: str
) -> pd.DataFrame | None:
    """Return the values of a test sample, with one row per seed and one column per term, or None if the sample was
    not measured.
    """
    place = np.flatnonzero(study.dataset.rows(SPLIT) == row)
    if not len(place):
        return None
    names, values = result.terms(what)
    return pd.DataFrame(
        values[:, place[0]], columns=list(names), index=pd.Index(result.seeds, name="seed")
    )


COMPARED = ("product", "joint", "mixed")
BACKGROUND_NAMES = {kind: name for name, kind in BACKGROUNDS.items()}


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
        return [BACKGROUND_NAMES[kind] for kind in self.kinds]


def can_compare_backgrounds(study: Study) -> bool:
    """Return whether there are two backgrounds or more to compare, and explained test samples."""
    has_samples = np.isin(study.explained_rows, study.dataset.rows("test")).any()
    return len(compared_kinds(study)) > 1 and bool(has_samples)


@memo(12, task=Task.COMPARE_BACKGROUNDS, ready=shipped(Agreement | None))
def agreement(study: Study) -> Agreement | None:
    """Return how often the explained test samples get the same word against every background; None where no
    backgrounds can be compared."""
    if not can_compare_backgrounds(study):
        return None
    kinds = compared_kinds(study)
    inside = np.isin(study.explained_rows, study.dataset.rows("test"))
    words = np.stack(
        [with_background(study, kind).explained_verdicts().relation[inside] for kind in kinds]
    )
    return Agreement(kinds, int(inside.sum()), float((words == words[0]).all(0).mean()))


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
