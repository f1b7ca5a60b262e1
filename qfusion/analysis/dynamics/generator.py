"""What the generator of a model with time is made of, in the form that no gauge changes (`quantum.gauge`): strengths by
coalition, levels, letters, modes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.analysis.memo import memo
from qfusion.analysis.sample import Sample
from qfusion.data.modality import split_term
from qfusion.quantum import decomposition
from qfusion.quantum.decomposition import decompose, strengths, subset_name
from qfusion.quantum.lindblad import System

MAX_MODES = 32  # dimension D up to which all D^2 eigenvalues of the generator are worked out
HAMILTONIAN, READOUT = "H", "read-out"


@dataclass(frozen=True, eq=False)
class Strengths:
    """How strong each coalition's part is.

    Attributes:
        energy: by coalition, sqrt(Tr[H_S^2] / D): the root mean square energy of H_S. Squares add up.
        rates: by coalition, sum_k Tr[L_k^A+ L_k^A] / D: its part of the jumps per time in the completely mixed state.
            They add up.
    """

    energy: dict[str, float]
    rates: dict[str, float]


def strengths_of(system: System) -> Strengths:
    """Returns the strengths of all coalitions but the empty one, whose part of H moves all levels alike."""
    D = len(system.H)
    ours = strengths(system.H, system.dims)
    theirs = strengths(system.jumps, system.dims)
    return Strengths(
        {subset_name(s, system.names): float(value) / D**0.5 for s, value in ours.items() if s},
        {
            subset_name(s, system.names): float(value.square().sum()) / D
            for s, value in theirs.items()
            if s
        },
    )


@memo(16, background=False)
def learned_strengths(work: Any) -> Strengths:
    """Returns the strengths of a workspace's model as it was learned."""
    return strengths_of(work.model.system())


def levels(system: System) -> tuple[np.ndarray, np.ndarray]:
    """Returns the energies of H without and with its couplings, ascending, (D,) each."""
    parts = decompose(system.H, system.dims)
    alone = torch.stack([part for subset, part in parts.items() if len(subset) <= 1]).sum(0)
    free, coupled = (torch.linalg.eigvalsh(each).numpy() for each in (alone, system.H))
    return free, coupled


def operators(model: Any) -> dict[str, str]:
    """The operators of a model that can be read letter by letter, by name, and what each is."""
    jumps = {
        f"L{k + 1}": "jump operator, in the canonical unravelling," for k in range(model.jump_count)
    }
    return {HAMILTONIAN: "Hamiltonian", **jumps, READOUT: "what is read at T"}


def operator(sample: Sample, system: System, name: str) -> Tensor:
    """Returns one of `operators`, (D, D), of a sample's model and its system."""
    if name == HAMILTONIAN:
        return system.H
    if name == READOUT:
        with torch.no_grad():
            found: Tensor = sample.model.readout()[sample.output].to(torch.complex128)
        return found
    return system.jumps[int(name[1:]) - 1]


@dataclass(frozen=True)
class Letter:
    """A term of an operator: the coalition on which it acts, its letters there, and its coefficient."""

    term: str
    letters: tuple[str, ...]
    value: complex

    @property
    def words(self) -> str:
        """For example "text XZ · audio IY"."""
        return " · ".join(
            f"{name} {each}" for name, each in zip(split_term(self.term), self.letters, strict=True)
        )


def largest(A: Tensor, system: System, count: int) -> tuple[list[Letter], float]:
    """Returns the largest terms of an operator without the identity, and which part of all their squares they hold."""
    names = [decomposition.basis(d)[0] for d in system.dims]
    found = decomposition.expand(A, system.dims).numpy()
    sizes = np.abs(found)
    sizes[(0,) * sizes.ndim] = 0
    order = np.argsort(-sizes, axis=None, kind="stable")[:count]
    terms = []
    for place in order:
        at = np.unravel_index(place, sizes.shape)
        acts = [m for m, letter in enumerate(at) if letter]
        if sizes[at] > 0:
            terms.append(
                Letter(
                    "+".join(system.names[m] for m in acts),
                    tuple(names[m][at[m]] for m in acts),
                    complex(found[at]),
                )
            )
    total = float((sizes**2).sum())
    return terms, float(
        (np.abs([each.value for each in terms]) ** 2).sum()
    ) / total if total else 0.0


def has_modes(subject: Any, **_: Any) -> bool:
    """Whether a sample's model has a generator that is small enough to be diagonalised."""
    work = subject.work
    return bool(work.can("time")) and int(np.prod(subject.model.dims)) <= MAX_MODES


def modes(system: System) -> np.ndarray:
    """Returns all eigenvalues of the generator of the master equation, (D^2,) complex, the slowest first.

        L rho = -i [H, rho] + sum_k (L_k rho L_k^+ - {L_k^+ L_k, rho} / 2)

    Real parts are decay rates, negative or zero; imaginary ones are frequencies.

    Raises:
        InvalidInput: when D is above MAX_MODES.
    """
    H, jumps = system.H.numpy(), system.jumps.numpy()
    D = len(H)
    check(
        D <= MAX_MODES,
        f"All eigenvalues of the generator are worked out up to D = {MAX_MODES}, but D is {D}. Look "
        "at the spectral gap under Steady state.",
    )
    one = np.eye(D)
    effective = -1j * H - np.einsum("kji,kjl->il", jumps.conj(), jumps) / 2
    # rho as its rows one after the other: A rho B becomes (A x B^T)
    found = np.kron(effective, one) + np.kron(one, effective.conj())
    for L in jumps:
        found += np.kron(L, L.conj())
    values = np.linalg.eigvals(found)
    return values[np.lexsort((values.imag, -values.real))]
