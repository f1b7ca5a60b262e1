"""A sample's way through a drawn circuit: one step of an evolution, an entangled-fusion network, or plain gates."""

from __future__ import annotations

from typing import Any

from qfusion.analysis.dynamics import circuit_evolution, evolution
from qfusion.analysis.memo import memo
from qfusion.figures import circuit_boxes, gate_boxes
from qfusion.models.tweak import LEARNED, Tweak


@memo(16, background=False, says="Walking the sample through the circuit …")
def replay(work: Any, row: int, words: str = "") -> circuit_boxes.Replay:
    """The sample's way through the circuit."""
    from qfusion.track.progress import progress

    model = work.model.tweaked(words)
    if work.can("gates"):
        return gate_boxes.replay(model, circuit_evolution.encoded(work, row))
    return circuit_boxes.of_fusion(progress(model, work.theta(row)), model)


@memo(16, background=False)
def step_replay(
    work: Any, row: int, dt: float, split: str, tweak: Tweak = LEARNED
) -> circuit_boxes.Replay:
    """A sample's way through one drawn step: every qubit before the first and after every gate."""
    return circuit_boxes.through_step(
        evolution.circuit(work, row, dt, split, tweak), work.modalities
    )
