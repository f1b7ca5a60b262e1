"""The option of `explain` that says which term of the dynamics built which term of the decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from qfusion.commands._output import print_table

if TYPE_CHECKING:
    from qfusion.explain import AnyBackground
    from qfusion.models import FusionModel

SHOWN = 3  # terms of the dynamics that are printed for each contribution; all are in the JSON
Physics = Annotated[
    bool,
    typer.Option(
        "--physics",
        help="Say which coupling and dissipation built which contribution: of the sample, "
        "or on average over the split.",
    ),
]


def matrix(
    model: FusionModel,
    features: Mapping[str, Any],
    behind: AnyBackground,
    output: int,
    missing: Sequence[str],
) -> dict[str, Any]:
    """Returns what each term of the dynamics added to each dividend, what was there before it and is there after it,
    and the error.

    Args:
        missing: modalities that are left out: dividends that they take part in are 0.
    """
    from qfusion.explain import building

    found = building.built(model, features, behind, output, times=[0.0])
    there = np.array(
        [not set(name.split("+")) & set(missing) for name in found.dividends], dtype=float
    )
    keys = [parameter.key for parameter in found.terms]
    parts = {
        name: dict(zip(keys, row, strict=True))
        for name, row in zip(found.dividends, there[:, None] * found.parts, strict=True)
    }
    return {
        "physics": parts,
        "physics_start": dict(zip(found.dividends, there * found.start, strict=True)),
        "physics_end": dict(zip(found.dividends, there * found.end, strict=True)),
        "physics_terms": {term.key: term.title for term in found.terms},
        "physics_error": found.error,
        "physics_nodes": found.nodes,
        "physics_samples": found.count,
    } | ({} if found.count == 1 else _sizes(model, features, behind, output, there))


def _sizes(
    model: FusionModel,
    features: Mapping[str, Any],
    behind: AnyBackground,
    output: int,
    there: np.ndarray,
) -> dict[str, Any]:
    """What cancels in the mean over samples: the mean size of every part."""
    from qfusion.explain import building

    found = building.built_each(model, features, behind, output)
    parts = there[:, None] * found.sizes()[1]
    keys = [parameter.key for parameter in found.terms]
    return {
        "physics_sizes": {
            name: dict(zip(keys, row, strict=True))
            for name, row in zip(found.dividends, parts, strict=True)
        }
    }


def print_matrix(result: Mapping[str, Any]) -> None:
    """Prints every dividend with what it was without evolution, what it became, and the terms that did most of it."""
    titles, count = result["physics_terms"], result["physics_samples"]
    rows = [
        [
            name or "(none)",
            *(f"{result[key][name]:+.3f}" for key in ("physics_start", "physics_end")),
            _built(parts, titles),
        ]
        for name, parts in result["physics"].items()
    ]
    print_table(
        ["Contribution", "At t = 0", "At T", "Built by, largest first"],
        rows,
        title=f"What the dynamics built{'' if count == 1 else f', mean over {count:,} samples'}, error below "
        f"{max(result['physics_error'], 1e-15):.0e}",
    )


def _built(parts: Mapping[str, float], titles: Mapping[str, str]) -> str:
    order = sorted(parts, key=lambda key: -abs(parts[key]))
    lines = [f"{parts[key]:+.3f} {titles[key]}" for key in order[:SHOWN]]
    rest = order[SHOWN:]
    return "\n".join(
        lines + ([f"{sum(parts[key] for key in rest):+.3f} {len(rest)} others"] if rest else [])
    )
