"""Check of missing and noisy modalities: with which modalities the model still works, told at test time or retrained.

told        v(S): the score of the present modalities averaged over the background, which the model takes when it
            is told which modalities are absent
retrained   the best plain model trained with these modalities alone; with `retrain`, the model's own kind trained
            with them
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from qfusion import _progress
from qfusion._memory_cache import memo
from qfusion.data import DataSet
from qfusion.data.coalition_terms import split_term
from qfusion.explain import disturbances
from qfusion.explain.bootstrap import Interval
from qfusion.models import registry
from qfusion.plugins.review.checks import evidence
from qfusion.plugins.review.checks.check import Check, Finding, Topic, sort_findings
from qfusion.plugins.review.plain_models import fitted_sets
from qfusion.plugins.why.evidence import EvaluationBasis, evaluation_basis
from qfusion.study import trust
from qfusion.study.study import Study
from qfusion.training import checkpoint_cards, metrics, train
from qfusion.training.options import card_options

NOISE = 1.0  # standard deviations of the noise on one modality
DRAWS = 3  # of the noise


def told_values(study: Study) -> dict[str, np.ndarray]:
    """Return what each test row adds to the main metric if the model is told which modalities are there, by set of
    modalities, (n,); NaN for rows that are not explained.
    """
    rows, explanation = trust.explain_test_rows(study)
    test = study.dataset.rows("test")
    places = np.searchsorted(test, rows)
    result = {}
    for name in fitted_sets(study.modalities):
        scores = np.zeros((len(test), explanation.values.shape[-1]))
        scores[places] = explanation.values[:, explanation.coalitions.index(name)]
        values = np.full(len(test), np.nan)
        values[places] = evidence.row_values(study, scores)[places]
        result[name] = values
    return result


@memo(4, task="Adding noise to modalities …")
def noise_values(study: Study) -> dict[str, np.ndarray]:
    """Return the same with noise of one standard deviation on one modality, by modality, averaged over draws."""
    rows = study.dataset.rows("test")
    split = checkpoint_cards.training_split(study.card)
    result = {}
    for name in study.modalities:
        drawn = []
        for seed in range(DRAWS):
            disturbance = disturbances.Disturbance(noise={name: NOISE}, seed=seed)
            scores = disturbances.scores(study.trained, study.dataset, rows, disturbance, split)
            drawn.append(evidence.row_values(study, scores))
        result[name] = np.mean(drawn, 0)
    return result


def can_retrain(study: Study) -> bool:
    """Return whether models of this kind can be trained here."""
    kind = study.card["model"]
    return kind in registry.names() and not registry.is_given(kind)


@memo(2, task="Training with fewer modalities …")
def retrained_values(study: Study) -> dict[str, np.ndarray]:
    """Return what each test row adds to the main metric with models of the same kind, settings and training that have
    some of the modalities alone, by set of modalities, (n,).

    Raises:
        NotFound: when the model's kind cannot be trained.
    """
    sets = [name for name in fitted_sets(study.modalities) if name != "+".join(study.modalities)]
    options = card_options(study.card, study.dataset)
    result = {}
    rows = study.dataset.rows("test")
    with _progress.progress_shown("Training with fewer modalities") as tell:
        for done, name in enumerate(sets):
            tell(done, len(sets))
            part = select_modalities(study.dataset, split_term(name))
            settings = _settings_of(study, split_term(name))
            trained = train(study.card["model"], part, settings, options, study.card.get("seed", 0))
            scores = metrics.predict(trained.model, part, rows, final=True)
            result[name] = evidence.row_values(study, scores)
    return result


def select_modalities(dataset: DataSet, names: tuple[str, ...]) -> DataSet:
    """Return a data set with some of its modalities alone."""
    return replace(
        dataset,
        modalities=tuple(one for one in dataset.modalities if one.name in names),
        truth=None,
        unimodal=None,
        feature_transforms={
            name: transform
            for name, transform in dataset.feature_transforms.items()
            if name in names
        },
    )


def _settings_of(study: Study, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the settings of a model of some modalities; those with a value a modality keep theirs."""
    result = {}
    for key, value in study.card["settings"].items():
        if isinstance(value, list) and len(value) == len(study.modalities):
            pairs = zip(study.modalities, value, strict=True)
            result[key] = [one for name, one in pairs if name in names]
        else:
            result[key] = value
    return result


def check_robustness(study: Study, retrain: bool = False) -> Check:
    """Return with which modalities the model still works, and how it bears noise on one of them.

    Args:
        retrain: also train the model's own kind with fewer modalities.
    """
    basis = evaluation_basis(study.dataset)
    plain = evidence.plain_models_of(study)
    present = told_values(study)
    refit = {name: evidence.row_values(study, plain.scores[name]) for name in present}
    own = retrained_values(study) if retrain and can_retrain(study) else {}
    noisy = noise_values(study)
    whole = "+".join(study.modalities)
    behind, below = [], []
    for name in present:
        if name == whole or len(split_term(name)) < len(study.modalities) - 1:
            continue
        gap = evidence.better(study, refit[name], present[name])
        if gap.known and gap.low > 0:
            behind.append(name)
    for name, values in noisy.items():
        one = evidence.above_chance(study, values)
        if one.known and one.high < 0:
            below.append(name)
    findings = []
    if below:
        findings.append(Finding.BELOW_CHANCE)
    if behind:
        findings.append(Finding.RETRAINING_HELPS)
    without = _weakest(present, study, basis)
    number = None
    if without:
        number = evidence.mean_of_rows(study, present[without])
        above = evidence.above_chance(study, present[without])
        if not above.known or above.low <= 0:
            findings.append(Finding.NEEDS_ALL)
    if not findings:
        findings.append(Finding.ROBUST)
    return Check(
        Topic.ROBUSTNESS,
        sort_findings(findings),
        number,
        f"{basis.label.short} with {without.replace('+', ' and ')} alone" if without else "",
        {
            "metric": basis.label.short,
            "whole": float(np.nanmean(present[whole])),
            "without": without,
            "behind": behind,
            "below": below,
            "noise": {name: float(np.nanmean(values)) for name, values in noisy.items()},
            "level": NOISE,
            "chance": basis.chance,
        },
        modality_table(study, present, refit, own, noisy),
    )


def _weakest(present: dict[str, np.ndarray], study: Study, basis: EvaluationBasis) -> str:
    """Return the set without one modality with which the model does worst; empty for one modality."""
    most = len(study.modalities) - 1
    sets = [name for name in present if len(split_term(name)) == most]
    return min(sets, key=lambda name: basis.sign * np.nanmean(present[name]), default="")


def modality_table(
    study: Study,
    present: dict[str, np.ndarray],
    refit: dict[str, np.ndarray],
    own: dict[str, np.ndarray],
    noisy: dict[str, np.ndarray],
) -> pd.DataFrame:
    """Return one row for each set of modalities: the main metric of the model that is told which are there, of plain
    models trained with them, of the model's own kind trained with them, with 95% intervals over test rows; and one row
    for noise on each modality.
    """
    sides: list[tuple[str, Callable[[str], np.ndarray | None]]] = [
        ("told", present.get),
        ("plain", refit.get),
        ("retrained", own.get),
    ]
    rows = []
    for name in present:
        row: dict[str, Any] = {"modalities": name, "noise": ""}
        for side, values_of in sides:
            row |= _columns(study, side, values_of(name))
        rows.append(row)
    for name, values in noisy.items():
        row = {"modalities": "+".join(study.modalities), "noise": name}
        rows.append(row | _columns(study, "told", values))
    table = pd.DataFrame(rows)
    return table if own else table.drop(columns=["retrained", "retrained low", "retrained high"])


def _columns(study: Study, side: str, values: np.ndarray | None) -> dict[str, float]:
    one = (
        Interval(np.nan, np.nan, np.nan, 0, 0)
        if values is None
        else evidence.mean_of_rows(study, values)
    )
    return {side: one.value, f"{side} low": one.low, f"{side} high": one.high}
