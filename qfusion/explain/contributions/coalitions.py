"""Exact coalition values, Harsanyi dividends and Shapley values of the modalities of one model.

For QiNN-QJ, below; for the entangled fusion network see `rows.py` and `marginals.py`, for any other model
`evaluation.py`.

The score is linear in every modality's state: y = Tr[O rho_1 x ... x rho_M] + b. The interventional value of a
coalition S against a background with mean state sigma is therefore exact without sampling,

    v(S) = E_background[y(x_S, x'_rest)] = <psi_S| O_S |psi_S> + b,    O_S = Tr_rest[O (1_S x sigma_rest)],

where the marginal observables O_S do not depend on the sample (interventional values: Janzing, Minorics, Bloebaum 2020;
dividends: Harsanyi 1963; Shapley 1953).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.errors import InvalidInput
from qfusion.explain.contributions import evaluation, marginals, rows
from qfusion.explain.contributions.background import (
    AnyBackground,
    Background,
    RowBackground,
    SampleBackground,
    rest_state,
)
from qfusion.explain.contributions.games import dividends, interaction, shapley
from qfusion.models import EntangledQCNN, FusionModel, KetModel, StateModel, can, require
from qfusion.models.encoders import Features
from qfusion.models.explorable import Points
from qfusion.models.quantum_jump import QuantumJump, expectation
from qfusion.quantum import states
from qfusion.quantum.decomposition import Subset, subset_name, subsets


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
        columns: dict[str, np.ndarray] = {
            "prediction": self.prediction[:, output],
            "baseline": self.values[:, 0, output],
        }
        columns |= {
            f"dividend[{name}]": self.dividends[:, s, output]
            for s, name in enumerate(self.coalitions)
            if name
        }
        columns |= {
            f"shapley[{name}]": self.shapley[:, m, output] for m, name in enumerate(self.modalities)
        }
        columns |= {
            f"interaction[{subset_name((a, b), self.modalities)}]": self.interaction[
                :, a, b, output
            ]
            for a, b in combinations(range(len(self.modalities)), 2)
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


def marginal_observables(observables: Tensor, background: Background) -> dict[Subset, Tensor]:
    """Returns O_S = Tr_rest[O (1_S x sigma_rest)], (C, d_S, d_S), for every subset S of the modalities.

    Args:
        observables: O_c, (C, D, D), complex128.
        background: whose mean state fills in for the modalities outside S.
    """
    dims, C = background.dims, len(observables)
    M = len(dims)
    marginals = {}
    for subset in subsets(M):
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
    parts = [
        expectation(
            O,
            states.product([kets[m] for m in subset])
            if subset
            else kets[0].new_ones(len(kets[0]), 1),
        )
        for subset, O in marginal_observables(observables, background).items()
    ]
    return torch.stack(parts, 1)


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
        if not can(model, "states"):
            return _evaluated(model, inputs, background)
        found = _linear(model, inputs, background)
        if not background.is_drawn or isinstance(background, SampleBackground):
            return found
        parts = np.stack([_linear(model, inputs, part).dividends for part in background.parts()])
        left = (1 - background.size / background.total) / len(parts)
        return replace(found, errors=parts.std(0, ddof=1) * np.sqrt(left))


def _linear(
    model: FusionModel, inputs: Mapping[str, Features], background: AnyBackground
) -> Explanation:
    """Of a model whose scores are linear in states."""
    if can(model, "masses"):
        return _finish(
            require(model, "masses"),
            _of_rows(require(model, "masses"), inputs, background),
            background,
        )
    with_kets = require(model, "kets")
    return _of_states(with_kets, inputs, with_kets.observables().to(torch.complex128), background)


def _evaluated(
    model: FusionModel, inputs: Mapping[str, Features], background: AnyBackground
) -> Explanation:
    if not isinstance(background, SampleBackground):
        raise InvalidInput(
            "Argument `background` comes from another kind of model. Make it with this model."
        )
    values, errors = evaluation.coalition_values(model, model.encode(inputs), background)
    found = of_values(model, values, background)
    return found if background.size == background.total else replace(found, errors=errors)


def through_time(
    model: QuantumJump,
    inputs: Mapping[str, Features],
    background: AnyBackground,
    times: Sequence[float],
) -> Explanation:
    """Returns the contributions to Tr[O_c(t) rho_0] + b for every t: what the read-out would say at t.

    Shapes have a leading axis nT.
    """
    with torch.no_grad():
        O = model.observables(times).to(torch.complex128)
        return _split(
            _of_states(model, inputs, O.flatten(0, 1), background, len(times)), len(times)
        )


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
    moments = model.network.moments()
    with torch.no_grad():
        O = torch.cat([_read_out_after(model, done) for _, done in moments])
        flat = _finish(model, _of_rows(model, inputs, background, O), background, len(moments))
    return _split(flat, len(moments), tuple(name for name, _ in moments))


def through(
    model: FusionModel, inputs: Mapping[str, Features], background: AnyBackground, points: Points
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


def _read_out_after(model: EntangledQCNN, done: int) -> Tensor:
    return (
        model.observables()
        if done == len(model.network.steps)
        else model.network.observables(last=done)
    )


def _split(flat: Explanation, count: int, moments: tuple[str, ...] = ()) -> Explanation:
    """An explanation of `count` times as many outputs as one with a leading axis."""

    def split(a: np.ndarray) -> np.ndarray:
        return np.moveaxis(a.reshape(*a.shape[:2], count, -1), 2, 0)

    return replace(
        flat,
        values=split(flat.values),
        dividends=split(flat.dividends),
        shapley=split(flat.shapley),
        moments=moments,
    )


def _of_states(
    model: KetModel,
    inputs: Mapping[str, Features],
    O: Tensor,
    background: AnyBackground,
    times: int = 1,
) -> Explanation:
    if not isinstance(background, Background):
        raise InvalidInput(
            "Argument `background` comes from another kind of model. Make it with this model."
        )
    check(
        background.dims == model.dims,
        f"Argument `background` must come from a model with dims {model.dims}, "
        f"but has dims {background.dims}. Make it with this model.",
    )
    encoded = model.encode(inputs)
    kets = [encoded[name].to(torch.complex128) for name in model.modalities]
    return _finish(model, coalition_values(O, kets, background), background, times)


def _of_rows(
    model: EntangledQCNN,
    inputs: Mapping[str, Features],
    background: AnyBackground,
    O: Tensor | None = None,
) -> Tensor:
    n, M = model.elements, len(model.modalities)
    if not isinstance(background, RowBackground) or background.masses.shape[1:] != (n, M):
        raise InvalidInput(
            f"Argument `background` must come from a model with {n} elements and {M} modalities. Make it with this "
            "model."
        )
    encoded = model.encode(inputs)
    masses = torch.stack([encoded[name].double() for name in model.modalities], -1)
    if background.kind == "product":
        return marginals.coalition_values(model, masses, background.distributions, O)
    return rows.coalition_values(model, masses, background.masses, O)


def _finish(
    model: StateModel, values: Tensor, background: AnyBackground, times: int = 1
) -> Explanation:
    return of_values(
        model, (values + model.bias.detach().double().repeat(times)).numpy(), background
    )


def of_values(model: FusionModel, v: np.ndarray, background: AnyBackground) -> Explanation:
    """Returns the explanation that coalition values with the bias, (B, 2^M, C) in the order of `subsets`, make."""
    M = len(model.modalities)
    dividend = dividends(v, M)
    names = tuple(subset_name(s, model.modalities) for s in subsets(M))
    return Explanation(
        model.modalities,
        model.outputs,
        names,
        v,
        dividend,
        shapley(dividend, M),
        background.name,
        background.size,
    )
