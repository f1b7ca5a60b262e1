"""Exact coalition values, Harsanyi dividends and Shapley values of the modalities of one model.

For QiNN-QJ, below; for the entangled fusion network see `rows.py`.

The score is linear in every modality's state: y = Tr[O rho_1 x ... x rho_M] + b. The interventional value of a coalition S against
a background with mean state sigma is therefore exact without sampling,

    v(S) = E_background[y(x_S, x'_rest)] = <psi_S| O_S |psi_S> + b,    O_S = Tr_rest[O (1_S x sigma_rest)],

where the marginal observables O_S do not depend on the sample (interventional values: Janzing, Minorics, Bloebaum 2020;
dividends: Harsanyi 1963; Shapley 1953).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.explain import rows
from qfusion.explain.background import Background, RowBackground, rest_state
from qfusion.models import EntangledQCNN, FusionModel
from qfusion.models.encoders import Features
from qfusion.models.quantum_jump import QuantumJump, expectation
from qfusion.quantum import states
from qfusion.quantum.decomposition import Subset, subset_name, subsets


@dataclass(frozen=True)
class Explanation:
    """Exact contributions for B samples and C outputs; with a leading time axis nT when made by `through_time`.

    Attributes:
        modalities: names, M of them.
        outputs: names, C of them.
        coalitions: names of the 2^M subsets, "" first, then "text", ..., "text+audio", ...
        values: v(S), (..., B, 2^M, C), with the bias; v of the full coalition is the prediction.
        dividends: Harsanyi dividends, same shape; the one of "" is the baseline v(""), and all of them add up to the prediction.
        shapley: (..., B, M, C); with the baseline they add up to the prediction.
        background: kind of background.
        background_size: samples averaged over.
    """

    modalities: tuple[str, ...]
    outputs: tuple[str, ...]
    coalitions: tuple[str, ...]
    values: np.ndarray
    dividends: np.ndarray
    shapley: np.ndarray
    background: str
    background_size: int

    @property
    def prediction(self) -> np.ndarray:
        """Scores (..., B, C)."""
        return self.values[..., -1, :]

    @property
    def baseline(self) -> np.ndarray:
        """The mean score over the background, v(""), (..., C)."""
        return self.values[..., 0, 0, :]

    def frame(self, ids: Sequence[str], output: int = 0) -> pd.DataFrame:
        """Returns one row per sample: prediction, baseline, every dividend and every Shapley value of one output."""
        check(self.values.ndim == 3, "An explanation through time has no single table; take one time of it.")
        columns: dict[str, np.ndarray] = {"prediction": self.prediction[:, output], "baseline": self.values[:, 0, output]}
        columns |= {f"dividend[{name}]": self.dividends[:, s, output] for s, name in enumerate(self.coalitions) if name}
        columns |= {f"shapley[{name}]": self.shapley[:, m, output] for m, name in enumerate(self.modalities)}
        return pd.DataFrame(columns, index=pd.Index(list(ids), name="sample"))


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
        order = [0, *(1 + m for m in subset), *(1 + m for m in rest), *(1 + M + m for m in subset), *(1 + M + m for m in rest)]
        sigma = rest_state(background.sigma, dims, subset)
        r = len(sigma)
        O = observables.reshape(C, *dims, *dims).permute(order).reshape(C, len(background.sigma) // r, r, -1, r)
        marginals[subset] = torch.einsum("carbs,sr->cab", O, sigma)
    return marginals


def coalition_values(observables: Tensor, kets: Sequence[Tensor], background: Background) -> Tensor:
    """Returns v(S) without the bias, (B, 2^M, C), in the order of `subsets`."""
    parts = [expectation(O, states.product([kets[m] for m in subset]) if subset else kets[0].new_ones(len(kets[0]), 1))
             for subset, O in marginal_observables(observables, background).items()]
    return torch.stack(parts, 1)


def dividends(values: np.ndarray, M: int) -> np.ndarray:
    """Returns the Harsanyi dividends sum_{R in S} (-1)^{|S|-|R|} v(R) of values (..., 2^M, C) in the order of `subsets`."""
    order = subsets(M)
    signs = np.array([[(-1.0) ** (len(S) - len(R)) if set(R) <= set(S) else 0.0 for R in order] for S in order])
    return np.einsum("sr,...rc->...sc", signs, values)


def shapley(dividend: np.ndarray, M: int) -> np.ndarray:
    """Returns phi_m = sum_{S containing m} dividend(S) / |S|, (..., M, C)."""
    order = subsets(M)
    weights = np.array([[1.0 / len(S) if m in S else 0.0 for S in order] for m in range(M)])
    return np.einsum("ms,...sc->...mc", weights, dividend)


def explain(model: FusionModel, inputs: Mapping[str, Features], background: Background | RowBackground) -> Explanation:
    """Returns the exact contributions of every modality and combination to the scores of every sample.

    Args:
        model: a trained model in double precision and eval mode.
        inputs: features of B samples.
        background: see `background`.
    """
    with torch.no_grad():
        if isinstance(model, EntangledQCNN):
            return _of_rows(model, inputs, background)
        check(isinstance(background, Background), "Argument `background` comes from another kind of model. Make it with this model.")
        return _explanation(model, _kets(model, inputs), model.observables().to(torch.complex128), cast(Background, background))


def through_time(model: QuantumJump, inputs: Mapping[str, Features], background: Background, times: Sequence[float]) -> Explanation:
    """Returns the contributions to Tr[O_c(t) rho_0] + b for every t: what the read-out would say if evolution ended at t.

    Shapes have a leading axis nT.
    """
    with torch.no_grad():
        O = model.observables(times).to(torch.complex128)
        flat = _explanation(model, _kets(model, inputs), O.flatten(0, 1), background, len(times))
    nT, C = len(times), len(model.outputs)

    def split(a: np.ndarray) -> np.ndarray:
        return np.moveaxis(a.reshape(*a.shape[:2], nT, C), 2, 0)

    return Explanation(flat.modalities, flat.outputs, flat.coalitions, split(flat.values), split(flat.dividends),
                       split(flat.shapley), flat.background, flat.background_size)


def _kets(model: QuantumJump, inputs: Mapping[str, Features]) -> list[Tensor]:
    kets = model.encode(inputs)
    return [kets[name].to(torch.complex128) for name in model.modalities]


def _explanation(model: QuantumJump, kets: list[Tensor], O: Tensor, background: Background, times: int = 1) -> Explanation:
    check(background.dims == model.dims, f"Argument `background` must come from a model with dims {model.dims}, "
                                         f"but has dims {background.dims}. Make it with this model.")
    return _finish(model, coalition_values(O, kets, background), background, times)


def _of_rows(model: EntangledQCNN, inputs: Mapping[str, Features], background: Background | RowBackground) -> Explanation:
    n, M = model.elements, len(model.modalities)
    check(isinstance(background, RowBackground) and background.masses.shape[1:] == (n, M),
          f"Argument `background` must come from a model with {n} elements and {M} modalities. Make it with this model.")
    masses = model.encode(inputs)
    samples = torch.stack([masses[name].double() for name in model.modalities], -1)
    return _finish(model, rows.coalition_values(model, samples, cast(RowBackground, background).masses), background)


def _finish(model: FusionModel, values: Tensor, background: Background | RowBackground, times: int = 1) -> Explanation:
    M = len(model.modalities)
    v = (values + model.bias.detach().double().repeat(times)).numpy()
    dividend = dividends(v, M)
    names = tuple(subset_name(s, model.modalities) for s in subsets(M))
    return Explanation(model.modalities, model.outputs, names, v, dividend, shapley(dividend, M), background.kind, background.size)
