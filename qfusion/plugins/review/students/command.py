"""`simulatability`: how many samples explanations save a student that learns a model's decisions."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import RenderableType

import qfusion
from qfusion.commands.common import Data
from qfusion.commands.printing import Json, print_result, table


def simulatability(
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help="Names of models.")],
    data: Data = None,
    seed: Annotated[
        int,
        typer.Option("--seed", min=0, help="Of the samples that are drawn, and of the students."),
    ] = 0,
    as_json: Json = False,
) -> None:
    """Measure what explanations of models are worth: small students learn to predict a model's decisions with and
    without them, and the numbers of samples that they need are compared.
    """
    records = [_measure(model, data, seed) for model in models]
    shown: list[RenderableType | str] = []
    for record, result in records:
        shown += [f"{record['model']}", *record["says"]]
        if result is not None:
            shown.append(_curves_table(result))
    print_result({"models": [record for record, _ in records]}, as_json, *shown)


def _measure(model: str, data: str | None, seed: int) -> tuple[dict[str, Any], Any]:
    """Return the record of a model, and the result, which is None where students do not apply."""
    from qfusion.plugins.review.students import student_data as analysis, words

    study = qfusion.study.open_study(model, data)
    reason = analysis.find_obstacle(study)
    if reason:
        return {"model": study.name, "applies": False, "says": [reason]}, None
    result = analysis.teach_students(study, seed)
    record = {
        "model": study.name,
        "data": study.dataset.name,
        "applies": True,
        "says": words.describe_students(result),
        "learns": result.learns,
        "majority": result.majority,
        "drawn_from": result.drawn_from,
        "unseen": result.unseen,
        "draws": result.draws,
        "seed": result.seed,
        "curves": result.frame().to_dict("records"),
        "factors": result.factors().to_dict("records"),
    }
    return record, result


def _curves_table(result: Any) -> RenderableType:
    rows = []
    for name, arm in result.arms.items():
        agreement = [f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})" for one in arm.agreement]
        factor = "-" if arm.factor is None else arm.factor.interval
        ends = (
            factor
            if isinstance(factor, str)
            else f"{factor.value:.2f} ({factor.low:.2f} to {factor.high:.2f})"
        )
        rows.append([name, *agreement, ends])
    title = (
        f"Agreement with the model on {result.unseen:,} unseen samples, by number of samples; mean over {result.draws} "
        f"draws, 95% CI. Majority share {result.majority:.3f}"
    )
    return table(["Learns from", *map(str, result.sizes), "Times fewer samples"], rows, title)
