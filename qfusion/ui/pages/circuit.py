"""Circuit: the model as gates with the learned values, the sample walking through it; tables, noise, exports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from qfusion.analysis import answers, dynamics, text
from qfusion.analysis.sample import Sample
from qfusion.figures.circuit_boxes import Replay
from qfusion.figures.style import Theme
from qfusion.panels import circuit, network
from qfusion.panels import circuit as builders
from qfusion.panels import network as noise_panels
from qfusion.panels.circuit import CHOICES, NETWORK_VIEWS, SPLITS, STEPS
from qfusion.training import metrics
from qfusion.ui import access, downloads, guidance, panels, reruns, state, truth_tables, views
from qfusion.ui.frame import Here, fragment, guard, link, shell

# A sample's circuit as a picture, as text and as OpenQASM.

SHOWN = 60  # lines of the program
DRAWING = "table.drawing"
PER_LINE = 10  # columns of a circuit that fit across a page of LaTeX


def circuit_exports(here: Here, in_force: str = "", *, folded: bool = True) -> None:
    """Downloads of the circuit, as `in_force` tweaks it, its drawing by PennyLane (in a fold, unless there is one
    around), and the beginning of its OpenQASM."""
    drawn = dynamics.circuit_drawing(here.study, here.row, in_force)
    name = f"qfusion-{here.study.name}-{here.sample}"
    program = drawn.to_openqasm(3)
    lines = program.splitlines()
    of = f"{len(lines):,} lines on {len(drawn.wires)} qubits"
    guidance.line(
        f"OpenQASM 3, {of}",
        "The circuit of this sample with all its angles, written by PennyLane. OpenQASM 3, "
        f"{of}; {drawn.says}",
    )
    with st.container(horizontal=True):
        for label, suffix, mime, make in _exports(drawn):
            st.download_button(
                label,
                data=access.in_turn(make),
                file_name=f"{name}{suffix}",
                mime=mime,
                on_click="ignore",
                icon=":material/download:",
                key=f"save{suffix.replace('.', '-')}",
            )
        downloads.export_button(here)
    if folded:
        circuit_drawing(drawn.draw_svg)
    else:
        st.image(drawn.draw_svg().decode(), width="stretch")
    st.code(
        "\n".join([*lines[:SHOWN], *(["// …"] if len(lines) > SHOWN else [])]),
        language=None,
        height=360,
    )


def circuit_drawing(draw: Callable[[], bytes]) -> None:
    """PennyLane's drawing, as its file has it; a fold, as it takes a moment."""
    fold = st.expander("PennyLane's drawing", icon=":material/schema:", **state.opened(DRAWING))
    if fold.open:
        with fold:
            st.image(draw().decode(), width="stretch")


def _exports(drawn: Any) -> list[tuple[str, str, str, Any]]:
    return [
        ("OpenQASM 3", ".qasm", "text/plain", lambda: drawn.to_openqasm(3)),
        ("OpenQASM 2", ".2.qasm", "text/plain", lambda: drawn.to_openqasm(2)),
        ("Circuit as SVG", ".svg", "image/svg+xml", drawn.draw_svg),
        ("Circuit as text", ".txt", "text/plain", drawn.draw_text),
        ("Quantikz (LaTeX)", ".tex", "text/x-tex", lambda: drawn.to_quantikz(PER_LINE)),
    ]


# The fusion rules of the Circuit page: truth tables one can read, name and edit, and what the decision becomes.


def rules_tab(here: Here, sample: Sample) -> None:
    """The whole view: the tables, and beside them what follows."""
    in_force = sample.tweak
    now, base = (dynamics.answer_of_rules(here.study, here.row, words) for words in (in_force, ""))
    left, right = st.columns([1.2, 1], gap="medium")
    with left:
        truth_tables.tables_panel(sample, here.theme)
        st.caption(
            f"Fused by {'edited' if in_force else 'learned'} tables{': ' + text.plain(in_force) if in_force else ''}. "
            f"Test metrics over {len(here.study.dataset.rows('test')):,} samples."
        )
        downloads.export_button(here)
    with right:
        before_after(here, now, base)
        if here.study.classes:
            panels.draw(network.probabilities(sample, here.theme))
        panels.draw(network.waterfall(sample, here.theme))


def before_after(here: Here, now: Any, base: Any) -> None:
    """The decision and the test metrics as learned and with edits."""
    study = here.study
    row = here.row
    cells: list[tuple[str, float, float, str, str]] = []
    if study.classes:
        truth, first = int(study.dataset.y[row]), int(base.scores.argmax())
        cells.append(
            (
                f"Softmax ‘{text.plain(study.classes[first], 14)}’, predicted",
                float(base.probabilities[first]),
                float(now.probabilities[first]),
                "off",
                f"Of the class that the model as learned predicts. {study.calibration}",
            )
        )
        if truth != first:
            cells.append(
                (
                    f"Softmax ‘{text.plain(study.classes[truth], 14)}’, true",
                    float(base.probabilities[truth]),
                    float(now.probabilities[truth]),
                    "normal",
                    f"Of the true class. {study.calibration}",
                )
            )
    else:
        cells.append(
            (
                "Prediction",
                float(base.scores[0]),
                float(now.scores[0]),
                "off",
                "Score of this sample",
            )
        )
    for name in [name for name in ("accuracy", "nll", "mae", "corr") if name in now.metrics][:2]:
        about = metrics.labels(now.metrics)[name]
        label = f"Test {about.short[:1].lower()}{about.short[1:]}" if study.classes else about.short
        cells.append(
            (
                label + answers.of_seed(study),
                base.metrics[name],
                now.metrics[name],
                "normal" if about.higher_is_better else "inverse",
                about.help,
            )
        )
    with st.container(key="pair-metrics"):
        places = [*st.columns(2), *st.columns(2)] if len(cells) > 3 else st.columns(len(cells))
        for place, (label, before, after, colour, help_) in zip(places, cells, strict=True):
            change = after - before
            # A line of its own either way, so that nothing below jumps at the first edit.
            words, arrow = (
                (f"{change:+.3f}", "auto") if abs(change) >= 5e-4 else ("as learned", "off")
            )
            place.metric(
                label,
                f"{after:.3f}",
                words,
                delta_color="off" if arrow == "off" else colour,  # type: ignore[arg-type]
                delta_arrow=arrow,  # type: ignore[arg-type]
                help=help_,
                border=True,
                height="stretch",
            )


# The noise view of the Circuit page: the decision on a noisy device, and how many shots it takes.

KINDS = dict(
    zip(noise_panels.NOISES, ("Depolarising", "Amplitude damping", "Read-out"), strict=True)
)
HELP = {
    "depolarising": "A qubit is replaced by the maximally mixed state with this probability, after each operation on "
    "several qubits",
    "damping": "|1⟩ decays to |0⟩ with this probability, at the same places",
    "readout": "A read bit is lost to a coin toss with this probability",
}
SHOTS = "shots"


def _key(kind: str) -> str:
    return f"noise.{kind}"


def noise_tab(here: Here, sample: Sample) -> None:
    """The whole view."""
    side, main = st.columns([1, 3], gap="medium")
    with side, st.container(border=True, key="box-noise", gap="xsmall"):
        strengths = {kind: _strength(kind) for kind in KINDS}
        shots = int(
            st.select_slider(
                "Shots",
                noise_panels.SHOT_CHOICES,
                noise_panels.SHOTS,
                help="How often each circuit is run",
                **state.bound(SHOTS),
            )
        )
        st.button(
            "Typical device noise",
            key="_typical",
            on_click=_typical,
            help="1 % depolarising, 1 % damping, 2 % read-out",
        )
    noisy = noise_panels.noisy(sample, **strengths, shots=shots)
    exact = dynamics.answer_of_rules(here.study, here.row, sample.tweak)
    with main:
        _headline(here, noisy, exact, shots)
        for place, builder in zip(
            st.columns(2), (noise_panels.scores, noise_panels.terms), strict=True
        ):
            with place:
                panels.draw(builder(sample, here.theme, **strengths, shots=shots))
        _device(sample, tuple(strengths.values()), shots)


def _strength(kind: str) -> float:
    return float(
        st.slider(
            KINDS[kind],
            0.0,
            1.0,
            0.0,
            0.01,
            format="%.2f",
            help=HELP[kind],
            **state.bound(_key(kind)),
        )
    )


def _typical() -> None:
    for kind, strength in (("depolarising", 0.01), ("damping", 0.01), ("readout", 0.02)):
        state.put(_key(kind), strength)


def _headline(here: Here, result: Any, exact: Any, shots: int) -> None:
    study = here.study
    best = "accuracy" if study.classes else "mae"
    with st.container(key="pair-metrics"):
        cells = st.columns(3)
        c = here.sample_of().output
        cells[0].metric(
            f"Score{_of(here)}",
            f"{result.scores[c]:.3f} ± {result.errors[c]:.3f}",
            f"{result.scores[c] - exact.scores[c]:+.3f}",
            delta_color="off",
            help="Under noise, with its standard error at this number of shots; the change is from the "
            "exact circuit",
            border=True,
            height="stretch",
        )
        cells[1].metric(
            f"Test {'accuracy' if study.classes else 'MAE'}{answers.of_seed(study)}",
            f"{result.metrics[best]:.3f}",
            f"{result.metrics[best] - exact.metrics[best]:+.3f}",
            delta_color="normal" if study.classes else "inverse",
            help="All test samples under this noise, without shots",
            border=True,
            height="stretch",
        )
        cells[2].metric(
            "Shots", f"{shots:,}", help="Runs of each circuit", border=True, height="stretch"
        )


def _of(here: Here) -> str:
    return (
        f" of ‘{text.plain(here.study.classes[here.sample_of().output], 14)}’"
        if here.study.classes
        else ""
    )


def _device(sample: Sample, strengths: tuple[float, ...], shots: int) -> None:
    """One real run of the circuit on a PennyLane simulator."""
    study = sample.study
    with st.expander("Run it on a PennyLane device", icon=":material/memory:"):
        st.caption(
            "Runs the circuit gate by gate: default.qubit without noise, default.mixed with it; element by element "
            "where the whole is too wide, so its errors are larger than those of the whole circuit above."
        )
        if not st.button("Run", key="_run", icon=":material/play_arrow:"):
            return
        with access.waiting("Running …"):
            result = dynamics.on_device(study, sample.row, sample.tweak, strengths, shots)
        names = study.classes or study.model.outputs
        st.dataframe(
            pd.DataFrame({"class": names, "score": result.scores, "standard error": result.errors}),
            hide_index=True,
            height="content",
            alt="Scores of one run.",
        )
        st.caption(
            f"{result.device}, {result.circuits} circuits of at most {result.qubits} qubits, "
            f"{result.shots:,} shots each, "
            "seed 0."
        )


# The scrubber of the Circuit page: the diagram with the sample in it, the state before and after a gate.

GATE, TABLE, DISPLAY, CONE, SHAPE = "gate", "table.gates", "display", "cone", "qubitsas"


def scrubber(replay: Replay, sample: Sample | None = None) -> tuple[int, dict[str, Any]]:
    """Draws the slider and its buttons, and for a sample's diagram the pickers beside them; returns how many gates have
    been done, and what was picked."""
    gate = state.get(GATE)
    if gate is not None and not 0 <= int(gate) <= replay.count:
        state.put(GATE, replay.count)  # of a longer circuit
    jumps = _stops(replay)
    shares = (
        [1.0] if sample is None else [1.4, 1.0] if dynamics.readouts(sample.study) else [3.2, 1.0]
    )
    left, *beside = st.columns(shares, vertical_alignment="bottom")
    with left, st.container(horizontal=True, vertical_alignment="bottom", key="cursor"):
        st.button(
            "",
            icon=":material/first_page:",
            key="_first",
            help="Before the first gate",
            on_click=state.put,
            args=(GATE, 0),
        )
        st.button(
            "",
            icon=":material/chevron_left:",
            key="_back",
            help="One box back",
            on_click=_step,
            args=(jumps, -1, replay.count),
        )
        st.button(
            "",
            icon=":material/chevron_right:",
            key="_on",
            help="One box on",
            on_click=_step,
            args=(jumps, 1, replay.count),
        )
        at = int(
            st.slider(
                "Step through gates",
                0,
                replay.count,
                replay.count,
                **state.bound(GATE),
                help="Arrow keys move by one gate; a click on a box of the drawing goes there.",
            )
        )
    if sample is None:
        return at, {}
    with beside[0], st.container(horizontal=True):
        return at, diagram_choices(sample)


def diagram_choices(sample: Sample) -> dict[str, Any]:
    """Pickers of what is drawn into the circuit, as `panels.circuit.diagram` takes them."""
    known = (builders.NONE, *dynamics.readouts(sample.study))
    if state.get(CONE) not in (None, *known):
        state.forget(CONE)  # of another model
    result: dict[str, Any] = {}
    result["display"] = str(
        st.selectbox(
            "States of the qubits",
            builders.DISPLAYS,
            **state.bound(DISPLAY),
            help="Where the scrubber stands, or after every column.",
        )
    )
    if len(known) > 1:
        result["cone"] = str(
            st.selectbox(
                "Light cone of",
                known,
                **state.bound(CONE),
                help="Gates that this read-out cannot depend on become grey.",
            )
        )
    return result


def _stops(replay: Replay) -> list[int]:
    """Ends of the boxes, where the buttons stop."""
    return sorted({0, *(box.last for box in replay.boxes)})


def _step(stops: list[int], way: int, count: int) -> None:
    at = int(state.get(GATE, count))
    later = [stop for stop in stops if (stop > at if way > 0 else stop < at)]
    if later:
        state.put(GATE, later[0] if way > 0 else later[-1])


def diagram(sample: Sample, theme: Theme, at: int, **drawn: Any) -> None:
    """The circuit across the page, drawn as `panels.circuit.diagram` is told by `drawn`; a click on a box goes
    there."""
    panels.draw(builders.diagram(sample, theme, gate=at, **drawn), on_select=_picked)


def _picked(key: str) -> None:
    place = state.place_of(
        next(iter(state.selected_values(key)), None), 2**31
    )  # the scrubber ends where the circuit does
    if place is not None:
        state.put(GATE, place)


def here_and_now(sample: Sample, theme: Theme, replay: Replay, at: int, **drawn: Any) -> None:
    """What the gate at the scrubber does, all qubits that go on, and the state of those concerned before and after."""
    if at == 0:
        st.markdown("**Before the first gate.** Every qubit is |0⟩. Move the scrubber on.")
        return
    name, wires, sentence, values = replay.gates[at - 1]
    numbers = ", ".join(f"{key} = {value:.3f}" for key, value in values.items())
    st.markdown(
        f"**Gate {at} of {replay.count}: {text.plain(name)}** on {text.plain(', '.join(wires))}. {text.plain(sentence)}"
        + (f"  \n{text.plain(numbers)}" if numbers else "")
    )
    shape = state.one_of("Qubits as", builders.SHAPES, default=builders.PLANE, **state.bound(SHAPE))
    panels.draw(
        (builders.balls if shape == builders.BALLS else builders.qubits)(
            sample, theme, gate=at, **drawn
        )
    )
    if not replay.moments[at - 1][0]:
        st.caption(builders.too_many(sample))
        return
    for place, builder in zip(
        st.columns([1, 1]), (builders.outcomes, builders.matrix), strict=True
    ):
        with place:
            panels.draw(builder(sample, theme, gate=at, **drawn))


def gate_table(replay: Replay) -> None:
    """All gates as a table, for reading and for screen readers."""
    with st.expander("All gates as a table", icon=":material/table_rows:", **state.opened(TABLE)):
        st.dataframe(
            pd.DataFrame(
                [
                    {
                        "number": n,
                        "gate": name,
                        "qubits": ", ".join(wires),
                        "what it does": sentence,
                        "values": "; ".join(
                            f"{key} = {value:.4g}" for key, value in values.items()
                        ),
                    }
                    for n, (name, wires, sentence, values) in enumerate(replay.gates, 1)
                ]
            ),
            hide_index=True,
            height=420,
            alt="The gates in order.",
            column_config={"what it does": st.column_config.TextColumn(width="large")},
        )


# The Circuit page of a QiNN-QJ: one step of the evolution with the sample in it, its error against the step.

STEP, SPLIT = "steps", "gates"
_WHOLE = "The whole evolution repeats everything after the preparations until T."


def step_circuit(here: Here) -> None:
    """The circuit of one step with the sample in it, a scrubber, the state at its place, and how far the step is from
    our evolution."""
    sample = here.sample_of()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        steps = int(
            st.select_slider(
                "Time steps",
                CHOICES,
                STEPS,
                **state.bound(STEP),
                help=f"So many steps dt fill the duration T.{'' if guidance.full() else ' ' + _WHOLE}",
            )
        )
        gates = str(st.selectbox("Gates of H", list(SPLITS), **state.bound(SPLIT)))
    built = builders.step(sample, steps, gates)
    replay = builders.replay(sample, steps, gates)
    at, picked = scrubber(replay, sample)
    diagram(sample, here.theme, at, steps=steps, gates=gates, **picked)
    guidance.below(_WHOLE)
    here_and_now(sample, here.theme, replay, at, steps=steps, gates=gates)
    gate_table(replay)
    panels.draw(builders.entropies(sample, here.theme, gate=at, steps=steps, gates=gates))
    panels.draw(builders.step_error(sample, here.theme, steps=steps, gates=gates))
    panels.below(here.theme, **here.subjects())
    _downloads(here, built)


def _downloads(here: Here, built: Any) -> None:
    """The circuit as a picture to download, and the way out for the model."""
    with st.container(horizontal=True):
        st.download_button(
            "Circuit as SVG",
            data=access.in_turn(built.draw_svg),
            file_name="qfusion-step.svg",
            mime="image/svg+xml",
            on_click="ignore",
            icon=":material/download:",
            key="save-step-svg",
        )
        st.download_button(
            "Circuit as text",
            data=access.in_turn(built.draw_text),
            file_name="qfusion-step.txt",
            mime="text/plain",
            on_click="ignore",
            icon=":material/download:",
            key="save-step-txt",
        )
        st.download_button(
            "Quantikz (LaTeX)",
            data=access.in_turn(lambda: built.to_quantikz(PER_LINE)),
            file_name="qfusion-step.tex",
            mime="text/x-tex",
            on_click="ignore",
            icon=":material/download:",
            key="save-step-tex",
        )
        downloads.export_button(here)
    circuit_drawing(built.draw_svg)


# The Circuit page of an entangled-fusion network: its views, entropies along the layers.

PART = "part"
WITH_SCRUBBER = (
    "Walk",
    "Entropies",
)  # it stands above the views: see `cursor` of the Dynamics page


def network_circuit(here: Here) -> None:
    """All views; only the open one is drawn."""
    if state.get(PART) not in (None, *NETWORK_VIEWS):
        state.put(PART, NETWORK_VIEWS[0])
    sample, view = here.sample_of(truth_tables.words(here)), state.shown(PART, NETWORK_VIEWS)
    _edited_line(here, sample.tweak, view)
    at, picked = 0, dict[str, Any]()
    if view in WITH_SCRUBBER:
        at, picked = scrubber(circuit.replay(sample), sample if view == NETWORK_VIEWS[0] else None)
    draw = {
        "Walk": lambda: replay_tab(here, sample, at, picked),
        "Fusion rules": lambda: rules_tab(here, sample),
        "Noise and shots": lambda: noise_tab(here, sample),
        "Entropies": lambda: entropies_tab(here, sample, at),
        "Sensitivity": lambda: views.sensitivity_tab(here, sample),
        "Export": lambda: circuit_exports(here, sample.tweak),
    }
    for tab, name in zip(
        st.tabs(list(NETWORK_VIEWS), **state.opened(PART)), NETWORK_VIEWS, strict=True
    ):
        if tab.open:
            with tab, guard():
                draw[name]()
                panels.below(here.theme, **here.subjects(sample.tweak))


def _edited_line(here: Here, in_force: str, view: str) -> None:
    """What is edited, as text: whatever view is open, the decision is that of the edited tables, and the address holds
    them."""
    if view != "Fusion rules" and in_force:
        st.info(
            f"The fusion's tables are edited: {text.plain(in_force)}. Undo it here or under “Fusion rules”.",
            icon=":material/edit:",
        )
    if view == "Fusion rules" or truth_tables.edits_text():
        truth_tables.typed(here)


def replay_tab(here: Here, sample: Sample, at: int, picked: dict[str, Any]) -> None:
    """Diagram as `picked`, the angle of the gate at the scrubber where it can be set, state before and after it."""
    diagram(sample, here.theme, at, **picked)
    truth_tables.at_gate(sample, at)
    replay = circuit.replay(sample)
    here_and_now(sample, here.theme, replay, at)
    gate_table(replay)


def entropies_tab(here: Here, sample: Sample, at: int) -> None:
    """The decision along the layers; entropy along the gates, of every cut, and around every pooling."""
    views.along_layers(sample, here.theme)
    panels.draw(circuit.entropies(sample, here.theme, gate=at))
    for place, builder in zip(st.columns(2), (network.cuts, network.mutual), strict=True):
        with place:
            panels.draw(builder(sample, here.theme))
    panels.draw(network.poolings(sample, here.theme))


# The Circuit page of a model whose circuit is a list of gates: the sample on its way through, entropies, exports.

PROGRAM = "table.program"


def gate_circuit(here: Here) -> None:
    """The circuit of the sample, a scrubber, the qubits at its place, what they share, and exports."""
    sample = here.sample_of()
    replay = builders.replay(sample)
    st.markdown(text.plain(replay.says))
    at, picked = scrubber(replay, sample)
    diagram(sample, here.theme, at, **picked)
    here_and_now(sample, here.theme, replay, at)
    gate_table(replay)
    panels.draw(builders.entropies(sample, here.theme, gate=at))
    if builders.shares(sample):
        panels.draw(builders.information(sample, here.theme, gate=at))
    panels.below(here.theme, **here.subjects())
    program = st.expander(
        "The circuit for elsewhere", icon=":material/output:", **state.opened(PROGRAM)
    )
    if program.open:
        with program:
            circuit_exports(here, folded=False)


# Circuit: the model as gates with the learned values, the sample walking through it.


@st.fragment
def fusion_network(here: Here) -> None:
    """The whole network; a fragment, so that an edit redraws this and nothing else."""
    reruns.begin_run()
    with st.container(key="fold-circuit"), guard():
        network_circuit(here)


@fragment
def one_step(here: Here) -> None:
    """One step of the evolution."""
    step_circuit(here)


@st.fragment
def plain_gates(here: Here) -> None:
    """A circuit of plain gates."""
    reruns.begin_run()
    with st.container(key="fold-circuit"), guard():
        gate_circuit(here)


def page() -> None:
    """Draws the page."""
    here = shell("Circuit")
    if not here.study.can("circuit"):
        st.markdown("**This model has no circuit of gates**: its scores are read out at once.")
        if here.study.can("states"):
            link("pages/operators.py", "See what its read-out votes for", ":material/how_to_vote:")
        else:
            link("pages/samples.py", "See what each modality adds", ":material/article:")
        return
    (
        one_step
        if here.study.can("time")
        else plain_gates
        if here.study.can("gates")
        else fusion_network
    )(here)


if (
    __name__ == "__main__"
):  # as Streamlit runs it, which defines all above anew each time; the module is kept
    import qfusion.ui.pages.circuit

    qfusion.ui.pages.circuit.page()
