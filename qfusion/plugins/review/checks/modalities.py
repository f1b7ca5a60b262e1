"""Check of the modalities: what each one reaches alone, and whether one contains the target or nothing at all."""

import numpy as np
import pandas as pd

from qfusion._memory_cache import memo
from qfusion.data import DataSet
from qfusion.data.examine import value_scans
from qfusion.plugins.review.checks import evidence
from qfusion.plugins.review.checks.check import Check, Finding, Topic, sort_findings
from qfusion.plugins.why.evidence import evaluation_basis
from qfusion.plugins.why.information import label_leak
from qfusion.plugins.why.information.label_leak import pool_features
from qfusion.study.study import Study

SEARCHING = "Searching features for the target …"


@memo(4, task=SEARCHING)
def describe_target_leaks(dataset: DataSet) -> dict[str, str]:
    """Return a sentence on each modality with features that equal the target on training rows, see
    `scans.find_leaks`.
    """
    train = np.zeros(len(dataset), bool)
    train[dataset.rows("train")] = True
    is_class = dataset.target.kind == "classification"
    result = {}
    for modality in dataset.modalities:
        rows = value_scans.select_rows(train, int(np.prod(modality.values.shape[1:])))
        values = pool_features(dataset, modality.name, rows)
        features = value_scans.find_leaks(values, dataset.y[rows], is_class)
        if len(features):
            names = _feature_names(dataset, modality.name, values.shape[1])
            result[modality.name] = value_scans.describe_leaks(names, features)
    return result


def _feature_names(dataset: DataSet, name: str, width: int) -> list[str]:
    names = list(dataset.modalities[dataset.names.index(name)].feature_names)
    if len(names) == width:
        return names
    return [*(f"mean of {one}" for one in names), *(f"deviation of {one}" for one in names)]


@memo(4, task=SEARCHING)
def find_learned_labels(dataset: DataSet) -> tuple[label_leak.LabelLeak, ...]:
    """Return the modalities whose features seem to have been made with the labels of training rows."""
    return label_leak.find_label_leaks(dataset)


def check_modalities(study: Study) -> Check:
    """Return what plain models reach with each modality alone on the test rows, and whether a modality is constant or
    reveals the target.
    """
    dataset = study.dataset
    basis = evaluation_basis(dataset)
    plain = evidence.plain_models_of(study)
    values = {name: evidence.row_values(study, scores) for name, scores in plain.scores.items()}
    single = {name: evidence.mean_of_rows(study, values[name]) for name in study.modalities}
    best, joint = plain.best_single, plain.best_whole
    gain = evidence.better(study, values[joint], values[best])
    equal = describe_target_leaks(dataset)
    leaked = {name: words for name, words in equal.items() if name in study.modalities}
    learned = [leak for leak in find_learned_labels(dataset) if leak.modality in study.modalities]
    findings = []
    if plain.constant:
        findings.append(Finding.CONSTANT)
    if leaked:
        findings.append(Finding.TARGET_IN_FEATURES)
    if learned:
        findings.append(Finding.FEATURES_LEARNED_LABELS)
    enough = gain.known and gain.low > 0
    findings.append(Finding.NONE_IS_ENOUGH if enough else Finding.ONE_IS_ENOUGH)
    learned_shares = {}
    for leak in learned:
        inside = 1 - leak.inside / leak.base
        outside = 1 - leak.outside / leak.base
        learned_shares[leak.modality] = (inside, outside)
    records = []
    for name, one in single.items():
        record = {
            "modality": name,
            "model": plain.members[name],
            basis.label.short: one.value,
            "low": one.low,
            "high": one.high,
        }
        records.append(record)
    numbers = {
        "best": best,
        "member": plain.members[best],
        "metric": basis.label.short,
        "chance": basis.chance,
        "constant": list(plain.constant),
        "leaks": leaked,
        "learned": learned_shares,
        "gain": gain,
        "joint": joint,
        "single": single,
    }
    return Check(
        Topic.MODALITIES,
        sort_findings(findings),
        single[best],
        f"{basis.label.short} of a plain model of {best}",
        numbers,
        pd.DataFrame(records),
    )
