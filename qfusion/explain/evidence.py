"""The fusion of one sample in an entangled-fusion network: the beliefs of each modality about each element, the rule of
the fusion, and conflicts between modalities.

In terms of evidence theory (Shafer 1976; Smets 1990): if element i represents class i, the masses p_1 ... p_n of a
modality define a mass function on sets A of classes, in which each class is possible independently,

    m(A) = prod_{i in A} p_i prod_{i not in A} (1 - p_i).

Its plausibility of class i is p_i, its commonality of A is prod_{i in A} p_i, and its implicability is
prod_{i not in A} (1 - p_i). Dempster's conjunctive combination multiplies commonalities and therefore multiplies the
masses element by element: the rule AND. The disjunctive combination multiplies implicabilities: the rule OR. Neither
is normalised; m(empty) is reported.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from qfusion._checks import check, require_finite
from qfusion.models import TruthTables, truth_tables


@dataclass(frozen=True)
class Beliefs:
    """Beliefs of a mass function in single classes, as arrays (..., n).

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
    """Return the beliefs of masses p_i, (..., n), without going through the 2^n sets.

    The pignistic probability is p_i sum_k P(k others are possible) / (k + 1) = p_i int_0^1 prod_{j != i} (1 - p_j + p_j
    t) dt over 1 - m(empty). The integrand is a polynomial of degree n - 1, on which Gauss-Legendre with n / 2 nodes is
    exact: O(n^2). It is not a number where all p are 0.
    """
    p = p.double()
    others = _others(1 - p)
    nodes, weights = np.polynomial.legendre.leggauss(p.shape[-1] // 2 + 1)
    t, w = torch.from_numpy((nodes + 1) / 2), torch.from_numpy(weights / 2)
    share = p * (_others(1 - p[..., None, :] * (1 - t[:, None])) * w[:, None]).sum(-2)
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
    """Return the masses of Dempster's conjunctive combination, not normalised, (..., n), of masses (..., n, M)."""
    return masses.prod(-1)


def disjunctive(masses: Tensor) -> Tensor:
    """Return the masses of the disjunctive combination, (..., n), of masses (..., n, M)."""
    return 1 - (1 - masses).prod(-1)


def contradiction(masses: Tensor) -> Tensor:
    """Return m(empty) of the conjunctive combination of masses (..., n, M), (...): no class is possible to all
    modalities."""
    return (1 - conjunctive(masses)).prod(-1)


def conflict(masses: Tensor) -> Tensor:
    """Return Dempster's K between the modalities, (...), for masses (..., n, M).

    It is the mass on contradiction when every modality is told first that some class is true (m(empty) = 0, the rest
    scaled up), so that
    a modality that merely speaks for no class does not count: K = 1 - (1 - m_conj(empty)) / prod_m (1 - m_m(empty)). It
    is not a number where a modality has m(empty) = 1.
    """
    return 1 - (1 - contradiction(masses)) / (1 - (1 - masses).prod(-2)).prod(-1)


def disagreement(masses: Tensor) -> Tensor:
    """Return Dempster's K on each element alone, 1 - prod_m p - prod_m (1 - p), (..., n): the mass on some saying yes
    and some no."""
    return 1 - masses.prod(-1) - (1 - masses).prod(-1)


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
        columns: dict[str, object] = {
            **{f"mass[{name}]": self.masses[:, m] for m, name in enumerate(self.modalities)},
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
def read(model: TruthTables, masses: Mapping[str, Tensor]) -> Reading:
    """Return the reading of one sample.

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
    vectors, stages = truth_tables.fuse(p, phi)
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
        tuple("".join(str(int(b)) for b in row) for row in truth_tables.patterns(len(controls[0]))),
        torch.sin(phi / 2).square().numpy(),
        torch.stack([truth_tables.probabilities(q) for q in before], 1).numpy(),
        tuple(truth_tables.nearest_rule(phi, M)),
        conjunctive(p).numpy(),
        disjunctive(p).numpy(),
        disagreement(p).numpy(),
        float(conflict(p)) if classes else None,
        np.array(
            [[float(conflict(p[:, [a, b]])) if a != b else 0.0 for b in range(M)] for a in range(M)]
        )
        if classes
        else None,
        beliefs(p.mT) if classes else None,
        beliefs(stages[:, -1]) if classes else None,
        vectors.numpy(),
        truth_tables.fused_entropy(vectors).numpy(),
    )
