"""A model as a program of `torch.export`: real numbers only, and loading it needs torch alone.

The physics is computed beforehand. For a QiNN-QJ the observables O_c(T) are evolved once in the Heisenberg picture, so
that a score is a quadratic form in the real and imaginary parts of the product state; for an entangled-fusion network
the circuit is pulled back to coefficients of words in {I, X, Z}, so that a score is multilinear in the fused qubits.
Neither matrix exponentials nor complex numbers, for which exporters have no operators, are left.
"""

import copy
import io
import json
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from qfusion._checks import check, choose
from qfusion.models import FusionModel
from qfusion.models.network import truth_tables
from qfusion.models.protocols import KetStates, MassStates
from qfusion.quantum import states

MAX_STEPS = 200
PRECISIONS: dict[str, torch.dtype] = {"double": torch.float64, "single": torch.float32}


class Predictor(nn.Module):
    """Map the features of every modality, in order, to scores (B, C).

    A sequence takes two inputs: values (B, T, F), then the mask (B, T) of its real steps. A subclass defines `scores`.
    """

    def __init__(self, model: FusionModel):
        super().__init__()
        self.names = tuple(model.modalities)
        self.sequences = tuple(spec.sequence for spec in model.input_specs.values())
        # copies, because their precision is changed
        self.encoders = nn.ModuleDict(
            {name: copy.deepcopy(model.encoders[name]) for name in self.names}
        )
        self.bias = nn.Buffer(model.bias.detach().clone())

    def forward(self, *features: Tensor) -> Tensor:
        """Return the scores."""
        inputs = iter(features)
        encoded = []
        for name, is_sequence in zip(self.names, self.sequences, strict=True):
            values = next(inputs)
            if is_sequence:
                mask = next(inputs)
                encoded.append(self.encoders[name]((values, mask)))
            else:
                encoded.append(self.encoders[name](values))
        return self.scores(encoded) + self.bias

    def scores(self, encoded: Sequence[Tensor]) -> Tensor:
        """Return the scores (B, C) without bias from the outputs of the encoders."""
        raise NotImplementedError


class KetPredictor(Predictor):
    """psi_m -> product state r + i s -> r' A r + s' A s + 2 s' B r for O_c(T) = A_c + i B_c."""

    def __init__(self, model: FusionModel):
        super().__init__(model)
        kets = model.require(KetStates)
        self.dims = kets.dims
        O = kets.observables().detach()
        self.A = nn.Buffer(O.real.contiguous())
        self.B = nn.Buffer(O.imag.contiguous())

    def scores(self, encoded: Sequence[Tensor]) -> Tensor:
        """Return the scores without bias, (B, C)."""
        r, s = _ket(encoded[0], self.dims[0])
        for numbers, d in zip(encoded[1:], self.dims[1:], strict=True):
            a, b = _ket(numbers, d)
            real = states.product([r, a]) - states.product([s, b])
            imaginary = states.product([r, b]) + states.product([s, a])
            r, s = real, imaginary
        form = "nb,cbd,nd->nc"
        quadratic = torch.einsum(form, r, self.A, r) + torch.einsum(form, s, self.A, s)
        return quadratic + 2 * torch.einsum(form, s, self.B, r)


def _ket(numbers: Tensor, d: int) -> tuple[Tensor, Tensor]:
    """Return the real and imaginary parts of (e_0 + h) / ||e_0 + h||."""
    real, imaginary = numbers[:, :d], numbers[:, d:]
    real = torch.cat([real[:, :1] + 1, real[:, 1:]], 1)
    norm = (real.square() + imaginary.square()).sum(1, keepdim=True).sqrt().clamp_min(1e-6)
    return real / norm, imaginary / norm


class NetworkPredictor(Predictor):
    """theta_m -> masses -> fused qubits (1, <X>, <Z>) -> sum over words in {I, X, Z}."""

    def __init__(self, model: FusionModel):
        super().__init__(model)
        masses = model.require(MassStates)
        self.n = masses.elements
        half = self.n // 2
        O = masses.observables().detach()
        self.C = len(O)
        self.phi = nn.Buffer(masses.phi.detach().clone())
        self.words = nn.Buffer(
            O.reshape(self.C, 3**half, -1).permute(1, 0, 2).flatten(1).contiguous()
        )

    def scores(self, encoded: Sequence[Tensor]) -> Tensor:
        """Return the scores without bias, (B, C)."""
        masses = torch.stack(
            [torch.sin((numbers + torch.pi / 2) / 2).square() for numbers in encoded], -1
        )
        vectors = truth_tables.fuse(masses, self.phi)[0]
        half = self.n // 2
        # products of (1, <X>, <Z>) over the qubits of each half, (B, 3^(n / 2))
        left = states.product(vectors[:, :half].unbind(1))
        right = states.product(vectors[:, half:].unbind(1))
        return ((left @ self.words).unflatten(1, (self.C, -1)) @ right[:, :, None])[..., 0]


def export_program(
    model: FusionModel, precision: str = "double", steps: Mapping[str, int] | None = None
) -> torch.export.ExportedProgram:
    """Return the program of `torch.export`; the number of rows is free.

    Args:
        precision: of its floating-point numbers, a key of PRECISIONS.
        steps: number of steps of every sequence, which exporters unroll. Shorter sequences are padded and masked.
            Required if the model takes sequences.

    Raises:
        InvalidInput: when steps are missing, or more than MAX_STEPS.
    """
    dtype = PRECISIONS[choose("Precision", precision, PRECISIONS)]
    module = NetworkPredictor(model) if model.part(MassStates) else KetPredictor(model)
    # three rows are traced; any number goes in afterwards
    example = tuple(
        torch.ones(3, *shape[1:], dtype=kind) for _, shape, kind in _inputs(model, dtype, steps)
    )
    free = ({0: torch.export.Dim("rows", min=1, max=2**31)},) * len(example)
    # With opt_einsum, where it is installed, the order of a product depends on the number of rows.
    opt_einsum = torch.backends.opt_einsum.flags(enabled=False)
    with warnings.catch_warnings(action="ignore"), torch.no_grad(), opt_einsum:
        return torch.export.export(module.to(dtype).eval(), example, dynamic_shapes=(free,))


def _inputs(
    model: FusionModel, dtype: torch.dtype, steps: Mapping[str, int] | None
) -> list[tuple[str, list[Any], torch.dtype]]:
    """Return name, shape and type of each input, in order."""
    inputs = []
    for name, spec in model.input_specs.items():
        count = (steps or {}).get(name, 0)
        check(
            not spec.sequence or 1 <= count <= MAX_STEPS,
            f"Argument `steps` must hold from 1 to {MAX_STEPS} steps of `{name}`, but holds {count}: exporters "
            "write every step of a sequence out. Use features that are pooled over time.",
        )
        if spec.sequence:
            inputs += [
                (name, ["rows", count, spec.size], dtype),
                (f"{name}, which steps are real", ["rows", count], torch.bool),
            ]
        else:
            inputs.append((name, ["rows", spec.size], dtype))
    return inputs


def program_bytes(
    model: FusionModel,
    about: Mapping[str, Any],
    precision: str = "double",
    steps: Mapping[str, int] | None = None,
) -> bytes:
    """Return the content of a .pt2 file: the program, and `qfusion.json`, which describes its inputs and outputs.

    Args:
        about: further entries of the description.
        precision, steps: see `export_program`.
    """
    inputs = [
        {"name": name, "shape": shape, "dtype": str(kind)}
        for name, shape, kind in _inputs(model, PRECISIONS[precision], steps)
    ]
    words = json.dumps({**about, "inputs": inputs, "outputs": list(model.outputs)}, indent=1)
    buffer = io.BytesIO()
    torch.export.save(
        export_program(model, precision, steps), buffer, extra_files={"qfusion.json": words}
    )
    return buffer.getvalue()
