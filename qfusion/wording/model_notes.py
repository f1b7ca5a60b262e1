"""The notes of a model's card: the source of an import, and remarks on its program."""

from collections.abc import Mapping
from typing import Any

import msgspec

from qfusion.errors import IntegrityError, default_on_error, translate_errors
from qfusion.training.imports import ImportRecord
from qfusion.training.program_checks import Remark, RemarkKind

IMPORTED = "Imported from {source}. It was trained elsewhere; its training rows are unknown."
GAME = "Measured elsewhere, and imported from {source}."

# An imported program: the use of its output, and possible errors.
REMARKS: dict[RemarkKind, str] = {
    RemarkKind.REGRESSION: "Output `{output}` is used as the score of a regression, since the target is a number.",
    RemarkKind.CLASSES: "Output `{output}` is used as {holds} of {count} classes, {reason}.",
    RemarkKind.LABEL: "Output `{output}` is used as {holds} of label ‘{label}’, {reason}.",
    RemarkKind.CLIPPED: (
        "Probabilities are clipped to {limit} before the log-odds of each row are computed, which changes {changed} of "
        "{rows} rows."
    ),
    RemarkKind.CLIPPED_LOGARITHMS: (
        "Log-probabilities of minus infinity are replaced by the logarithm of {limit} before the log-odds of each row "
        "are computed, which changes {changed} of {rows} rows."
    ),
    RemarkKind.FIXED_BATCH: (
        "Program `{program}` takes exactly {rows} rows at once, so it is run in batches of that size."
    ),
    RemarkKind.LIKE_PROBABILITIES: (
        "Output `{output}` is used as scores, as stated, but its values look like probabilities. If they are, "
        "state that it holds probabilities."
    ),
    RemarkKind.OTHER_SUMS: (
        "Output `{output}` lies in [0, 1], but sums to {sums} in each row, not to 1, so it is used as scores and not "
        "as probabilities. Export the scores before the last softmax or sigmoid, or probabilities that sum to 1."
    ),
    RemarkKind.READS_NOTHING: "On the ten rows tested, the scores do not depend on any modality.",
    RemarkKind.READS_ONE: (
        "On the ten rows tested, the scores depend only on `{read}`, so {unread} contribute 0 to them."
    ),
    RemarkKind.READS_SOME: (
        "On the ten rows tested, the scores do not depend on {unread}, so these contribute 0 to them."
    ),
}
GUESSED, FROM_CARD = "a guess from {rows} rows", "as stated"
NONE = "none"


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
    """Return the notes of a model's card: its own, and remarks on an imported program."""
    parts = [
        str(card.get("notes") or ""),
        _import_note(card),
        _game_note(card),
    ]
    return " ".join(filter(None, parts))


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


@default_on_error("")
def _game_note(card: Mapping[str, Any]) -> str:
    record = card.get("game")
    if not isinstance(record, Mapping):
        return ""
    return " ".join([GAME.format(source=record["source"]), *map(str, record["remarks"])])


def _convert(value: Any, kind: Any) -> Any:
    with translate_errors(
        "The card cannot be read",
        "Copy it again or train the model again.",
        msgspec.ValidationError,
        error=IntegrityError,
    ):
        return msgspec.convert(value, kind)
