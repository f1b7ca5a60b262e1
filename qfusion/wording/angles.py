"""Names of angles of gates, and sentences on a score along one of them."""

import math
from typing import Any

import numpy as np

from qfusion._sentences import capitalise
from qfusion.analysis.angle_curves import AngleCurve
from qfusion.models.network import gate_angles
from qfusion.models.protocols import TruthTables
from qfusion.wording.operators import name_table_angle

SMALL = 5e-3  # of a score, in nats or the unit of the target: a smaller range is written as none


def name_angle(study: Any, name: str) -> str:
    """Return the name of an angle in words, not escaped: "angle 2 of the pooling of layer 0"."""
    if not study.model.part(TruthTables):
        gate, _, angle = name.partition(".")
        return f"{angle if angle != 'angle' else 'the angle'} of gate {gate}"
    if part := gate_angles.network_part(name):
        kind = {"convolution": "convolution block", "pooling": "pooling"}[part[0]]
        return f"angle {part[2]} of the {kind} of layer {part[1]}"
    return name_table_angle(study, *gate_angles.table_entry(name))


def describe_range(curve: AngleCurve, angle: str, quantity: str) -> str:
    """Return the finding of a curve whose decision does not change, as the head of a figure.

    Args:
        curve: of a sample. angle, quantity: their names as Markdown, such as "log-odds".
    """
    low, high = float(curve.scores.min()), float(curve.scores.max())
    if high - low < SMALL:
        return capitalise(f"{angle} does not change the {quantity} of this sample")
    best = float(curve.angles[int(np.argmax(curve.scores))])
    return capitalise(
        f"{angle} moves the {quantity} between {low:+.2f} and {high:+.2f}, highest at {best:.2f} rad"
    )


def describe_flip(curve: AngleCurve, angle: str, decided: str) -> str:
    """Return the finding of a curve on which the decision changes, as the head of a figure.

    Args:
        angle: its name as Markdown. decided: how the decision is called after the nearest change.
    """
    turn = float(curve.distances[int(np.argmin(np.abs(curve.distances)))])
    return capitalise(
        f"A turn of {angle} by {turn:+.2f} rad, to {curve.nearest_flip:.2f}, changes the decision to {decided}"
    )


def describe_polynomial(curve: AngleCurve) -> str:
    """Return a sentence on how the curve was computed."""
    frequencies = list_frequencies(curve.frequencies)
    if curve.is_linear:
        return (
            f"Exact at every angle, from {curve.evaluations} evaluations of the model: a trigonometric polynomial "
            f"with {frequencies}."
        )
    return (
        f"Exact at every angle: the results of the circuit follow from {curve.evaluations} evaluations, as "
        f"trigonometric polynomials with {frequencies}, and what the model computes from them is run."
    )


def list_frequencies(frequencies: tuple[float, ...]) -> str:
    """Return frequencies in words: "frequency 1", "frequencies 1/2 and 1", "8 frequencies up to 8"."""
    texts = [_fraction(value) for value in frequencies]
    if len(texts) == 1:
        return f"frequency {texts[0]}"
    if len(texts) == 2:
        return f"frequencies {texts[0]} and {texts[1]}"
    return f"{len(texts)} frequencies" + (f" up to {texts[-1]}" if texts else "")


def _fraction(value: float) -> str:
    halves = round(2 * value)
    if not math.isclose(halves, 2 * value, abs_tol=1e-9):
        return f"{value:.3g}"
    return str(halves // 2) if halves % 2 == 0 else f"{halves}/2"
