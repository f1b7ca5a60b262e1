"""Programs of `torch.export`. Loading one runs what its file holds, so it has to be trusted."""

import io
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.export.graph_signature import InputKind, TensorArgument
from torch.utils import _pytree
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from qfusion._checks import check
from qfusion.errors import translate_errors
from qfusion.plugins.programs.program import Port, Program

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


class TorchProgram(Program):
    """A program of torch.export.

    Args:
        data: bytes of its file. file: its name, for messages.

    Raises:
        InvalidInput: when it cannot be loaded, changes its own weights, or has no gradients.
    """

    def __init__(self, data: bytes, file: str):
        self.file = file
        with translate_errors(
            f"Program `{file}` cannot be loaded by torch {torch.__version__}",
            "Export it again with `torch.export.save(torch.export.export(model.eval(), example), 'model.pt2')`.",
            Exception,  # torch promises no class of its own
            why="{words:.200}",
        ):
            program = torch.export.load(io.BytesIO(data))
        signature = program.graph_signature
        check(
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
        names = [users[place].name for place in self._places]
        self.inputs = tuple(_port(name, values[name]) for name in names)
        outputs = [getattr(spec.arg, "name", None) for spec in signature.output_specs]
        named = _pytree.tree_unflatten(list(range(len(outputs))), program.call_spec.out_spec)
        plain = isinstance(named, dict) and list(named.values()) == list(range(len(outputs)))
        titles = map(str, named if plain else range(len(outputs)))
        self.outputs = tuple(
            _port(title, values.get(output)) for title, output in zip(titles, outputs, strict=True)
        )
        self.ranges = {
            str(symbol): (_finite(constraint.lower), _finite(constraint.upper))
            for symbol, constraint in program.range_constraints.items()
        }
        self.parameters = sum(tensor.numel() for tensor in program.state_dict.values())
        self.notes = tuple(self._random(program.graph_module))
        self._in_spec = program.call_spec.in_spec
        self._module = program.module().requires_grad_(False)

    def _random(self, graph: Any) -> list[str]:
        """Return the reasons why scores would change from call to call.

        Raises:
            InvalidInput: where an operator has no gradients.
        """
        notes = []
        for node in (
            node for part in graph.modules() if hasattr(part, "graph") for node in part.graph.nodes
        ):
            name = str(node.target).removeprefix("aten.").partition(".")[0]
            check(
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

    def _run(self, inputs: Sequence[Tensor], output: int) -> Tensor:
        given = dict(enumerate(self._given)) | dict(zip(self._places, inputs, strict=True))
        positional, by_name = _pytree.tree_unflatten(list(given.values()), self._in_spec)
        result = _pytree.tree_leaves(self._module(*positional, **by_name))[output]
        check(
            isinstance(result, Tensor),
            f"Output {output} of program `{self.file}` is no tensor. Name another in the card.",
        )
        return result

    def measure(self, inputs: Sequence[Tensor]) -> tuple[int, int]:
        """Return how many numbers the largest tensor of a run holds, and its floating-point operations."""
        widths = _Widths()
        with FlopCounterMode(display=False) as counter, widths, torch.no_grad():
            self.run(inputs, 0)
        return widths.largest, counter.get_total_flops()


class _Widths(TorchDispatchMode):
    """The numbers of the largest tensor that is made."""

    largest = 1

    def __torch_dispatch__(
        self, operator: Any, types: Any, given: Any = (), by_name: Any = None
    ) -> Any:
        result = operator(*given, **(by_name or {}))
        sizes = [leaf.numel() for leaf in _pytree.tree_leaves(result) if isinstance(leaf, Tensor)]
        self.largest = max(self.largest, *sizes, 1)
        return result


def _port(name: str, value: Any) -> Port:
    if not isinstance(value, Tensor):
        return Port(name, None, None)
    shape = tuple(side if isinstance(side, int) else str(side) for side in value.shape)
    return Port(name, shape, value.dtype)


def _finite(bound: Any) -> int:
    """Return the bound of a free dimension, or 0 if there is none."""
    return int(bound) if str(bound).isdigit() else 0
