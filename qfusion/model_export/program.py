"""The way from features to scores as a program of `torch.export`: real numbers only, and loading it needs torch alone.

The physics is worked out beforehand. For a QiNN-QJ the observables O_c(T) are evolved once in the Heisenberg picture,
so that a score is a quadratic form in the real and imaginary parts of the product state; for an entangled-fusion
network the circuit is pulled back to coefficients of words in {I, X, Z}, so that a score is multilinear in the fused
qubits. Neither matrix exponentials nor complex numbers, for which exporters have no operators, are left.
"""

from __future__ import annotations

import copy
import io
import json
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from qfusion._checks import check, choose
from qfusion.models import EntangledQCNN, FusionModel, KetModel, can, fusion, require
from qfusion.models.encoders import Encoder, Pooling

MAX_STEPS = 200
PRECISIONS: dict[str, torch.dtype] = {"double": torch.float64, "single": torch.float32}
_ROWS = 3  # of the example that is traced; any number goes in afterwards


class Predictor(nn.Module):
    """Features of every modality, in order, to scores (B, C); of a sequence values (B, T, F) and then the mask (B, T)
    of its real steps.

    A subclass fills `fused` from what the encoders say.
    """

    bias: Tensor

    def __init__(self, model: FusionModel):
        super().__init__()
        self.names = tuple(model.modalities)
        self.sequences = tuple(spec.sequence for spec in model.input_specs.values())
        # their precision is changed
        self.encoders = nn.ModuleDict(
            {name: copy.deepcopy(model.encoders[name]) for name in self.names}
        )
        self.register_buffer("bias", model.bias.detach().clone())

    def forward(self, *features: Tensor) -> Tensor:
        """Returns the scores."""
        waiting, encoded = list(features), []
        for name, sequence in zip(self.names, self.sequences, strict=True):
            values = waiting.pop(0)
            encoded.append(
                _encoded(
                    cast(Encoder, self.encoders[name]), values, waiting.pop(0) if sequence else None
                )
            )
        return self.scores(encoded) + self.bias

    def scores(self, encoded: Sequence[Tensor]) -> Tensor:
        """Returns the scores without bias of what the encoders say."""
        raise NotImplementedError


def _encoded(encoder: Encoder, values: Tensor, mask: Tensor | None) -> Tensor:
    x = encoder.standardise(values)
    first = encoder.first
    if isinstance(first, Pooling) and mask is not None:
        if first.kind == "gru":
            steps, _ = first.gru(x)
            last = (mask.sum(1) - 1).clamp_min(0)
            x = steps.gather(1, last[:, None, None].expand(-1, 1, steps.shape[-1]))[:, 0]
        else:
            x = first(x, mask)
    else:
        x = first(x)
    return cast(Tensor, encoder.last(x))


class KetPredictor(Predictor):
    """psi_m -> product state r + i s -> r' A r + s' A s + 2 s' B r for O_c(T) = A_c + i B_c."""

    def __init__(self, model: KetModel):
        super().__init__(model)
        self.dims = model.dims
        with torch.no_grad():
            O = model.observables()
        self.register_buffer("A", O.real.contiguous())
        self.register_buffer("B", O.imag.contiguous())

    def scores(self, encoded: Sequence[Tensor]) -> Tensor:
        """Returns the scores without bias, (B, C)."""
        r, s = _ket(encoded[0], self.dims[0])
        for numbers, d in zip(encoded[1:], self.dims[1:], strict=True):
            a, b = _ket(numbers, d)
            r, s = (_outer(r, a) - _outer(s, b)), (_outer(r, b) + _outer(s, a))
        A, B = cast(Tensor, self.A), cast(Tensor, self.B)
        quadratic = torch.einsum("nb,cbd,nd->nc", r, A, r) + torch.einsum("nb,cbd,nd->nc", s, A, s)
        return quadratic + 2 * torch.einsum("nb,cbd,nd->nc", s, B, r)


def _ket(numbers: Tensor, d: int) -> tuple[Tensor, Tensor]:
    """Real and imaginary parts of (e_0 + h) / ||e_0 + h||."""
    real, imaginary = numbers[:, :d], numbers[:, d:]
    real = torch.cat([real[:, :1] + 1, real[:, 1:]], 1)
    norm = (real.square() + imaginary.square()).sum(1, keepdim=True).sqrt().clamp_min(1e-6)
    return real / norm, imaginary / norm


def _outer(left: Tensor, right: Tensor) -> Tensor:
    return (left[:, :, None] * right[:, None, :]).flatten(1)


class NetworkPredictor(Predictor):
    """theta_m -> masses -> fused qubits (1, <X>, <Z>) -> sum over words in {I, X, Z}."""

    def __init__(self, model: EntangledQCNN):
        super().__init__(model)
        self.n, half = model.elements, model.elements // 2
        with torch.no_grad():
            O = model.observables()
        self.C = len(O)
        self.register_buffer("phi", model.phi.detach().clone())
        self.register_buffer(
            "words", O.reshape(self.C, 3**half, -1).permute(1, 0, 2).flatten(1).contiguous()
        )

    def scores(self, encoded: Sequence[Tensor]) -> Tensor:
        """Returns the scores without bias, (B, C)."""
        masses = torch.stack(
            [torch.sin((numbers + torch.pi / 2) / 2).square() for numbers in encoded], -1
        )
        vectors, half = fusion.fuse(masses, cast(Tensor, self.phi))[0], self.n // 2
        left, right = (_words(vectors[:, part]) for part in (slice(0, half), slice(half, self.n)))
        partial = (left @ cast(Tensor, self.words)).unflatten(1, (self.C, -1))
        return (partial @ right[:, :, None])[..., 0]


def _words(vectors: Tensor) -> Tensor:
    """Products of (1, <X>, <Z>) over the qubits (B, q, 3) -> (B, 3^q)."""
    found = vectors[:, 0]
    for i in range(1, vectors.shape[1]):
        found = _outer(found, vectors[:, i])
    return found


def predictor(model: FusionModel, precision: str = "double") -> Predictor:
    """Returns the module that is exported, in a floating-point precision of PRECISIONS."""
    made: Predictor = (
        NetworkPredictor(require(model, "masses"))
        if can(model, "masses")
        else KetPredictor(require(model, "kets"))
    )
    return made.to(PRECISIONS[choose("Precision", precision, PRECISIONS)]).eval()


def exported(
    model: FusionModel, precision: str = "double", steps: Mapping[str, int] | None = None
) -> torch.export.ExportedProgram:
    """Returns the program of `torch.export`; the number of rows is free.

    Args:
        steps: of every sequence, which exporters unroll: shorter ones are padded and masked. Needed where the model
            takes sequences.

    Raises:
        InvalidInput: when they are missing or too many.
    """
    module, dtype = predictor(model, precision), PRECISIONS[precision]
    rows = torch.export.Dim("rows", min=1, max=2**31)
    example: list[Tensor] = []
    for name, spec in model.input_specs.items():
        if spec.sequence:
            count = (steps or {}).get(name, 0)
            check(
                1 <= count <= MAX_STEPS,
                f"Argument `steps` must hold from 1 to {MAX_STEPS} steps of `{name}`, but holds {count}: exporters "
                "write every step of a sequence out. Use features that are pooled over time.",
            )
            example += [
                torch.zeros(_ROWS, count, spec.size, dtype=dtype),
                torch.ones(_ROWS, count, dtype=torch.bool),
            ]
        else:
            example.append(torch.zeros(_ROWS, spec.size, dtype=dtype))
    free = [{0: rows}] * len(example)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        return torch.export.export(module, tuple(example), dynamic_shapes=(tuple(free),))


def to_bytes(
    model: FusionModel,
    about: Mapping[str, Any],
    precision: str = "double",
    steps: Mapping[str, int] | None = None,
) -> bytes:
    """Returns a .pt2 file: the program, and in `qfusion.json` what goes in and what comes out.

    Args:
        about: what is said beside inputs and outputs. precision, steps: see `exported`.
    """
    program = exported(model, precision, steps)
    inputs = []
    for name, spec in model.input_specs.items():
        shape = ["rows", (steps or {})[name], spec.size] if spec.sequence else ["rows", spec.size]
        inputs.append({"name": name, "shape": shape, "dtype": str(PRECISIONS[precision])})
        if spec.sequence:
            inputs.append(
                {
                    "name": f"{name}, which steps are real",
                    "shape": ["rows", (steps or {})[name]],
                    "dtype": "torch.bool",
                }
            )
    said = json.dumps({**about, "inputs": inputs, "outputs": list(model.outputs)}, indent=1)
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files={"qfusion.json": said})
    return buffer.getvalue()
