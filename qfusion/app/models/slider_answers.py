"""What a page shows against one slider, in stages, as polynomials and tables that the browser evaluates.

Of a slider of the dynamics: first the decision at T, which is known in a tenth of a second, then the decision over
time, measures of the states, test metrics, and what each term built.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np

from plotly_live.curves import encode_curves
from qfusion._checks import choose
from qfusion._sentences import true_minus
from qfusion.figures.lines import series_names
from qfusion.figures.style import ON_BRIGHT, ON_DARK
from qfusion.models.tweak import learned_values
from qfusion.study import angles, circuits, sliders
from qfusion.study.angles import AngleSlider
from qfusion.study.sample import Sample
from qfusion.study.sliders import Interpolation
from qfusion.training import metrics
from qfusion.views import circuit, decision
from qfusion.views.qubits import name_groups

RESPONSES = "responses"  # the stage of the curves behind all sliders
CURVE_POINTS = 61  # of a curve behind a slider
PIXEL = 4e-3  # error, relative to the largest value, above which a quantity is not preview: a pixel of 250
NOTHING: dict[str, Any] = {"groups": {}, "late": []}
Answers = Mapping[str, Callable[[str], dict[str, Any]]]  # by stage, from the key of a slider


@dataclass(frozen=True)
class LivePreview:
    """What a page shows that follows its sliders.

    Attributes:
        sample: of a model with time, under the sliders.
        terms: "contributions" or "Shapley values", drawn over time.
        above: measure of the states that is drawn above, see `decision.upper_series`.
        metrics: names of the test metrics shown.
        light: whether the theme is light.
    """

    STAGES: ClassVar = ("final", "decision", "measures", "metrics", "built")

    sample: Sample
    terms: str
    above: str
    metrics: tuple[str, ...]
    light: bool

    @property
    def key(self) -> tuple[object, ...]:
        """Everything that determines the answers."""
        return (*self.sample.memo_key(), self.terms, self.above, self.metrics, self.light)

    @property
    def answers(self) -> Answers:
        """The functions that answer, by stage."""
        return {stage: partial(answer, self) for stage, answer in _ANSWERS.items()}


@dataclass(frozen=True)
class LiveAnglePreview:
    """What a page shows that follows the sliders of angles.

    Attributes:
        sample: of a model whose angles can be set, under the reader's edits.
        sliders: by the key of their widget.
        metrics: names of the test metrics shown.
        gate: of the scrubber, from 1; 0 where no qubits are shown.
    """

    STAGES: ClassVar = ("decision", "states", "terms", "shared", "metrics")

    sample: Sample
    sliders: Mapping[str, AngleSlider]
    metrics: tuple[str, ...]
    gate: int = 0

    @property
    def key(self) -> tuple[object, ...]:
        """Everything that determines the answers."""
        return (*self.sample.memo_key(), tuple(self.sliders.items()), self.metrics, self.gate)

    @property
    def answers(self) -> Answers:
        """The functions that answer, by stage."""
        return {stage: partial(self._answer, stage) for stage in self.STAGES}

    def _answer(self, stage: str, knob: str) -> dict[str, Any]:
        slider = self.sliders[choose("Slider", knob, tuple(self.sliders))]
        return _ANGLE_ANSWERS[stage](self, slider)


def _final(preview: LivePreview, knob: str) -> dict[str, Any]:
    """Return the decision at T, which takes a part of the time of that over time. The latter takes its place, and says
    if the decision is late.
    """
    curves = sliders.final_curves(preview.sample, knob)
    names = tuple(preview.sample.study.coalitions)
    groups = {
        "final": (names, curves.coefficients["dividends"]),
        "scores": (("scores",), curves.coefficients["scores"][:, None]),
    }
    return _answer(curves, "", groups) | {"late": []}


def _decision(preview: LivePreview, knob: str) -> dict[str, Any]:
    sample = preview.sample
    curves = sliders.decision_curves(sample, knob)
    names = tuple(sample.study.coalitions)
    dividends = curves.coefficients["dividends"]
    groups = {
        "terms": (sample.modalities, curves.coefficients["shapley"]),
        "final": (names, dividends[..., -1]),
        "scores": (("scores",), curves.coefficients["scores"][:, None]),
    }
    if preview.terms == decision.DIVIDENDS:
        groups["terms"] = (names, dividends)
    return _answer(curves, "the decision", groups)


def _measures(preview: LivePreview, knob: str) -> dict[str, Any]:
    kind, parts = decision.upper_series(preview.sample, preview.above)
    curves = sliders.measure_curves(preview.sample, knob, kind, parts)
    groups = {"upper": (parts, curves.coefficients["values"])}
    return _answer(curves, decision.ABOVE_TITLES[preview.above], groups)


def _metrics(preview: LivePreview, knob: str) -> dict[str, Any]:
    if not preview.metrics:
        return NOTHING
    places, values = sliders.metric_curves(preview.sample.study, preview.sample.tweak, knob)
    return _metric_answer(preview.metrics, values, float(places[0]), float(places[-1]))


def _built(preview: LivePreview, knob: str) -> dict[str, Any]:
    curves = sliders.attribution_curves(preview.sample, knob)
    parts = curves.coefficients["parts"]
    groups = {
        "built": (("parts",), parts.reshape(len(parts), 1, -1)),
        "start": (("start",), curves.coefficients["start"][:, None]),
        "end": (("end",), curves.coefficients["end"][:, None]),
    }
    answer = _answer(curves, "what each term built", groups)
    if answer["groups"]:
        answer["groups"]["built"]["shown"] = {
            "columns": parts.shape[2],
            "dark": ON_DARK,
            "bright": ON_BRIGHT,
            "light": preview.light,
        }
    return answer


def _responses(preview: LivePreview, knob: str) -> dict[str, Any]:
    """Return the score, the first test metric and the changes of the decision against every slider."""
    sample = preview.sample
    name = preview.metrics[0] if preview.metrics else ""
    responses: dict[str, dict[str, Any]] = {}
    extremes = []  # of the scores
    for key in learned_values(sample.study.model):
        curves = sliders.score_curves(sample, key)
        scores = curves.values(np.linspace(curves.low, curves.high, CURVE_POINTS))["scores"]
        scores = scores[sample.output]
        low, high = float(scores.min()), float(scores.max())
        extremes += [low, high]
        words = true_minus(f"{sample.quantity.capitalize()} from {low:.2f} to {high:.2f}")
        responses[key] = {
            "scores": _round(scores),
            "changes": _changes(sample, key, curves.low, curves.high),
            "words": words,
        }
        if name:
            _, values = sliders.metric_curves(sample.study, sample.tweak, key)
            metric = values[name]
            title = metrics.labels(values)[name].short
            responses[key]["metric"] = _round(metric[:: max(1, len(metric) // CURVE_POINTS)])
            responses[key]["words"] += (
                f" (line); {title} from {metric.min():.3f} to {metric.max():.3f} (dotted)"
            )
    if name:
        shown = [value for response in responses.values() for value in response["metric"]]
        ends = {"low": min(shown), "high": max(shown)}
        for response in responses.values():
            response["metric"] = ends | {"values": response["metric"]}
    return {"low": min(extremes), "high": max(extremes), "knobs": responses}


def _changes(sample: Sample, key: str, low: float, high: float) -> list[dict[str, Any]]:
    """Return the changes of the decision along a slider: where, and the first value beyond, seen from where it is."""
    learned = learned_values(sample.study.model)[key]
    step = learned / sliders.STEPS
    now = sample.tweak.numbers().get(key, learned)
    changes = []
    for place in sliders.decision_changes(sample, key):
        beyond = math.ceil(place / step) if place > now else math.floor(place / step)
        changes.append(
            {
                "share": (place - low) / (high - low),
                "value": round(min(max(beyond * step, low), high), 10),
                "words": f"The decision changes at {place:.2f}. Click to set the slider there.",
            }
        )
    return changes


def _angle_decision(preview: LiveAnglePreview, slider: AngleSlider) -> dict[str, Any]:
    scores = angles.score_table(preview.sample, slider)
    answer = _table(slider, "scores", ("scores",), scores[:, None])
    scale = float(preview.sample.study.model.logit_scale)
    answer["groups"]["scores"]["shown"] = {"scale": scale}
    return answer


def _angle_terms(preview: LiveAnglePreview, slider: AngleSlider) -> dict[str, Any]:
    terms = angles.dividend_table(preview.sample, slider)
    return _table(slider, "final", preview.sample.study.coalitions, terms)


def _angle_states(preview: LiveAnglePreview, slider: AngleSlider) -> dict[str, Any]:
    if not preview.gate:
        return NOTHING
    walk = circuit.replay(preview.sample)
    wires = series_names(wire.name for wire in walk.wires)
    names = {
        "states": wires,
        "ends": [wires[row] for row in walk.followed],
        "outcomes": ("before", "after"),
        "entropies": wires,
    }
    curves = angles.state_curves(preview.sample, slider, preview.gate)
    groups = {name: (names[name], values) for name, values in curves.coefficients.items()}
    if "entropies" in groups:
        groups["entropies"] = (wires, _until_the_end(groups["entropies"][1]))
    answer = _answer(curves, "the states of the qubits", groups)
    if "states" not in groups:
        answer["late"].append("the states at the scrubber")
    return answer


def _angle_shared(preview: LiveAnglePreview, slider: AngleSlider) -> dict[str, Any]:
    sample = preview.sample
    shared = circuits.information(sample.study, sample.row, sample.tweak)
    names = series_names(name_groups(shared))
    curves = angles.shared_curves(sample, slider)
    values = _until_the_end(curves.coefficients["shared"])
    return _answer(curves, "the mutual information", {"shared": (names, values)})


def _until_the_end(values: np.ndarray) -> np.ndarray:
    """Return values after every gate, (..., G + 1), with the last again: lines over the gates go on behind it."""
    return np.concatenate([values, values[..., -1:]], -1)


def _angle_metrics(preview: LiveAnglePreview, slider: AngleSlider) -> dict[str, Any]:
    if not preview.metrics:
        return NOTHING
    values = angles.metric_table(preview.sample, slider)
    return _metric_answer(preview.metrics, values, slider.low, slider.high)


_ANSWERS: Mapping[str, Callable[[LivePreview, str], dict[str, Any]]] = {
    "final": _final,
    "decision": _decision,
    "measures": _measures,
    "metrics": _metrics,
    "built": _built,
    RESPONSES: _responses,
}
_ANGLE_ANSWERS: Mapping[str, Callable[[LiveAnglePreview, AngleSlider], dict[str, Any]]] = {
    "decision": _angle_decision,
    "terms": _angle_terms,
    "states": _angle_states,
    "shared": _angle_shared,
    "metrics": _angle_metrics,
}


def _metric_answer(
    names: Sequence[str], values: Mapping[str, np.ndarray], low: float, high: float
) -> dict[str, Any]:
    """Return the values of metrics, those that are measured, at every value of a slider."""
    ends = {"low": low, "high": high}
    shown = {name: ends | {"values": _round(values[name])} for name in names if name in values}
    return NOTHING | {"metrics": shown}


def _answer(
    curves: Interpolation, what: str, groups: Mapping[str, tuple[Sequence[str], np.ndarray]]
) -> dict[str, Any]:
    """Return polynomials of groups of series; none where their error is above a pixel, with what is late then.

    Args:
        groups: names of the series and their coefficients, (n, series) or (n, series, length).
    """
    if curves.error > PIXEL:
        return {"groups": {}, "late": [what]}
    encoded = {
        name: encode_curves(curves.low, curves.high, names, values, of_root=curves.of_root)
        for name, (names, values) in groups.items()
    }
    return {"groups": encoded, "late": []}


def _table(
    slider: AngleSlider, name: str, series: Sequence[str], values: np.ndarray
) -> dict[str, Any]:
    """Return a group of series at every value of a slider, (n, series)."""
    encoded = encode_curves(slider.low, slider.high, series, values, table=True)
    return {"groups": {name: encoded}, "late": []}


def _round(values: np.ndarray) -> list[float]:
    return [round(float(value), 6) for value in values]
