"""What the page "Why fuse" works out, kept once it is."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from qfusion import _files, _sentences, explain
from qfusion._checks import check, choose
from qfusion.analysis import answers, cohort_measures, compare, trust
from qfusion.analysis.memo import memo, written
from qfusion.analysis.sample import Sample, default_contrast
from qfusion.analysis.study import Study, dividend_column
from qfusion.data import DataSet
from qfusion.errors import NotFound, QFusionError
from qfusion.explain import (
    backgrounds,
    counterfactual,
    cuts,
    fusing,
    gate_groups,
    information,
    patching,
    smallest,
    stability,
)
from qfusion.models import require
from qfusion.training import checkpoint, metrics

# Does the data need fusion?


@memo(8, says="Asking small models what each modality tells, once …")
def needs(dataset: DataSet) -> information.Estimate:
    """What modalities of a data set tell of its target, and what joint models are worth; see `information.estimate`."""
    return information.estimate(dataset)


def needs_key(dataset: DataSet) -> tuple[str, str]:
    """What tells this job from others."""
    return "needs", dataset.digest


# Does my model fuse?

ROWS, DRAWS = 16, 10  # of the background, from which F_syn is sampled, and how often


def metric_labels(study: Study) -> dict[str, metrics.Label]:
    """The metrics of a study's data, the one that is told first first."""
    target, names = study.dataset.target, metrics.names(study.dataset)
    first = [name for name in metrics.headlines(names) if name in names]
    return {
        name: metrics.label(name, target.convention) for name in dict.fromkeys((*first, *names))
    }


@memo(16, says="Measuring the model without its joint terms …")
def without_joint(study: Study, kind: str = fusing.EMAP) -> tuple[fusing.Additive, fusing.Gains]:
    """The scores of the explained test rows without joint terms, and what these are worth in every metric.

    Args:
        study: a model on its data. kind: of `fusing.KINDS`.
    """
    rows, explanation = trust.explained(study)
    target = study.dataset.target
    if choose("Kind", kind, fusing.KINDS) == fusing.OWN:
        result = fusing.own_terms(explanation)
    else:
        most = len(rows) if study.can("states") else study.bulk_background.size
        result = fusing.emap(study.model, study.inputs(rows), most)
    worth = fusing.gains(
        result,
        study.dataset.y[rows],
        lambda scores, truth: metrics.of_scores(scores, truth, target.kind, target.convention),
        metric_labels(study),
        clusters=cohort_measures.clusters_of(study.dataset, rows),
    )
    return result, worth


@memo(16, says="Splitting the test loss …")
def loss_game(study: Study) -> fusing.LossGame:
    """What coalitions take off the loss of the explained test rows, by the loss that the model was trained with."""
    rows, explanation = trust.explained(study)
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
    dividends; see `fusing.synergies`."""
    rows, exact = trust.explained(study)
    rng = np.random.default_rng(0)
    behind = study.dataset.rows(checkpoint.training_split(study.card))
    features = study.inputs(rows)
    sampled = []
    for _ in _sentences.progress_over(range(DRAWS), "Sampling synergies", DRAWS, lambda _: 1):
        drawn = np.sort(rng.choice(behind, min(count, len(behind)), replace=False))
        few = backgrounds.background(study.model, study.inputs(drawn), "cohort")
        sampled.append(explain.explain(study.model, features, few))
    return fusing.synergies(exact, sampled, study.predicted[rows])


def predictions_as_data(study: Study) -> DataSet:
    """The data set whose target is what the model predicts: information that its modalities hold of this target is what
    the model has made of them."""
    y = study.predicted if study.classes else study.scores[:, 0]
    return replace(study.dataset, y=y.astype(study.dataset.y.dtype))


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
    measured = trust.stability_of(study)
    clusters = cohort_measures.clusters_of(study.dataset, study.dataset.rows(trust.SPLIT))
    return fusing.basins(measured.of(answers.KINDS[0])[1], clusters)


def summary(study: Study) -> dict[str, Any]:
    """All of this as numbers and sentences, by question; what cannot be measured says why."""
    labels = metric_labels(study)
    first = next(iter(labels))
    result, worth = without_joint(study)
    game = loss_game(study)
    ranked = ranking(study, trust.explained(study)[0])
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
    own = counterfactual.decision(study.scores[sample.row])
    other = [row for row in near if counterfactual.decision(study.scores[row]) != own]
    return str(study.dataset.ids[other[0]]) if other else default_contrast(study, sample.row)


@memo(32)
def patches_of(study: Study, row: int, other: str = "") -> patching.Patches:
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
    return patching.patches(moving, study.inputs([row]), donor)


@memo(16, background=False, says="Leaving out the network's gate groups …")
def gate_groups_of(
    study: Study, row: int, output: int, shots: int = gate_groups.SHOTS
) -> gate_groups.GateGroups:
    """The gate groups of one sample's score and entanglement, and of the loss of the test rows, or some of them."""
    network, data = require(study.model, "rules", "to leave out gate groups"), study.dataset
    rows = data.rows("test")
    most = FEW_ROWS if network.elements > MANY_ELEMENTS else MOST_ROWS
    rows = rows[cohort_measures.drawn_places(len(rows), most, most)]
    return gate_groups.gate_groups(
        network,
        network.encode(study.inputs([row])),
        network.outputs[output],
        network.encode(study.inputs(rows)),
        data.y[rows],
        shots=shots,
        clusters=cohort_measures.clusters_of(data, rows),
    )


@memo(4, background=False, says="Taking the terms of the generator out, one after another …")
def pruning_of(study: Study) -> smallest.Pruning:
    """The generator with fewer and fewer terms: validation rows choose, test rows show; at most `MOST_ROWS` of each."""
    data = study.dataset
    choosing, showing = (
        rows[cohort_measures.drawn_places(len(rows), MOST_ROWS, MOST_ROWS)]
        for rows in (data.rows("valid"), data.rows("test"))
    )
    return smallest.prune(
        study.model,
        (study.inputs(choosing), data.y[choosing]),
        (study.inputs(showing), data.y[showing]),
        cuts.kind_of(data.target),
        clusters=cohort_measures.clusters_of(data, showing),
    )


# Does the quantum part matter? What benchmarks/audit.py has measured.


def audit_of(study: Study) -> dict[str, Any]:
    """The audit of the study's kind of model on its data: title, metric, seeds, bound and a row a resource.

    Raises:
        NotFound: when it is not measured.
    """
    entry = json.loads(_files.asset_text("audit.json")).get(study.dataset.name, {})
    rows = [row for row in entry.get("rows", []) if row["system"] == study.card["model"]]
    if not rows:
        raise NotFound(
            f"Which quantum resources matter is not measured for {study.card['model']} on "
            f"'{study.dataset.name}'. `benchmarks/audit.py {study.dataset.name}` trains the twins and measures it."
        )
    return entry | {"rows": rows}


def is_audited(study: Study) -> bool:
    """Whether `audit_of` has an answer."""
    try:
        return bool(audit_of(study))
    except NotFound:
        return False
