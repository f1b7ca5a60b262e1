"""`people`: what a crowd makes of modalities that it was shown alone and together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType

import qfusion
from qfusion._checks import check
from qfusion._sentences import listed
from qfusion.commands.common import Data, Model
from qfusion.commands.printing import Json, print_result, table

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from qfusion.plugins.people.beside.crowd_comparison import Choices, CrowdAndModel
    from qfusion.study.study import Study

MAX_CLIPS = 10  # of a table that is printed; --json has all


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
    beside: Annotated[
        str,
        typer.Option(
            "--beside",
            metavar="MODEL",
            help="Compare people with this model, which was trained on the same clips.",
        ),
    ] = "",
    split: Annotated[
        str,
        typer.Option(
            metavar="SPLIT", help="With --beside: test, the model's test samples, or all."
        ),
    ] = "test",
    match: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="With --beside: which of the model's modalities are people's, where names do not say: "
            "voice=audio+text,face=vision.",
        ),
    ] = "",
    match_classes: Annotated[
        str,
        typer.Option(
            metavar="NAMES", help="With --beside: the same of classes: anger=ANG,sad=SAD."
        ),
    ] = "",
    scale: Annotated[
        str,
        typer.Option(
            metavar="SCALE",
            help="With --beside: of the model's contributions, log-odds or probability.",
        ),
    ] = "log-odds",
    as_json: Json = False,
) -> None:
    """Explain a crowd: shares of votes and contributions of modalities, with intervals over raters and over groups of
    clips, whom the majority follows, and what a vote tells in bits. Beside a model: whether both decide and fuse alike.
    """
    from qfusion.plugins.people.beside import crowd_comparison
    from qfusion.plugins.people.crowd import crowd_summary, words

    _require_options(by, beside, {"--match": match, "--match-classes": match_classes})
    study = qfusion.study.open_study(model, data)
    if beside:
        choices = crowd_comparison.Choices(split, match, match_classes, scale)
        _print_beside(study, qfusion.study.open_study(beside), choices, as_json)
        return
    summary = crowd_summary.summarize_crowd(study)
    contrasts = crowd_summary.contrast_groups(study, by) if by else None
    groups = contrasts.means if contrasts else {}
    sentences = words.describe_crowd(summary, study.modalities)
    if contrasts:
        sentences.append(f"{words.describe_group_contrasts(contrasts)}.")
    record: dict[str, Any] = {
        "model": study.name,
        "clips": summary.means.clips,
        "says": sentences,
        "means": summary.means.frame().to_dict("records"),
        "agreement": vars(summary.agreement),
        "neither_by_chance": None if summary.by_chance is None else vars(summary.by_chance),
        "majority_is_right": summary.accuracy,
        "information": None
        if summary.information is None
        else summary.information.frame().to_dict("records"),
        "groups": {name: means.frame().to_dict("records") for name, means in groups.items()},
        "differences": _records(contrasts.frame()) if contrasts else [],
    }
    shown: list[RenderableType | str] = [*sentences, _means_table(summary.means, summary.target)]
    if groups:
        shown.append(_groups_table(groups, by))
    print_result(record, as_json, *shown)


def _require_options(by: str, beside: str, only_beside: Mapping[str, str]) -> None:
    """Check that no option is given that the others leave unused."""
    check(
        not (by and beside),
        "Options `--by` and `--beside` cannot be combined: a model is compared on all clips together. Leave one out.",
    )
    unused = [option for option, value in only_beside.items() if value]
    check(
        bool(beside) or not unused,
        f"Option {listed(unused)} needs `--beside MODEL`. Add it, or leave the option out.",
    )


def _print_beside(people: Study, model: Study, choices: Choices, as_json: bool) -> None:
    """Print how a model compares with people."""
    from qfusion.plugins.people.beside import crowd_comparison
    from qfusion.plugins.people.beside.words import describe_comparison_with_crowd

    result = crowd_comparison.compare_with_crowd(people, model, choices)
    sentences = describe_comparison_with_crowd(result, people.name, model.name)
    compared = result.result
    alone = {"model": compared.only_model, "people": compared.only_people}
    matched = {name: list(group) for name, group in result.clips.groups.items()}
    joint_alone = {name: _records(result.clip_frame(rows)) for name, rows in alone.items()}
    record: dict[str, Any] = {
        "people": people.name,
        "model": model.name,
        "clips": len(result.ids),
        "scale": result.scale,
        "matched": matched,
        "says": sentences,
        "agreement": _records(compared.category_frame()),
        "terms": _records(compared.term_frame()),
        "fusing": _records(compared.fusion_frame()),
        "order": vars(compared.order),
        "joint_alone": joint_alone,
    }
    aspects = []
    for row in compared.category_frame().to_dict("records"):
        rate = _number(row["rate"], ".1%")
        kappa = _number(row["kappa"], "+.2f")
        ends = _ends(row["kappa:low"], row["kappa:high"], "+.2f")
        halves = _number(row["halves"], "+.2f")
        aspects.append([row["aspect"], rate, kappa, ends, halves])
    contributions = []
    for row in compared.term_frame().to_dict("records"):
        rank = _number(row["rank"], "+.2f")
        ends = _ends(row["rank:low"], row["rank:high"], "+.2f")
        sign = _number(row["sign"], ".1%")
        halves = _number(row["halves"], "+.2f")
        contributions.append([row["term"], rank, ends, sign, halves])
    shown: list[RenderableType | str] = [
        *sentences,
        table(
            ["Aspect", "Alike", "κ", "95% CI", "κ of two halves of the raters"],
            aspects,
            "Agreement of people and model",
        ),
        table(
            ["Contribution", "ρ", "95% CI", "Same sign", "ρ of two halves of the raters"],
            contributions,
            f"Contributions over clips: shares of votes beside {result.scale}",
        ),
    ]
    for name, rows in alone.items():
        if len(rows):
            shown.append(_clips_table(result, name, rows))
    print_result(record, as_json, *shown)


def _number(value: float, spec: str) -> str:
    """Return a number of a table, a dash where it does not exist."""
    return format(value, spec) if math.isfinite(value) else "–"


def _ends(low: float, high: float, spec: str) -> str:
    """Return the ends of an interval, which does not exist where clips or groups of clips are too few."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return "too few"
    return f"{low:{spec}} to {high:{spec}}"


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(row) for row in frame.to_dict("records")]


def _clips_table(result: CrowdAndModel, who: str, rows: np.ndarray) -> RenderableType:
    frame = result.clip_frame(rows[:MAX_CLIPS])
    unit = frame.columns[-1].partition("(")[2].removesuffix(")")
    clips = []
    for _, row in frame.iterrows():
        of_people = f"{row.iloc[2] or 'tie'}, {row.iloc[4]}"
        of_model = f"{row.iloc[3]}, {row.iloc[5]}"
        votes = f"{row.iloc[8]:+.2f} ± {row.iloc[9]:.2f}"
        joint = f"{row.iloc[10]:+.2f}"
        clips.append([row.iloc[0], row.iloc[1], of_people, of_model, votes, joint])
    headings = [
        "Clip",
        result.target,
        "People",
        "Model",
        "People's joint terms (votes)",
        f"Model's ({unit})",
    ]
    side = "the model" if who == "model" else who
    title = f"Clips whose verdict is joint for {side} alone: {len(frame)} of {len(rows):,}"
    return table(headings, clips, title)


def _means_table(means: Any, target: str) -> RenderableType:
    rows = []
    for row in means.frame().to_dict("records"):
        rows.append(
            [
                row["quantity"],
                row["coalition"],
                _number(row["mean"], "+.3f"),
                _ends(row["raters low"], row["raters high"], "+.3f"),
                _ends(row["groups low"], row["groups high"], "+.3f"),
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
                f"{means.contributions[name].value:+.3f} "
                f"({_ends(means.contributions[name].groups.low, means.contributions[name].groups.high, '+.3f')})"
                for name in names
            ),
        ]
        for value, means in groups.items()
    ]
    return table([by, "Clips", *names], rows, f"Contributions, with 95% CI over {first.grouping}")
