"""`models`: list the trained models with their test metrics."""

from __future__ import annotations

from typing import Any

import qfusion
from qfusion.commands.printing import Json, number, print_remark, print_result, table
from qfusion.errors import collect_errors


def models(as_json: Json = False) -> None:
    """List the trained models, shipped and your own, with their test metrics over seeds."""
    known, problems = read_cards()
    for words in problems:
        print_remark(f"qfusion: warning: {words}")
    print_result(
        known,
        as_json,
        table(
            ["Name", "Title", "Data", "Seeds", "Test metrics"],
            [
                [c["name"], c["title"], c["data"]["name"], len(c["seeds"]), _format_metrics(c)]
                for c in known
            ],
        ),
    )


def read_cards() -> tuple[list[dict[str, Any]], list[str]]:
    """Returns the cards of the trained models, without what was kept of them after epochs; and of those that cannot be
    read why."""
    checkpoint = qfusion.training.checkpoint
    known, problems = list[dict[str, Any]](), list[str]()
    for name in checkpoint.available():
        with collect_errors(problems, f"Model '{name}' is left out"):
            known += [] if checkpoint.AFTER in name else [checkpoint.card(name)]
    return known, problems


def _format_metrics(card: dict) -> str:
    metrics, labels = card["metrics"].get("test", {}), qfusion.training.metrics.describe
    return "\n".join(
        f"{labels[key].short} {number(metrics[key]['mean'])}"
        + (f" ± {number(metrics[key]['std'])}" if len(card["seeds"]) > 1 else "")
        for key in ("acc2_non0", "acc2", "mae", "corr", "accuracy")  # the rest is on the card
        if key in metrics
    )
