"""Circuit: the model as gates with the learned values, the sample walking through it; tables, noise, exports.

The fusion's truth tables are a heat map that is its own editor: a click on a cell opens its angle right below. What is
edited is kept as text (see `models.table_edits`), in the session and in the address.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from qfusion._sentences import share
from qfusion.analysis import sample_circuits, text
from qfusion.analysis.sample import Sample
from qfusion.figures.circuit_replay import Replay
from qfusion.models import table_edits
from qfusion.models.abilities import can
from qfusion.panels import (
    circuit,
    device_noise,
    gate_replays,
    network,
    tweak_effects,
)
from qfusion.training import metrics
from qfusion.ui import (
    access,
    changed_numbers,
    cursor_line,
    frame,
    guidance,
    model_export_dialog,
    page_params,
    panels,
    playback,
    selections,
    sensitivity_tab,
    state,
    tweak_widgets,
    widgets,
)
from qfusion.wording import systems
from qfusion.wording.metrics import describe_metric
from qfusion.wording.samples import describe_calibration

# A sample's circuit as a picture, as text and as OpenQASM.

SHOWN = 60  # lines of the program
# by suffix: what a file of a circuit is called, its type, and how it is made; 10 columns fit across a page of LaTeX
FILES: dict[str, tuple[str, str, Callable[[Any], bytes | str]]] = {
    ".qasm": ("OpenQASM 3", "text/plain", lambda drawn: drawn.to_openqasm(3)),
    ".2.qasm": ("OpenQASM 2", "text/plain", lambda drawn: drawn.to_openqasm(2)),
    ".svg": ("Circuit as SVG", "image/svg+xml", lambda drawn: drawn.draw_svg()),
    ".txt": ("Circuit as text", "text/plain", lambda drawn: drawn.draw_text()),
    ".tex": ("Quantikz (LaTeX)", "text/x-tex", lambda drawn: drawn.to_quantikz(10)),
}


def circuit_files(
    context: frame.PageContext, drawn: Any, name: str, key: str, suffixes: Iterable[str]
) -> None:
    """Downloads of a circuit as drawn by PennyLane, and the way out for the model."""
    with st.container(horizontal=True):
        for suffix in suffixes:
            label, mime, make = FILES[suffix]
            st.download_button(
                label,
                data=access.in_turn(partial(make, drawn)),  # type: ignore[arg-type]
                file_name=f"{name}{suffix}",
                mime=mime,
                on_click="ignore",
                icon=":material/download:",
                key=f"{key}{suffix.replace('.', '-')}",
            )
        model_export_dialog.export_button(context)


def circuit_exports(context: frame.PageContext, sample: Sample, *, folded: bool = True) -> None:
    """Downloads of the circuit under the sample's tweak, its drawing by PennyLane (in a fold, unless there is one
    around), and the beginning of its OpenQASM."""
    drawn = sample_circuits.circuit_drawing(context.study, context.row, sample.tweak)
    lines = drawn.to_openqasm(3).splitlines()
    of = f"{len(lines):,} lines on {len(drawn.wires)} qubits"
    guidance.line(
        f"OpenQASM 3, {of}",
        "The circuit of this sample with all its angles, written by PennyLane. OpenQASM 3, "
        f"{of}; {drawn.says}",
    )
    circuit_files(context, drawn, f"qfusion-{context.study.name}-{context.sample}", "save", FILES)
    if folded:
        circuit_drawing(drawn)
    else:
        st.image(drawn.draw_svg().decode(), width="stretch")
    st.code(
        "\n".join([*lines[:SHOWN], *(["// …"] if len(lines) > SHOWN else [])]),
        language=None,
        height=360,
    )


def circuit_drawing(drawn: Any) -> None:
    """PennyLane's drawing, as its file has it; a fold, as it takes a moment."""
    widgets.folded(
        circuit.DRAWING,
        lambda: st.image(drawn.draw_svg().decode(), width="stretch"),
        ":material/schema:",
    )


# The fusion rules of an entangled-fusion network: truth tables one can read, name and edit, and what the decision
# becomes.


@dataclass(frozen=True)
class Cell:
    """One entry of the tables of a sample's model: its place is its element, the stage of the chain, and the outcome
    of the qubits read."""

    sample: Sample
    place: tuple[int, int, int]

    @property
    def shape(self) -> table_edits.Shape:
        """Of the tables."""
        return table_edits.shape_of(self.sample.study.model)

    @property
    def angles(self) -> tuple[float, float]:
        """Its angle, and as learned."""
        now, learned = (
            table_edits.wrapped(float(model.phi.detach().double()[*self.place]))
            for model in (self.sample.model, self.sample.study.model)
        )
        return now, learned

    @property
    def changed(self) -> bool:
        """Whether its angle is another one than learned."""
        now, learned = self.angles
        return abs(now - learned) > network.SAME

    def edit(self, edit: Callable[..., str], *words: Any) -> None:
        """Edits the reader's text, which begins anew from the learned tables where it does not fit; for callbacks."""
        state.put(
            network.EDITS.key,
            edit(tweak_widgets.current_tweak(self.sample.study), self.shape, *words),
        )


def rules_tab(context: frame.PageContext, sample: Sample) -> None:
    """The whole view: the tables, and beside them what follows."""
    left, right = st.columns([1.2, 1], gap="medium")
    with left:
        tables_panel(context, sample)
        st.caption(
            "Fused by "
            + (
                f"edited tables: {text.escape_markdown(sample.tweak)}"
                if sample.tweak
                else "learned tables"
            )
            + f". Test metrics over {len(context.study.dataset.rows('test')):,} samples."
        )
        model_export_dialog.export_button(context)
    with right:
        before_after(context, sample)
        panels.show(sample, context.theme, "probabilities", "waterfall-edited", first=1)


def before_after(context: frame.PageContext, sample: Sample) -> None:
    """The decision and the test metrics as learned and with edits."""
    study = context.study
    now, base = sample, sample.untweaked
    if study.classes:
        truth, first = sample.true_class, int(base.scores.argmax())
        shown = {first: ("predicted", "off", "Of the class that the model as learned predicts.")}
        if truth is not None:
            shown.setdefault(truth, ("true", "normal", "Of the true class."))
        cells = [
            changed_numbers.Changed(
                f"Softmax ‘{text.escape_markdown(study.classes[place], 14)}’, {word}",
                float(base.probabilities[place]),
                float(now.probabilities[place]),
                f"{of} {describe_calibration(study)}",
                colour,
            )
            for place, (word, colour, of) in shown.items()
        ]
    else:
        cells = [
            changed_numbers.Changed(
                "Prediction",
                float(base.scores[0]),
                float(now.scores[0]),
                "Prediction on this sample",
            )
        ]
    labels = metrics.labels(now.metrics)
    cells += [
        changed_numbers.Changed(
            (f"Test {about.short[:1].lower()}{about.short[1:]}" if study.classes else about.short)
            + systems.seed_suffix(study),
            base.metrics[name],
            now.metrics[name],
            describe_metric(name, now.metrics),
            "normal" if about.higher_is_better else "inverse",
        )
        for name, about in [
            (name, labels[name]) for name in ("accuracy", "nll", "mae", "corr") if name in labels
        ][:2]
    ]
    with st.container(key="pair-metrics"):
        places = [*st.columns(2), *st.columns(2)] if len(cells) > 3 else st.columns(len(cells))
        # A line of its own either way, so that nothing below jumps at the first edit.
        changed_numbers.metrics_changed(cells, places, "as learned")


def tables_panel(context: frame.PageContext, sample: Sample) -> None:
    """The heat map with the editor of its chosen cell, and the presets."""
    reading, elements = sample.reading, network.ELEMENT.options(context.study)
    with st.container(border=True, key="panel-tables", gap="xsmall"):
        head, chart = st.container(), st.container()
        cell = _pick(sample)
        [build] = panels.builders(sample, context.theme, "tables").values()
        panels.draw_content(
            build(),
            head,
            chart=chart,
            on_select=lambda key: _picked_cell(key, elements, reading.patterns),
            below=lambda: _editor(cell),
        )
    with st.container(border=True, key="box-tables", gap="xsmall"):
        _presets(cell)
        _ways_back(cell)
    guidance.aside(
        "Nearest named rule of each element: "
        + ", ".join(
            f"{text.escape_markdown(name)} **{network.rule_name(rule)}** ({distance:.2f})"
            for name, (rule, distance) in zip(reading.elements, reading.rules, strict=True)
        )
        + "."
    )


def at_gate(sample: Sample, gate: int) -> None:
    """The editor of the angles of a fusion gate, where the gate (from 1 on) is one: what its qubits read is picked, and
    its angle set."""
    shape = table_edits.shape_of(sample.study.model)
    element, place = divmod(gate - 1, shape.M + shape.stages)  # its encoding gates, then its stages
    if element < shape.n and place >= shape.M:
        with st.container(border=True, key="box-gate", gap="xsmall"):
            cell = Cell(sample, (element, place - shape.M, _outcome(sample, element, True)))
            _editor(cell)
            _ways_back(cell)


def _pick(sample: Sample) -> Cell:
    """The pickers of the cell, for whoever cannot click: element, stage, outcome."""
    study: Any = sample.study
    with st.container(horizontal=True, vertical_alignment="bottom", key="cell-pickers"):
        element = study.space.elements.index(widgets.draw(network.ELEMENT, study))
        shape = table_edits.shape_of(study.model)
        stage = widgets.draw(network.STAGE, study) if shape.stages > 1 else 0
        return Cell(sample, (element, stage, _outcome(sample, element)))


def _outcome(sample: Sample, element: int, at_gate: bool = False) -> int:
    """Draws the picker of what the qubits read; that of the sample unless another is chosen."""
    control = network.OUTCOME
    known = control.options(sample.study)
    if page_params.text_of(control.key) not in known:
        state.put(control.key, network.likeliest_pattern(sample.reading, element))
    if at_gate:
        control = replace(
            control, label="Angle of this gate where its qubits read", look="segments", help=""
        )
    return known.index(widgets.draw(control, sample.study))


def _picked_cell(key: str, elements: Sequence[str], patterns: Sequence[str]) -> None:
    point = selections.selected_point(key)
    row, column = (
        selections.place_of(point.get(axis), len(known))
        for axis, known in (("y", elements), ("x", patterns))
    )
    if row is not None and column is not None:
        state.put(network.ELEMENT.key, elements[row])
        state.put(network.OUTCOME.key, patterns[column])


def _editor(cell: Cell) -> None:
    """The angle of the chosen cell as a slider and as a number, and what it means."""
    study: Any = cell.sample.study
    reading, (angle, learned) = cell.sample.reading, cell.angles
    element, stage, pattern = cell.place
    digits, read = reading.patterns[pattern], reading.controls[stage]
    yes = [text.escape_markdown(name) for name, bit in zip(read, digits, strict=True) if bit == "1"]
    st.markdown(
        f"**{text.escape_markdown(study.space.elements[element])}, {digits}** (yes: {' + '.join(yes) or 'none'}): "
        f"φ = {angle:.3f} "
        f"rad → mass **{_mass(angle):.2f}**"
        + (
            f"; learned {learned:.3f} rad → {_mass(learned):.2f}"
            if cell.changed
            else ", as learned"
        )
        + f". This sample reads it with {share(float(reading.weights[cell.place]))}."
    )
    _angle(
        "Angle φ (rad)",
        ".".join(map(str, cell.place)),
        angle,
        partial(cell.edit, table_edits.with_angle, *cell.place),
        "0 makes the fused qubit say no, π yes, π/2 is undecided. The mass is sin²(φ/2).",
    )


def _angle(
    label: str, name: str, angle: float, set_angle: Callable[[float], object], help: str
) -> None:
    """An angle from -π/2 to 3π/2 as a slider and as a number; either calls `set_angle` with what it says."""
    with st.container(
        horizontal=True, vertical_alignment="bottom", key=f"cell-editor-{name.replace('.', '-')}"
    ):
        slider, number = f"_phi.{name}", f"_number.{name}"
        for key, value in ((slider, round(angle, 2)), (number, round(angle, 4))):
            if state.get(key) != value:
                state.put(key, value)
        st.slider(
            label,
            -1.57,
            4.71,
            step=0.01,
            key=slider,
            on_change=_turned,
            args=(slider, set_angle),
            help=help,
        )
        st.number_input(
            "Exactly",
            -1.5708,
            4.7124,
            step=0.05,
            format="%.4f",
            key=number,
            on_change=_turned,
            args=(number, set_angle),
            width=130,
        )


def _turned(key: str, set_angle: Callable[[float], object]) -> None:
    value = state.get(key)
    if value is not None:  # an emptied field
        set_angle(float(value))


def _network_angles(sample: Sample, takes: Sequence[tuple[str, tuple[int, ...]]]) -> None:
    """The angles of a gate of the network, which all gates of its layer share, and the ways back."""
    with st.container(border=True, key="box-gate", gap="xsmall"):
        for of, place in takes:
            name = ".".join(map(str, (of, *place)))
            angle = float(getattr(sample.model.network, of)[place])

            def set_angle(value: float, name: str = name) -> None:
                now = tweak_widgets.current_tweak(sample.study)
                state.put(network.EDITS.key, table_edits.with_value(now, name, value))

            _angle(
                f"Angle {name} (rad)",
                name,
                table_edits.wrapped(angle),
                set_angle,
                f"All gates that take this angle of layer {place[0]} are turned.",
            )
        _ways_back(Cell(sample, (0, 0, 0)), cell=False)


def _mass(angle: float) -> float:
    return float(np.sin(angle / 2) ** 2)


def _ways_back(chosen: Cell, *, cell: bool = True) -> None:
    """Buttons that undo what is edited: of the chosen cell, if it is one of a table, of all, and step by step."""
    with st.container(horizontal=True, gap="small"):
        if cell:
            st.button(
                "Reset this cell",
                icon=":material/undo:",
                key="_reset_cell",
                on_click=chosen.edit,
                args=(table_edits.with_entry_learned, *chosen.place),
                disabled=not chosen.changed,
            )
        st.button(
            "Reset all cells" if cell else "Reset all angles",
            icon=":material/restart_alt:",
            key="_reset_all",
            disabled=not chosen.sample.tweak,
            on_click=state.put,
            args=(network.EDITS.key, ""),
        )
        tweak_widgets.undo_and_redo(chosen.sample.study)


_RULE_HELP = {
    "learned": "What training found",
    "and": "Yes only if all say yes: Dempster's conjunctive rule",
    "or": "Yes if any says yes: the disjunctive rule",
    "mean": "As much yes as the share of those who say yes",
    "majority": "Yes if more than half say yes",
}


def _presets(cell: Cell) -> None:
    element = cell.place[0] if widgets.draw(network.SCOPE) == "this element" else None
    with st.container(horizontal=True, gap="small"):
        for rule in (table_edits.LEARNED, *cell.shape.rules):
            st.button(
                network.rule_name(rule),
                key=f"_rule_{rule}",
                help=_RULE_HELP[rule],
                on_click=cell.edit,
                args=(table_edits.with_rule, element, rule),
            )


# The decision on a noisy device, and how many shots it takes.


def noise_tab(context: frame.PageContext, sample: Sample) -> None:
    """The whole view."""
    side, main = st.columns([1, 3], gap="medium")
    with side, st.container(border=True, key="box-noise", gap="xsmall"):
        noise = {kind: widgets.draw(control) for kind, control in device_noise.NOISE.items()}
        st.button(
            "Typical device noise",
            key="_typical",
            on_click=_typical,
            help="1 % depolarising, 1 % damping, 2 % read-out",
        )
    with main:
        _headline(context, sample, noise)
        panels.show(sample, context.theme, "noisy-scores", "noisy-terms", columns=2, first=2)
        _device(sample, noise)


def _typical() -> None:
    for kind, strength in (("depolarising", 0.01), ("damping", 0.01), ("readout", 0.02)):
        state.put(device_noise.NOISE[kind].key, strength)


def _headline(context: frame.PageContext, sample: Sample, noise: dict[str, Any]) -> None:
    study, c = context.study, sample.output
    result = device_noise.noisy_outcome(sample, **noise)
    best = "accuracy" if study.classes else "mae"
    of = f" of ‘{text.escape_markdown(study.classes[c], 14)}’ (nats)" if study.classes else ""
    with st.container(key="pair-metrics"):
        score, test, shots = st.columns(3)
        score.metric(
            f"{study.quantity.capitalize()}{of}",
            f"{result.scores[c]:.3f} ± {result.errors[c]:.3f}",
            f"{result.scores[c] - sample.scores[c]:+.3f}",
            delta_color="off",
            help="Under noise, with its standard error at this number of shots; the change is from the "
            "exact circuit",
            border=True,
            height="stretch",
        )
        test.metric(
            f"Test {'accuracy' if study.classes else 'MAE'}{systems.seed_suffix(study)}",
            f"{result.metrics[best]:.3f}",
            f"{result.metrics[best] - sample.metrics[best]:+.3f}",
            delta_color="normal" if study.classes else "inverse",
            help="All test samples under this noise, without shots",
            border=True,
            height="stretch",
        )
        shots.metric(
            "Shots",
            f"{noise['shots']:,}",
            help="Runs of each circuit",
            border=True,
            height="stretch",
        )


def _device(sample: Sample, noise: dict[str, Any]) -> None:
    """One real run of the circuit on a PennyLane simulator."""
    study = sample.study
    *strengths, shots = noise.values()
    with st.expander("Run it on a PennyLane device", icon=":material/memory:"):
        st.caption(
            "Runs the circuit gate by gate: default.qubit without noise, default.mixed with it; element by element "
            "where the whole is too wide, so its errors are larger than those of the whole circuit above."
        )
        if not st.button("Run", key="_run", icon=":material/play_arrow:"):
            return
        with access.waiting("Running …"):
            result = sample_circuits.run_on_device(
                study, sample.row, sample.tweak, tuple(strengths), shots
            )
        st.dataframe(
            pd.DataFrame(
                {
                    "class": study.classes or study.model.outputs,
                    study.quantity: result.scores,
                    "standard error": result.errors,
                }
            ),
            hide_index=True,
            height="content",
            alt=f"{study.quantity.capitalize()} of one run.",
        )
        st.caption(
            f"{result.device}, {result.circuits} circuits of at most {result.qubits} qubits, "
            f"{result.shots:,} shots each, "
            "seed 0."
        )


# The scrubber: the diagram with the sample in it, the state before and after a gate.

_WHOLE = "The whole evolution repeats everything after the preparations until T."


def scrubber(walk: Replay, sample: Sample | None = None) -> None:
    """Draws the slider and its buttons, and for a sample's diagram the pickers beside them."""
    key, stops = circuit.GATE.key, sorted({0, *(box.last for box in walk.boxes)})
    shares = [1.0]
    if sample is not None:
        shares = [1.4, 1.0] if sample.study.space.readouts() else [3.2, 1.0]
    left, *beside = st.columns(shares, vertical_alignment="bottom")
    with left, st.container(horizontal=True, vertical_alignment="bottom", key="cursor"):
        for name, icon, words, act, about in (
            ("_first", "first_page", "Before the first gate", state.put, (key, 0)),
            ("_back", "chevron_left", "One box back", _step, (stops, -1, walk.count)),
            ("_on", "chevron_right", "One box on", _step, (stops, 1, walk.count)),
        ):
            st.button("", icon=f":material/{icon}:", key=name, help=words, on_click=act, args=about)
        playback.play_cursor(key, {n: f"gate {n} of {walk.count}" for n in stops[1:]}, pace=4)
        widgets.draw(circuit.GATE, high=walk.count, default=walk.count)
    if sample is not None:
        with beside[0], st.container(horizontal=True):
            widgets.draw(circuit.DISPLAY)
            if circuit.CONE.fits(sample.study):
                widgets.draw(circuit.CONE, sample.study)


def _step(stops: Sequence[int], way: int, count: int) -> None:
    at = int(state.get(circuit.GATE.key, count))
    later = [stop for stop in stops if (stop - at) * way > 0]
    if later:
        state.put(circuit.GATE.key, min(later) if way > 0 else max(later))


def _picked(key: str) -> None:
    # the scrubber ends where the circuit does
    place = selections.place_of(next(iter(selections.selected_values(key)), None), 2**31)
    if place is not None:
        state.put(circuit.GATE.key, place)


def edited(context: frame.PageContext, sample: Sample, view: str) -> None:
    """What the reader's edits make of the decision, which is theirs whatever view is open, and the edits as text."""
    if view != "Fusion rules" and sample.tweak:
        st.info(
            f"{tweak_effects.describe_tweaked_sample(sample)} Undo it here or under “Fusion rules”.",
            icon=":material/edit:",
        )
    if view == "Fusion rules" or tweak_widgets.edits_text():
        tweak_widgets.draw_edits(context.study)


def walk_through(context: frame.PageContext, sample: Sample, walk: Replay) -> None:
    """The circuit across the page, a click on a box goes there; what the gate at the scrubber does, its angle where it
    can be set, and all gates as a table."""
    at = int(state.get(circuit.GATE.key, walk.count))
    panels.show(sample, context.theme, "circuit", on_select=_picked, first=1)
    if can(sample.study.model, "time"):
        guidance.below(_WHOLE)
    if can(sample.study.model, "rules"):  # whose gates alone take angles that can be set
        at_gate(sample, at)
        references = walk.takes[at - 1] if at else ()
        if takes := [one for one in references if one[0] in table_edits.NETWORK]:
            _network_angles(sample, takes)
        edited(context, sample, "Walk")  # below what is turned, which stays where it is
    here_and_now(context, sample, walk, at)
    widgets.fold(circuit.TABLE, ":material/table_rows:").dataframe(
        pd.DataFrame(
            [
                {
                    "number": n,
                    "gate": name,
                    "qubits": ", ".join(wires),
                    "what it does": sentence,
                    "values": "; ".join(f"{key} = {value:.4g}" for key, value in values.items()),
                }
                for n, (name, wires, sentence, values) in enumerate(walk.gates, 1)
            ]
        ),
        hide_index=True,
        height=420,
        alt="The gates in order.",
        column_config={"what it does": st.column_config.TextColumn(width="large")},
    )


def here_and_now(context: frame.PageContext, sample: Sample, walk: Replay, at: int) -> None:
    """What the gate at the scrubber does, all qubits that go on, and the state of those concerned before and after."""
    if at == 0:
        st.markdown("**Before the first gate.** Every qubit is |0⟩. Move the scrubber on.")
        return
    name, wires, sentence, values = walk.gates[at - 1]
    numbers = ", ".join(f"{key} = {value:.3f}" for key, value in values.items())
    st.markdown(
        f"**Gate {at} of {walk.count}: {text.escape_markdown(name)}** on {text.escape_markdown(', '.join(wires))}. "
        f"{text.escape_markdown(sentence)}"
        + (f"  \n{text.escape_markdown(numbers)}" if numbers else "")
    )
    widgets.draw(circuit.QUBITS_AS)
    panels.show(sample, context.theme, "qubits", "bloch-gates")
    if not walk.moments[at - 1][0]:
        st.caption(gate_replays.describe_too_many_qubits(sample))
    panels.show(sample, context.theme, "before-after", "matrix-after", columns=2)


# Circuit: the model as gates with the learned values, the sample walking through it; of a QiNN-QJ one step of the
# evolution, of an entangled-fusion network views of the whole, of others a list of gates.


@frame.fragment
def one_step(context: frame.PageContext) -> None:
    """The circuit of one step with the sample in it, a scrubber, the state at its place, and how far the step is from
    our evolution."""
    top = st.container()
    with st.expander("Angles of the gates", icon=":material/tune:"):
        st.caption("The angle of a gate is its learned coupling × dt × the factor set here.")
        presets = st.container()
        with st.container(key="grid-knobs"):
            tweak = tweak_widgets.draw_sliders(context.study)
        with presets:
            tweak_widgets.slider_presets(context.study)
    with top:
        step_and_sample(context, context.tweaked_sample(tweak))


def step_and_sample(context: frame.PageContext, sample: Sample) -> None:
    """What is above the sliders: the step under them, and what they make of the decision."""
    if sample.tweak_text:
        st.markdown(tweak_effects.describe_tweaked_sample(sample))
    more = "" if guidance.full() else f" {_WHOLE}"
    steps, gates = widgets.row(
        replace(circuit.STEP_COUNT, help=circuit.STEP_COUNT.help + more), circuit.GATES_OF_H
    )
    walk, built = (
        make(sample, steps, gates) for make in (gate_replays.replay, gate_replays.step_circuit)
    )
    scrubber(walk, sample)
    walk_through(context, sample, walk)
    panels.show(sample, context.theme, "entropy-gates", "step-error")
    panels.draw_lower_panels(context.theme, **context.scopes(sample.tweak))
    circuit_files(context, built, "qfusion-step", "save-step", (".svg", ".txt", ".tex"))
    circuit_drawing(built)


@frame.fragment
def fusion_network(context: frame.PageContext) -> None:
    """All views, of which only the open one is drawn; a fragment, so that an edit redraws this and nothing else."""
    with st.container(key="fold-circuit"):
        sample = context.tweaked_sample(tweak_widgets.current_tweak(context.study))
        view = page_params.current().one_of(circuit.PART.key, circuit.PART.options())
        if view != "Walk":
            edited(context, sample, view)
        if view in (
            "Walk",
            "Entropies",
        ):  # it stands above the views: as the cursor of Dynamics does
            scrubber(gate_replays.replay(sample), sample if view == "Walk" else None)
        panels.tabs(
            circuit.PART, TABS, context, sample, theme=context.theme, **context.scopes(sample.tweak)
        )


def entropies_tab(context: frame.PageContext, sample: Sample) -> None:
    """The decision along the layers; entropy along the gates, of every cut, and around every pooling."""
    cursor_line.along_layers(context, sample)
    panels.show(sample, context.theme, "entropy-gates")
    panels.show(sample, context.theme, "cuts", "mutual", columns=2)
    panels.show(sample, context.theme, "poolings")


TABS: dict[str, Callable[[frame.PageContext, Sample], None]] = {
    "Walk": lambda context, sample: walk_through(context, sample, gate_replays.replay(sample)),
    "Fusion rules": rules_tab,
    "Noise and shots": noise_tab,
    "Entropies": entropies_tab,
    "Sensitivity": sensitivity_tab.sensitivity_tab,
    "Export": circuit_exports,
}


@frame.fragment
def plain_gates(context: frame.PageContext) -> None:
    """The circuit of the sample, a scrubber, the qubits at its place, what they share, and exports."""
    with st.container(key="fold-circuit"):
        sample = context.tweaked_sample()
        walk = gate_replays.replay(sample)
        st.markdown(text.escape_markdown(walk.says))
        scrubber(walk, sample)
        walk_through(context, sample, walk)
        panels.show(sample, context.theme, "entropy-gates", "mutual-gates")
        panels.draw_lower_panels(context.theme, **context.scopes())
        widgets.folded(
            circuit.PROGRAM,
            lambda: circuit_exports(context, sample, folded=False),
            ":material/output:",
        )


def page() -> None:
    """Draws the page."""
    context = frame.begin_model_page("Circuit")
    if not can(context.study.model, "circuit"):
        st.markdown("**This model has no circuit of gates**: its decision is read out at once.")
        instead = ("pages/samples.py", "See what each modality adds", ":material/article:")
        votes = ("pages/operators.py", "See what its read-out votes for", ":material/how_to_vote:")
        frame.link(*(votes if can(context.study.model, "states") else instead))
    elif can(context.study.model, "time"):
        one_step(context)
    elif can(context.study.model, "gates"):
        plain_gates(context)
    else:
        fusion_network(context)


frame.run_page(__file__, __name__)
