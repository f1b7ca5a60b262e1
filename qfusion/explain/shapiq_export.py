"""Contributions as `InteractionValues` of shapiq, for its plots and its conversions to other indices."""

from __future__ import annotations

from typing import Any

from qfusion._checks import check, choose
from qfusion._lazy import load, require
from qfusion.explain.coalitions import Explanation
from qfusion.quantum import decomposition


def to_shapiq(explanation: Explanation, row: int = 0, output: int | str = 0) -> Any:
    """Return the contributions to one sample's score as `shapiq.InteractionValues`.

    The index is "Moebius", with all orders up to the number of modalities M, the players: what qfusion calls
    contributions are the Moebius transform of the coalition values. The baseline is v("").

    Args:
        explanation: of B samples.
        row: number of the sample, from 0.
        output: number or name of the explained output.

    Raises:
        MissingPackage: when shapiq is not installed.
        InvalidInput, NotFound: when there is no such sample or output, or the explanation has a leading axis.
    """
    require("shapiq")
    check(
        explanation.dividends.ndim == 3,
        "An explanation through time or layers has a leading axis. Take one moment of it with `at`.",
    )
    count = len(explanation.dividends)
    check(
        0 <= row < count,
        f"Argument `row` must number one of the {count} samples from 0, but is {row}.",
    )
    names = explanation.outputs
    if isinstance(output, str):
        output = names.index(choose("Output", output, names))
    check(
        0 <= output < len(names),
        f"Argument `output` must number one of the {len(names)} outputs from 0, but is {output}.",
    )
    M = len(explanation.modalities)
    dividends = explanation.dividends[row, :, output].tolist()
    return load("shapiq").InteractionValues(
        values=dict(zip(decomposition.subsets(M), dividends, strict=True)),
        index="Moebius",
        max_order=M,
        min_order=0,
        n_players=M,
        baseline_value=dividends[0],
        estimated=explanation.errors is not None,
    )
