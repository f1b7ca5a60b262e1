"""The fusion of one sample in an entangled-fusion network: masses, evidence, and entropies along its layers.

The fusion of one sample in an entangled-fusion network: the masses of each element before and after each stage, the
rule of the fusion, and conflicts between modalities.

Evidence theory on the masses of an entangled-fusion network: beliefs in classes, combinations and conflict.

In terms of evidence theory (Shafer 1976; Smets 1990): if element i represents class i, the masses p_1 ... p_n of a
modality define a mass function on sets A of classes, in which each class is possible independently,

    m(A) = prod_{i in A} p_i prod_{i not in A} (1 - p_i).

Its plausibility of class i is p_i, its commonality of A is prod_{i in A} p_i, and its implicability is
prod_{i not in A} (1 - p_i). Dempster's conjunctive combination multiplies commonalities and therefore multiplies the
masses element by element: the rule AND. The disjunctive combination multiplies implicabilities: the rule OR. Neither
is normalised; m(empty) is reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from qfusion._checks import check, require_finite
from qfusion.models import TruthTables
from qfusion.models.network import qcnn, truth_tables
from qfusion.quantum import measures, states


@dataclass(frozen=True)
class FusionEvidence:
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
        conflict: see the function; None where elements are no classes.
        pairwise: conflict of every two modalities, (M, M), zero on the diagonal; None as above.
        by_modality: beliefs of each modality, arrays (M, n); None as above.
        by_fusion: beliefs of the fused masses, arrays (n,); None as above.
        vectors: (1, <X>, <Z>) of every fused qubit, (n, 3).
        entropy: of every fused qubit, nats, (n,): its entanglement with the qubits that it was fused from,
            which does not affect the decision (`INERT`).
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
    conflict: float | None
    pairwise: np.ndarray | None
    by_modality: Beliefs | None
    by_fusion: Beliefs | None
    vectors: np.ndarray
    entropy: np.ndarray

    def frame(self) -> pd.DataFrame:
        """Return one row per element with all its numbers."""
        columns: dict[str, object] = {}
        for m, name in enumerate(self.modalities):
            columns[f"mass[{name}]"] = self.masses[:, m]
        columns |= {
            "mass": self.fused,
            "and": self.conjunctive,
            "or": self.disjunctive,
            "disagreement": self.disagreement,
            "entropy": self.entropy,
            "rule": [rule for rule, _ in self.rules],
            "distance": [distance for _, distance in self.rules],
        }
        if self.by_modality is not None and self.by_fusion is not None:
            for kind in ("belief", "plausibility", "pignistic"):
                by_modality = getattr(self.by_modality, kind)
                for name, values in zip(self.modalities, by_modality, strict=True):
                    columns[f"{kind}[{name}]"] = values
                columns[kind] = getattr(self.by_fusion, kind)
        return pd.DataFrame(columns, index=pd.Index(self.elements, name="element"))


@torch.no_grad()
def fusion_evidence(model: TruthTables, masses: Mapping[str, Tensor]) -> FusionEvidence:
    """Return the reading of one sample.

    Args:
        model: whose fusion it is; one `with_angles` too.
        masses: of the sample, (n,) per modality: one row of `model.encode(inputs)`.

    Raises:
        InvalidInput: when a modality is missing, or its masses have another number or are not in [0, 1].
    """
    _check_masses(model, masses)
    n = model.elements
    p = torch.stack([masses[name].double() for name in model.modalities], -1)
    phi = model.phi.double()
    vectors, stages = truth_tables.fuse(p, phi)
    controls, before = _stage_controls(model.modalities, p, stages)
    fused = stages[:, -1]
    element_names = [f"element {i}" for i in range(n)]
    weights = torch.stack([truth_tables.probabilities(q) for q in before], 1)
    rules = truth_tables.nearest_rule(phi, len(model.modalities))
    reading = FusionEvidence(
        modalities=model.modalities,
        elements=tuple(element_names),
        elements_are_classes=model.elements_are_classes,
        masses=p.numpy(),
        fused=fused.numpy(),
        stages=stages.numpy(),
        controls=controls,
        patterns=_pattern_names(len(controls[0])),
        tables=torch.sin(phi / 2).square().numpy(),
        weights=weights.numpy(),
        rules=tuple(rules),
        conjunctive=conjunctive(p).numpy(),
        disjunctive=disjunctive(p).numpy(),
        disagreement=disagreement(p).numpy(),
        conflict=None,
        pairwise=None,
        by_modality=None,
        by_fusion=None,
        vectors=vectors.numpy(),
        entropy=truth_tables.fused_entropy(vectors).numpy(),
    )
    if not model.elements_are_classes:
        return reading
    return replace(
        reading,
        elements=model.outputs,
        conflict=float(conflict(p)),
        pairwise=_pairwise_conflict(p),
        by_modality=beliefs(p.mT),
        by_fusion=beliefs(fused),
    )


def _check_masses(model: TruthTables, masses: Mapping[str, Tensor]) -> None:
    n = model.elements
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


def _stage_controls(
    modalities: tuple[str, ...], p: Tensor, stages: Tensor
) -> tuple[tuple[tuple[str, ...], ...], list[Tensor]]:
    """Return the names of the controls of each stage, and their masses, (n, controls) each.

    Args:
        modalities: names. p: masses, (n, M). stages: masses after each stage, (n, stages).
    """
    if stages.shape[1] == 1:
        return (modalities,), [p]
    names = [modalities[:2]]
    masses = [p[:, :2]]
    for k in range(
        1, stages.shape[1]
    ):  # the fused qubit of the stage before, and the next modality
        names.append(("fused", modalities[k + 1]))
        masses.append(torch.stack([stages[:, k - 1], p[:, k + 1]], -1))
    return tuple(names), masses


def _pattern_names(controls: int) -> tuple[str, ...]:
    """Return the outcomes of the controls, such as "01", in order."""
    patterns = truth_tables.patterns(controls)
    return tuple("".join(str(int(bit)) for bit in pattern) for pattern in patterns)


def _pairwise_conflict(p: Tensor) -> np.ndarray:
    """Return the conflict of every two modalities, (M, M), of masses (n, M); the diagonal is 0."""
    M = p.shape[1]
    result = np.zeros((M, M))
    for a in range(M):
        for b in range(M):
            if a != b:
                result[a, b] = float(conflict(p[:, [a, b]]))
    return result


@dataclass(frozen=True)
class Beliefs:
    """Beliefs of a mass function in single classes, as arrays (..., n).

    Attributes:
        belief: m({i}), the evidence for class i alone.
        plausibility: p_i, all evidence that is not against class i.
        pignistic: betting probabilities: m(A) shared evenly in A, given that A is not empty (Smets). They add up to 1.
        empty: m(empty), the evidence for no class, (...).
    """

    belief: np.ndarray
    plausibility: np.ndarray
    pignistic: np.ndarray
    empty: np.ndarray


def beliefs(p: Tensor) -> Beliefs:
    """Return the beliefs of masses p_i, (..., n), without going through the 2^n sets.

    The pignistic probability is p_i sum_k P(k others are possible) / (k + 1) = p_i int_0^1 prod_{j != i} (1 - p_j + p_j
    t) dt over 1 - m(empty). The integrand is a polynomial of degree n - 1, on which Gauss-Legendre with n / 2 nodes is
    exact: O(n^2). It is NaN where all p are 0.

    Example:
        >>> import torch
        >>> from qfusion.explain.fusion import beliefs
        >>> beliefs(torch.tensor([0.9, 0.2], dtype=torch.float64)).plausibility
        array([0.9, 0.2])
    """
    p = p.double()
    others = _others(1 - p)
    nodes, weights = np.polynomial.legendre.leggauss(p.shape[-1] // 2 + 1)
    t = torch.from_numpy((nodes + 1) / 2)
    w = torch.from_numpy(weights / 2)
    integrand = _others(1 - p[..., None, :] * (1 - t[:, None]))
    share = p * (integrand * w[:, None]).sum(-2)
    return Beliefs(
        belief=(p * others).numpy(),
        plausibility=p.numpy(),
        pignistic=(share / share.sum(-1, keepdim=True)).numpy(),
        empty=(1 - p).prod(-1).numpy(),
    )


def _others(factors: Tensor) -> Tensor:
    """Return the product of all factors but the i-th, (..., n), without division, since a factor may be 0."""
    itself = torch.eye(factors.shape[-1], dtype=torch.bool)
    return factors[..., None, :].masked_fill(itself, 1).prod(-1)


def conjunctive(masses: Tensor) -> Tensor:
    """Return the masses of Dempster's conjunctive combination, not normalised, (..., n), of masses (..., n, M).

    Example:
        >>> import torch
        >>> from qfusion.explain.fusion import conjunctive
        >>> conjunctive(torch.tensor([[0.5, 0.8], [1.0, 0.2]]))
        tensor([0.4000, 0.2000])
    """
    return masses.prod(-1)


def disjunctive(masses: Tensor) -> Tensor:
    """Return the masses of the disjunctive combination, (..., n), of masses (..., n, M).

    Example:
        >>> import torch
        >>> from qfusion.explain.fusion import disjunctive
        >>> disjunctive(torch.tensor([[0.5, 0.8], [1.0, 0.2]]))
        tensor([0.9000, 1.0000])
    """
    return 1 - (1 - masses).prod(-1)


def contradiction(masses: Tensor) -> Tensor:
    """Return m(empty) of the conjunctive combination of masses (..., n, M), (...): no class is possible to all
    modalities.

    Example:
        >>> import torch
        >>> from qfusion.explain.fusion import contradiction
        >>> contradiction(torch.tensor([[0.5, 0.8], [1.0, 0.2]]))
        tensor(0.4800)
    """
    return (1 - conjunctive(masses)).prod(-1)


def conflict(masses: Tensor) -> Tensor:
    """Return Dempster's K between the modalities, (...), for masses (..., n, M).

    It is the mass on contradiction if the masses of every modality are normalised first (m(empty) = 0, the rest scaled
    up), so that a modality without evidence for any class does not count: K = 1 - (1 - m_conj(empty)) / prod_m (1 -
    m_m(empty)). It is NaN where a modality has m(empty) = 1.

    Example:
        >>> import torch
        >>> from qfusion.explain.fusion import conflict
        >>> conflict(torch.tensor([[0.5, 0.8], [1.0, 0.2]])).round(decimals=4)
        tensor(0.3810)
    """
    return 1 - (1 - contradiction(masses)) / (1 - (1 - masses).prod(-2)).prod(-1)


def disagreement(masses: Tensor) -> Tensor:
    """Return Dempster's K on each element alone, 1 - prod_m p - prod_m (1 - p), (..., n): the mass on some saying yes
    and some no.

    Example:
        >>> import torch
        >>> from qfusion.explain.fusion import disagreement
        >>> disagreement(torch.tensor([[0.5, 0.8], [1.0, 0.2]])).round(decimals=4)
        tensor([0.5000, 0.8000])
    """
    return 1 - masses.prod(-1) - (1 - masses).prod(-1)


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

    def poolings(self) -> pd.DataFrame:
        """Return one row per pooling: its `layer` and, in nats, the entropy of the active qubits `before`, the
        entropy of the remaining qubits `after`, and the sum of the Shannon entropies of the single `outcomes`.
        """
        measured = [sorted({*a} - {*b}) for a, b in pairwise(self.active)]
        rows = []
        for layer, t in enumerate(range(2, len(self.moments), 2)):
            row = {
                "layer": layer,
                "before": self.joint[t - 1],
                "after": self.joint[t],
                "outcomes": self.single[t, measured[t - 1]].sum(),
            }
            rows.append(row)
        return pd.DataFrame(rows)


@torch.no_grad()
def layer_entropies(model: TruthTables, vectors: Tensor) -> LayerEntropies:
    """Return the entropies of one sample.

    Args:
        model: whose network it is.
        vectors: fused qubits (1, <X>, <Z>), (n, 3), as of `model.fuse`.
    """
    n = model.network.n
    moments, active, rhos = _moments(model, vectors)
    joint, single, cuts, mutual, whole = [], [], [], [], []
    for rho, qubits in zip(rhos, active, strict=True):
        S, first, shared = _cuts(rho, qubits, n)
        joint.append(S)
        single.append([_entropy(rho, (q,), n) for q in range(n)])
        cuts.append(first)
        mutual.append(shared)
        whole.append(S if len(qubits) == n else _entropy(rho, tuple(range(n)), n))
    return LayerEntropies(
        moments=moments,
        active=active,
        joint=np.array(joint),
        single=np.array(single),
        cuts=tuple(cuts),
        mutual=tuple(mutual),
        whole=np.array(whole),
    )


def _moments(
    model: TruthTables, vectors: Tensor
) -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...], list[Tensor]]:
    """Return the names of the moments, the active qubits at each moment, and the state of all qubits at each moment."""
    network = model.network
    n = network.n
    check(
        vectors.shape == (n, 3),
        f"Argument `vectors` must have shape ({n}, 3), but has shape {tuple(vectors.shape)}. Give one sample.",
    )
    rhos = qcnn.density_states(network, vectors.double())
    names, places = zip(*network.moments(), strict=True)
    measured = [{s.wires[0] for s in network.steps[:done] if s.kind == "pool"} for done in places]
    active = tuple(tuple(q for q in range(n) if q not in gone) for gone in measured)
    return names, active, [rhos[done] for done in places]


def _entropy(rho: Tensor, qubits: tuple[int, ...], n: int) -> float:
    return float(measures.von_neumann_entropy(states.partial_trace(rho, (2,) * n, qubits)))


def _cuts(rho: Tensor, qubits: tuple[int, ...], n: int) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the joint entropy, the entropy of the first k qubits, and their mutual information with the others."""
    joint = _entropy(rho, qubits, n)
    first = np.array([_entropy(rho, qubits[:k], n) for k in range(1, len(qubits))])
    rest = np.array([_entropy(rho, qubits[k:], n) for k in range(1, len(qubits))])
    return joint, first, first + rest - joint
