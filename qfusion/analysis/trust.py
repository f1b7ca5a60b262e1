"""What the Faithfulness page works out of a workspace, and a model beside people's labels of single modalities."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from qfusion import _sentences, explain
from qfusion._checks import check, choose
from qfusion.analysis import cohort_measures
from qfusion.analysis.memo import memo
from qfusion.analysis.sample import open_work
from qfusion.analysis.study import Workspace
from qfusion.data.modality import People
from qfusion.errors import QFusionError
from qfusion.explain import attribution, faithfulness, stability
from qfusion.explain import people as trust
from qfusion.explain.attribution import FIRST
from qfusion.explain.faithfulness import AgainstTruth, Curves, TrustWarning
from qfusion.explain.people import Beside
from qfusion.explain.stability import Interval, Stability
from qfusion.training import batches, checkpoint
from qfusion.training.batches import mean_and_std

INSIDE = 64  # test rows of a large set whose features are replaced
FEATURE_ORDERS = 5  # random orders of features: each asks the model fourteen times
SPLIT = "test"


def trained_on(work: Workspace) -> int:
    """How many rows the model was trained on: features that are taken away are replaced by their mean over these."""
    return len(work.dataset.rows(checkpoint.training_split(work.card)))


def explained(work: Workspace) -> tuple[np.ndarray, explain.Explanation]:
    """The test rows that are explained together, and their explanation."""
    inside = np.isin(work.bulk, work.dataset.rows(SPLIT))
    explanation = work.explanation
    if inside.all():
        return work.bulk, explanation
    return work.bulk[inside], replace(
        explanation,
        values=explanation.values[inside],
        dividends=explanation.dividends[inside],
        shapley=explanation.shapley[inside],
    )


@memo(16, says="Splitting the decisions on the test samples, once …")
def modality_curves(work: Workspace, probability: bool = False) -> Curves:
    """Deletion and insertion of modalities, of the predicted class's score where there are classes."""
    rows, result = explained(work)
    return faithfulness.modality_curves(result, work.predicted[rows], probability=probability)


@memo(24, says="Asking the model again with features replaced …")
def feature_curves(
    work: Workspace,
    modality: str,
    ranking: str = FIRST,
    probability: bool = False,
    everyone: bool = False,
) -> Curves:
    """Deletion and insertion of one modality's features on the test rows, or some of a large set unless of everyone."""
    data, whole = work.dataset, work.dataset.rows(SPLIT)
    rows = asked_inside(work, everyone)
    baseline = mean_and_std(data, data.rows(checkpoint.training_split(work.card)), modality)[0]
    random, changes = np.random.default_rng(0), []
    chunks = (
        np.array_split(rows, range(INSIDE, len(rows), INSIDE)) if batches.is_heavy(data) else [rows]
    )
    for chunk in _sentences.progress_over(chunks, "Replacing features", len(rows), len):
        inputs = work.inputs(chunk) | data.inputs(chunk, torch.float64, [modality])
        changes.append(
            attribution.feature_changes(
                work.model,
                inputs,
                modality,
                work.predicted[chunk],
                baseline,
                random,
                ranking=ranking,
                probability=probability,
                orders=FEATURE_ORDERS,
            )
        )
    clusters = None if data.clusters is None else data.clusters.numbers[rows]
    return attribution.curves_of(
        np.concatenate(changes, -1),
        probability=probability,
        clusters=clusters,
        sampled=len(rows) < len(whole),
    )


def asked_inside(work: Workspace, everyone: bool = False) -> np.ndarray:
    """The test rows that the model is asked about with features replaced: all, or unless of everyone `INSIDE` drawn at
    random of a large set, whose features have to be encoded again and again."""
    rows = work.dataset.rows(SPLIT)
    return rows[
        cohort_measures.drawn_places(
            len(rows), INSIDE, INSIDE, everyone or not batches.is_heavy(work.dataset)
        )
    ]


@memo(8, says="Comparing with the planted truth …")
def against_truth(work: Workspace) -> AgainstTruth | None:
    """Exact against true dividends of the test rows; None where nobody knows these."""
    truth = work.dataset.truth
    if truth is None or work.classes or work.dataset.names != work.modalities:
        return None
    rows, result = explained(work)
    return faithfulness.against_truth(result, truth.iloc[rows])


def truth_over_seeds(work: Workspace, result: Stability) -> dict[str, tuple[float, float]]:
    """Mean and deviation over the seeds of the rank correlation with the true dividends, by term."""
    from scipy.stats import spearmanr

    truth = work.dataset.truth
    check(truth is not None, "These data have no planted truth.")
    assert truth is not None
    true = truth.iloc[work.dataset.rows(SPLIT)]
    ranks = {
        term: [float(spearmanr(run[:, i], true[term]).statistic) for run in result.dividends]
        for i, term in enumerate(result.coalitions)
        if term
    }
    return {
        term: (float(np.mean(values)), float(np.std(values, ddof=1)))
        for term, values in ranks.items()
    }


def sarcasm(work: Workspace, over_seeds: Stability | None) -> list[tuple[float, int]]:
    """For this model, then for each training seed: share of sarcastic test samples with a negative text+audio dividend,
    and how many."""
    rows, result = explained(work)
    table = work.dataset.table.iloc[rows]
    one = faithfulness.sarcasm_share(result, table)
    if one is None:
        return []
    runs = [one]
    if over_seeds is not None and "text+audio" in over_seeds.coalitions:
        sarcastic = (work.dataset.table["regime"].to_numpy() == "sarcasm")[work.dataset.rows(SPLIT)]
        place = over_seeds.coalitions.index("text+audio")
        runs += [
            (float((run[sarcastic, place] < 0).mean()), int(sarcastic.sum()))
            for run in over_seeds.dividends
        ]
    return runs


def stability_of(work: Workspace) -> Stability:
    """What was measured over training seeds.

    Raises:
        NotFound, IntegrityError: when nothing was, or the file does not belong to this model and these data.
    """
    return _stability(work, stamp(work))


@memo(8)
def _stability(work: Workspace, when: str) -> Stability:
    """`when` is there to tell a file that was written again."""
    return stability.load(work.name, work.card, work.dataset.digest, len(work.dataset.rows(SPLIT)))


def stamp(work: Workspace) -> str:
    """Changes whenever the file of `stability_of` does."""
    path = stability.FOLDER / f"{work.name}.safetensors"
    return f"{path.stat().st_mtime_ns}" if path.is_file() else ""


def playable(work: Workspace) -> bool:
    """Whether the background consists of rows of features, as other methods need it."""
    return work.background.kind in ("joint", "contrast")


@memo(16, says="Running brute force and captum's estimators on this sample …")
def estimates(work: Workspace, row: int, output: int) -> list[faithfulness.Estimate]:
    """Shapley values of one sample: exact, by brute force, and by captum's estimators."""
    check(
        playable(work),
        "Other methods need background samples. Compare with the training set or with one other sample.",
    )
    data, background = work.dataset, work.background
    rows = (
        [data.row(background.label)]
        if background.kind == "contrast"
        else data.rows(checkpoint.training_split(work.card))
    )
    inputs = work.inputs([row])
    start = time.perf_counter()
    exact = explain.explain(work.model, inputs, background)
    seconds = time.perf_counter() - start
    game = faithfulness.Game(work.model, inputs, work.inputs(rows), output)
    return faithfulness.compare(game, exact, seconds)


def as_trained(work: Workspace) -> Workspace:
    """The workspace against the training set, with which truth and seeds are compared, whatever is picked beside."""
    return work if work.background.kind == "joint" else open_work(work.name, work.dataset.name)


def trust_warnings(work: Workspace) -> list[TrustWarning]:
    """When not to trust the explanations of this model, the warnings first."""
    truth = against_truth(work)
    try:
        over_seeds = stability_of(work)
    except QFusionError:  # not measured for this model
        over_seeds = None
    deletion = faithfulness.of_deletion(modality_curves(work), "modalities")
    deletion += [faithfulness.no_truth()] if truth is None else faithfulness.of_truth(truth)
    if over_seeds is not None:
        errors = work.errors[work.dataset.rows(SPLIT)]
        deletion += faithfulness.of_stability(
            over_seeds, errors, "score of the true class" if work.classes else work.unit_of(0)
        )
    rows, result = explained(work)
    deletion += faithfulness.of_joint(result, work.predicted[rows])
    return sorted(deletion, key=lambda one: ("warning", "fine", "unknown").index(one.kind))


def seed_values(work: Workspace, result: Stability, row: int, what: str) -> pd.DataFrame | None:
    """One row a seed, one column a term: a test sample's values; None for a sample that was not measured."""
    place = np.flatnonzero(work.dataset.rows(SPLIT) == row)
    if not len(place):
        return None
    names, values = result.of(what)
    return pd.DataFrame(
        values[:, place[0]], columns=list(names), index=pd.Index(result.seeds, name="seed")
    )


# What the pages work out of a model beside people's labels of single modalities. Free of streamlit.


def labels_of(work: Workspace) -> People | None:
    """The labels of single modalities that a model's samples have, of the modalities that the model takes."""
    people = work.dataset.people
    if people is None or work.classes:
        return None
    names = [name for name in people.table.columns if name in work.modalities]
    return People(people.table[names], people.planted) if names else None


def lacking(work: Workspace, title: str) -> str:
    """Why there are no labels of single modalities to compare with, in sentences, of a data set that is called `title`;
    empty where there are."""
    if labels_of(work) is not None:
        return ""
    labelled = work.dataset.unimodal is not None and len(work.dataset.unimodal.columns) > 0
    if labelled and work.classes:
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
def beside_people(work: Workspace) -> Beside | None:
    """The test samples that are explained, beside their labels; None of data without."""
    labels = labels_of(work)
    if labels is None:
        return None
    rows, result = explained(work)
    clusters = work.dataset.clusters
    return trust.beside(
        result,
        labels.table.iloc[rows],
        work.dataset.y[rows],
        clusters=None if clusters is None else clusters.numbers[rows],
    )


def taught(work: Workspace) -> bool:
    """Whether a model had labels of single modalities as additional targets, by its card."""
    return bool(work.card.get("training", {}).get("unimodal", 0))


def rivals(work: Workspace) -> list[str]:
    """Names of the other models that were trained on the same data; those whose card cannot be read are left out."""
    lines = []
    for name in checkpoint.available():
        try:
            if (
                name != work.name
                and checkpoint.card(name)["data"].get("digest") == work.dataset.digest
            ):
                lines.append(name)
        except (QFusionError, AttributeError):
            continue
    return lines


def require_second(work: Workspace, name: str) -> None:
    """Raises NotFound when no other model of that name was trained on the same data."""
    choose("Second model", name, rivals(work))


def second(work: Workspace, name: str) -> Workspace:
    """A second model on the same data.

    Raises:
        NotFound: when no other model of that name was trained on them.
    """
    require_second(work, name)
    return open_work(name, work.dataset.name)


def closer(work: Workspace, other: Workspace) -> dict[str, Interval]:
    """By how much a second model's own terms go more with the labels, by modality; both resampled together."""
    first, result = beside_people(work), beside_people(other)
    assert first is not None
    assert result is not None
    rows, clusters = explained(work)[0], work.dataset.clusters
    return trust.difference(first, result, None if clusters is None else clusters.numbers[rows])
