"""`check`: the ten checks of a reviewer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType

import qfusion
from qfusion.commands.common import Data
from qfusion.commands.printing import Json, number, print_result, table

if TYPE_CHECKING:
    from qfusion.plugins.review.checks.run import Review

Named = list[str] | None


def check(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="A model that `models` lists, or the folder or card of one."
        ),
    ],
    data: Data = None,
    claimed: Annotated[
        Named,
        typer.Option(
            "--claim",
            metavar="METRIC=VALUE",
            help="A figure that is reported of the test samples, such as acc2_non0=0.79 or accuracy=98.1%. May be "
            "given several times.",
        ),
    ] = None,
    resources: Annotated[
        Named,
        typer.Option(
            "--resource",
            metavar="NAME",
            help="A quantum resource that is said to be needed: coherence, entanglement, correlation, dissipation, "
            "learning or evolution of a QiNN-QJ; fused-coherence or convolutions of an entangled network. May be given "
            "several times.",
        ),
    ] = None,
    rivals: Annotated[
        Named,
        typer.Option(
            "--rival",
            metavar="MODEL",
            help="A trained model that this one is compared with. May be given several times.",
        ),
    ] = None,
    seeds: Annotated[
        Named,
        typer.Option(
            "--seed-model",
            metavar="MODEL",
            help="A model that was trained in the same way from another seed. May be given several times.",
        ),
    ] = None,
    groups: Annotated[
        Named,
        typer.Option(
            "--group",
            metavar="COLUMN",
            help="A column of the data set, such as speaker, whose values must not be on both sides of the split. "
            "May be given several times.",
        ),
    ] = None,
    retrain: Annotated[
        bool,
        typer.Option(
            "--retrain",
            help="Also train models of the same kind with fewer modalities, which takes minutes.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Check a model and its reported figures as a reviewer would: split, single modalities, gain of fusion, seeds,
    metric, calibration, stability of explanations, needed resources, missing modalities, and features. Exits with
    status 3 if a fault is found."""
    from qfusion.plugins.review.checks import claims, run
    from qfusion.plugins.review.checks.check import Verdict

    study = qfusion.study.open_study(model, data)
    reported = claims.Claims(
        tuple(claims.parse_figure(text, study.dataset) for text in claimed or ()),
        tuple(resources or ()),
        tuple(rivals or ()),
        tuple(seeds or ()),
        tuple(groups or ()),
    )
    review = run.review_model(study, reported, retrain=retrain)
    print_review(review, as_json)
    if review.counts()[Verdict.FAULT]:
        raise typer.Exit(3)


def print_review(review: Review, as_json: bool) -> None:
    """Print a review as text and tables, or as JSON."""
    from qfusion.plugins.review import words

    rows = [
        [words.VERDICTS[one.verdict], words.TOPICS[one.topic].title, words.describe_check(one)]
        for one in review.checks
    ]
    shown: list[RenderableType | str] = [
        words.summarise_review(review),
        table(["Verdict", "Check", "Finding"], rows, "Ten checks of a reviewer"),
    ]
    if review.modality_table is not None:
        shown.append(_modality_table(review))
    print_result(review_record(review), as_json, *shown)


def review_record(review: Review) -> dict[str, Any]:
    """Return a review as a record for JSON."""
    from qfusion.plugins.review import words

    checks = []
    for one in review.checks:
        entry: dict[str, Any] = {
            "check": one.topic.value,
            "verdict": one.verdict.value,
            "findings": [finding.name.lower() for finding in one.findings],
            "says": words.describe_check(one),
        }
        if one.number is not None:
            entry |= {
                "value": one.number.value,
                "low": one.number.low,
                "high": one.number.high,
                "unit": one.unit,
            }
        if one.table is not None:
            entry["table"] = one.table.to_dict("records")
        checks.append(entry)
    return {
        "model": review.model,
        "data": review.data,
        "says": words.summarise_review(review),
        "checks": checks,
    }


def _modality_table(review: Review) -> RenderableType:
    frame = review.modality_table
    assert frame is not None
    sides = [side for side in ("told", "plain", "retrained") if side in frame]
    rows = []
    for record in frame.to_dict("records"):
        cells = [_cell(record, side) for side in sides]
        rows.append([record["modalities"], record["noise"], *cells])
    heads = {
        "told": "This model, told",
        "plain": "Plain models, trained so",
        "retrained": "Its kind, trained so",
    }
    return table(
        ["Modalities", "Noise on", *(heads[side] for side in sides)],
        rows,
        "With which modalities it still works, with 95% CI over test samples",
    )


def _cell(record: dict[str, Any], side: str) -> str:
    if math.isnan(record[side]):
        return ""
    return f"{number(record[side])} [{number(record[f'{side} low'])}, {number(record[f'{side} high'])}]"
