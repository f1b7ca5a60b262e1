"""The smallest turn of one parameter of physics that turns the decision on a sample, all others as learned.

QiNN-QJ: factors on the couplings H_S and on the dissipation (see `quantum.gauge`), and the duration T. The score is an
entire function of each, so it is followed by a Chebyshev interpolant over the parameter's range (its last coefficients
tell how well); crossings of the decision's boundary are then found on the model itself by bracketing (Alefeld, Potra,
Shi 1995). The observables at the nodes do not depend on the sample: worked out once (`table`), they serve all.

EntangledQCNN: the angles phi of the fusion's truth tables. Every score is a + b cos(phi) + c sin(phi) in each of them,
exactly, so the nearest crossing has a closed form.

Every turn that is reported was set in the model and the model run again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from qfusion.explain.changes.counterfactual import MARGIN, decision
from qfusion.models import EntangledQCNN, FusionModel, Tweak, can, require
from qfusion.models.base import in_double
from qfusion.models.fusion import fuse
from qfusion.models.quantum_jump import QuantumJump, expectation
from qfusion.quantum.decomposition import subset_name, subsets

TOP_FACTOR, TOP_DURATION = (
    2.0,
    3.0,
)  # ranges that are searched: factors on couplings and dissipation, on T
NODES = 13
_FINE = 400  # places of the interpolant that are looked at


@dataclass(frozen=True, eq=False)
class ParameterChange:
    """The nearest setting of one parameter that turns the decision.

    Attributes:
        kind: "coupling", "dissipation", "duration" or "angle".
        name: a coalition such as "text+audio"; "T"; or "element.stage.pattern",
            numbers from 0.
        learned, value: before and after: a factor, T itself, or radians.
        size: |value / learned - 1|, or the change in radians of an angle.
        before, after: scores (C,); `after` from the model with the parameter turned.
        decision, turned: see `counterfactual.decision`.
        verified: whether the model with the parameter turned decides otherwise.
    """

    kind: str
    name: str
    learned: float
    value: float
    size: float
    before: np.ndarray
    after: np.ndarray
    decision: int
    turned: int
    verified: bool


@dataclass(frozen=True, eq=False)
class Search:
    """What came of turning every parameter.

    Attributes:
        found: the nearest turn of each parameter that has one, smallest first.
        tried: how many parameters were turned.
        ranges: over what, in words.
        resolution: for interpolated parameters the largest relative size of the last coefficients; 0 for closed forms.
    """

    found: tuple[ParameterChange, ...]
    tried: int
    ranges: str
    resolution: float


@dataclass(frozen=True, eq=False)
class Parameter:
    """One parameter of a QiNN-QJ and the observables at the nodes of its range.

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


def tweak_of(parameter: Parameter | ParameterChange, x: float) -> Tweak:
    """Returns what a QiNN-QJ takes to set one of its parameters to `x`."""
    if parameter.kind == "duration":
        return Tweak(duration=x)
    if parameter.kind == "dissipation":
        return Tweak(dissipations={parameter.name: x})
    return Tweak(couplings={parameter.name: x})


@torch.no_grad()
def table(model: QuantumJump) -> tuple[Parameter, ...]:
    """Returns all parameters of a QiNN-QJ with the observables at their nodes: NODES evolutions for each coupling and
    dissipation, one for T."""
    from numpy.polynomial import chebyshev

    T = float(model.duration)
    names = [subset_name(s, model.modalities) for s in subsets(len(model.modalities)) if s]
    moves = model.settings["evolution"] != "none" and T > 0
    kinds = [
        ("coupling", name, 1.0, TOP_FACTOR)
        for name in names
        if moves and (len(model.A) or len(model.L))
    ]
    kinds += [("dissipation", name, 1.0, TOP_FACTOR) for name in names if moves and len(model.L)]
    kinds += [("duration", "T", T, TOP_DURATION * T)] if moves else []
    parameters = []
    for kind, name, learned, top in kinds:
        nodes = (chebyshev.chebpts1(NODES) + 1) * top / 2
        parameter = Parameter(kind, name, learned, top, nodes, torch.empty(0))
        if kind == "duration":
            O = model.observables(nodes.tolist())
        else:
            O = torch.stack(
                [model.tweaked(tweak_of(parameter, float(x))).observables() for x in nodes]
            )
        parameters.append(Parameter(kind, name, learned, top, nodes, O.to(torch.complex128)))
    return tuple(parameters)


def nearest_parameters(
    model: FusionModel,
    states: Mapping[str, Tensor],
    parameters: tuple[Parameter, ...] | None = None,
) -> Search:
    """Returns for every parameter the smallest turn that changes the decision on one sample, where there is one.

    Args:
        model: as it is, "learned" means this one.
        states: of the sample, (1, d_m) kets or (1, n) masses, as `forms.states_of` gives them.
        parameters: of a QiNN-QJ, its `table`, to use again for many samples; None works it out.
    """
    model = in_double(model)
    with torch.no_grad():
        if can(require(model, "terms"), "rules"):
            return _angles(require(model, "rules"), states)
        moving = require(model, "time")
        return _physics(moving, states, table(moving) if parameters is None else parameters)


def _physics(
    model: QuantumJump, states: Mapping[str, Tensor], parameters: tuple[Parameter, ...]
) -> Search:
    psi = model.product_state(states).to(torch.complex128)
    before = _scores(model, psi)
    turned = [_turn(model, psi, before, parameter) for parameter in parameters]
    found = sorted(
        (change for change, _ in turned if change is not None), key=lambda change: change.size
    )
    ranges = (
        f"couplings and dissipation × 0 to {TOP_FACTOR:g}, T from 0 to "
        f"{TOP_DURATION * float(model.duration):g}"
    )
    return Search(
        tuple(found), len(parameters), ranges, max((tail for _, tail in turned), default=0.0)
    )


def _scores(model: QuantumJump, psi: Tensor) -> np.ndarray:
    return (expectation(model.observables().to(psi.dtype), psi) + model.bias)[0].numpy()


def _lead(scores: np.ndarray, held: int) -> np.ndarray:
    """How far others lead the decision `held`, > 0 where it is turned: (..., C) -> (...)."""
    if scores.shape[-1] == 1:
        return (-scores if held else scores)[..., 0]
    others = np.delete(scores, held, -1)
    return others.max(-1) - scores[..., held]


def _turn(
    model: QuantumJump, psi: Tensor, before: np.ndarray, parameter: Parameter
) -> tuple[ParameterChange | None, float]:
    from numpy.polynomial import chebyshev
    from scipy.optimize import toms748

    held, wanted = decision(before), MARGIN * max(1.0, float(np.abs(before).max()))
    C, learned, top = len(before), parameter.learned, parameter.top
    sampled = (
        expectation(parameter.observables.flatten(0, 1), psi)[0].view(-1, C).numpy()
        + model.bias.numpy()
    )
    coefficients = chebyshev.chebfit(2 * parameter.nodes / top - 1, sampled, NODES - 1)
    tail = float(np.abs(coefficients[-2:]).max() / max(np.abs(coefficients).max(), 1e-300))
    places = np.unique(np.r_[np.linspace(0, top, _FINE), learned])
    lead = _lead(chebyshev.chebval(2 * places / top - 1, coefficients).T, held)
    own = int(np.searchsorted(places, learned))
    ways = [list(range(own, len(places))), list(range(own, -1, -1))]
    far = 2 * wanted  # beyond what is wanted by more than the interpolant's error
    brackets = [
        next(((places[a], places[b]) for a, b in pairwise(way) if lead[b] > far), None)
        for way in ways
    ]

    def scores(x: float) -> np.ndarray:
        return _scores(model.tweaked(tweak_of(parameter, float(x))), psi)

    def gap(x: float) -> float:
        return float(_lead(scores(x), held)) - wanted

    turns: list[float] = []
    for inner, outer in sorted(
        (b for b in brackets if b is not None), key=lambda b: abs(b[0] - learned)
    ):
        if turns and abs(inner - learned) > abs(turns[0] - learned):
            break  # the other side is farther
        if gap(outer) > 0:
            root = partial(toms748, gap, *sorted((inner, outer)), xtol=1e-12 * top, rtol=1e-14)
            turns.append(root() if gap(inner) < 0 else inner)
    if not turns:
        return None, tail
    value = float(min(turns, key=lambda x: abs(x - learned)))
    value += math.copysign(2e-7 * top, value - learned)  # on the far side of the root
    value = min(max(value, 0.0), top)
    return _change(
        parameter.kind,
        parameter.name,
        learned,
        value,
        abs(value / learned - 1),
        before,
        scores(value),
    ), tail


def _angles(model: EntangledQCNN, states: Mapping[str, Tensor]) -> Search:
    phi = model.phi.detach().double()
    before = model.scores(states)[0].numpy()
    held, wanted = decision(before), MARGIN * max(1.0, float(np.abs(before).max()))
    masses = torch.stack([states[name] for name in model.modalities], -1)[0]
    places = [tuple(int(i) for i in place) for place in torch.ones_like(phi).nonzero()]
    thirds = [0.0, 2 * math.pi / 3, -2 * math.pi / 3]
    vectors = []
    for place in places:
        for third in thirds:
            other = phi.clone()
            other[place] += third
            vectors.append(fuse(masses, other)[0])
    scores = (model.read(torch.stack(vectors)) + model.bias).numpy().reshape(len(places), 3, -1)
    mean = scores.mean(1)  # score = mean + cosine cos(turn) + sine sin(turn)
    cosine, sine = scores[:, 0] - mean, (scores[:, 1] - scores[:, 2]) / math.sqrt(3)
    found = []
    for k, place in enumerate(places):
        turn = _nearest_turn(mean[k], cosine[k], sine[k], held, wanted)
        if turn is None:
            continue
        other = phi.clone()
        other[place] += turn
        after = model.with_angles(other).scores(states)[0].numpy()
        name, learned = ".".join(map(str, place)), float(phi[place])
        found.append(_change("angle", name, learned, learned + turn, abs(turn), before, after))
    return Search(
        tuple(sorted(found, key=lambda c: c.size)),
        len(places),
        "every angle of the truth tables, all the way round",
        0.0,
    )


def _nearest_turn(
    mean: np.ndarray, cosine: np.ndarray, sine: np.ndarray, held: int, wanted: float
) -> float | None:
    """The smallest turn of an angle after which another decision leads by `wanted`; (C,) each."""
    if len(mean) == 1:
        sign = -1.0 if held else 1.0
        leads = [(sign * mean[0] - wanted, sign * cosine[0], sign * sine[0])]
    else:
        leads = [
            (mean[c] - mean[held] - wanted, cosine[c] - cosine[held], sine[c] - sine[held])
            for c in range(len(mean))
            if c != held
        ]
    turns = []
    for a, b, c in leads:
        size, peak = math.hypot(b, c), math.atan2(c, b)
        if size <= 1e-12 or -a > size:
            continue  # never reaches zero
        half = math.acos(max(min(-a / size, 1.0), -1.0))  # >= 0 within `half` of the peak
        turns += [math.remainder(peak + side * half, 2 * math.pi) for side in (-1, 1)]
    return min(turns, key=abs) if turns else None


def _change(
    kind: str,
    name: str,
    learned: float,
    value: float,
    size: float,
    before: np.ndarray,
    after: np.ndarray,
) -> ParameterChange:
    held, turned = decision(before), decision(after)
    return ParameterChange(
        kind, name, learned, value, size, before, after, held, turned, turned != held
    )
