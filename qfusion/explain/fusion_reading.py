"""The fusion of one sample in an entangled-fusion network: the masses of each element before and after each stage, the
rule of the fusion, and conflicts between modalities.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from qfusion._checks import check, require_finite
from qfusion.explain import evidence
from qfusion.explain.evidence import Beliefs
from qfusion.models import TruthTables
from qfusion.models.network import truth_tables


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
def read_fusion(model: TruthTables, masses: Mapping[str, Tensor]) -> Reading:
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
    reading = Reading(
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
        conjunctive=evidence.conjunctive(p).numpy(),
        disjunctive=evidence.disjunctive(p).numpy(),
        disagreement=evidence.disagreement(p).numpy(),
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
        conflict=float(evidence.conflict(p)),
        pairwise=_pairwise_conflict(p),
        by_modality=evidence.beliefs(p.mT),
        by_fusion=evidence.beliefs(fused),
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
                result[a, b] = float(evidence.conflict(p[:, [a, b]]))
    return result
