"""A sample's decision against the share of another sample's state in the state of one modality."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from qfusion._checks import check, choose
from qfusion.analysis.changed_samples import SWAP, Change, apply_changes
from qfusion.analysis.interpolation import Interpolation, interpolate
from qfusion.analysis.memo import memo

TOLERANCE = 5e-4  # of the largest value


def mix_curves(
    study: Any, row: int, output: int, changes: tuple[Change, ...], modality: str
) -> Interpolation:
    """Return the `scores`, (C,), and the `dividends` of one of them, (2^M,), against the share of a swapped state.

    Args:
        study: of a model with states of modalities. row: of the sample. output: number of the explained score.
        changes: of all modalities, in the model's order. The share of the one that is followed does not matter.
        modality: that is taken from another sample.

    Raises:
        NotFound: when there is no such modality.
        InvalidInput: when the modality is not taken from another sample.
    """
    place = study.modalities.index(choose("Modality", modality, study.modalities))
    check(
        changes[place].action == SWAP,
        f"Modality {modality!r} has no share of another sample's state. Take it from another sample first.",
    )
    whole = (*changes[:place], replace(changes[place], share=1.0), *changes[place + 1 :])
    return _mix_curves(study, row, output, whole, place)


@memo(48)
def _mix_curves(
    study: Any, row: int, output: int, changes: tuple[Change, ...], place: int
) -> Interpolation:
    def evaluate(share: float) -> dict[str, np.ndarray]:
        own = replace(changes[place], share=share)
        result = apply_changes(study, row, (*changes[:place], own, *changes[place + 1 :])).outcome
        return {"scores": result.scores, "dividends": result.dividends[:, output]}

    return interpolate(evaluate, 0.0, 1.0, tolerance=TOLERANCE)
