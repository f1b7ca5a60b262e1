"""Quantum states: Bloch balls, density-matrix elements over time, and Hinton diagrams."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion._sentences import top
from qfusion.analysis import text
from qfusion.analysis.sample import Sample
from qfusion.figures import bloch_balls, state_charts, style
from qfusion.models.protocols import Evolution
from qfusion.panels import panel
from qfusion.panels.dynamics_page import (
    CURSOR,
    HINTON,
    STATE_AS,
    STATE_OF,
    TIMED,
    VIEW,
    evolves_jointly,
)
from qfusion.panels.jumps import jump_times, jumps_at_all, mutual_information_graph
from qfusion.panels.state_at_time import nearest_step, read_state, reduced_states
from qfusion.quantum.pauli_transfer import PAULIS
from qfusion.views import alt_text
from qfusion.views.decision import WHOLE, cursor_time
from qfusion.wording import extrema
from qfusion.wording.samples import cite_states

POPULATIONS, COHERENCES = PARTS = ("populations", "coherences")
MOST_PAIRS = 12  # coherences of a modality that are drawn


# whether a sample's, or study's, model evolves in time and has a modality of two levels
has_qubits = panel.needs(Evolution, where=lambda study: 2 in study.model.dims)


def qubit_balls(
    sample: Sample, theme: style.Theme = "light", *, t: float = 1.0
) -> panel.PanelFigure:
    """Draw Bloch vectors of all modalities of two levels, with their ways so far.

    Args:
        sample: a sample of a model with time. theme: of the figure.
        t: the time as a share of T.
    """
    check(
        has_qubits(sample),
        f"No modality of model '{sample.name}' has two levels. Look at the heat maps over time.",
    )
    track = sample.track()
    at = nearest_step(sample, t)
    names = [name for name, d in zip(sample.modalities, sample.model.dims, strict=True) if d == 2]
    ways = [
        np.einsum("aij,tji->ta", PAULIS.numpy()[1:], reduced_states(sample, name)).real
        for name in names
    ]
    lengths = [float(np.linalg.norm(way[at])) for way in ways]
    title = describe_most_mixed(
        dict(zip(names, lengths, strict=True)), f"t = {track.times[at]:.2f}"
    )
    figure = bloch_balls.draw_balls(
        names,
        [way[: at + 1] for way in ways],
        [style.term_colour(name, sample.modalities) for name in names],
        theme,
    )
    not_shown = "correlations between modalities"
    if len(names) < len(sample.modalities):
        not_shown += "; modalities of more levels: see the heat maps."
    else:
        not_shown += "."

    def table() -> pd.DataFrame:
        return pd.concat(
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
        )

    return panel.PanelFigure(
        "bloch",
        title,
        figure,
        shows="the Bloch vector (⟨X⟩, ⟨Y⟩, ⟨Z⟩) of each modality of two levels at the cursor, and its way since t = 0, "
        "older parts paler. Its length r gives the purity (1 + r²) / 2; a hollow tip lies behind the middle."
        + cite_states(sample),
        not_shown=not_shown,
        alt=f"Bloch balls; lengths {alt_text.list_numbers(names, lengths)}.",
        table=table,
    )


def elements_over_time(
    sample: Sample, theme: style.Theme = "light", *, part: str = POPULATIONS, t: float = 1.0
) -> panel.PanelFigure:
    """Draw the populations, or moduli of coherences, of each modality over time.

    Args:
        sample: a sample of a model with time. theme: of the figure.
        part: "populations" or "coherences".
        t: where the cursor stands, a share of T; none is drawn at 0 and 1.
    """
    choose("Part", part, PARTS)
    times = sample.track().times
    diagonal = part == POPULATIONS
    rows: list[tuple[str, str, np.ndarray]] = []
    for name, d in zip(sample.modalities, sample.model.dims, strict=True):
        rho = np.abs(reduced_states(sample, name))
        levels = state_charts.basis_labels((d,))
        if diagonal:
            pairs = [(i, i) for i in range(d)]
        else:
            pairs = list(itertools.combinations(range(d), 2))
        if len(pairs) > MOST_PAIRS and not diagonal:  # the largest, in their order
            pairs = sorted(sorted(pairs, key=lambda pair: -float(rho[:, *pair].max()))[:MOST_PAIRS])
        rows += [
            (name, f"|{levels[i]}⟩" if diagonal else f"|{levels[i]}⟩⟨{levels[j]}|", rho[:, i, j])
            for i, j in pairs
        ]
    values = np.stack([series for *_, series in rows])
    title = describe_largest_change(
        "population" if diagonal else "coherence",
        {f"{text.escape_markdown(owner)} {level}": series for owner, level, series in rows},
    )
    figure = state_charts.element_heatmap(
        times,
        values,
        [name for _, name, _ in rows],
        [name for name, *_ in rows],
        "population" if diagonal else "modulus",
        cursor_time(sample, t),
        theme,
    )
    if diagonal:
        shows = "the diagonal ρ_ii of each modality's own density matrix, a level a row."
    else:
        shows = (
            "the moduli |ρ_ij| off the diagonal of each modality's own density matrix, a pair of levels a row"
            + (
                f"; of each the {MOST_PAIRS} largest."
                if any(d * (d - 1) // 2 > MOST_PAIRS for d in sample.model.dims)
                else "."
            )
        )
    shows += cite_states(sample)
    if diagonal:
        not_shown = "the joint state: see the matrices."
    else:
        not_shown = "phases: see the matrices."
    alt = (
        f"Heat map of {len(rows)} {part} over time; at the end "
        + alt_text.list_numbers([f"{name} {level}" for name, level, _ in rows], values[:, -1])
        + "."
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {"t": times} | {f"{name} {level}": series for name, level, series in rows}
        )

    return panel.PanelFigure(
        f"{part}-over-time",
        title,
        figure,
        shows=shows,
        not_shown=not_shown,
        alt=alt,
        table=table,
    )


def hinton(
    sample: Sample, theme: style.Theme = "light", *, whose: str = WHOLE, t: float = 1.0
) -> panel.PanelFigure:
    """Draw a density matrix at a time as a Hinton diagram.

    Args:
        sample: a sample of a model with time. theme: of the figure.
        whose: a modality, or "all together".
        t: the time as a share of T.
    """
    rho, dims, name = read_state(sample, whose, t)
    labels = state_charts.basis_labels(dims)
    modulus = np.abs(rho)
    left_out = int((modulus < state_charts.LEAST * modulus.max()).sum())
    if left_out:
        not_shown = (
            f"entries below {state_charts.LEAST:.1%} of the largest ({left_out:,} of {rho.size:,})."
        )
    else:
        not_shown = "how the matrix came about: see the heat maps over time."

    def table() -> pd.DataFrame:
        return alt_text.matrix_entries(labels, modulus=modulus, phase=np.angle(rho))

    return panel.PanelFigure(
        "hinton",
        describe_largest_coherence(modulus, labels, name),
        state_charts.hinton(rho, dims, theme),
        shows="the density matrix at the cursor: areas are moduli |ρ_ij| (key on the right); colour, and the "
        "hand in each square, the phase: to the right 0, up +π/2." + cite_states(sample),
        not_shown=not_shown,
        alt=f"Hinton diagram of ρ: {alt_text.list_coherences(rho, labels)}.",
        table=table,
    )


def describe_most_mixed(lengths: Mapping[str, float], when: str) -> str:
    """Describe which modalities of two levels have the shortest Bloch vector at a time, by its length, 0 to 1."""
    if round(min(lengths.values()), 2) == 1:
        return f"At {when} every Bloch vector has length 1.00: each of these modalities is all but pure"
    return extrema.describe_extremum(
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
    sentence = extrema.describe_extremum(
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
    return extrema.describe_extremum(
        alt_text.coherence_table(modulus, labels, "|{}⟩⟨{}|"),
        places=3,
        none="No coherence at {when} is as large as 0.001",
        one="Largest coherence at {when}: {names} with {value:.3f}",
        some="Largest coherences at {when}, alike: {names} with {value:.3f}",
        name=str,
        many="{count} pairs of levels",
        when=when,
    )


_OPEN = VIEW.is_one_of("State")
_T = {"t": CURSOR}
PANELS = {
    "information": panel.Panel(
        mutual_information_graph,
        {"t": CURSOR},
        fits=evolves_jointly,
        opens=VIEW.is_one_of("Correlations"),
    ),
    "raster": panel.Panel(jump_times, fits=jumps_at_all, opens=VIEW.is_one_of("Trajectories")),
    "hinton": panel.Panel(
        hinton,
        {"whose": STATE_OF, **_T},
        fits=TIMED,
        opens=panel.all_open(_OPEN, STATE_AS.is_one_of(HINTON)),
    ),
    "bloch": panel.Panel(qubit_balls, _T, fits=has_qubits, opens=_OPEN),
    **{
        f"{part}-over-time": panel.Panel(
            elements_over_time, _T, {"part": part}, fits=TIMED, opens=_OPEN
        )
        for part in PARTS
    },
}
