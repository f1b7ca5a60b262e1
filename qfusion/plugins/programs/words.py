"""Texts on imported programs: the notes of their cards, and remarks from their checks."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from qfusion.plugins.programs.program_checks import Remark, RemarkKind

IMPORTED = "Imported from {source}. It was trained elsewhere; its training rows are unknown."

# The use of its output, and possible errors.
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


def describe_import(source: str, remarks: Iterable[Remark]) -> str:
    """Return where a model was imported from, and the remarks of its checks, for the notes of its card."""
    return " ".join([IMPORTED.format(source=source), *map(describe_remark, remarks)])
