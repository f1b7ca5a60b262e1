"""Correlations taken away at a time, of a workspace: one sample under the sliders, many samples as learned; tables and findings. Free of
streamlit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch

from qfusion.explain.cut_metrics import CutMetrics, cut_metrics
from qfusion.explain.cuts import TIMES, Cuts, cuts
from qfusion.training import metrics
from qfusion.ui.replay import Dials

FEW_TIMES = 11  # of many samples: seconds at D = 64
_SMALL = 0.02  # of the undisturbed score's size: a change below it is none to speak of


def of_sample(work: Any, row: int, dials: Dials | None = None, *, terms: bool = False) -> Cuts:
    """Cuts of every modality of one sample, at `TIMES` times, under the sliders; with its terms when asked for."""
    model = work.model if dials is None else work.model.tweaked(dials.tweak())
    return cuts(model, work.dataset.inputs([row], dtype=torch.float64), np.linspace(0, float(model.duration), TIMES),
                background=work.background if terms else None)


def of_rows(work: Any, rows: np.ndarray, times: int = FEW_TIMES) -> CutMetrics:
    """Metrics of many samples after a cut of every modality, as learned: about 5 ms a sample at D = 64."""
    found = cuts(work.model, work.dataset.inputs(rows, dtype=torch.float64), np.linspace(0, float(work.model.duration), times))
    return cut_metrics(found, work.dataset.y[rows], work.dataset.target.kind)


def curves(found: Cuts, output: int) -> dict[str, dict[str, np.ndarray]]:
    """Scores (nT,) of the one sample, by kind and modality: what `figures.cuts.curves` draws."""
    return {kind: {name: found.scores[k, m, :, 0, output] for m, name in enumerate(found.modalities)}
            for k, kind in enumerate(found.kinds)}


def most_moved(found: Cuts, output: int) -> str:
    """The modality whose cut moves the score most."""
    return found.modalities[int(np.abs(found.changes[0, :, :, 0, output]).max(1).argmax())]


def sizes(found: Cuts, modality: str, output: int) -> dict[str, dict[str, np.ndarray]]:
    """Sizes of the terms (nT,) after a cut of one modality, by kind and coalition: what `figures.cuts.terms` draws."""
    after, _ = found.sizes()
    place = found.modalities.index(modality)
    return {kind: {name: after[k, place, :, s, output] for s, name in enumerate(found.coalitions)} for k, kind in enumerate(found.kinds)}


def sizes_table(found: Cuts, modality: str, output: int) -> pd.DataFrame:
    """One row a time: `t`, the `modality` that is cut, and `cut[...]`, `dephased[...]` of every term."""
    after = sizes(found, modality, output)
    columns = {f"{kind}[{name or 'baseline'}]": after[kind][name] for name in found.coalitions for kind in found.kinds}
    return pd.DataFrame({"t": found.times, "modality": modality} | columns)


def answer(found: Cuts, output: int) -> str:
    """Whether the score of a sample needs the correlations, and when most, as a title."""
    changes = found.changes[:, :, :, 0, output]
    _, m, i = np.unravel_index(np.abs(changes[:1]).argmax(), changes[:1].shape)
    before, largest = float(found.before[0, output]), float(changes[0, m, i])
    if abs(largest) <= max(_SMALL * abs(before), 1e-9):
        return f"The score needs no correlation between the modalities: a cut moves it by {abs(largest):.2f} at most"
    share = abs(float(changes[found.kinds.index("dephased"), m, i])) / abs(largest) if "dephased" in found.kinds else 0.0
    kept = f"; {share:.0%} of that also if classical correlation is kept" if "dephased" in found.kinds else ""
    return (f"Without the correlations of {found.modalities[m]} at t = {found.times[i]:.2f} the score would be {before + largest:.2f} "
            f"instead of {before:.2f}{kept}")


def answer_for_many(found: CutMetrics, metric: str | None = None) -> str:
    """Whether a model needs the correlations half way, over many samples, with 95 % intervals, as a title.

    The time is fixed and of the modalities the one is named that costs most, so that hardly anything is picked by its size.
    """
    metric = metric or next(iter(found.after))
    about, loss = metrics.describe[metric], found.losses[metric]
    sign, i = -1 if about.higher_is_better else 1, len(found.times) // 2
    m = int((sign * loss.value[0, :, i]).argmax())
    where = f"the correlations of {found.modalities[m]} at t = {found.times[i]:.2f}"
    spans_zero = loss.low is not None and loss.high is not None and loss.low[0, m, i] <= 0 <= loss.high[0, m, i]
    if sign * loss.value[0, m, i] <= 0 or spans_zero:
        return f"No: without {where} {about.short} is not worse beyond chance ({_change(loss, 0, m, i)}, n = {found.n:,})"
    kept = f"; with their classical part kept {_change(loss, 1, m, i)}" if found.kinds == ("cut", "dephased") else ""
    return f"Yes: without {where} {about.short} changes by {_change(loss, 0, m, i)}{kept} (n = {found.n:,})"


def _change(loss: Any, *place: int) -> str:
    ends = "" if loss.low is None else f" [{loss.low[place]:+.3f}, {loss.high[place]:+.3f}]"
    return f"{loss.value[place]:+.3f}{ends}"
