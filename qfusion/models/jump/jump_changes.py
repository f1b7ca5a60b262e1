"""The smallest change of one evolution parameter that flips the decision on a sample, with all others as learned.

Parameters are factors on the couplings H_S and on the dissipation (see `gauge.traceless`), and the duration T.
The score is an entire function of each, so it is followed by a Chebyshev interpolant over the parameter's range (its
last coefficients estimate the error); crossings of the decision's boundary are then found on the model itself by
bracketing (Alefeld, Potra, Shi 1995). The observables at the nodes do not depend on the sample: computed once
(`table`), they serve all. Every reported change was set in the model and the model run again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy
import torch
from numpy.polynomial import chebyshev
from torch import Tensor

from qfusion._checks import check
from qfusion.models.decisions import MARGIN, boundaries
from qfusion.models.protocols import Evolution
from qfusion.models.terms import ParameterChange, Search
from qfusion.models.tweak import Tweak
from qfusion.quantum.decomposition import subset_name
from qfusion.quantum.states import expectation

TOP_FACTOR = 2.0  # largest factor on couplings and dissipation that is searched
TOP_DURATION = 3.0  # largest factor on T
NODES = 13  # of the interpolant
_FINE = 400  # points at which the interpolant is evaluated


@dataclass(frozen=True, eq=False)
class PhysicsParameter:
    """One parameter of a QiNN-QJ, with the observables at the nodes of its range.

    Attributes:
        kind, name, learned: as in `ParameterChange`; top: the range is 0 to `top`.
        nodes: Chebyshev nodes in the range, ascending, (NODES,).
        observables: at the nodes, (NODES, C, D, D).
    """

    kind: str
    name: str
    learned: float
    top: float
    nodes: np.ndarray
    observables: Tensor


def parameter_tweak(kind: str, name: str, x: float) -> Tweak:
    """Return the tweak that sets one parameter of a QiNN-QJ to `x`."""
    if kind == "duration":
        return Tweak(duration=x)
    return Tweak(dissipations={name: x}) if kind == "dissipation" else Tweak(couplings={name: x})


@torch.no_grad()
def table(model: Evolution) -> tuple[PhysicsParameter, ...]:
    """Return all parameters of a model with time, with the observables at their nodes: NODES evolutions for each
    coupling and dissipation, one for T."""
    T = float(model.duration)
    if model.still or T <= 0:
        return ()
    turned = [
        (kind, subset_name(s, model.modalities), 1.0, TOP_FACTOR)
        for kind, terms in zip(("coupling", "dissipation"), model.term_subsets(), strict=True)
        for s in terms
    ]
    parameters = []
    for kind, name, learned, top in (*turned, ("duration", "T", T, TOP_DURATION * T)):
        nodes = (chebyshev.chebpts1(NODES) + 1) * top / 2
        O = (
            model.observables(nodes.tolist())
            if kind == "duration"
            else torch.stack(
                [model.tweaked(parameter_tweak(kind, name, float(x))).observables() for x in nodes]
            )
        )
        parameters.append(PhysicsParameter(kind, name, learned, top, nodes, O.to(torch.complex128)))
    return tuple(parameters)


@torch.no_grad()
def nearest_changes(
    model: Evolution,
    states: Mapping[str, Tensor],
    parameters: tuple[PhysicsParameter, ...] | None = None,
) -> Search:
    """Return, for every parameter, the smallest change that flips the decision on one sample, if there is one.

    Args:
        model: in double precision and as learned.
        states: of the sample, (1, d_m) kets by modality.
        parameters: the model's `table`, to use again for many samples; None computes it.

    Raises:
        InvalidInput: when the model has a tweak, which each change would replace.
    """
    check(
        not str(model.tweak or ""),
        f"Argument `model` must be as learned, but has the tweak '{model.tweak}'. Leave that out.",
    )
    parameters = table(model) if parameters is None else parameters
    psi = model.product_state(states).to(torch.complex128)
    before = ket_scores(model, psi)
    searched = [nearest_change(model, psi, before, parameter) for parameter in parameters]
    changes = [change for change, _ in searched if change is not None]
    return Search(
        changes=tuple(sorted(changes, key=lambda change: change.size)),
        tried=len(parameters),
        resolution=max((tail for _, tail in searched), default=0.0),
        largest_factor=TOP_FACTOR,
        largest_duration=TOP_DURATION * float(model.duration),
    )


def ket_scores(model: Evolution, psi: Tensor) -> np.ndarray:
    """Return the scores (C,) of one joint ket (1, D)."""
    return (expectation(model.observables().to(psi.dtype), psi) + model.bias)[0].numpy()


def nearest_change(
    model: Evolution, psi: Tensor, before: np.ndarray, parameter: PhysicsParameter
) -> tuple[ParameterChange | None, float]:
    """Return the smallest change of a parameter that flips the decision, or None if there is none, and the relative
    size of the last Chebyshev coefficients, which bounds the error of the interpolated scores.

    Args:
        model: in double precision and as learned.
        psi: the joint ket of the sample, (1, D).
        before: the scores of the sample, (C,).
        parameter: to change, of the model's `table`.
    """
    margin = MARGIN * max(1.0, float(np.abs(before).max()))
    learned, top = parameter.learned, parameter.top
    sampled = (
        expectation(parameter.observables.flatten(0, 1), psi)[0]
        .view(len(parameter.nodes), -1)
        .numpy()
        + model.bias.numpy()
    )
    coefficients = chebyshev.chebfit(2 * parameter.nodes / top - 1, sampled, NODES - 1)
    tail = float(np.abs(coefficients[-2:]).max() / max(np.abs(coefficients).max(), 1e-300))
    places = np.unique(np.r_[np.linspace(0, top, _FINE), learned])
    lead = np.max(boundaries(chebyshev.chebval(2 * places / top - 1, coefficients), before), 0)
    own = int(np.searchsorted(places, learned))
    far = 2 * margin  # beyond the margin by more than the interpolant's error
    brackets = []
    for way in (range(own, len(places)), range(own, -1, -1)):
        brackets += [(places[a], places[b]) for a, b in pairwise(way) if lead[b] > far][:1]

    def scores(x: float) -> np.ndarray:
        return ket_scores(
            model.tweaked(parameter_tweak(parameter.kind, parameter.name, float(x))), psi
        )

    def gap(x: float) -> float:
        return float(max(boundaries(scores(x), before))) - margin

    turns: list[float] = []
    for inner, outer in sorted(brackets, key=lambda bracket: abs(bracket[0] - learned)):
        if turns and abs(inner - learned) > abs(turns[0] - learned):
            break  # the other side is farther
        if gap(outer) > 0:
            turns.append(
                scipy.optimize.toms748(gap, *sorted((inner, outer)), xtol=1e-12 * top, rtol=1e-14)
                if gap(inner) < 0
                else inner
            )
    if not turns:
        return None, tail
    value = float(min(turns, key=lambda x: abs(x - learned)))
    value += math.copysign(2e-7 * top, value - learned)  # on the far side of the root
    value = min(max(value, 0.0), top)
    return ParameterChange(
        before,
        scores(value),
        parameter.kind,
        parameter.name,
        learned,
        value,
        abs(value / learned - 1),
    ), tail
