"""`cut`: scores and contributions after the correlations of a modality are removed at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import RenderableType

import qfusion
from qfusion._lazy import Library
from qfusion.commands.common import Data, Model, Output, open_model
from qfusion.commands.printing import Json, number, print_result, table

state_cuts: Any = Library("qfusion.plugins.why.cuts.state_cuts")


def cut(
    model: Model,
    sample: Annotated[str, typer.Option("--sample", metavar="ID", help="Id of the sample.")],
    modalities: Annotated[
        list[str] | None,
        typer.Option(
            "--modality",
            metavar="MODALITY",
            help="The modality whose correlations are removed; may be given several times. Default: each in turn.",
        ),
    ] = None,
    times: Annotated[
        int,
        typer.Option("--times", min=2, max=1001, help="How many times, evenly from 0 to the end."),
    ] = 21,
    output: Output = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Remove the correlations of a modality with the others at a time, evolve on and read the decision on a sample."""
    opened = open_model(model, data)
    chosen = qfusion.study.sample.parse(output or "", opened.classes)
    explained_model = chosen.explained_model(opened.explained_model)
    rows = [opened.dataset.row(sample)]
    features = qfusion.training.encodings.encoded_inputs(opened.trained.model, opened.dataset, rows)
    explanation = qfusion.explain.explain(explained_model, features, opened.background)
    index = int(chosen.numbers(explanation)[0])
    record = cut_record(explained_model, features, opened.background, modalities, times, index)
    quantity = record["output"]
    if opened.classes:
        quantity = f"log-odds of {quantity}"
    print_result(
        {"model": model, "data": opened.dataset.name, "sample": sample} | record,
        as_json,
        *cut_tables(record, quantity),
    )


def cut_record(
    model: qfusion.models.FusionModel,
    features: Mapping[str, Any],
    background: qfusion.explain.Background,
    modalities: Sequence[str] | None,
    times: int,
    output: int,
) -> dict[str, Any]:
    """Return the scores, changes and dividends of one sample after a cut, by modality and kind of cut.

    Args:
        modalities: names of the modalities to cut; None for every one.
        times: number of times, evenly from 0 to the end.
        output: number of the output whose dividends are returned.
    """
    duration = float(getattr(model, "duration", 0.0))
    cuts = state_cuts.cut_correlations(
        model,
        features,
        np.linspace(0.0, duration, times),
        modalities=modalities,
        kinds=tuple(state_cuts.KINDS),
        background=background,
    )
    assert cuts.dividends_before is not None  # since a background is given
    undisturbed = cuts.dividends_before[0, :, output]
    by_modality = {}
    for m, modality in enumerate(cuts.modalities):
        by_modality[modality] = {
            kind: _curves_after_cut(cuts, k, m, output) for k, kind in enumerate(cuts.kinds)
        }
    return {
        "times": cuts.times,
        "background": "mean state of every modality",
        "output": cuts.outputs[output],
        "undisturbed": {
            "scores": dict(zip(cuts.outputs, cuts.before[0], strict=True)),
            "dividends": dict(zip(cuts.coalitions, undisturbed, strict=True)),
        },
        "modalities": by_modality,
    }


def _curves_after_cut(cuts: Any, k: int, m: int, output: int) -> dict[str, dict[str, np.ndarray]]:
    """Return the curves over time after the cut of kind `k` of modality `m`, by output and by coalition."""
    scores = cuts.scores[k, m, :, 0].T
    changes = cuts.changes[k, m, :, 0].T
    dividends = cuts.dividends[k, m, :, 0, :, output].T
    return {
        "scores": dict(zip(cuts.outputs, scores, strict=True)),
        "changes": dict(zip(cuts.outputs, changes, strict=True)),
        "dividends": dict(zip(cuts.coalitions, dividends, strict=True)),
    }


def cut_tables(result: Mapping[str, Any], quantity: str) -> list[RenderableType]:
    """Return a table for each modality, with the explained output after the cut at each time.

    Args:
        quantity: name of the explained output, for the titles.
    """
    return [
        _cut_table(result, modality, kinds, quantity)
        for modality, kinds in result["modalities"].items()
    ]


def _cut_table(
    result: Mapping[str, Any], modality: str, kinds: Mapping[str, Any], quantity: str
) -> RenderableType:
    output = result["output"]
    columns = ["t"]
    for kind in kinds:
        columns.append("held until t" if kind == "held" else f"{kind} at t")
    rows = []
    for i, t in enumerate(result["times"]):
        scores = [number(kind["scores"][output][i]) for kind in kinds.values()]
        rows.append([number(t), *scores])
    undisturbed = number(result["undisturbed"]["scores"][output])
    return table(
        columns,
        rows,
        f"{quantity} after the correlations of {modality} are taken away, undisturbed {undisturbed}",
    )
