"""Addresses at which a browser fetches what a page shows against one slider, as polynomials.

A page gives its session the address of what it shows; it cannot be guessed. One request is for one slider and one
stage: first the decision at T, which is known in a tenth of a second, then the decision over time, measures of the
states, test metrics, and what each term built. One request of a session is evaluated at a time: the next one stops it.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from plotly_live.curves import encode_curves
from qfusion._sentences import true_minus
from qfusion.app.requests import address_below
from qfusion.app.streamlit_internals import session_id
from qfusion.errors import NotFound, QFusionError

if TYPE_CHECKING:  # the server answers before these are loaded
    import numpy as np

    from qfusion.study.angles import AngleSlider
    from qfusion.study.sample import Sample
    from qfusion.study.sliders import Interpolation

STAGES = ("final", "decision", "measures", "metrics", "built")  # of a slider of the dynamics
ANGLE_STAGES = ("decision", "states", "terms", "shared", "metrics")  # of the slider of an angle
RESPONSES = "responses"  # the stage of the curves behind all sliders
CURVE_POINTS = 61  # of a curve behind a slider
PIXEL = 4e-3  # error, relative to the largest value, above which a quantity is not followed: a pixel of 250

_MOST = 8  # addresses of a session that are good at a time
_MOST_SESSIONS = 128
_guard = threading.Lock()


@dataclass(frozen=True)
class Followed:
    """What a page shows that follows its sliders.

    Attributes:
        sample: of a model with time, under the sliders.
        terms: "contributions" or "Shapley values", drawn over time.
        kind, parts: measure of the states and the groups of modalities that are drawn, see
            `slider_curves.measure_curves`.
        measure: name of the measure, for the reader.
        metrics: names of the test metrics shown.
        metric_title: of the first of them.
        light: whether the theme is light.
    """

    sample: Sample
    terms: str
    kind: str
    parts: tuple[str, ...]
    measure: str
    metrics: tuple[str, ...]
    metric_title: str
    light: bool

    @property
    def key(self) -> tuple[object, ...]:
        """Everything that determines the answers."""
        own = (self.terms, self.kind, self.parts, self.metrics, self.light)
        return (*self.sample.memo_key(), *own)


@dataclass(frozen=True)
class FollowedAngles:
    """What a page shows that follows the sliders of angles.

    Attributes:
        sample: of a model whose angles can be set, under the reader's edits.
        sliders: by the key of their widget.
        metrics: names of the test metrics shown.
        gate: of the scrubber, from 1; 0 where no qubits are shown.
    """

    sample: Sample
    sliders: Mapping[str, AngleSlider]
    metrics: tuple[str, ...]
    gate: int = 0

    @property
    def key(self) -> tuple[object, ...]:
        """Everything that determines the answers."""
        return (*self.sample.memo_key(), tuple(self.sliders.items()), self.metrics, self.gate)


AnyFollowed: TypeAlias = Followed | FollowedAngles


@dataclass(eq=False)
class _Session:
    """What the sliders of a session follow.

    Attributes:
        offered: by the end of the address.
        turn: of the request that is evaluated.
        stop: that ends the last request.
    """

    offered: OrderedDict[str, AnyFollowed] = field(default_factory=OrderedDict)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    stop: threading.Event = field(default_factory=threading.Event)


# by id, the last used last; not in the cache of results, as an address that is forgotten cannot be made again
_sessions: OrderedDict[str, _Session] = OrderedDict()


def knobs_address(followed: AnyFollowed) -> str:
    """Return the address below which this session's browser fetches the stages. It is valid until the session has been
    given `_MOST` others.
    """
    with _guard:
        session = _sessions.setdefault(session_id(), _Session())
        _keep_last(_sessions, session_id(), _MOST_SESSIONS)
        known = (name for name, other in session.offered.items() if other.key == followed.key)
        name = next(known, "") or secrets.token_urlsafe(18)
        session.offered[name] = followed
        _keep_last(session.offered, name, _MOST)
    return address_below(f"knobs/{name}")


def _keep_last(entries: OrderedDict[str, Any], last: str, most: int) -> None:
    entries.move_to_end(last)
    while len(entries) > most:
        entries.popitem(last=False)


async def answer_knob(request: Request) -> Response:
    """Answer a request for one stage of one slider."""
    name, stage = request.path_params["name"], request.path_params["stage"]
    knob = request.query_params.get("knob", "")
    with _guard:
        session = next((entry for entry in _sessions.values() if name in entry.offered), None)
        followed = session.offered[name] if session is not None else None
    if session is None or followed is None or stage not in _answers_of(followed):
        return PlainTextResponse("Open the page again.", 404)
    session.stop.set()
    session.stop = stop = threading.Event()
    try:
        async with session.turn:
            content = await asyncio.to_thread(_evaluate, followed, stage, knob, stop)
    except NotFound as error:
        return PlainTextResponse(str(error), 404)
    except QFusionError as error:
        return PlainTextResponse(str(error), 422)
    if content is None:
        return Response(status_code=204)  # the session has asked for something else
    return JSONResponse(content, headers={"Cache-Control": "no-store"})


def _evaluate(
    followed: AnyFollowed, stage: str, knob: str, stop: threading.Event
) -> Mapping[str, Any] | None:
    from qfusion.study.sliders import Stopped, raise_if_stopped, stopped_by

    try:
        with stopped_by(stop):
            raise_if_stopped()
            return _answers_of(followed)[stage](followed, knob)
    except Stopped:
        return None


def _final(followed: Followed, knob: str) -> dict[str, Any]:
    """Return the decision at T, which takes a part of the time of that over time. The latter takes its place, and says
    if the decision is late.
    """
    from qfusion.study import sliders

    curves = sliders.final_curves(followed.sample, knob)
    names = tuple(followed.sample.study.coalitions)
    groups = {
        "final": (names, curves.coefficients["dividends"]),
        "scores": (("scores",), curves.coefficients["scores"][:, None]),
    }
    return _answer(curves, "", groups) | {"late": []}


def _decision(followed: Followed, knob: str) -> dict[str, Any]:
    from qfusion.study import sliders
    from qfusion.views.decision import DIVIDENDS

    sample = followed.sample
    curves = sliders.decision_curves(sample, knob)
    names = tuple(sample.study.coalitions)
    dividends = curves.coefficients["dividends"]
    shown = dividends if followed.terms == DIVIDENDS else curves.coefficients["shapley"]
    return _answer(
        curves,
        "the decision",
        {
            "terms": (names if followed.terms == DIVIDENDS else sample.modalities, shown),
            "final": (names, dividends[..., -1]),
            "scores": (("scores",), curves.coefficients["scores"][:, None]),
        },
    )


def _measures(followed: Followed, knob: str) -> dict[str, Any]:
    from qfusion.study import sliders

    curves = sliders.measure_curves(followed.sample, knob, followed.kind, followed.parts)
    return _answer(
        curves, followed.measure, {"upper": (followed.parts, curves.coefficients["values"])}
    )


def _metrics(followed: Followed, knob: str) -> dict[str, Any]:
    from qfusion.study import sliders

    sample = followed.sample
    if not followed.metrics:
        return {"groups": {}, "late": []}
    places, values = sliders.metric_curves(sample.study, sample.tweak, knob)
    low, high = float(places[0]), float(places[-1])
    return _metric_answer(followed.metrics, values, low, high)


def _built(followed: Followed, knob: str) -> dict[str, Any]:
    from qfusion.figures.style import ON_BRIGHT, ON_DARK
    from qfusion.study import sliders

    curves = sliders.attribution_curves(followed.sample, knob)
    parts = curves.coefficients["parts"]
    answer = _answer(
        curves,
        "what each term built",
        {
            "built": (("parts",), parts.reshape(len(parts), 1, -1)),
            "start": (("start",), curves.coefficients["start"][:, None]),
            "end": (("end",), curves.coefficients["end"][:, None]),
        },
    )
    if answer["groups"]:
        answer["groups"]["built"]["shown"] = {
            "columns": parts.shape[2],
            "dark": ON_DARK,
            "bright": ON_BRIGHT,
            "light": followed.light,
        }
    return answer


def _responses(followed: Followed, knob: str) -> dict[str, Any]:
    """Return the score, the first test metric and the changes of the decision against every slider."""
    import numpy as np

    from qfusion.models.tweak import learned_values
    from qfusion.study import sliders

    sample = followed.sample
    name = followed.metrics[0] if followed.metrics else ""
    result = {}
    lows, highs = [], []
    for key in learned_values(sample.study.model):
        curves = sliders.score_curves(sample, key)
        places = np.linspace(curves.low, curves.high, CURVE_POINTS)
        scores = curves.values(places)["scores"][sample.output]
        lows.append(float(scores.min()))
        highs.append(float(scores.max()))
        own: dict[str, Any] = {
            "scores": _round(scores),
            "changes": _changes(sample, key, curves.low, curves.high),
            "words": true_minus(
                f"{sample.quantity.capitalize()} from {scores.min():.2f} to {scores.max():.2f}"
            ),
        }
        if name:
            _, values = sliders.metric_curves(sample.study, sample.tweak, key)
            metric = values[name]
            own["metric"] = _round(metric[:: max(1, len(metric) // CURVE_POINTS)])
            own["words"] += (
                f" (line); {followed.metric_title} from {metric.min():.3f} to {metric.max():.3f} (dotted)"
            )
        result[key] = own
    if name:
        metrics = [value for own in result.values() for value in own["metric"]]
        for own in result.values():
            own["metric"] = {"values": own["metric"], "low": min(metrics), "high": max(metrics)}
    return {"low": min(lows), "high": max(highs), "knobs": result}


def _changes(sample: Sample, key: str, low: float, high: float) -> list[dict[str, Any]]:
    """Return the changes of the decision along a slider: where, and the first value beyond, seen from where it is."""
    import math

    from qfusion.models.tweak import learned_values
    from qfusion.study import sliders

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


def _angle_slider(followed: FollowedAngles, knob: str) -> AngleSlider:
    from qfusion._checks import choose

    return followed.sliders[choose("Slider", knob, tuple(followed.sliders))]


def _angle_decision(followed: FollowedAngles, knob: str) -> dict[str, Any]:
    from qfusion.study import angles

    slider = _angle_slider(followed, knob)
    scores = angles.score_table(followed.sample, slider)
    group = _table(slider.low, slider.high, ("scores",), scores[:, None])
    group["shown"] = {"scale": float(followed.sample.study.model.logit_scale)}
    return {"groups": {"scores": group}, "late": []}


def _angle_terms(followed: FollowedAngles, knob: str) -> dict[str, Any]:
    from qfusion.study import angles

    slider, sample = _angle_slider(followed, knob), followed.sample
    terms = angles.dividend_table(sample, slider)
    return {
        "groups": {"final": _table(slider.low, slider.high, sample.study.coalitions, terms)},
        "late": [],
    }


def _angle_states(followed: FollowedAngles, knob: str) -> dict[str, Any]:
    from qfusion.figures.lines import series_names
    from qfusion.study import angles
    from qfusion.views import circuit

    slider, sample = _angle_slider(followed, knob), followed.sample
    if not followed.gate:
        return {"groups": {}, "late": []}
    walk = circuit.replay(sample)
    wires = series_names(wire.name for wire in walk.wires)
    names = {
        "states": wires,
        "ends": [wires[row] for row in walk.followed],
        "outcomes": ("before", "after"),
        "entropies": wires,
    }
    curves = angles.state_curves(sample, slider, followed.gate)
    groups = {name: (names[name], values) for name, values in curves.coefficients.items()}
    if "entropies" in groups:
        groups["entropies"] = (wires, _until_the_end(groups["entropies"][1]))
    answer = _answer(curves, "the states of the qubits", groups)
    if "states" not in groups:
        answer["late"].append("the states at the scrubber")
    return answer


def _angle_shared(followed: FollowedAngles, knob: str) -> dict[str, Any]:
    from qfusion.figures.lines import series_names
    from qfusion.study import angles, circuits
    from qfusion.views.qubits import name_groups

    sample = followed.sample
    shared = circuits.information(sample.study, sample.row, sample.tweak)
    names = series_names(name_groups(shared))
    curves = angles.shared_curves(sample, _angle_slider(followed, knob))
    values = _until_the_end(curves.coefficients["shared"])
    return _answer(curves, "the mutual information", {"shared": (names, values)})


def _until_the_end(values: np.ndarray) -> np.ndarray:
    """Return values after every gate, (..., G + 1), with the last again: lines over the gates go on behind it."""
    import numpy as np

    return np.concatenate([values, values[..., -1:]], -1)


def _angle_metrics(followed: FollowedAngles, knob: str) -> dict[str, Any]:
    from qfusion.study import angles

    if not followed.metrics:
        return {"groups": {}, "late": []}
    slider = _angle_slider(followed, knob)
    values = angles.metric_table(followed.sample, slider)
    return _metric_answer(followed.metrics, values, slider.low, slider.high)


_ANSWERS: Mapping[str, Callable[[Any, str], dict[str, Any]]] = {
    "final": _final,
    "decision": _decision,
    "measures": _measures,
    "metrics": _metrics,
    "built": _built,
    RESPONSES: _responses,
}
_ANGLE_ANSWERS: Mapping[str, Callable[[Any, str], dict[str, Any]]] = {
    "decision": _angle_decision,
    "terms": _angle_terms,
    "states": _angle_states,
    "shared": _angle_shared,
    "metrics": _angle_metrics,
}

_ANSWERS_OF: Mapping[type, Mapping[str, Callable[[Any, str], dict[str, Any]]]] = {
    Followed: _ANSWERS,
    FollowedAngles: _ANGLE_ANSWERS,
}


def _answers_of(
    followed: AnyFollowed,
) -> Mapping[str, Callable[[Any, str], dict[str, Any]]]:
    return _ANSWERS_OF[type(followed)]


def _metric_answer(
    names: Sequence[str], values: Mapping[str, np.ndarray], low: float, high: float
) -> dict[str, Any]:
    """Return the values of metrics, those that are measured, at every value of a slider."""
    ends = {"low": low, "high": high}
    shown = {name: ends | {"values": _round(values[name])} for name in names if name in values}
    return {"groups": {}, "late": [], "metrics": shown}


def _answer(
    curves: Interpolation, what: str, groups: Mapping[str, tuple[Sequence[str], np.ndarray]]
) -> dict[str, Any]:
    """Return polynomials of groups of series; none where their error is above a pixel, with what is late then."""
    if curves.error > PIXEL:
        return {"groups": {}, "late": [what]}
    return {
        "groups": {
            name: _polynomials(curves, names, values) for name, (names, values) in groups.items()
        },
        "late": [],
    }


def _polynomials(curves: Interpolation, names: Sequence[str], values: np.ndarray) -> dict[str, Any]:
    """Return polynomials as the browser takes them.

    Args:
        names: of the series. values: coefficients, (n, series) or (n, series, length).
    """
    return encode_curves(curves.low, curves.high, names, values, of_root=curves.of_root)


def _table(low: float, high: float, names: Sequence[str], values: np.ndarray) -> dict[str, Any]:
    """Return the values at every value of a slider as the browser takes them; `values` as of `_polynomials`."""
    return encode_curves(low, high, names, values, table=True)


def _round(values: np.ndarray) -> list[float]:
    return [round(float(value), 6) for value in values]
