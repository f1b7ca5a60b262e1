"""Decision operators: what a modality, or a group of them, would have to say to push a score up or down.

With everything else averaged over the background, the score is linear in the joint state of the modalities S,

    v(S) = <psi_S| O_S |psi_S> + b,    O_S = Tr_rest[O (1_S x sigma_rest)],

so the eigenvectors of the marginal observable O_S are the states that vote most for and most against, and its
eigenvalues say how much: sum_k lambda_k |<e_k|psi_S>|^2 is v(S) of any sample. In an EntangledQCNN a modality reaches
the fusion through the outcomes of its qubits only, so O_S is diagonal: a function on the outcome patterns {0, 1}^n,
whose basis states are the eigenvectors.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.explain import backgrounds, coalitions
from qfusion.models import (
    EntangledQCNN,
    Features,
    FusionModel,
    KetModel,
    can,
    qcnn,
    require,
    truth_tables,
)
from qfusion.quantum import decomposition
from qfusion.quantum.states import product

MAX_PATTERNS = 2**20  # outcome patterns of a pair whose values are worked out


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
        """How far each eigenvector lifts the score above the baseline, ascending, (K,)."""
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
        """Returns |<e_k|psi_S>|^2 of every sample, (B,); in a diagonal operator that outcome pattern's probability.

        Args:
            states: of the modalities in S as `states_of` gives them.
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
        """Returns the mean over the samples of the overlap with every eigenvector, (K,): they add up to 1."""
        if self.vectors is not None:
            amplitudes = product(states) @ torch.from_numpy(self.vectors).conj()
            return amplitudes.abs().square().mean(0).numpy()
        left, right = _two(states, len(states[0]))
        return (left.T @ right / len(left)).flatten().numpy()[self.basis]

    def scores(self, states: Sequence[Tensor]) -> np.ndarray:
        """Returns v(S) of every sample, (B,): the eigenvalues weighted by the overlaps."""
        if self.vectors is not None:
            amplitudes = product(states) @ torch.from_numpy(self.vectors).conj()
            return (amplitudes.abs().square() @ torch.from_numpy(self.values)).numpy()
        table = np.empty(len(self.values))
        table[self.basis] = self.values
        left, right = _two(states, len(states[0]))
        return ((left @ torch.from_numpy(table).view(left.shape[1], -1)) * right).sum(1).numpy()


def offered(model: FusionModel) -> list[str]:
    """Returns the names of the groups whose operator can be shown: all of them for a model of kets; for an
    EntangledQCNN single modalities, and pairs where at most two others are averaged over."""
    M = len(model.modalities)
    groups = [S for S in decomposition.subsets(M) if S]
    if can(model, "masses"):
        pairs = M <= 4 and 4 ** require(model, "masses").elements <= MAX_PATTERNS
        groups = [S for S in groups if len(S) == 1 or (len(S) == 2 and pairs)]
    return [decomposition.subset_name(S, model.modalities) for S in groups]


@torch.no_grad()
def operator(
    model: FusionModel, background: backgrounds.AnyBackground, modalities: str, output: int = 0
) -> Operator:
    """Returns the decision operator of one group of modalities.

    Args:
        model: in double precision.
        background: what the other modalities are averaged over; made with this model.
        modalities: name of S such as "text" or "text+audio", of `offered`.
        output: number of the score.

    Raises:
        NotFound: when there is no such group, or it is not offered.
        InvalidInput: when the output does not exist or the background comes from another model.
    """
    choose("Group of modalities", modalities, offered(model))
    check(
        0 <= output < len(model.outputs),
        f"Argument `output` must lie in 0..{len(model.outputs) - 1}, but is {output}.",
    )
    S = tuple(model.modalities.index(name) for name in modalities.split("+"))
    bias = float(model.bias[output])
    own = backgrounds.fitting(model, background)
    if can(model, "masses"):
        return _diagonal(require(model, "masses"), own, S, output, bias)
    return _hermitian(require(model, "kets"), own, S, output, bias)


@torch.no_grad()
def states_of(model: FusionModel, inputs: Mapping[str, Features], modalities: str) -> list[Tensor]:
    """Returns the states of the modalities of a group: kets (B, d_m), or for an EntangledQCNN probabilities of the
    outcomes (B, 2^n)."""
    encoded = model.encode(inputs)
    names = modalities.split("+")
    if can(model, "masses"):
        return [truth_tables.probabilities(encoded[name].double()) for name in names]
    return [encoded[name].to(torch.complex128) for name in names]


def _hermitian(
    model: KetModel,
    background: backgrounds.Background,
    S: decomposition.Subset,
    output: int,
    bias: float,
) -> Operator:
    O = model.observables()[output : output + 1].to(torch.complex128)
    marginals = coalitions.marginal_observables(O, background)
    own = marginals[S][0]
    values, vectors = np.linalg.eigh(((own + own.mH) / 2).numpy())
    return Operator(
        tuple(model.modalities[m] for m in S),
        model.outputs[output],
        values + bias,
        vectors,
        None,
        tuple(model.dims[m] for m in S),
        float(marginals[()].real) + bias,
        None,
        background.name,
        background.size,
    )


def _diagonal(
    model: EntangledQCNN,
    background: backgrounds.RowBackground,
    S: decomposition.Subset,
    output: int,
    bias: float,
) -> Operator:
    masses, n, independent = background.masses, model.elements, background.kind == "product"
    O, phi = model.observables()[output].double(), model.phi.double()
    table, seen = _table(O, phi, background, S), _seen(masses, S, independent)
    # Only where S is independent of the rest, the mean over what the background shows of S is the mean score.
    mean = (
        table @ seen
        if independent
        else qcnn.evaluate(O[None], truth_tables.fuse(masses, phi)[0]).mean()
    )
    order = torch.argsort(table, stable=True)
    return Operator(
        tuple(model.modalities[m] for m in S),
        model.outputs[output],
        (table[order] + bias).numpy(),
        None,
        order.numpy(),
        (2**n,) * len(S),
        float(mean) + bias,
        _effects(table, seen, len(S), n),
        background.name,
        background.size,
    )


def _seen(masses: Tensor, S: Sequence[int], independent: bool) -> Tensor:
    """The mean probability over the background of every outcome pattern of at most two modalities, (2^(n |S|),)."""
    left, right = _two([truth_tables.probabilities(masses[..., m]) for m in S], len(masses))
    joint = left.mean(0)[:, None] * right.mean(0) if independent else left.T @ right / len(masses)
    return joint.flatten()


def _two(probabilities: Sequence[Tensor], count: int) -> tuple[Tensor, Tensor]:
    """Probabilities (B, 2^n) of at most two modalities as of two; one that is missing has a single outcome."""
    certain = torch.ones(count, 1, dtype=torch.float64)
    left, right, *_ = *probabilities, certain, certain
    return left, right


def _effects(table: Tensor, seen: Tensor, count: int, n: int) -> np.ndarray:
    """Mean change when one bit turns from 0 to 1, all others as in the background, (count, n)."""
    parts = ((table.view(2**q, 2, -1), seen.view(2**q, 2, -1)) for q in range(count * n))
    changes = [
        float(((values[:, 1] - values[:, 0]) * weights.sum(1)).sum()) for values, weights in parts
    ]
    return np.array(changes).reshape(count, n)


def _table(
    O: Tensor, phi: Tensor, background: backgrounds.RowBackground, S: decomposition.Subset
) -> Tensor:
    """The score without bias of every outcome pattern of the modalities in S, the others averaged over the background:
    (2^(n |S|),).

    The factors of the first and of the second half of the qubits are multiplied out for the outcomes of S and of the
    rest, and meet weighted by how likely the background shows the rest's outcomes.
    """
    masses, independent = background.masses, background.kind == "product"
    n, M = masses.shape[1:]
    rest = [m for m in range(M) if m not in S]
    if len(rest) > 2 and independent:
        return coalitions.seen_alone(O[None], phi, background.distributions, S[0])[0]
    if len(rest) > 2:
        return coalitions.pulled_back(O[None], phi, masses, S[0])[0]
    s, r, k = 2 ** len(S), 2 ** len(rest), n // 2
    factors = truth_tables.fuse(truth_tables.patterns(M).double()[:, None].expand(-1, n, -1), phi)[
        0
    ]
    factors = factors.view((2,) * M + (n, 3)).permute(*S, *rest, M, M + 1).reshape(s, r, n, 3)
    left, right = _multiplied(factors[:, :, :k]), _multiplied(factors[:, :, k:])  # (s^k, r^k, 3^k)
    # patterns modality by modality stand qubit by qubit here, and the other way round in the end
    seen = _seen(masses, rest, independent).view((2,) * (len(rest) * n))
    weights = coalitions.exchanged(seen, len(rest), n).reshape(r**k, r ** (n - k))
    # (s^(n-k), r^k 3^(n-k)), averaged over the rest's outcomes in the second half
    right = (weights @ right).flatten(1)
    table = (left @ O.reshape(3**k, 3 ** (n - k))).flatten(1) @ right.T
    return coalitions.exchanged(table.reshape((2,) * (len(S) * n)), n, len(S)).flatten()


def _multiplied(factors: Tensor) -> Tensor:
    """Products over some qubits of factors (s, r, k, 3): (s^k, r^k, 3^k)."""
    product = factors.new_ones(1, 1, 1)
    for factor in factors.unbind(2):
        product = (
            torch.einsum("prw,qsv->pqrswv", product, factor).flatten(4).flatten(2, 3).flatten(0, 1)
        )
    return product
