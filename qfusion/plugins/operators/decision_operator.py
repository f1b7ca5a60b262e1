"""Decision operators: the observable by which a modality, or a group of them, raises or lowers a score.

With everything else averaged over the background, the score is linear in the joint state of the modalities S,

    v(S) = <psi_S| O_S |psi_S> + b,    O_S = Tr_rest[O (1_S x sigma_rest)],

so the eigenvectors of the marginal observable O_S are the states that vote most for and most against, and its
eigenvalues say how much: sum_k lambda_k |<e_k|psi_S>|^2 is v(S) of any sample. In an EntangledQCNN a modality reaches
the fusion through the outcomes of its qubits only, so O_S is diagonal: a function on the outcome patterns {0, 1}^n,
whose basis states are the eigenvectors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.models import Features, FusionModel
from qfusion.models.inputs import Background
from qfusion.models.network.mass_algebra import pad_to_pair
from qfusion.quantum import decomposition
from qfusion.quantum.states import product


@dataclass(frozen=True, eq=False)
class Operator:
    """The marginal observable of the modalities S for one output.

    Attributes:
        modalities: S, in the model's order.
        output: name of the score.
        values: eigenvalues with the bias, ascending, (K,): the score that each eigenvector would get.
        vectors: eigenvectors as columns, (d, K) complex; None where the basis states are the eigenvectors.
        basis: for such, the basis state of each eigenvalue, (K,): bits of the first modality's elements, then of the
            next one's.
        dims: dimension of each modality of S; 2^n for n outcome bits.
        baseline: the mean score over the background, v("").
        effects: for basis states, how the score changes when one element of one modality turns from 0 to 1 and its
            others stay as they are in the background, (|S|, n); else None.
        background, background_size: as of an `Explanation`.
    """

    modalities: tuple[str, ...]
    output: str
    values: np.ndarray
    vectors: np.ndarray | None
    basis: np.ndarray | None
    dims: tuple[int, ...]
    baseline: float
    effects: np.ndarray | None
    background: str
    background_size: int

    @property
    def votes(self) -> np.ndarray:
        """Amount by which each eigenvector raises the score above the baseline, ascending, (K,)."""
        return self.values - self.baseline

    def bits(self, k: int) -> np.ndarray:
        """The outcome pattern of a basis state, (|S|, n), 0 or 1."""
        check(
            self.basis is not None,
            "This operator has eigenvectors, not outcome patterns. Use `amplitudes`.",
        )
        n = [int(math.log2(d)) for d in self.dims]
        place = int(self.basis[k])  # type: ignore[index]
        return np.array([(place >> shift) & 1 for shift in reversed(range(sum(n)))]).reshape(
            len(n), -1
        )

    def amplitudes(self, k: int) -> np.ndarray:
        """The k-th eigenvector, (d,) complex, turned so that its largest amplitude is positive: a global phase means
        nothing."""
        check(self.vectors is not None, "This operator is diagonal. Use `bits`.")
        vector: np.ndarray = self.vectors[:, k]  # type: ignore[index]
        largest = vector[np.argmax(np.abs(vector))]
        return vector * (largest.conj() / abs(largest))

    def overlap(self, states: Sequence[Tensor], k: int) -> np.ndarray:
        """Return |<e_k|psi_S>|^2 of every sample, (B,); in a diagonal operator that outcome pattern's probability.

        Args:
            states: of the modalities in S as `group_states` gives them.
        """
        if self.vectors is not None:
            vector = torch.from_numpy(self.vectors[:, k])
            return (product(states) @ vector.conj()).abs().square().numpy()
        place, weight = int(self.basis[k]), states[0].new_ones(len(states[0]))  # type: ignore[index]
        for state in reversed(states):
            place, here = divmod(place, state.shape[1])
            weight = weight * state[:, here]
        return weight.numpy()

    def weights(self, states: Sequence[Tensor]) -> np.ndarray:
        """Return the mean over the samples of the overlap with every eigenvector, (K,): they add up to 1."""
        if self.vectors is not None:
            amplitudes = product(states) @ torch.from_numpy(self.vectors).conj()
            return amplitudes.abs().square().mean(0).numpy()
        left, right = pad_to_pair(states, len(states[0]))
        return (left.T @ right / len(left)).flatten().numpy()[self.basis]

    def scores(self, states: Sequence[Tensor]) -> np.ndarray:
        """Return v(S) of every sample, (B,): the eigenvalues weighted by the overlaps."""
        if self.vectors is not None:
            amplitudes = product(states) @ torch.from_numpy(self.vectors).conj()
            return (amplitudes.abs().square() @ torch.from_numpy(self.values)).numpy()
        table = np.empty(len(self.values))
        table[self.basis] = self.values
        left, right = pad_to_pair(states, len(states[0]))
        return ((left @ torch.from_numpy(table).view(left.shape[1], -1)) * right).sum(1).numpy()


def operator_groups(model: FusionModel) -> list[str]:
    """Return the names of the groups whose operator can be shown.

    For a model of kets these are all groups; for an EntangledQCNN single modalities, and pairs where at most two others
    are averaged over.
    """
    groups = model.algebra.operator_groups()
    return [decomposition.subset_name(S, model.modalities) for S in groups]


@torch.no_grad()
def operator(
    model: FusionModel, background: Background, modalities: str, output: int = 0
) -> Operator:
    """Return the decision operator of one group of modalities.

    Args:
        model: in double precision.
        background: of the same model; the other modalities are averaged over it.
        modalities: name of S such as "text" or "text+audio", of `operator_groups`.
        output: number of the score.

    Raises:
        NotFound: when there is no such group, or it is not offered.
        InvalidInput: when the output does not exist or the background comes from another model.
    """
    choose("Group of modalities", modalities, operator_groups(model))
    check(
        0 <= output < len(model.outputs),
        f"Argument `output` must lie in 0..{len(model.outputs) - 1}, but is {output}.",
    )
    names = tuple(modalities.split("+"))
    S = tuple(model.modalities.index(name) for name in names)
    spectrum = model.algebra.spectrum(background, S, output)
    return Operator(
        modalities=names,
        output=model.outputs[output],
        values=spectrum.values,
        vectors=spectrum.vectors,
        basis=spectrum.basis,
        dims=spectrum.dims,
        baseline=spectrum.baseline,
        effects=spectrum.effects,
        background=background.name,
        background_size=background.size,
    )


@torch.no_grad()
def group_states(
    model: FusionModel, inputs: Mapping[str, Features], modalities: str
) -> list[Tensor]:
    """Return the states of the modalities of a group that its operator acts on.

    They are kets (B, d_m), or for an EntangledQCNN probabilities of the outcomes, (B, 2^n).
    """
    return model.algebra.operator_states(model.encode(inputs), modalities.split("+"))
