"""What every coalition of modalities contributes to a decision, exactly: coalition values of a sample or of
many, at one time, along time and along layers. What adds up from them is in `games`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, reduce
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.explain import games
from qfusion.explain.backgrounds import (
    AnyBackground,
    Background,
    SampleBackground,
    fitting,
    rest_state,
)
from qfusion.explain.games import (
    dividends as dividends,
    interaction as interaction,
    shapley as shapley,
)
from qfusion.models import (
    EntangledQCNN,
    Features,
    FusionModel,
    TimeModel,
    base,
    can,
    ket_model,
    nested,
    require,
)
from qfusion.models.qcnn import evaluate, products
from qfusion.models.truth_tables import fuse, patterns, probabilities
from qfusion.quantum import decomposition, states
from qfusion.quantum.arrays import takes_arrays

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
# Against "product" the rows are combinations: each modality's rows in an order of their own. That is
# a Latin hypercube sample of all N^M combinations (McKay, Beckman and Conover 1979), each row of each
# modality once: the mean is exact where one modality alone is absent. The errors are those of
# independent draws, and rather too large: they count what each modality adds alone, which evens out.

CHUNK = 2048  # samples times rows that are fused at once


def evaluated_values(
    model: FusionModel, states: Mapping[str, Any], background: SampleBackground
) -> tuple[np.ndarray, np.ndarray]:
    """Returns v(S) with the bias, (B, 2^M, C), and standard errors of its dividends, same shape: 0 where `is_exact`.

    Args:
        model: in double precision and eval mode.
        states: of B samples, as `FusionModel.encode` gives them.
        background: of the same model.
    """
    M, rows = len(model.modalities), background.size
    parts = [
        (scores.mean(2), dividends(scores.swapaxes(1, 2), M).std(1, ddof=min(1, rows - 1)))
        for scores in over_all_rows(model, states, background, decomposition.subsets(M))
    ]
    means, spreads = map(np.concatenate, zip(*parts, strict=True))
    return means, spreads * np.sqrt(1 / rows - 1 / background.population)


def _split(states: Mapping[str, Any], step: int) -> Iterator[dict[str, Any]]:
    """So many rows at a time."""
    for start in range(0, nested.nested_length(states), step):
        yield nested.nested_part(dict(states), slice(start, start + step))


def over_all_rows(
    model: FusionModel,
    states: Mapping[str, Any],
    background: SampleBackground,
    order: list[decomposition.Subset],
) -> Iterator[np.ndarray]:
    """Yields scores (B, coalitions, N, C) of some samples at a time, no more than some hundred megabytes of them."""
    numbers = len(order) * background.size * len(model.outputs)
    for some in _split(states, max(1, 2**23 // numbers)):
        yield np.concatenate(
            [over_rows(model, some, rows, order) for rows in _split(background.states, CHUNK)], 2
        )


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
    gone = {choose("Modality", name, model.modalities) for name in missing}
    present = tuple(m for m, name in enumerate(model.modalities) if name not in gone)
    return np.concatenate(
        [scores[:, 0].mean(1) for scores in over_all_rows(model, states, background, [present])]
    )


@torch.no_grad()
def over_rows(
    model: FusionModel,
    states: Mapping[str, Any],
    rows: Mapping[str, Any],
    order: list[decomposition.Subset],
) -> np.ndarray:
    """Returns the scores of B samples, each coalition fused with R rows: (B, 2^M, R, C)."""
    many = nested.nested_length(rows)
    nothing = model.scores(rows) if () in order else None  # the same for every sample
    parts = []
    for few in _split(states, max(1, CHUNK // many)):
        count = nested.nested_length(few)
        own, theirs = nested.nested_repeated(few, many), nested.nested_tiled(dict(rows), count)
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
# For QiNN-QJ, below; for the entangled fusion network see `row_values` and `marginal_values`, for any other model
# `evaluated_values`.
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
        errors: standard errors of the dividends, (B, 2^M, C), where the background is some of the rows, or of the
            combinations of rows, that it stands for; else None.
        logit_scale: factor by which scores are multiplied before a softmax, as of the model.
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
    logit_scale: float = 1.0

    @cached_property
    def interaction(self) -> np.ndarray:
        """Shapley interaction index of any two modalities, (..., B, M, M, C), 0 on the diagonal; see `interaction`."""
        return interaction(self.dividends, len(self.modalities))

    @property
    def prediction(self) -> np.ndarray:
        """Scores (..., B, C)."""
        return self.values[..., -1, :]

    @property
    def logits(self) -> np.ndarray:
        """Coalition values (..., B, 2^M, C) in the units of a softmax; of a regression the values themselves."""
        return self.logit_scale * self.values

    @property
    def baseline(self) -> np.ndarray:
        """The mean score over the background, v(""), (..., C)."""
        return self.values[..., 0, 0, :]

    def frame(self, ids: Sequence[str], output: int | np.ndarray = 0) -> pd.DataFrame:
        """Returns one row per sample: prediction, baseline, every dividend, Shapley value and interaction index.

        Args:
            ids: of the B samples.
            output: number of the explained output, of all samples or of each, (B,).
        """
        check(
            self.values.ndim == 3,
            "An explanation through time or layers has no single table; take one moment of it with `at`.",
        )
        rows = np.arange(len(self.values))
        values, dividends = self.values[rows, :, output], self.dividends[rows, :, output]
        columns = {"prediction": values[:, -1], "baseline": values[:, 0]}
        for s, name in enumerate(self.coalitions):
            if name:
                columns[f"dividend[{name}]"] = dividends[:, s]
        shapley = self.shapley[rows, :, output]
        for m, name in enumerate(self.modalities):
            columns[f"shapley[{name}]"] = shapley[:, m]
        interaction = self.interaction[rows, :, :, output]
        for pair in combinations(range(len(self.modalities)), 2):
            name = decomposition.subset_name(pair, self.modalities)
            columns[f"interaction[{name}]"] = interaction[:, *pair]
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


@takes_arrays
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


@takes_arrays
def coalition_values(observables: Tensor, kets: Sequence[Tensor], background: Background) -> Tensor:
    """Returns v(S) without the bias, (B, 2^M, C), in the order of `subsets`."""
    nothing = kets[0].new_ones(len(kets[0]), 1)
    values = [
        ket_model.expectation(O, states.product([kets[m] for m in subset]) if subset else nothing)
        for subset, O in marginal_observables(observables, background).items()
    ]
    return torch.stack(values, 1)


@torch.no_grad()
def explain(
    model: FusionModel, inputs: Mapping[str, Features], background: AnyBackground
) -> Explanation:
    """Returns the exact contributions of every modality and combination to the scores of every sample.

    Args:
        model: a trained model in eval mode.
        inputs: features of B samples.
        background: see `background`.
    """
    return explain_states(model, model.encode(inputs), background)


@torch.no_grad()
def explain_states(
    model: FusionModel, states: Mapping[str, Any], background: AnyBackground
) -> Explanation:
    """Returns the contributions to the scores of what the modalities of B samples come to, as of `model.encode`."""
    if not can(model, "states"):
        values, errors = evaluated_values(model, states, fitting(model, background))
        return of_values(model, values, background, None if background.is_exact else errors)
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


@torch.no_grad()
def through_time(
    model: TimeModel,
    inputs: Mapping[str, Features],
    background: AnyBackground,
    times: Sequence[float],
) -> Explanation:
    """Returns the contributions to Tr[O_c(t) rho_0] + b for every t: what the read-out would say at t.

    Shapes have a leading axis nT.
    """
    return _linear(model, model.encode(inputs), background, model.observables(times))


@torch.no_grad()
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
        return marginal_values(network, masses, behind.distributions, O)
    return row_values(network, masses, behind.masses, O)


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
        logit_scale=model.logit_scale,
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


def net_joint_share(dividends: Mapping[str, np.ndarray]) -> np.ndarray:
    """Returns |J| / (|U| + |J|) of what joint terms (J) and terms of single modalities (U) sum to, (T,); 0 where both
    are 0. Above one half the joint terms decide, as in `verdicts.relations`."""
    joint = sum((v for t, v in dividends.items() if "+" in t), start=np.zeros(1))
    own = sum((v for t, v in dividends.items() if t and "+" not in t), start=np.zeros(1))
    size = np.abs(own) + np.abs(joint)
    return np.where(size > 0, np.abs(joint) / np.where(size > 0, size, 1), 0.0)


def joint_share(dividends: Mapping[str, np.ndarray]) -> np.ndarray:
    """Returns the joint terms' part of the sizes of all terms but the baseline, (T,); 0 where all are 0."""
    joint = sum((np.abs(v) for t, v in dividends.items() if "+" in t), start=np.zeros(1))
    total = sum((np.abs(v) for t, v in dividends.items() if t and "+" not in t), start=joint)
    return np.where(total > 0, joint / np.where(total > 0, total, 1), 0.0)


# Exact coalition values of an EntangledQCNN against every row of a background.
#
# The score is sum_w O_w prod_i f_i,w with one factor f_i = (1, <X>, <Z>) per fused qubit, linear in each modality's
# mass p_mi. With G_i(b) the factor when modality m's qubit i reads b, prod_i f_i = (G_1 x ... x G_n) s with s the
# modality's 2^n outcome probabilities. So the mean over the background is exact, and cheap where one modality alone
# is absent (its mean s serves every sample) or alone is present (the mean of the products of G serves every sample).
# Under one table G is linear in the outcomes of the other modalities, whose mean is taken: 4^n numbers of three; in a
# chain it holds five numbers a qubit, as the 1 in f does not depend on b. Otherwise the factors of all pairs of
# sample and row are multiplied and averaged, which is also the quickest for a few samples.

_NUMBERS = 10_000_000  # most numbers held at once
_ONE_BY_ONE = 6  # modalities up to which each coalition is worked out on its own
Value = Callable[
    [Tensor, decomposition.Subset], Tensor
]  # masses (B, n, M) and S -> v(S) without the bias, (B, C)


def row_values(
    model: EntangledQCNN, masses: Tensor, rows: Tensor, observables: Tensor | None = None
) -> Tensor:
    """Returns v(S) without the bias, (B, 2^M, C), in the order of `subsets`.

    Args:
        model: in double precision.
        masses: of the samples, (B, n, M).
        rows: of the background, (N, n, M).
        observables: other ones than the model's, (C, 3, ..., 3).
    """
    O, M = (model.observables() if observables is None else observables).double(), masses.shape[-1]
    phi = model.phi.double()
    if M > _ONE_BY_ONE:
        return torch.stack([_rows_of_chain(O, phi, sample, rows) for sample in masses])
    return torch.stack([_value(O, phi, masses, rows, S) for S in decomposition.subsets(M)], 1)


def _value(O: Tensor, phi: Tensor, masses: Tensor, rows: Tensor, S: decomposition.Subset) -> Tensor:
    rest = [m for m in range(masses.shape[-1]) if m not in S]
    match rest, S:
        case [], _:
            return evaluate(O, fuse(masses, phi)[0])
        case _ if len(masses) <= 8:  # pairs with all rows cost less than what serves every sample
            return _pairs(O, phi, masses, rows, S)
        case _, ():
            return evaluate(O, fuse(rows, phi)[0]).mean(0).expand(len(masses), -1)
        case [m], _:
            return one_absent(O, phi, masses, probabilities(rows[..., m]).mean(0), m)
        case _, (m,):
            return probabilities(masses[..., m]) @ pulled_back(O, phi, rows, m).T
        case _:
            return _pairs(O, phi, masses, rows, S)


def _rows_of_chain(O: Tensor, phi: Tensor, sample: Tensor, rows: Tensor) -> Tensor:
    """The values of all coalitions of one sample (n, M) that is fused one modality after another, (2^M, C).

    What a stage reads of the stages before it depends on the modalities fused so far alone, so coalitions that agree on
    these share it: 2^k masses a qubit and row after k modalities, where coalition by coalition there were M 2^M.
    """
    N, n, M = rows.shape
    k = n // 2
    tables = stage_tables(phi)
    total = O.new_zeros(2**M, len(O))
    for chunk in rows.split(max(1, _NUMBERS // (2**M * max(n, 3 ** (n - k))))):
        # masses of the fused qubits by coalition (as bit masks) of the modalities so far, row and qubit
        fused = torch.stack([chunk[..., 0], sample[:, 0].expand(len(chunk), -1)])
        for stage, table in enumerate(tables):
            mixed = [_mixed(table, fused, part[..., stage + 1]) for part in (chunk, sample)]
            factors = torch.cat(mixed)
            fused = factors[..., 1]
        parts = factors.split(max(1, _NUMBERS // 3**n))
        means = [_summed_products(part, k) @ O.flatten(1).T for part in parts]
        total += torch.cat(means)
    return total[_places_of_masks(M)] / N


def _mixed(table: Tensor, fused: Tensor, masses: Tensor) -> Tensor:
    """What a stage's table (n, out, 2, 2) says of fused masses (K, R, n) and a modality's masses (..., n):
    (K, R, n, out)."""
    absent, present = table.unbind(-1)
    met = absent + masses[..., None, None] * (present - absent)
    zero, one = met.unbind(-1)
    return zero + fused[..., None] * (one - zero)


def _summed_products(factors: Tensor, k: int) -> Tensor:
    """The products of factors (K, R, n, 3) over all qubits, the first k apart, summed over the rows: (K, 3^n)."""
    left, right = (
        states.product(list(half.unbind(2))) for half in (factors[:, :, :k], factors[:, :, k:])
    )
    return (left.mT @ right).flatten(1)


def _places_of_masks(M: int) -> Tensor:
    """The coalitions in the order of `subsets` as bit masks, bit m of modality m: (2^M,)."""
    return torch.from_numpy(games.masks(M))


def _given(masses: Tensor, phi: Tensor, m: int) -> Tensor:
    """The factors f_i when modality m's qubit i reads 0 or 1: (B, n, 3, 2)."""
    place = torch.tensor([m])
    return torch.stack([fuse(masses.index_fill(-1, place, at), phi)[0] for at in (0.0, 1.0)], -1)


def legs(T: Tensor, G: Tensor) -> Tensor:
    """Returns T (R, K, in^n) with G[:, i] (R, out, in) applied to leg i: (R, K, out^n)."""
    R, n, _, size = G.shape
    # Of each half one matrix: two products of large matrices, where a leg at a time had thousands of small ones.
    left, right = (states.kron(half.unbind(1)) for half in (G[:, : n // 2], G[:, n // 2 :]))
    T = T.reshape(R, T.shape[1], size ** (n // 2), -1)
    return (left[:, None] @ T @ right[:, None].mT).flatten(2)


def one_absent(O: Tensor, phi: Tensor, masses: Tensor, mean: Tensor, m: int) -> Tensor:
    """Returns the scores (B, C) with modality m alone absent, whose qubits' outcomes are distributed as `mean`,
    (2^n,)."""
    return torch.cat(
        [
            legs(mean.expand(len(chunk), 1, -1), _given(chunk, phi, m))[:, 0] @ O.flatten(1).T
            for chunk in masses.split(max(1, _NUMBERS // (2 * O[0].numel())))
        ]
    )


def pulled_back(O: Tensor, phi: Tensor, rows: Tensor, m: int) -> Tensor:
    """The mean over rows of the observables that modality m alone sees: (C, 2^n)."""
    n, M = rows.shape[1:]
    if phi.shape[1] == 1:
        return observed(
            O, phi, _mean_products(probabilities(rows[..., [r for r in range(M) if r != m]])), m
        )
    k = n // 2
    mean = torch.zeros(5**k, 5 ** (n - k), dtype=O.dtype)
    for chunk in rows.split(max(1, _NUMBERS // 5 ** (n - k))):
        mean += len(chunk) * _mean_products(_five(*_given(chunk, phi, m).unbind(-1)))
    return read_out(O, mean / len(rows), n)


def _mean_products(factors: Tensor) -> Tensor:
    """The mean over rows of the products of factors (N, n, K) over all qubits: (K^(n // 2), K^(n - n // 2))."""
    N, n, K = factors.shape
    k = n // 2
    parts = [
        products(chunk, range(k)).T @ products(chunk, range(k, n))
        for chunk in factors.split(max(1, _NUMBERS // K ** (n - k)))
    ]
    return torch.stack(parts).sum(0) / N


def _five(zero: Tensor, one: Tensor) -> Tensor:
    """The five letters of the factors (..., 3) that apply where a qubit reads 0 and where it reads 1: (..., 5), see
    `read_out`."""
    return torch.stack([zero[..., 0], zero[..., 1], one[..., 1], zero[..., 2], one[..., 2]], -1)


def observed(O: Tensor, phi: Tensor, joint: Tensor, m: int) -> Tensor:
    """Returns what modality m alone sees under one table of all: observables (C, 2^n).

    Args:
        O: of the factors, (C, 3, ..., 3).
        phi: the table's angles, (n, 1, 2^M).
        joint: probability of the outcomes of all others, 2^(M - 1) a qubit: 2^((M - 1) n) numbers.
        m: the modality.
    """
    n, M = len(phi), (phi.shape[-1] - 1).bit_length()
    bits = patterns(M - 1).to(phi)[:, None].expand(-1, n, -1)
    zero, one = (
        fuse(
            torch.cat([bits[..., :m], torch.full_like(bits[..., :1], outcome), bits[..., m:]], -1),
            phi,
        )[0]
        for outcome in (0, 1)
    )
    return read_out(O, legs(joint.reshape(1, 1, -1), _five(zero, one).permute(1, 2, 0)[None]), n)


def read_out(O: Tensor, gathered: Tensor, n: int) -> Tensor:
    """Returns observables (C, 2^n) of what decides which factor applies.

    Args:
        O: of the factors, (C, 3, ..., 3).
        gathered: mean products of the factors by five letters a qubit, 5^n numbers: 1, <X> at 0, <X> at 1, <Z> at 0,
            <Z> at 1.
    """
    k = n // 2
    left, right = _places(k), _places(n - k)
    halves, mean = O.reshape(len(O), 3**k, 3 ** (n - k)), gathered.reshape(5**k, 5 ** (n - k))
    # For every outcome of the first half in turn, so that no 6^n numbers stand at once.
    return torch.cat(
        [torch.einsum("cuv,uvb->cb", halves, mean[left[:, b]][:, right]) for b in range(2**k)], -1
    )


def _places(n: int) -> Tensor:
    """Where the product of n qubits' factors stands among products of five letters, (3^n, 2^n): by word in {I, X, Z},
    by outcomes."""
    place = torch.zeros(1, 1, dtype=torch.long)
    # place among (1, <X> at 0, <X> at 1, <Z> at 0, <Z> at 1) of factor I, X, Z by outcome
    letter = torch.tensor(((0, 0), (1, 2), (3, 4)))
    for _ in range(n):
        place = (5 * place[:, None, :, None] + letter[None, :, None, :]).flatten(0, 1).flatten(1)
    return place


def _pairs(O: Tensor, phi: Tensor, masses: Tensor, rows: Tensor, S: decomposition.Subset) -> Tensor:
    present = torch.tensor([m in S for m in range(masses.shape[-1])])
    return torch.stack(
        [
            O.flatten(1)
            @ _mean_products(fuse(torch.where(present, sample, rows), phi)[0]).flatten()
            for sample in masses
        ]
    )


# Exact coalition values of an EntangledQCNN against the product of marginals: each absent modality drawn on its own.
#
# A modality's n qubits are read once, and the score is linear in the 2^n probabilities of what they read. So the mean
# over all N^k combinations of k absent modalities' rows is the score at their mean distributions, which no longer are
# products over the qubits. Where one table fuses all modalities (at most three), at most two distributions meet: 4^n
# numbers, gathered by five letters a qubit (see `read_out`) into what the third modality sees.
# In a chain each stage passes on the distribution of its fused qubits' bits, and an absent modality
# is a matrix (2^n, 2^n) on it. With n <= 10 nothing larger than 5^10 numbers (80 MB) ever stands.
# That serves every sample. For a few samples, and for derivatives, `mean_product` costs less: the
# factors of each half of the qubits are multiplied out, and the halves meet through the distributions.

_FEW = 8  # samples that are explained one by one


def marginal_values(
    model: EntangledQCNN, masses: Tensor, distributions: Tensor, observables: Tensor | None = None
) -> Tensor:
    """Returns v(S) without the bias, (B, 2^M, C), in the order of `subsets`.

    Args:
        model: in double precision.
        masses: of the samples, (B, n, M).
        distributions: mean probability of every outcome of each modality's qubits, (M, 2^n).
        observables: other ones than the model's, (C, 3, ..., 3).
    """
    O = (model.observables() if observables is None else observables).double()
    phi, M = model.phi.double(), masses.shape[-1]
    few = len(masses) <= _FEW and M <= _ONE_BY_ONE
    if phi.shape[1] > 1 and not few:
        return _marginals_of_chain(O, phi, masses, distributions)
    value = (_one_by_one if few else _one_table)(O, phi, distributions)
    # told nothing, every sample is alike
    values = [value(masses if S else masses[:1], S) for S in decomposition.subsets(M)]
    return torch.stack([part.expand(len(masses), -1) for part in values], 1)


def _one_by_one(O: Tensor, phi: Tensor, distributions: Tensor) -> Value:
    """However many modalities, of a few samples."""
    tables, words = stage_tables(phi), O.flatten(1)

    def value(masses: Tensor, S: decomposition.Subset) -> Tensor:
        if len(S) == len(distributions):
            return evaluate(O, fuse(masses, phi)[0])
        return torch.stack(
            [
                words @ mean_product(tables, distributions, {m: sample[:, m] for m in S})
                for sample in masses
            ]
        )

    return value


def stage_tables(phi: Tensor) -> list[Tensor]:
    """Returns what each stage of the fusion makes of the bits that it reads.

    Args:
        phi: angles, (n, stages, 2^k).

    Returns:
        A table (n, out, 2, ..., 2) for each stage, with an axis for each of the k bits. Of the last stage `out` counts
        1, <X> and <Z>; of the others the chances of 0 and 1, which is the first bit that the next stage reads.
    """
    n, bits = len(phi), phi.shape[-1].bit_length() - 1
    ones, last = torch.sin(phi[:, :-1] / 2).square(), phi[:, -1]
    tables = [torch.stack([1 - stage, stage], 1) for stage in ones.unbind(1)]
    tables.append(torch.stack([torch.ones_like(last), torch.sin(last), torch.cos(last)], 1))
    return [table.reshape(n, -1, *(2,) * bits) for table in tables]


def mean_product(
    tables: Sequence[Tensor], distributions: Tensor, present: Mapping[int, Tensor]
) -> Tensor:
    """Returns the mean product of all qubits' factors (1, <X>, <Z>), (3^n,), the absent modalities drawn on their own.

    It is linear in the distribution of each modality, and in the table of each qubit and stage; v(S) is its scalar
    product with an observable. It can be differentiated in all of them.

    Args:
        tables: of the stages, see `stage_tables`.
        distributions: probability of every outcome of each modality's qubits, (M, 2^n).
        present: masses (n,) of the sample's modalities in S, by number.
    """
    read: list[
        Tensor
    ] = []  # distributions of the bits that a stage reads and that are not averaged over yet
    m = 0
    for table in tables:
        while table.ndim - 2 > len(read):
            if m in present:
                zero, one = table.unbind(2 + len(read))
                mass = present[m].view(-1, *(1,) * (zero.ndim - 1))
                table = zero + mass * (one - zero)
            else:
                read.append(distributions[m])
            m += 1
        read = [_averaged(table, read)]
    return read[0]


def _averaged(table: Tensor, read: Sequence[Tensor]) -> Tensor:
    """The mean product over all qubits of a table (n, out, 2, ..., 2), (out^n,), where the bits that it reads have
    these distributions, (2^n,) each."""
    k, one = len(table) // 2, table.new_ones((1,) * (table.ndim - 1))
    left, right = (reduce(torch.kron, half.unbind(), one) for half in (table[:k], table[k:]))
    for (
        distribution
    ) in read:  # the first half's bits are summed over, and the second half's take the last place
        left = torch.tensordot(left, distribution.reshape(left.shape[1], -1), ([1], [0]))
    return (left.reshape(len(left), -1) @ right.reshape(len(right), -1).T).flatten()


def seen_alone(O: Tensor, phi: Tensor, distributions: Tensor, m: int) -> Tensor:
    """Returns the observables that modality m alone sees against the product of marginals, (C, 2^n).

    The mean score is linear in the modality's distribution: the derivative says what each outcome is worth.

    Args:
        O: of the factors, (C, 3, ..., 3).
        phi: angles, (n, stages, 2^k).
        distributions: mean probability of every outcome of each modality's qubits, (M, 2^n).
        m: the modality.
    """
    with torch.enable_grad():
        own = distributions.detach().clone().requires_grad_(True)
        values = O.detach().flatten(1) @ mean_product(stage_tables(phi.detach()), own, {})
        slopes = [torch.autograd.grad(value, own, retain_graph=True)[0] for value in values]
    return torch.stack([slope[m] for slope in slopes])


def _one_table(O: Tensor, phi: Tensor, distributions: Tensor) -> Value:
    """Up to three modalities under one table of 2^M angles."""
    M, n = len(distributions), len(phi)

    @cache
    def seen(m: int) -> Tensor:
        """The observables that modality m alone sees, (C, 2^n)."""
        others = distributions[[r for r in range(M) if r != m]]
        if len(others) == 1:
            return observed(O, phi, others[0], m)
        both = torch.outer(*others).view((2,) * 2 * n)
        return observed(O, phi, exchanged(both, 2, n).reshape(-1), m)  # leg beside leg

    def value(masses: Tensor, S: decomposition.Subset) -> Tensor:
        match [m for m in range(M) if m not in S]:
            case []:
                return evaluate(O, fuse(masses, phi)[0])
            case [m]:
                return one_absent(O, phi, masses, distributions[m], m)
            case _:
                given = probabilities(masses[..., S[0]]) if S else distributions[:1]
                return given @ seen(S[0] if S else 0).T

    return value


def _marginals_of_chain(O: Tensor, phi: Tensor, masses: Tensor, distributions: Tensor) -> Tensor:
    """The values of all coalitions of samples (B, n, M) that are fused one modality after another, (B, 2^M, C)."""
    n, M = masses.shape[1:]
    steps = _absent_stages(O, phi, distributions)
    held = 2 ** (M - 1) * 2**n + min(2 ** (M - 1) * 3**n, _NUMBERS)
    parts = [
        _marginals_of_some(O, phi, chunk, distributions[0], steps)
        for chunk in masses.split(max(1, _NUMBERS // held))
    ]
    return torch.cat(parts)[:, _places_of_masks(M)]


def _marginals_of_some(
    O: Tensor, phi: Tensor, masses: Tensor, first: Tensor, steps: Sequence[Tensor]
) -> Tensor:
    """The values of all coalitions as bit masks, (B, 2^M, C).

    Args:
        masses: (B, n, M). first: distribution of the first modality where it is absent, (2^n,).
        steps: of `_absent_stages`.
    """
    B, n = masses.shape[:2]
    tables = stage_tables(phi)
    last = len(tables) - 1
    # distributions of the fused qubits' bits by coalition of the modalities so far
    T = torch.stack([first.expand(B, -1), probabilities(masses[..., 0])], 1)
    for stage, table in enumerate(tables):
        p = masses[..., stage + 1]
        G = torch.einsum("nofm,bnm->bnof", table, torch.stack([1 - p, p], -1))
        if stage < last:
            present = legs(T, G)
        else:
            some = T.split(max(1, _NUMBERS // (B * 3**n)), 1)
            present = torch.cat([legs(part, G) @ O.flatten(1).T for part in some], 1)
        T = torch.cat([T @ steps[stage], present], 1)
    T[:, -1] = evaluate(O, fuse(masses, phi)[0])
    return T


def _absent_stages(O: Tensor, phi: Tensor, distributions: Tensor) -> list[Tensor]:
    """What each stage does whose modality is absent: (2^n, 2^n) from bits to bits, at the end (2^n, C) from bits to
    scores."""
    n, tables = len(phi), stage_tables(phi)  # of the bit before (f) and of the new modality's (m)
    steps = []
    for table, distribution in zip(tables[:-1], distributions[1:-1], strict=True):
        T = legs(distribution[None, None], table.flatten(1, 2)[None])  # of (new bit, bit before)
        steps.append(exchanged(T.reshape((2,) * 2 * n), n, 2).reshape(2**n, -1).T)
    letters = tables[-1][:, [0, 1, 1, 2, 2], [0, 0, 1, 0, 1]]
    steps.append(read_out(O, legs(distributions[-1][None, None], letters[None]), n).T)
    return steps


def exchanged(T: Tensor, groups: int, n: int) -> Tensor:
    """Returns a tensor whose legs are groups of n as one whose legs are n of the first, second, ... of each group."""
    return T.permute([group * n + i for i in range(n) for group in range(groups)])
