"""Data sets whose features are kets: 2 d real numbers a sample and modality, in double precision.

from a data set and the kets of its samples:    as_ket_set(dataset, {"A": kets}, name="...")
of a system alone, product states of bases:     product_state_set(states, y, ...)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.data.coalition_terms import coalition_names
from qfusion.data.data_set import DataSet
from qfusion.data.modality_spec import Modality
from qfusion.data.sample_content import Content, Text
from qfusion.data.target_spec import Target

NORM = 1e-6  # by how much the norm of a ket may differ from 1
MOST_LEVELS = 1024  # of a system whose basis states are all samples
BASES = {
    "basis": "test",
    "Fourier": "train",
    "chirp": "valid",
}  # of product states, with their part of the split


def ket_modality(name: str, kets: Any, ids: np.ndarray) -> Modality:
    """Return the modality whose features are the real and the imaginary parts of kets.

    Args:
        name: of the modality.
        kets: amplitudes (N, d), complex.
        ids: of the samples, (N,), for messages.

    Raises:
        InvalidInput: when kets are not finite, or one is not of norm 1; the message names the sample.
    """
    values = np.asarray(kets, dtype=np.complex128)
    check(
        values.ndim == 2 and len(values) == len(ids),
        f"Kets of `{name}` must have shape ({len(ids)}, d), but have shape {values.shape}.",
    )
    norms = np.linalg.norm(values, axis=1)
    bad = np.flatnonzero(~(np.abs(norms - 1) <= NORM))  # also where it is NaN
    row = int(bad[0]) if len(bad) else 0
    check(
        not len(bad),
        f"Kets of `{name}` must have norm 1, but that of sample '{str(ids[row])[:80]}' (row {row}) has norm "
        f"{norms[row]:.9g}, and {len(bad) - 1} more differ. Divide every ket by its norm.",
    )
    values = values / norms[:, None]
    levels = range(values.shape[1])
    return Modality(
        name=name,
        values=np.concatenate([values.real, values.imag], 1),
        lengths=None,
        feature_names=tuple(f"{part} ⟨{j}|ψ⟩" for part in ("Re", "Im") for j in levels),
        double=True,
    )


def as_ket_set(dataset: DataSet, kets: Mapping[str, Any], name: str = "") -> DataSet:
    """Return a data set with kets in the place of features. Ids, split, targets, tables, contents and recordings are
    those of the set.

    Args:
        dataset: N samples.
        kets: of the subsystems, (N, d_m) each, in the order of the tensor product.
        name: of the new set; that of the set with "-kets" by default.

    Raises:
        InvalidInput: see `ket_modality`.
    """
    modalities = tuple(ket_modality(one, values, dataset.ids) for one, values in kets.items())
    names = tuple(kets)
    truth, unimodal = dataset.truth, dataset.unimodal
    if unimodal is not None:
        own = [column for column in unimodal.columns if column in names]
        unimodal = unimodal[own] if own else None
    if truth is not None and tuple(truth.columns) != coalition_names(names):
        truth = None
    sizes = ", ".join(f"{m.name} ({m.size // 2} levels)" for m in modalities)
    return replace(
        dataset,
        name=name or f"{dataset.name}-kets"[:60],
        title=f"{dataset.title}, as kets",
        description=f"{dataset.description} The features are amplitudes of kets: {sizes}.".strip(),
        modalities=modalities,
        truth=truth,
        unimodal=unimodal,
        makers={},
    )


@dataclass(frozen=True, eq=False)
class ProductStates:
    """Product states of bases.

    Attributes:
        kets: amplitudes (N, d_m) complex128 by subsystem.
        ids: "basis-01", in ASCII, (N,).
        labels: "|0⟩" and the like by subsystem, N each.
        bases: the basis that each is of, one of BASES, (N,).
    """

    kets: dict[str, np.ndarray]
    ids: np.ndarray
    labels: dict[str, list[str]]
    bases: np.ndarray


def product_states(dims: Sequence[int], names: Sequence[str]) -> ProductStates:
    """Return all product states |i>|j>... of subsystems in three bases: the basis of the operators, its Fourier
    transform, and that with quadratic phases (a chirp). Of qubits they are the eigenstates of Z, X and Y. The mean of
    each basis is the maximally mixed state 1 / D.

    Raises:
        InvalidInput: when the joint dimension is above MOST_LEVELS.
    """
    D = math.prod(dims)
    check(
        D <= MOST_LEVELS,
        f"A system alone must have at most {MOST_LEVELS:,} levels, all of whose basis states are samples, but has "
        f"{D:,}. Give a data set, or leave out subsystems.",
    )
    choices = list(product(*(range(d) for d in dims)))
    kets: dict[str, list[np.ndarray]] = {name: [] for name in names}
    labels: dict[str, list[str]] = {name: [] for name in names}
    ids, bases = [], []
    for basis in BASES:
        for name, d, chosen in zip(names, dims, zip(*choices, strict=True), strict=True):
            kets[name].append(basis_kets(d, basis)[list(chosen)])
            labels[name] += [ket_label(d, basis, j) for j in chosen]
        between = "" if max(dims) <= 10 else "-"
        ids += [f"{basis.lower()}-{between.join(map(str, choice))}" for choice in choices]
        bases += [basis] * D
    joined = {name: np.concatenate(parts) for name, parts in kets.items()}
    return ProductStates(joined, np.array(ids), labels, np.array(bases))


def basis_kets(d: int, basis: str) -> np.ndarray:
    """Return the kets of a basis of d levels as rows (d, d), see `product_states`."""
    j = np.arange(d)
    if basis == "basis":
        return np.eye(d, dtype=complex)
    rows = np.exp(2j * np.pi * np.outer(j, j) / d) / math.sqrt(d)
    if d == 2:  # exactly
        rows = np.array([[1, 1], [1, -1]], dtype=complex) / math.sqrt(2)
    if basis == "chirp":
        rows = rows * (np.array([1, 1j]) if d == 2 else np.exp(1j * np.pi * j * (j + d % 2) / d))
    return rows


def ket_label(d: int, basis: str, j: int) -> str:
    """Return the name of a ket of a basis: |0⟩, |+⟩, |−i⟩; |f1⟩ and |c1⟩ beyond qubits."""
    if basis == "basis":
        return f"|{j}⟩"
    if d == 2:
        return f"|{'+−'[j]}{'i' if basis == 'chirp' else ''}⟩"
    return f"|{basis[0].lower()}{j}⟩"


def product_state_set(
    states: ProductStates, y: np.ndarray, target: Target, *, name: str, title: str, description: str
) -> DataSet:
    """Return the data set of product states.

    Args:
        states: of N samples.
        y: targets (N,).
        target: what they are.
        name, title, description: of the set.
    """
    modalities = tuple(ket_modality(one, kets, states.ids) for one, kets in states.kets.items())
    joint = ["".join(parts) for parts in zip(*states.labels.values(), strict=True)]

    def content_of(row: int) -> dict[str, Content]:
        return {one: Text(f"{one}: {labels[row]}") for one, labels in states.labels.items()}

    return DataSet(
        name=name,
        title=title,
        description=description,
        source="made from the dimensions of the system",
        licence="none needed",
        modalities=modalities,
        target=target,
        y=y,
        ids=states.ids,
        split=np.array([BASES[basis] for basis in states.bases]),
        table=pd.DataFrame({"state": joint, "basis": states.bases}, index=states.ids),
        content_of=content_of,
    )
