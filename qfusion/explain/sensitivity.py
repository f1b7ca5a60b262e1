"""What physics did it: derivatives and knock-outs of a decision, term by term of the model's physics.

Every term has a factor: 1 as learned, 0 when it is taken out. Of a target y (the score, one dividend, an entanglement
measure; for one sample or the mean over several) there is the slope dy/df where the factors stand, and the effect y(f =
0) - y(f) of removing the term. The slope is local, the effect is not: where y bends between 0 and f the two may differ,
even in sign. `Response` follows y on the way; the mean slope on it, times -f, is the effect (fundamental theorem of
calculus).

Slopes are exact, by reverse mode through the evolution (its backward is in `expansion.py`) or the network's
observables. The mean slope on the way from 0 is that of integrated gradients (Sundararajan, Taly, Yan 2017, equation
1), here along one term.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from numpy.polynomial import chebyshev
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.explain.backgrounds import AnyBackground, fitting
from qfusion.explain.counterfactual import MARGIN, Turn, boundaries
from qfusion.explain.parameters import SCORE, JumpParameters, NetworkParameters, Parameter
from qfusion.models import (
    EntangledQCNN,
    Features,
    FusionModel,
    TimeModel,
    Tweak,
    base,
    can,
    entangled_qcnn,
    require,
)
from qfusion.quantum.decomposition import subset_name, subsets


@dataclass(frozen=True)
class Sensitivity:
    """Slopes and knock-outs of P terms on Y targets.

    Attributes:
        parameters: the terms.
        targets: names: "score", "dividend[text+audio]", "dividend[]" (baseline), "entropy[text]", "negativity[text]",
            ...
        values: of the targets as they stand, (Y,).
        slopes: dy/df, per unit of the factor, (P, Y); not a number where the slope is infinite (see `note`).
        effects: y with the term removed less y as it stands, (P, Y).
        samples: how many each target is averaged over, (Y,).
        background: kind, and size, of the dividends' background.
        note: where a slope does not exist, why; else "".
    """

    parameters: tuple[Parameter, ...]
    targets: tuple[str, ...]
    values: np.ndarray
    slopes: np.ndarray
    effects: np.ndarray
    samples: np.ndarray
    background: str
    background_size: int
    note: str = ""

    @property
    def straight(self) -> np.ndarray:
        """What removal would do if y went on as its slope says, (P, Y): -f dy/df."""
        return -np.array([parameter.value for parameter in self.parameters])[:, None] * self.slopes

    def agrees(self) -> np.ndarray:
        """Whether slope and knock-out say the same sign, (P, Y)."""
        return np.sign(self.straight) == np.sign(self.effects)

    def column(self, target: str) -> int:
        """Place of a target."""
        choose("Target", target, self.targets)
        return self.targets.index(target)

    def frame(self, target: str) -> pd.DataFrame:
        """Returns one row a term: title, factor, change of the target for -10 % of what was learned, effect of removal,
        agreement."""
        j = self.column(target)
        return pd.DataFrame(
            {
                "term": [parameter.title for parameter in self.parameters],
                "key": [parameter.key for parameter in self.parameters],
                "kind": [parameter.kind for parameter in self.parameters],
                "factor": [parameter.value for parameter in self.parameters],
                "slope": self.slopes[:, j],
                "ten_percent_weaker": -0.1 * self.slopes[:, j],
                "removed": self.effects[:, j],
                "same_sign": self.agrees()[:, j],
            }
        )


@dataclass(frozen=True)
class Response:
    """A target on the way from a removed term to where it stands, at both ends and Gauss-Legendre nodes between.

    Attributes:
        parameter: the term; target: what is followed.
        factors: ascending from 0 to the parameter's value, (n,). values, slopes: there, (n,).
        effect: y(0) - y(value). mean_slope: by quadrature over the nodes; times -value it is the effect, up to the
            quadrature's error.
    """

    parameter: Parameter
    target: str
    factors: np.ndarray
    values: np.ndarray
    slopes: np.ndarray
    effect: float
    mean_slope: float


def target_names(model: FusionModel) -> tuple[str, ...]:
    """Returns what can be asked of a model: the score, every dividend, entanglement."""
    modalities = model.modalities
    names = [SCORE, *(f"dividend[{subset_name(s, modalities)}]" for s in subsets(len(modalities)))]
    if can(model, "terms") and can(model, "rules"):
        names += [f"entropy[{i}]" for i in range(require(model, "rules").elements)]
    elif can(model, "terms"):
        kinds = ("entropy", "negativity") if len(modalities) > 1 else ("entropy",)
        names += [f"{kind}[{name}]" for kind in kinds for name in modalities]
    return tuple(names)


def sensitivity(
    model: FusionModel,
    inputs: Mapping[str, Features],
    background: AnyBackground,
    *,
    output: int = 0,
    targets: Sequence[str] | None = None,
) -> Sensitivity:
    """Returns slopes and knock-outs of every term, for the mean over the given samples.

    Slopes are exact: one reverse pass a target through the exact computation. The mean over samples costs what one
    sample costs, but for entanglement (see ENTANGLEMENT_SAMPLES) and dividends of an EntangledQCNN.

    Args:
        model: in eval mode; a tweaked model stands where its tweak puts it.
        inputs: features of B samples.
        background: see `background`.
        output: whose score.
        targets: of `target_names`; None for all.

    Raises:
        InvalidInput, NotFound: when the background, output or a target does not fit the model.
    """
    terms = system(model, inputs, background, output)
    names = _checked(model, targets)
    values, slopes = terms.slopes(names)
    return Sensitivity(
        terms.parameters,
        names,
        values,
        slopes,
        terms.effects(names, slopes),
        np.array([terms.samples(name) for name in names]),
        background.kind,
        background.size,
        _INFINITE if np.isnan(slopes).any() else "",
    )


_INFINITE = (
    "The state is pure there, where entropy starts with infinite slope: it has no derivative."
)


def response(
    model: FusionModel,
    inputs: Mapping[str, Features],
    background: AnyBackground,
    key: str,
    target: str = SCORE,
    *,
    output: int = 0,
    nodes: int = 6,
) -> Response:
    """Returns a target on the way from a removed term to where it stands.

    Args:
        key: of the parameter; other arguments as for `sensitivity`.
        nodes: of the Gauss-Legendre quadrature between the ends.
    """
    terms = system(model, inputs, background, output)
    _checked(model, [target])
    keys = [parameter.key for parameter in terms.parameters]
    place = keys.index(choose("Term", key, keys))
    parameter = terms.parameters[place]
    check(
        parameter.value != 0,
        f"Term {key!r} is removed already: nothing lies between. Turn it up first.",
    )
    t, w = np.polynomial.legendre.leggauss(nodes)
    shares = np.concatenate([[0.0], (t + 1) / 2, [1.0]])
    along = [
        terms.moved(place, float(parameter.value * share)).slopes([target]) for share in shares
    ]
    values, slopes = np.array([v[0] for v, _ in along]), np.array([s[place, 0] for _, s in along])
    return Response(
        parameter,
        target,
        parameter.value * shares,
        values,
        slopes,
        float(values[0] - values[-1]),
        float(w / 2 @ slopes[1:-1]),
    )


def half_way(
    model: FusionModel,
    inputs: Mapping[str, Features],
    background: AnyBackground,
    target: str = SCORE,
    *,
    output: int = 0,
) -> np.ndarray:
    """Returns what the slope at half of each factor says that its removal does, -f dy/df at f / 2, (P,).

    The middle of the way stands for the mean slope on it up to third order, where the slope at its end does to second
    order only. Arguments as for `sensitivity`.
    """
    terms = system(model, inputs, background, output)
    _checked(model, [target])
    slopes = terms.slopes([target])[1][:, 0]
    for place, term in enumerate(terms.parameters):
        if term.kind not in ("measurement", "head") and term.value != 0:  # these are linear
            slopes[place] = terms.moved(place, term.value / 2).slopes([target])[1][place, 0]
    return -np.array([term.value for term in terms.parameters]) * slopes


def system(
    model: FusionModel, inputs: Mapping[str, Features], background: AnyBackground, output: int = 0
) -> JumpParameters | NetworkParameters:
    """Returns the physics of a model with everything that slopes and knock-outs need."""
    model = base.in_double(model)
    check(
        0 <= output < len(model.outputs),
        f"Argument `output` must lie between 0 and {len(model.outputs) - 1}, but is {output}.",
    )
    own = fitting(require(model, "terms"), background)
    if can(model, "rules"):
        return NetworkParameters.of(require(model, "rules"), inputs, own, output)
    return JumpParameters.of(require(model, "time"), inputs, own, output)


def _checked(model: FusionModel, targets: Sequence[str] | None) -> tuple[str, ...]:
    known = target_names(model)
    for name in targets or ():
        choose("Target", name, known)
    return known if targets is None else tuple(targets)


# The smallest turn of one parameter of physics that turns the decision on a sample, all others as learned.
#
# QiNN-QJ: factors on the couplings H_S and on the dissipation (see `quantum.gauge`), and the
# duration T. The score is an entire function of each, so it is followed by a Chebyshev interpolant
# over the parameter's range (its last coefficients tell how well); crossings of the decision's
# boundary are then found on the model itself by bracketing (Alefeld, Potra, Shi 1995). The
# observables at the nodes do not depend on the sample: worked out once (`table`), they serve all.
#
# EntangledQCNN: the angles phi of the fusion's truth tables. Every score is a + b cos(phi) + c
# sin(phi) in each of them, exactly, so the nearest crossing has a closed form.
#
# Every turn that is reported was set in the model and the model run again.

TOP_FACTOR, TOP_DURATION = (
    2.0,
    3.0,
)  # ranges that are searched: factors on couplings and dissipation, on T
NODES = 13
_FINE = 400  # places of the interpolant that are looked at


@dataclass(frozen=True, eq=False)
class ParameterChange(Turn):
    """The nearest setting of one parameter that turns the decision.

    Attributes:
        kind: "coupling", "dissipation", "duration" or "angle".
        name: a coalition such as "text+audio"; "T"; or "element.stage.pattern",
            numbers from 0.
        learned, value: before and after: a factor, T itself, or radians.
        size: |value / learned - 1|, or the change in radians of an angle.
    """

    kind: str
    name: str
    learned: float
    value: float
    size: float


@dataclass(frozen=True, eq=False)
class Search:
    """What came of turning every parameter.

    Attributes:
        changes: the nearest turn of each parameter that has one, smallest first.
        tried: how many parameters were turned.
        ranges: over what, in words.
        resolution: for interpolated parameters the largest relative size of the last coefficients; 0 for closed forms.
    """

    changes: tuple[ParameterChange, ...]
    tried: int
    ranges: str
    resolution: float


@dataclass(frozen=True, eq=False)
class PhysicsParameter:
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


def tweak_of(kind: str, name: str, x: float) -> Tweak:
    """Returns what a QiNN-QJ takes to set one of its parameters to `x`."""
    if kind == "duration":
        return Tweak(duration=x)
    return Tweak(dissipations={name: x}) if kind == "dissipation" else Tweak(couplings={name: x})


@torch.no_grad()
def table(model: TimeModel) -> tuple[PhysicsParameter, ...]:
    """Returns all parameters of a model with time, with the observables at their nodes: NODES evolutions for each
    coupling and dissipation, one for T."""
    T = float(model.duration)
    if model.still or T <= 0:
        return ()
    names = [subset_name(s, model.modalities) for s in subsets(len(model.modalities)) if s]
    kinds = ["coupling"] * bool(len(model.A) or len(model.L)) + ["dissipation"] * bool(len(model.L))
    turned = [(kind, name, 1.0, TOP_FACTOR) for kind in kinds for name in names]
    parameters = []
    for kind, name, learned, top in (*turned, ("duration", "T", T, TOP_DURATION * T)):
        nodes = (chebyshev.chebpts1(NODES) + 1) * top / 2
        O = (
            model.observables(nodes.tolist())
            if kind == "duration"
            else torch.stack(
                [model.tweaked(tweak_of(kind, name, float(x))).observables() for x in nodes]
            )
        )
        parameters.append(PhysicsParameter(kind, name, learned, top, nodes, O.to(torch.complex128)))
    return tuple(parameters)


def nearest_parameters(
    model: FusionModel,
    states: Mapping[str, Tensor],
    parameters: tuple[PhysicsParameter, ...] | None = None,
) -> Search:
    """Returns for every parameter the smallest turn that changes the decision on one sample, where there is one.

    Args:
        model: as it is, "learned" means this one.
        states: of the sample, (1, d_m) kets or (1, n) masses, as `forms.states_of` gives them.
        parameters: of a QiNN-QJ, its `table`, to use again for many samples; None works it out.
    """
    model = base.in_double(model)
    with torch.no_grad():
        if can(require(model, "terms"), "rules"):
            return _angles(require(model, "rules"), states)
        moving = require(model, "time")
        parameters = table(moving) if parameters is None else parameters
        psi = moving.product_state(states).to(torch.complex128)
        before = _scores(moving, psi)
        turned = [_turn(moving, psi, before, parameter) for parameter in parameters]
    changes = [change for change, _ in turned if change is not None]
    return Search(
        tuple(sorted(changes, key=lambda change: change.size)),
        len(parameters),
        f"couplings and dissipation × 0 to {TOP_FACTOR:g}, T from 0 to "
        f"{TOP_DURATION * float(moving.duration):g}",
        max((tail for _, tail in turned), default=0.0),
    )


def _scores(model: TimeModel, psi: Tensor) -> np.ndarray:
    return (base.expectation(model.observables().to(psi.dtype), psi) + model.bias)[0].numpy()


def _turn(
    model: TimeModel, psi: Tensor, before: np.ndarray, parameter: PhysicsParameter
) -> tuple[ParameterChange | None, float]:
    from scipy.optimize import toms748

    margin = MARGIN * max(1.0, float(np.abs(before).max()))
    learned, top = parameter.learned, parameter.top
    sampled = (
        base.expectation(parameter.observables.flatten(0, 1), psi)[0]
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
        return _scores(model.tweaked(tweak_of(parameter.kind, parameter.name, float(x))), psi)

    def gap(x: float) -> float:
        return float(max(boundaries(scores(x), before))) - margin

    turns: list[float] = []
    for inner, outer in sorted(brackets, key=lambda bracket: abs(bracket[0] - learned)):
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
    return ParameterChange(
        before,
        scores(value),
        parameter.kind,
        parameter.name,
        learned,
        value,
        abs(value / learned - 1),
    ), tail


def _angles(model: EntangledQCNN, states: Mapping[str, Tensor]) -> Search:
    phi = model.phi.detach().double()
    before = model.scores(states)[0].numpy()
    margin = MARGIN * max(1.0, float(np.abs(before).max()))
    masses = torch.stack([states[name] for name in model.modalities], -1)[0]
    places = list(np.ndindex(*phi.shape))

    def turned(place: tuple[int, ...], angle: float) -> Tensor:
        other = phi.clone()
        other[place] += angle
        return other

    thirds = (0.0, 2 * math.pi / 3, -2 * math.pi / 3)
    vectors = [
        entangled_qcnn.fuse(masses, turned(place, third))[0] for place in places for third in thirds
    ]
    scores = (model.read(torch.stack(vectors)) + model.bias).numpy().reshape(len(places), 3, -1)
    mean = scores.mean(1)  # score = mean + cosine cos(turn) + sine sin(turn)
    cosine, sine = scores[:, 0] - mean, (scores[:, 1] - scores[:, 2]) / math.sqrt(3)
    waves = np.stack([mean, cosine, sine], -1)
    changes = []
    for wave, place in zip(waves, places, strict=True):
        turn = _nearest_turn(boundaries(wave, before), margin)
        if turn is None:
            continue
        after = model.with_angles(turned(place, turn)).scores(states)[0].numpy()
        name, learned = ".".join(map(str, place)), float(phi[place])
        changes.append(
            ParameterChange(before, after, "angle", name, learned, learned + turn, abs(turn))
        )
    return Search(
        tuple(sorted(changes, key=lambda change: change.size)),
        len(places),
        "every angle of the truth tables, all the way round",
        0.0,
    )


def _nearest_turn(leads: Sequence[np.ndarray], margin: float) -> float | None:
    """The smallest turn of an angle after which a decision leads by `margin`; of each mean, cosine and sine of its
    lead."""
    turns = []
    for mean, cosine, sine in leads:
        size, peak = math.hypot(cosine, sine), math.atan2(sine, cosine)
        if size <= 1e-12 or margin - mean > size:
            continue  # never reaches it
        half = math.acos(max(min((margin - mean) / size, 1.0), -1.0))  # within `half` of the peak
        turns += [math.remainder(peak + side * half, 2 * math.pi) for side in (-1, 1)]
    return min(turns, key=abs) if turns else None
