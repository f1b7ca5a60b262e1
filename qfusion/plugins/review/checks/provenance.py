"""Check of the features: whether they are those that the model was trained on, by the same extractors.

A card pins the digest of the training data. For other data, each feature's mean and deviation over the training rows
are compared with those that the model's standardisation holds: features of another extractor, or of another version of
it, have others, whatever their width.
"""

import numpy as np
import pandas as pd

from qfusion.data.store import manifest
from qfusion.models import kind_files
from qfusion.models.encoders import MeanPool, Standardiser
from qfusion.plugins.review.checks.check import Check, Finding, Topic
from qfusion.plugins.review.checks.evidence import share_of_rows
from qfusion.study.study import Study
from qfusion.training import batches, checkpoint_cards

SHIFT = 0.5  # deviations, by which a feature's mean counts as another one
RATIO = 1.5  # of deviations, from which a feature's deviation counts as another one
MOST = 0.1  # share of a modality's features that may be other ones


def check_provenance(study: Study) -> Check:
    """Return whether the features are those that the model was trained on."""
    dataset = study.dataset
    trained_on = study.card.get("data", {})
    widths = {one.name: one.size for one in dataset.modalities}
    numbers = {
        "data": dataset.name,
        "source": dataset.source,
        "widths": widths,
        "extractors": manifest.extractor_names(dataset.name),
        "trained_on": str(trained_on.get("name", "")),
        "digest": dataset.digest[:12],
    }
    if trained_on.get("digest") == dataset.digest:
        return Check(Topic.PROVENANCE, (Finding.SAME_FEATURES,), numbers=numbers)
    table = compare_statistics(study)
    if table is None:
        return Check(Topic.PROVENANCE, (Finding.ORIGIN_UNKNOWN,), numbers=numbers)
    shares = table.groupby("modality", sort=False)["other"].mean()
    worst = str(shares.idxmax())
    other = [str(name) for name, share in shares.items() if share > MOST]
    changed = table.loc[table["modality"] == worst, "other"].to_numpy(bool)
    return Check(
        Topic.PROVENANCE,
        (Finding.OTHER_FEATURES if other else Finding.LIKE_FEATURES,),
        share_of_rows(changed),
        f"share of the features of {worst} with another mean or deviation than in training",
        numbers | {"other": other, "worst": worst},
        table,
    )


def compare_statistics(study: Study) -> pd.DataFrame | None:
    """Return one row per feature with its mean and deviation in the model's standardisation and over the data's
    training rows, and whether they differ; None where the model holds none.
    """
    rows = study.dataset.rows(checkpoint_cards.training_split(study.card))
    parts = []
    for modality in study.dataset.modalities:
        held = find_standardiser(study, modality.name)
        if held is None or len(held.mean) != modality.size:
            continue
        mean, deviation = (
            part.double().numpy()
            for part in batches.mean_and_std(study.dataset, rows, modality.name)
        )
        has_scale = study.card["model"] not in kind_files.file_formats()
        known_mean = held.mean.double().numpy()
        known_deviation = held.scale.double().numpy() if has_scale else deviation
        unit = np.where(known_deviation > 0, known_deviation, 1.0)
        varies = (deviation > 0) & (known_deviation > 0)
        ratio = np.where(varies, deviation / unit, 1.0)
        is_other = np.abs(mean - known_mean) > SHIFT * unit
        is_other |= np.maximum(ratio, 1 / np.maximum(ratio, 1e-300)) > RATIO
        parts.append(
            pd.DataFrame(
                {
                    "modality": modality.name,
                    "feature": list(map(str, modality.feature_names)),
                    "mean in training": known_mean,
                    "mean here": mean,
                    "deviation in training": known_deviation,
                    "deviation here": deviation,
                    "other": is_other,
                }
            )
        )
    return pd.concat(parts, ignore_index=True) if parts else None


def find_standardiser(study: Study, modality: str) -> Standardiser | None:
    """Return the standardisation of a modality's features in a model, if it has one that was fitted."""
    encoders = getattr(study.trained, "encoders", {})
    if modality not in encoders:
        return None
    for module in encoders[modality].modules():
        if isinstance(module, MeanPool):
            return module.standardise if bool((module.standardise.mean != 0).any()) else None
        if isinstance(module, Standardiser):
            return module
    return None
