"""A sample's way through the gates of its model's circuit: one step of an evolution, a whole entangled fusion, or plain
gates.

`gate` is how many gates have been done, the end of the circuit unless told. `steps` and `gates` matter to models with
time alone: so many steps fill the duration T, and H is "one per coupling" or "all of H in one" gate. Entropies are in
nats.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion._sentences import count, listed
from qfusion.analysis import sample_circuits, text
from qfusion.analysis.sample import Sample
from qfusion.figures import (
    bloch_balls,
    circuit_boxes,
    circuit_charts,
    circuit_diagram,
    circuit_replay,
    qubit_displays,
    state_charts,
    style,
)
from qfusion.models import require
from qfusion.models.abilities import can
from qfusion.panels import panel, params
from qfusion.panels.dynamics import reduced_states
from qfusion.quantum import circuits
from qfusion.wording.evidence import INERT
from qfusion.wording.samples import cite_sample

STEPS = 20
MAX_STEPS = 1000
MAX_GATES = 20_000
PURE = 1e-6  # entropies, distances and gaps below it are rounding
LEAST_UNIT = 24.0  # pixels between neighbouring wires
TALLEST = 488.0  # pixels of all wires together
SPLITS = {"one per coupling": "terms", "all of H in one": "whole"}
EACH = next(iter(SPLITS))
NONE = "none"  # no light cone
DISCS = "at the scrubber"  # no displays between gates
DISPLAYS = (DISCS, *qubit_displays.KINDS)
# How qubits are drawn.
PLANE = "X–Z plane"
BALLS = "Bloch balls"
_SHOWN = {
    DISCS: "A disc is a qubit where it is now: its needle is (⟨X⟩, ⟨Z⟩) with |0⟩ up, blue or vermillion when ⟨Y⟩ "
    "is not 0; a short one is a mixed state.",
    qubit_displays.KINDS[
        0
    ]: "After each column, how full a frame is tells how likely its qubit reads 1.",
    qubit_displays.KINDS[
        1
    ]: "After each column, three bars from the middle of a frame: ⟨X⟩, ⟨Y⟩ and ⟨Z⟩ of its qubit.",
    qubit_displays.KINDS[
        2
    ]: "After each column, how full a frame is tells its qubit's purity, from 1/2 to 1.",
}


def step_circuit(sample: Sample, steps: int = STEPS, gates: str = EACH) -> Any:
    """Return one step of the evolution of a model with time, as a PennyLane circuit."""
    return sample_circuits.circuit(
        sample.study, sample.row, *_step_duration(sample, steps, gates), sample.tweak
    )


def replay(sample: Sample, steps: int = STEPS, gates: str = EACH) -> circuit_replay.Replay:
    """Return every qubit before the first and after every gate."""
    require(sample.model, "circuit")
    if can(sample.study.model, "time"):
        return circuit_boxes.step_replay(
            sample.study, sample.row, *_step_duration(sample, steps, gates), sample.tweak
        )
    return circuit_boxes.replay(sample.study, sample.row, sample.tweak)


def _step_duration(sample: Sample, steps: int, gates: str) -> tuple[float, str]:
    require(sample.model, "time")
    check(
        1 <= steps <= MAX_STEPS, f"Argument `steps` must be from 1 to {MAX_STEPS}, but is {steps}."
    )
    return float(sample.model.duration) / steps, SPLITS[choose("Gates", gates, SPLITS)]


def light_cone(sample: Sample, readout: str) -> circuits.Cone[int]:
    """Return the gates that a read-out depends on, and the qubits; by places in the replay.

    Args:
        sample: of a model whose circuit is no step of an evolution. readout: of `readouts` of its work.
    """
    steps = replay(sample)
    known = sample.study.space.readouts()
    check(
        bool(known),
        "The gates of one step of an evolution all act on what is read: they have no light cone.",
    )
    read = known[choose("Read-out", readout, known)]
    return circuits.light_cone(
        steps.steps, [place for place, wire in enumerate(steps.wires) if wire.name in read]
    )


def diagram(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    gate: int | None = None,
    steps: int = STEPS,
    gates: str = EACH,
    cone: str = NONE,
    display: str = DISCS,
) -> panel.PanelFigure:
    """Draw the circuit with every qubit's state in place.

    Args:
        sample: a sample of a model that can be drawn as gates.
        theme: of the figure.
        gate: so many gates are done; all unless told.
        steps: so many fill T.
        gates: "one per coupling" or "all of H in one".
        cone: a read-out, whose light cone is drawn: what lies outside is grey; "none" for all alike.
        display: "at the scrubber" for discs there, or what stands after every column.
    """
    walk = replay(sample, steps, gates)
    at = _gate_index(walk, gate)
    drawn = walk.near(at)
    seen = light_cone(sample, cone) if cone != NONE else None
    rows = np.ptp([wire.y for wire in walk.wires]) + 2 * circuit_diagram.EDGE
    choose("Display", display, DISPLAYS)
    size = f"{count(walk.count, 'gate')} on {count(len(walk.wires), 'qubit')}"
    whole = drawn[-1].last == walk.count  # else the end of the circuit is not in the drawing
    likely, when = ends(sample, walk) if whole else ({}, "")
    if seen is not None:
        drawn = walk.greyed(drawn, seen)
        title = describe_cone(cone, seen.count, walk.count, len(seen.qubits), len(walk.wires))
    elif can(sample.model, "time"):
        built = step_circuit(sample, steps, gates)
        title = (
            f"One step of dt = {built.dt:.3g} is {count(len(built.gates), 'gate')} on "
            f"{count(len(built.wires), 'qubit')}"
        )
        again = "The step is done again, until T." if steps > 1 else "This step fills T."
        every = tuple(range(len(walk.wires)))
        column = 1 + max(box.column for box in drawn)
        drawn = (
            *drawn,
            circuit_diagram.Box(f"×{steps}", column, every, walk.count + 1, walk.count, again),
        )
    elif can(sample.model, "gates"):
        counts = Counter(name for name, *_ in walk.gates)
        title = f"{size}: {', '.join(f'{number} {name}' for name, number in counts.items())}"
    else:
        title = (
            f"{size}: encode, fuse, then "
            f"{count(sum(box.name.startswith('C') for box in walk.boxes), 'convolution')} and "
            f"{count(sum('U3' in box.name for box in walk.boxes), 'pooling')}"
        )
    figure = circuit_diagram.diagram(
        drawn,
        walk.wires,
        at,
        walk.bloch[at],
        walk.entropy[at],
        unit=min(60 if can(sample.model, "time") else 58, max(LEAST_UNIT, TALLEST / rows)),
        between=walk.between(at),
        display="" if display == DISCS else display,
        ends=likely,
        decision=decision(sample),
        theme=theme,
    )
    shows = f"every operation in order, what is still to come faint. {_SHOWN[display]}"
    if likely:
        shows += f" At the ends of wires, how likely their qubits read 1 {when}, then the decision."
    if seen is not None:
        shows += f" Grey: gates that cannot change ⟨Z⟩ of {text.escape_markdown(cone)}."
    if len(drawn) < len(walk.boxes):
        first = drawn[0].first
        last = max(box.last for box in drawn)
        shows += f" Drawn are the gates from {first} to {last}; the others follow the scrubber."
    shows += _describe_unused_states(sample) + cite_sample(sample)

    def table() -> pd.DataFrame:
        if seen is None:
            return _qubit_table(walk, at)
        return pd.DataFrame(
            [
                {"gate": n, "name": name, "qubits": ", ".join(wires), "in_cone": inside}
                for n, ((name, wires, *_), inside) in enumerate(
                    zip(walk.gates, seen.inside, strict=True), 1
                )
            ]
        )

    return panel.PanelFigure(
        "circuit",
        title,
        figure,
        shows=shows,
        not_shown="correlations between qubits: each is drawn on its own."
        + _describe_inert_fusion(sample),
        alt=f"Circuit of {walk.count} gates; {at} are done. The table below lists them.",
        table=table,
    )


def ends(sample: Sample, walk: circuit_replay.Replay) -> tuple[dict[int, float], str]:
    """Return how likely each qubit that goes on reads 1, by its place in the drawing, and when: at T where the circuit
    is a step of an evolution, else after the last gate.
    """
    if not can(sample.model, "time"):
        return {row: float(1 - walk.bloch[-1][row, 2]) / 2 for row in walk.followed}, "at the end"
    likely: list[float] = []
    for name, d in zip(sample.modalities, sample.model.dims, strict=True):
        levels = np.real(np.diag(reduced_states(sample, name)[-1]))
        n = (d - 1).bit_length()
        bits = np.arange(d)[:, None] >> np.arange(n)[::-1] & 1  # the first qubit leftmost
        likely += np.clip(levels @ bits, 0, 1).tolist()
    return dict(enumerate(likely)), "at T"


def decision(sample: Sample) -> tuple[str, str]:
    """Return the class with its softmax, or the score, on two lines.

    And for the pointer the log-odds of every class.
    """
    names = sample.study.classes
    scores = sample.scores
    if not names:
        return f"<b>score</b><br>{scores[0]:+.2f}", f"score {scores[0]:+.4f}"
    c = int(np.argmax(scores))
    lines = [
        f"{style.label(name)}: log-odds {value:+.3f}, softmax {share:.3f}"
        for name, value, share in zip(names, scores, sample.probabilities, strict=True)
    ]
    return (
        f"<b>{style.label(names[c], 12)}</b><br>{sample.probabilities[c]:.2f}",
        "<br>".join(lines[:20]),
    )


def _describe_inert_fusion(sample: Sample) -> str:
    """Return the sentence that the decision does not depend on the entanglement of the fusion."""
    return f" {INERT}" if can(sample.model, "rules") else ""


def _describe_unused_states(sample: Sample) -> str:
    """Return which modalities have fewer levels than their qubits have states."""
    if can(sample.model, "time"):
        fewer = [
            f"{d} levels of {text.escape_markdown(name)}"
            for name, d in zip(sample.modalities, sample.model.dims, strict=True)
            if d & (d - 1)
        ]
    else:
        fewer = []
    if fewer:
        return f" The {listed(fewer)} are the first states of their qubits; the others are never reached."
    return ""


def qubits(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    gate: int | None = None,
    steps: int = STEPS,
    gates: str = EACH,
) -> panel.PanelFigure:
    """Draw Bloch vectors and entropies of all qubits that go on, before and after a gate; arguments as of `diagram`."""
    walk, at, rows, names = _path_so_far(sample, gate, steps, gates)
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
        not_shown="⟨Y⟩ as a length: point at a disc.",
        alt=f"Bloch vectors of {len(rows)} qubits; entropy in nats: {panel.list_numbers(names, entropy)}.",
        table=lambda: _qubit_table(walk, at),
    )


def balls(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    gate: int | None = None,
    steps: int = STEPS,
    gates: str = EACH,
) -> panel.PanelFigure:
    """Draw Bloch balls of all qubits that go on, with their ways gate by gate; arguments as of `diagram`."""
    walk, at, rows, names = _path_so_far(sample, gate, steps, gates)
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
        alt=f"Bloch balls of {len(rows)} qubits; lengths {panel.list_numbers(names, lengths)}.",
        table=lambda: _qubit_table(walk, at),
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
    wires, before, after, mutual = _gate_states(sample, gate, steps, gates)
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
        alt=f"Outcome probabilities after the gate: {panel.list_pairs(names, was, now)}.",
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
    wires, before, after, _ = _gate_states(sample, gate, steps, gates)
    dims = (2,) * len(wires)
    names = state_charts.basis_labels(dims)

    def table() -> pd.DataFrame:
        return panel.matrix_entries(
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
        alt=f"Heat map of the modulus after the gate: {panel.list_coherences(after, names)}.",
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
    """Draw the entropy of every qubit that goes on, gate by gate.

    A line marks the gate if `marked`, else as of `diagram`.
    """
    walk = replay(sample, steps, gates)
    rows = list(walk.followed)
    names = [walk.wires[row].name for row in rows]
    last = walk.entropy[-1][rows]
    figure = circuit_charts.entropy_lines(
        walk.entropy[:, rows],
        names,
        _gate_index(walk, gate) if marked else None,
        walk.parts,
        hues=[walk.wires[row].hue for row in rows],
        theme=theme,
    )
    shows = "the entropy of each qubit after every gate: how much it is entangled with"
    if not can(sample.model, "gates"):
        shows += ", or has been measured against,"
    shows += " everything else." + cite_sample(sample)
    not_shown = "with whom"
    if can(sample.model, "time"):
        not_shown += ": see the Correlations view of the Dynamics page."
    elif can(sample.model, "rules"):
        not_shown += ": see the Entropies view of the Circuit page."
    else:
        not_shown += "."
    not_shown += _describe_inert_fusion(sample)
    alt = (
        f"Entropy of {len(names)} qubits over {walk.count} gates; at the end, in nats: "
        f"{panel.list_numbers(names, last)}."
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
    """Draw mutual information of the modalities' qubits, gate by gate; arguments as of `diagram`."""
    require(sample.model, "gates")
    check(
        shares(sample),
        "Qubits of one register share nothing with another one. Look at `entropies`.",
    )
    shared = sample_circuits.information(sample.study, sample.row)
    walk = replay(sample)
    names = [" : ".join(group) if len(group) == 2 else "all together" for group in shared]
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
        _gate_index(walk, gate),
        walk.parts,
        hues=[style.term_colour("+".join(group), sample.modalities) for group in shared],
        y_title="mutual information (nats)",
        theme=theme,
    )
    shows = "mutual information of the qubits of every two modalities after each gate, S(a) + S(b) - S(ab): "
    if len(names) == 1:
        shows += "as nothing else is there, twice the entropy of either."
    else:
        shows += (
            "all that they share, classical and quantum; all together, the total correlation, the sum of the "
            "modalities' entropies."
        )
    shows += cite_sample(sample)
    alt = (
        f"Mutual information over {walk.count} gates; at the end, in nats: "
        f"{panel.list_numbers(names, values[-1])}."
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


def describe_cone(readout: str, gates: int, all_gates: int, qubits: int, all_qubits: int) -> str:
    """Describe what a read-out can depend on: its light cone holds all that may change it, not all that does."""
    return (
        f"{text.escape_markdown(readout)} can depend on {gates:,} of {count(all_gates, 'gate')} and {qubits:,} of "
        f"{count(all_qubits, 'qubit')}"
    )


def describe_mixedness(entropy: Mapping[str, float]) -> str:
    """Describe which qubits are the most mixed, by their entropies in nats.

    That all are pure, where no entropy is seen.
    """
    if max(entropy.values()) < PURE:
        return "Every qubit is in a pure state of its own"
    return panel.superlative(
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
        return "Every qubit is in a pure state of its own"
    if round(least, 2) == 1:
        return "No Bloch vector is shorter than 1 by 0.01"
    return panel.superlative(
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
    return panel.superlative(
        entropy,
        none="At the end no qubit is mixed ({size} nats)",
        only="At the end {names} is mixed ({value:.2f} nats)",
        one="At the end {names} is the most mixed ({value:.2f} nats)",
        some="At the end {names} are the most mixed, alike ({value:.2f} nats)",
        every="At the end all qubits are equally mixed ({value:.2f} nats)",
        many="{count:,} qubits alike",
    )


def describe_sharing(mutual: Mapping[str, float]) -> str:
    """Describe which two modalities' qubits share most at the end; mutual information in nats by pair."""
    return panel.superlative(
        mutual,
        none="The modalities' qubits share next to nothing at the end ({size} nats)",
        only="{names} share {value:.2f} nats at the end",
        one="{names} share most at the end ({value:.2f} nats)",
        some="{names}: these pairs share most at the end, alike ({value:.2f} nats)",
        every="All pairs share alike at the end ({value:.2f} nats)",
        join="; ".join,
    )


# whether a model's plain gates act on the qubits of several modalities
shares = panel.needs("gates", where=lambda study: len(study.model.registers()) > 1)


def step_error(
    sample: Sample, theme: style.Theme = "light", *, steps: int = STEPS, gates: str = EACH
) -> panel.PanelFigure:
    """Draw how far the circuit of a model with time ends from its evolution, against the step; as of `diagram`."""
    built = step_circuit(sample, steps, gates)
    sizes, one, every = sample_circuits.step_errors(
        sample.study, sample.row, SPLITS[gates], sample.tweak
    )
    alt = (
        f"Error against the step dt: {panel.list_numbers([f'dt {dt:.2g}' for dt in sizes], every, '.2g')} after "
        "all "
        "steps."
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame({"dt": sizes, "after_one_step": one, "after_all_steps": every})

    return panel.PanelFigure(
        "step-error",
        f"At this step the circuit ends {built.error.all:.2g} (trace distance) from the exact state",
        circuit_charts.step_error(sizes, one, every, built.dt, theme=theme),
        shows="trace distance between the circuit's state and our evolution, which has no step: it falls as dt does. "
        + built.error.sentence
        + cite_sample(sample),
        not_shown="noise of a device: the circuit is run exactly.",
        alt=alt,
        table=table,
    )


def _gate_index(walk: circuit_replay.Replay, gate: int | None) -> int:
    return walk.count if gate is None else min(gate, walk.count)


def _path_so_far(
    sample: Sample, gate: int | None, steps: int, gates: str
) -> tuple[circuit_replay.Replay, int, list[int], list[str]]:
    """Return the replay, the number of gates that are done, and the rows and names of the qubits that go to the end."""
    walk = replay(sample, steps, gates)
    at = _gate_index(walk, gate)
    rows = list(walk.followed)
    check(at > 0, "Before the first gate every qubit is |0⟩. Choose `gate` from 1 on.")
    return walk, at, rows, [walk.wires[row].name for row in rows]


def describe_too_many_qubits(sample: Sample) -> str:
    """Describe what is said in place of the joint state of many qubits."""
    elsewhere = ", see the State view of the Dynamics page" if can(sample.model, "time") else ""
    return f"This gate acts on more than four qubits: its joint state is left out here{elsewhere}."


def _gate_states(
    sample: Sample, gate: int | None, steps: int, gates: str
) -> tuple[tuple[str, ...], np.ndarray, np.ndarray, tuple[float, float] | None]:
    """Return the qubits that a gate concerns, their state before and after it, and their mutual information."""
    walk, at, *_ = _path_so_far(sample, gate, steps, gates)
    moment = walk.moments[at - 1]
    check(bool(moment[0]), describe_too_many_qubits(sample))
    return moment


def _qubit_table(walk: circuit_replay.Replay, at: int) -> pd.DataFrame:
    x, y, z = walk.bloch[at].T
    return pd.DataFrame(
        {
            "qubit": [wire.name for wire in walk.wires],
            "X": x,
            "Y": y,
            "Z": z,
            "reads_1": (1 - z) / 2,
            "entropy": walk.entropy[at],
        }
    )


def has_begun(sample: Sample, gate: int | None = None, **_: Any) -> bool:
    """Return whether a gate is done: before the first every qubit is |0⟩."""
    return can(sample.study.model, "circuit") and gate != 0


def fits_joint_display(sample: Sample, gate: int | None = None, **drawn: Any) -> bool:
    """Return whether the last gate that is done acts on few enough qubits for their joint state to be shown."""
    if not has_begun(sample, gate):
        return False
    walk = replay(sample, **drawn)
    return bool(walk.moments[_gate_index(walk, gate) - 1][0])


_DRAWN = panel.needs("circuit")
_STEPPED = panel.needs("circuit", "time")
GATE = params.NumberParam(
    "gate",
    "Step through gates",
    "The end of the circuit is shown.",
    "Arrow keys move by one gate; a click on a box of the drawing goes there.",
    high=MAX_GATES,
    whole=True,
    look="slider",
    fits=_DRAWN,
    plays=True,
)
STEP_COUNT = params.SelectParam(
    "steps",
    "Time steps",
    "20 is used.",
    "So many steps dt fill the duration T.",
    ("2", "4", "5", "8", "10", "16", "20", "32", "50", "64"),
    default="20",
    look="steps",
    meanings=params.whole_number("steps", 1, MAX_STEPS),
    fits=_STEPPED,
)
GATES_OF_H = params.SelectParam(
    "gates", "Gates of H", "One gate per coupling is used.", values=SPLITS, fits=_STEPPED
)
DISPLAY = params.SelectParam(
    "display",
    "States of the qubits",
    "Discs at the scrubber are shown.",
    "Where the scrubber stands, or after every column.",
    DISPLAYS,
    fits=_DRAWN,
)
CONE = params.SelectParam(
    "cone",
    "Light cone of",
    "All gates are shown alike.",
    "Gates that this read-out cannot depend on become grey.",
    lambda study: (NONE, *study.space.readouts()),
    fits=lambda study: can(study.model, "circuit") and bool(study.space.readouts()),
)
QUBITS_AS = params.SelectParam(
    "qubitsas",
    "Qubits as",
    "They are shown in the X–Z plane.",
    values=(PLANE, BALLS),
    look="segments",
    fits=_DRAWN,
)
TABLE = params.SwitchParam("table.gates", "All gates as a table", "It stays folded.", fits=_DRAWN)
DRAWING = params.SwitchParam(
    "table.drawing", "PennyLane's drawing", "It stays folded.", fits=_DRAWN
)
PROGRAM = params.SwitchParam(
    "table.program",
    "The circuit for elsewhere",
    "It stays folded.",
    fits=panel.needs("circuit", "gates"),
)
PART = params.SelectParam(
    "part",
    "View",
    "The walk is shown.",
    values=("Walk", "Fusion rules", "Noise and shots", "Entropies", "Sensitivity", "Export"),
    fits=lambda study: (
        can(study.model, "circuit")
        and not can(study.model, "gates")
        and not can(study.model, "time")
    ),
)
CONTROLS = (
    GATE,
    STEP_COUNT,
    GATES_OF_H,
    DISPLAY,
    CONE,
    QUBITS_AS,
    TABLE,
    DRAWING,
    PROGRAM,
    PART,
)


def _is_part_open(name: str) -> panel.Opens:
    chosen = PART.chosen(name)
    return lambda view: not view.can("rules") or chosen(view)


_STEPS = {"steps": STEP_COUNT, "gates": GATES_OF_H}
_AT = {"gate": GATE, **_STEPS}
_REPLAY = _is_part_open("Walk")
_ENTROPIES = _is_part_open("Entropies")
PANELS = {
    "circuit": panel.Panel(
        diagram,
        {**_AT, "cone": CONE, "display": DISPLAY},
        fits=_DRAWN,
        opens=_REPLAY,
    ),
    "qubits": panel.Panel(
        qubits, _AT, fits=has_begun, opens=panel.all_open(_REPLAY, QUBITS_AS.chosen(PLANE))
    ),
    "bloch-gates": panel.Panel(
        balls, _AT, fits=has_begun, opens=panel.all_open(_REPLAY, QUBITS_AS.chosen(BALLS))
    ),
    "before-after": panel.Panel(outcomes, _AT, fits=fits_joint_display, opens=_REPLAY),
    "matrix-after": panel.Panel(matrix, _AT, fits=fits_joint_display, opens=_REPLAY),
    "entropy-gates": panel.Panel(entropies, _AT, fits=_DRAWN, opens=_ENTROPIES),
    "mutual-gates": panel.Panel(information, {"gate": GATE}, fits=shares),
    "step-error": panel.Panel(step_error, _STEPS, fits=_STEPPED),
}
