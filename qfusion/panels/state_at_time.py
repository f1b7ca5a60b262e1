"""Populations and density matrix of a sample's state at a time."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch

from qfusion.analysis.sample import Sample
from qfusion.figures import state_charts, style
from qfusion.panels import panel
from qfusion.quantum.states import partial_trace
from qfusion.views import alt_text
from qfusion.views.decision import SHOWN_STATES, WHOLE
from qfusion.wording import extrema
from qfusion.wording.samples import cite_states

MATRIX_PARTS = {
    "modulus": (
        "|ρ_ij|: diagonal populations, off the diagonal coherences.",
        "the sign or phase of a coherence.",
    ),
    "phase": (
        "arg ρ_ij on a cyclic scale, paler below 50, 20 and 5% of the largest |ρ_ij|, blank below 1%.",
        "how large an entry is, but for that.",
    ),
}


def populations(
    sample: Sample, theme: style.Theme = "light", *, whose: str = WHOLE, t: float = 1.0
) -> panel.PanelFigure:
    """Draw the populations of the state at a time.

    Args:
        sample: a sample of a model with time.
        theme: of the figure.
        whose: a modality, or "all together".
        t: the time as a share of T.
    """
    rho, dims, name = read_state(sample, whose, t)
    mass = np.real(np.diag(rho))
    labels = state_charts.basis_labels(dims)
    return panel.PanelFigure(
        "populations",
        describe_likeliest(name, dict(zip(labels, mass.tolist(), strict=True))),
        state_charts.populations(mass, dims, theme=theme),
        shows="the probability of each basis state, the diagonal of ρ(t)." + cite_states(sample),
        not_shown="coherence: see the matrix below.",
        alt=f"Populations at {name}: {alt_text.list_numbers(labels, mass)}.",
        table=lambda: pd.DataFrame({"state": labels, "probability": mass}),
    )


def matrix(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    part: str = "modulus",
    whose: str = WHOLE,
    t: float = 1.0,
) -> panel.PanelFigure:
    """Draw the density matrix at a time.

    Args:
        sample: a sample of a model with time.
        theme: of the figure.
        part: "modulus" or "phase".
        whose: a modality, or "all together".
        t: the time as a share of T.
    """
    rho, dims, name = read_state(sample, whose, t)
    labels = state_charts.basis_labels(dims)

    def table() -> pd.DataFrame:
        return alt_text.matrix_entries(labels, real=rho.real, imaginary=rho.imag)

    return panel.PanelFigure(
        f"matrix-{part}",
        f"Density matrix: {part} at {name}",
        state_charts.density_matrix(rho, dims, part=part, theme=theme),
        shows=MATRIX_PARTS[part][0] + cite_states(sample),
        not_shown=MATRIX_PARTS[part][1],
        alt=f"Heat map of the {part} of ρ: {alt_text.list_coherences(rho, labels)}.",
        table=table,
    )


def read_state(sample: Sample, whose: str, t: float) -> tuple[np.ndarray, tuple[int, ...], str]:
    """rho of all modalities or of one at a share t of T, its dimensions, and when that is, in words."""
    step = nearest_step(sample, t)
    dims = sample.model.dims
    when = f"t = {sample.track().times[step]:.2f}"
    if whose == WHOLE:
        return sample.track().rho[step], dims, when
    return reduced_states(sample, whose)[step], (dims[sample.modalities.index(whose)],), when


def nearest_step(sample: Sample, t: float) -> int:
    """Return which of the followed times a share t of T is."""
    return round(t * (len(sample.track().times) - 1))


def reduced_states(sample: Sample, name: str) -> np.ndarray:
    """Return the states of one modality over time, (nT, d, d)."""
    return partial_trace(
        torch.as_tensor(sample.track().rho), sample.model.dims, (sample.modalities.index(name),)
    ).numpy()


def describe_likeliest(when: str, populations: Mapping[str, float]) -> str:
    """Describe which basis states are the likeliest at a time, by their populations, 0 to 1."""
    return extrema.describe_extremum(
        populations,
        one="Likeliest basis state at {when}: {names} with {share}",
        some="Likeliest basis states at {when}, alike: {names} with {share} each",
        every="At {when} all {count} basis states are equally likely ({share} each)",
        name="|{}⟩".format,
        most=SHOWN_STATES,
        many="{count} of {all}",
        when=when,
    )
