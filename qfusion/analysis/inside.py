"""Operators of a model, expanded in a basis of letters, independent of the gauge of the learned operators.

Expansions and strengths are those of `quantum.decomposition`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from qfusion._checks import check
from qfusion.analysis.sample import Sample
from qfusion.data.coalition_terms import split_term
from qfusion.quantum import decomposition, generators, lindblad

MAX_MODES = 32  # dimension D up to which all D^2 eigenvalues of the generator are computed
HAMILTONIAN, READOUT = "H", "read-out"


def coalition_strengths(system: lindblad.System) -> tuple[dict[str, float], dict[str, float]]:
    """Return the strengths of the parts of all coalitions except the empty one, which moves all levels alike. The
    energies sqrt(Tr[H_S^2] / D) are the root mean square energies of H_S, and their squares add up. The rates sum_k
    Tr[L_k^A+ L_k^A] / D are the coalitions' parts of the jumps per time in the completely mixed state, and they add
    up.
    """
    D = len(system.H)
    energies = {}
    for subset, value in decomposition.strengths(system.H, system.dims).items():
        if subset:
            name = decomposition.subset_name(subset, system.names)
            energies[name] = float(value) / D**0.5
    rates = {}
    for subset, value in decomposition.strengths(system.jumps, system.dims).items():
        if subset:
            name = decomposition.subset_name(subset, system.names)
            rates[name] = float(value.square().sum()) / D
    return energies, rates


def levels(system: lindblad.System) -> tuple[np.ndarray, np.ndarray]:
    """Return the energies of H without and with its couplings, ascending, (D,) each."""
    parts = decomposition.decompose(system.H, system.dims)
    alone = torch.stack([part for subset, part in parts.items() if len(subset) <= 1]).sum(0)
    return torch.linalg.eigvalsh(alone).numpy(), torch.linalg.eigvalsh(system.H).numpy()


def operator_symbols(model: Any) -> tuple[str, ...]:
    """Return the symbols of the operators of a model that can be expanded in a basis of letters."""
    jumps = (f"L{k + 1}" for k in range(model.jump_count))
    return (HAMILTONIAN, *jumps, READOUT)


@torch.no_grad()
def operator(sample: Sample, system: lindblad.System, name: str) -> torch.Tensor:
    """Return one of `operators`, (D, D), of a sample's model and its system."""
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
    dimension = sample.study.space.generator_dimension()
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
