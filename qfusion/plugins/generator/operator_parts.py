"""The operators of a generator taken apart: levels of H, the largest terms in a basis of letters, eigenvalues.

The basis is independent of the gauge of the learned operators."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from qfusion._checks import check
from qfusion.data.coalition_terms import split_term
from qfusion.quantum import decomposition, generators, lindblad
from qfusion.study.sample import Sample

MAX_MODES = 32  # dimension D up to which all D^2 eigenvalues of the generator are computed
HAMILTONIAN, READOUT = "H", "read-out"
JUMP_OPERATOR = "jump operator, in the canonical unravelling,"


def levels(system: lindblad.System) -> tuple[np.ndarray, np.ndarray]:
    """Return the energies of H without and with its couplings, ascending, (D,) each."""
    parts = decomposition.decompose(system.H, system.dims)
    alone = torch.stack([part for subset, part in parts.items() if len(subset) <= 1]).sum(0)
    return torch.linalg.eigvalsh(alone).numpy(), torch.linalg.eigvalsh(system.H).numpy()


def operator_names(model: Any) -> dict[str, str]:
    """Return the operators of a model that can be expanded in a basis of letters, by symbol, with their names."""
    jumps = {f"L{k + 1}": JUMP_OPERATOR for k in range(model.jump_count)}
    return {HAMILTONIAN: "Hamiltonian", **jumps, READOUT: "observable measured at T"}


@torch.no_grad()
def operator(sample: Sample, system: lindblad.System, name: str) -> torch.Tensor:
    """Return one of `operator_names`, (D, D), of a sample's model and its system."""
    if name == HAMILTONIAN:
        return system.H
    if name == READOUT:
        return sample.model.readout()[sample.output].to(system.H.dtype)
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
            f"{name} {entry}"
            for name, entry in zip(split_term(self.term), self.letters, strict=True)
        )


def largest(A: torch.Tensor, system: lindblad.System, count: int) -> tuple[list[Letter], float]:
    """Return the largest terms of an operator without the identity, and which part of all their squares they hold."""
    names = [decomposition.basis(d)[0] for d in system.dims]
    values = decomposition.expand(A, system.dims).numpy()
    sizes = np.abs(values)
    sizes[(0,) * sizes.ndim] = 0
    terms = []
    for place in np.argsort(-sizes, axis=None, kind="stable")[:count]:
        at = np.unravel_index(place, sizes.shape)
        acts = [m for m, letter in enumerate(at) if letter]
        if sizes[at] > 0:
            terms.append(
                Letter(
                    "+".join(system.names[m] for m in acts),
                    tuple(names[m][at[m]] for m in acts),
                    complex(values[at]),
                )
            )
    part = float((np.abs([term.value for term in terms]) ** 2).sum())
    return terms, part / float((sizes**2).sum()) if terms else 0.0


def has_modes(sample: Any, **_: Any) -> bool:
    """Whether a sample's model has a generator that is small enough to be diagonalised."""
    dimension = sample.study.backend.generator_dimension()
    return 0 < dimension <= MAX_MODES


def modes(system: lindblad.System) -> np.ndarray:
    """Return all eigenvalues of the generator of the master equation, (D^2,) complex, the slowest first.

        L rho = -i [H, rho] + sum_k (L_k rho L_k^+ - {L_k^+ L_k, rho} / 2)

    Real parts are decay rates, negative or zero; imaginary ones are frequencies.

    Raises:
        InvalidInput: when D is above MAX_MODES.
    """
    D = len(system.H)
    check(
        D <= MAX_MODES,
        f"All eigenvalues of the generator are computed up to D = {MAX_MODES}, but D is {D}. Look "
        "at the spectral gap under Steady state.",
    )
    _, G, L = lindblad.form(lindblad.Term((0,), system.H, system.jumps), "states")
    values = np.linalg.eigvals(generators.superoperator(G, L).numpy())
    return values[np.lexsort((values.imag, -values.real))]
