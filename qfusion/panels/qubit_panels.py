"""Qubits of a circuit at a gate: Bloch vectors, outcomes, density matrices and entropies."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.analysis import sample_circuits, text
from qfusion.analysis.sample import Sample
from qfusion.figures import bloch_balls, circuit_charts, followed_series, state_charts, style
from qfusion.models.protocols import Evolution, GateCircuit, TruthTables
from qfusion.panels import panel
from qfusion.panels.gate_replays import (
    EACH,
    PURE,
    STEPS,
    describe_inert_fusion,
    gate_index,
    gate_states,
    path_so_far,
    qubit_table,
    replay,
)
from qfusion.views import alt_text
from qfusion.wording import extrema
from qfusion.wording.samples import cite_sample


def qubits(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    gate: int | None = None,
    steps: int = STEPS,
    gates: str = EACH,
) -> panel.PanelFigure:
    """Draw Bloch vectors and entropies of all remaining qubits, before and after a gate; the arguments are those of
    `diagram`.
    """
    walk, at, rows, names = path_so_far(sample, gate, steps, gates)
    entropy = walk.entropy[at][rows]
    figure = circuit_charts.bloch_row(
        names, walk.bloch[at][rows], entropy, before=walk.bloch[at - 1][rows], theme=theme
    )
    return panel.PanelFigure(
        "qubits",
        describe_mixedness(dict(zip(names, entropy.tolist(), strict=True))),
        figure,
        shows="every qubit that goes to the end: its Bloch vector in the X–Z plane now (thin: before this gate) and "
        "its entropy." + cite_sample(sample),
        not_shown="⟨Y⟩ as a length.",
        usage="Point at a disc for ⟨Y⟩.",
        alt=f"Bloch vectors of {len(rows)} qubits; entropy in nats: {alt_text.list_numbers(names, entropy)}.",
        table=lambda: qubit_table(walk, at),
    )


def balls(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    gate: int | None = None,
    steps: int = STEPS,
    gates: str = EACH,
) -> panel.PanelFigure:
    """Draw Bloch balls of all remaining qubits, with their paths gate by gate; the arguments are those of `diagram`."""
    walk, at, rows, names = path_so_far(sample, gate, steps, gates)
    lengths = np.linalg.norm(walk.bloch[at][rows], axis=1)
    figure = bloch_balls.draw_balls(
        names,
        [walk.bloch[: at + 1, row] for row in rows],
        [walk.wires[row].hue for row in rows],
        theme,
    )
    return panel.PanelFigure(
        "bloch-gates",
        describe_shortest(dict(zip(names, lengths.tolist(), strict=True))),
        figure,
        shows="every qubit that goes to the end: its Bloch vector now, and its way since the first gate, older parts "
        "paler. The number is its length r; the purity is (1 + r²) / 2; a hollow tip lies behind the middle."
        + cite_sample(sample),
        not_shown="correlations between qubits: each ball is one qubit on its own.",
        alt=f"Bloch balls of {len(rows)} qubits; lengths {alt_text.list_numbers(names, lengths)}.",
        table=lambda: qubit_table(walk, at),
    )


def outcomes(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    gate: int | None = None,
    steps: int = STEPS,
    gates: str = EACH,
) -> panel.PanelFigure:
    """Draw how likely each outcome of the qubits that a gate concerns is, before and after.

    Arguments as of `diagram`.
    """
    wires, before, after, mutual = gate_states(sample, gate, steps, gates)
    dims = (2,) * len(wires)
    was, now = (np.real(np.diag(rho)) for rho in (before, after))
    names = state_charts.basis_labels(dims)
    distance = float(np.abs(np.linalg.eigvalsh(after - before)).sum() / 2)
    if mutual is None or len(wires) == 1:
        words = ""
    else:
        words = f" Mutual information of the last with the others: {mutual[0]:.3f} before, {mutual[1]:.3f} nats after."
    figure = state_charts.populations(
        now,
        dims,
        reference=was,
        name="after",
        reference_name="before",
        what=f"outcome of {', '.join(wires)}",
        theme=theme,
    )
    for trace, when in zip(figure.data, ("after", "before"), strict=True):
        trace.meta = followed_series.line_meta(followed_series.OUTCOMES, [when])
    shows = (
        f"how likely each outcome of {text.escape_markdown(', '.join(wires))} is; the number in the title is the trace "
        f"distance (0 to 1).{words}{cite_sample(sample)}"
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame({"outcome": names, "before": was, "after": now})

    return panel.PanelFigure(
        "before-after",
        describe_gate_effect(distance),
        figure,
        shows=shows,
        not_shown="coherences: see the matrix.",
        alt=f"Outcome probabilities after the gate: {alt_text.list_pairs(names, was, now)}.",
        table=table,
    )


def matrix(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    gate: int | None = None,
    steps: int = STEPS,
    gates: str = EACH,
) -> panel.PanelFigure:
    """Draw the density matrix of the qubits that a gate concerns, after it; arguments as of `diagram`."""
    wires, before, after, _ = gate_states(sample, gate, steps, gates)
    dims = (2,) * len(wires)
    names = state_charts.basis_labels(dims)

    def table() -> pd.DataFrame:
        return alt_text.matrix_entries(
            names,
            real=after.real,
            imaginary=after.imag,
            before_real=before.real,
            before_imaginary=before.imag,
        )

    return panel.PanelFigure(
        "matrix-after",
        "The density matrix after it: modulus",
        state_charts.density_matrix(after, dims, theme=theme),
        shows="|ρ_ij| of these qubits: off the diagonal the coherences, which a measurement removes."
        + cite_sample(sample),
        not_shown="phases.",
        alt=f"Heat map of the modulus after the gate: {alt_text.list_coherences(after, names)}.",
        table=table,
    )


def entropies(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    gate: int | None = None,
    steps: int = STEPS,
    gates: str = EACH,
    marked: bool = True,
) -> panel.PanelFigure:
    """Draw the entropy of every remaining qubit, gate by gate.

    A line marks the gate if `marked`, else as of `diagram`.
    """
    walk = replay(sample, steps, gates)
    rows = list(walk.followed)
    names = [walk.wires[row].name for row in rows]
    last = walk.entropy[-1][rows]
    figure = circuit_charts.entropy_lines(
        walk.entropy[:, rows],
        names,
        gate_index(walk, gate) if marked else None,
        walk.parts,
        hues=[walk.wires[row].hue for row in rows],
        theme=theme,
    )
    shows = "the von Neumann entropy of each qubit after every gate: its entanglement entropy with"
    if not sample.model.part(GateCircuit):
        shows += ", or how far measurements have mixed it against,"
    shows += " everything else." + cite_sample(sample)
    not_shown = "with whom"
    if sample.model.part(Evolution):
        not_shown += ": see the Correlations view of the Dynamics page."
    elif sample.model.part(TruthTables):
        not_shown += ": see the Entropies view of the Circuit page."
    else:
        not_shown += "."
    not_shown += describe_inert_fusion(sample)
    alt = (
        f"Entropy of {len(names)} qubits over {walk.count} gates; at the end, in nats: "
        f"{alt_text.list_numbers(names, last)}."
    )

    def table() -> pd.DataFrame:
        return (
            pd.DataFrame(walk.entropy[:, rows], columns=names)
            .rename_axis("gates_done")
            .reset_index()
        )

    return panel.PanelFigure(
        "entropy-gates",
        describe_final_mixedness(dict(zip(names, last.tolist(), strict=True))),
        figure,
        shows=shows,
        not_shown=not_shown,
        alt=alt,
        table=table,
    )


def information(
    sample: Sample, theme: style.Theme = "light", *, gate: int | None = None
) -> panel.PanelFigure:
    """Draw mutual information of registers of qubits, gate by gate; arguments as of `diagram`."""
    sample.model.require(GateCircuit)
    check(
        shares(sample),
        "Qubits of one register share nothing with another one. Look at `entropies`.",
    )
    shared = sample_circuits.information(sample.study, sample.row, sample.tweak)
    walk = replay(sample)
    names = name_groups(shared)
    values = np.stack(list(shared.values()), 1)
    title = describe_sharing(
        {
            " and ".join(group): float(series[-1])
            for group, series in shared.items()
            if len(group) == 2
        }
    )
    figure = circuit_charts.entropy_lines(
        values,
        names,
        gate_index(walk, gate),
        walk.parts,
        hues=[style.registers_colour(group, sample.modalities) for group in shared],
        y_title="mutual information (nats)",
        group=followed_series.SHARED,
        theme=theme,
    )
    shows = "mutual information of every two registers after each gate, S(a) + S(b) - S(ab): "
    if len(names) == 1:
        shows += "as nothing else is there, twice the entropy of either."
    else:
        shows += (
            "all that they share, classical and quantum; all together, the total correlation, the sum of the "
            "registers' entropies."
        )
    shows += cite_sample(sample)
    alt = (
        f"Mutual information over {walk.count} gates; at the end, in nats: "
        f"{alt_text.list_numbers(names, values[-1])}."
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame(values, columns=names).rename_axis("gates_done").reset_index()

    return panel.PanelFigure(
        "mutual-gates",
        title,
        figure,
        shows=shows,
        not_shown="how much of it is read at the end.",
        alt=alt,
        table=table,
    )


def name_groups(groups: Iterable[tuple[str, ...]]) -> list[str]:
    """Return the names of the lines of `information`, by the registers of each."""
    return [" : ".join(group) if len(group) == 2 else "all together" for group in groups]


def describe_mixedness(entropy: Mapping[str, float]) -> str:
    """Describe which qubits are the most mixed, by their entropies in nats.

    That all are pure, where no entropy is seen.
    """
    if max(entropy.values()) < PURE:
        return "Every qubit is in a pure state"
    return extrema.describe_extremum(
        entropy,
        none="No qubit is mixed by as much as 0.01 nats",
        one="Most mixed now: {names} ({value:.2f} of at most 0.69 nats)",
        some="Most mixed now: {names} ({value:.2f} of at most 0.69 nats each)",
        many="{count:,} qubits alike",
    )


def describe_shortest(lengths: Mapping[str, float]) -> str:
    """Describe which qubits have the shortest Bloch vector; that all are pure, where none is shorter than 1."""
    least = min(lengths.values())
    if least > 1 - PURE:
        return "Every qubit is in a pure state"
    if round(least, 2) == 1:
        return "No Bloch vector is shorter than 1 by 0.01"
    return extrema.describe_extremum(
        lengths,
        smallest=True,
        one="Shortest Bloch vector: {names} ({value:.2f})",
        some="Shortest Bloch vector: {names} ({value:.2f} each)",
        many="{count:,} qubits alike",
    )


def describe_gate_effect(distance: float) -> str:
    """Describe how far a gate moves the state of the qubits that it concerns; the trace distance, 0 to 1."""
    if round(distance, 2) == 0:
        return f"This gate leaves the state {'' if distance < PURE else 'all but '}as it is (moved by {distance:.2f})"
    return f"This gate moves the state by {distance:.2f}"


def describe_final_mixedness(entropy: Mapping[str, float]) -> str:
    """Describe which qubits are the most mixed at the end, by their entropies in nats."""
    return extrema.describe_extremum(
        entropy,
        none="At the end no qubit is mixed ({size} nats)",
        only="At the end {names} is mixed ({value:.2f} nats)",
        one="At the end {names} is the most mixed ({value:.2f} nats)",
        some="At the end {names} are the most mixed, alike ({value:.2f} nats)",
        every="At the end all qubits are equally mixed ({value:.2f} nats)",
        many="{count:,} qubits alike",
    )


def describe_sharing(mutual: Mapping[str, float]) -> str:
    """Describe which two registers share most at the end; mutual information in nats by pair."""
    return extrema.describe_extremum(
        mutual,
        none="The registers share next to nothing at the end ({size} nats)",
        only="{names} share {value:.2f} nats at the end",
        one="{names} share most at the end ({value:.2f} nats)",
        some="{names}: these pairs share most at the end, alike ({value:.2f} nats)",
        every="All pairs share alike at the end ({value:.2f} nats)",
        join="; ".join,
    )


# whether a model's plain gates act on several registers
shares = panel.needs(GateCircuit, where=lambda study: len(study.model.registers()) > 1)
