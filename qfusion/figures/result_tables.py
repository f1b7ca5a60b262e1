"""Tables of results that are computed already."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from qfusion.analysis.sample import Sample


def terms_table(dividends: Mapping[str, float], **before: str) -> pd.DataFrame:
    """Return one row per term, with the columns `before`, `term` and `dividend`. The baseline is included under its
    name.
    """
    return pd.DataFrame(
        {
            **before,
            "term": [term or "baseline" for term in dividends],
            "dividend": list(dividends.values()),
        }
    )


def classes_table(sample: Sample, scores: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """Return one row a class: `sample`, `class`, `log_odds`, `probability`, and whether it is the `truth`, None where
    none is known.
    """
    truth = sample.true_class
    return pd.DataFrame(
        {
            "sample": sample.id,
            "class": sample.classes,
            "log_odds": scores,
            "probability": probabilities,
            "truth": [None if truth is None else place == truth for place in range(len(scores))],
        }
    )


def built_table(built: Any, quantity: str = "score") -> pd.DataFrame:
    """Return the table of `built`, of an `explain.path_attribution.PathAttribution`.

    Args:
        quantity: name of the sum, "log-odds" or "score".
    """
    table = built.frame()
    return pd.concat(
        [
            table,
            pd.DataFrame([{"dividend": quantity} | table.drop(columns="dividend").sum().to_dict()]),
        ],
        ignore_index=True,
    )


def built_flow_table(built: Any, quantity: str = "score") -> pd.DataFrame:
    """Return the table of `built_flow`, of an `explain.path_attribution.PathAttribution`.

    Args:
        quantity: name of the sum, "log-odds" or "score".
    """
    names = [name or "baseline" for name in built.dividends]
    return pd.DataFrame(
        [
            *zip(["without evolution"] * len(names), names, built.start, strict=True),
            *(
                (parameter.key, name, built.parts[s, g])
                for g, parameter in enumerate(built.terms)
                for s, name in enumerate(names)
            ),
            *zip(names, [quantity] * len(names), built.end, strict=True),
        ],
        columns=["from", "to", "value"],
    )
