"""Which coupling built which term of a decision: what every term of the dynamics has added to every dividend by the
read-out.

Let every term g of the generator act with the same strength lambda, from 0 (nothing evolves) to 1 (the model as it is
set). On that way every dividend goes from Delta_S(0) to Delta_S(T), and each term's part of the way is its attribution
by Aumann and Shapley (1974),

    A[S, g] = int_0^1 d Delta_S / d f_g  at f = lambda (1, ..., 1)  d lambda,
    sum_g A[S, g] = Delta_S(T) - Delta_S(0),

where f_g multiplies a coupling H_S or the rate of a jump operator L_k (integrated gradients are the same integral over
features: Sundararajan, Taly, Yan 2017). Unlike knock-outs these add up. As all strengths together scale time, lambda =
t / T and

    A[S, g] = int_0^T a_S,g(t) dt,    a_S,g(t) = 1/t int_0^t F(u, t - u) du,    F(u, v) = Tr[R_S(u) L_g^+ O(v)],

with sum_g a_S,g = d Delta_S / dt: who is building at t, the mean over when, before t, the term g acts. O(v) is the
read-out evolved for v, and R_S(u) is R_S = sum_{R in S} (-1)^{|S|-|R|} rho_R x sigma_rest evolved for u: its mean
values are the dividend of a sample or, as everything is linear, of the mean over samples.

Numerics are in `building_numerics.py`. The error is stated: what the last polynomials contribute, and what is missing
in the sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from numpy.polynomial import legendre

from qfusion._checks import check, choose
from qfusion.explain.changes.building_numerics import (
    TOLERANCE,
    Apart,
    correlations,
    dividend_operators,
    observables,
    pace_of,
)
from qfusion.explain.changes.parameters import Parameter
from qfusion.explain.changes.parameters_jump import JumpParameters
from qfusion.explain.changes.sensitivity import system
from qfusion.explain.contributions.background import AnyBackground
from qfusion.explain.contributions.coalitions import coalition_values
from qfusion.explain.contributions.games import dividends as harsanyi
from qfusion.models import FusionModel, require
from qfusion.models.base import in_double
from qfusion.models.encoders import Features
from qfusion.models.quantum_jump import QuantumJump
from qfusion.quantum.decomposition import subset_name, subsets

TIMES = 41
_CHUNK = 2048  # samples whose values are worked out at once


@dataclass(frozen=True, eq=False)
class Built:
    """What G terms of the dynamics have added to S dividends.

    Attributes:
        modalities: names. output: name of the score.
        dividends: names of the coalitions, "" (baseline) first, S of them.
        terms: couplings H_S and jump rates, keys as in `sensitivity`, G of them; none where nothing evolves.
        acts: the modalities that each of them acts on, joined by "+", (G,).
        start, end: dividends without evolution and at T, (S,).
        parts: A, (S, G); with `start` they add up to `end`.
        times: (nT,) in model units. over_time: added by t, (nT, S, G). pace: being added at t, per unit of time, (nT,
            S, G).
        error: bound on what is wrong with any part, estimated from the last polynomials and from the sum.
        nodes: times at which operators were taken.
        count: samples averaged over. background, background_size: of the dividends.
    """

    modalities: tuple[str, ...]
    output: str
    dividends: tuple[str, ...]
    terms: tuple[Parameter, ...]
    acts: tuple[str, ...]
    start: np.ndarray
    end: np.ndarray
    parts: np.ndarray
    times: np.ndarray
    over_time: np.ndarray
    pace: np.ndarray
    error: float
    nodes: int
    count: int
    background: str
    background_size: int

    def frame(self) -> pd.DataFrame:
        """Returns one row a dividend: `dividend`, `start`, a column for every term by its key, and `end`."""
        columns: dict[str, Any] = {"dividend": [name or "baseline" for name in self.dividends], "start": self.start}
        columns |= {parameter.key: self.parts[:, g] for g, parameter in enumerate(self.terms)}
        return pd.DataFrame(columns | {"end": self.end})

    def through(self, dividend: str) -> pd.DataFrame:
        """Returns one row a time of one dividend: `t`, `value`, and `added[...]` and `pace[...]` of every term.

        Raises:
            NotFound: when there is no such dividend.
        """
        s = self.row(dividend)
        columns = {"t": self.times, "value": self.start[s] + self.over_time[:, s].sum(-1)}
        columns |= {f"added[{parameter.key}]": self.over_time[:, s, g] for g, parameter in enumerate(self.terms)}
        return pd.DataFrame(columns
                            | {f"pace[{parameter.key}]": self.pace[:, s, g] for g, parameter in enumerate(self.terms)})

    def most_built(self) -> str:
        """The joint dividend that the dynamics changed most, or the only one's name where there is one modality."""
        joint = [s for s, name in enumerate(self.dividends) if "+" in name] or [len(self.dividends) - 1]
        return self.dividends[max(joint, key=lambda s: abs(self.end[s] - self.start[s]))]

    def row(self, dividend: str) -> int:
        """Place of a dividend."""
        return self.dividends.index(choose("Dividend", dividend, self.dividends))


def built(model: FusionModel, inputs: Mapping[str, Features], background: AnyBackground, output: int = 0,
          times: Sequence[float] | np.ndarray | None = None) -> Built:
    """Returns what every term of the dynamics has added to every dividend, for the mean over the given samples.

    Args:
        model: a QiNN-QJ in eval mode; a tweaked one is built up to where its tweak puts it. One that samples
            trajectories is evolved by the master equation.
        inputs: features of B samples; a mean over them costs what one sample costs.
        background: see `background`.
        output: whose score.
        times: ascending, in [0, T]; `TIMES` of them, evenly, unless given.

    Raises:
        InvalidInput: when the model has no evolution in time, background, output or times do not fit, or it evolves for
            so long that the times that operators are taken at do not resolve it.
    """
    plain, found, apart = _opened(model, inputs, background, output)
    moments, T = _moments(times, apart.T), apart.T
    with torch.no_grad():
        R = dividend_operators(found)
        if apart.still:
            start = torch.einsum("sab,ba->s", R, apart.O).real.numpy()
            F, end, nodes = np.zeros((3, 3, len(R), len(apart.parameters))), start, 0
        else:
            F, start, end, nodes = correlations(apart, R)
    bias = np.zeros(len(R))
    bias[0] = float(plain.bias.detach()[output])  # of the baseline
    pace = pace_of(F)
    added = legendre.legint(pace, lbnd=-1, scl=T / 2)
    parts = added.sum(0)  # every Legendre polynomial is 1 at the end
    fewer = F.copy()
    fewer[-2:], fewer[:, -2:] = 0, 0
    error = max(float(np.abs(parts - T * pace_of(fewer)[0]).max(initial=0)),
                float(np.abs(start + parts.sum(-1) - end).max()))
    scale = max(float(np.abs(end).max()), float(np.abs(parts).max(initial=0)), 1e-12)
    check(error <= TOLERANCE * scale,
          f"What each term built has an error of {error:.1e} for T = {T:g}, where {TOLERANCE * scale:.1e} is "
          "asked for. Lower the duration T or the strengths.")
    x = 2 * moments / T - 1 if T else np.full(len(moments), -1.0)
    through, rate = (np.moveaxis(legendre.legval(x, series), -1, 0) for series in (added, pace))
    return Built(tuple(plain.modalities), plain.outputs[output], _names(plain), apart.parameters,
                 apart.acts(plain.modalities), start + bias, end + bias, parts, moments, through, rate, error, nodes,
                 found.count, background.name, background.size)


def built_over_classes(model: FusionModel, inputs: Mapping[str, Features], background: AnyBackground) -> Built:
    """Returns `built` for the mean over samples of the score of the class that each is decided for; of a regression its
    score.

    Args:
        model, inputs, background: see `built`.

    Raises:
        InvalidInput: see `built`.
    """
    with torch.no_grad():
        decided = model(inputs).argmax(-1)
    found = []
    for c in decided.unique().tolist():
        rows = (decided == c).nonzero()[:, 0]
        own = {name: (x[0][rows], x[1][rows]) if isinstance(x, tuple) else x[rows] for name, x in inputs.items()}
        found.append((built(model, own, background, c), len(rows)))

    def mean(field: str) -> Any:
        return sum(getattr(each, field) * (n / len(decided)) for each, n in found)

    return replace(found[0][0], output=found[0][0].output if len(found) == 1 else "the class decided for",
                   count=len(decided), nodes=max(each.nodes for each, _ in found),
                   error=max(each.error for each, _ in found),
                   **{field: mean(field) for field in ("start", "end", "parts", "over_time", "pace")})


@dataclass(frozen=True, eq=False)
class BuiltEach:
    """What G terms of the dynamics have added to S dividends, sample by sample.

    Attributes:
        modalities, output, dividends, terms, acts: as for `Built`.
        start, end: dividends without evolution and at T, (B, S). parts: (B, S, G); with `start` they add up to `end`.
        error: what is missing in the sum, at most.
        background, background_size: of the dividends.
    """

    modalities: tuple[str, ...]
    output: str
    dividends: tuple[str, ...]
    terms: tuple[Parameter, ...]
    acts: tuple[str, ...]
    start: np.ndarray
    end: np.ndarray
    parts: np.ndarray
    error: float
    background: str
    background_size: int

    def sizes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns the mean over samples of |start| (S,), |parts| (S, G) and |end| (S,): what cancels in a mean does not
        here."""
        return np.abs(self.start).mean(0), np.abs(self.parts).mean(0), np.abs(self.end).mean(0)


def built_each(model: FusionModel, inputs: Mapping[str, Features], background: AnyBackground,
               output: int = 0) -> BuiltEach:
    """Returns what every term of the dynamics has added to every dividend of every sample.

    A[S, g] is the dividend of one observable, B_g = int_0^T dt 1/t int_0^t du exp(u L^+) L_g^+ O(t - u), whatever the
    sample. It is worked out once, half a second at D = 64; after that many samples cost little more than explaining
    them.

    Arguments and errors as for `built`.
    """
    plain, found, apart = _opened(model, inputs, background, output)
    with torch.no_grad():
        O = torch.stack([apart.O, *observables(apart)])
        encoded = plain.encode(inputs)
        chunks = zip(*(encoded[name].to(torch.complex128).split(_CHUNK) for name in plain.modalities), strict=True)
        values = torch.cat([coalition_values(O, kets, found.background) for kets in chunks]).numpy()
    parts = harsanyi(values, len(plain.modalities))
    parts[:, 0, :2] += float(plain.bias.detach()[output])  # of the baseline
    start, end, parts = parts[..., 0], parts[..., 1], parts[..., 2:]
    error = float(np.abs(start + parts.sum(-1) - end).max())
    return BuiltEach(tuple(plain.modalities), plain.outputs[output], _names(plain), apart.parameters,
                     apart.acts(plain.modalities), start, end, parts, error, background.name, background.size)


def _opened(model: FusionModel, inputs: Mapping[str, Features], background: AnyBackground,
            output: int) -> tuple[QuantumJump, JumpParameters, Apart]:
    moving = in_double(require(model, "time", "that could build anything"))
    found = cast(JumpParameters, system(moving, inputs, background, output))
    with torch.no_grad():
        return moving, found, Apart.of(moving, found, output)


def _names(model: QuantumJump) -> tuple[str, ...]:
    return tuple(subset_name(s, model.modalities) for s in subsets(len(model.modalities)))


def _moments(times: Sequence[float] | np.ndarray | None, T: float) -> np.ndarray:
    if times is None:
        return np.linspace(0.0, T, TIMES) if T > 0 else np.zeros(1)
    moments = np.array([float(t) for t in times])
    check(len(moments) > 0,
          f"Argument `times` must hold one time at least, but is empty. Leave it out for {TIMES} times.")
    outside = [f"{t:g}" for t in moments if not 0 <= t <= T * (1 + 1e-12)]
    check(not outside,
          f"Argument `times` must lie in [0, {T:g}], the time that the model evolves for, but holds "
          f"{', '.join(outside[:6])}. Leave these out.")
    check(bool((np.diff(moments) >= 0).all()),
          f"Argument `times` must be ascending, but is {moments[:6].tolist()}. Sort it.")
    return np.minimum(moments, T)
