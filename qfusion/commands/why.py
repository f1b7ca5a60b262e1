"""`why`: does fusion matter, for the data and for the model?"""

from __future__ import annotations

from typing import Any

from qfusion.commands.common import Data, Json, Model, number, print_result, table


def of_model(model: str, data: str | None, as_json: bool) -> None:
    """Prints whether a model fuses: EMAP, what coalitions take off the loss, their ranking, and basins over seeds."""
    from qfusion.analysis import sample, why

    result = why.summary(sample.open_study(model, data))
    tables = [
        table(
            [*rows[0]],
            [[_cell(value) for value in row.values()] for row in rows],
            name.replace("_", " "),
        )
        for name, part in result.items()
        for rows in part.values()
        if isinstance(rows, list) and rows
    ]
    print_result(result, as_json, *(part["says"] + "." for part in result.values()), *tables)


def _cell(value: Any) -> str:
    return number(value) if isinstance(value, float) else str(value)


def why(model: Model, data: Data = None, as_json: Json = False) -> None:
    """Say whether a model fuses: what its joint terms are worth, which modality matters, and whether seeds agree."""
    of_model(model, data, as_json)
