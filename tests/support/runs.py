"""Runs of trainings that pages show."""

from __future__ import annotations

from typing import Any

from qfusion import runs
from qfusion.runs import Run, plans
from qfusion.runs.folder import Record

TERMS = (
    "text",
    "audio",
    "vision",
    "text+audio",
    "text+vision",
    "audio+vision",
    "text+audio+vision",
)


def record_of(
    epochs: int,
    of: int = 10,
    state: str = "paused",
    best_epoch: int = 1,
    watched: dict[str, float] | None = None,
    metric: str = "mae",
) -> Record:
    """A record whose numbers follow a formula."""
    rows = [
        {
            "epoch": n,
            "epochs": of,
            "train_loss": 1 / n,
            "valid_loss": 1.1 / n,
            "valid": {metric: 0.9 / n, "corr": 1 - 1 / n},
            "gradient_norm": 0.5 * n,
            "seconds": 2.0,
            "best": True,
            "rate": 0.01 / n,
            "watched": {key: value * n for key, value in (watched or {}).items()},
        }
        for n in range(1, epochs + 1)
    ]
    return Record(state, "", of, tuple(rows), best_epoch, 1, "here", 1.7e9, 1.7e9)


def make(
    name: str,
    record: Record | None = None,
    model: str = "quantum-jump",
    seed: int = 0,
    **settings: Any,
) -> Run:
    run = runs.create_run(plans.make_plan("planted", model, settings, seed), name=name)
    if record is not None:
        run.write(record)
    return run


JUMP = {
    "norm.H": 0.1,
    "norm.L": 0.2,
    **{f"entanglement.{name}": 0.05 for name in TERMS[:3]},
    **{f"dividend.{term}": 0.1 for term in TERMS},
}
