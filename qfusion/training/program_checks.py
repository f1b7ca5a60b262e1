"""Checks of an imported program on ten rows of the data, before it is saved.

Each failure is one error message with its remedy.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.data import DataSet
from qfusion.errors import InvalidInput
from qfusion.models.imported import Imported
from qfusion.models.nested import nested_part
from qfusion.models.program import Exhausted
from qfusion.models.program_card import CLIPPED, SMALLEST

ROWS = 10
TOLERANCE = 1e-3  # by which probabilities may leave [0, 1], and their sum 1
_EVAL = "Call `model.eval()` before it is exported."


class RemarkKind(Enum):
    """The kinds of remarks on a program; their sentences are in `wording.model_notes`."""

    REGRESSION = "score of a regression"
    CLASSES = "output of classes"
    LABEL = "output of a label"
    CLIPPED = "clipped probabilities"
    CLIPPED_LOGARITHMS = "clipped log-probabilities"
    FIXED_BATCH = "fixed batch"
    LIKE_PROBABILITIES = "like probabilities"
    OTHER_SUMS = "other sums"
    READS_NOTHING = "reads no modality"
    READS_ONE = "reads one modality"
    READS_SOME = "reads some modalities"


@dataclass(frozen=True)
class Remark:
    """A remark on a program that passed its checks.

    Attributes:
        kind: of the remark.
        values: names and numbers of its sentence.
    """

    kind: RemarkKind
    values: Mapping[str, Any] = field(default_factory=dict)


def sample_rows(dataset: DataSet) -> dict[str, Any]:
    """Return the features of ten rows from all over a data set."""
    return dataset.inputs(
        np.unique(np.linspace(0, len(dataset) - 1, ROWS).astype(int)), torch.float64
    )


@torch.no_grad()
def run_sample_rows(model: Imported, rows: Mapping[str, Any]) -> Tensor:
    """Return the output of a program for ten rows, (B, K), or for as many of them as it takes at once."""
    first = slice(0, model._most or ROWS)
    return model.columns({name: nested_part(values, first) for name, values in rows.items()})


def looks_like(output: Tensor, apart: bool) -> str:
    """Return the apparent kind of an output for classes: "probabilities", "log-probabilities" or "scores".

    Args:
        output: of some rows, (B, K). apart: whether each column is of a class of its own, so that no sum is known.
    """
    if fits(output, "probabilities", apart):
        return "probabilities"
    if not apart and fits(output, "log-probabilities", apart):
        return "log-probabilities"
    return "scores"


def fits(output: Tensor, holds: str, apart: bool) -> bool:
    """Return whether an output (B, K) for classes can be of the kind stated by a card."""
    if holds == "scores":
        return True
    probabilities = output.exp() if holds == "log-probabilities" else output
    inside = bool(((probabilities >= -TOLERANCE) & (probabilities <= 1 + TOLERANCE)).all())
    return inside and (apart or bool(((probabilities.sum(1) - 1).abs() < TOLERANCE).all()))


def _is_apart(model: Imported, output: Tensor) -> bool:
    return output.shape[1] == 1 or bool(model.card.output.label)


@torch.no_grad()
def examine(model: Imported, rows: Mapping[str, Any]) -> list[Remark]:
    """Return warnings about a program.

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
    first = score_sample_rows(model, rows)
    warnings = _require_held(model, rows) if model.card.output.holds != "regression" else []
    single = any(entry.dtype in ("float32", "float16") for entry in model.card.inputs)
    size = (1e-4 if single else 1e-9) * (1 + float(first.abs().max()))
    again = float((model.scores(rows) - first).abs().max())
    check(
        again <= size,
        f"Scores of program `{file}` change from call to call, by up to {again:.2g}: dropout is left "
        f"on, or it draws at random. {_EVAL}",
    )
    _require_independent(model, rows, first, size)
    if model.fixed_batch:
        fixed = Remark(RemarkKind.FIXED_BATCH, {"program": file, "rows": model.fixed_batch})
        warnings = [fixed, *warnings]
    return [*warnings, *_unread_modalities(model, rows, first)]


def _require_held(model: Imported, rows: Mapping[str, Any]) -> list[Remark]:
    """Check that an output for classes can be of the kind stated by the card, and return remarks on doubtful points.

    Raises:
        InvalidInput: when it cannot.
    """
    output, card = run_sample_rows(model, rows), model.card.output
    apart = _is_apart(model, output)
    logarithms = card.holds == "log-probabilities"
    sums = _span((output.exp() if logarithms else output).sum(1))
    added = f"{'their exponentials' if logarithms else 'they'} add up to {sums} in each row"
    check(
        fits(output, card.holds, apart),
        f"The card says that program `{model.program.file}` gives {card.holds}, but these go from {_span(output)}"
        f'{"" if apart else f", and {added}"}. Set `holds = "scores"` in the card, or export the model with a '
        "softmax.",
    )
    if card.holds != "scores" or not fits(output, "probabilities", apart=True):
        return []
    if fits(output, "probabilities", apart):
        return [Remark(RemarkKind.LIKE_PROBABILITIES, {"output": card.name})]
    return [Remark(RemarkKind.OTHER_SUMS, {"output": card.name, "sums": sums})]


def _span(numbers: Tensor) -> str:
    """The least and the most of some numbers, in words."""
    low, high = f"{float(numbers.min()):.3g}", f"{float(numbers.max()):.3g}"
    return low if low == high else f"{low} to {high}"


@torch.no_grad()
def output_remarks(model: Imported, rows: Mapping[str, Any], guessed: bool) -> list[Remark]:
    """Return how an output is used, and how many of ten rows of probabilities are clipped.

    Args:
        model: with its card, which passed `examine`. guessed: whether nobody wrote the card.
    """
    card, output = model.card.output, run_sample_rows(model, rows)
    if card.holds == "regression":
        return [Remark(RemarkKind.REGRESSION, {"output": card.name})]
    use = {"output": card.name, "holds": card.holds, "guessed": guessed, "rows": len(output)}
    if card.label:
        taken_for = Remark(RemarkKind.LABEL, {**use, "label": card.label})
    else:
        taken_for = Remark(RemarkKind.CLASSES, {**use, "count": len(model.outputs)})
    if card.holds == "scores":
        return [taken_for]
    if card.label:
        output = output[:, model._order]
    if card.holds == "log-probabilities":
        kind = RemarkKind.CLIPPED_LOGARITHMS
        limit = f"{SMALLEST:g}"
        outside = output.isneginf()
    else:
        kind = RemarkKind.CLIPPED
        limit = CLIPPED
        outside = output < SMALLEST
        if output.shape[1] == 1:  # the probability of the other class
            outside |= 1 - output < SMALLEST
    changed = int(outside.any(1).sum())
    return [taken_for, Remark(kind, {"limit": limit, "changed": changed, "rows": len(output)})]


@torch.no_grad()
def score_sample_rows(model: Imported, rows: Mapping[str, Any]) -> Tensor:
    """Return the scores of ten rows.

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


def _batch(model: Imported, rows: Mapping[str, Any]) -> int:
    """The only number of rows that a program runs with, if one is found."""
    if model.fixed_batch:
        return 0
    for size in (1, 2, 3, 4, 5, 8, 16, 20, 24, 32, 48, 64, 100, 128, 256):
        with contextlib.suppress(InvalidInput):
            Imported(
                model.input_specs,
                model.outputs,
                model.program,
                replace(model.card, batch=size),
            ).scores(rows)
            return size
    return 0


def _require_independent(
    model: Imported, rows: Mapping[str, Any], together: Tensor, size: float
) -> None:
    """Check that rows get the same scores alone, in threes and all together."""
    file, count = model.program.file, len(together)
    for step in (1, 3):
        try:
            parts = [
                model.scores(
                    {
                        name: nested_part(entry, slice(start, start + step))
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


def _unread_modalities(model: Imported, rows: Mapping[str, Any], scores: Tensor) -> list[Remark]:
    """Return a remark on the modalities that leave the scores unchanged when they are taken from other rows."""
    if len(model.modalities) == 1:
        return []
    order = [*range(1, len(scores)), 0]
    least = 1e-6 * (1 + float(scores.abs().max()))  # a smaller change is rounding
    read: list[str] = []
    unread: list[str] = []
    for name in model.modalities:
        changed = model.scores({**rows, name: nested_part(rows[name], order)})
        is_read = float((changed - scores).abs().max()) > least
        (read if is_read else unread).append(name)
    if not unread:
        return []
    if not read:
        return [Remark(RemarkKind.READS_NOTHING)]
    if len(read) == 1:
        return [Remark(RemarkKind.READS_ONE, {"read": read[0], "unread": unread})]
    return [Remark(RemarkKind.READS_SOME, {"unread": unread})]
