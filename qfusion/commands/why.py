"""`why`: does fusion matter, for the data and for the model, and which piece of it?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType

import qfusion
from qfusion._checks import check
from qfusion.commands.common import Data, Json, Model, load, number, print_result, table

if TYPE_CHECKING:
    from qfusion.analysis.study import Study


# `why --data`: whether the data need fusion.


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
            + [[kind, "", _interval(tested[kind])] for kind in ("late - single", "joint - late")],
            "Small models on held-out rows",
        ),
        *result["notes"],
    )


def _interval(part: Mapping[str, Any]) -> str:
    return f"{part['value']:+.2f} [{part['low']:+.2f}, {part['high']:+.2f}]"


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


# Which piece does it?

Shown = tuple[dict[str, Any], list[str | RenderableType]]


def patch(study: Study, sample: str, donor: str) -> Shown:
    """Returns the scores of a sample with each modality's state at each time from another one."""
    from qfusion.analysis import why as analysis
    from qfusion.explain import patching

    result = analysis.patches_of(study, study.dataset.row(sample), donor)
    shown = {
        "sample": sample,
        "donor": donor,
        "scores": dict(zip(result.outputs, result.before[0], strict=True)),
        "donor_scores": dict(zip(result.outputs, result.donor[0], strict=True)),
        "patches": result.frame().to_dict("records"),
    }
    rows = [
        [number(t, 2), *map(number, shares)]
        for t, shares in zip(result.times, result.restored[0, :, :, 0].T, strict=True)
    ]
    title = f"Share of the difference restored by the state at t from {donor}"
    return shown, [
        patching.answer(result, donor=donor),
        table(["t", *result.modalities], rows, title),
    ]


def gate_groups(study: Study, sample: str, shots: int) -> Shown:
    """Returns the Shapley values of the network's gate groups for one sample and for the loss."""
    from qfusion.analysis import why as analysis
    from qfusion.explain import gate_groups as method

    row = study.dataset.row(sample)
    result = analysis.gate_groups_of(study, row, int(study.predicted[row]), shots)
    frame = result.frame()
    shown = {
        "sample": sample,
        "output": result.output,
        "shots": shots,
        "rows": result.rows,
        "empty": result.empty,
        "whole": result.whole,
        "groups": frame.to_dict("records"),
    }
    titles = [
        f"{target.capitalize()}: {method.answer(result, target)}" for target in result.shapley
    ]
    cells = [[row[0], *map(number, row[1:])] for row in frame.itertuples(index=False)]
    return shown, [*titles, table(list(frame.columns), cells)]


def smallest(study: Study, retrain: int, name: str, keep: str) -> Shown:
    """Returns the generator with fewer and fewer terms, and puts the smallest one among the reader's models.

    Args:
        retrain: epochs to train every set on for; 0 does not. name: of the model. keep: what the smallest is
            called among the reader's own; "" puts none there.
    """
    from qfusion import model_export
    from qfusion.analysis import why as analysis
    from qfusion.explain import smallest as method
    from qfusion.training import checkpoint

    result = analysis.pruning_of(study)
    tweak = result.tweak(result.size)
    shown: dict[str, Any] = {
        "metric": result.metric,
        "size": result.size,
        "of": len(result.terms),
        "left": list(result.left(result.size)),
        "tweak": str(tweak),
        "curve": result.frame().to_dict("records"),
    }
    words: list[str | RenderableType] = [method.answer(result)]
    source, change = load(name, study.dataset.name)[0], str(tweak)
    if retrain:
        values, trained = method.retrained_sets(study.model, study.dataset, result, retrain)
        source, change = checkpoint.of(trained, study.dataset, name=keep or name), ""
        shown["retrained"] = values
        line = ", ".join(f"{k}: {value:.3f}" for k, value in enumerate(values))
        words.append(f"{result.metric} by terms left, trained on for {retrain} epochs: {line}")
    if keep:
        shown["model"] = str(model_export.keep(source, change, study.dataset, keep))
        words.append(f"Written: {shown['model']}")
    rows = [
        [int(row[0]), row[1], *map(number, row[2:])]
        for row in result.frame().itertuples(index=False)
    ]
    return shown, [*words, table(list(result.frame().columns), rows)]


def why(
    model: Model = "",
    data: Data = None,
    patching: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--patch",
            metavar="SAMPLE SAMPLE",
            help="Put each modality's state of the second sample into the first one's evolution, at every time.",
        ),
    ] = None,
    groups: Annotated[
        str | None,
        typer.Option(
            "--groups", metavar="SAMPLE", help="Shapley values of the network's gate groups."
        ),
    ] = None,
    shots: Annotated[
        int, typer.Option(min=1, help="With --groups: shots of every coalition, for their error.")
    ] = 1000,
    prune: Annotated[
        bool,
        typer.Option("--smallest", help="Take the terms of the generator out, one after another."),
    ] = False,
    retrain: Annotated[
        int,
        typer.Option(min=0, help="With --smallest: train every set on for at most so many epochs."),
    ] = 0,
    keep: Annotated[
        str, typer.Option(metavar="NAME", help="With --smallest: put it among your models.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Say whether fusion matters, for the data alone (--data) or for a model (--model), and which piece of a model does
    it: a modality's state, a group of gates, a term of the generator."""
    from qfusion.analysis.sample import open_study

    check(
        prune or not (retrain or keep),
        "Arguments `--retrain` and `--keep` are about the smallest generator. Add --smallest.",
    )
    pieces = bool(patching or groups or prune)
    check(
        bool(model) or (data is not None and not pieces),
        "Nothing is asked. Give --data NAME, or --model MODEL and, of a piece of it, --patch SAMPLE SAMPLE, --groups "
        "SAMPLE or --smallest.",
    )
    if not model:
        needs(str(data), as_json)
        return
    if not pieces:
        of_model(model, data, as_json)
        return
    study, result, lines = open_study(model, data), {}, list[str | RenderableType]()
    for name, shown in (
        ("patch", patch(study, *patching) if patching else None),
        ("groups", gate_groups(study, groups, shots) if groups else None),
        ("smallest", smallest(study, retrain, model, keep) if prune else None),
    ):
        if shown is not None:
            result[name] = shown[0]
            lines += shown[1]
    print_result(result, as_json, *lines)
