"""The convention by which scores of an imported set are evaluated: the requested one, or the one that fits them."""

from qfusion._checks import check
from qfusion.data import mmsa
from qfusion.data.staged_set import Finding, StagedSet
from qfusion.data.target_spec import (
    CONVENTIONS,
    LARGEST_SCORE,
    MOSI_CONVENTION,
    check_convention,
    guess_convention,
)

METRICS_OF = {
    MOSI_CONVENTION: "MOSI and MOSEI (Acc-2, Acc-5, Acc-7, F1, MAE, correlation, R2)",
    "sims": "CH-SIMS (Acc-2, Acc-3, Acc-5, F1, MAE, correlation)",
    "plain": "any number (MAE, correlation, R2)",
}
_REASONS = {
    MOSI_CONVENTION: "since scores lie in [-3, 3]",
    "sims": "since every modality has its own targets and scores lie in [-1, 1]",
    "plain": "since the scores do not look like sentiment of MOSI or CH-SIMS",
}


def set_convention(staged: StagedSet, convention: str) -> None:
    """Set the convention of a set's scores, and notes it where it matters.

    Args:
        staged: the set.
        convention: one of `target_spec.CONVENTIONS`, or "auto" for `target_spec.guess_convention`.

    Raises:
        NotFound: when there is no such convention.
        InvalidInput: when scores do not fit it, or targets are classes.
    """
    is_requested = convention != "auto"
    if staged.classes:
        check(
            not is_requested,
            f"Argument `convention` is of scores, and has to be left out for classes, but is {convention}. Leave it "
            "out, or import the set with --target regression.",
        )
        return
    is_pickle = staged.kind == mmsa.KIND
    annotated = {part.name for part in staged.parts} == set(staged.unimodal)
    guess = guess_convention(staged.y, annotated=annotated, pickled=is_pickle)
    staged.convention = convention if is_requested else guess
    check_convention(staged.convention, staged.y)
    if convention in LARGEST_SCORE:
        largest = LARGEST_SCORE[convention]
        staged.bounds = (-largest, largest)
    if is_requested or guess != "plain" or is_pickle:
        reason = "as asked for" if is_requested else _REASONS[guess]
        words = (
            f"Metrics are those of {METRICS_OF[staged.convention]}, {reason}. "
            f"Another is one of {', '.join(CONVENTIONS)} (--convention)."
        )
        staged.findings.append(Finding("convention", "note", words))
