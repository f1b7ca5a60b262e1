"""Correlations cut during the evolution: scores, terms and metrics after the cut, see `state_cuts`."""

from dataclasses import replace
from typing import Any

import numpy as np

from qfusion._memory_cache import memo
from qfusion.models.protocols import Evolution
from qfusion.models.tweak import LEARNED, Tweak
from qfusion.plugins.why.cuts import cut_losses, state_cuts
from qfusion.study.evolution import TIMES, exact_states, observables
from qfusion.study.jobs import iterate_chunks
from qfusion.training import encodings

AT_ONCE = 256  # samples whose states are held
MAX_HELD = 36  # joint dimension up to which repeated cuts are computed for many samples


@memo(32)
def cuts_of_sample(
    study: Any, row: int, tweak: Tweak = LEARNED, *, terms: bool = False
) -> state_cuts.Cuts:
    """Cuts of every modality of one sample, at `state_cuts.TIMES` times, under the sliders: all kinds of cut, or the
    usual ones with its terms."""
    study.model.require(Evolution, "to cut at")
    model = study.model.tweaked(tweak)
    T = float(model.duration)
    every = (TIMES - 1) // (state_cuts.TIMES - 1)
    known = None
    if T:
        known_observables = observables(study, tweak)[::every].flip(0)
        known_states = exact_states(study, row, tweak)[::every, None]
        known = (known_observables, known_states)
    return state_cuts.cut_correlations(
        model,
        study.inputs([row]),
        np.linspace(0, T, state_cuts.TIMES),
        kinds=state_cuts.DEFAULT if terms else tuple(state_cuts.KINDS),
        background=study.background if terms else None,
        known=known,
    )


@memo(8, background=False, task="Removing correlations from these samples (about 8 ms each) …")
def cuts_of_rows(study: Any, rows: np.ndarray, times: int = 11) -> cut_losses.CutMetrics:
    """Metrics of many samples after a cut of every modality, as learned: about 8 ms a sample at D = 64."""
    return cut_curves(study.model, study.dataset, rows, times)


def curves(result: state_cuts.Cuts, output: int) -> dict[str, dict[str, np.ndarray]]:
    """Return scores (nT,) of the one sample, by kind of cut and modality, for a figure."""
    return {
        kind: {name: result.scores[k, m, :, 0, output] for m, name in enumerate(result.modalities)}
        for k, kind in enumerate(result.kinds)
    }


def term_sizes(
    result: state_cuts.Cuts, modality: str, output: int
) -> dict[str, dict[str, np.ndarray]]:
    """Return sizes of the terms (nT,) after a cut of one modality, by kind of cut and coalition.

    `correlation_cuts.cut_terms` draws them.
    """
    after, _ = result.sizes()
    place = result.modalities.index(modality)
    return {
        kind: {name: after[k, place, :, s, output] for s, name in enumerate(result.coalitions)}
        for k, kind in enumerate(result.kinds)
    }


def cut_curves(
    model: Any, dataset: Any, rows: np.ndarray, times: int = 11
) -> cut_losses.CutMetrics:
    """Return metrics of rows of a data set after a cut, at `times` times from 0 to T, a `cut_metrics.CutMetrics`, as
    for `cut_test`."""
    kinds = tuple(state_cuts.KINDS) if np.prod(model.dims) <= MAX_HELD else state_cuts.DEFAULT
    moments = np.linspace(0, float(model.duration), times)
    parts = [
        state_cuts.cut_correlations(
            model, encodings.encoded_inputs(model, dataset, chunk), moments, kinds=kinds
        )
        for chunk in iterate_chunks(rows, AT_ONCE, "Cutting correlations")
    ]
    cuts = replace(
        parts[0],
        scores=np.concatenate([part.scores for part in parts], 3),
        before=np.concatenate([part.before for part in parts]),
    )
    return cut_losses.cut_metrics(
        cuts,
        dataset.y[rows],
        cut_losses.metric_kind(dataset.target),
        clusters=None if dataset.clusters is None else dataset.clusters.numbers[rows],
    )
