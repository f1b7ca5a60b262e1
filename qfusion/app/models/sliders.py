"""Sliders of the Dynamics and Circuit pages are followed while they are dragged, by a script in the browser."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from plotly_live.curves import css_name
from qfusion._sentences import capitalise
from qfusion.app import page_context, state
from qfusion.app.figure import component
from qfusion.app.models import slider_answers, slider_requests
from qfusion.app.models.fusion_rules import circuit_metrics, shown_classes
from qfusion.app.models.tweaks import GATE_ANGLES, TABLE_ANGLES
from qfusion.figures import style
from qfusion.figures.lines import TIME
from qfusion.models.network import gate_angles
from qfusion.models.protocols import TruthTables
from qfusion.models.tweak import DURATION, couplings, dissipations, learned_values
from qfusion.study.angles import AngleSlider
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from qfusion.views import circuit, decision
from qfusion.views.circuit import GATE
from qfusion.views.pages import choices
from qfusion.views.pages.choices import CURSOR, TERMS

KEY = "knobs"


def follow_sliders(
    sample: Sample, metrics: Sequence[str], above: str = "", room: str = "fold-dynamics"
) -> None:
    """Let the figures and numbers of the page follow its sliders.

    Args:
        sample: under the sliders.
        metrics: names of the test metrics that are shown.
        above: measure of the states that is drawn over time; the reader's choice by default.
        room: key of the part of the page that follows.
    """
    preview = slider_answers.LivePreview(
        sample,
        state.get(TERMS.key) or decision.DIVIDENDS,
        above or state.get(decision.MOVING.key) or decision.ENTROPY,
        tuple(metrics),
        page_context.theme() == "light",
    )
    sliders = _describe_sliders(sample)
    learned = sample.untweaked
    tiles: list[dict[str, Any]] = [{"learned": learned.score}]
    tiles += [{"metric": name, "learned": learned.metrics[name]} for name in metrics]
    _follow(
        preview,
        sliders,
        tiles,
        room=f".st-key-{room}",
        line=".st-key-tweak-line",
        on_turn=partial(_turn, {key: slider["high"] for key, slider in sliders.items()}),
    )


def follow_angles(sample: Sample, walks: bool = True) -> None:
    """Let the numbers and figures of the Circuit page follow the sliders of angles.

    Args:
        sample: of a model whose angles can be set, under the reader's edits.
        walks: whether the circuit is shown with the state at the scrubber.
    """
    sliders = angle_sliders(sample.study)
    if not sliders:
        return
    names: tuple[str, ...] = ()
    tiles: list[dict[str, Any]] = []
    if sample.study.model.part(
        TruthTables
    ):  # beside whose angles the numbers of the decision stand
        base = sample.untweaked
        names = tuple(circuit_metrics(base.metrics))
        tiles = [{"learned": base.score}]
        if sample.classes:
            tiles = [
                {"probability": place, "learned": float(base.probabilities[place])}
                for place in shown_classes(base)
            ]
        tiles += [{"metric": name, "learned": base.metrics[name]} for name in names]
    gate, words = _shown_gate(sample) if walks else (0, {})
    described = {
        key: {
            "css": css_name(key),
            "label": f"Angle {slider.name}",
            "unit": "= ",
            "after": " rad",
            "high": slider.high,
            "time": False,
            "angle": slider.name,
            "number": css_name(f"_number.{key.partition('.')[2]}"),
            "words": words.get(slider.name, ""),
        }
        for key, slider in sliders.items()
    }
    _follow(
        slider_answers.LiveAnglePreview(sample, sliders, names, gate),
        described,
        tiles,
        room=".st-key-fold-circuit",
        line=".st-key-angle-line",
    )


def _shown_gate(sample: Sample) -> tuple[int, dict[str, str]]:
    """Return the gate at the scrubber, and how its values are called on the page, by the names of their angles."""
    walk = circuit.replay(sample)
    gate = int(state.get(GATE.key, walk.count))
    if not gate:
        return 0, {}
    values = walk.gates[gate - 1][3]
    if not sample.study.model.part(TruthTables):
        return gate, {f"{gate}.{name}": name for name in values}
    places = [".".join(map(str, (of, *place))) for of, place in walk.takes[gate - 1]]
    if places and places[0].startswith("phi."):
        shape = gate_angles.table_shape(sample.study.model)
        element, stage = map(int, places[0].split(".")[1:])
        places = [gate_angles.edit_key(shape, element, stage, n) for n in range(len(values))]
    return gate, dict(zip(places, values, strict=False))


def _follow(
    preview: slider_answers.LivePreview | slider_answers.LiveAnglePreview,
    sliders: Mapping[str, Mapping[str, Any]],
    tiles: Sequence[Mapping[str, Any]],
    *,
    room: str,
    line: str,
    on_turn: Callable[[], None] | None = None,
) -> None:
    """Draw the script that follows sliders.

    Args:
        preview: what is fetched of the sample under the sliders.
        sliders: descriptions by key. tiles: those of the numbers of the page, in their order.
        room: selector of the part of the page that follows. line: of the place of the words about the slider.
        on_turn: called when a mark behind a slider is clicked; without it, nothing is drawn behind the sliders.
    """
    sample = preview.sample
    component(KEY)(
        key=KEY,
        data={
            "room": room,
            "line": line,
            "responses": on_turn is not None,
            "address": slider_requests.knobs_address(preview),
            "stages": list(preview.STAGES),
            "knobs": sliders,
            "learned": isinstance(preview, slider_answers.LivePreview) and not sample.tweak_text,
            "quantity": sample.quantity,
            "classes": list(sample.classes),
            "output": sample.output,
            "scale": float(sample.study.model.logit_scale),
            "now": sample.score,
            "tiles": list(tiles),
        },
        **({"on_turn_change": on_turn} if on_turn else {}),
    )


def angle_sliders(study: Any) -> dict[str, AngleSlider]:
    """Return the sliders of all angles of a model, by the key of their widget."""
    has_tables = study.model.part(TruthTables) is not None
    within = TABLE_ANGLES if has_tables else GATE_ANGLES
    count = round((within.high - within.low) / 0.01) + 1
    sliders = {}
    for name in gate_angles.angle_names(study.model):
        shown = name
        if has_tables:
            place = gate_angles.network_part(name) or gate_angles.table_entry(name)
            shown = ".".join(map(str, place))
        sliders[f"{within.key}.{shown}"] = AngleSlider(name, within.low, within.high, count)
    return sliders


def _describe_sliders(sample: Sample) -> dict[str, dict[str, Any]]:
    """Return what the script needs to know of each slider, by its key."""
    titles = _slider_titles(sample.study)
    numbers = sample.tweak.numbers()
    return {
        key: {
            "css": css_name(key),
            "label": capitalise(titles[key]),
            "unit": "= " if key == DURATION else "× ",
            "value": numbers.get(key, slider.default),
            "high": slider.high,
            "time": key == DURATION,
        }
        for key, slider in choices.factors(sample.study).items()
    }


def _slider_titles(study: Study) -> dict[str, str]:
    """Return the names of the sliders of a model with time, by key."""
    names = tuple(study.modalities)
    titles = {key: f"H: {style.term_title(term)}" for key, term in couplings(names).items()}
    for key, term in dissipations(names).items():
        titles[key] = f"dissipation: {style.term_title(term)}"
    titles[DURATION] = "duration T"
    return {key: titles[key] for key in learned_values(study.model)}


def _turn(highest: Mapping[str, float]) -> None:
    """Set a slider to where a mark behind it stands. A browser may send anything."""
    sent = state.get(KEY)
    change = sent.get("turn") if isinstance(sent, Mapping) else None
    if not isinstance(change, Mapping):
        return
    knob, value = change.get("knob"), change.get("value")
    if not isinstance(knob, str) or knob not in highest or not isinstance(value, int | float):
        return
    if 0 <= value <= highest[knob]:
        state.put(knob, float(value))


PLAY = "play"


def draw_play(sample: Sample) -> None:
    """Draw the button that moves the time cursor, beside its slider. The browser moves it; once it stops, the page is
    drawn at that time.
    """
    component("play")(
        key=PLAY,
        data={
            "value": state.get(CURSOR.key, CURSOR.default),
            "end": float(sample.places[-1]),
            "axis": TIME,
        },
        width="content",
        on_paused_change=_pause,
    )


def _pause() -> None:
    """Set the time cursor to where the button has left it. A browser may send anything."""
    sent = state.get(PLAY)
    share = sent.get("paused") if isinstance(sent, Mapping) else None
    if isinstance(share, int | float) and 0 <= share <= 1:
        state.put(CURSOR.key, float(share))
