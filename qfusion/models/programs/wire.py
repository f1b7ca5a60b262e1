"""Reads the parts of an ONNX file that decide whether it may be run, from its bytes (Protocol Buffers), without any
library.

Only what is asked for is looked at: operators with their domains, operator sets, where tensors lie, and names and
shapes of what goes in and comes out. Field numbers are those of onnx.proto3.

Whoever runs the file reads it by another reader, and the two must not see different things. So what readers may take in
two ways is refused: tags and numbers that are longer than they need be or than fit, a field of another kind than ONNX's
schema gives it. Of a field that stands twice readers take the last when it is a word, and all its parts when it is a
message; so it is here. Tensors are looked at wherever the schema lets one stand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from qfusion._checks import check
from qfusion.models.programs.program import Side

_DEEPEST, _MAX_NODES = 16, 200_000
_INT32 = 1 << 32  # of a tag and of an enumeration, readers see what is below
Fields = list[tuple[int, Any]]


@dataclass
class Model:
    """What an ONNX file says.

    Attributes:
        opsets: versions by domain. operators: (domain, name) of every node, those of branches and functions too.
        functions: (domain, name) of those that the file defines itself.
        outside: names of tensors that lie in other files.
        parameters: how many numbers its weights are.
        inputs, outputs: (name, element type, shape) of the graph's; 0 where it is no tensor, None where no shape is
            said.
    """

    opsets: dict[str, int] = field(default_factory=dict)
    operators: set[tuple[str, str]] = field(default_factory=set)
    functions: set[tuple[str, str]] = field(default_factory=set)
    outside: list[str] = field(default_factory=list)
    parameters: int = 0
    inputs: list[tuple[str, int, tuple[Side, ...] | None]] = field(default_factory=list)
    outputs: list[tuple[str, int, tuple[Side, ...] | None]] = field(default_factory=list)
    weights: set[str] = field(default_factory=set)


def read(data: bytes) -> Model:
    """Returns what an ONNX file says.

    Raises:
        ValueError: when its bytes are no ONNX model.
    """
    found, view = Model(), memoryview(data)
    model = fields(view)
    graphs = [value for number, value in model if number == 7]
    if len(graphs) != 1 or not any(number == 8 for number, _ in model):
        raise ValueError("it has no graph or no operator set")
    for number, value in model:
        if number == 8:
            opset = dict(fields(value))
            found.opsets[text(opset.get(1, b""))] = _number(opset.get(2, 0))
        elif number == 20:
            _training(value, found)
        elif number == 25:
            _function(value, found)
    _graph(graphs[0], found, 0)
    found.inputs = [_port(value) for number, value in fields(graphs[0]) if number == 11]
    found.outputs = [_port(value) for number, value in fields(graphs[0]) if number == 12]
    found.inputs = [each for each in found.inputs if each[0] not in found.weights]
    return found


def fields(data: Any) -> Fields:
    """Returns numbers and values of a message: integers, the bytes of strings and messages, or None for numbers of a
    fixed size, which nothing here asks for.

    Raises:
        ValueError: when these are no bytes or no message, or readers could take them in two ways.
    """
    if not isinstance(data, memoryview):
        raise ValueError("a number stands where a message should")
    return list(_fields(data))


def _fields(data: memoryview) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if not 8 <= key < _INT32:
            raise ValueError("a field has a number that none can have")
        if kind == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        size = 8 if kind == 1 else 4 if kind == 5 else -1
        if kind == 2:
            size, at = _varint(data, at)
        if size < 0 or at + size > len(data):
            raise ValueError("a field ends beyond the file")
        yield key >> 3, data[at:at + size] if kind == 2 else None
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("a number ends beyond the file")
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            if (byte == 0 and shift > 0) or value >= 1 << 64:
                raise ValueError("a number is longer than it need be or than fits")
            return value, at
    raise ValueError("a number is too long")


def text(value: Any) -> str:
    """Returns the words of a field.

    Raises:
        ValueError: when it is a number, which other readers would pass over.
    """
    if not isinstance(value, (bytes, memoryview)):
        raise ValueError("a number stands where words should")
    return bytes(value).decode("utf-8")


def _number(value: Any) -> int:
    if not isinstance(value, int):
        raise ValueError("words stand where a number should")
    return value


def _training(data: memoryview, found: Model) -> None:
    """Graphs that prepare and do a training: none is run here, but the runtime may look at them."""
    for number, value in fields(data):
        if number in (1, 2):
            _graph(value, found, 0)


def _graph(data: memoryview, found: Model, depth: int) -> None:
    if depth > _DEEPEST:
        raise ValueError(f"branches lie more than {_DEEPEST} deep")
    for number, value in fields(data):
        if number == 1:
            _node(value, found, depth)
        elif number == 5:
            _tensor(value, found)
        elif number == 15:
            _sparse(value, found)


def _sparse(data: memoryview, found: Model) -> None:
    for number, value in fields(data):
        if number in (1, 2):
            _tensor(value, found)


def _node(data: memoryview, found: Model, depth: int) -> None:
    said = fields(data)
    last = dict(said)  # of a field that stands twice, readers take the last
    found.operators.add((text(last.get(7, b"")), text(last.get(4, b""))))
    check(len(found.operators) <= _MAX_NODES, f"An ONNX model may name at most {_MAX_NODES:,} operators. Export a "
                                              "smaller one.")
    for number, attribute in said:
        if number == 5:
            _attribute(attribute, found, depth)


def _attribute(data: memoryview, found: Model, depth: int) -> None:
    for number, value in fields(data):
        if number in (5, 10):
            _tensor(value, found)
        elif number in (6, 11):
            _graph(value, found, depth + 1)
        elif number in (22, 23):
            _sparse(value, found)


def _function(data: memoryview, found: Model) -> None:
    said = fields(data)
    last = dict(said)
    found.functions.add((text(last.get(10, b"")), text(last.get(1, b""))))
    for number, value in said:
        if number == 7:
            _node(value, found, 1)
        elif number == 9:
            opset = dict(fields(value))
            found.opsets.setdefault(text(opset.get(1, b"")), _number(opset.get(2, 0)))
        elif number == 11:  # attributes with the values that they have where a node names none
            _attribute(value, found, 1)


def _tensor(data: memoryview, found: Model) -> None:
    said = fields(data)
    name = text(dict(said).get(8, b""))
    found.weights.add(name)
    if any(number == 13 or (number == 14 and _number(value) % _INT32 != 0) for number, value in said):
        found.outside.append(name or "without a name")
    count = 1
    for number, value in said:
        if number == 1:
            for side in [value] if isinstance(value, int) else _packed(value):
                count *= max(side, 1)
    found.parameters += count


def _packed(data: Any) -> Iterator[int]:
    if not isinstance(data, memoryview):
        raise ValueError("a side of a tensor is no whole number")
    at = 0
    while at < len(data):
        value, at = _varint(data, at)
        yield value


def _port(data: memoryview) -> tuple[str, int, tuple[Side, ...] | None]:
    said = fields(data)
    name, kind = text(dict(said).get(1, b"")), _merged(said, 2)
    if not any(number == 1 for number, _ in kind):
        return name, 0, None
    tensor = _merged(kind, 1)
    element = _number(dict(tensor).get(1, 0))
    if not any(number == 2 for number, _ in tensor):
        return name, element, None
    shape: list[Side] = []
    for number, value in _merged(tensor, 2):
        if number == 1:
            side = dict(fields(value))
            shape.append(_number(side[1]) if 1 in side else text(side.get(2, b"")) or "?")
    return name, element, tuple(shape)


def _merged(said: Fields, number: int) -> Fields:
    """The fields of a message that may stand in several parts."""
    return [each for at, part in said if at == number for each in fields(part)]
