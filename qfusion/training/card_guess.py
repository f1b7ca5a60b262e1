"""A first guess of a program's card: which input takes which modality, by names and shapes.

The guess is shown to the user, who corrects it.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from qfusion.data import DataSet, Modality
from qfusion.models.program import Port, Side
from qfusion.models.program_card import DTYPES, Axis, Input, Output, ProgramCard

_ALIKE = (
    ("text", "language", "lang", "l", "t", "words", "transcript"),
    ("audio", "acoustic", "a", "sound", "speech", "voice"),
    ("vision", "visual", "video", "v", "image", "face", "picture"),
)
_FLAT: tuple[Axis, ...] = ("rows", "features")
_SEQUENCE: tuple[Axis, ...] = ("rows", "steps", "features")


def guessed_card(
    inputs: Sequence[Port], outputs: Sequence[Port], program: str, dataset: DataSet
) -> ProgramCard:
    """Return a card for a program with these inputs and outputs. An input that fits no modality has none."""
    values = [port for port in inputs if not _marks_steps(port)]
    assigned = _together(values, dataset) or _assign_modalities(values, _rows(inputs), dataset)
    known = {
        value.modality[0]
        for value in assigned.values()
        if value.modality and value.gives == "values"
    }
    last, replaces = "", []
    for port in inputs:
        entry = assigned.get(port.name) or _guess_step_input(port, dataset, known, last)
        if port.name in assigned and entry.modality:
            last = entry.modality[0]
        replaces.append(entry)
    described = {
        name
        for entry in replaces
        if entry.gives in ("mask", "padding", "lengths")
        for name in entry.modality
    }
    steps = {m.name: int(m.values.shape[1]) for m in dataset.modalities}
    # A program that is not told which steps are real sees zeros behind them, so their number must stay as it is.
    replaces = [
        replace(entry, steps=entry.steps or steps[entry.modality[0]])
        if entry.gives == "values"
        and "steps" in entry.axes
        and entry.modality
        and not described & {*entry.modality}
        else entry
        for entry in replaces
    ]
    return ProgramCard(program, dataset.name, tuple(replaces), guessed_output(outputs, dataset))


def _rows(inputs: Sequence[Port]) -> str | None:
    """The name of the side that all inputs have, if they have one."""
    named = [
        {side for side in port.shape if isinstance(side, str) and side != "?"}
        for port in inputs
        if port.shape
    ]
    common = set.intersection(*named) if named else set()
    return sorted(common)[0] if common else None


def _marks_steps(port: Port) -> bool:
    """Whether an input tells which steps are real."""
    return (port.dtype is not None and not port.dtype.is_floating_point) or bool(
        re.search(r"mask|length|_len|padding", port.name.lower())
    )


def _together(values: Sequence[Port], dataset: DataSet) -> dict[str, Input] | None:
    """Return a single input of all modalities side by side, or None if the program has no such input."""
    size = sum(m.size for m in dataset.modalities)
    shape = values[0].shape if len(values) == 1 < len(dataset.modalities) else None
    if shape is None or len(shape) != 2 or size not in shape:
        return None
    port = values[0]
    gives = "mean" if any(m.is_sequence for m in dataset.modalities) else "values"
    axes: tuple[Axis, ...] = ("features", "rows") if shape[0] == size else _FLAT
    return {port.name: Input(port.name, dataset.names, gives, axes, _dtype(port))}


def _assign_modalities(
    values: Sequence[Port], rows: str | None, dataset: DataSet
) -> dict[str, Input]:
    """Return every input with the modality that fits it, assigned for the best overall fit."""
    fits = [[_fit(port, m, rows) for m in dataset.modalities] for port in values]
    place, m = np.indices((len(values), len(dataset.modalities)))
    worth = np.array([[fit for fit, _ in row] for row in fits]).reshape(place.shape)
    # of those that suit alike, in their order: a place apart counts a little
    best = dict(zip(*linear_sum_assignment(worth - 1e-4 * (place - m) ** 2, True), strict=True))
    inputs = {}
    for i, port in enumerate(values):
        suits, entry = fits[i][best[i]] if i in best else (0, None)
        if entry is None or not suits:
            axes = _SEQUENCE if port.shape is not None and len(port.shape) == 3 else _FLAT
            entry = Input(port.name, (), "values", axes, _dtype(port))
        inputs[port.name] = entry
    return inputs


def _dtype(port: Port) -> str:
    return next((name for name, dtype in DTYPES.items() if dtype == port.dtype), "float32")


def _fit(port: Port, modality: Modality, rows: str | None) -> tuple[int, Input]:
    """How well a modality suits an input, 0 where it cannot, and the input as it then is."""
    named = alike(port.name, modality.name)
    blank = Input(port.name, (modality.name,), "values", _FLAT, _dtype(port))
    if port.shape is None:
        return 1 + named, replace(blank, axes=_SEQUENCE if modality.is_sequence else _FLAT)
    shape = port.shape
    at = shape.index(rows) if rows in shape else 0
    others = [
        i for i in range(len(shape)) if i != at and not (shape[i] == 1 and modality.size != 1)
    ]
    sides = [shape[i] for i in others]
    free = [side == modality.size or isinstance(side, str) for side in sides]
    if modality.is_sequence and len(others) == 2 and any(free):
        steps, features = others
        if sides[1] != modality.size and (not free[1] or sides[0] == modality.size):
            steps, features = features, steps
        axes, side = _axes(shape, {at: "rows", features: "features", steps: "steps"}), shape[steps]
        worth = 10 + named + 5 * (shape[features] == modality.size)
        return worth, replace(blank, axes=axes, steps=side if isinstance(side, int) else 0)
    if len(others) == 1 and free[0]:
        worth = 10 + named + 5 * (sides[0] == modality.size)
        flat = replace(blank, axes=_axes(shape, {at: "rows", others[0]: "features"}))
        return (worth - 8, replace(flat, gives="mean")) if modality.is_sequence else (worth, flat)
    numbers = [side for i, side in enumerate(shape) if i != at]
    if (
        not modality.is_sequence
        and all(isinstance(side, int) for side in numbers)
        and prod(map(int, numbers)) == modality.size
    ):
        axes = tuple("rows" if i == at else side for i, side in enumerate(shape))
        return 12 + named, replace(blank, axes=axes)
    return 0, blank


def _axes(shape: Sequence[Side], named: dict[int, str]) -> tuple[Axis, ...]:
    return tuple(named.get(i, 1) for i in range(len(shape)))


def alike(one: str, other: str) -> int:
    """Return how alike two names are, 0 to 3."""
    words = [word for word in re.split(r"[\W_]+", one.lower()) if word]
    name = re.sub(r"\W", "_", other.lower())
    if one.lower() == name or name in words:
        return 3
    if len(name) > 2 and name in one.lower():
        return 2
    return int(any(name in group and any(word in group for word in words) for group in _ALIKE))


def _guess_step_input(port: Port, dataset: DataSet, known: set[str], last: str) -> Input:
    """An input that tells which steps are real: of the modality of its name, else of the input before it."""
    names = [m.name for m in dataset.modalities if m.is_sequence and m.name in known]
    best = max(names, key=lambda name: (alike(port.name, name), name == last), default="")
    shape, dtype = port.shape or (), port.dtype
    modality = (best,) if best else ()
    whole = dtype is not None and not dtype.is_floating_point and dtype != torch.bool
    if "len" in port.name.lower() or (whole and len(shape) == 1):
        axes: tuple[Axis, ...] = ("rows", *([1] * (len(shape) - 1)))
        return Input(
            port.name, modality, "lengths", axes, "int64" if dtype is None else _dtype(port)
        )
    fixed = shape[1] if len(shape) == 2 else 0
    return Input(
        port.name,
        modality,
        "padding" if "pad" in port.name.lower() else "mask",
        ("rows", "steps"),
        "bool" if dtype is None else _dtype(port),
        fixed if isinstance(fixed, int) else 0,
    )


def guessed_output(outputs: Sequence[Port], dataset: DataSet) -> Output:
    """Return the output that holds the scores, and the kind of its values."""
    classes = dataset.target.classes if dataset.target.kind == "classification" else ()
    label, labels = dataset.target.label, dataset.target.labels
    columns = {
        len(classes) or 1,
        *([len(labels)] if label else []),
        *([1] if len(classes) == 2 else []),
    }
    known = (
        ("prob", "logit", "score", "output")
        if classes
        else ("M", "score", "prediction", "variable", "output")
    )

    def worth(port: Port) -> tuple[bool, bool, int]:
        numbers = port.dtype is None or port.dtype.is_floating_point
        sides = port.shape or ()
        fits = (len(sides) > 1 and sides[-1] in columns) or (len(sides) == 1 and 1 in columns)
        matches = (
            port.name == word if word == "M" else word in port.name.lower() for word in known
        )
        return numbers, fits, -next((i for i, match in enumerate(matches) if match), len(known))

    best = max(outputs, key=worth, default=None)
    name, shape = ("0", ()) if best is None else (best.name, best.shape or ())
    holds = _held_by_name(name) if classes else "regression"
    if label and len(shape) > 1 and shape[-1] == len(labels):
        return Output(name, holds, labels, label)
    return Output(name, holds, tuple(classes))


def _held_by_name(name: str) -> str:
    """Return what an output of this name contains for classes. It is a first guess, before ten rows of the output
    are inspected.
    """
    words = name.lower()
    if "prob" not in words:
        return "scores"
    return "log-probabilities" if "log" in words else "probabilities"
