"""Operators from elsewhere, QuTiP's or arrays, as checked NumPy arrays on the joint space, and observables as weighted
measurement vectors.

QuTiP is not imported here: what is given of it is known by its attributes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from qfusion._checks import check, choose, require_few_modalities, require_finite
from qfusion.errors import InvalidInput, translate_errors
from qfusion.models.jump.time_model import MAX_DIMENSION
from qfusion.quantum import decomposition, states

HERMITIAN = 1e-9  # largest difference from the adjoint, relative to the largest element


def joint_operator(name: str, value: Any, dims: Sequence[int], names: Sequence[str]) -> np.ndarray:
    """Return an operator on the joint space, complex128 (D, D).

    Args:
        name: what messages call it.
        value: a QuTiP operator, an array (D, D), or a pair (operator, subsystem) of one subsystem.
        dims, names: of the subsystems, in the order of the tensor product.

    Raises:
        InvalidInput: when it is no square operator of these dimensions, depends on time, or is not finite.
        NotFound: when there is no such subsystem.
    """
    if is_pair(value):
        part, where = value
        if isinstance(where, str):
            where = list(names).index(choose(f"Subsystem of {name}", where, names))
        check(
            0 <= where < len(dims),
            f"Argument `{name}` must act on a subsystem from 0 to {len(dims) - 1}, but names {where}.",
        )
        local = _matrix(name, part, (dims[where],))
        whole = states.embed(torch.as_tensor(local), tuple(dims), (int(where),))
        return np.asarray(whole.numpy())
    return _matrix(name, value, dims)


def operator_dims(H: Any, dims: Sequence[int] | None) -> tuple[int, ...]:
    """Return the dimensions of the subsystems of a Hamiltonian: its own if QuTiP knows them, or the given ones.

    Raises:
        InvalidInput: when they are missing, disagree, or are too large.
    """
    _refuse_time("H", H)
    own = _own_dims("H", H) if _is_qobj(H) else None
    given = None if dims is None else tuple(dims)
    if own is None:
        check(
            given is not None,
            "Argument `dims` must hold the dimensions of the subsystems, because `H` is an array: (2, 3) of a "
            "qubit and a qutrit, (4,) of one subsystem.",
        )
    else:
        check(
            given is None or given == own or math.prod(own) == own[0] == math.prod(given),
            f"Argument `dims` must be that of `H`, {own}, but is {given}. Leave it out.",
        )
    chosen = given or own or ()
    check_dims(chosen)
    return tuple(int(d) for d in chosen)


def check_dims(dims: Sequence[int]) -> None:
    """Raise InvalidInput unless subsystems can have these dimensions and be held together."""
    sizes = tuple(dims)
    check(
        len(sizes) > 0 and all(isinstance(d, int | np.integer) and d >= 2 for d in sizes),
        f"Argument `dims` must hold whole numbers of at least 2, one per subsystem, but is {str(sizes)[:80]}.",
    )
    require_few_modalities("A Lindblad system", len(sizes))
    D = math.prod(int(d) for d in sizes)
    check(
        D <= MAX_DIMENSION,
        f"Argument `dims` must give a joint dimension of at most {MAX_DIMENSION:,}, but {sizes} gives {D:,}: states "
        "are held as D x D matrices. Truncate the subsystems or leave some out.",
    )


def is_pair(value: Any) -> bool:
    """Return whether a value is a pair (operator, subsystem), the latter by its name or number."""
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and isinstance(value[1], str | int | np.integer)
    )


def require_hermitian(name: str, X: np.ndarray) -> np.ndarray:
    """Return a Hermitian operator, without the rounding by which it differs from its adjoint.

    Raises:
        InvalidInput: when it is not Hermitian.
    """
    apart = float(np.abs(X - X.conj().T).max())
    largest = float(np.abs(X).max())
    check(
        apart <= HERMITIAN * largest,
        f"Argument `{name}` must be Hermitian, but differs from its adjoint by up to {apart:.3g}. Use (X + X.dag()) / "
        "2, and put loss into `L`: an effective Hamiltonian H - i/2 sum_k L_k^+ L_k is not needed.",
    )
    return np.asarray((X + X.conj().T) / 2)


def _is_qobj(value: Any) -> bool:
    return type(value).__module__.split(".")[0] == "qutip"


def _refuse_time(name: str, value: Any) -> None:
    """Raise InvalidInput where an operator depends on time."""
    is_list = isinstance(value, list) and any(_is_qobj(one) or callable(one) for one in value)
    is_function = callable(value) and not _is_qobj(value)
    check(
        type(value).__name__ != "QobjEvo" and not is_function and not is_list,
        f"Argument `{name}` must be constant, but depends on time. Give its value in a frame in which it is constant, "
        "such as the rotating frame.",
    )


def _own_dims(name: str, value: Any) -> tuple[int, ...]:
    """Return the dimensions of the subsystems of a QuTiP operator."""
    check(
        bool(getattr(value, "isoper", False)),
        f"Argument `{name}` must be an operator, but is a {getattr(value, 'type', type(value).__name__)!r} of QuTiP. "
        "Give H itself and the L_k, not kets or a Liouvillian.",
    )
    left, right = value.dims
    check(
        left == right,
        f"Argument `{name}` must be a square operator, but maps dims {right} to {left}.",
    )
    return tuple(int(d) for d in left)


def _matrix(name: str, value: Any, dims: Sequence[int]) -> np.ndarray:
    """Return an operator on subsystems of these dimensions, (D, D)."""
    D = math.prod(dims)
    sizes = tuple(dims)
    _refuse_time(name, value)
    if _is_qobj(value):
        own = _own_dims(name, value)
        check(
            own in (sizes, (D,)),
            f"Argument `{name}` must act on subsystems of dims {sizes}, but has dims {own}. Use `qutip.tensor` in the "
            "order of `H`, or give a pair (operator, subsystem).",
        )
        array: Any = value.full()
    else:
        if torch.is_tensor(value):
            value = value.detach().cpu().resolve_conj().numpy()
        with translate_errors(
            f"Argument `{name}` must be an operator of QuTiP or an array of numbers, but is a {type(value).__name__}",
            "Convert it first.",
            *(TypeError, ValueError),
        ):
            array = np.asarray(value).astype(np.complex128)
    if array.ndim != 2 or array.shape[0] != array.shape[1]:
        raise InvalidInput(
            f"Argument `{name}` must be a square matrix ({D}, {D}), but has shape {array.shape}."
        )
    check(
        len(array) == D,
        f"Argument `{name}` must have shape ({D}, {D}) for dims {sizes}, but has shape {array.shape}. Correct the "
        "operator or `dims`, or give a pair (operator, subsystem).",
    )
    require_finite(name, array)
    return np.asarray(array, dtype=np.complex128)


ZERO = 1e-12  # relative size below which a part or an eigenvalue is none
SAME = 1e-12  # 1 minus the overlap of vectors that are one


@dataclass(frozen=True, eq=False)
class Measurements:
    """What is measured.

    Attributes:
        vectors: unit vectors (J, d) by the subsystems that they measure, (m,) or all.
        weights: of all vectors in the scores, (C, sum of J).
        bias: constants of the scores, (C,).
    """

    vectors: dict[decomposition.Subset, np.ndarray]
    weights: np.ndarray
    bias: np.ndarray


def measure(
    observables: Sequence[np.ndarray], dims: Sequence[int], names: Sequence[str]
) -> Measurements:
    """Return measurement vectors and weights that give the observables exactly.

    Args:
        observables: Hermitian matrices (D, D).
        dims: of the subsystems.
        names: of the observables, for messages.

    Raises:
        InvalidInput: when an observable is a multiple of the identity, whose value never changes.
    """
    vectors: dict[decomposition.Subset, list[np.ndarray]] = {}
    entries: list[tuple[int, decomposition.Subset, int, float]] = []
    bias = np.zeros(len(observables))
    for c, O in enumerate(observables):
        parts, bias[c] = local_parts(O, dims)
        check(
            bool(parts),
            f"Argument `read[{names[c]}]` must not be a multiple of the identity: its value is the same in every "
            "state. Give another observable.",
        )
        for s, part in parts.items():
            own = vectors.setdefault(s, [])
            for value, vector in _eigenvectors(part):
                place = next(
                    (j for j, v in enumerate(own) if abs(np.vdot(v, vector)) > 1 - SAME), len(own)
                )
                if place == len(own):
                    own.append(vector)
                entries.append((c, s, place, value))
    order = sorted(vectors, key=lambda s: (len(s), s))
    starts = dict(
        zip(order, np.cumsum([0, *(len(vectors[s]) for s in order)])[:-1].tolist(), strict=True)
    )
    weights = np.zeros((len(observables), sum(map(len, vectors.values()))))
    for c, s, place, value in entries:
        weights[c, starts[s] + place] = value
    return Measurements({s: np.stack(vectors[s]) for s in order}, weights, bias)


def local_parts(
    O: np.ndarray, dims: Sequence[int]
) -> tuple[dict[decomposition.Subset, np.ndarray], float]:
    """Return an observable as a sum of observables of single subsystems and a constant, where it is one; else the
    observable itself as one of all subsystems.

    Args:
        O: Hermitian (D, D).
        dims: of the subsystems.

    Returns:
        the parts by their subsystems, without empty ones, and the constant.
    """
    M = len(dims)
    D = len(O)
    tensor = torch.as_tensor(O)
    largest = float(np.abs(O).max())
    constant = float(np.trace(O).real) / D
    locals_: dict[decomposition.Subset, np.ndarray] = {
        (m,): states.partial_trace(tensor, tuple(dims), [m]).numpy() * (d / D)
        for m, d in enumerate(dims)
    }
    embedded = [
        states.embed(torch.as_tensor(part), tuple(dims), s).numpy() for s, part in locals_.items()
    ]
    total = sum(embedded) - (M - 1) * constant * np.eye(D)
    if np.abs(O - total).max() > ZERO * largest:
        return {tuple(range(M)): O}, 0.0
    traceless = {}
    for s, part in locals_.items():
        without_trace = part - constant * np.eye(len(part))
        if np.abs(without_trace).max() > ZERO * largest:
            traceless[s] = without_trace
    if len(traceless) == 1:
        return {s: locals_[s] for s in traceless}, 0.0
    # sums of numbers of excitations and the like, which begin at 0
    lowest = {s: float(np.linalg.eigvalsh(part)[0]) for s, part in traceless.items()}
    if math.isclose(constant, -sum(lowest.values()), rel_tol=1e-12, abs_tol=ZERO * largest):
        return {s: part - lowest[s] * np.eye(len(part)) for s, part in traceless.items()}, 0.0
    return traceless, constant


def _eigenvectors(X: np.ndarray) -> list[tuple[float, np.ndarray]]:
    """Return the eigenvalues that are not zero with their eigenvectors, whose largest element is positive; the largest
    eigenvalue first.
    """
    values, vectors = np.linalg.eigh(X)
    result = []
    for value, vector in zip(values[::-1], vectors.T[::-1], strict=True):
        if abs(value) > ZERO * np.abs(values).max():
            leading = vector[np.abs(vector).argmax()]
            result.append((float(value), vector * (leading.conj() / abs(leading))))
    return result
