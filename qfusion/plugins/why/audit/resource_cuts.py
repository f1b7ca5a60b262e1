"""Loss of a trained model's metric when a quantum resource is cut from its states, without training it again."""

import math
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion._memory_cache import memo
from qfusion.errors import NotFound
from qfusion.explain import backgrounds, bootstrap
from qfusion.plugins.why.audit import dephasing, twins
from qfusion.plugins.why.audit.audit_plan import QJ
from qfusion.study import metric_gains
from qfusion.study.metric_gains import main_metric
from qfusion.study.opening import explained_model
from qfusion.study.study import Study
from qfusion.training import metrics


def can_cut(study: Study, **_: Any) -> bool:
    """Whether there are resources that can be cut from the model."""
    return study.card["model"] in twins.CUTS


# Titles of the resources that are cut from a trained model. The cut "entanglement" of `twins.cut_resource` measures in
# the product basis. It removes local coherence too, so its title names the coherence.
CUT_NAMES = {
    "coherence": "product-basis coherence from start to end",
    "entanglement": "product-basis coherence at eight moments",
}
ENTANGLEMENT = "entanglement (in each modality's eigenbasis)"
NUMBERS = 2**19  # complex numbers of the states that are dephased, at most: of more rows, some


CUTTING = "Cutting resources from the model …"


@memo(8, background=False, task=CUTTING)
def cut_resources(study: Study) -> pd.DataFrame:
    """Return how much the metric of the test rows loses when a resource is cut from the model, which is not retrained.
    The table has one row per resource: the metric with it, without it, and their difference with bootstrap intervals by
    cluster.

    Raises:
        NotFound: when nothing can be cut from models of its kind.
    """
    check(can_cut(study), f"Nothing is cut from models of kind {study.card['model']}.", NotFound)
    data, (metric, label) = study.dataset, main_metric(study.dataset)
    rows = study.explained_rows[np.isin(study.explained_rows, data.rows("test"))]
    parts = {}

    def add(name: str, rows: np.ndarray, scores: np.ndarray) -> None:
        without = backgrounds.Additive(
            len(study.modalities), study.scores[rows], scores, None, len(rows)
        )
        gains = metric_gains.measure_gains(study, rows, without, {metric: label})
        parts[name] = {column: part[metric] for column, part in gains.items()}

    for resource in twins.CUTS[study.card["model"]]:
        twin = explained_model(twins.cut_resource(study.trained, resource), data)
        add(CUT_NAMES.get(resource, resource), rows, metrics.predict(twin, data, rows))
    if can_dephase(study):
        some = dephased_rows(study, rows)
        add(ENTANGLEMENT, some, dephasing.scores(study.model, study.inputs(some)))
    return bootstrap.interval_frame(
        "resource",
        **{
            name: {resource: part[column] for resource, part in parts.items()}
            for column, name in (("model", "with"), ("additive", "without"), ("gain", "loses"))
        },
    )


def can_dephase(study: Study) -> bool:
    """Whether entanglement can be cut from the model's states: whether they evolve, and have several modalities."""
    return study.card["model"] == QJ and len(study.modalities) > 1


def dephased_rows(study: Study, rows: np.ndarray) -> np.ndarray:
    """Return those of some rows whose states are dephased: all, or as many as time allows, evenly spaced."""
    count = max(1, NUMBERS // math.prod(study.model.dims) ** 2)
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int))]
