"""The child process of `program`: loads one program and runs it. Requests arrive on standard input and answers leave on
standard output, each as a JSON header and a body of tensors.

An ONNX model may come from anybody: before it is looked at, this process loses the right to open any file or
connection, and it is checked by `onnx` and written anew before ONNX Runtime reads it. `torch.export.load` needs its
libraries' files while it loads and runs what a program's file holds, so such a program has to be trusted.

It runs as a script and loads no engine before it knows which.
"""

import importlib
import io
import json
import math
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, BinaryIO

NO_MEMORY = 77  # status of a process whose memory does not hold what it is sent
# Domains of operators that the runtime has itself: it takes its own before a function of the file with the same name.
_RUNTIMES = ("ai.onnx", "com.microsoft", "com.ms", "org.pytorch")
_DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
_DROPOUTS = ("dropout", "dropout_", "feature_dropout", "alpha_dropout", "native_dropout")
_RANDOM = (
    "rand",
    "normal",
    "bernoulli",
    "multinomial",
    "poisson",
    "exponential",
    "uniform",
    "rrelu",
)
_FAST = ("_native_multi_head_attention", "_transformer_encoder_layer_fwd", "_nested")
_AGAIN = "Export it again with `torch.export.save(torch.export.export(model.eval(), example), 'model.pt2')`."
_MEMORY = re.compile(
    "can't allocate memory|bad_alloc|PyObject pointer is null|[Ff]ailed to allocate|not enough memory"
)


Answer = tuple[dict[str, Any], bytes]  # a header and tensors


class Refused(Exception):
    """Error for a program that is not run. Its message is shown to the user who brought the program."""


def check_program(condition: bool, message: str) -> None:
    """Raise Refused with `message` unless `condition` holds."""
    if not condition:
        raise Refused(message)


def send(stream: BinaryIO, header: dict[str, Any], body: bytes = b"") -> None:
    """Write a message."""
    for part in (json.dumps(header).encode(), body):
        stream.write(len(part).to_bytes(8, "little"))
        stream.write(part)
    stream.flush()


def receive(stream: BinaryIO) -> tuple[dict[str, Any], bytes]:
    """Return the next message.

    Raises:
        EOFError: when there is none. ValueError: when it is none, or too long.
    """
    parts = []
    for most in (1 << 24, 1 << 32):  # bytes of a header, and of tensors that are sent at once
        size = int.from_bytes(_exactly(stream, 8), "little")
        if size > most:
            raise ValueError(f"a message of {size:,} bytes is too long")
        parts.append(_exactly(stream, size))
    header = json.loads(parts[0])
    if not isinstance(header, dict):
        raise ValueError("a message has no header")
    return header, parts[1]


def _exactly(stream: BinaryIO, size: int) -> bytes:
    part = stream.read(size)
    if len(part) < size:
        raise EOFError
    return part


def short(error: BaseException) -> str:
    """Return the message of an error in one line of at most 200 letters, or the name of its type if it has no
    message.
    """
    return (" ".join(str(error).split()) or type(error).__name__)[:200]


class Torch:
    """A program of torch.export, loaded by torch."""

    def __init__(self, data: bytes, file: str, threads: int):
        import torch
        from torch.export.graph_signature import InputKind, TensorArgument
        from torch.utils import _pytree

        torch.set_num_threads(threads)
        self.file, self._tree, self._torch = file, _pytree, torch
        try:
            program = torch.export.load(io.BytesIO(data))
        except Exception as error:  # torch promises no class of its own
            raise Refused(
                f"Program `{file}` cannot be loaded by torch {torch.__version__} ({short(error)}). "
                f"{_AGAIN}"
            ) from error
        signature = program.graph_signature
        check_program(
            not signature.buffers_to_mutate,
            f"Program `{file}` changes its own weights when it is run, as with batch normalisation in "
            "training mode. Call `model.eval()` before `torch.export.export`.",
        )
        values = {node.name: node.meta.get("val") for node in program.graph.nodes}
        users = [spec.arg for spec in signature.input_specs if spec.kind == InputKind.USER_INPUT]
        self._given = [
            None if isinstance(arg, TensorArgument) else getattr(arg, "value", None)
            for arg in users
        ]
        self._places = [place for place, arg in enumerate(users) if isinstance(arg, TensorArgument)]
        outputs = [getattr(spec.arg, "name", None) for spec in signature.output_specs]
        named = _pytree.tree_unflatten(list(range(len(outputs))), program.call_spec.out_spec)
        plain = isinstance(named, dict) and list(named.values()) == list(range(len(outputs)))
        titles = map(str, named if plain else range(len(outputs)))
        input_ports = []
        for place in self._places:
            name = users[place].name
            input_ports.append(self._port(name, values[name]))
        output_ports = []
        for title, output in zip(titles, outputs, strict=True):
            output_ports.append(self._port(title, values.get(output)))
        ranges = {}
        for symbol, constraint in program.range_constraints.items():
            ranges[str(symbol)] = [_finite(constraint.lower), _finite(constraint.upper)]
        self.about = {
            "inputs": input_ports,
            "outputs": output_ports,
            "parameters": sum(tensor.numel() for tensor in program.state_dict.values()),
            "ranges": ranges,
            "notes": self._random(program.graph_module),
        }
        self._in_spec = program.call_spec.in_spec
        self._module = program.module().requires_grad_(False)

    def _port(self, name: str, value: Any) -> list[Any]:
        if not isinstance(value, self._torch.Tensor):
            return [name, None, ""]
        shape = [side if isinstance(side, int) else str(side) for side in value.shape]
        return [name, shape, str(value.dtype).removeprefix("torch.")]

    def _random(self, graph: Any) -> list[str]:
        """Return the reasons why scores would change from call to call.

        Raises:
            Refused: where an operator has no gradients.
        """
        notes = []
        for node in (
            node for part in graph.modules() if hasattr(part, "graph") for node in part.graph.nodes
        ):
            name = str(node.target).removeprefix("aten.").partition(".")[0]
            check_program(
                not name.startswith(_FAST),
                f"Program `{self.file}` uses the operator `{node.target}`, a short cut of attention that "
                "has no gradients. Call `torch.backends.mha.set_fastpath_enabled(False)` before "
                "`torch.export.export`.",
            )
            if (
                name in _DROPOUTS
                and len(node.args) > 2
                and node.args[2] is not False
                and node.args[1] != 0
            ):
                notes.append(f"{name.removesuffix('_').replace('_', ' ')} is left on")
            elif name.startswith(_RANDOM) and node.op == "call_function":
                notes.append(f"it draws at random (operator `{node.target}`)")
        return notes

    def _run(self, tensors: Sequence[Any], output: int) -> Any:
        given = dict(enumerate(self._given)) | dict(zip(self._places, tensors, strict=True))
        positional, by_name = self._tree.tree_unflatten(list(given.values()), self._in_spec)
        result = self._tree.tree_leaves(self._module(*positional, **by_name))[output]
        check_program(
            isinstance(result, self._torch.Tensor),
            f"Output {output} of program `{self.file}` is no tensor. Name another in the card.",
        )
        return result

    def answer(self, order: dict[str, Any], body: bytes) -> Answer:
        """Return the answer to an order: one output, the gradients with respect to inputs, or the resources that a
        run takes.
        """
        from safetensors.numpy import save
        from safetensors.torch import load

        sent, output = load(body), int(order["output"])
        tensors = [sent[str(place)] for place in range(len(self._places))]
        if order["do"] == "measure":
            return self._measured(tensors), b""
        if order["do"] == "run":
            with self._torch.no_grad():
                return {}, save({"0": self._run(tensors, output).contiguous().numpy()})
        moved = {str(place): tensors[place].requires_grad_() for place in order["places"]}
        with self._torch.enable_grad():
            result = self._run(tensors, output)
        slopes: Sequence[Any] = [self._torch.zeros_like(tensor) for tensor in moved.values()]
        if result.requires_grad:
            slopes = self._torch.autograd.grad(
                result,
                list(moved.values()),
                sent["weight"],
                allow_unused=True,
                materialize_grads=True,
            )
        return {}, save(
            {place: slope.contiguous().numpy() for place, slope in zip(moved, slopes, strict=True)}
        )

    def _measured(self, tensors: Sequence[Any]) -> dict[str, Any]:
        from torch.utils._python_dispatch import TorchDispatchMode
        from torch.utils.flop_counter import FlopCounterMode

        tree, tensor_type, widths = self._tree, self._torch.Tensor, [1]

        class Widths(TorchDispatchMode):
            def __torch_dispatch__(
                self, operator: Any, types: Any, given: Any = (), by_name: Any = None
            ) -> Any:
                result = operator(*given, **(by_name or {}))
                widths.extend(
                    leaf.numel()
                    for leaf in tree.tree_leaves(result)
                    if isinstance(leaf, tensor_type)
                )
                return result

        with FlopCounterMode(display=False) as counter, Widths(), self._torch.no_grad():
            self._run(tensors, 0)
        return {"width": max(widths), "operations": counter.get_total_flops()}


def _finite(bound: Any) -> int:
    """Return the bound of a free dimension, or 0 if there is none."""
    return int(bound) if str(bound).isdigit() else 0


class Onnx:
    """An ONNX model, checked by `onnx` and run by ONNX Runtime in a process that opens nothing more."""

    def __init__(self, data: bytes, file: str, threads: int):
        from safetensors.numpy import load, save

        onnx, onnxruntime = importlib.import_module("onnx"), importlib.import_module("onnxruntime")
        self.file, self._load, self._save = file, load, save
        shut()
        check_program(
            data[4:8] != b"ORTM",
            f"Program `{file}` is in ONNX Runtime's own format. Give the .onnx file that it was made from.",
        )
        try:
            model = onnx.load_model_from_string(data)
        except Exception as error:  # of whichever library of Protocol Buffers there is
            raise Refused(
                f"Program `{file}` cannot be read as an ONNX model ({short(error)}). Export it "
                "again."
            ) from error
        parameters = self.check_nodes(onnx, model)
        newest = onnx.defs.onnx_opset_version()
        sets = [part.version for part in model.opset_import if part.domain in _DOMAINS[:2]]
        check_program(
            max(sets, default=0) <= newest,
            f"Program `{file}` asks for operators of set {max(sets, default=0)}, newer than onnx {onnx.__version__} "
            f"knows ({newest}). Export it for an older opset.",
        )
        try:
            onnx.checker.check_model(model)
        except Exception as error:  # the checker's own class, and ValueError
            raise Refused(_why(error, file, f"onnx {onnx.__version__}")) from error
        weights = {
            *(tensor.name for tensor in model.graph.initializer),
            *(tensor.values.name for tensor in model.graph.sparse_initializer),
        }
        inputs = [port for port in model.graph.input if port.name not in weights]
        self.about: dict[str, Any] = {
            "inputs": [_port(onnx, port) for port in inputs],
            "parameters": parameters,
            "ranges": {},
            "notes": [],
            "outputs": [_port(onnx, port) for port in model.graph.output],
        }
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.add_session_config_entry("session.load_model_format", "ONNX")
        options.intra_op_num_threads = threads
        model.DiscardUnknownFields()
        try:
            self._session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # the runtime's own classes, of which it promises none
            raise Refused(_why(error, file, f"ONNX Runtime {onnxruntime.__version__}")) from error

    def check_nodes(self, onnx: Any, model: Any) -> int:
        """Refuse a model that is more than arithmetic, or not all here; return how many numbers its weights are."""
        parameters, operators = 0, set()
        for part in messages(model):
            if isinstance(part, onnx.NodeProto):
                operators.add((part.domain, part.op_type))
            elif isinstance(part, onnx.TensorProto):
                check_program(
                    part.data_location != onnx.TensorProto.EXTERNAL and not part.external_data,
                    f"Program `{self.file}` keeps `{part.name[:60]}` in another file. Save it as one: "
                    "`onnx.save(onnx.load(path), path)`.",
                )
                parameters += math.prod(max(side, 1) for side in part.dims)
        own = {
            (part.domain, part.name)
            for part in model.functions
            if not part.domain.startswith(_RUNTIMES)
        }
        for domain, name in sorted(operators - own):
            check_program(
                domain in _DOMAINS,
                f"Program `{self.file}` uses the operator `{domain}.{name}`, which is not one of ONNX's "
                "own. Export the model with standard operators.",
            )
        return parameters

    def answer(self, order: dict[str, Any], body: bytes) -> Answer:
        """Return one output. Such a model has no gradients, and the resources that a run takes are not known."""
        sent, name = self._load(body), self.about["outputs"][int(order["output"])][0]
        fed = {port[0]: sent[str(place)] for place, port in enumerate(self.about["inputs"])}
        (result,) = self._session.run([name], fed)
        check_program(
            getattr(getattr(result, "dtype", None), "kind", "") in ("f", "i", "u", "b"),
            f"Output `{name}` of program `{self.file}` is no array of numbers. With skl2onnx: "
            "`options={'zipmap': False}`; or name another output in the card.",
        )
        return {}, self._save({"0": result.copy(order="C")})


def messages(message: Any) -> Iterator[Any]:
    """Yield a message of Protocol Buffers and all that lie in it."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in [value] if hasattr(value, "ListFields") else value:
                yield from messages(part)


def _port(onnx: Any, port: Any) -> list[Any]:
    tensor = port.type.tensor_type
    if not port.type.HasField("tensor_type") or not tensor.elem_type:
        return [port.name, None, ""]
    shape = [
        side.dim_value if side.HasField("dim_value") else side.dim_param or "?"
        for side in tensor.shape.dim
    ]
    try:
        kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name
    except KeyError:
        kind = ""
    return [port.name, shape if tensor.HasField("shape") else None, kind]


def _why(error: Exception, file: str, reader: str) -> str:
    words = " ".join(str(error).split())
    missing = re.search(
        r"(?:implementation for|No Op registered for|Fatal error:) ([\w.:]+(?:\(\d+\))?)", words
    )
    if missing and "opset" not in missing.group(1).lower():
        return (
            f"Program `{file}` uses the operator `{missing.group(1)}`, which {reader} has not, or not for these "
            "types. Export it for another operator set or in single precision, or by torch.export."
        )
    if "opset" in words.lower() and ("support" in words.lower() or "version" in words.lower()):
        return (
            f"Program `{file}` asks for operators newer than {reader} knows ({short(error)}). Export it for an "
            "older opset."
        )
    return f"Program `{file}` cannot be loaded by {reader} ({short(error)}). Export it again."


def shut() -> None:
    """Remove this process's right to open files and connections and to write to any file, if the platform supports
    this.
    """
    with suppress(ImportError):
        import resource

        for what in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE):
            resource.setrlimit(what, (0, 0))


def limit_memory(memory: int) -> None:
    """Limit this process, on Linux, to `memory` bytes of address space beyond those that it already has."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        with open("/proc/self/statm") as file:
            resource.setrlimit(
                resource.RLIMIT_AS, (int(file.read().split()[0]) * 4096 + memory,) * 2
            )


def _exit_with_parent(parent: int) -> None:
    """End this process when its parent has ended."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def reply(work: Callable[..., Answer], *given: Any) -> Answer:
    """Return the answer of `work`, or else an answer that names the error that it raised."""
    try:
        return work(*given)
    except Refused as error:
        return {"problem": str(error)}, b""
    except (
        BaseException
    ) as error:  # whatever a program's engine raises; panics of Rust are no Exception
        memory = isinstance(error, MemoryError) or bool(_MEMORY.search(str(error)))
        return {"memory": True} if memory else {"fails": short(error)}, b""


def main() -> None:
    """Load the program in the first message, and answer the following messages until there are none."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    order, data = receive(sys.stdin.buffer)
    threading.Thread(target=_exit_with_parent, args=(order["parent"],), daemon=True).start()
    library, engine = {"torch": ("torch.export", Torch), "onnx": ("onnxruntime", Onnx)}[
        order["kind"]
    ]
    loaded: list[Any] = []

    def load() -> Answer:
        importlib.import_module(library)
        if order["memory"]:
            limit_memory(order["memory"])
        loaded.append(engine(data, order["file"], order["threads"]))
        return loaded[0].about, b""

    send(out, *reply(load))
    try:
        while loaded:
            order, body = receive(sys.stdin.buffer)
            send(out, *reply(loaded[0].answer, order, body))
    except EOFError:
        return
    except MemoryError:  # of the message itself
        os._exit(NO_MEMORY)


if __name__ == "__main__":
    main()
