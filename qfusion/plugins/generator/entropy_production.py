"""Entropy production of a state that relaxes under a Lindblad generator with a steady state of full rank.

    sigma(t) = -d/dt S(rho(t) || rho_ss) = -Tr[L(rho) (ln rho - ln rho_ss)] >= 0

(Spohn 1978, J. Math. Phys. 19, 1227), in nats per unit of time, since relative entropy cannot grow under a channel that
leaves rho_ss as it is (Lindblad 1975). In total from 0 to T it is S(rho(0) || rho_ss) - S(rho(T) || rho_ss), without an
integral. A pure state has a finite total, although sigma diverges as -ln t at t = 0. For a thermal rho_ss it is the
entropy production of thermodynamics, the change of the entropy less heat over temperature; for another one there is no
temperature, and it is the loss of the ability to tell rho from rho_ss.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.quantum import decomposition, lindblad, states
from qfusion.quantum.states import check_times, require_state

FULL_RANK = 1e-10  # smallest eigenvalue of a steady state whose logarithm is taken
DIVERGES = 1e-10  # flow into an empty state, relative to the rates of the generator, from which sigma is infinite
STATIONARY = (
    1e-8  # largest entry of the generator applied to a steady state, relative to its largest rate
)
NOT_FULL = (
    "The steady state has the eigenvalue {low:.2g}: it lacks full rank, so the relative entropy to it is infinite for "
    "states that reach beyond its support, and entropy production is not defined."
)


@dataclass(frozen=True, eq=False)
class EntropyProduction:
    """Entropy production of states under one generator, in nats.

    Attributes:
        times: (nT,). rates: sigma at each, (B, nT); infinite where the state lacks full rank.
        relative: relative entropy to the steady state, S(rho(t) || rho_ss), (B, nT).
    """

    times: np.ndarray
    rates: np.ndarray
    relative: np.ndarray

    @property
    def produced(self) -> np.ndarray:
        """Entropy produced from the first time until each time, (B, nT)."""
        return self.relative[:, :1] - self.relative

    @property
    def total(self) -> np.ndarray:
        """Entropy produced from the first time to the last, (B,)."""
        return self.produced[:, -1]


def entropy_production(
    H: np.ndarray | Tensor,
    jumps: np.ndarray | Tensor,
    rho: np.ndarray | Tensor,
    steady: np.ndarray | Tensor,
    times: Sequence[float],
) -> EntropyProduction:
    """Return the entropy production of states as they evolve.

    Args:
        H: Hamiltonian (D, D). jumps: jump operators (K, D, D).
        rho: initial states (B, D, D), or one (D, D).
        steady: a steady state (D, D) of full rank, such as `simulate.attractor(system).steady`.
        times: ascending, not negative.

    Raises:
        InvalidInput: when `rho` holds no states, or `steady` is not stationary or lacks full rank.
    """
    generator = decomposition.dense_traceless(H, jumps)
    initial = torch.as_tensor(rho).to(torch.complex128)
    initial = initial[None] if initial.ndim == 2 else initial
    states.check_operator("rho", initial, generator.dims)
    require_state("rho", initial)
    fixed = torch.as_tensor(steady).to(torch.complex128)
    log_steady = _log_of_steady(generator, fixed)
    moments = check_times(times)
    evolved = lindblad.evolve(generator, initial, moments, "states")
    # over long times rounding changes the trace, by which relative entropy would change
    evolved = evolved / torch.diagonal(evolved, dim1=-2, dim2=-1).sum(-1)[..., None, None]
    change = lindblad.act(generator, evolved)
    rates, relative = _rates(
        evolved.numpy(), change.numpy(), log_steady, _largest_rate(generator.terms[0])
    )
    return EntropyProduction(np.array(moments), rates.T, relative.T)


def lacks_full_rank(steady: np.ndarray | Tensor) -> str:
    """Return why a steady state has no entropy production, as it lacks full rank; "" where it has."""
    low = float(np.linalg.eigvalsh(np.asarray(steady))[0])
    return "" if low >= FULL_RANK else NOT_FULL.format(low=max(low, 0.0))


def _log_of_steady(generator: lindblad.Generator, steady: Tensor) -> np.ndarray:
    """Return the logarithm of a steady state, (D, D), which is checked."""
    states.check_operator("steady", steady, generator.dims)
    require_state("steady", steady)
    reason = lacks_full_rank(steady)
    check(not reason, reason)
    size = _largest_rate(generator.terms[0])
    residual = float(lindblad.act(generator, steady).abs().max())
    check(
        residual <= STATIONARY * max(size, 1e-300),
        f"Argument `steady` must be stationary, but the generator changes it at a rate of {residual:.2g}. Give "
        "`simulate.attractor(system).steady`.",
    )
    values, vectors = np.linalg.eigh(steady.numpy())
    return (vectors * np.log(values)) @ vectors.conj().T


def _largest_rate(term: lindblad.Term) -> float:
    """Return a bound of the rates of a generator: the rates of all jumps, and twice the largest energy."""
    jumps = float((term.jumps.abs() ** 2).sum())
    return jumps + 2 * float(torch.linalg.matrix_norm(term.H, 2))


def _rates(
    rho: np.ndarray, change: np.ndarray, log_steady: np.ndarray, largest: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return sigma and the relative entropy of states (..., D, D) that change by `change`, under a generator whose
    rates are at most `largest`."""
    rho = (rho + rho.conj().swapaxes(-1, -2)) / 2
    values, vectors = np.linalg.eigh(rho)
    # eigenvalues below rounding are that small at most: what flows into them is negligible unless the rate is infinite
    floor = 4 * np.finfo(float).eps * rho.shape[-1]
    is_zero = values <= floor
    logs = np.log(np.maximum(values, floor))
    flow = np.einsum("...ia,...ij,...ja->...a", vectors.conj(), change, vectors, optimize=True).real
    grows = (is_zero & (flow > DIVERGES * largest)).any(-1)
    to_steady = np.einsum("...ij,ji->...", change, log_steady).real
    rates = to_steady - (flow * logs).sum(-1)
    entropy = -(np.where(is_zero, 0.0, values) * logs).sum(-1)
    cross = np.einsum("...ij,ji->...", rho, log_steady).real
    return np.where(grows, np.inf, rates), -entropy - cross
