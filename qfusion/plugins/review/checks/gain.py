"""Check of the gain: the model beside plain models of one modality, of all added up, and of all together; and its
rivals beside these."""

import numpy as np
import pandas as pd

from qfusion.plugins.review import plain_models
from qfusion.plugins.review.checks import evidence
from qfusion.plugins.review.checks.check import Check, Finding, Topic, sort_findings
from qfusion.plugins.review.checks.claims import Claims
from qfusion.plugins.why.evidence import SHARES, EvaluationBasis, evaluation_basis
from qfusion.study.study import Study

MARGIN = 0.01  # of a share, by which a plain model must beat a rival that counts as undertrained
OF_ERROR = 0.05  # of other metrics, as a part of the rival's


def check_gain(study: Study, claims: Claims) -> Check:
    """Return by how much the model is better than late fusion of plain models on the same test rows, with the gains of
    plain joint over late over single models, and whether a claimed rival is worse than a plain model.
    """
    dataset = study.dataset
    basis = evaluation_basis(dataset)
    plain = evidence.plain_models_of(study)
    whole = "+".join(study.modalities)
    values = {name: evidence.row_values(study, scores) for name, scores in plain.scores.items()}
    best = plain.best_single
    ours = evidence.model_values(study)
    gains = {
        "late - single": evidence.better(study, values[plain_models.LATE], values[best]),
        "joint - late": evidence.better(study, values[whole], values[plain_models.LATE]),
        "model - late": evidence.better(study, ours, values[plain_models.LATE]),
        "model - joint": evidence.better(study, ours, values[whole]),
    }
    rivals = {
        name: _judge_rival(study, name, values[plain.best_whole], basis) for name in claims.rivals
    }
    undertrained = [name for name, (shortfall, is_short) in rivals.items() if is_short]
    findings = []
    if undertrained:
        findings.append(Finding.RIVAL_UNDERTRAINED)
    lost = [name for name in ("model - late", "model - joint") if gains[name].high < 0]
    if lost:
        findings.append(Finding.PLAIN_BETTER)
    elif gains["model - late"].low > 0:
        findings.append(Finding.GAIN)
    else:
        findings.append(Finding.NO_GAIN)
    records = []
    for name, one in gains.items():
        record = {"gain": name, basis.label.short: one.value, "low": one.low, "high": one.high}
        records.append(record)
    numbers = {
        "metric": basis.label.short,
        "model": float(np.nanmean(ours)),
        "gains": gains,
        "single": best,
        "undertrained": undertrained,
        "shortfall": {name: shortfall for name, (shortfall, _) in rivals.items()},
        "lost": "late" if lost and lost[0] == "model - late" else "joint",
    }
    return Check(
        Topic.GAIN,
        sort_findings(findings),
        gains["model - late"],
        f"{basis.label.short} of the model better than that of late fusion",
        numbers,
        pd.DataFrame(records),
    )


def _judge_rival(
    study: Study, name: str, plain: np.ndarray, basis: EvaluationBasis
) -> tuple[evidence.Interval, bool]:
    """Return by how much a plain model beats a rival, and whether it does so by more than the margin."""
    theirs = evidence.other_values(study, name)
    shortfall = evidence.better(study, plain, theirs)
    margin = MARGIN
    if basis.metric not in SHARES:
        margin = OF_ERROR * float(np.nanmean(theirs))
    return shortfall, bool(shortfall.known and shortfall.low > margin)
