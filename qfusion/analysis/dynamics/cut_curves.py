"""Correlations taken away at a time: one sample under the sliders, many as learned; tables. Free of streamlit.

What they mean is said by `explain.cut_answers`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from qfusion import _progress
from qfusion.analysis.memo import memo
from qfusion.explain.cuts import DEFAULT, KINDS, CutMetrics, Cuts, cut_metrics, cuts, kind_of
from qfusion.explain.cuts import TIMES as CUT_TIMES
from qfusion.models import require
from qfusion.models.tweak import LEARNED, Tweak
from qfusion.training import encoded

AT_ONCE = 256  # samples whose states are held
FEW_TIMES = 11  # of many samples: seconds at D = 64
MAX_HELD = (
    36  # joint dimension up to which the cut done over and over is worked out for many samples
)


@memo(32)
def of_sample(work: Any, row: int, tweak: Tweak = LEARNED, *, terms: bool = False) -> Cuts:
    """Cuts of every modality of one sample, at `CUT_TIMES` times, under the sliders: all kinds of cut, or the usual
    ones with its terms."""
    model = require(work.model, "time", "to cut at").tweaked(tweak)
    return cuts(
        model,
        work.inputs([row]),
        np.linspace(0, float(model.duration), CUT_TIMES),
        kinds=DEFAULT if terms else tuple(KINDS),
        background=work.background if terms else None,
    )


@memo(8, background=False, says="Taking the correlations of these samples away, about 8 ms each …")
def of_rows(work: Any, rows: np.ndarray, times: int = FEW_TIMES) -> CutMetrics:
    """Metrics of many samples after a cut of every modality, as learned: about 8 ms a sample at D = 64."""
    metrics: CutMetrics = cut_curves(work.model, work.dataset, rows, times)
    return metrics


def curves(found: Cuts, output: int) -> dict[str, dict[str, np.ndarray]]:
    """Scores (nT,) of the one sample, by kind and modality: what `figures.building.curves` draws."""
    return {
        kind: {name: found.scores[k, m, :, 0, output] for m, name in enumerate(found.modalities)}
        for k, kind in enumerate(found.kinds)
    }


def sizes(found: Cuts, modality: str, output: int) -> dict[str, dict[str, np.ndarray]]:
    """Sizes of the terms (nT,) after a cut of one modality, by kind and coalition: what `figures.building.terms`
    draws."""
    after, _ = found.sizes()
    place = found.modalities.index(modality)
    return {
        kind: {name: after[k, place, :, s, output] for s, name in enumerate(found.coalitions)}
        for k, kind in enumerate(found.kinds)
    }


def cut_curves(model: Any, dataset: Any, rows: np.ndarray, times: int = 11) -> Any:
    """Returns metrics of rows of a data set after a cut, at `times` times from 0 to T, a `cut_metrics.CutMetrics`, as
    for `cut_test`."""
    kinds = tuple(KINDS) if np.prod(model.dims) <= MAX_HELD else DEFAULT
    moments = np.linspace(0, float(model.duration), times)
    chunks = np.array_split(rows, range(AT_ONCE, len(rows), AT_ONCE))
    parts = [
        cuts(model, encoded.inputs(model, dataset, chunk), moments, kinds=kinds)
        for chunk in _progress.over(chunks, "Cutting correlations", len(rows), len)
    ]
    whole = replace(
        parts[0],
        scores=np.concatenate([part.scores for part in parts], 3),
        before=np.concatenate([part.before for part in parts]),
    )
    return cut_metrics(
        whole,
        dataset.y[rows],
        kind_of(dataset.target),
        clusters=None if dataset.clusters is None else dataset.clusters.numbers[rows],
    )
