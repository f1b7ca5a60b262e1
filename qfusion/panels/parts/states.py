"""The states of a model with time as physicists draw them: Bloch balls, elements of the density matrices over time, a
Hinton diagram.

`t` marks a place as a share of T.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from qfusion._checks import check, choose
from qfusion._sentences import listed, top
from qfusion.analysis import text
from qfusion.analysis.dynamics import generator
from qfusion.analysis.sample import Sample
from qfusion.analysis.subject import Workspace
from qfusion.figures.draw import state as state_figures
from qfusion.figures.draw.physics import bloch, matrices
from qfusion.figures.style import Theme, term_colour
from qfusion.panels.core import allowed as say
from qfusion.panels.core import spoken
from qfusion.panels.core.panel import Panel, Picture, can, number, within, word
from qfusion.panels.core.view import View
from qfusion.panels.dynamics import VIEWS, WHOLE, cursor_at, state_at
from qfusion.panels.parts.generator import _GENERATOR, MAX_NAMED
from qfusion.panels.parts.sharing import _SHARING
from qfusion.quantum.decomposition import PAULIS
from qfusion.quantum.states import partial_trace

HEAT, HINTON = SHAPES = ("Modulus and phase", "Hinton diagram")
POPULATIONS, COHERENCES = PARTS = ("populations", "coherences")
MOST_PAIRS = 12  # coherences of a modality that are drawn


def has_qubits(subject: Any, **_: Any) -> bool:
    """Whether a sample's, or workspace's, model evolves in time and has a modality of two levels."""
    work = getattr(subject, "work", subject)
    return bool(work.can("time")) and 2 in work.model.dims


def balls(sample: Sample, theme: Theme = "light", *, t: float = 1.0) -> Picture:
    """Bloch vectors of all modalities of two levels, with their ways so far.

    Args:
        sample: a sample of a model with time. theme: of the figure.
        t: the time as a share of T.
    """
    check(
        has_qubits(sample),
        f"No modality of model '{sample.name}' has two levels. Look at the heat maps over time.",
    )
    track, at = sample.track(), _place(sample, t)
    names = [name for name, d in zip(sample.modalities, sample.model.dims, strict=True) if d == 2]
    paulis = PAULIS.numpy()[1:]
    ways = [np.einsum("aij,tji->ta", paulis, _reduced(sample, name)).real for name in names]
    lengths = [float(np.linalg.norm(way[at])) for way in ways]
    return Picture(
        "bloch",
        most_mixed(dict(zip(names, lengths, strict=True)), f"t = {track.times[at]:.2f}"),
        bloch.balls(
            names,
            [way[: at + 1] for way in ways],
            [term_colour(name, sample.modalities) for name in names],
            theme,
        ),
        shows="the Bloch vector (⟨X⟩, ⟨Y⟩, ⟨Z⟩) of each modality of two levels at the cursor, and its way since t = 0, "
        "older parts paler. Its length r gives the purity (1 + r²) / 2; a hollow tip lies behind the middle."
        + sample.followed,
        not_shown="correlations between modalities"
        + (
            "; modalities of more levels: see the heat maps."
            if len(names) < len(sample.modalities)
            else "."
        ),
        alt=f"Bloch balls; lengths {spoken.listed(names, lengths)}.",
        table=lambda: pd.concat(
            [
                pd.DataFrame(
                    {
                        "modality": name,
                        "t": track.times,
                        "X": way[:, 0],
                        "Y": way[:, 1],
                        "Z": way[:, 2],
                        "purity": (1 + (way**2).sum(1)) / 2,
                    }
                )
                for name, way in zip(names, ways, strict=True)
            ]
        ),
    )


def over_time(
    sample: Sample, theme: Theme = "light", *, part: str = POPULATIONS, t: float = 1.0
) -> Picture:
    """Populations, or moduli of coherences, of each modality over time.

    Args:
        sample: a sample of a model with time. theme: of the figure.
        part: "populations" or "coherences".
        t: where the cursor stands, a share of T; none is drawn at 0 and 1.
    """
    choose("Part", part, PARTS)
    times, diagonal = sample.track().times, part == POPULATIONS
    rows: list[tuple[str, str, np.ndarray]] = []
    for name, d in zip(sample.modalities, sample.model.dims, strict=True):
        rho, levels = np.abs(_reduced(sample, name)), state_figures.basis_labels((d,))
        pairs = (
            [(i, i) for i in range(d)] if diagonal else list(itertools.combinations(range(d), 2))
        )
        if len(pairs) > MOST_PAIRS and not diagonal:  # the largest, in their order
            pairs = sorted(sorted(pairs, key=lambda pair: -float(rho[:, *pair].max()))[:MOST_PAIRS])
        rows += [
            (name, f"|{levels[i]}⟩" if diagonal else f"|{levels[i]}⟩⟨{levels[j]}|", rho[:, i, j])
            for i, j in pairs
        ]
    values = np.stack([each for *_, each in rows])
    what = "population" if diagonal else "coherence"
    many = not diagonal and any(d * (d - 1) // 2 > MOST_PAIRS for d in sample.model.dims)
    return Picture(
        f"{part}-over-time",
        changes_most(what, {f"{text.plain(owner)} {level}": each for owner, level, each in rows}),
        matrices.through_time(
            times,
            values,
            [name for _, name, _ in rows],
            [name for name, *_ in rows],
            "population" if diagonal else "modulus",
            cursor_at(sample, t),
            theme,
        ),
        shows=(
            "the diagonal ρ_ii of each modality's own density matrix, a level a row."
            if diagonal
            else "the moduli |ρ_ij| off the diagonal of each modality's own density matrix, a pair of levels a row"
            + (f"; of each the {MOST_PAIRS} largest." if many else ".")
        )
        + sample.followed,
        not_shown="the joint state: see the matrices." if diagonal else "phases: see the matrices.",
        alt=f"Heat map of {len(rows)} {part} over time; at the end "
        + spoken.listed([f"{name} {each}" for name, each, _ in rows], values[:, -1])
        + ".",
        table=lambda: pd.DataFrame(
            {"t": times} | {f"{name} {each}": series for name, each, series in rows}
        ),
    )


def hinton(
    sample: Sample, theme: Theme = "light", *, whose: str = WHOLE, t: float = 1.0
) -> Picture:
    """A density matrix at a time as a Hinton diagram.

    Args:
        sample: a sample of a model with time. theme: of the figure.
        whose: a modality, or "all together".
        t: the time as a share of T.
    """
    rho, dims, name = state_at(sample, whose, t)
    labels, modulus = np.array(state_figures.basis_labels(dims)), np.abs(rho)
    rows, columns = np.indices(rho.shape)
    left_out = int((modulus < matrices.LEAST * modulus.max()).sum())
    return Picture(
        "hinton",
        largest_coherence(modulus, labels.tolist(), name),
        matrices.hinton(rho, dims, theme),
        shows="the density matrix at the cursor: areas are moduli |ρ_ij|; colour, and the hand in each square, the "
        "phase: to the right 0, up +π/2." + sample.followed,
        not_shown="entries below "
        f"{matrices.LEAST:.1%} of the largest ({left_out:,} of {rho.size:,})."
        if left_out
        else "how the matrix came about: see the heat maps over time.",
        alt=f"Hinton diagram of ρ: {spoken.off_diagonal(rho, labels.tolist())}.",
        table=lambda: pd.DataFrame(
            {
                "row": labels[rows.ravel()],
                "column": labels[columns.ravel()],
                "modulus": modulus.ravel(),
                "phase": np.angle(rho).ravel(),
            }
        ),
    )


def most_mixed(lengths: Mapping[str, float], when: str) -> str:
    """Which modalities of two levels have the shortest Bloch vector at a time, by its length, 0 to 1."""
    first, least = [text.plain(name) for name in top(lengths, smallest=True)], min(lengths.values())
    vector = f"Bloch vector has length {least:.2f}"
    if round(least, 2) == 1:
        return f"At {when} every Bloch vector has length 1.00: each of these modalities is all but pure"
    if len(first) == len(lengths):
        return (
            f"{first[0]} at {when}: its {vector}"
            if len(first) == 1
            else f"{listed(first)} are equally mixed at {when}: each {vector}"
        )
    if len(first) == 1:
        return f"{first[0]} is the most mixed at {when}: its {vector}"
    return f"{listed(first)} are the most mixed at {when}, alike: each {vector}"


def changes_most(what: str, rows: Mapping[str, np.ndarray]) -> str:
    """Which population or coherence ranges widest over time.

    Args:
        what: "population" or "coherence". rows: values over time by name, as markdown.
    """
    spread = {name: float(values.max() - values.min()) for name, values in rows.items()}
    first = top(spread)
    if not first or round(spread[first[0]], 2) == 0:
        return f"No {what} changes by 0.01 or more"
    ways = [
        f"{name}: {rows[name][0]:.2f} → {rows[name][-1]:.2f}, between {rows[name].min():.2f} and "
        f"{rows[name].max():.2f}"
        for name in first
    ]
    if len(first) == 1:
        return f"The {what} changes most of {ways[0]}"
    words = (
        "; ".join(ways)
        if len(first) <= MAX_NAMED
        else f"{len(first)} rows, by {spread[first[0]]:.2f}"
    )
    return f"The {what} changes most, alike, of {words}"


def largest_coherence(modulus: np.ndarray, labels: Sequence[str], when: str) -> str:
    """Between which levels a matrix of moduli (D, D) has its largest entry off the diagonal."""
    pairs = {
        f"|{labels[i]}⟩⟨{labels[j]}|": float(modulus[i, j])
        for i, j in itertools.combinations(range(len(labels)), 2)
    }
    first = top(pairs, 3)
    if not first or round(pairs[first[0]], 3) == 0:
        return f"No coherence at {when} is as large as 0.001"
    if len(first) == 1:
        return f"Largest coherence at {when}: {first[0]} with {pairs[first[0]]:.3f}"
    words = listed(first) if len(first) <= MAX_NAMED else f"{len(first)} pairs of levels"
    return f"Largest coherences at {when}, alike: {words} with {pairs[first[0]]:.3f}"


def _reduced(sample: Sample, name: str) -> np.ndarray:
    """The states of one modality over time, (nT, d, d)."""
    m = sample.modalities.index(name)
    found: np.ndarray = partial_trace(
        torch.as_tensor(sample.track().rho), sample.model.dims, (m,)
    ).numpy()
    return found


def _place(sample: Sample, t: float) -> int:
    return round(t * (len(sample.track().times) - 1))


def allowed(view: View, work: Workspace) -> dict[str, say.Allowed]:
    """What an address may say of how a state is drawn, and of the operators; of a model with time."""
    if not work.can("time"):
        return {}
    return {
        "letters": say.options("Operator", generator.operators(work.model), "H is shown."),
        "matrixas": say.options("Matrix as", SHAPES, "Modulus and phase are shown."),
    }


_OPEN, _TIMED, _T = within("view", VIEWS, "State"), can("time"), number("t", 0, 1)
PANELS = {
    **_GENERATOR,
    **_SHARING,
    "hinton": Panel(
        hinton,
        {"whose": word("of"), "t": _T},
        fits=_TIMED,
        opens=lambda view: _OPEN(view) and view.get("matrixas") == HINTON,
    ),
    "bloch": Panel(balls, {"t": _T}, fits=has_qubits, opens=_OPEN),
    **{
        f"{part}-over-time": Panel(over_time, {"t": _T}, {"part": part}, fits=_TIMED, opens=_OPEN)
        for part in PARTS
    },
}
