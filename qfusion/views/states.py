"""A sample's state over time and at a time: populations, density matrices, Bloch balls, elements."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import numpy as np
import pandas as pd
import torch

from qfusion._checks import check, choose
from qfusion._sentences import top
from qfusion.figures import state_charts, style
from qfusion.figures.circuits import qubits
from qfusion.models.protocols import Evolution
from qfusion.quantum.decomposition import PAULIS
from qfusion.quantum.states import partial_trace
from qfusion.study import text
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from qfusion.views.decision import SHOWN_STATES, WHOLE, cursor_time
from qfusion.views.pages.choices import TIMED, Cursor
from qfusion.views.pages.params import SelectParam
from qfusion.views.view import View
from qfusion.views.words import rules
from qfusion.views.words.rules import cite_sample

MATRIX_PARTS = {
    "modulus": (
        "|ρ_ij|: diagonal populations, off the diagonal coherences.",
        "Does not show the sign or phase of a coherence.",
    ),
    "phase": (
        "arg ρ_ij on a cyclic scale, paler below 50, 20 and 5% of the largest |ρ_ij|, blank below 1%.",
        "Does not show how large an entry is, but for that.",
    ),
}
POPULATIONS, COHERENCES = PARTS = ("populations", "coherences")
MOST_PAIRS = 12  # coherences of a modality that are drawn


STATE_OF = SelectParam(
    "of",
    "State of",
    "All together are shown.",
    "The joint state of all modalities, or the reduced state of one.",
    lambda study: (WHOLE, *study.modalities),
    fits=TIMED,
)
Whose = Annotated[str, STATE_OF]


def populations(sample: Sample, *, whose: Whose = WHOLE, t: Cursor = 1.0) -> View:
    """The populations of the state at a time.

    Args:
        sample: a sample of a model with time.
        whose: a modality, or "all together".
        t: the time as a share of T.
    """
    rho, dims, when = read_state(sample, whose, t)
    mass = np.real(np.diag(rho))
    labels = state_charts.basis_labels(dims)
    return View(
        state_charts.populations(mass, dims),
        describe_likeliest(when, dict(zip(labels, mass.tolist(), strict=True))),
        caption=f"the probability of each basis state, the diagonal of ρ(t).{cite_sample(sample)}",
        limits="For coherences, see the matrix below.",
        table=pd.DataFrame({"state": labels, "probability": mass}),
        alternative=f"Populations at {when}: {rules.list_numbers(labels, mass)}.",
    )


def matrix(
    sample: Sample,
    part: Literal["modulus", "phase"] = "modulus",
    *,
    whose: Whose = WHOLE,
    t: Cursor = 1.0,
) -> View:
    """The density matrix at a time.

    Args:
        sample: a sample of a model with time.
        part: of its elements.
        whose: a modality, or "all together".
        t: the time as a share of T.
    """
    rho, dims, when = read_state(sample, whose, t)
    labels = state_charts.basis_labels(dims)
    shown, limits = MATRIX_PARTS[part]
    return View(
        state_charts.density_matrix(rho, dims, part=part),
        f"Density matrix: {part} at {when}",
        caption=f"{shown}{cite_sample(sample)}",
        limits=limits,
        table=rules.matrix_entries(labels, real=rho.real, imaginary=rho.imag),
        alternative=f"Heat map of the {part} of ρ: {rules.list_coherences(rho, labels)}.",
        name=f"matrix-{part}",
    )


def hinton(sample: Sample, *, whose: Whose = WHOLE, t: Cursor = 1.0) -> View:
    """A density matrix at a time as a Hinton diagram.

    Args:
        sample: a sample of a model with time.
        whose: a modality, or "all together".
        t: the time as a share of T.
    """
    rho, dims, when = read_state(sample, whose, t)
    labels = state_charts.basis_labels(dims)
    modulus = np.abs(rho)
    least = state_charts.LEAST
    left_out = int((modulus < least * modulus.max()).sum())
    limits = "Does not show how the matrix came about: see the heat maps over time."
    if left_out:
        limits = f"Does not show entries below {least:.1%} of the largest ({left_out:,} of {rho.size:,})."
    return View(
        state_charts.hinton(rho, dims),
        describe_largest_coherence(modulus, labels, when),
        caption="the density matrix at the cursor: areas are moduli |ρ_ij| (key on the right); colour, and the hand in "
        f"each square, the phase: to the right 0, up +π/2.{cite_sample(sample)}",
        limits=limits,
        table=rules.matrix_entries(labels, modulus=modulus, phase=np.angle(rho)),
        alternative=f"Hinton diagram of ρ: {rules.list_coherences(rho, labels)}.",
    )


def bloch(sample: Sample, *, t: Cursor = 1.0) -> View:
    """Bloch vectors of all modalities of two levels, with their ways so far.

    Args:
        sample: a sample of a model with time.
        t: the time as a share of T.
    """
    check(
        has_qubits(sample.study),
        f"No modality of model '{sample.name}' has two levels. Look at the heat maps over time.",
    )
    times = sample.track().times
    at = nearest_step(sample, t)
    names = [name for name, d in zip(sample.modalities, sample.model.dims, strict=True) if d == 2]
    ways = {
        name: np.einsum("aij,tji->ta", PAULIS.numpy()[1:], reduced_states(sample, name)).real
        for name in names
    }
    lengths = {name: float(np.linalg.norm(way[at])) for name, way in ways.items()}
    others = ""
    if len(names) < len(sample.modalities):
        others = "; modalities of more levels: see the heat maps"
    return View(
        qubits.draw_balls(
            names,
            [way[: at + 1] for way in ways.values()],
            [style.term_colour(name, sample.modalities) for name in names],
        ),
        describe_most_mixed(lengths, f"t = {times[at]:.2f}"),
        caption="the Bloch vector (⟨X⟩, ⟨Y⟩, ⟨Z⟩) of each modality of two levels at the cursor, and its way since "
        "t = 0, older parts paler. Its length r gives the purity (1 + r²) / 2; a hollow tip lies behind the "
        f"middle.{cite_sample(sample)}",
        limits=f"Does not show correlations between modalities{others}.",
        table=pd.concat([_bloch_vectors(name, times, way) for name, way in ways.items()]),
        alternative=f"Bloch balls; lengths {rules.list_numbers(names, lengths.values())}.",
    )


def has_qubits(study: Study) -> bool:
    """Return whether the model of a study evolves in time and has a modality of two levels."""
    evolving = study.model.part(Evolution)
    return evolving is not None and 2 in study.model.dims


def _bloch_vectors(name: str, times: np.ndarray, way: np.ndarray) -> pd.DataFrame:
    """Return the Bloch vectors (nT, 3) of a modality and its purity, a row for each time."""
    vectors = dict(zip("XYZ", way.T, strict=True))
    purity = (1 + (way**2).sum(1)) / 2
    return pd.DataFrame({"modality": name, "t": times, **vectors, "purity": purity})


def elements_over_time(
    sample: Sample,
    part: Literal["populations", "coherences"] = "populations",
    *,
    t: Cursor = 1.0,
) -> View:
    """The populations, or moduli of coherences, of each modality over time.

    Args:
        sample: a sample of a model with time.
        part: of the elements, those on the diagonal or off it.
        t: where the cursor stands, a share of T; none is drawn at 0 and 1.
    """
    choose("Part", part, PARTS)
    times = sample.track().times
    rows = [
        (name, level, series)
        for name, d in zip(sample.modalities, sample.model.dims, strict=True)
        for level, series in _elements(np.abs(reduced_states(sample, name)), d, part).items()
    ]
    owners, levels, courses = zip(*rows, strict=True)
    values = np.stack(courses)
    full_names = [f"{owner} {level}" for owner, level, _ in rows]
    what, unit = "population", "population"
    caption = "the diagonal ρ_ii of each modality's own density matrix, a level a row."
    limits = "Does not show the joint state: see the matrices."
    if part == COHERENCES:
        what, unit = "coherence", "modulus"
        most = ""
        if any(d * (d - 1) // 2 > MOST_PAIRS for d in sample.model.dims):
            most = f"; of each the {MOST_PAIRS} largest"
        caption = (
            "the moduli |ρ_ij| off the diagonal of each modality's own density matrix, a pair of levels a "
            f"row{most}."
        )
        limits = "Does not show phases: see the matrices."
    last = rules.list_numbers(full_names, values[:, -1])
    return View(
        state_charts.element_heatmap(
            times, values, list(levels), list(owners), unit, cursor_time(sample, t)
        ),
        describe_largest_change(
            what,
            {f"{text.escape_markdown(owner)} {level}": series for owner, level, series in rows},
        ),
        caption=f"{caption}{cite_sample(sample)}",
        limits=limits,
        table=pd.DataFrame({"t": times, **dict(zip(full_names, values, strict=True))}),
        alternative=f"Heat map of {len(rows)} {part} over time; at the end {last}.",
        name=f"{part}-over-time",
    )


def _elements(moduli: np.ndarray, d: int, part: str) -> dict[str, np.ndarray]:
    """Return populations, or the largest coherences in their order, over time.

    Args:
        moduli: of the states of a modality, (nT, d, d).
        d: its levels.
        part: which of the two.

    Returns:
        The values (nT,) by the name of the element.
    """
    labels = state_charts.basis_labels((d,))
    if part == POPULATIONS:
        return {f"|{labels[i]}⟩": moduli[:, i, i] for i in range(d)}
    pairs = list(itertools.combinations(range(d), 2))
    largest = sorted(pairs, key=lambda pair: -float(moduli[:, *pair].max()))[:MOST_PAIRS]
    return {f"|{labels[i]}⟩⟨{labels[j]}|": moduli[:, i, j] for i, j in sorted(largest)}


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
    return rules.describe_extremum(
        populations,
        one="Likeliest basis state at {when}: {names} with {share}",
        some="Likeliest basis states at {when}, alike: {names} with {share} each",
        every="At {when} all {count} basis states are equally likely ({share} each)",
        name="|{}⟩".format,
        most=SHOWN_STATES,
        many="{count} of {all}",
        when=when,
    )


def describe_most_mixed(lengths: Mapping[str, float], when: str) -> str:
    """Describe which modalities of two levels have the shortest Bloch vector at a time, by its length, 0 to 1."""
    if round(min(lengths.values()), 2) == 1:
        return f"At {when} every Bloch vector has length 1.00: each of these modalities is all but pure"
    return rules.describe_extremum(
        lengths,
        smallest=True,
        only="{names} at {when}: its Bloch vector has length {value:.2f}",
        one="{names} is the most mixed at {when}: its Bloch vector has length {value:.2f}",
        some="{names} are the most mixed at {when}, alike: each Bloch vector has length {value:.2f}",
        every="{names} are equally mixed at {when}: each Bloch vector has length {value:.2f}",
        when=when,
    )


def describe_largest_change(what: str, rows: Mapping[str, np.ndarray]) -> str:
    """Describe which population or coherence ranges widest over time.

    Args:
        what: "population" or "coherence". rows: values over time by name, as markdown.
    """
    changes = {name: float(np.ptp(values)) for name, values in rows.items()}
    sentence = rules.describe_extremum(
        changes,
        none="No {what} changes by 0.01 or more",
        one="{What} of {names} changes most",
        some="{What}s of {names} change most, alike",
        name=str,
        many="{count} rows, by {value:.2f}",
        what=what,
        What=what.capitalize(),
    )
    first = top(changes, 2)
    if len(first) != 1 or round(changes[first[0]], 2) == 0:
        return sentence
    return f"{sentence}: {_describe_course(rows[first[0]])}"


def _describe_course(values: np.ndarray) -> str:
    """Describe where a number begins and ends, and its range if that is wider."""
    start, end, low, high = (
        f"{value:.2f}" for value in (values[0], values[-1], values.min(), values.max())
    )
    course = f"{start} → {end}"
    return course if {low, high} <= {start, end} else f"{course}, between {low} and {high}"


def describe_largest_coherence(modulus: np.ndarray, labels: Sequence[str], when: str) -> str:
    """Describe between which levels a matrix of moduli (D, D) has its largest entry off the diagonal."""
    return rules.describe_extremum(
        rules.coherence_table(modulus, labels, "|{}⟩⟨{}|"),
        places=3,
        none="No coherence at {when} is as large as 0.001",
        one="Largest coherence at {when}: {names} with {value:.3f}",
        some="Largest coherences at {when}, alike: {names} with {value:.3f}",
        name=str,
        many="{count} pairs of levels",
        when=when,
    )
