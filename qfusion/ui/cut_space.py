"""Correlations taken away at a time, of a workspace: one sample under the sliders, many samples as learned; tables. Free of streamlit.

What they mean is said by `explain.cut_answers`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from qfusion.explain.cut_metrics import CutMetrics
from qfusion.explain.cuts import KINDS, TIMES, USUAL, Cuts, cuts
from qfusion.figures.numbers import cut_curves
from qfusion.ui.replay import Dials

FEW_TIMES = 11  # of many samples: seconds at D = 64


def of_sample(work: Any, row: int, dials: Dials | None = None, *, terms: bool = False) -> Cuts:
    """Cuts of every modality of one sample, at `TIMES` times, under the sliders: all kinds of cut, or the usual ones with its terms."""
    model = work.model if dials is None else work.model.tweaked(dials.tweak())
    return cuts(model, work.dataset.inputs([row], dtype=torch.float64), np.linspace(0, float(model.duration), TIMES),
                kinds=USUAL if terms else tuple(KINDS), background=work.background if terms else None)


def of_rows(work: Any, rows: np.ndarray, times: int = FEW_TIMES) -> CutMetrics:
    """Metrics of many samples after a cut of every modality, as learned: about 8 ms a sample at D = 64."""
    found: CutMetrics = cut_curves(work.model, work.dataset, rows, times)
    return found


def curves(found: Cuts, output: int) -> dict[str, dict[str, np.ndarray]]:
    """Scores (nT,) of the one sample, by kind and modality: what `figures.cuts.curves` draws."""
    return {kind: {name: found.scores[k, m, :, 0, output] for m, name in enumerate(found.modalities)}
            for k, kind in enumerate(found.kinds)}


def sizes(found: Cuts, modality: str, output: int) -> dict[str, dict[str, np.ndarray]]:
    """Sizes of the terms (nT,) after a cut of one modality, by kind and coalition: what `figures.cuts.terms` draws."""
    after, _ = found.sizes()
    place = found.modalities.index(modality)
    return {kind: {name: after[k, place, :, s, output] for s, name in enumerate(found.coalitions)} for k, kind in enumerate(found.kinds)}
