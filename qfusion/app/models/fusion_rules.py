"""The tab of fusion rules: truth tables of an entangled-fusion network, read, named and edited.

The heat map of the tables is its own editor: a click on a cell opens its angle below. Edits are kept as text (see
`models.network.gate_angles`), in the session and in the address.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from qfusion._sentences import share, true_minus
from qfusion.app import figure, guidance, panels, selections, state, widgets
from qfusion.app.models import exchange, tweaks
from qfusion.app.page_context import PageContext
from qfusion.models.network import gate_angles
from qfusion.study import text
from qfusion.study.sample import Sample
from qfusion.training import metrics
from qfusion.views import sensitivity
from qfusion.views.pages import choices, circuit
from qfusion.views.words.rules import describe_calibration, format_probability


@dataclass(frozen=True)
class Cell:
    """One entry of the tables of a sample's model. Its place consists of its element, the stage of the chain, and
    the outcome of the qubits read.
    """

    sample: Sample
    place: tuple[int, int, int]

    @property
    def shape(self) -> gate_angles.Shape:
        """Shape of the tables."""
        return gate_angles.table_shape(self.sample.study.model)

    @property
    def angles(self) -> tuple[float, float]:
        """Angle of the cell, now and as learned."""
        now, learned = (
            gate_angles.wrap_angle(float(model.phi.detach().double()[*self.place]))
            for model in (self.sample.model, self.sample.study.model)
        )
        return now, learned

    @property
    def changed(self) -> bool:
        """Whether its angle is another one than learned."""
        now, learned = self.angles
        return abs(now - learned) > sensitivity.SAME

    def edit(self, edit: Callable[..., str], *words: Any) -> None:
        """Edit the reader's text, which starts anew from the learned tables if it does not fit. For callbacks."""
        state.put(
            choices.EDITS.key,
            edit(tweaks.current_tweak(self.sample.study), self.shape, *words),
        )


def rules_tab(context: PageContext, sample: Sample) -> None:
    """Draw the whole view: the tables, and beside them their consequences."""
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
        exchange.export_button(context)
    with right:
        draw_changes(context, sample)
        panels.show(sample, "probabilities", "waterfall-edited", first=1)


def draw_changes(context: PageContext, sample: Sample) -> None:
    """The decision and the test metrics as learned and with edits."""
    study = context.study
    now, base = sample, sample.untweaked
    if study.classes:
        first, *others = shown_classes(base)
        shown = {first: ("predicted", "off", "Of the class that the learned model predicts.")}
        for truth in others:
            shown[truth] = ("true", "normal", "Of the true class.")
        cells = [
            tweaks.Changed(
                f"Softmax ‘{text.escape_markdown(study.classes[place], 14)}’, {word}",
                float(base.probabilities[place]),
                float(now.probabilities[place]),
                f"{of} {describe_calibration(study)}",
                colour,
                format_probability,
            )
            for place, (word, colour, of) in shown.items()
        ]
    else:
        cells = [
            tweaks.Changed(
                "Prediction",
                float(base.scores[0]),
                float(now.scores[0]),
                "Prediction on this sample",
            )
        ]
    labels = metrics.labels(now.metrics)
    for name in circuit_metrics(now.metrics):
        title = labels[name].short
        if study.classes:
            title = f"Test {title[:1].lower()}{title[1:]}"
        cells.append(tweaks.changed_metric(sample, name, title))
    with st.container(key="pair-metrics"):
        places = [*st.columns(2), *st.columns(2)] if len(cells) > 3 else st.columns(len(cells))
        # A line of its own either way, so that nothing below jumps at the first edit.
        tweaks.metrics_changed(cells, places, "as learned")


def shown_classes(base: Sample) -> list[int]:
    """Return the classes whose probabilities are shown: the one that is predicted as learned, and the true one."""
    truth = base.true_class
    return list(dict.fromkeys([int(base.scores.argmax()), *([] if truth is None else [truth])]))


def circuit_metrics(known: Mapping[str, float]) -> list[str]:
    """Return the names of the test metrics that are shown, two of all known ones."""
    return [name for name in ("accuracy", "nll", "mae", "corr") if name in known][:2]


def tables_panel(context: PageContext, sample: Sample) -> None:
    """The heat map with the editor of its chosen cell, and the presets."""
    reading, elements = sample.reading, sensitivity.ELEMENT.options(context.study)
    with st.container(border=True, key="panel-tables", gap="xsmall"):
        head, chart = st.container(), st.container()
        cell = _pick(sample)
        [build] = panels.builders(sample, "tables").values()
        figure.draw_content(
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
            f"{text.escape_markdown(name)} **{sensitivity.rule_name(rule)}** ({distance:.2f})"
            for name, (rule, distance) in zip(reading.elements, reading.rules, strict=True)
        )
        + "."
    )


def draw_angles_of_gate(sample: Sample, gate: int) -> None:
    """Draw the editor of the angles of a fusion gate, if the gate (from 1 on) is one. The reader picks the outcome
    of the qubits read and sets the angle.
    """
    shape = gate_angles.table_shape(sample.study.model)
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
        element = study.backend.elements.index(widgets.draw(sensitivity.ELEMENT, study))
        shape = gate_angles.table_shape(study.model)
        stage = widgets.draw(sensitivity.STAGE, study) if shape.stages > 1 else 0
        return Cell(sample, (element, stage, _outcome(sample, element)))


def _outcome(sample: Sample, element: int, at_gate: bool = False) -> int:
    """Draw the picker of the outcome of the qubits read, and return its index. The default is that of the sample."""
    control = sensitivity.OUTCOME
    known = control.options(sample.study)
    if state.param_text(control.key) not in known:
        state.put(control.key, sensitivity.likeliest_pattern(sample.reading, element))
    if at_gate:
        control = replace(
            control, label="Angle of this gate for the qubit pattern", look="segments", help=""
        )
    return known.index(widgets.draw(control, sample.study))


def _picked_cell(key: str, elements: Sequence[str], patterns: Sequence[str]) -> None:
    point = selections.selected_point(key)
    row, column = (
        selections.parse_index(point.get(axis), len(known))
        for axis, known in (("y", elements), ("x", patterns))
    )
    if row is not None and column is not None:
        state.put(sensitivity.ELEMENT.key, elements[row])
        state.put(sensitivity.OUTCOME.key, patterns[column])


def _editor(cell: Cell) -> None:
    """Draw the angle of the chosen cell as a slider and as a number, and its meaning."""
    study: Any = cell.sample.study
    reading, (angle, learned) = cell.sample.reading, cell.angles
    element, stage, pattern = cell.place
    digits, read = reading.patterns[pattern], reading.controls[stage]
    yes = [text.escape_markdown(name) for name, bit in zip(read, digits, strict=True) if bit == "1"]
    st.container(key="cell-says").markdown(
        f"**{text.escape_markdown(study.backend.elements[element])}, {digits}** (yes: {' + '.join(yes) or 'none'}): "
        f"φ = {true_minus(f'{angle:.3f}')} "
        f"rad → mass **{_mass(angle):.2f}**"
        + (
            f"; learned {true_minus(f'{learned:.3f}')} rad → {_mass(learned):.2f}"
            if cell.changed
            else ", as learned"
        )
        + f". This sample reads it with {share(float(reading.weights[cell.place]))}."
    )
    tweaks.draw_angle(
        "Angle φ (rad)",
        tweaks.TABLE_ANGLES,
        ".".join(map(str, cell.place)),
        angle,
        partial(cell.edit, gate_angles.set_entry, *cell.place),
        "The fused qubit is no at 0, yes at π and undecided at π/2. The mass is sin²(φ/2).",
    )


def draw_angles(sample: Sample, takes: Mapping[tuple[str, tuple[int, ...]], str]) -> None:
    """The angles of a gate of the network, which all gates of its layer share, and the ways back.

    Args:
        takes: the angles, with what the page calls each, such as "theta".
    """
    with st.container(border=True, key="box-gate", gap="xsmall"):
        for (of, place), called in takes.items():
            name = ".".join(map(str, (of, *place)))
            angle = float(getattr(sample.model.network, of)[place])

            def set_angle(value: float, name: str = name) -> None:
                now = tweaks.current_tweak(sample.study)
                state.put(choices.EDITS.key, gate_angles.set_angle(now, name, value))

            tweaks.draw_angle(
                f"{called}, {name} (rad)",
                tweaks.TABLE_ANGLES,
                name,
                gate_angles.wrap_angle(angle),
                set_angle,
                f"Changes all gates of layer {place[0]} that share this angle.",
            )
        with st.container(horizontal=True, gap="small"):
            tweaks.reset_angles(sample)


def _mass(angle: float) -> float:
    return float(np.sin(angle / 2) ** 2)


def _ways_back(cell: Cell) -> None:
    """Draw buttons that undo edits: of the chosen cell, of all cells, and step by step."""
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Reset this cell",
            icon=":material/undo:",
            key="_reset_cell",
            on_click=cell.edit,
            args=(gate_angles.reset_entry, *cell.place),
            disabled=not cell.changed,
        )
        tweaks.reset_angles(cell.sample, "Reset all cells")


_RULE_HELP = {
    "learned": "As learned in training",
    "and": "Yes only if all say yes: Dempster's conjunctive rule",
    "or": "Yes if any says yes: the disjunctive rule",
    "mean": "Yes in proportion to the share of modalities that say yes",
    "majority": "Yes if more than half say yes",
}


def _presets(cell: Cell) -> None:
    element = cell.place[0] if widgets.draw(circuit.SCOPE) == "this element" else None
    with st.container(horizontal=True, gap="small"):
        for rule in (gate_angles.LEARNED, *cell.shape.rules):
            st.button(
                sensitivity.rule_name(rule),
                key=f"_rule_{rule}",
                help=_RULE_HELP[rule],
                on_click=cell.edit,
                args=(gate_angles.set_rule, element, rule),
            )
