"""What the pages "Faithfulness" and "Why fuse" work out, kept once it is: how far explanations can be trusted, a model
beside people's labels of single modalities, and whether, and by what, data and models fuse."""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch

from qfusion import _sentences, explain
from qfusion._checks import check, choose
from qfusion.analysis import background_agreement, cohort_measures, compare
from qfusion.analysis.memo import memo, written
from qfusion.analysis.sample import Sample, default_contrast, open_study, with_background
from qfusion.analysis.study import Study, dividend_column, in_chunks
from qfusion.data import DataSet
from qfusion.data.unimodal_labels import UnimodalLabels
from qfusion.errors import QFusionError
from qfusion.explain import (
    attribution,
    backgrounds,
    building,
    cuts,
    evidence,
    faithfulness,
    fusing,
    information,
    people,
    stability,
)
from qfusion.models import decisions, require
from qfusion.training import batches, checkpoint, encodings, metrics

INSIDE = 64  # test rows of a large set whose features are replaced
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
    """Deletion and insertion of modalities, of the log-odds of the predicted class where there are classes."""
    rows, result = explained(study)
    return faithfulness.modality_curves(
        result, study.predicted[rows], probability=probability, quantity=study.quantity
    )


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
    baseline = batches.mean_and_std(
        data, data.rows(checkpoint.training_split(study.card)), modality
    )[0]
    size = INSIDE if encodings.is_heavy(data) else max(1, len(rows))
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
            orders=5,  # of each the model is asked fourteen times
        )
        for chunk in in_chunks(rows, size, "Replacing features")
    ]
    curves = attribution.curves_of(
        np.concatenate(changes, -1),
        probability=probability,
        clusters=cohort_measures.clusters_of(study.dataset, rows),
        sampled=len(rows) < len(data.rows(SPLIT)),
    )
    return curves if probability else replace(curves, unit=study.quantity)


def asked_inside(study: Study, everyone: bool = False) -> np.ndarray:
    """The test rows that the model is asked about with features replaced: all, or unless of everyone `INSIDE` drawn at
    random of a large set, whose features have to be encoded again and again."""
    rows = study.dataset.rows(SPLIT)
    return rows[
        cohort_measures.drawn_places(
            len(rows), INSIDE, INSIDE, everyone or not encodings.is_heavy(study.dataset)
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
    assert truth is not None  # else there is nothing to compare with, see `against_truth`
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
        sarcastic = study.dataset.table["regime"].to_numpy()[study.dataset.rows(SPLIT)] == "sarcasm"
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
    """Whether the background can be rows of features, as other methods need it: those of the training set, taken
    together, stand for the training set with each modality on its own."""
    return study.background.kind in ("product", "joint", "contrast")


def against_rows(study: Study) -> Study:
    """The study with the background that other methods can take: rows of features whose modalities stay together.

    Where each absent modality is drawn on its own, that is the training set taken together, so exact values differ
    from those of the other panels.
    """
    return with_background(study, "joint") if study.background.kind == "product" else study


@memo(16, says="Running brute force and captum's estimators on this sample …")
def estimates(study: Study, row: int, output: int) -> list[faithfulness.Estimate]:
    """Shapley values of one sample: exact, by brute force, and by captum's estimators, against `against_rows`."""
    check(
        playable(study),
        "Other methods need background samples. Compare with the training set or with one other sample.",
    )
    study = against_rows(study)
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
    is_default = study.background.kind == backgrounds.DEFAULT
    return study if is_default else open_study(study.name, study.dataset.name)


def trust_warnings(study: Study) -> list[faithfulness.TrustWarning]:
    """When not to trust the explanations of this model, the warnings first."""
    truth = against_truth(study)
    warnings = faithfulness.of_deletion(modality_curves(study), "modalities")
    warnings += (
        [faithfulness.no_truth(study.dataset.truth is not None)]
        if truth is None
        else faithfulness.of_truth(truth)
    )
    with suppress(QFusionError):  # not measured for this model
        warnings += faithfulness.of_stability(
            stability_of(study),
            study.errors[study.dataset.rows(SPLIT)],
            unit_over_seeds(study),
        )
    rows, result = explained(study)
    warnings += faithfulness.of_joint(result, study.predicted[rows])
    compared = background_agreement.agreement(study)
    if compared is not None:
        warnings.append(
            faithfulness.of_backgrounds(compared.same, compared.samples, compared.names)
        )
    return sorted(warnings, key=lambda one: ("warning", "fine", "unknown").index(one.kind))


def unit_over_seeds(study: Study) -> str:
    """Unit of contributions that are compared over training seeds, in words."""
    return "log-odds of the true class, nats" if study.classes else study.unit_of(0)


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


def labels_of(study: Study) -> UnimodalLabels | None:
    """The labels of single modalities that a model's samples have, of the modalities that the model takes."""
    labels = study.dataset.unimodal_labels
    if labels is None or study.classes:
        return None
    names = [name for name in labels.table.columns if name in study.modalities]
    return UnimodalLabels(labels.table[names], labels.planted) if names else None


def lacking(study: Study, title: str) -> str:
    """Why there are no labels of single modalities to compare with, in sentences, of a data set that is called `title`;
    empty where there are."""
    if labels_of(study) is not None:
        return ""
    labelled = study.dataset.unimodal is not None and len(study.dataset.unimodal.columns) > 0
    if labelled and study.classes:
        return (
            f"{title} has labels of single modalities, but its target is a class: own terms are of the class "
            "decided for, whose signs and order are not those of the labels. Import it with numbers as its "
            "target (`--target regression`)."
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
    return open_study(choose("Second model", name, rivals(study)), study.dataset.name)


def closer(study: Study, other: Study) -> dict[str, stability.Interval]:
    """By how much a second model's own terms go more with the labels, by modality; both resampled together."""
    first, result = beside_people(study), beside_people(other)
    assert first is not None and result is not None
    return people.difference(
        first, result, cohort_measures.clusters_of(study.dataset, explained(study)[0])
    )


# Does the data need fusion?


@memo(8, says="Asking small models what each modality tells, once …")
def needs(dataset: DataSet) -> information.Estimate:
    """What modalities of a data set tell of its target, and what joint models are worth; see `information.estimate`."""
    return information.estimate(dataset)


# Does my model fuse?

ROWS, DRAWS = 16, 10  # of the background, from which F_syn is sampled, and how often


def metric_labels(dataset: DataSet) -> dict[str, metrics.Label]:
    """The metrics of a data set, the one that is told first first."""
    target, names = dataset.target, metrics.names(dataset)
    return {
        name: metrics.label(name, target.convention)
        for name in dict.fromkeys((*metrics.headlines(names), *names))
    }


@memo(16, says="Measuring the model without its joint terms …")
def without_joint(study: Study, kind: str = fusing.EMAP) -> tuple[fusing.Additive, fusing.Gains]:
    """The scores of the explained test rows without joint terms, and what these are worth in every metric.

    Args:
        study: a model on its data. kind: of `fusing.KINDS`.
    """
    rows, explanation = explained(study)
    if choose("Kind", kind, fusing.KINDS) == fusing.OWN:
        result = fusing.own_terms(explanation)
    else:
        most = len(rows) if study.can("states") else study.bulk_background.size
        result = fusing.emap(study.model, study.inputs(rows), most)
    return result, gains(study, rows, result, metric_labels(study.dataset))


def gains(
    study: Study,
    rows: np.ndarray,
    result: fusing.Additive,
    labels: Mapping[str, metrics.Label],
) -> fusing.Gains:
    """By how much metrics of some rows are better with what `result` takes away; see `fusing.gains`.

    Args:
        result: scores of the explained model.
    """
    target = study.dataset.target
    return fusing.gains(
        result,
        study.dataset.y[rows],
        lambda scores, truth: metrics.of_scores(
            study.logits(scores), truth, target.kind, target.convention
        ),
        labels,
        clusters=cohort_measures.clusters_of(study.dataset, rows),
    )


@memo(16, says="Splitting the test loss …")
def loss_game(study: Study) -> fusing.LossGame:
    """What coalitions take off the loss of the explained test rows, by the loss that the model was trained with."""
    rows, explanation = explained(study)
    trained = str(study.card.get("training", {}).get("loss", ""))
    loss = trained if trained in fusing.LOSSES[1:] else fusing.LOSSES[1]
    return fusing.loss_game(
        explanation,
        study.dataset.y[rows],
        fusing.LOSSES[0] if study.classes else loss,
        clusters=cohort_measures.clusters_of(study.dataset, rows),
    )


@memo(16)
def ranking(study: Study, rows: np.ndarray, output: int | None = None) -> fusing.Ranking:
    """The coalitions of explained rows, of one output or of each sample's predicted class, by what they say."""
    frame = study.frame(output).iloc[rows]
    return fusing.ranking(
        {term: frame[dividend_column(term)].to_numpy(float) for term in study.terms},
        study.modalities,
        cohort_measures.clusters_of(study.dataset, rows),
    )


@memo(16, says="Sampling synergies …")
def synergies(study: Study, count: int = ROWS) -> pd.DataFrame:
    """F_syn of the explained test rows against `count` rows of the training set, `DRAWS` times, beside the exact
    dividends; see `fusing.synergies`. The rows are combined as in the study's background."""
    rows, exact = explained(study)
    rng = np.random.default_rng(0)
    behind = study.dataset.rows(checkpoint.training_split(study.card))
    features = study.inputs(rows)
    kind = "product" if study.background.kind == "product" else "cohort"
    sampled = []
    for _ in _sentences.progress_over(range(DRAWS), "Sampling synergies", DRAWS):
        drawn = np.sort(rng.choice(behind, min(count, len(behind)), replace=False))
        few = backgrounds.background(study.model, study.inputs(drawn), kind)
        sampled.append(explain.explain(study.model, features, few))
    return fusing.synergies(exact, sampled, study.predicted[rows])


# Basins: one explanation over training seeds, or several?


@memo(
    8,
    stamp=lambda study: written(stability.FOLDER / f"{study.name}.safetensors"),
    says="Comparing the seeds' explanations …",
)
def basins(study: Study) -> fusing.Basins:
    """Whether the seeds of a model explain each test sample in one way.

    Raises:
        NotFound: when seeds were not measured. InvalidInput: when they are too few.
    """
    return fusing.basins(
        stability_of(study).of(stability.TERM_KINDS[0])[1],
        cohort_measures.clusters_of(study.dataset, study.dataset.rows(SPLIT)),
    )


def summary(study: Study) -> dict[str, Any]:
    """All of this as numbers and sentences, by question; what cannot be measured says why."""
    labels = metric_labels(study.dataset)
    first = next(iter(labels))
    result, worth = without_joint(study)
    game = loss_game(study)
    ranked = ranking(study, explained(study)[0])
    answer: dict[str, Any] = {
        "emap": {
            "says": fusing.fuses(result, worth, first, labels[first].short),
            "metrics": fusing.interval_frame("metric", **worth).to_dict("records"),
            "rows": result.rows,
            "standard_error": None if result.errors is None else float(result.errors.mean()),
        },
        "loss": {"says": fusing.matters(game), "terms": game.frame().to_dict("records")},
        "ranking": {
            "says": fusing.says_most(ranked),
            "coalitions": ranked.frame().to_dict("records"),
        },
    }
    if len(study.modalities) > 1:
        frame = synergies(study)
        answer["f_syn"] = {"says": fusing.nearly(frame), "pairs": frame.to_dict("records")}
    try:
        several = basins(study)
        answer["basins"] = {"says": fusing.basin_share(several), "share": vars(several.share)}
    except QFusionError as error:
        answer["basins"] = {"says": str(error)}
    return answer


# Which piece does it?

MANY_ELEMENTS, FEW_ROWS, MOST_ROWS = 8, 128, 2000  # rows of a loss: few of a network beyond so many


def partner(sample: Sample) -> str:
    """The test sample nearest by its contributions of those that are decided differently; where all are decided alike,
    the one that a sample is compared with else."""
    study = sample.study
    near = compare.nearest(sample, count=len(study.dataset)).rows
    own = decisions.decision(study.scores[sample.row])
    other = [row for row in near if decisions.decision(study.scores[row]) != own]
    return str(study.dataset.ids[other[0]]) if other else default_contrast(study, sample.row)


@memo(32)
def patches_of(study: Study, row: int, other: str = "") -> cuts.Patches:
    """One sample with the states of another, by its id, or of the mean over the background.

    Raises:
        InvalidInput: when it is the sample itself, whose states change nothing.
        NotFound: when there is no such sample.
    """
    moving, donor = require(study.model, "time", "to patch its states at"), study.background
    if other:
        place = study.dataset.row(other)
        check(
            place != row,
            f"Sample '{other}' cannot be patched with itself: its own states change nothing. Pick another sample.",
        )
        donor = study.inputs([place])
    return cuts.patches(moving, study.inputs([row]), donor)


@memo(16, background=False, says="Leaving out the network's gate groups …")
def gate_groups_of(
    study: Study, row: int, output: int, shots: int = evidence.SHOTS
) -> evidence.GateGroups:
    """The gate groups of one sample's score and entanglement, and of the loss of the test rows, or some of them."""
    network, data = require(study.model, "rules", "to leave out gate groups"), study.dataset
    rows = data.rows("test")
    most = FEW_ROWS if network.elements > MANY_ELEMENTS else MOST_ROWS
    rows = rows[cohort_measures.drawn_places(len(rows), most, most)]
    return evidence.gate_groups(
        network,
        network.encode(study.inputs([row])),
        network.outputs[output],
        network.encode(study.inputs(rows)),
        data.y[rows],
        shots=shots,
        clusters=cohort_measures.clusters_of(data, rows),
    )


@memo(4, background=False, says="Taking the terms of the generator out, one after another …")
def pruning_of(study: Study) -> building.Pruning:
    """The generator with fewer and fewer terms: validation rows choose, test rows show; at most `MOST_ROWS` of each."""
    data = study.dataset
    choosing, showing = (
        rows[cohort_measures.drawn_places(len(rows), MOST_ROWS, MOST_ROWS)]
        for rows in (data.rows("valid"), data.rows("test"))
    )
    return building.prune(
        study.trained,
        (study.inputs(choosing), data.y[choosing]),
        (study.inputs(showing), data.y[showing]),
        cuts.kind_of(data.target),
        clusters=cohort_measures.clusters_of(data, showing),
    )
