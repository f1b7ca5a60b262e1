"""The part of every dividend that each term of the dynamics has added by the read-out: path attribution.

Let the whole generator act with strength lambda, from 0 (nothing evolves) to 1 (the model as it is set): f_S = lambda
on every coupling H_S and g_A = sqrt(lambda) on every dissipation, the parts L_k^A of traceless L_k (see
`decomposition.traceless`). On that way every dividend goes from Delta_S(0) to Delta_S(T), and each term's part of the
way is its attribution by Aumann and Shapley (1974),

    A[S, g] = int_0^1 d Delta_S / d f_g  d f_g/d lambda  d lambda,      sum_g A[S, g] = Delta_S(T) - Delta_S(0)

(integrated gradients are the same integral over features: Sundararajan, Taly, Yan 2017). Unlike knock-outs these add
up, and no gauge of the generator changes them. The integrals are computed in `generator_integrals`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.polynomial import legendre
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.data.coalition_terms import coalition_names
from qfusion.explain import backgrounds
from qfusion.explain.generator_integrals import (
    TOLERANCE,
    DecomposedGenerator,
    attribution_observables,
    correlations,
    dividend_operators,
    growth_rates,
)
from qfusion.explain.sensitivity import check_output
from qfusion.models import Features, FusionModel, base, coalition_algebra, evaluation
from qfusion.models.jump.jump_terms import JumpTerms
from qfusion.models.jump.kets import coalition_values
from qfusion.models.protocols import Evolution
from qfusion.models.terms import Parameter
from qfusion.quantum import states

TIMES = 41
SMALL = 1e-9  # all that was built is nothing to speak of
CHUNK = 2048  # samples whose values are worked out at once


@dataclass(frozen=True, eq=False)
class SamplePathAttribution:
    """Contributions of G terms of the dynamics to S dividends, per sample.

    Attributes:
        modalities: names. output: name of the score.
        dividends: names of the coalitions, "" (baseline) first, S of them.
        terms: couplings and dissipation, keys as in `sensitivity`, G of them; none where nothing evolves.
        start, end: dividends without evolution and at T, (B, S).
        parts: A, (B, S, G); with `start` they add up to `end`.
        error: what is missing in the sum, at most.
        background, background_size: of the dividends.
    """

    modalities: tuple[str, ...]
    output: str
    dividends: tuple[str, ...]
    terms: tuple[Parameter, ...]
    start: np.ndarray
    end: np.ndarray
    parts: np.ndarray
    error: float
    background: str
    background_size: int

    @property
    def acts(self) -> tuple[str, ...]:
        """The modalities that each term acts on, joined by "+", (G,)."""
        return tuple("+".join(parameter.modalities) for parameter in self.terms)

    def sizes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the mean over samples of |start| (S,), |parts| (S, G) and |end| (S,). Unlike in a plain mean,
        values of opposite sign do not cancel.
        """
        return np.abs(self.start).mean(0), np.abs(self.parts).mean(0), np.abs(self.end).mean(0)


@dataclass(frozen=True, eq=False)
class PathAttribution(SamplePathAttribution):
    """Contributions of G terms of the dynamics to S dividends of a mean over samples. The arrays have no axis B.

    Attributes:
        times: (nT,) in model units. over_time: added by t, (nT, S, G). pace: being added at t, per unit of time, (nT,
            S, G).
        error: bound on what is wrong with any part, estimated from the last polynomials and from the sum.
        nodes: times at which operators were taken.
        count: samples averaged over.
    """

    times: np.ndarray
    over_time: np.ndarray
    pace: np.ndarray
    nodes: int
    count: int

    def frame(self) -> pd.DataFrame:
        """Return one row a dividend: `dividend`, `start`, a column for every term by its key, and `end`."""
        columns: dict[str, Any] = {
            "dividend": [name or "baseline" for name in self.dividends],
            "start": self.start,
        }
        for g, parameter in enumerate(self.terms):
            columns[parameter.key] = self.parts[:, g]
        columns["end"] = self.end
        return pd.DataFrame(columns)

    def dividend_frame(self, dividend: str) -> pd.DataFrame:
        """Return one row a time of one dividend: `t`, `value`, and `added[...]` and `pace[...]` of every term.

        Raises:
            NotFound: when there is no such dividend.
        """
        s = self.row(dividend)
        value = self.start[s] + self.over_time[:, s].sum(-1)
        columns = {"t": self.times, "value": value}
        for name, values in (("added", self.over_time), ("pace", self.pace)):
            for g, parameter in enumerate(self.terms):
                columns[f"{name}[{parameter.key}]"] = values[:, s, g]
        return pd.DataFrame(columns)

    def largest_changed_dividend(self) -> str:
        """Return the joint dividend that the dynamics changed most, or the name of the only dividend if there is one
        modality.
        """
        joint = [s for s, name in enumerate(self.dividends) if "+" in name] or [-1]
        return self.dividends[max(joint, key=lambda s: abs(self.end[s] - self.start[s]))]

    def row(self, dividend: str) -> int:
        """Place of a dividend."""
        return self.dividends.index(choose("Dividend", dividend, self.dividends))


@torch.no_grad()
def aumann_shapley(
    model: FusionModel,
    inputs: Mapping[str, Features],
    background: backgrounds.Background,
    output: int = 0,
    times: Sequence[float] | np.ndarray | None = None,
) -> PathAttribution:
    """Return the contribution of every term of the dynamics to every dividend, for the mean over the given samples.

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

    Example:
        >>> from qfusion import data
        >>> from qfusion.explain import background
        >>> from qfusion.explain.path_attribution import aumann_shapley
        >>> from qfusion.training import checkpoint
        >>> parity, model = data.load("parity"), checkpoint.load("qj-parity").model
        >>> behind = background(model, parity.inputs(parity.rows("train")))
        >>> result = aumann_shapley(model, parity.inputs([parity.row("pair-6602")]), behind)
        >>> [term.key for term in result.terms]
        ['H[left]', 'H[right]', 'H[left+right]', 'D[left]', 'D[right]', 'D[left+right]']
    """
    plain, result, apart = _prepare(model, inputs, background, output)
    T = apart.T
    moments = np.array(
        states.choose_times(times, T, TIMES) if times is not None or T > 0 else [0.0]
    )
    R = dividend_operators(result)
    if apart.still:
        start = torch.einsum("sab,ba->s", R, apart.O).real.numpy()
        F = np.zeros((3, 3, len(R), len(apart.parameters)))
        end = start
        nodes = 0
    else:
        F, start, end, nodes = correlations(apart, R)
    bias = np.zeros(len(R))
    bias[0] = float(plain.bias.detach()[output])  # of the baseline
    pace = growth_rates(F)
    added = legendre.legint(pace, lbnd=-1, scl=T / 2)
    parts = added.sum(0)  # every Legendre polynomial is 1 at the end
    fewer = F.copy()
    fewer[-2:], fewer[:, -2:] = 0, 0
    quadrature_error = np.abs(parts - T * growth_rates(fewer)[0]).max(initial=0)
    sum_error = np.abs(start + parts.sum(-1) - end).max()
    error = max(float(quadrature_error), float(sum_error))
    scale = max(float(np.abs(end).max()), float(np.abs(parts).max(initial=0)), 1e-12)
    check(
        error <= TOLERANCE * scale,
        f"What each term built has an error of {error:.1e} for T = {T:g}, where {TOLERANCE * scale:.1e} is "
        "asked for. Lower the duration T or the strengths.",
    )
    x = 2 * moments / T - 1 if T else np.full(len(moments), -1.0)
    through, rate = (np.moveaxis(legendre.legval(x, series), -1, 0) for series in (added, pace))
    return PathAttribution(
        tuple(plain.modalities),
        plain.outputs[output],
        coalition_names(plain.modalities),
        apart.parameters,
        start + bias,
        end + bias,
        parts,
        error,
        background.name,
        background.samples,
        moments,
        through,
        rate,
        nodes,
        result.count,
    )


@torch.no_grad()
def aumann_shapley_over_classes(
    model: FusionModel,
    inputs: Mapping[str, Features],
    background: backgrounds.Background,
    times: Sequence[float] | np.ndarray | None = None,
) -> PathAttribution:
    """Return `aumann_shapley` for the mean over samples of the score of the class that each is decided for.

    Of a regression it is that of the score.

    Args:
        model, inputs, background, times: see `aumann_shapley`.

    Raises:
        InvalidInput: see `aumann_shapley`.
    """
    by_class = _rows_by_decision(model, inputs)
    runs = []
    for c, rows in by_class.items():
        own = evaluation.nested_part(dict(inputs), rows)
        runs.append((aumann_shapley(model, own, background, c, times), len(rows)))
    total = sum(n for _, n in runs)
    means: dict[str, Any] = {
        field: sum(getattr(entry, field) * (n / total) for entry, n in runs)
        for field in ("start", "end", "parts", "over_time", "pace")
    }
    first = runs[0][0]
    output = "the class decided for"
    if len(runs) == 1:
        output = first.output
    return replace(
        first,
        output=output,
        count=total,
        nodes=max(entry.nodes for entry, _ in runs),
        error=max(entry.error for entry, _ in runs),
        **means,
    )


def _rows_by_decision(model: FusionModel, inputs: Mapping[str, Features]) -> dict[int, Tensor]:
    """Return the rows that are decided for each class, of classes that occur."""
    decided = model(inputs).argmax(-1)
    return {c: (decided == c).nonzero()[:, 0] for c in decided.unique().tolist()}


@torch.no_grad()
def sizes_over_classes(
    model: FusionModel, inputs: Mapping[str, Features], background: backgrounds.Background
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return `SamplePathAttribution.sizes` of the score of each sample's predicted class, or of a regression.

    Args:
        model, inputs, background: see `aumann_shapley`.
    """
    total, sums = 0, [np.zeros(())] * 3
    for c, rows in _rows_by_decision(model, inputs).items():
        parts = aumann_shapley_per_sample(
            model, evaluation.nested_part(dict(inputs), rows), background, c
        ).sizes()
        sums = [old + len(rows) * part for old, part in zip(sums, parts, strict=True)]
        total += len(rows)
    start, parts_size, end = (entry / total for entry in sums)
    return start, parts_size, end


@torch.no_grad()
def aumann_shapley_per_sample(
    model: FusionModel,
    inputs: Mapping[str, Features],
    background: backgrounds.Background,
    output: int = 0,
) -> SamplePathAttribution:
    """Return the contribution of every term of the dynamics to every dividend of every sample.

    A[S, g] is the dividend of one observable, B_g = int_0^T dt 1/t int_0^t du exp(u L^+) L_g^+ O(t - u), whatever the
    sample. It is worked out once, a second at D = 64; after that many samples cost little more than explaining
    them.

    Arguments and errors as for `aumann_shapley`.
    """
    plain, result, apart = _prepare(model, inputs, background, output)
    O = torch.stack([apart.O, *attribution_observables(apart)])
    encoded = plain.encode(inputs)
    kets = (encoded[name].to(torch.complex128).split(CHUNK) for name in plain.modalities)
    values = torch.cat(
        [coalition_values(O, chunk, result.background) for chunk in zip(*kets, strict=True)]
    )
    parts = coalition_algebra.dividends(values.numpy(), len(plain.modalities))
    parts[:, 0, :2] += float(plain.bias.detach()[output])  # of the baseline
    start, end, parts = parts[..., 0], parts[..., 1], parts[..., 2:]
    return SamplePathAttribution(
        tuple(plain.modalities),
        plain.outputs[output],
        coalition_names(plain.modalities),
        apart.parameters,
        start,
        end,
        parts,
        float(np.abs(start + parts.sum(-1) - end).max()),
        background.name,
        background.samples,
    )


class Course(StrEnum):
    """Effect of the dynamics on the contributions."""

    NO_TERMS = "nothing evolves"
    UNCHANGED = "unchanged"
    CHANGED = "changed"


@dataclass(frozen=True)
class CourseSummary:
    """Change of the joint contributions by the dynamics, or of the own contribution if there is one modality.

    Attributes:
        kind: of course. joint: whether these are the joint contributions.
        start, end: sum of their sizes. shares: of the sizes of all changes by the title of the term, the largest first.
    """

    kind: Course
    joint: bool
    start: float
    end: float
    shares: Mapping[str, float]


def summarise(result: PathAttribution) -> CourseSummary:
    """Return how the dynamics changed the joint contributions, and which terms did it."""
    joint = np.array(["+" in name for name in result.dividends])
    which = joint if joint.any() else np.array([bool(name) for name in result.dividends])
    done = np.abs(result.parts[which]).sum(0)
    start, end = (float(np.abs(entry[which]).sum()) for entry in (result.start, result.end))
    shares = {}
    kind = Course.NO_TERMS
    if result.terms:
        kind = Course.UNCHANGED
        if done.sum() > SMALL:
            kind = Course.CHANGED
            order = np.argsort(-done, kind="stable")
            shares = {result.terms[g].title: float(done[g] / done.sum()) for g in order}
    return CourseSummary(kind, bool(joint.any()), start, end, shares)


@torch.no_grad()
def _prepare(
    model: FusionModel,
    inputs: Mapping[str, Features],
    background: backgrounds.Background,
    output: int,
) -> tuple[Evolution, JumpTerms, DecomposedGenerator]:
    model = base.to_double(model)
    evolution = model.require(Evolution, "that could build anything")
    check_output(model, output)
    terms = JumpTerms.of(evolution, inputs, model.algebra.check_background(background), output)
    return evolution, terms, DecomposedGenerator.from_model(evolution, terms, output)
