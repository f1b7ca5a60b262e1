"""`people`: what a crowd makes of modalities that it was shown alone and together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import RenderableType

import qfusion
from qfusion.commands.common import Data, Model
from qfusion.commands.printing import Json, print_result, table


def people(
    model: Model,
    data: Data = None,
    by: Annotated[
        str,
        typer.Option(
            "--by",
            metavar="COLUMN",
            help="Also for each value of a column of the data set, such as level.",
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Explain a crowd: shares of votes and contributions of modalities, with intervals over raters and over groups of
    clips, whom the majority follows, and what a vote tells in bits.
    """
    from qfusion.analysis import crowd_summary
    from qfusion.wording import crowd as words

    study = qfusion.analysis.open_study(model, data)
    summary = crowd_summary.summarize_crowd(study)
    groups = crowd_summary.group_means(study, by) if by else {}
    sentences = words.describe_crowd(summary, study.modalities)
    record: dict[str, Any] = {
        "model": study.name,
        "clips": summary.means.clips,
        "says": sentences,
        "means": summary.means.frame().to_dict("records"),
        "agreement": vars(summary.agreement),
        "majority_is_right": summary.accuracy,
        "information": None
        if summary.information is None
        else summary.information.frame().to_dict("records"),
        "groups": {name: means.frame().to_dict("records") for name, means in groups.items()},
    }
    shown: list[RenderableType | str] = [*sentences, _means_table(summary.means, summary.target)]
    if groups:
        shown.append(_groups_table(groups, by))
    print_result(record, as_json, *shown)


def _means_table(means: Any, target: str) -> RenderableType:
    rows = []
    for row in means.frame().to_dict("records"):
        rows.append(
            [
                row["quantity"],
                row["coalition"],
                f"{row['mean']:+.3f}",
                f"{row['raters low']:+.3f} to {row['raters high']:+.3f}",
                f"{row['groups low']:+.3f} to {row['groups high']:+.3f}",
            ]
        )
    return table(
        [
            "Quantity",
            "Modalities",
            "Mean",
            "95% CI, other raters",
            f"95% CI, other {means.grouping}",
        ],
        rows,
        f"Votes for the {target}, mean over {means.clips:,} clips",
    )


def _groups_table(groups: Mapping[str, Any], by: str) -> RenderableType:
    first = next(iter(groups.values()))
    names = [name for name in first.contributions if name]
    rows = [
        [
            value,
            f"{means.clips:,}",
            *(
                f"{means.contributions[name].value:+.3f} ({means.contributions[name].groups.low:+.3f} to "
                f"{means.contributions[name].groups.high:+.3f})"
                for name in names
            ),
        ]
        for value, means in groups.items()
    ]
    return table([by, "Clips", *names], rows, f"Contributions, with 95% CI over {first.grouping}")
