"""The notes of a model's card: how it was trained, the error of sampled scores, and where it was imported from."""

from collections.abc import Mapping
from typing import Any

import msgspec

from qfusion.errors import IntegrityError, default_on_error, translate_errors
from qfusion.training.imports import ImportRecord
from qfusion.training.program_checks import Remark, RemarkKind
from qfusion.training.sampling_error import Sampling

SAMPLED = (
    "Trained on sampled trajectories: with {trajectories} of them the score of a sample has a standard error of "
    "{error:.2g} (sigma / sqrt(N) = {expected:.2g}) and, from its finite steps, a bias of {bias:.2g}. The exact scores "
    "of {samples} validation samples spread by {spread:.2g}. Explanations use the exact scores."
)
IMPORTED = "Imported from {source}. It was trained elsewhere, on rows that are not known here."

# An imported program: how its output is used, and what should be checked.
REMARKS: dict[RemarkKind, str] = {
    RemarkKind.REGRESSION: "Output `{output}` is taken for the score of a regression, as the target is a number.",
    RemarkKind.CLASSES: "Output `{output}` is taken for {holds} of {count} classes, {reason}.",
    RemarkKind.LABEL: "Output `{output}` is taken for {holds} of label ‘{label}’, {reason}.",
    RemarkKind.CLIPPED: (
        "Probabilities are clipped to {limit} before the log-odds of each row are computed, which changes {changed} of "
        "{rows} rows."
    ),
    RemarkKind.CLIPPED_LOGARITHMS: (
        "Log-probabilities of minus infinity become those of {limit} before the log-odds of each row are computed, "
        "which changes {changed} of {rows} rows."
    ),
    RemarkKind.FIXED_BATCH: (
        "Program `{program}` takes exactly {rows} rows at once, so it is run in pieces of that size."
    ),
    RemarkKind.LIKE_PROBABILITIES: (
        "Output `{output}` is taken for scores, as the card says, but looks like probabilities. If it holds these, set "
        '`holds = "probabilities"` in the card.'
    ),
    RemarkKind.OTHER_SUMS: (
        "Output `{output}` lies in [0, 1], but adds up to {sums} in each row, not to 1, so it is taken for scores and "
        "not for probabilities. Export the scores before the last softmax or sigmoid, or probabilities that add up to "
        "1."
    ),
    RemarkKind.READS_NOTHING: "On ten rows the scores do not depend on any modality.",
    RemarkKind.READS_ONE: (
        "It reads only `{read}`. On ten rows the scores do not depend on {unread}, so their contributions are 0."
    ),
    RemarkKind.READS_SOME: (
        "On ten rows the scores do not depend on {unread}, so their contributions are 0."
    ),
}
GUESSED, FROM_CARD = "a guess from {rows} rows", "as the card says"
NONE = "none"


def describe_sampling(sampling: Sampling) -> str:
    """Return the error of sampled scores, as sentences."""
    return SAMPLED.format(
        trajectories=sampling.trajectories,
        error=sampling.error,
        expected=sampling.expected,
        bias=sampling.bias,
        samples=sampling.samples,
        spread=sampling.spread,
    )


def describe_remark(remark: Remark) -> str:
    """Return a remark on an imported program, as a sentence or two."""
    values = dict(remark.values)
    if "guessed" in values:
        values["reason"] = GUESSED.format(**values) if values["guessed"] else FROM_CARD
    if "changed" in values:
        values["changed"] = values["changed"] or NONE
    if "unread" in values:
        values["unread"] = ", ".join(f"`{name}`" for name in values["unread"])
    return REMARKS[remark.kind].format(**values)


def describe_summary(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return the summary of an import, see `imports.summary`, with its remarks and warnings as sentences."""
    result = dict(summary)
    for key in ("remarks", "warnings"):
        remarks = msgspec.convert(summary[key], list[Remark])
        result[key] = [describe_remark(remark) for remark in remarks]
    return result


def describe_notes(card: Mapping[str, Any]) -> str:
    """Return the notes of a model's card: its own, the error of sampled scores, and remarks on an imported program."""
    parts = [str(card.get("notes") or ""), _sampling_note(card), _import_note(card)]
    return " ".join(filter(None, parts))


@default_on_error("")
def _sampling_note(card: Mapping[str, Any]) -> str:
    if not card.get("sampling"):
        return ""
    return describe_sampling(_convert(card["sampling"], Sampling))


@default_on_error("")
def _import_note(card: Mapping[str, Any]) -> str:
    if not card.get("import"):
        return ""
    record: ImportRecord = _convert(card["import"], ImportRecord)
    words = [IMPORTED.format(source=record.source)]
    with translate_errors(
        "The card cannot be read", "Import the model again.", KeyError, TypeError
    ):
        words += [describe_remark(remark) for remark in record.remarks]
    return " ".join(words)


def _convert(value: Any, kind: Any) -> Any:
    with translate_errors(
        "The card cannot be read",
        "Copy it again or train the model again.",
        msgspec.ValidationError,
        error=IntegrityError,
    ):
        return msgspec.convert(value, kind)
