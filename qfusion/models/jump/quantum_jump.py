"""QiNN-QJ: modality states, tensor product, learned Lindblad evolution, trainable measurements (arXiv 2510.27091).

    psi_m = (e_0 + h_m(x_m)) / ||e_0 + h_m(x_m)||      modality states, d_m complex amplitudes
    rho_0 = |psi_1 x ... x psi_M><...|                 product state, D = prod d_m
    rho(T) = exp(T L) rho_0                            learned H and jump operators L_k, shared by all samples
    y_c = sum_mj W_cmj <v_mj|rho_m(T)|v_mj> + b_c      trainable unit vectors v_mj of one modality each, linear head

Only the paper's abstract is public to us; the reference amplitude e_0, the head and the parameterisation are our
reading. Since the head is linear, y_c = Tr[O_c(T) rho_0] + b_c with O_c = sum_mj W_cmj |v_mj><v_mj| x 1 evolved once
under the adjoint generator, whatever the batch: that is how `forward` computes it.

Each vector acts on one modality, so at t = 0 the score is a sum over modalities, and every joint
term is made by H and the L_k. With vectors in the joint space (`readout="joint"`) the read-out
forms joint terms by itself: U^+|v> is merely another vector, and the evolution is redundant.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from qfusion._checks import check, choose
from qfusion.models.encoders import InputDropoutShare
from qfusion.models.inputs import InputSpec
from qfusion.models.jump import kets
from qfusion.models.jump.kets import KetSettings
from qfusion.models.jump.time_model import MAX_DIMENSION, TimeModel
from qfusion.quantum import decomposition, lindblad

# With one dense generator; an epoch takes minutes, and eight times as long for twice the dimension.
MAX_TRAINED = 1024
MAX_SAMPLED = 65536  # with local terms, by trajectories alone


Steps = Annotated[
    int,
    Field(
        title="Time steps",
        description="Time steps of each sampled trajectory or of a twin's integration (more are more exact and "
        "slower), or applications of a twin's channel.",
    ),
]


class JumpSettings(KetSettings):
    """Settings of QiNN-QJ that its twins have, too."""

    # Per term when the coupling is local.
    jumps: int = Field(
        3,
        ge=0,
        le=256,
        title="Jump operators",
        description="Number of jump operators, the channels of dissipation; 0 gives unitary evolution.",
    )
    measurements: int = Field(
        16,
        ge=1,
        le=4096,
        title="Measurement vectors",
        description="Number of learned measurement vectors for each measured state; the square of the number of levels "
        "spans all observables.",
    )
    # hbar = 1
    duration: float = Field(
        1.0,
        ge=0,
        le=1e6,
        title="Duration T",
        description="Time of the joint evolution, in units of 1 / energy.",
    )
    evolution: Literal["jump", "unitary", "dissipative", "none"] = Field(
        "jump",
        title="Evolution",
        description="jump: Hamiltonian and jumps; unitary: no jumps; dissipative: no Hamiltonian; none: a product "
        "state is measured.",
    )
    coupling: Literal["dense", "local"] = Field(
        "dense",
        title="Coupling",
        description="dense acts on all modalities at once; local is a sum of terms on a few modalities each, for many "
        "levels.",
    )
    body: int = Field(
        2,
        ge=1,
        le=64,
        title="Modalities per local term",
        description="Number of modalities in each term of a local coupling.",
    )
    input_dropout: InputDropoutShare = Field(-1.0, ge=-1)
    readout: Literal["local", "single", "joint"] = Field(
        "local",
        title="Read-out",
        description="local: each modality by itself, so joint terms come from the evolution; single: one modality; "
        "joint: the joint state, which forms joint terms by itself.",
    )
    read: str = Field(
        "",
        title="Measured modality",
        description="For a single read-out, the name of the modality; empty uses the first.",
    )
    # 0 takes 2 d / D where a state of dimension d is read: one of D populations is d / D of one of d.
    head_scale: float = Field(
        0.0,
        ge=0,
        le=1e3,
        title="Initial read-out weights",
        description="Standard deviation of the initial read-out weights; 0 starts with scores as small as those of "
        "joint measurement vectors.",
    )

    @model_validator(mode="after")
    def _check_reading(self) -> Self:
        check(
            self.readout == "single" or self.read == "",
            f"Argument `read` must be empty unless `readout` is 'single', but is {self.read!r} with `readout` "
            f"{self.readout!r}. Leave it out or set `readout` to 'single'.",
        )
        return self


class QuantumJumpSettings(JumpSettings):
    """Settings of QiNN-QJ."""

    dynamics: Literal["master", "jumps"] = Field(
        "master",
        title="Dynamics in training",
        description="master solves the master equation; jumps averages sampled trajectories, which is noisier.",
    )
    trajectories: int = Field(
        8,
        ge=1,
        le=10**6,
        title="Trajectories",
        description="Sampled trajectories per row and step, if the dynamics are jumps.",
    )
    steps: Steps = Field(20, ge=1, le=10**6)


# of QiNN-QJ alone
SAMPLING = tuple(QuantumJumpSettings.model_fields.keys() - JumpSettings.model_fields.keys())


class QuantumJump(TimeModel):
    """The QiNN-QJ model.

    Args:
        inputs: form of each modality's features, by name; the order is the order of the tensor product.
        outputs: names of the scores.
        settings: see `QuantumJumpSettings`.

    Raises:
        InvalidInput, NotFound: when a setting is out of range or unknown.
    """

    kind = "quantum-jump"
    title = "QiNN-QJ (quantum jumps)"
    settings_type = QuantumJumpSettings

    def __init__(
        self,
        inputs: Mapping[str, InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        **settings: Any,
    ):
        super().__init__(inputs, outputs, **settings)
        chosen = self.settings
        jumps, measurements, read = chosen["jumps"], chosen["measurements"], chosen["read"]
        evolution = chosen["evolution"]
        most, held = (
            (MAX_SAMPLED, "kets of that many amplitudes are sampled")
            if chosen["coupling"] == "local"
            else (MAX_DIMENSION, "H and the L_k are held as D x D matrices")
        )
        self.init_encoders(most, held)
        if read:
            choose("Modality in `read`", read, self.modalities)
        self.duration = chosen["duration"]
        self.has_evolution = evolution != "none"
        self.samples = chosen.get("dynamics") == "jumps" and self.has_evolution
        M = len(self.dims)
        C = len(self.outputs)
        self.subsystems = (
            [tuple(range(M))]
            if chosen["coupling"] == "dense"
            else list(combinations(range(M), min(chosen["body"], M)))
        )
        sides = [math.prod(self.dims[m] for m in s) for s in self.subsystems]
        with_H = evolution in ("jump", "unitary")
        with_L = evolution in ("jump", "dissipative")
        # so that the whole generator starts equally strong, dense or local
        share = len(self.subsystems) ** -0.5
        self.A = nn.ParameterList(
            [kets.draw_hermitian(d, d, scale=share / math.sqrt(2 * d)) for d in sides if with_H]
        )
        self.L = nn.ParameterList(
            [
                _gaussian(jumps, d, d, scale=share / math.sqrt(8 * d))
                for d in sides
                if with_L and jumps
            ]
        )
        read_by: dict[str, list[decomposition.Subset]] = {
            "joint": [tuple(range(M))],
            "local": [(m,) for m in range(M)],
            "single": [(self.modalities.index(read) if read else 0,)],
        }
        self.read_states = read_by[chosen["readout"]]
        sizes = [math.prod(self.dims[m] for m in s) for s in self.read_states]
        for name, d in zip(self._vector_names, sizes, strict=True):
            self.register_parameter(
                name, nn.Parameter(_gaussian(measurements, d, scale=1 / math.sqrt(2 * d)))
            )
        read_sizes = torch.tensor(sizes).repeat_interleave(measurements)
        self.W = nn.Parameter(
            torch.randn(C, len(read_sizes))
            * (chosen["head_scale"] or 2 * read_sizes / math.prod(self.dims))
        )
        self.bias = nn.Parameter(torch.zeros(C))

    def check_trainable(self) -> None:
        """Raise InvalidInput where one dense generator acts on a joint dimension D that is too large to train."""
        D = math.prod(self.dims)
        is_dense = self.settings["coupling"] == "dense" and self.has_evolution
        check(
            not is_dense or D <= MAX_TRAINED,
            f"A {self.kind} model of {len(self.dims)} modalities with `dims` {self.dims} has a joint dimension of "
            f"{D:,}; at most {MAX_TRAINED:,} is trained: H and the L_k are matrices of that side. Lower `dims`, join "
            "modalities, or take a model that grows with their number, such as entangled-qcnn or late.",
        )

    def generator(self) -> lindblad.Generator:
        """Return the generator with the learned (and tweaked) Hamiltonian and jump operators, differentiable."""
        dtype, device = self.W.dtype.to_complex(), self.W.device
        terms = []
        for n, s in enumerate(self.subsystems):
            d = math.prod(self.dims[m] for m in s)
            H = (
                kets.compose_hermitian(self.A[n])
                if len(self.A)
                else torch.zeros(d, d, dtype=dtype, device=device)
            )
            L = (
                torch.view_as_complex(self.L[n])
                if len(self.L)
                else torch.zeros(0, d, d, dtype=dtype, device=device)
            )
            terms.append(lindblad.Term(s, H, L))
        generator = lindblad.Generator(self.dims, tuple(terms))
        return generator if self.tweak is None else self.tweak.scale(generator, self.modalities)

    def couplings(self) -> list[tuple[nn.Parameter, float]]:
        """Return H's and the L_k's parameters; they do nothing at 0."""
        return [(parameter, 0.0) for parameter in (*self.A, *self.L)]

    @property
    def _vector_names(self) -> list[str]:
        """The parameters that hold the vectors, by state that is read."""
        return (
            ["V"] if self.settings["readout"] == "joint" else [f"V{s[0]}" for s in self.read_states]
        )

    def measurement_vectors(self) -> dict[decomposition.Subset, Tensor]:
        """Return the unit vectors v_mj (J, d) of each state that is read, by its modalities: (m,) of one, all of the
        joint state."""
        vectors = {
            s: torch.view_as_complex(getattr(self, name))
            for name, s in zip(self._vector_names, self.read_states, strict=True)
        }
        return {
            s: V / torch.linalg.vector_norm(V, dim=-1, keepdim=True).clamp_min(1e-12)
            for s, V in vectors.items()
        }

    def merge_tweak(
        self, state: dict[str, Tensor], settings: dict[str, Any], words: str
    ) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return weights and settings in which the tweak is part of H, the L_k and the duration."""
        state, settings = dict(state), {**settings, "duration": self.duration}
        terms = self.generator().terms if words else ()
        # Of a model without H, traceless L_k have one: where a tweak changes either, it is kept as learned H is.
        with_H = len(self.A) or any(bool(term.H.any()) for term in terms)
        if with_H and settings["evolution"] == "dissipative":
            settings["evolution"] = "jump"
        for n, term in enumerate(terms):
            state |= {f"A.{n}": kets.hermitian_entries(term.H)} if with_H else {}
            state |= (
                {f"L.{n}": torch.view_as_real(term.jumps.resolve_conj())} if len(self.L) else {}
            )
        return state, settings


def _gaussian(*shape: int, scale: float) -> Tensor:
    """Complex normal entries as (..., 2) reals; `scale` is the deviation of each part."""
    return torch.randn(*shape, 2) * scale
