"""What every coalition of modalities contributes to a decision, exactly: coalition values of a sample or of
many, and the dividends, Shapley values and interaction indices that add up from them, at one time, along time
and along layers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.explain import network_rows
from qfusion.explain.backgrounds import (
    AnyBackground,
    Background,
    SampleBackground,
    fitting,
    rest_state,
)
from qfusion.models import (
    EntangledQCNN,
    Features,
    FusionModel,
    TimeModel,
    base,
    can,
    require,
)
from qfusion.quantum import decomposition, states

# What coalition values add up from: Harsanyi dividends, Shapley values, interaction indices of cooperative games.


def dividends(values: np.ndarray, M: int) -> np.ndarray:
    """Returns the Harsanyi dividends sum_{R in S} (-1)^{|S|-|R|} v(R) of values (..., 2^M, C) ordered as `subsets`."""
    return np.einsum("sr,...rc->...sc", signs(M), values)


def signs(M: int) -> np.ndarray:
    """Returns the matrix from coalition values to dividends, (2^M, 2^M), in the order of `subsets`."""
    order = decomposition.subsets(M)
    return np.array(
        [[(-1.0) ** (len(S) - len(R)) if set(R) <= set(S) else 0.0 for R in order] for S in order]
    )


def shapley(dividend: np.ndarray, M: int) -> np.ndarray:
    """Returns phi_m = sum_{S containing m} dividend(S) / |S|, (..., M, C)."""
    order = decomposition.subsets(M)
    weights = np.array([[1.0 / len(S) if m in S else 0.0 for S in order] for m in range(M)])
    return np.einsum("ms,...sc->...mc", weights, dividend)


def interaction(dividend: np.ndarray, M: int) -> np.ndarray:
    """Returns the Shapley interaction index of every pair of players, sum_{S containing i, j} dividend(S) / (|S| - 1).

    It is the mean over orders in which the two stand as one of what they add together beyond what each adds alone
    (Grabisch and Roubens 1999, equation for dividends); for M = 2 it is the joint dividend.

    Args:
        dividend: (..., 2^M, C) in the order of `subsets`.

    Returns:
        (..., M, M, C), symmetric, with 0 on the diagonal, where the index is not defined.
    """
    order = decomposition.subsets(M)
    weights = np.array(
        [
            [
                [1.0 / (len(S) - 1) if i != j and i in S and j in S else 0.0 for S in order]
                for j in range(M)
            ]
            for i in range(M)
        ]
    )
    return np.einsum("ijs,...sc->...ijc", weights, dividend)


# Coalition values of any fusion model, by evaluation: the model fuses what the sample's modalities come to with what a
# row's come to.
#
#     v(S) = mean over background rows n of y(x_S, x_n without S)
#
# No structure is asked of the model but `FusionModel`: modalities are encoded once, and only the
# fusion is run for every coalition and row. Against all rows the values are exact; against some of
# them, drawn at random without replacement, each has a standard error with the correction for a
# finite population (Cochran 1977, "Sampling techniques", section 2.6). All coalitions of a sample
# see the same rows, so that errors of dividends are those of differences within a row.

CHUNK = 2048  # samples times rows that are fused at once


def evaluated_values(
    model: FusionModel, states: Mapping[str, Any], background: SampleBackground
) -> tuple[np.ndarray, np.ndarray]:
    """Returns v(S) with the bias, (B, 2^M, C), and standard errors of its dividends, same shape, 0 against all rows.

    Args:
        model: in double precision and eval mode.
        states: of B samples, as `FusionModel.encode` gives them.
        background: of the same model.
    """
    M, rows = len(model.modalities), background.size
    means, spreads = [], []
    for scores in over_all_rows(model, states, background, decomposition.subsets(M)):
        means.append(scores.mean(2))
        spreads.append(dividends(scores.swapaxes(1, 2), M).std(1, ddof=min(1, rows - 1)))
    left = 1 - rows / max(background.total, rows)
    return np.concatenate(means), np.concatenate(spreads) * np.sqrt(left / rows)


def _split(states: Mapping[str, Any], step: int) -> Iterator[dict[str, Any]]:
    """So many rows at a time."""
    for start in range(0, base.nested_length(states), step):
        yield base.nested_part(dict(states), slice(start, start + step))


def over_all_rows(
    model: FusionModel,
    states: Mapping[str, Any],
    background: SampleBackground,
    order: list[decomposition.Subset],
) -> Iterator[np.ndarray]:
    """Yields scores (B, coalitions, N, C) of some samples at a time, no more than some hundred megabytes of them."""
    numbers = len(order) * background.size * len(model.outputs)
    for some in _split(states, max(1, 2**23 // numbers)):
        parts = [over_rows(model, some, rows, order) for rows in _split(background.states, CHUNK)]
        yield np.concatenate(parts, 2)


def value(
    model: FusionModel,
    states: Mapping[str, Any],
    background: SampleBackground,
    missing: Collection[str],
) -> np.ndarray:
    """Returns v(all but the missing modalities) with the bias, (B, C).

    Raises:
        NotFound: when a modality does not exist.
    """
    for name in missing:
        choose("Modality", name, model.modalities)
    present = tuple(m for m, name in enumerate(model.modalities) if name not in missing)
    blocks = over_all_rows(model, states, background, [present])
    return np.concatenate([scores[:, 0].mean(1) for scores in blocks])


@torch.no_grad()
def over_rows(
    model: FusionModel,
    states: Mapping[str, Any],
    rows: Mapping[str, Any],
    order: list[decomposition.Subset],
) -> np.ndarray:
    """Returns the scores of B samples, each coalition fused with R rows: (B, 2^M, R, C)."""
    many = base.nested_length(rows)
    nothing = model.scores(rows) if () in order else None  # the same for every sample
    parts = []
    for few in _split(states, max(1, CHUNK // many)):
        count = base.nested_length(few)
        own, theirs = base.nested_repeated(few, many), base.nested_tiled(dict(rows), count)
        scores = []
        for subset in order:
            if len(subset) == len(model.modalities):  # the same for every row
                fused = model.scores(few)[:, None].expand(-1, many, -1)
            elif not subset and nothing is not None:
                fused = nothing[None].expand(count, -1, -1)
            else:
                mixed = {
                    name: (own if m in subset else theirs)[name]
                    for m, name in enumerate(model.modalities)
                }
                fused = model.scores(mixed).unflatten(0, (count, many))
            scores.append(fused.double().numpy())
        parts.append(np.stack(scores, 1))
    return np.concatenate(parts)


# Exact coalition values, Harsanyi dividends and Shapley values of the modalities of one model.
#
# For QiNN-QJ, below; for the entangled fusion network see `rows.py` and `marginals.py`, for any other model
# `evaluation.py`.
#
# The score is linear in every modality's state: y = Tr[O rho_1 x ... x rho_M] + b. The interventional value of a
# coalition S against a background with mean state sigma is therefore exact without sampling,
#
#     v(S) = E_background[y(x_S, x'_rest)] = <psi_S| O_S |psi_S> + b,    O_S = Tr_rest[O (1_S x sigma_rest)],
#
# where the marginal observables O_S do not depend on the sample (interventional values: Janzing,
# Minorics, Bloebaum 2020; dividends: Harsanyi 1963; Shapley 1953).


@dataclass(frozen=True)
class Explanation:
    """Exact contributions for B samples and C outputs; `through_time` and `through_layers` add a leading axis.

    Attributes:
        modalities: names, M of them.
        outputs: names, C of them.
        coalitions: names of the 2^M subsets, "" first, then "text", ..., "text+audio", ...
        values: v(S), (..., B, 2^M, C), with the bias; v of the full coalition is the prediction.
        dividends: Harsanyi dividends, same shape; the one of "" is the baseline v(""), and all of them add up to the
            prediction.
        shapley: (..., B, M, C); with the baseline they add up to the prediction.
        background: name of the background, such as "joint" or "cohort of 37 samples 'conflict'".
        background_size: samples averaged over.
        moments: names of the leading axis, where it is one of layers.
        errors: standard errors of the dividends, (B, 2^M, C), where the background is some of the rows it stands for;
            else None.
    """

    modalities: tuple[str, ...]
    outputs: tuple[str, ...]
    coalitions: tuple[str, ...]
    values: np.ndarray
    dividends: np.ndarray
    shapley: np.ndarray
    background: str
    background_size: int
    moments: tuple[str, ...] = ()
    errors: np.ndarray | None = None

    @cached_property
    def interaction(self) -> np.ndarray:
        """Shapley interaction index of any two modalities, (..., B, M, M, C), 0 on the diagonal; see `interaction`."""
        return interaction(self.dividends, len(self.modalities))

    @property
    def prediction(self) -> np.ndarray:
        """Scores (..., B, C)."""
        return self.values[..., -1, :]

    @property
    def baseline(self) -> np.ndarray:
        """The mean score over the background, v(""), (..., C)."""
        return self.values[..., 0, 0, :]

    def frame(self, ids: Sequence[str], output: int = 0) -> pd.DataFrame:
        """Returns one row per sample: prediction, baseline, every dividend, Shapley value and interaction index of one
        output."""
        check(
            self.values.ndim == 3,
            "An explanation through time or layers has no single table; take one moment of it with `at`.",
        )
        columns = {
            "prediction": self.prediction[:, output],
            "baseline": self.values[:, 0, output],
            **{
                f"dividend[{name}]": self.dividends[:, s, output]
                for s, name in enumerate(self.coalitions)
                if name
            },
            **{
                f"shapley[{name}]": self.shapley[:, m, output]
                for m, name in enumerate(self.modalities)
            },
            **{
                f"interaction[{decomposition.subset_name(pair, self.modalities)}]": self.interaction[
                    :, *pair, output
                ]
                for pair in combinations(range(len(self.modalities)), 2)
            },
        }
        return pd.DataFrame(columns, index=pd.Index(list(ids), name="sample"))

    def at(self, moment: int) -> Explanation:
        """Returns the explanation at one place of the leading axis."""
        check(self.values.ndim == 4, "This explanation has no leading axis. Use it as it is.")
        check(
            -len(self.values) <= moment < len(self.values),
            f"Argument `moment` must be a place from 0 to {len(self.values) - 1}, but is {moment}.",
        )
        return replace(
            self,
            values=self.values[moment],
            dividends=self.dividends[moment],
            shapley=self.shapley[moment],
            moments=(),
        )


def marginal_observables(
    observables: Tensor, background: Background
) -> dict[decomposition.Subset, Tensor]:
    """Returns O_S = Tr_rest[O (1_S x sigma_rest)], (C, d_S, d_S), for every subset S of the modalities.

    Args:
        observables: O_c, (C, D, D), complex128.
        background: whose mean state fills in for the modalities outside S.
    """
    dims, C = background.dims, len(observables)
    M = len(dims)
    marginals = {}
    for subset in decomposition.subsets(M):
        rest = [m for m in range(M) if m not in subset]
        order = [
            0,
            *(1 + m for m in subset),
            *(1 + m for m in rest),
            *(1 + M + m for m in subset),
            *(1 + M + m for m in rest),
        ]
        sigma = rest_state(background.sigma, dims, subset)
        r = len(sigma)
        O = (
            observables.reshape(C, *dims, *dims)
            .permute(order)
            .reshape(C, len(background.sigma) // r, r, -1, r)
        )
        marginals[subset] = torch.einsum("carbs,sr->cab", O, sigma)
    return marginals


def coalition_values(observables: Tensor, kets: Sequence[Tensor], background: Background) -> Tensor:
    """Returns v(S) without the bias, (B, 2^M, C), in the order of `subsets`."""
    nothing = kets[0].new_ones(len(kets[0]), 1)
    values = [
        base.expectation(O, states.product([kets[m] for m in subset]) if subset else nothing)
        for subset, O in marginal_observables(observables, background).items()
    ]
    return torch.stack(values, 1)


def explain(
    model: FusionModel, inputs: Mapping[str, Features], background: AnyBackground
) -> Explanation:
    """Returns the exact contributions of every modality and combination to the scores of every sample.

    Args:
        model: a trained model in eval mode.
        inputs: features of B samples.
        background: see `background`.
    """
    with torch.no_grad():
        return explain_states(model, model.encode(inputs), background)


@torch.no_grad()
def explain_states(
    model: FusionModel, states: Mapping[str, Any], background: AnyBackground
) -> Explanation:
    """Returns the contributions to the scores of what the modalities of B samples come to, as of `model.encode`."""
    if not can(model, "states"):
        values, errors = evaluated_values(model, states, fitting(model, background))
        return of_values(model, values, background, errors if background.is_drawn else None)
    explanation = _linear(model, states, background)
    if not background.is_drawn or isinstance(background, SampleBackground):
        return explanation
    parts = np.stack([_linear(model, states, part).dividends for part in background.parts()])
    left = (1 - background.size / background.total) / len(parts)
    return replace(explanation, errors=parts.std(0, ddof=1) * np.sqrt(left))


def _linear(
    model: FusionModel,
    states: Mapping[str, Tensor],
    background: AnyBackground,
    along: Tensor | None = None,
) -> Explanation:
    """Of a model whose scores are linear in states, along its leading axis where observables (T, C, ...) are given."""
    bias = require(model, "states").bias.detach().double()
    of = _of_rows if can(model, "masses") else _of_kets
    values = of(model, states, background, None if along is None else along.flatten(0, 1))
    if along is not None:
        values = values.unflatten(2, along.shape[:2]).movedim(2, 0)
    return of_values(model, (values + bias).numpy(), background)


def through_time(
    model: TimeModel,
    inputs: Mapping[str, Features],
    background: AnyBackground,
    times: Sequence[float],
) -> Explanation:
    """Returns the contributions to Tr[O_c(t) rho_0] + b for every t: what the read-out would say at t.

    Shapes have a leading axis nT.
    """
    with torch.no_grad():
        return _linear(model, model.encode(inputs), background, model.observables(times))


def through_layers(
    model: EntangledQCNN, inputs: Mapping[str, Features], background: AnyBackground
) -> Explanation:
    """Returns the contributions to what the read-out would say if the circuit stopped at each of
    `model.network.moments()`.

    Those are the fused qubits ("input"), then after the convolution and after the pooling of each layer. Later gates,
    convolution blocks and the rotations that pooling conditions, are left out; every qubit is still measured and the
    head is the same. Shapes have a leading axis, whose names are in `moments`; its last place is `explain`.
    """
    check(
        can(model, "layers"),
        f"Argument `model` must be an entangled-qcnn, but is a {getattr(model, 'kind', type(model))}. Use "
        "`through_time` for one that evolves.",
    )
    check(
        type(model).observables is EntangledQCNN.observables,
        "Argument `model` must be a model without noise: its read-out errors have no place between the layers. Use "
        "the bare model.",
    )
    names, places = zip(*model.network.moments(), strict=True)
    with torch.no_grad():
        O = torch.stack(
            [
                model.observables()
                if done == len(model.network.steps)
                else model.network.observables(last=done)
                for done in places
            ]
        )
        return replace(_linear(model, model.encode(inputs), background, O), moments=names)


def through(
    model: FusionModel,
    inputs: Mapping[str, Features],
    background: AnyBackground,
    points: base.Points,
) -> Explanation:
    """Returns the contributions to what the read-out would say at each point of a model, see `FusionModel.points`.

    Args:
        model, inputs, background: as for `explain`. points: of this model.

    Raises:
        InvalidInput: when the model cannot be read out there.
    """
    if points.kind == "time":
        return through_time(require(model, "time"), inputs, background, points.positions)
    return through_layers(require(model, "layers"), inputs, background)


def _of_kets(
    model: FusionModel,
    states: Mapping[str, Tensor],
    background: AnyBackground,
    O: Tensor | None,
) -> Tensor:
    kets = [states[name].to(torch.complex128) for name in model.modalities]
    O = require(model, "kets").observables() if O is None else O
    return coalition_values(O.to(torch.complex128), kets, fitting(model, background))


def _of_rows(
    model: FusionModel,
    states: Mapping[str, Tensor],
    background: AnyBackground,
    O: Tensor | None,
) -> Tensor:
    network = require(model, "masses")
    behind = fitting(model, background)
    masses = torch.stack([states[name].double() for name in model.modalities], -1)
    if behind.kind == "product":
        return network_rows.marginal_values(network, masses, behind.distributions, O)
    return network_rows.row_values(network, masses, behind.masses, O)


def of_values(
    model: FusionModel,
    v: np.ndarray,
    background: AnyBackground,
    errors: np.ndarray | None = None,
) -> Explanation:
    """Returns the explanation that coalition values with the bias, (..., B, 2^M, C) in the order of `subsets`, make."""
    M = len(model.modalities)
    dividend = dividends(v, M)
    return Explanation(
        model.modalities,
        model.outputs,
        tuple(decomposition.subset_name(s, model.modalities) for s in decomposition.subsets(M)),
        v,
        dividend,
        shapley(dividend, M),
        background.name,
        background.size,
        errors=errors,
    )


# Short readings of exact contributions: shares of the modalities, and of the joint terms.


def shares(explanation: Explanation) -> np.ndarray:
    """Returns |phi_m| / sum |phi|, (..., B, M, C): the MM-SHAP share of each modality (Parcalabescu and Frank 2023).

    Where every Shapley value is zero, the shares are equal.
    """
    return shares_of(explanation.shapley, -2)


def shares_of(shapley: np.ndarray, axis: int = -1) -> np.ndarray:
    """Returns |phi_m| / sum |phi| of Shapley values whose modalities lie along an axis, in their shape; equal shares
    where all are zero."""
    size = np.abs(shapley)
    total = size.sum(axis, keepdims=True)
    return np.where(total > 0, size / np.where(total > 0, total, 1), 1 / size.shape[axis])


def joint_share(dividends: Mapping[str, np.ndarray]) -> np.ndarray:
    """Returns the joint terms' part of the sizes of all terms but the baseline, (T,); 0 where all are 0."""
    joint = sum((np.abs(v) for t, v in dividends.items() if "+" in t), start=np.zeros(1))
    total = sum((np.abs(v) for t, v in dividends.items() if t and "+" not in t), start=joint)
    return np.where(total > 0, joint / np.where(total > 0, total, 1), 0.0)
