"""`why`: whether data need fusion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

import qfusion
from qfusion.commands.common import Json, print_result, table

# `why --data`: whether the data need fusion.


def why(
    data: Annotated[
        str,
        typer.Option("--data", metavar="NAME", help="Data set, or path of a .mat or .npz file."),
    ],
    as_json: Json = False,
) -> None:
    """Say what modalities tell of the target redundantly, uniquely and only together, and what joint models are
    worth."""
    needs(data, as_json)


def needs(name: str, as_json: bool) -> None:
    """Prints whether a data set needs fusion."""
    from qfusion.panels.why import needs_record

    result = needs_record(qfusion.analysis.why.needs(qfusion.data.load(name)))
    tested = result["worth"]
    rows = [
        [of, *(_interval(part) for part in (entry["redundancy"], entry["synergy"], entry["total"]))]
        + [", ".join(f"{one} {_interval(part)}" for one, part in entry["unique"].items())]
        for of, entry in {
            **result["estimators"],
            **{f"{one} against the rest": entry for one, entry in result["against_rest"].items()},
        }.items()
    ]
    print_result(
        result,
        as_json,
        *(f"{words}." for words in result["says"]),
        table(
            ["Estimator", "Redundancy", "Synergy", "Total", "Unique"],
            rows,
            f"Bits of the target of {name}, {result['entropy']:.2f} in all, from {result['n']:,} rows",
        ),
        table(
            ["Models", "Best", tested["metric"]],
            [[kind, model, _interval(tested[kind])] for kind, model in tested["models"].items()]
            + [[kind, "", _interval(tested[kind])] for kind in ("late-single", "joint-late")],
            "Small models on held-out rows",
        ),
        *result["notes"],
    )


def _interval(part: Mapping[str, Any]) -> str:
    return f"{part['value']:+.2f} [{part['low']:+.2f}, {part['high']:+.2f}]"
