"""Tables of cuts: sizes of terms, and metrics of many samples."""

from typing import Any

import pandas as pd


def cut_sizes_table(made: Any, modality: str, output: int) -> pd.DataFrame:
    """Return the table of `cut_terms`, of `state_cuts.Cuts` of one sample."""
    place, (sizes, _) = made.modalities.index(modality), made.sizes()
    return pd.DataFrame(
        {"t": made.times, "modality": modality}
        | {
            f"{kind}[{name or 'baseline'}]": sizes[k, place, :, s, output]
            for s, name in enumerate(made.coalitions)
            for k, kind in enumerate(made.kinds)
        }
    )


def cut_table(made: Any, metric: str | None = None) -> pd.DataFrame:
    """Return the table of `cut_test` for metrics that are already computed. The first metric is the default."""
    metric = metric or next(iter(made.after))
    after = made.after[metric]
    parts = {"": after.value, ":low": after.low, ":high": after.high}
    columns = {
        "t": made.times,
        "n": made.n,
        "undisturbed": float(made.before[metric].value),
        "chance": made.chance[metric],
    }
    for m, name in enumerate(made.modalities):
        for k, kind in enumerate(made.kinds):
            for end, values in parts.items():
                if values is not None:
                    columns[f"{kind}[{name}]{end}"] = values[k, m]
    return pd.DataFrame(columns)
