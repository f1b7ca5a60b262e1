"""What must hold of an imported program before it is kept, on ten rows of the data: each failure is one line with its
remedy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.data import DataSet
from qfusion.errors import InvalidInput
from qfusion.models import nested
from qfusion.models.programs.imported import Imported
from qfusion.models.programs.program import Exhausted

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
    found = _first(model, rows)
    columns = found.reshape(len(found), -1)
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
    return model.raw({name: nested.part(each, slice(0, most)) for name, each in rows.items()})


def _batch(model: Imported, rows: Mapping[str, Any]) -> int:
    """The only number of rows that a program runs with, if one is found."""
    if model.fixed_batch:
        return 0
    for size in _BATCHES:
        try:
            said = replace(model.card, batch=size)
            Imported(model.input_specs, model.outputs, model.program, said).scores(rows)
            return size
        except InvalidInput:
            continue
    return 0


def _tolerance(model: Imported) -> float:
    single = any(each.dtype in ("float32", "float16") for each in model.card.inputs)
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
                        name: nested.part(each, slice(start, start + step))
                        for name, each in rows.items()
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
        if float((model.scores({**rows, name: nested.part(rows[name], order)}) - first).abs().max())
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
