"""What came out of runs, side by side: epochs, time, and the metrics of the models that they made."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from qfusion.analysis.learning import run_curves
from qfusion.analysis.learning.run_curves import Seen
from qfusion.analysis.sample import loaded
from qfusion.errors import QFusionError
from qfusion.training import metrics


@dataclass(frozen=True, eq=False)
class Results:
    """What came out of some runs.

    Attributes:
        table: a row a run: its seed, state, epochs and time; where it made a model, its parameters and its metrics.
        kinds: of the runs that made a model, what is told apart but for the seed; empty where none did.
        sizes: validation and test rows of those, by data set.
    """

    table: pd.DataFrame
    kinds: frozenset[Hashable]
    sizes: Mapping[str, tuple[int, int]]

    @property
    def metrics(self) -> list[str]:
        """The columns of metrics."""
        return [column for column in self.table if column.startswith(("test ", "validation "))]

    @property
    def seeds_only(self) -> bool:
        """Whether the runs differ in their seed alone."""
        return (
            len(self.kinds) == 1
            and len(self.table) > 1
            and self.table["seed"].nunique() == len(self.table)
        )

    def by_metric(self) -> pd.DataFrame:
        """Returns a row for each metric and split, a column for each run; the mean where only seeds differ."""
        rows = []
        for column in self.metrics:
            row: dict[str, Any] = {
                "metric": column,
                **dict(zip(self.table["run"], self.table[column], strict=True)),
            }
            known = self.table[column].dropna().to_numpy(dtype=float)
            if self.seeds_only and len(known) > 1:
                row["over seeds"] = f"{np.mean(known):.3f} ± {np.std(known, ddof=1):.3f}"
            rows.append(row)
        return pd.DataFrame(sorted(rows, key=lambda row: row["metric"].startswith("validation")))


def of(runs: Sequence[Seen]) -> Results:
    """Returns what came out of runs; of those that cannot be read, nothing."""
    rows: list[dict[str, Any]] = []
    kinds: set[Hashable] = set()
    sizes: dict[str, tuple[int, int]] = {}
    for each in runs:
        if each.plan is None or each.record is None:
            continue
        record, card = each.record, _card(each)
        time = run_curves.duration(sum(float(epoch["seconds"]) for epoch in record.history))
        row: dict[str, Any] = {
            "run": each.name,
            "seed": each.plan.seed,
            "state": each.words,
            "epochs": record.epoch,
            "kept": record.kept,
            "time": time,
        }
        if card is not None:
            row["parameters"] = card["parameters"]["total"]
            known = metrics.labels(card["this_seed"]["test"])
            row |= {
                _head(known[key].short if key in known else key, split): value
                for key in card["this_seed"]["test"]
                for split in ("valid", "test")
                if isinstance(value := card["this_seed"][split].get(key), int | float)
            }
            counts = card["data"]["sizes"]
            sizes[each.plan.data] = counts["valid"], counts["test"]
            kinds.add(
                (
                    each.plan.data,
                    each.plan.model,
                    str(sorted(each.plan.settings.items())),
                    str(sorted(each.plan.options.items())),
                    counts["test"],
                )
            )
        rows.append(row)
    return Results(pd.DataFrame(rows), frozenset(kinds), sizes)


def _head(short: str, split: str) -> str:
    return f"{'validation' if split == 'valid' else split} {short}"


def _card(each: Seen) -> dict[str, Any] | None:
    """The card of the model that a run made."""
    if not each.has_model:
        return None
    try:
        card = loaded(each.name).card
    except QFusionError:
        return None
    return (
        card
        if isinstance(card.get("this_seed"), dict) and {"valid", "test"} <= set(card["this_seed"])
        else None
    )
