"""What the quantum convolutional network reads: entropies of the fused qubits along its layers, and the evidence
that each fused qubit brings to the decision.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from qfusion._checks import check, require_finite
from qfusion.models import EntangledQCNN, entangled_qcnn, qcnn
from qfusion.quantum import states

# Entropies of the fused qubits along the layers of the quantum convolutional network.

__all__ = [
    "INERT",
    "Beliefs",
    "LayerEntropies",
    "Reading",
    "beliefs",
    "conflict",
    "conjunctive",
    "contradiction",
    "disagreement",
    "disjunctive",
    "layer_entropies",
    "qubit_entropy",
    "read",
]


class Pooling(NamedTuple):
    """Around the pooling of a layer, in nats: entropy of the active qubits before, of those that stay after, and the
    sum of the Shannon entropies of the single outcomes."""

    layer: int
    before: float
    after: float
    outcomes: float


@dataclass(frozen=True)
class LayerEntropies:
    """Von Neumann entropies, in nats, at the input and around every pooling; T moments.

    The fused qubits start mixed, so entropies count what was left behind with the modality qubits as well as
    entanglement among them; the mutual information across a cut counts correlation alone.

    Attributes:
        moments: "input", "layer 0 convolved", "layer 0 pooled", "layer 1 convolved", ...
        active: which qubits are quantum at each moment: those not measured yet.
        joint: entropy of the active qubits together, (T,).
        single: entropy of every qubit, (T, n); that of a measured one is the Shannon entropy of its outcome.
        cuts: at each moment the entropy of the first k active qubits, k = 1 ... a - 1.
        mutual: at each moment the mutual information between these and the other active ones.
        whole: entropy of all qubits and outcomes together, (T,).
    """

    moments: tuple[str, ...]
    active: tuple[tuple[int, ...], ...]
    joint: np.ndarray
    single: np.ndarray
    cuts: tuple[np.ndarray, ...]
    mutual: tuple[np.ndarray, ...]
    whole: np.ndarray

    def poolings(self) -> list[Pooling]:
        """Returns the entropies around every pooling."""
        measured = [sorted({*a} - {*b}) for a, b in pairwise(self.active)]
        return [
            Pooling(
                layer,
                float(self.joint[t - 1]),
                float(self.joint[t]),
                float(self.single[t, measured[t - 1]].sum()),
            )
            for layer, t in enumerate(range(2, len(self.moments), 2))
        ]


@torch.no_grad()
def layer_entropies(
    model: EntangledQCNN, vectors: Tensor, channel: qcnn.Channel = lambda _: None
) -> LayerEntropies:
    """Returns the entropies of one sample.

    Args:
        model: whose network it is.
        vectors: fused qubits (1, <X>, <Z>), (n, 3), as of `model.fuse`.
        channel: noise, as for `density.states`.
    """
    n = model.network.n
    moments, active, rhos = _moments(model, vectors, channel)
    parts = [_cuts(rho, qubits, n) for rho, qubits in zip(rhos, active, strict=True)]
    single = np.array([[_entropy(rho, (q,), n) for q in range(n)] for rho in rhos])
    whole = np.array(
        [
            p[0] if len(qubits) == n else _entropy(rho, tuple(range(n)), n)
            for p, rho, qubits in zip(parts, rhos, active, strict=True)
        ]
    )
    return LayerEntropies(
        moments,
        active,
        np.array([p[0] for p in parts]),
        single,
        tuple(p[1] for p in parts),
        tuple(p[2] for p in parts),
        whole,
    )


@torch.no_grad()
def joint_entropies(model: EntangledQCNN, vectors: Tensor) -> np.ndarray:
    """Returns `joint` of `layer_entropies` alone, (T,), in a fraction of its time."""
    _, active, rhos = _moments(model, vectors, lambda _: None)
    return np.array(
        [_entropy(rho, qubits, model.network.n) for rho, qubits in zip(rhos, active, strict=True)]
    )


def _moments(
    model: EntangledQCNN, vectors: Tensor, channel: qcnn.Channel
) -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...], list[Tensor]]:
    """Names of the moments, the active qubits of each, and the state of all qubits."""
    network = model.network
    n = network.n
    check(
        vectors.shape == (n, 3),
        f"Argument `vectors` must have shape ({n}, 3), but has shape {tuple(vectors.shape)}. Give one sample.",
    )
    rhos = qcnn.density_states(network, vectors.double(), channel)
    names, places = zip(*network.moments(), strict=True)
    active = []
    for done in places:
        measured = {s.wires[0] for s in network.steps[:done] if s.kind == "pool"}
        active.append(tuple(q for q in range(n) if q not in measured))
    return names, tuple(active), [rhos[done] for done in places]


def _entropy(rho: Tensor, qubits: tuple[int, ...], n: int) -> float:
    return float(states.von_neumann_entropy(states.partial_trace(rho, (2,) * n, qubits)))


def _cuts(rho: Tensor, qubits: tuple[int, ...], n: int) -> tuple[float, np.ndarray, np.ndarray]:
    """The joint entropy, that of the first k qubits, and the mutual information with the others."""
    joint = _entropy(rho, qubits, n)
    first = np.array([_entropy(rho, qubits[:k], n) for k in range(1, len(qubits))])
    rest = np.array([_entropy(rho, qubits[k:], n) for k in range(1, len(qubits))])
    return joint, first, first + rest - joint


# Reading the fusion of one sample: what each modality said about each element, how the fusion decides, where
# modalities conflict.
#
# In terms of evidence (Shafer 1976; Smets 1990): where element i stands for class i, the masses p_1
# ... p_n of a modality are a mass function on sets A of classes, each class being held possible on
# its own,
#
#     m(A) = prod_{i in A} p_i prod_{i not in A} (1 - p_i).
#
# Its plausibility of class i is then p_i itself, its commonality of A is prod_{i in A} p_i and its
# implicability prod_{i not in A} (1 - p_i). So Dempster's conjunctive combination, which multiplies
# commonalities, multiplies the masses element by element: the rule AND. The
# disjunctive one, which multiplies implicabilities, is OR. Neither is normalised: m(empty) is kept and told.

# The modality qubits only control and are then left out, so a classical mixture over their outcomes gives the same
# fused qubits. It holds while the score is read from the fused qubits alone.
INERT = "The entanglement that the fusion makes is inert for the scores: measuring the modality qubits changes none."


@dataclass(frozen=True)
class Beliefs:
    """What a mass function says about single classes, arrays (..., n).

    Attributes:
        belief: m({i}): what speaks for class i alone.
        plausibility: all that does not speak against class i; p_i.
        pignistic: probabilities to bet with: m(A) shared evenly in A, given that A is not empty (Smets). They add up to
            1.
        empty: m(empty), what speaks for no class at all, (...).
    """

    belief: np.ndarray
    plausibility: np.ndarray
    pignistic: np.ndarray
    empty: np.ndarray


def beliefs(p: Tensor) -> Beliefs:
    """Returns the beliefs of masses p_i, (..., n), without going through the 2^n sets.

    The pignistic probability is p_i sum_k P(k others are possible) / (k + 1) = p_i int_0^1 prod_{j != i} (1 - p_j + p_j
    t) dt over 1 - m(empty). The integrand is a polynomial of degree n - 1, on which Gauss-Legendre with n / 2 nodes is
    exact: O(n^2). It is not a number where all p are 0.
    """
    p = p.double()
    n = p.shape[-1]
    others = _others(1 - p)
    nodes, weights = np.polynomial.legendre.leggauss(n // 2 + 1)
    t, w = torch.from_numpy((nodes + 1) / 2), torch.from_numpy(weights / 2)
    mean = (_others(1 - p[..., None, :] * (1 - t[:, None])) * w[:, None]).sum(-2)
    share = p * mean
    return Beliefs(
        (p * others).numpy(),
        p.numpy(),
        (share / share.sum(-1, keepdim=True)).numpy(),
        (1 - p).prod(-1).numpy(),
    )


def _others(factors: Tensor) -> Tensor:
    """The product of all factors but the i-th, (..., n); no division, as a factor may be 0."""
    itself = torch.eye(factors.shape[-1], dtype=torch.bool)
    return factors[..., None, :].masked_fill(itself, 1).prod(-1)


def conjunctive(masses: Tensor) -> Tensor:
    """Returns the masses of Dempster's conjunctive combination, not normalised, (..., n), of masses (..., n, M)."""
    return masses.prod(-1)


def disjunctive(masses: Tensor) -> Tensor:
    """Returns the masses of the disjunctive combination, (..., n), of masses (..., n, M)."""
    return 1 - (1 - masses).prod(-1)


def contradiction(masses: Tensor) -> Tensor:
    """Returns m(empty) of the conjunctive combination of masses (..., n, M), (...): no class is possible to all
    modalities."""
    return (1 - conjunctive(masses)).prod(-1)


def conflict(masses: Tensor) -> Tensor:
    """Returns Dempster's K between the modalities, (...), for masses (..., n, M).

    It is the mass on contradiction when every modality is told first that some class is true (m(empty) = 0, the rest
    scaled up), so that
    a modality that merely speaks for no class does not count: K = 1 - (1 - m_conj(empty)) / prod_m (1 - m_m(empty)). It
    is not a number where a modality has m(empty) = 1.
    """
    alone = 1 - (1 - masses).prod(-2)
    return 1 - (1 - contradiction(masses)) / alone.prod(-1)


def disagreement(masses: Tensor) -> Tensor:
    """Returns Dempster's K on each element alone, 1 - prod_m p - prod_m (1 - p), (..., n): the mass on some saying yes
    and some no."""
    return 1 - masses.prod(-1) - (1 - masses).prod(-1)


def qubit_entropy(vectors: Tensor) -> Tensor:
    """Returns the von Neumann entropy of qubits with vectors (1, <X>, <Z>), (..., 3), in nats.

    For a fused qubit it is its entanglement with the qubits that it was fused from, as these are together in a pure
    state.
    """
    r = torch.hypot(vectors[..., 1], vectors[..., 2]).clamp(max=1)
    return -(torch.xlogy((1 + r) / 2, (1 + r) / 2) + torch.xlogy((1 - r) / 2, (1 - r) / 2))


@dataclass(frozen=True)
class Reading:
    """The fusion of one sample; n elements, M modalities.

    Attributes:
        modalities: names.
        elements: names of the classes where elements are classes, else "element 0", ...
        elements_are_classes: whether the beliefs and the conflict make sense.
        masses: p_mi, (n, M).
        fused: mass of every fused qubit, (n,).
        stages: masses after each stage of fusion, (n, stages); one stage up to three modalities.
        controls: names of what controls each stage: modalities, or "fused" for the qubit of the stage before.
        patterns: outcomes of the controls, such as "01", in order; the first control is the first digit.
        tables: mass of the fused qubit by outcome, (n, stages, patterns): the rule as learned.
        weights: probability of each outcome in this sample, (n, stages, patterns); stages = sum(weights * tables).
        rules: for each element the nearest named rule and the root mean square distance of the tables (0 to 1).
        conjunctive, disjunctive: masses that AND and OR would give, (n,).
        disagreement: see the function, (n,).
        contradiction, conflict: see the functions; None where elements are no classes.
        pairwise: conflict of every two modalities, (M, M), zero on the diagonal; None as above.
        by_modality: beliefs of each modality, arrays (M, n); None as above.
        by_fusion: beliefs of the fused masses, arrays (n,); None as above.
        vectors: (1, <X>, <Z>) of every fused qubit, (n, 3).
        entropy: of every fused qubit, nats, (n,): its entanglement with the qubits that it was fused from,
            which is inert for the scores (`INERT`).
    """

    modalities: tuple[str, ...]
    elements: tuple[str, ...]
    elements_are_classes: bool
    masses: np.ndarray
    fused: np.ndarray
    stages: np.ndarray
    controls: tuple[tuple[str, ...], ...]
    patterns: tuple[str, ...]
    tables: np.ndarray
    weights: np.ndarray
    rules: tuple[tuple[str, float], ...]
    conjunctive: np.ndarray
    disjunctive: np.ndarray
    disagreement: np.ndarray
    contradiction: float | None
    conflict: float | None
    pairwise: np.ndarray | None
    by_modality: Beliefs | None
    by_fusion: Beliefs | None
    vectors: np.ndarray
    entropy: np.ndarray

    def frame(self) -> pd.DataFrame:
        """Returns one row per element with all its numbers."""
        columns: dict[str, object] = {
            f"mass[{name}]": self.masses[:, m] for m, name in enumerate(self.modalities)
        }
        columns |= {
            "mass": self.fused,
            "and": self.conjunctive,
            "or": self.disjunctive,
            "disagreement": self.disagreement,
            "entropy": self.entropy,
            "rule": [rule for rule, _ in self.rules],
            "distance": [d for _, d in self.rules],
        }
        for kind in ("belief", "plausibility", "pignistic"):
            if self.by_modality is not None and self.by_fusion is not None:
                columns |= {
                    f"{kind}[{name}]": getattr(self.by_modality, kind)[m]
                    for m, name in enumerate(self.modalities)
                }
                columns[kind] = getattr(self.by_fusion, kind)
        return pd.DataFrame(columns, index=pd.Index(self.elements, name="element"))


@torch.no_grad()
def read(model: EntangledQCNN, masses: Mapping[str, Tensor]) -> Reading:
    """Returns the reading of one sample.

    Args:
        model: whose fusion it is; one `with_angles` too.
        masses: of the sample, (n,) per modality: one row of `model.encode(inputs)`.

    Raises:
        InvalidInput: when a modality is missing, or its masses have another number or are not in [0, 1].
    """
    n, M = model.elements, len(model.modalities)
    check(
        set(masses) == set(model.modalities),
        f"Argument `masses` must hold {list(model.modalities)}, but holds {list(masses)[:8]}. Use `model.encode` of "
        "one sample.",
    )
    for name, values in masses.items():
        check(
            values.shape == (n,),
            f"Argument `masses[{name}]` must have shape ({n},), but has shape {tuple(values.shape)}. "
            "Give one sample.",
        )
        require_finite(f"masses[{name}]", values)
        check(
            bool(((values >= 0) & (values <= 1)).all()),
            f"Argument `masses[{name}]` must lie in [0, 1], but does not. They are sin^2.",
        )
    p = torch.stack([masses[name].double() for name in model.modalities], -1)
    phi = model.phi.double()
    vectors, stages = entangled_qcnn.fuse(p, phi)
    classes = model.elements_are_classes
    joint = phi.shape[1] == 1
    before = [
        p if joint else p[:, :2],
        *(torch.stack([stages[:, k - 1], p[:, k + 1]], -1) for k in range(1, phi.shape[1])),
    ]
    controls = [
        model.modalities if joint else model.modalities[:2],
        *(("fused", name) for name in ([] if joint else model.modalities[2:])),
    ]
    return Reading(
        model.modalities,
        model.outputs if classes else tuple(f"element {i}" for i in range(n)),
        classes,
        p.numpy(),
        stages[:, -1].numpy(),
        stages.numpy(),
        tuple(controls),
        tuple(
            "".join(str(int(b)) for b in row) for row in entangled_qcnn.patterns(len(controls[0]))
        ),
        torch.sin(phi / 2).square().numpy(),
        torch.stack([entangled_qcnn.probabilities(q) for q in before], 1).numpy(),
        tuple(entangled_qcnn.nearest_rule(phi, M)),
        conjunctive(p).numpy(),
        disjunctive(p).numpy(),
        disagreement(p).numpy(),
        float(contradiction(p)) if classes else None,
        float(conflict(p)) if classes else None,
        _pairwise(p) if classes else None,
        beliefs(p.mT) if classes else None,
        beliefs(stages[:, -1]) if classes else None,
        vectors.numpy(),
        qubit_entropy(vectors).numpy(),
    )


def _pairwise(masses: Tensor) -> np.ndarray:
    M = masses.shape[-1]
    return np.array(
        [
            [float(conflict(masses[:, [a, b]])) if a != b else 0.0 for b in range(M)]
            for a in range(M)
        ]
    )
