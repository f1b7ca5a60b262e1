"""Programs of other frameworks: named inputs and outputs of known shapes, run on whole batches in a child process."""

import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import safetensors.numpy
import safetensors.torch
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from qfusion import _child_environment
from qfusion._checks import check
from qfusion._lazy import require
from qfusion.errors import InvalidInput
from qfusion.models import _program_child as _child, kind_files

MAX_SIZE = 1 << 30  # bytes of a file
_TYPES = {
    str(kind).removeprefix("torch."): kind
    for kind in (
        torch.float64,
        torch.float32,
        torch.float16,
        torch.int64,
        torch.int32,
        torch.int16,
        torch.int8,
        torch.uint8,
        torch.bool,
    )
}

Side = int | str  # a fixed number, or the name of one that is free


@dataclass(frozen=True)
class Port:
    """An input or output of a program.

    Attributes:
        name: as the program calls it.
        shape: fixed numbers and names of free ones; None where the program does not say.
        dtype: of torch; None where it does not say.
    """

    name: str
    shape: tuple[Side, ...] | None
    dtype: torch.dtype | None

    @property
    def words(self) -> str:
        """Name, shape and type for messages."""
        shape = "?" if self.shape is None else f"({', '.join(map(str, self.shape))})"
        return f"{self.name} {shape} {'' if self.dtype is None else str(self.dtype).removeprefix('torch.')}".strip()

    def takes(self, array: Tensor) -> bool:
        """Return whether an array has its shape."""
        return self.shape is None or (
            len(self.shape) == array.ndim
            and all(
                isinstance(side, str) or side == length
                for side, length in zip(self.shape, array.shape, strict=True)
            )
        )


class Exhausted(InvalidInput):
    """A program that takes more than it may.

    Attributes:
        of: "memory", "processor" or "time".
    """

    def __init__(self, message: str, of: str):
        super().__init__(message)
        self.of = of


class Program:
    """Program with its weights, in a separate process that ends when it is no longer needed.

    Args:
        data: bytes of the file. file: its name, for messages.
        kind: "torch", which torch.export.load loads and so has to be trusted, or "onnx".

    Attributes:
        inputs, outputs: in order.
        parameters: how many numbers its weights are.
        notes: why its scores may change from call to call, such as "dropout is left on".
        ranges: of free sides, by their names: the least and the most that they may be, 0 where nothing is known.

    Raises:
        InvalidInput: when it cannot be loaded, or is not to be run.
        MissingPackage: when what an ONNX model needs is not installed.
    """

    def __init__(self, data: bytes, file: str, kind: str):
        check(
            len(data) <= MAX_SIZE,
            f"Program `{file}` has {len(data) / 2**30:.1f} GiB, but at most "
            f"{MAX_SIZE / 2**30:.0f} are read. Export a smaller model.",
        )
        if kind == "onnx":
            require("onnx")
            require("onnxruntime")
        self.file, self.kind, self._data = file, kind, data
        self._lock, self.process = threading.Lock(), cast("subprocess.Popen[bytes] | None", None)
        with self._lock:
            about = self._begun()
        try:
            self.inputs, self.outputs = (
                tuple(_port(*port) for port in about[key]) for key in ("inputs", "outputs")
            )
            self.parameters, self.notes = (
                int(about["parameters"]),
                tuple(str(note)[:200] for note in about["notes"]),
            )
            self.ranges = {
                str(name): (int(low), int(high)) for name, (low, high) in about["ranges"].items()
            }
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInput(
                f"Program `{file}` does not say what goes in and comes out. Export it again."
            ) from error

    def __deepcopy__(self, memo: dict[int, Any]) -> "Program":
        return self  # it is never written to

    def run(self, inputs: Sequence[Tensor], output: int) -> Tensor:
        """Return one output of given inputs, in order, each of its port's type; gradients flow through it once. Those
        of an ONNX model are central differences, two runs for every number of a row.

        Raises:
            InvalidInput: when the program fails on them; Exhausted: when it takes too much.
        """
        moved = torch.is_grad_enabled() and any(given.requires_grad for given in inputs)
        return _Slopes.apply(self, output, *inputs) if moved else self.plain(inputs, output)

    def plain(self, inputs: Sequence[Tensor], output: int) -> Tensor:
        """Return one output, without gradients."""
        return self._tensors({"do": "run", "output": output}, inputs, [0])[0]

    def slopes(
        self, inputs: Sequence[Tensor], output: int, weight: Tensor, places: Sequence[int]
    ) -> list[Tensor]:
        """Return the gradients of an output's sum with weights, of the inputs at these places."""
        if self.kind == "onnx":
            return [_differences(self, inputs, output, weight, place) for place in places]
        return self._tensors(
            {"do": "slopes", "output": output, "places": list(places)},
            inputs,
            places,
            weight=weight,
        )

    def measure(self, inputs: Sequence[Tensor]) -> tuple[int, int]:
        """Return how many numbers the largest tensor of a run holds, and its floating-point operations; of an ONNX
        model both are guesses."""
        if self.kind == "onnx":
            rows = max((len(given) for given in inputs if given.ndim), default=1)
            return 64 * max(given.numel() for given in inputs), 2 * self.parameters * rows
        answer, _ = self._ask({"do": "measure", "output": 0}, inputs)
        return int(answer["width"]), int(answer["operations"])

    def _tensors(
        self, order: dict[str, Any], inputs: Sequence[Tensor], places: Sequence[int], **more: Tensor
    ) -> list[Tensor]:
        _, body = self._ask(order, inputs, **more)
        try:
            tensors = safetensors.torch.load(body)
            return [tensors[str(place)] for place in places]
        except (safetensors.SafetensorError, KeyError, ValueError) as error:
            raise InvalidInput(
                f"Program `{self.file}` answers with no tensor. Export it again."
            ) from error

    def _ask(
        self, order: dict[str, Any], inputs: Sequence[Tensor], **more: Tensor
    ) -> tuple[dict[str, Any], bytes]:
        sent = {str(place): tensor for place, tensor in enumerate(inputs)} | more
        body = safetensors.numpy.save(
            {name: tensor.detach().contiguous().numpy() for name, tensor in sent.items()}
        )
        with self._lock:
            if self.process is None:
                self._begun()
            return self._exchanged(order, body)

    def _begun(self) -> dict[str, Any]:
        """Start the process, and return its description of the program."""
        self.process = subprocess.Popen(
            [sys.executable, "-P", _child.__file__],
            env=_child_environment.child_variables(OMP_NUM_THREADS=str(torch.get_num_threads())),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        weakref.finalize(self, _end, self.process)
        order = {
            "kind": self.kind,
            "file": self.file,
            "parent": os.getpid(),
            "threads": torch.get_num_threads(),
            "memory": 0,
        }
        return self._exchanged(order, self._data)[0]

    def _exchanged(self, order: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        """Return the answer to a message. A process that does not answer is ended, and the next call starts another."""
        process = cast("subprocess.Popen[bytes]", self.process)
        try:
            _child.send(cast(Any, process.stdin), order, body)
            answer, tensors = _child.receive(cast(Any, process.stdout))
        except (OSError, EOFError, ValueError) as error:
            with suppress(subprocess.TimeoutExpired):
                process.wait(2)  # it says by its status why it ends
            _end(process)
            self.process = None
            raise self._ended(process.returncode) from error
        except (
            BaseException
        ):  # a reader's click ends a page's run: what comes later would answer another question
            _end(process)
            self.process = None
            raise
        if answer.get("memory"):
            raise self._ended(_child.NO_MEMORY)
        check("problem" not in answer, str(answer.get("problem", ""))[:1000])
        check(
            "fails" not in answer,
            f"Program `{self.file}` fails ({str(answer.get('fails', ''))[:200]}). Correct "
            "shapes and types in the card, or export the model again.",
        )
        return answer, tensors

    def _ended(self, status: int) -> InvalidInput:
        takes = {
            "memory": "asks for more memory than there is for it",
            "processor": "takes more time of the processor than there is for it",
        }
        of_status = {_child.NO_MEMORY: "memory", -getattr(signal, "SIGXCPU", 24): "processor"}
        of = of_status.get(status, "")
        if of:
            return Exhausted(f"Program `{self.file}` {takes[of]}. Export a smaller model.", of)
        return InvalidInput(
            f"Program `{self.file}` ends the process that runs it (status {status}). Export it again, "
            "or give that process more memory."
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        with suppress(OSError):  # what it was sent last never arrived
            cast(Any, stream).close()


def _port(name: Any, shape: Any, kind: Any) -> Port:
    sides = (
        None
        if shape is None
        else tuple(side if isinstance(side, int) else str(side)[:60] for side in shape)
    )
    return Port(str(name)[:200], sides, _TYPES.get(str(kind)))


class _Slopes(torch.autograd.Function):
    """Gradients of a program, computed where the program runs."""

    @staticmethod
    def forward(ctx: Any, program: Program, output: int, *inputs: Tensor) -> Tensor:
        ctx.program, ctx.output = program, output
        ctx.save_for_backward(*inputs)
        return program.plain(inputs, output)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *arriving: Tensor) -> Any:
        inputs, (weight,) = ctx.saved_tensors, arriving
        places = [place for place in range(len(inputs)) if ctx.needs_input_grad[place + 2]]
        slopes = dict(
            zip(places, ctx.program.slopes(inputs, ctx.output, weight, places), strict=True)
        )
        return (None, None, *(slopes.get(place) for place in range(len(inputs))))


def _differences(
    program: Program, inputs: Sequence[Tensor], output: int, weight: Tensor, place: int
) -> Tensor:
    """Central differences: rows are independent, so one number of all rows is moved at once."""
    x = inputs[place]
    flat, slopes = x.flatten(1), torch.zeros_like(x.flatten(1))
    check(
        flat.shape[1] <= 4096,  # each takes two runs
        f"Program `{program.file}` has no gradients, and differences over "
        f"{flat.shape[1]:,} numbers take too long. Export the model by torch.export "
        "instead.",
    )
    step = torch.finfo(x.dtype).eps ** (1 / 3)
    for k in range(flat.shape[1]):
        width = step * flat[:, k].abs().clamp_min(1)
        away = torch.zeros_like(flat)
        away[:, k] = width
        up, down = (
            program.plain([*inputs[:place], moved.view_as(x), *inputs[place + 1 :]], output)
            for moved in (flat + away, flat - away)
        )
        slopes[:, k] = ((up - down) * weight).flatten(1).sum(1) / (2 * width)
    return slopes.view_as(x)


# The model: a program with a card.

KIND = kind_files.IMPORTED
ENDINGS = kind_files.IMPORTED_ENDINGS


def open_program(data: bytes, file: str, only_onnx: bool = False) -> Program:
    """Return the program in a file, with its kind detected from the bytes.

    Args:
        data: of the file. file: its name, for messages.
        only_onnx: whether it comes from somebody who is not trusted: torch.export.load runs what a file holds.

    Raises:
        InvalidInput: when it is neither a program of torch.export nor an ONNX model, or not to be run.
    """
    kind = program_kind(data)
    check(
        kind == "onnx" or not (kind and only_onnx),
        f"Program `{file}` is one of torch.export, which is loaded only for readers on the "
        "server's own machine, as loading runs what it holds. Bring the model as ONNX, or import "
        f"it there: `python -m qfusion model import {file} --data NAME --name NAME`.",
    )
    check(
        kind != "",
        f"File `{file}` is neither a program of torch.export (.pt2) nor an ONNX model (.onnx). Export the model as "
        "one of these, or import it by its factory, PACKAGE.MODULE:FACTORY.",
    )
    return Program(data, file, kind)


def program_kind(data: bytes) -> str:
    """Return the kind of a program according to its first bytes, "torch" or "onnx", or an empty text if it is
    neither.
    """
    if data[:4] == b"PK\x03\x04":
        return "torch"
    return (
        "onnx"
        if data[:1] in (b"\x08", b"\x12", b"\x1a", b"\x3a", b"\x42") or data[4:8] == b"ORTM"
        else ""
    )
