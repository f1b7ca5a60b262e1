"""Operators from elsewhere, QuTiP's or arrays, as checked NumPy arrays on the joint space.

QuTiP is not imported here: what is given of it is known by its attributes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from qfusion._checks import check, choose, require_few_modalities, require_finite
from qfusion.errors import InvalidInput, translate_errors
from qfusion.models.time_model import MAX_DIMENSION
from qfusion.quantum import states

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
    D, sizes = math.prod(dims), tuple(dims)
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
