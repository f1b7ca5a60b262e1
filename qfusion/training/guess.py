"""A program's card before it is kept: guessed from names and shapes, and checked on ten rows of the data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import permutations
from math import prod
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.data import DataSet
from qfusion.data.modality import Modality
from qfusion.errors import InvalidInput
from qfusion.models import base
from qfusion.models.imported import DTYPES, Axis, Imported, Input, Output, ProgramCard
from qfusion.models.program import Exhausted, Port, Side

# A first guess of a program's card: which input is which modality, told by names and shapes. It is printed, and to be
# corrected.

_ALIKE = (
    ("text", "language", "lang", "l", "t", "words", "transcript"),
    ("audio", "acoustic", "a", "sound", "speech", "voice"),
    ("vision", "visual", "video", "v", "image", "face", "picture"),
)
_MOST = 7  # inputs of which all orders are tried
_SCORES, _CLASSES = (
    ("M", "score", "prediction", "variable", "output"),
    ("prob", "logit", "score", "output"),
)


class _Fit(NamedTuple):
    worth: int
    input: Input


def card(
    inputs: Sequence[Port], outputs: Sequence[Port], program: str, dataset: DataSet
) -> ProgramCard:
    """Returns a card for a program with these inputs and outputs; an input that fits nothing is of no modality."""
    rows = _rows(inputs)
    values = [port for port in inputs if not _about_steps(port)]
    assigned = _together(values, rows, dataset) or _assigned(values, rows, dataset)
    known = {
        value.modality[0]
        for value in assigned.values()
        if value.modality and value.gives == "values"
    }
    last, replaces = "", []
    for port in inputs:
        if port.name in assigned:
            replaces.append(assigned[port.name])
            last = assigned[port.name].modality[0] if assigned[port.name].modality else last
        else:
            replaces.append(_of_steps(port, dataset, known, last))
    message = {
        name
        for entry in replaces
        if entry.gives in ("mask", "padding", "lengths")
        for name in entry.modality
    }
    # A program that is not told which steps are real sees zeros behind them, so their number must stay as it is.
    replaces = [
        replace(entry, steps=entry.steps or _steps(dataset, entry.modality[0]))
        if entry.gives == "values"
        and "steps" in entry.axes
        and entry.modality
        and not message & {*entry.modality}
        else entry
        for entry in replaces
    ]
    return ProgramCard(program, dataset.name, tuple(replaces), output(outputs, dataset))


def _steps(dataset: DataSet, name: str) -> int:
    return int(next(m for m in dataset.modalities if m.name == name).values.shape[1])


def _rows(inputs: Sequence[Port]) -> str | None:
    """The name of the side that all inputs have, if they have one."""
    named = [
        {side for side in port.shape if isinstance(side, str) and side != "?"}
        for port in inputs
        if port.shape
    ]
    common = set.intersection(*named) if named else set()
    return sorted(common)[0] if common else None


def _about_steps(port: Port) -> bool:
    """Whether an input tells which steps are real."""
    if port.dtype is not None and not port.dtype.is_floating_point:
        return True
    return bool(re.search(r"mask|length|_len|padding", port.name.lower()))


def _together(
    values: Sequence[Port], rows: str | None, dataset: DataSet
) -> dict[str, Input] | None:
    """One input of all modalities side by side."""
    if (
        len(values) != 1
        or len(dataset.modalities) == 1
        or not values[0].shape
        or len(values[0].shape) != 2
    ):
        return None
    port, shape = values[0], values[0].shape
    if not shape or sum(m.size for m in dataset.modalities) not in shape:
        return None
    first = shape.index(sum(m.size for m in dataset.modalities)) == 0
    gives = "mean" if any(m.is_sequence for m in dataset.modalities) else "values"
    axes: tuple[Axis, ...] = ("features", "rows") if first else ("rows", "features")
    return {port.name: Input(port.name, dataset.names, gives, axes, _dtype(port))}


def _assigned(values: Sequence[Port], rows: str | None, dataset: DataSet) -> dict[str, Input]:
    """Every input with the modality that suits it, so that all suit best together."""
    fits = [[_fit(port, m, rows) for m in dataset.modalities] for port in values]
    places = range(len(dataset.modalities))
    if len(values) > _MOST or len(dataset.modalities) > _MOST:
        best: Sequence[int | None] = [
            place if place < len(dataset.modalities) else None for place in range(len(values))
        ]
    else:
        slots = [*places, *[None] * max(0, len(values) - len(dataset.modalities))]
        best = max(
            permutations(slots, len(values)),
            key=lambda order: sum(fits[i][m].worth for i, m in enumerate(order) if m is not None),
            default=(),
        )
    inputs = {}
    for i, (port, m) in enumerate(zip(values, best, strict=True)):
        fits_at_all = m is not None and fits[i][m].worth > 0
        inputs[port.name] = (
            fits[i][m].input
            if fits_at_all and m is not None
            else Input(port.name, (), "values", _any(port), _dtype(port))
        )
    return inputs


def _any(port: Port) -> tuple[Axis, ...]:
    return (
        ("rows", "steps", "features")
        if port.shape is not None and len(port.shape) == 3
        else ("rows", "features")
    )


def _dtype(port: Port) -> str:
    return next((name for name, dtype in DTYPES.items() if dtype == port.dtype), "float32")


def _fit(port: Port, modality: Modality, rows: str | None) -> _Fit:
    """How well a modality suits an input: 0 where it cannot."""
    named = alike(port.name, modality.name)
    blank = Input(port.name, (modality.name,), "values", ("rows", "features"), _dtype(port))
    if port.shape is None:
        return _Fit(1 + named, replace(blank, axes=_axes_named(modality)))
    shape = port.shape
    at = shape.index(rows) if rows in shape else 0
    others = [
        i for i in range(len(shape)) if i != at and not (shape[i] == 1 and modality.size != 1)
    ]
    sides = [shape[i] for i in others]
    if (
        modality.is_sequence
        and len(others) == 2
        and any(side == modality.size or isinstance(side, str) for side in sides)
    ):
        last = sides[1] == modality.size or (
            isinstance(sides[1], str) and sides[0] != modality.size
        )
        features, steps = (others[1], others[0]) if last else (others[0], others[1])
        laid, side = _axes(shape, {at: "rows", features: "features", steps: "steps"}), shape[steps]
        result = replace(blank, axes=laid, steps=side if isinstance(side, int) else 0)
        return _Fit(10 + named + 5 * (shape[features] == modality.size), result)
    if len(others) == 1 and (sides[0] == modality.size or isinstance(sides[0], str)):
        worth = 10 + named + 5 * (sides[0] == modality.size)
        axes = _axes(shape, {at: "rows", others[0]: "features"})
        result = replace(blank, axes=axes, gives="mean" if modality.is_sequence else "values")
        return _Fit(worth - 8 if modality.is_sequence else worth, result)
    numbers = [side for i, side in enumerate(shape) if i != at]
    if (
        not modality.is_sequence
        and all(isinstance(side, int) for side in numbers)
        and prod(map(int, numbers)) == modality.size
    ):
        return _Fit(
            12 + named,
            replace(blank, axes=tuple("rows" if i == at else side for i, side in enumerate(shape))),
        )
    return _Fit(0, blank)


def _axes_named(modality: Modality) -> tuple[Axis, ...]:
    return ("rows", "steps", "features") if modality.is_sequence else ("rows", "features")


def _axes(shape: Sequence[Side], named: dict[int, str]) -> tuple[Axis, ...]:
    return tuple(named.get(i, 1) for i in range(len(shape)))


def alike(one: str, other: str) -> int:
    """Returns how alike two names are, 0 to 3."""
    words = [word for word in re.split(r"[\W_]+", one.lower()) if word]
    name = re.sub(r"\W", "_", other.lower())
    if one.lower() == name or name in words:
        return 3
    if len(name) > 2 and name in one.lower():
        return 2
    return int(any(name in group and any(word in group for word in words) for group in _ALIKE))


def nearest(name: str, among: Sequence[str]) -> str:
    """Returns the modality whose name is most like another."""
    return max(among, key=lambda entry: alike(name, entry))


def _of_steps(port: Port, dataset: DataSet, known: set[str], last: str) -> Input:
    """An input that tells which steps are real: of the modality of its name, else of the input before it."""
    names = [m.name for m in dataset.modalities if m.is_sequence and m.name in known]
    best = max(names, key=lambda name: (alike(port.name, name), name == last), default="")
    shape = port.shape or ()
    whole = port.dtype is not None and not port.dtype.is_floating_point and port.dtype != torch.bool
    if "len" in port.name.lower() or (whole and len(shape) == 1):
        return Input(
            port.name,
            (best,) if best else (),
            "lengths",
            ("rows", *([1] * (len(shape) - 1))),
            _dtype(port) if port.dtype is not None else "int64",
        )
    fixed = shape[1] if len(shape) == 2 else 0
    steps = fixed if isinstance(fixed, int) else 0
    return Input(
        port.name,
        (best,) if best else (),
        "padding" if "pad" in port.name.lower() else "mask",
        ("rows", "steps"),
        _dtype(port) if port.dtype is not None else "bool",
        steps,
    )


def output(outputs: Sequence[Port], dataset: DataSet) -> Output:
    """Returns which output holds the scores, and as what."""
    classes = dataset.target.classes if dataset.target.kind == "classification" else ()
    label, labels = dataset.target.label, dataset.target.labels
    columns = ([len(labels)] if label else []) + (
        [len(classes), 1] if len(classes) == 2 else [len(classes) or 1]
    )
    known = _CLASSES if classes else _SCORES

    def worth(port: Port) -> tuple[bool, bool, int]:
        numbers = port.dtype is None or port.dtype.is_floating_point
        sides = port.shape or ()
        fits = (len(sides) > 1 and sides[-1] in columns) or (len(sides) == 1 and 1 in columns)
        place = next(
            (
                i
                for i, word in enumerate(known)
                if (port.name == word if word == "M" else word in port.name.lower())
            ),
            len(known),
        )
        return numbers, fits, -place

    best = max(outputs, key=worth, default=None)
    name = "0" if best is None else best.name
    holds = "score" if not classes else "probabilities" if "prob" in name.lower() else "logits"
    several = (
        label
        and best is not None
        and len(best.shape or ()) > 1
        and (best.shape or (0,))[-1] == len(labels)
    )
    return Output(name, holds, labels, label) if several else Output(name, holds, tuple(classes))


# What must hold of an imported program before it is kept, on ten rows of the data: each failure is one line with its
# remedy.

ROWS = 10
_NOTHING = 1e-6  # a change of a score that is rounding
_BATCHES = (1, 2, 3, 4, 5, 8, 16, 20, 24, 32, 48, 64, 100, 128, 256)
_EVAL = "Call `model.eval()` before it is exported."


def ten(dataset: DataSet) -> dict[str, Any]:
    """Returns the features of ten rows from all over a data set."""
    return dataset.inputs(
        np.unique(np.linspace(0, len(dataset) - 1, ROWS).astype(int)), torch.float64
    )


@torch.no_grad()
def probable(model: Imported, rows: Mapping[str, Any]) -> bool:
    """Returns whether what a program gives looks like probabilities."""
    result = _first(model, rows)
    columns = result.reshape(len(result), -1)
    inside = bool(((columns >= -1e-3) & (columns <= 1 + 1e-3)).all())
    return inside and (columns.shape[1] == 1 or bool(model.card.output.label) or _adds_up(columns))


@torch.no_grad()
def examine(model: Imported, rows: Mapping[str, Any]) -> list[str]:
    """Returns warnings about a program.

    Args:
        model: with its card. rows: features of ten rows, as of `ten`.

    Raises:
        InvalidInput: when its scores are not finite, change from call to call, or depend on other rows of a batch.
    """
    file = model.program.file
    check(
        not model.program.notes,
        f"Scores of program `{file}` would change from call to call: "
        f"{(model.program.notes or ('',))[0]}. {_EVAL}",
    )
    first = scored(model, rows)
    _require_probabilities(model, rows)
    size = _tolerance(model) * (1 + float(first.abs().max()))
    again = float((model.scores(rows) - first).abs().max())
    check(
        again <= size,
        f"Scores of program `{file}` change from call to call, by up to {again:.2g}: dropout is left "
        f"on, or it draws at random. {_EVAL}",
    )
    _require_independent(model, rows, first, size)
    warnings = (
        [
            f"Program `{file}` takes {model.fixed_batch} rows at once, no more and no fewer; it is run in pieces "
            "of that size."
        ]
        if model.fixed_batch
        else []
    )
    return warnings + _unread(model, rows, first)


@torch.no_grad()
def scored(model: Imported, rows: Mapping[str, Any]) -> Tensor:
    """Returns the scores of ten rows.

    Raises:
        InvalidInput: when the program fails on them, saying so where it does not on another number of rows.
    """
    try:
        return model.scores(rows)
    except InvalidInput as error:
        size = 0 if isinstance(error, Exhausted) else _batch(model, rows)
        if size:
            raise InvalidInput(
                f"Program `{model.program.file}` runs only with {size} rows at once: it was exported "
                f"for a fixed batch. Set `batch = {size}` in the card, or export it with a free number "
                "of rows."
            ) from error
        raise


def _first(model: Imported, rows: Mapping[str, Any]) -> Tensor:
    most = model._most or ROWS
    return model.raw(
        {name: base.nested_part(entry, slice(0, most)) for name, entry in rows.items()}
    )


def _batch(model: Imported, rows: Mapping[str, Any]) -> int:
    """The only number of rows that a program runs with, if one is found."""
    if model.fixed_batch:
        return 0
    for size in _BATCHES:
        try:
            words = replace(model.card, batch=size)
            Imported(model.input_specs, model.outputs, model.program, words).scores(rows)
            return size
        except InvalidInput:
            continue
    return 0


def _tolerance(model: Imported) -> float:
    single = any(entry.dtype in ("float32", "float16") for entry in model.card.inputs)
    return 1e-4 if single else 1e-9


def _adds_up(columns: Tensor) -> bool:
    return bool(((columns.sum(1) - 1).abs() < 1e-3).all())


def _require_probabilities(model: Imported, rows: Mapping[str, Any]) -> None:
    if model.card.output.holds == "probabilities":
        check(
            probable(model, rows),
            f"The card says that program `{model.program.file}` gives probabilities, but they "
            'do not lie in [0, 1] or add up to 1. Set `holds = "logits"` in the card.',
        )


def _require_independent(
    model: Imported, rows: Mapping[str, Any], together: Tensor, size: float
) -> None:
    """Checks that rows get the same scores alone, in threes and all together."""
    file, count = model.program.file, len(together)
    for step in (1, 3):
        try:
            parts = [
                model.scores(
                    {
                        name: base.nested_part(entry, slice(start, start + step))
                        for name, entry in rows.items()
                    }
                )
                for start in range(0, count, step)
            ]
        except InvalidInput as error:
            raise InvalidInput(
                f"Program `{file}` runs with {count} rows but not with {step}: it was exported for a "
                f"fixed batch ({error}) Set `batch` in the card to the rows that it was exported with, "
                "or export it with a free number of rows."
            ) from error
        away = float((torch.cat(parts) - together).abs().max())
        check(
            away <= size,
            f"Scores of program `{file}` depend on the other rows of a batch, by up to {away:.2g}, as "
            f"with batch normalisation in training mode. {_EVAL}",
        )


def _unread(model: Imported, rows: Mapping[str, Any], first: Tensor) -> list[str]:
    """Says which modalities leave the scores as they are when they are taken from other rows."""
    count = len(first)
    order = [*range(1, count), 0]
    least = _NOTHING * (1 + float(first.abs().max()))
    unread = [
        name
        for name in model.modalities
        if float(
            (model.scores({**rows, name: base.nested_part(rows[name], order)}) - first).abs().max()
        )
        <= least
    ]
    if not unread or len(model.modalities) == 1:
        return []
    read = [name for name in model.modalities if name not in unread]
    if not read:
        return ["On ten rows the scores do not depend on any modality."]
    only = f"It reads only `{read[0]}`. " if len(read) == 1 else ""
    return [
        f"{only}On ten rows the scores do not depend on {', '.join(f'`{name}`' for name in unread)}: what these "
        "contribute will be 0."
    ]
