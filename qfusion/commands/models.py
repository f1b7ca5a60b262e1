"""`models`: list the trained models with their test metrics."""

from __future__ import annotations

from typing import Any

import qfusion
from qfusion.commands.printing import Json, number, print_remark, print_result, table
from qfusion.errors import collect_errors

LISTED_METRICS = ("acc2_non0", "acc2", "mae", "corr", "accuracy")  # the card holds all


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
                [
                    card["name"],
                    card["title"],
                    card["data"]["name"],
                    len(card["seeds"]),
                    format_metrics(card),
                ]
                for card in known
            ],
        ),
    )


def read_cards() -> tuple[list[dict[str, Any]], list[str]]:
    """Return the cards of the trained models, and an error message for each card that cannot be read.

    Checkpoints of single epochs are left out.
    """
    folders = qfusion.training.checkpoint_cards
    cards: list[dict[str, Any]] = []
    problems: list[str] = []
    for name in folders.available():
        if folders.AFTER in name:
            continue
        with collect_errors(problems, f"Model '{name}' is left out"):
            cards.append(qfusion.training.checkpoint_cards.load_card(name))
    return cards, problems


def format_metrics(card: dict) -> str:
    """Return the test metrics with their standard deviation over seeds, one a line."""
    metrics = card["metrics"].get("test", {})
    lines = []
    for key in LISTED_METRICS:
        if key not in metrics:
            continue
        line = f"{qfusion.training.metric_labels.LABELS[key].short} {number(metrics[key]['mean'])}"
        if len(card["seeds"]) > 1:
            line += f" ± {number(metrics[key]['std'])}"
        lines.append(line)
    return "\n".join(lines)
