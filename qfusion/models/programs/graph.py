"""Runs the graph of a program of torch.export, operator by operator.

The graph is data: every node names an operator, which `operators` looks up among those that may be run, and its
arguments. Nothing is compiled or evaluated, symbolic sizes are read from the tensors at hand, and gradients flow as
through any module.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor

from qfusion import _limits
from qfusion._checks import check
from qfusion.errors import InvalidInput
from qfusion.models.programs import archive, operators
from qfusion.models.programs.program import Port, Program, Side

MAX_NUMBERS = 1 << 28  # of one tensor
_FORMATS = {1: torch.contiguous_format, 2: torch.channels_last, 3: torch.channels_last_3d, 4: torch.preserve_format}
_SYMBOL = re.compile(r"Symbol\('([A-Za-z_]\w{0,30})'[^()]*\)|([A-Za-z_]\w{0,30})")
_NUMBERS = {"as_int", "as_bool", "as_string", "as_ints", "as_bools", "as_strings", "as_int_lists"}


class Ref(NamedTuple):
    """A value that another node makes."""

    name: str


class Node(NamedTuple):
    """A step: an operator with arguments, in which `Ref`s stand for values, and the names of what comes out."""

    target: str
    call: Callable[..., Any]
    args: list[Any]
    kwargs: dict[str, Any]
    outputs: list[Any]
    last: list[str]  # values that nothing after this step needs


class Graph(Program):
    """A program of torch.export.

    Args:
        found: contents of a .pt2 file.

    Raises:
        InvalidInput: when it needs what is not run here, naming it.
    """

    def __init__(self, found: archive.Archive):
        self.file = found.file
        try:
            self._build(found)
        except (KeyError, TypeError, IndexError, AttributeError, ValueError, RecursionError) as error:
            if isinstance(error, InvalidInput):
                raise
            raise InvalidInput(f"Program `{self.file}` has a graph that cannot be read "
                               f"({' '.join(str(error).split())[:120]}). Export the model again.") from error
        self.parameters = sum(each.numel() for each in found.weights.values())
        self._versions = self._now()

    def _build(self, found: archive.Archive) -> None:
        module, ranges = found.program["graph_module"], found.program.get("range_constraints", {})
        said, signature = module["graph"], module["signature"]
        self._values: dict[str, Any] = {}
        self.inputs, names = (), []
        for node, spec in zip(said["inputs"], signature["input_specs"], strict=True):
            (kind, about), = ((k, v) for k, v in spec.items() if v is not None)
            if kind == "user_input" and "as_tensor" in node:
                names.append(str(node["as_tensor"]["name"]))
            elif kind == "user_input":
                continue  # a number or None of the example, which is written into the graph
            elif kind == "constant_input":
                self._values[str(about["name"])] = next(iter(about["value"].values())) if "as_none" not in about[
                    "value"] else None
            else:
                self._values[str(about["arg"]["name"])] = self._stored(kind, about, found)
        self.inputs = tuple(Port(name, _shape(said["tensor_values"][name]),
                                 archive.DTYPES[said["tensor_values"][name]["dtype"]])
                            for name in names)
        mutated = [kind for spec in signature["output_specs"] for kind in spec if kind != "user_output"]
        check(not mutated, f"Program `{self.file}` changes its own weights when it is run ({(mutated or [''])[0]}), as "
                           "with batch normalisation in training mode. Call `model.eval()` before "
                           "`torch.export.export`.")
        self._outputs = [str(each["as_tensor"]["name"]) if "as_tensor" in each else "" for each in said["outputs"]]
        titles = _keys(module, len(self._outputs))
        self.outputs = tuple(Port(title, _shape(said["tensor_values"][name]) if name in said["tensor_values"] else None,
                                  archive.DTYPES.get(said["tensor_values"].get(name, {}).get("dtype", 0)))
                             for title, name in zip(titles, self._outputs, strict=True))
        self.nodes = self._nodes(said, {*self._outputs})
        self.ranges = {str(name): (int(each.get("min_val") or 0), int(each.get("max_val") or 0))
                       for name, each in ranges.items()}
        self._writes = any(_name(node.target) in operators.IN_PLACE for node in self.nodes)
        self.notes = self._dropout()

    def _stored(self, kind: str, about: dict[str, Any], found: archive.Archive) -> Tensor:
        for wanted, key, places in (("parameter", "parameter_name", (found.weights,)),
                                    ("buffer", "buffer_name", (found.weights, found.constants)),
                                    ("tensor_constant", "tensor_constant_name", (found.constants,))):
            if kind == wanted:
                for place in places:
                    if about[key] in place:
                        return place[about[key]]
                raise ValueError(f"{kind} {about[key]} is missing")
        raise InvalidInput(f"Program `{self.file}` takes a {kind.replace('_', ' ')[:30]}, which is not run here. "
                           "Export a model of plain tensors.")

    def _nodes(self, said: dict[str, Any], kept: set[str]) -> list[Node]:
        made = [self._node(each) for each in said["nodes"] if not operators.is_assertion(str(each["target"]))]
        needed = set(kept)
        for at in range(len(made) - 1, -1, -1):
            used = {each.name
                    for each in _refs([made[at].args, *made[at].kwargs.values()])} | set(_names(made[at].outputs))
            made[at] = made[at]._replace(last=sorted(used - needed))
            needed |= used
        return made

    def _node(self, said: dict[str, Any]) -> Node:
        target = str(said["target"])
        graphs = [each["arg"]["as_graph"]["graph"] for each in said["inputs"] if "as_graph" in each["arg"]]
        if target == "torch.ops.higher_order.wrap_with_set_grad_enabled" and len(graphs) == 1:
            return self._without_gradients(said, graphs[0])
        check(not target.startswith("torch.ops.higher_order."), f"Program `{self.file}` branches or loops "
                                                                f"({target[:80]}), which is not run here. Write the "
                                                                "model without torch.cond, while_loop, scan or map.")
        call = operators.resolve(target, self.file)
        args, kwargs = [], {}
        for each in said["inputs"]:
            value = self._argument(each["arg"])
            if each.get("kind") == 2:
                kwargs[str(each["name"])] = value
            else:
                args.append(value)
        return Node(target, call, args, kwargs, [_output(each) for each in said["outputs"]], [])

    def _without_gradients(self, said: dict[str, Any], inner: dict[str, Any]) -> Node:
        """A part of the graph that stood under torch.no_grad; it runs as any other."""
        names = [str(each["as_tensor"]["name"]) if "as_tensor" in each else str(each["as_sym_int"]["as_name"])
                 for each in inner["inputs"]]
        outputs = [str(each["as_tensor"]["name"]) for each in inner["outputs"]]
        nodes = self._nodes(inner, set(outputs))

        def call(*given: Any) -> list[Any]:
            values = dict(zip(names, given, strict=True))
            self._run(nodes, values, [])
            return [values[name] for name in outputs]

        # The first says whether gradients are on.
        rest = [self._argument(each["arg"]) for each in said["inputs"] if "as_graph" not in each["arg"]][1:]
        return Node(str(said["target"]), call, rest, {}, [_output(each) for each in said["outputs"]], [])

    def _argument(self, said: dict[str, Any]) -> Any:
        (kind, value), = said.items()
        if kind == "as_none":
            return None
        if kind in _NUMBERS:
            return self._sized(value)
        if kind == "as_float":
            return float(value)
        if kind in ("as_floats", "as_float_lists"):
            return [float(each) for each in value]
        if kind == "as_complex":
            return complex(float(value["real"]), float(value["imag"]))
        if kind == "as_tensor":
            return Ref(str(value["name"]))
        if kind == "as_tensors":
            return [Ref(str(each["name"])) for each in value]
        if kind == "as_nested_tensors":
            return [[Ref(str(each["name"])) for each in row] for row in value]
        if kind in ("as_optional_tensor", "as_sym_int", "as_sym_float", "as_sym_bool"):
            return _symbolic(value)
        if kind in ("as_optional_tensors", "as_sym_ints", "as_sym_floats", "as_sym_bools"):
            return [_symbolic(each) for each in value]
        if kind == "as_scalar_type":
            return archive.DTYPES[value]
        if kind == "as_memory_format":
            return _FORMATS[value]
        if kind == "as_layout" and value == 7:
            return torch.strided
        if kind == "as_device":
            return torch.device("cpu")  # wherever it was exported
        raise InvalidInput(f"Program `{self.file}` gives an operator an argument of kind {kind[:30]!r}, which is not "
                           "run here. Export a model of plain tensors.")

    def _sized(self, value: Any) -> Any:
        numbers = value if isinstance(value, list) and all(isinstance(each, int) for each in value) else []
        check(prod(max(abs(each), 1) for each in numbers) <= MAX_NUMBERS, f"Program `{self.file}` makes a tensor of "
                                                                          f"more than {MAX_NUMBERS:,} numbers. Export "
                                                                          "a smaller model.")
        return value

    def _dropout(self) -> tuple[str, ...]:
        left = [_name(node.target) for node in self.nodes if _name(node.target) in operators.DROPOUTS
                and len(node.args) > 2 and node.args[2] is not False and node.args[1] != 0]
        return (f"{left[0].removesuffix('_').replace('_', ' ')} is left on",) if left else ()

    def _now(self) -> list[int]:
        return [each._version for each in self._values.values() if isinstance(each, Tensor)]

    def changed(self) -> bool:
        """Returns whether its weights were written to."""
        return self._now() != self._versions

    def run(self, inputs: Sequence[Tensor], output: int) -> Tensor:
        """Returns one output; see `Program`."""
        return self._output(inputs, output, [])

    def width(self, inputs: Sequence[Tensor]) -> int:
        """Returns how many numbers the largest tensor of a run holds."""
        sizes: list[int] = []
        self._output(inputs, 0, sizes)
        return max(sizes, default=1)

    def _output(self, inputs: Sequence[Tensor], output: int, sizes: list[int]) -> Tensor:
        values = dict(self._values)
        for port, given in zip(self.inputs, inputs, strict=True):
            values[port.name] = given.clone() if self._writes else given
        self._run(self.nodes, values, sizes)
        found = values.get(self._outputs[output])
        check(isinstance(found, Tensor), f"Output {output} of program `{self.file}` is no tensor. Name another in the "
                                         "card.")
        return found  # type: ignore[return-value]  # checked

    def _run(self, nodes: list[Node], values: dict[str, Any], sizes: list[int]) -> None:
        until = _limits.program_ends()
        for node in nodes:
            check(time.monotonic() < until, _limits.too_slow(self.file))
            try:
                found = node.call(*[_filled(each, values) for each in node.args],
                                  **{key: _filled(each, values) for key, each in node.kwargs.items()})
            except (RuntimeError, IndexError, TypeError, ValueError, KeyError, NotImplementedError,
                    ZeroDivisionError) as error:
                if isinstance(error, InvalidInput):
                    raise
                if "can't allocate memory" in str(error):
                    raise MemoryError(f"Program `{self.file}` asks for more memory than there is, at "
                                      f"{_name(node.target)}.") from error
                raise InvalidInput(f"Program `{self.file}` fails at {_name(node.target)} "
                                   f"({' '.join(str(error).split())[:160]}). Correct shapes and types in the card, or "
                                   "export the model again.") from error
            _bind(node.outputs, found, values)
            sizes.extend(each.numel() for each in _tensors(found))
            check(not sizes or sizes[-1] <= MAX_NUMBERS, f"Program `{self.file}` makes a tensor of more than "
                                                         f"{MAX_NUMBERS:,} numbers. Export a smaller model.")
            for name in node.last:
                values.pop(name, None)


def _name(target: str) -> str:
    return target.split(".")[3] if target.startswith("torch.ops.aten.") else target


def _shape(about: dict[str, Any]) -> tuple[Side, ...]:
    """Sizes, free ones by their symbols. A symbol is read as a name; no expression is evaluated."""
    found: list[Side] = []
    for each in about["sizes"]:
        if "as_int" in each:
            found.append(int(each["as_int"]))
        else:
            match = _SYMBOL.fullmatch(str(each["as_expr"]["expr_str"]))
            found.append((match.group(1) or match.group(2)) if match else "?")
    return tuple(found)


def _keys(module: dict[str, Any], count: int) -> list[str]:
    """Names of the outputs: the keys where the model returns a dictionary, else their numbers."""
    numbered = [str(each) for each in range(count)]
    try:
        tree = json.loads(module["module_call_graph"][0]["signature"]["out_spec"])[1]
        keys = [str(each)[:60]
                for each in json.loads(tree["context"])] if str(tree["type"]).endswith(("dict", "Dict")) else []
        plain = all(each["type"] is None for each in tree["children_spec"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return numbered
    return keys if plain and len(keys) == count else numbered


def _symbolic(said: dict[str, Any]) -> Any:
    (kind, value), = said.items()
    if kind == "as_name":
        return Ref(str(value))
    if kind == "as_tensor":
        return Ref(str(value["name"]))
    return None if kind == "as_none" else float(value) if kind == "as_float" else value


def _output(said: dict[str, Any]) -> Any:
    """The name, or names, that a node's output is bound to."""
    (kind, value), = said.items()
    if kind == "as_tensors":
        return [str(each["name"]) for each in value]
    if kind == "as_optional_tensor":
        return _output(value)
    if kind == "as_tensor":
        return str(value["name"])
    return str(value.get("as_name", "")) if kind.startswith("as_sym") and isinstance(value, dict) else ""


def _bind(outputs: list[Any], found: Any, values: dict[str, Any]) -> None:
    if len(outputs) == 1 and not (isinstance(outputs[0], str) and isinstance(found, (list, tuple)) and len(found) == 1):
        found = [found]
    for name, value in zip(outputs, found, strict=False):
        if isinstance(name, list):
            _bind(name, value, values)
        elif name:
            values[name] = value


def _filled(argument: Any, values: dict[str, Any]) -> Any:
    if isinstance(argument, Ref):
        return values[argument.name]
    return [_filled(each, values) for each in argument] if isinstance(argument, list) else argument


def _refs(argument: Any) -> list[Ref]:
    if isinstance(argument, Ref):
        return [argument]
    return [ref for each in argument for ref in _refs(each)] if isinstance(argument, list) else []


def _names(outputs: list[Any]) -> list[str]:
    return [name for each in outputs for name in (_names(each) if isinstance(each, list) else [each]) if name]


def _tensors(found: Any) -> list[Tensor]:
    if isinstance(found, Tensor):
        return [found]
    return [each for each in found if isinstance(each, Tensor)] if isinstance(found, (list, tuple)) else []

