"""Checks of an imported program on ten rows of the data, before it is saved.

Each failure is one error message with its remedy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.errors import InvalidInput
from qfusion.models.evaluation import nested_part
from qfusion.models.live_model import SMALLEST, fits
from qfusion.plugins.programs.imported import Imported
from qfusion.training.batches import ROWS

CLIPPED = f"[{SMALLEST:g}, 1]"
_EVAL = "Call `model.eval()` before it is exported."


class RemarkKind(Enum):
    """The kinds of remarks on a program; their sentences are in `words`."""

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


@torch.no_grad()
def run_sample_rows(model: Imported, rows: Mapping[str, Any]) -> Tensor:
    """Return the output of a program for ten rows, (B, K), or for as many of them as it takes at once."""
    first = slice(0, model._most or ROWS)
    return model.columns({name: nested_part(values, first) for name, values in rows.items()})


def is_apart(model: Imported, output: Tensor) -> bool:
    """Return whether each column of an output (B, K) is of a class or label of its own, so that no sum is known."""
    return output.shape[1] == 1 or bool(model.card.output.label)


@torch.no_grad()
def examine(model: Imported, rows: Mapping[str, Any]) -> list[Remark]:
    """Return warnings about a program.

    Args:
        model: with its card. rows: features of ten rows, see `sample_rows`.

    Raises:
        InvalidInput: when its scores are not finite, change from call to call, or depend on other rows of a batch.
    """
    file = model.program.file
    check(
        not model.program.notes,
        f"Scores of program `{file}` would change from call to call: "
        f"{(model.program.notes or ('',))[0]}. {_EVAL}",
    )
    first = model.scores(rows)
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
    apart = is_apart(model, output)
    logarithms = card.holds == "log-probabilities"
    sums = _span((output.exp() if logarithms else output).sum(1))
    added = f"{'their exponentials' if logarithms else 'they'} add up to {sums} in each row"
    check(
        fits(output, card.holds, apart),
        f"Program `{model.program.file}` is stated to give {card.holds}, but these go from {_span(output)}"
        f"{'' if apart else f', and {added}'}. State that it holds scores, or export the model with a "
        "softmax.",
    )
    if card.holds != "scores" or not fits(output, "probabilities", apart=True):
        return []
    if fits(output, "probabilities", apart):
        return [Remark(RemarkKind.LIKE_PROBABILITIES, {"output": card.name})]
    return [Remark(RemarkKind.OTHER_SUMS, {"output": card.name, "sums": sums})]


def _span(numbers: Tensor) -> str:
    """The least and the most of some numbers, in words."""
    low = f"{float(numbers.min()):.3g}"
    high = f"{float(numbers.max()):.3g}"
    return low if low == high else f"{low} to {high}"


@torch.no_grad()
def output_remarks(model: Imported, rows: Mapping[str, Any], guessed: bool) -> list[Remark]:
    """Return how an output is used, and how many of ten rows of probabilities are clipped.

    Args:
        model: with its card, which passed `examine`. guessed: whether nobody said what it holds.
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
