"""ONNX files that anybody may have made, run by ONNX Runtime: an optional package, loaded when such a model is.

Before the runtime sees a file it is read here, see `wire`: its operators must be those of ONNX and of classical machine
learning, or of functions that the file itself defines, and its tensors must lie in the file. Operators of other domains
(compiled libraries, contexts of accelerators, Python) are refused, so that a file is arithmetic and nothing else. Where
that reader misses a tensor that lies elsewhere, the runtime looks for it in an empty folder.
"""

from __future__ import annotations

import importlib
import re
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from qfusion import _limits
from qfusion._checks import check
from qfusion.errors import DataUnavailable, InvalidInput
from qfusion.models.programs import wire
from qfusion.models.programs.archive import MAX_SIZE
from qfusion.models.programs.program import Port, Program

DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
# Domains of operators that the runtime has itself: it takes its own before a function of the file with the same name.
_RUNTIMES = ("ai.onnx", "com.microsoft", "com.ms", "org.pytorch")
# Where the runtime looks for tensors that lie in other files, and nowhere else: ONNX Runtime 1.24.1 and later hold to
# it; 1.21 to 1.23 follow `..` and absolute paths out of it, and before 1.21 it means nothing.
_FOLDER = "session.model_external_initializers_file_folder_path"
MAX_FEATURES = 4096  # of an input whose gradient is asked for: each takes two runs
_TYPES: dict[int, torch.dtype] = {1: torch.float32, 2: torch.uint8, 3: torch.int8, 5: torch.int16, 6: torch.int32,
                                  7: torch.int64, 9: torch.bool, 10: torch.float16, 11: torch.float64}


class OnnxProgram(Program):
    """An ONNX model.

    Args:
        data: bytes of the file. file: its name, for messages.

    Raises:
        InvalidInput: when it is no ONNX file, damaged, or asks for what is not run here.
        DataUnavailable: when ONNX Runtime is not installed.
    """

    def __init__(self, data: bytes, file: str):
        self.file = file
        said = checked(data, file)
        self.parameters = said.parameters
        self.inputs = tuple(Port(name, shape, _TYPES.get(kind)) for name, kind, shape in said.inputs)
        self.outputs = tuple(Port(name, shape, _TYPES.get(kind)) for name, kind, shape in said.outputs)
        self._session = _session(data, file)

    def run(self, inputs: Sequence[Tensor], output: int) -> Tensor:
        """Returns one output; see `Program`. Gradients are central differences, two runs for every number of a row."""
        if torch.is_grad_enabled() and any(each.requires_grad for each in inputs):
            return cast(Tensor, _Differences.apply(self, output, *inputs))
        return self.plain(inputs, output)

    def plain(self, inputs: Sequence[Tensor], output: int) -> Tensor:
        """Returns one output, without gradients."""
        fed = {port.name: np.ascontiguousarray(each.detach().numpy())
               for port, each in zip(self.inputs, inputs, strict=True)}
        options = importlib.import_module("onnxruntime").RunOptions()
        with _ended(options):
            try:
                found = self._session.run([self.outputs[output].name], fed, options)[0]
            except Exception as error:  # the runtime's own classes, of which it promises none
                check(not options.terminate, _limits.too_slow(self.file))
                raise InvalidInput(f"Program `{self.file}` fails ({_short(error)}). Correct shapes and types in the "
                                   "card, or export the model again.") from error
        check(isinstance(found, np.ndarray) and found.dtype.kind in "fiub",
              f"Output `{self.outputs[output].name}` of program `{self.file}` is no array of numbers. With skl2onnx: "
              "`options={'zipmap': False}`; or name another output in the card.")
        return torch.from_numpy(found)


@contextmanager
def _ended(options: Any) -> Iterator[None]:
    """Ends what runs with these options when it takes longer than a server gives it."""
    if not _limits.bound():
        yield
        return
    clock = threading.Timer(_limits.get("QFUSION_PROGRAM_S"), setattr, (options, "terminate", True))
    clock.daemon = True
    clock.start()
    try:
        yield
    finally:
        clock.cancel()


class _Differences(torch.autograd.Function):
    """A program with gradients by central differences, as none are known: rows are independent, so one number of all
    rows is moved at once."""

    @staticmethod
    def forward(ctx: Any, program: OnnxProgram, output: int, *inputs: Tensor) -> Tensor:
        ctx.program, ctx.output = program, output
        ctx.save_for_backward(*inputs)
        return program.plain(inputs, output)

    @staticmethod
    def backward(ctx: Any, *arriving: Tensor) -> Any:
        inputs, (weight,) = ctx.saved_tensors, arriving
        return (None, None, *(_slope(ctx.program, ctx.output, inputs, place, weight) if ctx.needs_input_grad[place + 2]
                              else None for place in range(len(inputs))))


def _slope(program: OnnxProgram, output: int, inputs: Sequence[Tensor], place: int, weight: Tensor) -> Tensor:
    x = inputs[place]
    flat, found = x.flatten(1), torch.zeros_like(x.flatten(1))
    check(flat.shape[1] <= MAX_FEATURES, f"Program `{program.file}` has no gradients, and differences over "
                                         f"{flat.shape[1]:,} numbers take too long. Export the model by torch.export "
                                         "instead.")
    step = torch.finfo(x.dtype).eps ** (1 / 3)
    for k in range(flat.shape[1]):
        width = step * flat[:, k].abs().clamp_min(1)
        ends = []
        for sign in (1, -1):
            moved = flat.clone()
            moved[:, k] += sign * width
            ends.append(program.plain([*inputs[:place], moved.view_as(x), *inputs[place + 1:]], output))
        found[:, k] = ((ends[0] - ends[1]) * weight).flatten(1).sum(1) / (2 * width)
    return found.view_as(x)


def checked(data: bytes, file: str) -> wire.Model:
    """Returns what an ONNX file says, when nothing in it is more than arithmetic.

    Raises:
        InvalidInput: naming what is not.
    """
    check(len(data) <= MAX_SIZE, f"Program `{file}` has {len(data) / 2**30:.1f} GiB, but at most "
                                 f"{MAX_SIZE / 2**30:.0f} are read. Export a smaller model.")
    check(data[4:8] != b"ORTM", f"Program `{file}` is in ONNX Runtime's own format. Give the .onnx file that it was "
                                "made from.")
    try:
        said = wire.read(data)
    except (ValueError, KeyError, TypeError, UnicodeDecodeError, RecursionError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(f"Program `{file}` cannot be read as an ONNX model ({str(error)[:100]}). Export it "
                           "again.") from error
    foreign = sorted(f"{domain}.{name}" for domain, name in said.operators
                     if domain not in DOMAINS and ((domain, name) not in said.functions
                                                   or domain.startswith(_RUNTIMES)))
    check(not foreign, f"Program `{file}` uses the operator `{foreign[0][:80] if foreign else ''}`, which is not one "
                       "of ONNX's own. Export the model with standard operators.")
    check(not said.outside, f"Program `{file}` keeps `{said.outside[0][:60] if said.outside else ''}` in another file. "
                            "Save it as one: `onnx.save(onnx.load(path), path)`.")
    return said


def _session(data: bytes, file: str) -> Any:
    try:
        runtime = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise DataUnavailable(f"Program `{file}` is an ONNX model, for which ONNX Runtime is not installed. `pip "
                              "install onnxruntime`.") from error
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.load_model_format", "ONNX")
    options.intra_op_num_threads = max(1, torch.get_num_threads())
    with tempfile.TemporaryDirectory(prefix="qfusion-empty-") as empty:  # only while it loads: it reads no file later
        options.add_session_config_entry(_FOLDER, empty)
        try:
            return runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime's own classes, of which it promises none
            raise InvalidInput(_why(error, file, runtime.__version__)) from error


def _why(error: Exception, file: str, version: str) -> str:
    said = " ".join(str(error).split())
    missing = re.search(r"(?:implementation for|No Op registered for|Fatal error:) ([\w.:]+(?:\(\d+\))?)", said)
    if missing and "opset" not in missing.group(1).lower():
        return (f"Program `{file}` uses the operator `{missing.group(1)}`, which ONNX Runtime {version} has not, or "
                "not for these types. Export it for another operator set or in single precision, or by torch.export.")
    if "opset" in said.lower() and ("support" in said.lower() or "version" in said.lower()):
        return (
            f"Program `{file}` asks for operators newer than ONNX Runtime {version} knows ({_short(error)}). Export "
            "it for an older opset.")
    return f"Program `{file}` cannot be loaded by ONNX Runtime {version} ({_short(error)}). Export it again."


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
