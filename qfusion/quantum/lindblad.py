"""The Lindblad evolution of states (Schroedinger) and observables (Heisenberg), with gradients, hbar = 1.

    d rho/dt =  -i[H, rho] + sum_k (L_k rho L_k^+ - 1/2 {L_k^+ L_k, rho})
    d O/dt   =  +i[H, O]   + sum_k (L_k^+ O L_k   - 1/2 {L_k^+ L_k, O})

(Lindblad 1976; Gorini, Kossakowski, Sudarshan 1976). Both have the form X' = G X + X G^+ + sum_k L_k X L_k^+, with
G = -iH - S/2 for states and its adjoint, with L_k^+, for observables (S = sum_k L_k^+ L_k): one propagator serves both,
see `quantum.chebyshev`. Trajectories of quantum jumps are in `quantum.trajectories`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Complex
from torch import Tensor

from qfusion._checks import check
from qfusion.quantum.chebyshev import propagate
from qfusion.quantum.checks import (
    as_tensors,
    check_operators,
    check_precision,
    check_times,
    is_hermitian,
    takes_arrays,
)
from qfusion.quantum.generators import Form, Local, Scaling
from qfusion.quantum.states import embed


@dataclass(frozen=True)
class Term:
    """Part of a generator that acts on some subsystems only.

    Attributes:
        subsystems: ascending subsystem numbers.
        H: Hermitian (d, d), d the product of their dimensions.
        jumps: jump operators (K, d, d); K may be 0.
    """

    subsystems: tuple[int, ...]
    H: Tensor
    jumps: Tensor

    def __post_init__(self) -> None:
        _take_arrays(self)


@dataclass(frozen=True)
class Generator:
    """A Lindblad generator as a sum of terms; a dense one has a single term on all subsystems.

    Attributes:
        dims: dimensions of the subsystems.
        terms: what acts.

    Raises:
        InvalidInput: when there is no term.
    """

    dims: tuple[int, ...]
    terms: tuple[Term, ...]

    def __post_init__(self) -> None:
        check(
            bool(self.terms),
            "Argument `terms` must hold at least one term, but holds none. Give one of zeros where nothing acts.",
        )

    @staticmethod
    @takes_arrays
    def dense(H: Tensor, jumps: Tensor) -> Generator:
        """Return the generator of a Hamiltonian (D, D) and jump operators (K, D, D)."""
        check_operators(H, jumps)
        return Generator((H.shape[-1],), (Term((0,), H, jumps),))

    def hamiltonian(self) -> Tensor:
        """Return the whole Hamiltonian as one matrix (D, D)."""
        return torch.stack([embed(term.H, self.dims, term.subsystems) for term in self.terms]).sum(
            0
        )

    def jump_operators(self) -> Tensor:
        """Return all jump operators as matrices (K, D, D), in the order of the terms."""
        return torch.cat([embed(term.jumps, self.dims, term.subsystems) for term in self.terms])


@dataclass(frozen=True)
class System:
    """The physics of a trained model, detached from it, for tracking, drawing and decomposition.

    Attributes:
        H: Hamiltonian, complex128 (D, D).
        jumps: jump operators, complex128 (K, D, D).
        dims: dimension of each modality.
        names: name of each modality.
        duration: evolution time T.
    """

    H: Tensor
    jumps: Tensor
    dims: tuple[int, ...]
    names: tuple[str, ...]
    duration: float = 1.0

    def __post_init__(self) -> None:
        _take_arrays(self)
        check_operators(self.H, self.jumps)
        D = math.prod(self.dims)
        check(
            self.H.shape[-1] == D,
            f"Argument `H` must have side {D} for dims {self.dims}, but has {self.H.shape[-1]}.",
        )
        check(
            len(self.names) == len(self.dims),
            f"Argument `names` must hold {len(self.dims)} names, one per entry of "
            f"`dims`, but is {self.names}.",
        )
        check(
            self.duration >= 0, f"Argument `duration` must not be negative, but is {self.duration}."
        )


def _take_arrays(of: Term | System) -> None:
    """Convert a Hamiltonian and jump operators that are NumPy arrays to tensors."""
    for name in ("H", "jumps"):
        object.__setattr__(of, name, as_tensors(name, getattr(of, name)))


@takes_arrays
def evolve_states(
    H: Complex[Tensor, "D D"],
    jumps: Complex[Tensor, "K D D"],
    rho: Complex[Tensor, "*B D D"],
    times: Sequence[float] | Tensor,
    tolerance: float | None = None,
) -> Complex[Tensor, "nT *B D D"]:
    """Return rho(t) under the master equation.

    Args:
        H: Hamiltonian (energy units with hbar = 1).
        jumps: jump operators L_k, in units of sqrt(rate).
        rho: initial operators; any operator is allowed, not only states.
        times: ascending, from 0, in units of 1 / energy.
        tolerance: size of the truncation relative to the initial operator; default 1e-13 (complex128) or 1e-6.

    Raises:
        InvalidInput: when shapes disagree, H is not Hermitian, or times are negative or not ascending.
    """
    return evolve(Generator.dense(H, jumps), rho, times, "states", tolerance)


@takes_arrays
def evolve_observables(
    H: Complex[Tensor, "D D"],
    jumps: Complex[Tensor, "K D D"],
    observables: Complex[Tensor, "*C D D"],
    times: Sequence[float] | Tensor,
    tolerance: float | None = None,
) -> Complex[Tensor, "nT *C D D"]:
    """Return O(t), with Tr[O(t) rho(0)] = Tr[O rho(t)]; arguments and errors as for `evolve_states`."""
    return evolve(Generator.dense(H, jumps), observables, times, "observables", tolerance)


@takes_arrays
def evolve(
    generator: Generator,
    operators: Tensor,
    times: Sequence[float] | Tensor,
    picture: str = "states",
    tolerance: float | None = None,
) -> Tensor:
    """Return exp(t L) X (picture "states") or exp(t L^+) X ("observables") at every time.

    Hermitian operators are recognised: they take half the work.

    Args:
        generator: what acts.
        operators: X, shape (..., D, D).
        times: ascending, not negative.
        picture: "states" or "observables".
        tolerance: see `evolve_states`.

    Returns:
        Tensor (nT, ..., D, D), differentiable with respect to `operators` and the generator.
    """
    forms, X = _prepare_forms(generator, operators, picture)
    moments = check_times(times)
    Y = propagate(generator.dims, forms, X, moments, tolerance, is_hermitian(X))
    return Y.reshape(len(moments), *operators.shape)


@takes_arrays
def act(generator: Generator, operators: Tensor, picture: str = "states") -> Tensor:
    """Return L X (picture "states") or L^+ X ("observables"), the rate of change of operators, (..., D, D); arguments
    as for `evolve`."""
    forms, X = _prepare_forms(generator, operators, picture)
    local = Local(generator.dims, forms, len(X), False, Scaling(2.0, 0.0))
    return local.apply(None, X, False)[0].reshape(operators.shape)


def _prepare_forms(
    generator: Generator, operators: Tensor, picture: str
) -> tuple[list[Form], Tensor]:
    """The forms of a generator's terms in a picture, and the operators as (N, D, D), both checked."""
    check(
        picture in ("states", "observables"),
        f"Argument `picture` must be 'states' or 'observables', but is {picture!r}.",
    )
    D = math.prod(generator.dims)
    check(
        operators.shape[-2:] == (D, D),
        f"Argument `operators` must have shape (..., {D}, {D}), but has shape "
        f"{tuple(operators.shape)}.",
    )
    check_precision("operators", operators)
    dtype = next((term.H.dtype for term in generator.terms), operators.dtype)
    check(
        operators.dtype == dtype,
        f"Argument `operators` must be {dtype}, as H and the jump operators are, but is {operators.dtype}. Cast it.",
    )
    return [form(term, picture) for term in generator.terms], operators.reshape(-1, D, D)


def form(term: Term, picture: str) -> Form:
    """Return a term as X -> G X + X G^+ + sum_k L_k X L_k^+, in the picture of "states" or of "observables"."""
    S = (term.jumps.mH @ term.jumps).sum(0)
    sign, L = (-1j, term.jumps) if picture == "states" else (1j, term.jumps.mH)
    return Form(term.subsystems, sign * term.H - 0.5 * S, L)
