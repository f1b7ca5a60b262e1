"""ONNX models, run by ONNX Runtime. Such a model runs nothing but its operators, and has no gradients."""

import importlib
import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from qfusion._checks import check
from qfusion._lazy import require
from qfusion.errors import translate_errors
from qfusion.plugins.programs.program import Port, Program

_AGAIN = "Export it again, for another operator set (opset), or by torch.export."


class OnnxProgram(Program):
    """An ONNX model.

    Args:
        data: bytes of its file. file: its name, for messages.

    Raises:
        InvalidInput: when it cannot be loaded, or not all of it is in the file.
        MissingPackage: when `onnx` or `onnxruntime` is not installed.
    """

    def __init__(self, data: bytes, file: str):
        for package in ("onnx", "onnxruntime"):
            require(package)
        onnx = importlib.import_module("onnx")
        onnxruntime = importlib.import_module("onnxruntime")
        self.file = file
        with translate_errors(
            f"Program `{file}` cannot be read by onnx {onnx.__version__}",
            _AGAIN,
            Exception,  # of whichever library of Protocol Buffers there is
            why="{words:.200}",
        ):
            model = onnx.load_model_from_string(data)
        self.parameters = 0
        for tensor in _messages(model, onnx.TensorProto):
            check(
                tensor.data_location != onnx.TensorProto.EXTERNAL and not tensor.external_data,
                f"Program `{file}` keeps `{tensor.name[:60]}` in another file. Save it as one: "
                "`onnx.save(onnx.load(path), path)`.",
            )
            self.parameters += math.prod(max(side, 1) for side in tensor.dims)
        weights = {
            *(tensor.name for tensor in model.graph.initializer),
            *(tensor.values.name for tensor in model.graph.sparse_initializer),
        }
        inputs = [port for port in model.graph.input if port.name not in weights]
        self.inputs = tuple(_port(onnx, port) for port in inputs)
        self.outputs = tuple(_port(onnx, port) for port in model.graph.output)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = torch.get_num_threads()
        with translate_errors(
            f"Program `{file}` cannot be loaded by ONNX Runtime {onnxruntime.__version__}",
            _AGAIN,
            Exception,  # the classes of the checker and of the runtime, which promises none
            why="{words:.200}",
        ):
            onnx.checker.check_model(model)
            self._session = onnxruntime.InferenceSession(
                data, options, providers=["CPUExecutionProvider"]
            )

    def _run(self, inputs: Sequence[Tensor], output: int) -> Tensor:
        moved = torch.is_grad_enabled() and any(given.requires_grad for given in inputs)
        return _Slopes.apply(self, output, *inputs) if moved else self.plain(inputs, output)

    def plain(self, inputs: Sequence[Tensor], output: int) -> Tensor:
        """Return one output, without gradients."""
        name = self.outputs[output].name
        given = {
            port.name: tensor.detach().numpy()
            for port, tensor in zip(self.inputs, inputs, strict=True)
        }
        (result,) = self._session.run([name], given)
        check(
            getattr(getattr(result, "dtype", None), "kind", "") in ("f", "i", "u", "b"),
            f"Output `{name}` of program `{self.file}` is no array of numbers. With skl2onnx: "
            "`options={'zipmap': False}`; or name another output in the card.",
        )
        return torch.from_numpy(result.copy(order="C"))

    def measure(self, inputs: Sequence[Tensor]) -> tuple[int, int]:
        """Return guesses of how many numbers the largest tensor of a run holds, and of its floating-point
        operations."""
        rows = max((len(given) for given in inputs if given.ndim), default=1)
        return 64 * max(given.numel() for given in inputs), 2 * self.parameters * rows


def _messages(message: Any, kind: type[Any]) -> Iterator[Any]:
    """Yield what lies in a message of Protocol Buffers and is of a kind."""
    if isinstance(message, kind):
        yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in [value] if hasattr(value, "ListFields") else value:
                yield from _messages(part, kind)


def _port(onnx: Any, port: Any) -> Port:
    tensor = port.type.tensor_type
    if not port.type.HasField("tensor_type") or not tensor.elem_type:
        return Port(port.name, None, None)
    shape = tuple(
        side.dim_value if side.HasField("dim_value") else side.dim_param or "?"
        for side in tensor.shape.dim
    )
    kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name
    dtype = getattr(torch, kind, None)
    return Port(
        port.name,
        shape if tensor.HasField("shape") else None,
        dtype if isinstance(dtype, torch.dtype) else None,
    )


class _Slopes(torch.autograd.Function):
    """Gradients by central differences, two runs for every number of a row."""

    @staticmethod
    def forward(ctx: Any, program: OnnxProgram, output: int, *inputs: Tensor) -> Tensor:
        ctx.program, ctx.output = program, output
        ctx.save_for_backward(*inputs)
        return program.plain(inputs, output)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *arriving: Tensor) -> Any:
        (weight,) = arriving
        slopes = [
            _differences(ctx.program, ctx.saved_tensors, ctx.output, weight, place)
            if ctx.needs_input_grad[place + 2]
            else None
            for place in range(len(ctx.saved_tensors))
        ]
        return (None, None, *slopes)


def _differences(
    program: OnnxProgram, inputs: Sequence[Tensor], output: int, weight: Tensor, place: int
) -> Tensor:
    """Central differences: rows are independent, so one number of all rows is moved at once."""
    x = inputs[place]
    flat = x.flatten(1)
    slopes = torch.zeros_like(x.flatten(1))
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
