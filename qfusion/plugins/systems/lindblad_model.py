"""Lindblad systems that are given: a Hamiltonian, jump operators and observables from elsewhere, without any training.

    d rho/dt = -i[H, rho] + sum_k (L_k rho L_k^+ - 1/2 {L_k^+ L_k, rho}),      rho(0) = |psi_1 x ... x psi_M><...|
    y_c = Tr[O_c rho(T)]                                                         hbar = 1

The features of a modality are the amplitudes of its ket, the real parts before the imaginary ones. `lindblad_model`
takes QuTiP's objects or arrays; `lindblad_systems` holds kets as features, made by a function of the user.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from qfusion._checks import check, choose, require_number
from qfusion._settings import Settings
from qfusion.models.inputs import Features, InputSpec, values_and_mask
from qfusion.models.jump import kets
from qfusion.models.jump.time_model import TimeModel
from qfusion.plugins.systems.operator_arrays import (
    Measurements,
    check_dims,
    is_pair,
    joint_operator,
    measure,
    operator_dims,
    require_hermitian,
)
from qfusion.quantum import decomposition, lindblad

MAX_JUMPS = 4096
MAX_NUMBERS = 2**27  # complex numbers of all jump operators
MAX_DURATION = 1e6


def lindblad_model(
    H: Any,
    L: Sequence[Any] = (),
    encode: Callable[[dict[str, Any]], Mapping[str, Any]] | None = None,
    read: Any = None,
    T: float = 1.0,
    *,
    dims: Sequence[int] | None = None,
    names: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    by_row: bool = False,
) -> LindbladModel:
    """Return the model of a Lindblad system that is given, in double precision and without training.

    Args:
        H: constant Hamiltonian, in units of energy with hbar = 1: a QuTiP operator, or an array (D, D).
        L: jump (collapse) operators, in units of sqrt(rate), as of `qutip.mesolve`; a pair (operator, subsystem) acts
            on one subsystem, which is named or numbered. None leave a unitary evolution.
        encode: function from features to the subsystems' kets. It gets NumPy arrays by modality, (B, F) each, or
            (values (B, T, F), mask (B, T)) of sequences, and returns kets (B, d_m) by subsystem. None where the
            features are amplitudes already.
        read: observables of the scores: an operator on the joint space, a pair (operator, subsystem), several of these
            by name, or a list of them. A classifier needs one for each class, in the order of the classes, a regression
            one. By default the mean level number ⟨n⟩, n = sum_j j |j><j|, of the first subsystem: for a qubit the
            population of |1>.
        T: duration of the evolution, in units of 1 / energy.
        dims: dimensions of the subsystems, in the order of the tensor product (the first is the most significant).
            They are taken from a QuTiP operator, and needed for an array.
        names: of the subsystems, which are the modalities; "A", "B", ... by default.
        outputs: names of the scores; those of `read` by default.
        by_row: whether `encode` takes one sample, (F,) by modality, and returns one ket (d_m,) by subsystem.

    Returns:
        A model of kind "lindblad". `lindblad_systems` opens it on a data set, or alone on its basis states.

    Raises:
        InvalidInput: when an operator is not square, does not fit the dimensions, depends on time, is not finite, or is
            too large; when H or an observable is not Hermitian; when an observable is a multiple of the identity.

    Example:
        >>> from qutip import basis, sigmam, sigmax, tensor
        >>> H = tensor(sigmax(), sigmax())
        >>> model = lindblad_model(H, [(0.3 * sigmam(), "A")], T=2.0)
        >>> model.dims, model.modalities, model.outputs
        ((2, 2), ('A', 'B'), ('⟨n⟩ of A',))
    """
    sizes = operator_dims(H, dims)
    modalities = _names(names, len(sizes))
    hamiltonian = require_hermitian("H", joint_operator("H", H, sizes, modalities))
    jumps = _jump_operators(L, sizes, modalities)
    observables = _observables(read, sizes, modalities)
    check(
        outputs is None or len(outputs) == len(observables),
        f"Argument `outputs` must name each of the {len(observables)} observables of `read`, but is {outputs}.",
    )
    measured = measure(list(observables.values()), sizes, list(observables))
    check(
        encode is None or callable(encode),
        f"Argument `encode` must be a function from features to kets, but is a {type(encode).__name__}.",
    )
    inputs = {name: InputSpec(2 * d) for name, d in zip(modalities, sizes, strict=True)}
    vector_counts = [[list(s), len(v)] for s, v in measured.vectors.items()]
    model = LindbladModel(
        inputs,
        tuple(outputs or observables),
        dims=sizes,
        jumps=len(jumps),
        duration=require_number("T", T, 0, MAX_DURATION),
        read=vector_counts,
    )
    model.fill(hamiltonian, jumps, measured)
    if encode is not None:
        model.preparation = Preparation(encode, by_row)
    return model.eval().requires_grad_(False)


@dataclass(frozen=True)
class Preparation:
    """How samples become kets.

    Attributes:
        encode: function from features to kets, see `lindblad_model`.
        by_row: whether it takes one sample at a time.
    """

    encode: Callable[[dict[str, Any]], Mapping[str, Any]]
    by_row: bool = False


class LindbladSettings(Settings):
    """Sizes of a Lindblad system that is given.

    Attributes:
        dims: dimension d_m of every subsystem.
        jumps: number of jump operators.
        duration: evolution time T, in units of 1 / energy (hbar = 1).
        read: subsystems and number of measurement vectors of every state that is read, [[[0], 2], ...].
    """

    dims: list[int] = [2]
    jumps: int = Field(0, ge=0, le=MAX_JUMPS)
    duration: float = Field(1.0, ge=0, le=MAX_DURATION)
    read: list[Any] = [[[0], 1]]


class LindbladModel(TimeModel):
    """A Lindblad system that is given, not trained.

    Its parameters are the numbers of H, of the L_k, of measurement vectors and of their weights, all in double
    precision. `lindblad_model` makes one from operators.

    Args:
        inputs: form of each modality's features, by name: the 2 d_m real numbers of its ket.
        outputs: names of the scores.
        settings: see `LindbladSettings`.

    Attributes:
        preparation: how samples become kets; None of a model from a file, whose data hold kets.

    Raises:
        InvalidInput: when sizes do not fit each other or are too large.
    """

    kind = "lindblad"
    title = "Lindblad system"
    settings_type = LindbladSettings
    is_given = True
    encodes = False  # features are the kets, in double precision
    preparation: Preparation | None = None

    def __init__(
        self,
        inputs: Mapping[str, InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        **settings: Any,
    ):
        super().__init__(inputs, outputs, **settings)
        M = len(self.modalities)
        dims, jumps = self.settings["dims"], self.settings["jumps"]
        check_dims(dims)
        check(
            len(dims) == M,
            f"Argument `dims` must hold {M} dimensions, one per modality, but is {tuple(dims)}.",
        )
        self.dims = tuple(dims)
        for (name, spec), d in zip(self.input_specs.items(), self.dims, strict=True):
            check(
                spec.size == 2 * d and not spec.sequence,
                f"Modality `{name}` must have {2 * d} features, the real and imaginary parts of a ket of {d} levels, "
                f"but has {spec.size}{' per step' if spec.sequence else ''}. Turn the data into kets first, see "
                "`lindblad_systems`.",
            )
        D = math.prod(self.dims)
        check(
            jumps * D**2 <= MAX_NUMBERS,
            f"Argument `L` must hold at most {MAX_NUMBERS:,} numbers, but {jumps} operators of {D:,} levels hold "
            f"{jumps * D**2:,}. Leave out operators or truncate the subsystems.",
        )
        self.read_states = _checked_read(self.settings["read"], M)
        self.settings["read"] = [[list(s), count] for s, count in self.read_states.items()]
        self.duration = self.settings["duration"]
        self.subsystems = [tuple(range(M))]
        self.encoders = nn.ModuleDict({name: Amplitudes() for name in self.modalities})
        self.A = nn.ParameterList([_zeros(D, D)])
        self.L = nn.ParameterList([_zeros(jumps, D, D, 2)] if jumps else [])
        for s, count in self.read_states.items():
            d = math.prod(self.dims[m] for m in s)
            self.register_parameter(_vector_name(s), _zeros(count, d, 2))
        self.W = _zeros(len(self.outputs), sum(self.read_states.values()))
        self.bias = _zeros(len(self.outputs))

    @torch.no_grad()
    def fill(self, H: np.ndarray, jumps: Sequence[np.ndarray], measured: Measurements) -> None:
        """Set the operators: H (D, D), jump operators (D, D) each, and what is measured."""
        self.A[0].copy_(kets.hermitian_entries(torch.as_tensor(H)))
        if len(jumps):
            self.L[0].copy_(torch.view_as_real(torch.as_tensor(np.stack(jumps))))
        for s, vectors in measured.vectors.items():
            getattr(self, _vector_name(s)).copy_(torch.view_as_real(torch.as_tensor(vectors)))
        self.W.copy_(torch.as_tensor(measured.weights))
        self.bias.copy_(torch.as_tensor(measured.bias))

    @torch.no_grad()
    def with_output(self, output: str) -> LindbladModel:
        """Return a model that reads one of the observables alone, by the vectors that it needs.

        Raises:
            NotFound: when there is no such output.
        """
        place = self.outputs.index(choose("Output", output, self.outputs))
        vectors, weights = {}, []
        own = self.W[place].split(list(self.read_states.values()))
        for (s, V), w in zip(self.measurement_vectors().items(), own, strict=True):
            if bool(w.any()):
                vectors[s] = V[w != 0].numpy()
                weights.append(w[w != 0].numpy())
        measured = Measurements(
            vectors, np.concatenate(weights)[None], self.bias[place : place + 1].numpy()
        )
        settings = self.settings | {"read": [[list(s), len(V)] for s, V in vectors.items()]}
        other = LindbladModel(self.input_specs, (output,), **settings)
        jumps = list(torch.view_as_complex(self.L[0]).numpy()) if len(self.L) else []
        other.fill(kets.compose_hermitian(self.A[0]).numpy(), jumps, measured)
        other.preparation = self.preparation
        return other.eval().requires_grad_(False)

    def check_trainable(self) -> None:
        """Raise InvalidInput: the system is given."""
        check(
            False,
            "A lindblad model is given by its operators and is not trained. Make it with `lindblad_model` of "
            "`qfusion.plugins.systems`, or train a quantum-jump model, which learns H and the L_k.",
        )

    def encode_one(self, inputs: Mapping[str, Features], name: str) -> Tensor:
        """Return the kets of one modality, (B, d_m) complex, of norm 1."""
        d = self.dims[self.modalities.index(name)]
        real, imaginary = self._encoded(inputs, name).split(d, -1)
        ket = torch.complex(real, imaginary)
        return ket / torch.linalg.vector_norm(ket, dim=-1, keepdim=True).clamp_min(1e-12)

    def generator(self) -> lindblad.Generator:
        """Return the generator of the given (and tweaked) Hamiltonian and jump operators."""
        generator = self._given()
        return generator if self.tweak is None else self.tweak.scale(generator, self.modalities)

    def _given(self) -> lindblad.Generator:
        H = kets.compose_hermitian(self.A[0])
        L = torch.view_as_complex(self.L[0]) if len(self.L) else H.new_zeros(0, *H.shape)
        return lindblad.Generator(self.dims, (lindblad.Term(self.subsystems[0], H, L),))

    def measurement_vectors(self) -> dict[decomposition.Subset, Tensor]:
        """Return the eigenvectors (J, d) of the observables, by the modalities whose state is read."""
        return {s: torch.view_as_complex(getattr(self, _vector_name(s))) for s in self.read_states}

    @property
    def jump_count(self) -> int:
        """Number of jump operators."""
        return int(self.settings["jumps"])

    @torch.no_grad()
    def term_subsets(
        self,
    ) -> tuple[tuple[decomposition.Subset, ...], tuple[decomposition.Subset, ...]]:
        """Return the subsets of modalities that H and the jump operators couple; those that are zero are left out."""
        (term,) = decomposition.traceless(self._given()).terms
        smallest = 1e-12 * max(float(term.H.abs().max()), 1e-300)
        couplings, dissipations = decomposition.decompose_term(term, self.dims)
        coupled = []
        for subset, part in couplings.items():
            if float(part.abs().max()) > smallest:
                coupled.append(subset)
        dissipating = []
        for subset, part in dissipations.items():
            if len(part) and float(part.abs().max()) > 1e-12 * float(term.jumps.abs().max()):
                dissipating.append(subset)
        return tuple(coupled), tuple(dissipating)

    def merge_tweak(
        self, state: dict[str, Tensor], settings: dict[str, Any], words: str
    ) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return weights and settings in which the tweak is part of H, the L_k and the duration."""
        state, settings = dict(state), {**settings, "duration": self.duration}
        if words:
            (term,) = self.generator().terms
            state["A.0"] = kets.hermitian_entries(term.H)
            if len(self.L):
                state["L.0"] = torch.view_as_real(term.jumps.resolve_conj())
        return state, settings


class Amplitudes(nn.Module):
    """Encoder of features that are amplitudes already."""

    def forward(self, features: Features) -> Tensor:
        """Return the features, (B, 2 d)."""
        return values_and_mask(features)[0]


def _zeros(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.zeros(*shape, dtype=torch.float64))


def _vector_name(subset: Sequence[int]) -> str:
    """Return the name of the parameter that holds the vectors of a state."""
    return "V" + "_".join(map(str, subset))


def _checked_read(read: Sequence[Any], M: int) -> dict[decomposition.Subset, int]:
    """Return the number of vectors by the modalities that they measure."""
    states = {tuple(int(m) for m in s): int(count) for s, count in read}
    fits = True
    for subset, count in states.items():
        is_single = len(subset) == 1 and 0 <= subset[0] < M
        is_whole = subset == tuple(range(M))
        if count < 1 or not (is_single or is_whole):
            fits = False
    check(
        bool(states) and fits,
        f"Argument `read` must hold subsystems, one or all {M}, with their numbers of vectors, but is "
        f"{str(read)[:80]}.",
    )
    return states


def _names(names: Sequence[str] | None, count: int) -> tuple[str, ...]:
    """Return the names of the subsystems."""
    if names is None:
        return tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[:count])
    chosen = tuple(names) if not isinstance(names, str) else (names,)
    check(
        len(chosen) == count
        and len(set(chosen)) == count
        and all(isinstance(name, str) and name and "+" not in name for name in chosen),
        f"Argument `names` must hold {count} different names without '+', one per subsystem in the order of the tensor "
        f"product, but is {str(chosen)[:80]}.",
    )
    return chosen


def _jump_operators(
    L: Sequence[Any], dims: tuple[int, ...], names: tuple[str, ...]
) -> list[np.ndarray]:
    """Return the jump operators on the joint space that are not zero."""
    check(
        isinstance(L, list | tuple) or (hasattr(L, "ndim") and L.ndim == 3),
        f"Argument `L` must be a list of operators, but is a {type(L).__name__}. Put one operator in a list: [L].",
    )
    check(
        len(L) <= MAX_JUMPS,
        f"Argument `L` must hold at most {MAX_JUMPS:,} operators, but holds {len(L):,}.",
    )
    check(
        not is_pair(L),
        "Argument `L` must be a list of operators, but is one pair (operator, subsystem). Put it in a list.",
    )
    jumps = [joint_operator(f"L[{k}]", one, dims, names) for k, one in enumerate(L)]
    return [jump for jump in jumps if jump.any()]


def _observables(read: Any, dims: tuple[int, ...], names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Return the observables on the joint space by name."""
    if read is None:
        label = f"⟨n⟩ of {names[0]}"
        read = {label: (np.diag(np.arange(dims[0], dtype=float)), 0)}
    elif not isinstance(read, Mapping):
        is_list = isinstance(read, list | tuple) and not is_pair(read)
        read = (
            {f"observable {n}": one for n, one in enumerate(read, 1)}
            if is_list
            else {"score": read}
        )
    check(bool(read), "Argument `read` must hold at least one observable, but is empty.")
    return {
        str(name): require_hermitian(
            f"read[{name}]", joint_operator(f"read[{name}]", one, dims, names)
        )
        for name, one in read.items()
    }
