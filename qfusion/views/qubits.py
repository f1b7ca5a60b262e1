"""Qubits of a circuit at a gate: Bloch vectors, outcomes, density matrices and entropies."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.figures import lines, state_charts, style
from qfusion.figures.circuits import charts
from qfusion.figures.circuits.qubits import draw_balls
from qfusion.models.protocols import Evolution, GateCircuit, TruthTables
from qfusion.study import circuits, text
from qfusion.study.sample import Sample
from qfusion.views.circuit import (
    EACH,
    PURE,
    STEPS,
    Gate,
    GatesOfH,
    StepCount,
    describe_inert_fusion,
    gate_index,
    gate_states,
    path_so_far,
    qubit_table,
    replay,
)
from qfusion.views.view import View
from qfusion.views.words import rules
from qfusion.views.words.rules import cite_sample


def qubits(
    sample: Sample, *, gate: Gate = None, steps: StepCount = STEPS, gates: GatesOfH = EACH
) -> View:
    """Bloch vectors and entropies of all remaining qubits, before and after a gate; choices as of `circuit`."""
    walk, at, rows, names = path_so_far(sample, gate, steps, gates)
    entropy = walk.entropy[at][rows]
    return View(
        charts.bloch_row(
            names,
            walk.bloch[at][rows],
            entropy,
            before=walk.bloch[at - 1][rows],
            hues=[walk.wires[row].hue for row in rows],
        ),
        describe_mixedness(dict(zip(names, entropy.tolist(), strict=True))),
        caption="every qubit that goes to the end: its Bloch vector in the X–Z plane now (thin: before this gate) and "
        f"its entropy.{cite_sample(sample)}",
        limits="The Y component is not drawn; point at a disc to read it.",
        table=qubit_table(walk, at),
        alternative=f"Bloch vectors of {len(rows)} qubits; entropy in nats: {rules.list_numbers(names, entropy)}.",
        usage="Point at a disc for ⟨Y⟩.",
    )


def bloch_gates(
    sample: Sample, *, gate: Gate = None, steps: StepCount = STEPS, gates: GatesOfH = EACH
) -> View:
    """Bloch balls of all remaining qubits, with their paths gate by gate; choices as of `circuit`."""
    walk, at, rows, names = path_so_far(sample, gate, steps, gates)
    lengths = np.linalg.norm(walk.bloch[at][rows], axis=1)
    paths = [walk.bloch[: at + 1, row] for row in rows]
    return View(
        draw_balls(names, paths, [walk.wires[row].hue for row in rows]),
        describe_shortest(dict(zip(names, lengths.tolist(), strict=True))),
        caption="every qubit that goes to the end: its Bloch vector now, and its way since the first gate, older parts "
        "paler. The number is its length r; the purity is (1 + r²) / 2; a hollow tip lies behind the middle."
        f"{cite_sample(sample)}",
        limits="Correlations between qubits are not shown: each ball is one qubit on its own.",
        table=qubit_table(walk, at),
        alternative=f"Bloch balls of {len(rows)} qubits; lengths {rules.list_numbers(names, lengths)}.",
    )


def before_after(
    sample: Sample, *, gate: Gate = None, steps: StepCount = STEPS, gates: GatesOfH = EACH
) -> View:
    """How likely each outcome of the qubits that a gate concerns is, before and after; choices as of `circuit`."""
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
    )
    for trace, when in zip(figure.data, ("after", "before"), strict=True):
        trace.meta = lines.line_meta(lines.OUTCOMES, [when])
    return View(
        figure,
        describe_gate_effect(distance),
        caption=f"how likely each outcome of {text.escape_markdown(', '.join(wires))} is; the number in the title is "
        f"the trace distance (0 to 1).{words}{cite_sample(sample)}",
        limits="For coherences, see the matrix.",
        table=pd.DataFrame({"outcome": names, "before": was, "after": now}),
        alternative=f"Outcome probabilities after the gate: {rules.list_pairs(names, was, now)}.",
    )


def matrix_after(
    sample: Sample, *, gate: Gate = None, steps: StepCount = STEPS, gates: GatesOfH = EACH
) -> View:
    """The density matrix of the qubits that a gate concerns, after it; choices as of `circuit`."""
    wires, before, after, _ = gate_states(sample, gate, steps, gates)
    dims = (2,) * len(wires)
    names = state_charts.basis_labels(dims)
    return View(
        state_charts.density_matrix(after, dims),
        "The density matrix after it: modulus",
        caption="|ρ_ij| of these qubits: off the diagonal the coherences, which a measurement removes."
        f"{cite_sample(sample)}",
        limits="Phases are not drawn.",
        table=rules.matrix_entries(
            names,
            real=after.real,
            imaginary=after.imag,
            before_real=before.real,
            before_imaginary=before.imag,
        ),
        alternative=f"Heat map of the modulus after the gate: {rules.list_coherences(after, names)}.",
    )


def entropy_gates(
    sample: Sample,
    marked: bool = True,
    *,
    gate: Gate = None,
    steps: StepCount = STEPS,
    gates: GatesOfH = EACH,
) -> View:
    """The entropy of every remaining qubit, gate by gate.

    Args:
        sample: a sample of a model that can be drawn as gates.
        gate, steps, gates: as of `circuit`.
        marked: whether a line marks the gate.
    """
    walk = replay(sample, steps, gates)
    rows = list(walk.followed)
    names = [walk.wires[row].name for row in rows]
    entropy = walk.entropy[:, rows]
    figure = charts.entropy_lines(
        entropy,
        names,
        gate_index(walk, gate) if marked else None,
        walk.parts,
        hues=[walk.wires[row].hue for row in rows],
    )
    mixed = ""
    if not sample.model.part(GateCircuit):
        mixed = ", or how far measurements have mixed it against,"
    elsewhere = ""
    if sample.model.part(Evolution):
        elsewhere = ": see the Correlations view of the Dynamics page"
    elif sample.model.part(TruthTables):
        elsewhere = ": see the Entropies view of the Circuit page"
    last = entropy[-1]
    return View(
        figure,
        describe_final_mixedness(dict(zip(names, last.tolist(), strict=True))),
        caption="the von Neumann entropy of each qubit after every gate: its entanglement entropy with"
        f"{mixed} everything else.{cite_sample(sample)}",
        limits=f"Does not show with whom{elsewhere}.{describe_inert_fusion(sample)}",
        table=_list_gate_by_gate(entropy, names),
        alternative=f"Entropy of {len(names)} qubits over {walk.count} gates; at the end, in nats: "
        f"{rules.list_numbers(names, last)}.",
    )


def mutual_gates(sample: Sample, *, gate: Gate = None) -> View:
    """Mutual information of registers of qubits, gate by gate; choices as of `circuit`."""
    sample.model.require(GateCircuit)
    check(
        len(sample.study.model.registers()) > 1,
        "Qubits of one register share nothing with another one. Look at `entropies`.",
    )
    shared = circuits.information(sample.study, sample.row, sample.tweak)
    walk = replay(sample)
    names = name_groups(shared)
    values = np.stack(list(shared.values()), 1)
    pairs = {
        " + ".join(group): float(series[-1]) for group, series in shared.items() if len(group) == 2
    }
    meaning = (
        "all that they share, classical and quantum; all together, the total correlation, the sum of the registers' "
        "entropies."
    )
    if len(names) == 1:
        meaning = "as nothing else is there, twice the entropy of either."
    return View(
        charts.entropy_lines(
            values,
            names,
            gate_index(walk, gate),
            walk.parts,
            hues=[style.registers_colour(group, sample.modalities) for group in shared],
            y_title="mutual information (nats)",
            group=lines.SHARED,
        ),
        describe_sharing(pairs),
        caption=f"mutual information of every two registers after each gate, S(a) + S(b) - S(ab): {meaning}"
        f"{cite_sample(sample)}",
        limits="Only a part of it may be read at the end.",
        table=_list_gate_by_gate(values, names),
        alternative=f"Mutual information over {walk.count} gates; at the end, in nats: "
        f"{rules.list_numbers(names, values[-1])}.",
    )


def _list_gate_by_gate(values: np.ndarray, names: list[str]) -> pd.DataFrame:
    """Return values with a column for each name and a row for each number of gates done."""
    return pd.DataFrame(values, columns=names).rename_axis("gates_done").reset_index()


def name_groups(groups: Iterable[tuple[str, ...]]) -> list[str]:
    """Return the names of the lines of `information`, by the registers of each."""
    return [" + ".join(group) if len(group) == 2 else "all together" for group in groups]


def describe_mixedness(entropy: Mapping[str, float]) -> str:
    """Describe which qubits are the most mixed, by their entropies in nats.

    That all are pure, where no entropy is seen.
    """
    if max(entropy.values()) < PURE:
        return "Every qubit is in a pure state"
    return rules.describe_extremum(
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
    return rules.describe_extremum(
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
    return rules.describe_extremum(
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
    return rules.describe_extremum(
        mutual,
        none="The registers share next to nothing at the end ({size} nats)",
        only="{names} share {value:.2f} nats at the end",
        one="{names} share most at the end ({value:.2f} nats)",
        some="{names}: these pairs share most at the end, alike ({value:.2f} nats)",
        every="All pairs share alike at the end ({value:.2f} nats)",
        join="; ".join,
    )
