"""How a decision depends on the physics of a model: derivatives, knock-outs, nearest changes.

Every term has a factor: 1 as learned, 0 when it is taken out. Of a target y (the score, one dividend, an entanglement
measure; for one sample or the mean over several) there is the slope dy/df where the factors stand, and the effect y(f =
0) - y(f) of removing the term. The slope is local, the effect is not: where y bends between 0 and f the two may differ,
even in sign. `Response` follows y on the way; the mean slope on it, times -f, is the effect (fundamental theorem of
calculus).

Slopes are exact, by reverse mode through the evolution (its backward is in `quantum.lindblad`) or the network's
observables. The mean slope on the way from 0 is that of integrated gradients (Sundararajan, Taly, Yan 2017, equation
1), here along one term.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.models import Features, FusionModel, base
from qfusion.models.inputs import Background
from qfusion.models.protocols import Physics
from qfusion.models.terms import SCORE, FlipSearch, Parameter, Terms
from qfusion.quantum import decomposition


@dataclass(frozen=True)
class Sensitivity:
    """Slopes and knock-outs of P terms on Y targets.

    Attributes:
        parameters: the terms.
        targets: names: "score", "dividend[text+audio]", "dividend[]" (baseline), "entropy[text]", "negativity[text]",
            ...
        values: of the targets as they stand, (Y,).
        slopes: dy/df, per unit of the factor, (P, Y); NaN where it is undefined.
        effects: y with the term removed less y as it stands, (P, Y).
        samples: how many each target is averaged over, (Y,).
        background: kind, and size, of the dividends' background.
    """

    parameters: tuple[Parameter, ...]
    targets: tuple[str, ...]
    values: np.ndarray
    slopes: np.ndarray
    effects: np.ndarray
    samples: np.ndarray
    background: str
    background_size: int

    @property
    def has_undefined_slopes(self) -> bool:
        """Whether a slope does not exist, as of entropy and negativity at a pure state."""
        return bool(np.isnan(self.slopes).any())

    @property
    def linear_effects(self) -> np.ndarray:
        """Effect of removal if y followed its slope linearly, (P, Y): -f dy/df."""
        return -np.array([parameter.value for parameter in self.parameters])[:, None] * self.slopes

    def agrees(self) -> np.ndarray:
        """Whether slope and knock-out say the same sign, (P, Y)."""
        return np.sign(self.linear_effects) == np.sign(self.effects)

    def column(self, target: str) -> int:
        """Place of a target."""
        return self.targets.index(choose("Target", target, self.targets))

    def frame(self, target: str) -> pd.DataFrame:
        """Return one row per term: title, factor, change of the target for -10% of the learned value, effect of
        removal, agreement.
        """
        j = self.column(target)
        table = pd.DataFrame(
            {
                "term": [parameter.title for parameter in self.parameters],
                "key": [parameter.key for parameter in self.parameters],
                "kind": [parameter.kind for parameter in self.parameters],
                "factor": [parameter.value for parameter in self.parameters],
            }
        )
        table["slope"] = self.slopes[:, j]
        table["ten_percent_weaker"] = -0.1 * self.slopes[:, j]
        table["removed"] = self.effects[:, j]
        table["same_sign"] = self.agrees()[:, j]
        return table


@dataclass(frozen=True)
class Response:
    """Target as a function of the factor of one term, from 0 (removed) to its current value. It is evaluated at both
    ends and at Gauss-Legendre nodes between them.

    Attributes:
        parameter: the term.
        factors: ascending from 0 to the parameter's value, (n,). values, slopes: there, (n,).
        effect: y(0) - y(value). mean_slope: by quadrature over the nodes; times -value it is the effect, up to the
            quadrature's error.
    """

    parameter: Parameter
    factors: np.ndarray
    values: np.ndarray
    slopes: np.ndarray
    effect: float
    mean_slope: float


def target_names(model: FusionModel) -> tuple[str, ...]:
    """Return the names of the possible targets of a model: the score, every dividend, entanglement."""
    modalities = model.modalities
    names = [
        SCORE,
        *(
            f"dividend[{decomposition.subset_name(s, modalities)}]"
            for s in decomposition.subsets(len(modalities))
        ),
    ]
    if physics := model.part(Physics):
        names += physics.entanglement_targets()
    return tuple(names)


def sensitivity(
    model: FusionModel,
    inputs: Mapping[str, Features],
    background: Background,
    *,
    output: int = 0,
    targets: Sequence[str] | None = None,
) -> Sensitivity:
    """Return slopes and knock-outs of every term, for the mean over the given samples.

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
    terms = collect_terms(model, inputs, background, output)
    names = _check_targets(model, targets)
    values, slopes = terms.slopes(names)
    return Sensitivity(
        terms.parameters,
        names,
        values,
        slopes,
        terms.effects(names, slopes),
        np.array([terms.samples(name) for name in names]),
        background.kind,
        background.samples,
    )


def response(
    model: FusionModel,
    inputs: Mapping[str, Features],
    background: Background,
    key: str,
    target: str = SCORE,
    *,
    output: int = 0,
    nodes: int = 6,
) -> Response:
    """Return a target as a function of the factor of one term, from 0 (removed) to its current value.

    Args:
        key: of the parameter; other arguments as for `sensitivity`.
        nodes: of the Gauss-Legendre quadrature between the ends.
    """
    terms = collect_terms(model, inputs, background, output)
    _check_targets(model, [target])
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
        terms.with_parameter(place, float(parameter.value * share)).slopes([target])
        for share in shares
    ]
    values = np.array([v[0] for v, _ in along])
    slopes = np.array([s[place, 0] for _, s in along])
    return Response(
        parameter,
        parameter.value * shares,
        values,
        slopes,
        float(values[0] - values[-1]),
        float(w / 2 @ slopes[1:-1]),
    )


def half_way(
    model: FusionModel,
    inputs: Mapping[str, Features],
    background: Background,
    target: str = SCORE,
    *,
    output: int = 0,
) -> np.ndarray:
    """Return the effect of removal predicted by the slope at half of each factor, -f dy/df at f / 2, (P,).

    The middle of the way stands for the mean slope on it up to third order, where the slope at its end does to second
    order only. Arguments as for `sensitivity`.
    """
    terms = collect_terms(model, inputs, background, output)
    _check_targets(model, [target])
    slopes = terms.slopes([target])[1][:, 0]
    for place, term in enumerate(terms.parameters):
        if term.kind not in ("measurement", "head") and term.value != 0:  # these are linear
            slopes[place] = terms.with_parameter(place, term.value / 2).slopes([target])[1][
                place, 0
            ]
    return -np.array([term.value for term in terms.parameters]) * slopes


def collect_terms(
    model: FusionModel,
    inputs: Mapping[str, Features],
    background: Background,
    output: int = 0,
) -> Terms:
    """Return the terms of a model with everything that slopes and knock-outs need; arguments as of `sensitivity`.

    Raises:
        InvalidInput: when the model has no terms, or the output or background does not fit it.
    """
    check_output(model, output)
    return base.to_double(model).require(Physics).terms(inputs, background, output)


def check_output(model: FusionModel, output: int) -> None:
    """Raise InvalidInput unless a model has an output of this number."""
    check(
        0 <= output < len(model.outputs),
        f"Argument `output` must lie between 0 and {len(model.outputs) - 1}, but is {output}.",
    )


def _check_targets(model: FusionModel, targets: Sequence[str] | None) -> tuple[str, ...]:
    known = target_names(model)
    return known if targets is None else tuple(choose("Target", name, known) for name in targets)


@torch.no_grad()
def nearest_parameters(
    model: FusionModel, states: Mapping[str, Tensor], known: Any = None
) -> FlipSearch:
    """Return, for every parameter, the smallest change that flips the decision on one sample, if there is one.

    Args:
        model: as learned; one with an evolution must have no tweak.
        states: of the sample, (1, d_m) kets or (1, n) masses, as `counterfactual.encode_samples` returns them.
        known: of a model with an evolution its `flips.table`, to use again for many samples; None computes it.

    Raises:
        InvalidInput: when the model has no terms, or a model with an evolution has a tweak.
    """
    return base.to_double(model).require(Physics).nearest_changes(states, known)
