"""Results of trainings side by side: epochs, time, and the metrics of their models."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from qfusion import _sentences
from qfusion.analysis.opening import load_checkpoint
from qfusion.analysis.runs import Seen
from qfusion.errors import default_on_error
from qfusion.training import metrics


@dataclass(frozen=True, eq=False)
class Results:
    """Results of some runs.

    Attributes:
        table: a row a run: its seed, state, epochs and time; where it made a model, its parameters and its metrics.
        seeds_only: whether the runs differ in their seed alone.
        sizes: validation and test rows of the runs that made a model, by data set; empty where none did.
    """

    table: pd.DataFrame
    seeds_only: bool
    sizes: Mapping[str, tuple[int, int]]

    @property
    def metrics(self) -> list[str]:
        """The columns of metrics."""
        return [column for column in self.table if column.startswith(("test ", "validation "))]

    def metric_table(self) -> pd.DataFrame:
        """Return a row for each metric and split, a column for each run; mean and standard deviation where only seeds
        differ."""
        rows = []
        for column in sorted(self.metrics, key=lambda name: name.startswith("validation")):
            rows.append(
                {"metric": column, **dict(zip(self.table["run"], self.table[column], strict=True))}
            )
            known = self.table[column].dropna().to_numpy(dtype=float)
            if self.seeds_only and len(known) > 1:
                rows[-1]["mean ± standard deviation over seeds"] = (
                    f"{np.mean(known):.3f} ± {np.std(known, ddof=1):.3f}"
                )
        return pd.DataFrame(rows)


def collect_results(runs: Sequence[Seen]) -> Results:
    """Return the results of runs. Runs that cannot be read are left out."""
    rows: list[dict[str, Any]] = []
    kinds: set[Hashable] = set()
    sizes: dict[str, tuple[int, int]] = {}
    for run in runs:
        if run.plan is None or run.record is None:
            continue
        record, card = run.record, _card(run)
        seconds = sum(float(epoch["seconds"]) for epoch in record.history)
        row: dict[str, Any] = {
            "run": run.name,
            "seed": run.plan.seed,
            "state": run.status.value,
            "epochs": record.epoch,
            "kept": record.best_epoch,
            "time": _sentences.duration(seconds),
        }
        if card is not None:
            row["parameters"] = card["parameters"]["total"]
            known = metrics.labels(card["this_seed"]["test"])
            for key in card["this_seed"]["test"]:
                title = known[key].short if key in known else key
                for split, side in (("valid", "validation"), ("test", "test")):
                    value = card["this_seed"][split].get(key)
                    if isinstance(value, int | float):
                        row[f"{side} {title}"] = value
            counts = card["data"]["sizes"]
            sizes[run.plan.data] = counts["valid"], counts["test"]
            kinds.add(
                (
                    run.plan.data,
                    run.plan.model,
                    str(sorted(run.plan.settings.items())),
                    str(sorted(run.plan.options.items())),
                    counts["test"],
                )
            )
        rows.append(row)
    seeds = {row["seed"] for row in rows}
    return Results(pd.DataFrame(rows), len(kinds) == 1 and len(seeds) == len(rows) > 1, sizes)


@default_on_error(None)
def _card(entry: Seen) -> dict[str, Any] | None:
    """The card of the model that a run made."""
    if not entry.has_model:
        return None
    card = load_checkpoint(entry.name).card
    return (
        card
        if isinstance(card.get("this_seed"), dict) and {"valid", "test"} <= set(card["this_seed"])
        else None
    )
