"""What the Faithfulness page works out of a study, and a model beside people's labels of single modalities."""

import time
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from qfusion import _sentences, explain
from qfusion._checks import check, choose
from qfusion.analysis import cohort_measures
from qfusion.analysis.memo import memo, written
from qfusion.analysis.sample import open_study
from qfusion.analysis.study import Study
from qfusion.data.spec import People
from qfusion.errors import QFusionError
from qfusion.explain import attribution, faithfulness, people, stability
from qfusion.training import checkpoint, metrics, options

INSIDE = 64  # test rows of a large set whose features are replaced
FEATURE_ORDERS = 5  # random orders of features: each asks the model fourteen times
SPLIT = "test"


def trained_on(study: Study) -> int:
    """How many rows the model was trained on: features that are taken away are replaced by their mean over these."""
    return len(study.dataset.rows(checkpoint.training_split(study.card)))


def explained(study: Study) -> tuple[np.ndarray, explain.Explanation]:
    """The test rows that are explained together, and their explanation."""
    inside = np.isin(study.bulk, study.dataset.rows(SPLIT))
    explanation = study.explanation
    return study.bulk[inside], replace(
        explanation,
        values=explanation.values[inside],
        dividends=explanation.dividends[inside],
        shapley=explanation.shapley[inside],
    )


@memo(16, says="Splitting the decisions on the test samples, once …")
def modality_curves(study: Study, probability: bool = False) -> faithfulness.Curves:
    """Deletion and insertion of modalities, of the predicted class's score where there are classes."""
    rows, result = explained(study)
    return faithfulness.modality_curves(result, study.predicted[rows], probability=probability)


@memo(24, says="Asking the model again with features replaced …")
def feature_curves(
    study: Study,
    modality: str,
    ranking: str = attribution.FIRST,
    probability: bool = False,
    everyone: bool = False,
) -> faithfulness.Curves:
    """Deletion and insertion of one modality's features on the test rows, or some of a large set unless of everyone."""
    data, rows, random = study.dataset, asked_inside(study, everyone), np.random.default_rng(0)
    baseline = options.mean_and_std(
        data, data.rows(checkpoint.training_split(study.card)), modality
    )[0]
    size = INSIDE if metrics.is_heavy(data) else max(1, len(rows))
    chunks = np.array_split(rows, range(size, len(rows), size))
    changes = [
        attribution.feature_changes(
            study.model,
            study.inputs(chunk) | data.inputs(chunk, torch.float64, [modality]),
            modality,
            study.predicted[chunk],
            baseline,
            random,
            ranking=ranking,
            probability=probability,
            orders=FEATURE_ORDERS,
        )
        for chunk in _sentences.progress_over(chunks, "Replacing features", len(rows), len)
    ]
    return attribution.curves_of(
        np.concatenate(changes, -1),
        probability=probability,
        clusters=cohort_measures.clusters_of(study.dataset, rows),
        sampled=len(rows) < len(data.rows(SPLIT)),
    )


def asked_inside(study: Study, everyone: bool = False) -> np.ndarray:
    """The test rows that the model is asked about with features replaced: all, or unless of everyone `INSIDE` drawn at
    random of a large set, whose features have to be encoded again and again."""
    rows = study.dataset.rows(SPLIT)
    return rows[
        cohort_measures.drawn_places(
            len(rows), INSIDE, INSIDE, everyone or not metrics.is_heavy(study.dataset)
        )
    ]


@memo(8, says="Comparing with the planted truth …")
def against_truth(study: Study) -> faithfulness.AgainstTruth | None:
    """Exact against true dividends of the test rows, of classes those of the first; None where nobody knows these."""
    truth = study.dataset.truth
    if truth is None or study.dataset.names != study.modalities:
        return None
    rows, result = explained(study)
    return faithfulness.against_truth(result, truth.iloc[rows])


def truth_over_seeds(study: Study, result: stability.Stability) -> dict[str, tuple[float, float]]:
    """Mean and deviation over the seeds of the rank correlation with the true dividends, by term."""
    from scipy.stats import spearmanr

    truth = study.dataset.truth
    check(truth is not None, "These data have no planted truth.")
    assert truth is not None
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
    rows, result = explained(study)
    one = faithfulness.sarcasm_share(result, study.dataset.table.iloc[rows])
    runs = [] if one is None else [one]
    if runs and over_seeds is not None and "text+audio" in over_seeds.coalitions:
        regimes = study.dataset.table["regime"].to_numpy()[study.dataset.rows(SPLIT)]
        sarcastic = regimes == "sarcasm"
        values = over_seeds.dividends[:, sarcastic, over_seeds.coalitions.index("text+audio")]
        runs += [(float((run < 0).mean()), int(sarcastic.sum())) for run in values]
    return runs


@memo(8, stamp=lambda study: written(stability.FOLDER / f"{study.name}.safetensors"))
def stability_of(study: Study) -> stability.Stability:
    """What was measured over training seeds; read anew when its file changes.

    Raises:
        NotFound, IntegrityError: when nothing was, or the file does not belong to this model and these data.
    """
    return stability.load(
        study.name, study.card, study.dataset.digest, len(study.dataset.rows(SPLIT))
    )


def playable(study: Study) -> bool:
    """Whether the background consists of rows of features, as other methods need it."""
    return study.background.kind in ("joint", "contrast")


@memo(16, says="Running brute force and captum's estimators on this sample …")
def estimates(study: Study, row: int, output: int) -> list[faithfulness.Estimate]:
    """Shapley values of one sample: exact, by brute force, and by captum's estimators."""
    check(
        playable(study),
        "Other methods need background samples. Compare with the training set or with one other sample.",
    )
    data, background, inputs = study.dataset, study.background, study.inputs([row])
    start = time.perf_counter()
    exact = explain.explain(study.model, inputs, background)
    seconds = time.perf_counter() - start
    rows = (
        [data.row(background.label)]
        if background.kind == "contrast"
        else data.rows(checkpoint.training_split(study.card))
    )
    return faithfulness.compare(
        faithfulness.Game(study.model, inputs, study.inputs(rows), output), exact, seconds
    )


def as_trained(study: Study) -> Study:
    """The study against the training set, with which truth and seeds are compared, whatever is picked beside."""
    return study if study.background.kind == "joint" else open_study(study.name, study.dataset.name)


def trust_warnings(study: Study) -> list[faithfulness.TrustWarning]:
    """When not to trust the explanations of this model, the warnings first."""
    truth = against_truth(study)
    warnings = faithfulness.of_deletion(modality_curves(study), "modalities")
    warnings += [faithfulness.no_truth()] if truth is None else faithfulness.of_truth(truth)
    with suppress(QFusionError):  # not measured for this model
        warnings += faithfulness.of_stability(
            stability_of(study),
            study.errors[study.dataset.rows(SPLIT)],
            "score of the true class" if study.classes else study.unit_of(0),
        )
    rows, result = explained(study)
    warnings += faithfulness.of_joint(result, study.predicted[rows])
    return sorted(warnings, key=lambda one: ("warning", "fine", "unknown").index(one.kind))


def seed_values(
    study: Study, result: stability.Stability, row: int, what: str
) -> pd.DataFrame | None:
    """One row a seed, one column a term: a test sample's values; None for a sample that was not measured."""
    place = np.flatnonzero(study.dataset.rows(SPLIT) == row)
    if not len(place):
        return None
    names, values = result.of(what)
    return pd.DataFrame(
        values[:, place[0]], columns=list(names), index=pd.Index(result.seeds, name="seed")
    )


# What the pages work out of a model beside people's labels of single modalities. Free of streamlit.


def labels_of(study: Study) -> People | None:
    """The labels of single modalities that a model's samples have, of the modalities that the model takes."""
    labels = study.dataset.people
    if labels is None or study.classes:
        return None
    names = [name for name in labels.table.columns if name in study.modalities]
    return People(labels.table[names], labels.planted) if names else None


def lacking(study: Study, title: str) -> str:
    """Why there are no labels of single modalities to compare with, in sentences, of a data set that is called `title`;
    empty where there are."""
    if labels_of(study) is not None:
        return ""
    labelled = study.dataset.unimodal is not None and len(study.dataset.unimodal.columns) > 0
    if labelled and study.classes:
        return (
            f"{title} has labels of single modalities, but its target is a class: own terms are of the class "
            "decided for, whose signs and order are not those of the labels. Import it with scores as its target "
            "(`--target regression`)."
        )
    if labelled:
        return f"{title} has labels of single modalities, but of none that this model takes. Choose another model."
    return (
        f"{title} has no labels of single modalities: nobody was asked what each says alone. CH-SIMS has them, "
        "and in `planted` the hidden scores take their place."
    )


@memo(8, says="Comparing with labels of single modalities …")
def beside_people(study: Study) -> people.Beside | None:
    """The test samples that are explained, beside their labels; None of data without."""
    labels = labels_of(study)
    if labels is None:
        return None
    rows, result = explained(study)
    return people.beside(
        result,
        labels.table.iloc[rows],
        study.dataset.y[rows],
        clusters=cohort_measures.clusters_of(study.dataset, rows),
    )


def taught(study: Study) -> bool:
    """Whether a model had labels of single modalities as additional targets, by its card."""
    return bool(study.card.get("training", {}).get("unimodal", 0))


def rivals(study: Study) -> list[str]:
    """Names of the other models that were trained on the same data; those whose card cannot be read are left out."""
    names = []
    for name in checkpoint.available():
        with suppress(QFusionError, AttributeError):
            if checkpoint.card(name)["data"].get("digest") == study.dataset.digest:
                names.append(name)
    return [name for name in names if name != study.name]


def second(study: Study, name: str) -> Study:
    """A second model on the same data.

    Raises:
        NotFound: when no other model of that name was trained on them.
    """
    choose("Second model", name, rivals(study))
    return open_study(name, study.dataset.name)


def closer(study: Study, other: Study) -> dict[str, stability.Interval]:
    """By how much a second model's own terms go more with the labels, by modality; both resampled together."""
    first, result = beside_people(study), beside_people(other)
    assert first is not None and result is not None
    return people.difference(
        first, result, cohort_measures.clusters_of(study.dataset, explained(study)[0])
    )
