"""What stands in for a modality that a coalition leaves out: a mean state, or the rows themselves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.models import EntangledQCNN, FusionModel
from qfusion.models.encoders import Features
from qfusion.models.quantum_jump import QuantumJump
from qfusion.quantum import states

KINDS: dict[str, str] = {
    "joint": "Absent modalities are averaged over the background samples together, as they occur.",
    "product": "Absent modalities are averaged over the background samples independently of one another.",
    "mixed": "Absent modalities are replaced by the maximally mixed state: nothing is known.",
    "zero": "Absent modalities are replaced by the reference state |0>: the encoder said nothing.",
}


@dataclass(frozen=True)
class Background:
    """A mean state.

    Attributes:
        sigma: density matrix (D, D), complex128.
        kind: see KINDS.
        size: number of samples averaged over; 0 for "mixed" and "zero".
        dims: dimension of each modality.
    """

    sigma: Tensor
    kind: str
    size: int
    dims: tuple[int, ...]


@dataclass(frozen=True)
class RowBackground:
    """The background samples of an EntangledQCNN, whose scores are multilinear in the masses but not in a mean state of all modalities.

    Attributes:
        masses: per sample, element and modality, (N, n, M) double.
        kind: "joint", "mixed" or "zero".
        size: number of samples averaged over; 0 for "mixed" and "zero".
    """

    masses: Tensor
    kind: str
    size: int


def background(model: FusionModel, inputs: Mapping[str, Features] | None = None, kind: str = "joint") -> Background | RowBackground:
    """Returns the background of a model's explanations; see `KINDS`.

    Args:
        model: the model whose encoders make the states, in double precision.
        inputs: background samples, usually the whole training set; not used by "mixed" and "zero".
        kind: of KINDS; an EntangledQCNN has no "product".

    Raises:
        NotFound: when there is no such kind.
        InvalidInput: when samples are needed and missing, do not fit the model, or the kind is not for this model.
    """
    choose("Background", kind, KINDS)
    return _row_background(model, inputs, kind) if isinstance(model, EntangledQCNN) else _state_background(model, inputs, kind)


@torch.no_grad()
def _row_background(model: EntangledQCNN, inputs: Mapping[str, Features] | None, kind: str) -> RowBackground:
    check(kind != "product", "Background 'product' is not offered for an entangled-qcnn: it would need every combination of samples. "
                             "Choose 'joint'.")
    if kind in ("mixed", "zero"):  # no evidence leaves every qubit on the equator, which is as good as maximally mixed to a control
        return RowBackground(torch.full((1, model.elements, len(model.modalities)), 0.5, dtype=torch.float64), kind, 0)
    masses = model.encode(_samples(inputs, kind))
    rows = torch.stack([masses[name].double() for name in model.modalities], -1)
    check(len(rows) > 0, "Argument `inputs` must hold at least one background sample, but holds none.")
    return RowBackground(rows, kind, len(rows))


def _samples(inputs: Mapping[str, Features] | None, kind: str) -> Mapping[str, Features]:
    check(inputs is not None, f"Argument `inputs` must hold the background samples for kind {kind!r}, but is None.")
    return inputs or {}


@torch.no_grad()
def _state_background(model: QuantumJump, inputs: Mapping[str, Features] | None = None, kind: str = "joint") -> Background:
    """Returns the mean state of a QuantumJump.

    "joint": sigma = mean_n rho_1(x_n) x ... x rho_M(x_n), so that Tr_S sigma averages over whole samples; "product": the product of the
    modalities' mean states; "mixed": 1 / D; "zero": the product of reference states.
    """
    D = math.prod(model.dims)
    if kind == "mixed":
        return Background(torch.eye(D, dtype=torch.complex128) / D, kind, 0, model.dims)
    if kind == "zero":
        reference = torch.zeros(D, dtype=torch.complex128)
        reference[0] = 1
        return Background(states.density(reference), kind, 0, model.dims)
    kets = {name: ket.to(torch.complex128) for name, ket in model.encode(_samples(inputs, kind)).items()}
    count = len(next(iter(kets.values())))
    check(count > 0, "Argument `inputs` must hold at least one background sample, but holds none.")
    if kind == "joint":
        sigma = _mean_state(model.product_state(kets))
    else:
        sigma = _product([_mean_state(kets[name]) for name in model.modalities])
    return Background(sigma, kind, count, model.dims)


def _mean_state(kets: Tensor) -> Tensor:
    return kets.mT @ kets.conj() / len(kets)


def _product(matrices: list[Tensor]) -> Tensor:
    total = matrices[0]
    for matrix in matrices[1:]:
        total = torch.kron(total, matrix)
    return total


def rest_state(sigma: Tensor, dims: tuple[int, ...], subset: tuple[int, ...]) -> Tensor:
    """Returns the background's state of the modalities that are *not* in `subset`."""
    return states.partial_trace(sigma, dims, [m for m in range(len(dims)) if m not in subset])
