"""`explain` and `track`: one sample's contributions, and its state through the evolution."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from qfusion._checks import check, choose
from qfusion.commands import _cuts, _physics
from qfusion.commands._disturb import Missing, Noise, Seed, Swap, disturbance
from qfusion.commands._load import (
    Data,
    Model,
    inputs,
    load,
    output_index,
    table_path,
    write_chunks,
    write_table,
)
from qfusion.commands._output import Json, number, print_json, print_table

if TYPE_CHECKING:
    import pandas as pd

    from qfusion.data import DataSet
    from qfusion.explain import AnyBackground, Explanation
    from qfusion.explain.interventions import Disturbance
    from qfusion.explain.verdicts import Doubt
    from qfusion.track import Track
    from qfusion.training.checkpoint import Checkpoint
    from qfusion.training.group import Group

MAX_TIMES = 10_001
MAX_TRAJECTORIES = 10_000
BACKGROUNDS = ("joint", "product", "mixed", "zero")
Sample = Annotated[str | None, typer.Option("--sample", metavar="ID", help="Id of the sample.")]
Kind = Annotated[
    str,
    typer.Option(
        "--background",
        metavar="KIND",
        help="What absent modalities are replaced by: joint, product, mixed or zero.",
    ),
]
Contrast = Annotated[
    str | None,
    typer.Option(
        "--contrast",
        metavar="ID",
        help="Another sample that stands in for absent modalities: why this decision rather "
        "than that one?",
    ),
]


def explain(
    model: Model,
    sample: Sample = None,
    data: Data = None,
    background: Kind = "joint",
    contrast: Contrast = None,
    split: Annotated[
        str | None, typer.Option(help="Explain a whole split; needs --out or --physics.")
    ] = None,
    output: Annotated[
        str | None, typer.Option(help="Which output; the first unless given.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write a table (.csv or .parquet), a row a sample.")
    ] = None,
    missing: Missing = None,
    swap: Swap = None,
    noise: Noise = None,
    seed: Seed = 0,
    cut: _cuts.Cut = None,
    times: _cuts.Times = None,
    physics: _physics.Physics = False,
    as_json: Json = False,
) -> None:
    """Split a decision exactly into what each modality and each combination contributed, against the training set or
    another background."""
    check(
        (sample is None) != (split is None),
        "Give either `--sample ID`, for one sample, or `--split SPLIT` with `--out FILE`, for all of its samples.",
    )
    check(
        split is None or out is not None or physics,
        "Argument `--split` needs a file to write to. Add --out FILE.csv.",
    )
    choose("Background", background, BACKGROUNDS)
    check(
        contrast is None or background == "joint",
        "Give either `--contrast ID` or `--background KIND`: a contrast is a background.",
    )
    _cuts.require(cut, times, sample, missing)
    if out is not None:
        table_path(out)
    from qfusion.explain import stability
    from qfusion.training.group import joined

    with joined("cpu") as (group, _):
        found, dataset = load(model, data)
        rows = dataset.rows(split) if sample is None else np.array([dataset.row(sample)])
        asked = disturbance(dataset.names, missing, swap, noise, seed)
        behind = _background(found, dataset, background, contrast, group)
        work = _Explained(found, dataset, rows, asked, behind, group)
        index = output_index(found.model.outputs, output)
        said: dict[str, Any] = {}
        seeds = stability.measured(model, found.card, dataset)
        if sample is not None:
            explained = next(iter(work))[1]
            said = _sample(explained, dataset, rows[0], index) | {"disturbance": asked.words}
            said["verdict"] = _verdict(
                explained, index, stability.doubt(seeds, dataset, rows, np.full(len(rows), index))
            )
            if cut:
                said["cut"] = _cuts.curves(
                    found.model, _features(found, dataset, rows, asked), behind, cut, times, index
                )
        if physics and group.leads:
            said |= _physics.matrix(
                found.model, _features(found, dataset, rows, asked), behind, index, asked.missing
            )
        about = {
            "model": model,
            "data": dataset.name,
            "split": split,
            "n": len(rows),
            "background": behind.name,
            "background_size": behind.size,
            "output": found.model.outputs[index],
        }
        if out is None and sample is None:
            if group.leads:
                _print_split(about | {"disturbance": asked.words} | said, as_json)
            return
        if out is None:
            _print_sample(said, as_json)
            return
        n = write_chunks(
            (
                (
                    number,
                    _table(
                        explanation,
                        dataset,
                        part,
                        index,
                        stability.doubt(seeds, dataset, part, np.full(len(part), index)),
                    ),
                )
                for (number, explanation), part in zip(work, work.parts, strict=True)
            ),
            out,
            group,
        )
        if sample is not None and group.leads:
            _print_sample(said, as_json)
        elif group.leads:
            _print_split(
                about
                | {"n": n, "seconds": work.seconds, "disturbance": asked.words, "out": str(out)}
                | said,
                as_json,
            )


class _Explained:
    """The explanations of this process's chunks of rows, one after the other, and the seconds that they took: encoding
    the samples, evolving the observables, coalition values, dividends, Shapley values and interactions; not loading,
    nor encoding the background."""

    def __init__(
        self,
        found: Checkpoint,
        dataset: DataSet,
        rows: np.ndarray,
        asked: Disturbance,
        behind: AnyBackground,
        group: Group,
    ):
        from qfusion.explain import backgrounds

        self.found, self.dataset, self.asked, self.behind, self.seconds = (
            found,
            dataset,
            asked,
            behind,
            0.0,
        )
        chunks = list(backgrounds.chunks(rows, group))
        self.places, self.parts = [place for place, _ in chunks], [part for _, part in chunks]

    def __iter__(self) -> Iterator[tuple[int, Explanation]]:
        from qfusion import explain as method
        from qfusion.explain import interventions

        for place, part in zip(self.places, self.parts, strict=True):
            features = _features(self.found, self.dataset, part, self.asked)
            started = time.perf_counter()
            explanation = method.explain(self.found.model, features, self.behind)
            _ = explanation.interaction  # worked out when first asked for
            self.seconds += time.perf_counter() - started
            yield (
                place,
                interventions.without(explanation, self.asked.missing)
                if self.asked.missing
                else explanation,
            )


def _features(found: Checkpoint, dataset: DataSet, rows: Any, asked: Disturbance) -> dict[str, Any]:
    """Inputs of rows of one split, with noise, and with modalities of others of that split."""
    from qfusion.explain import interventions
    from qfusion.training import checkpoint

    pool = dataset.rows(str(dataset.split[rows[0]]))
    return interventions.inputs(
        dataset, rows, asked, checkpoint.training_split(found.card), pool, model=found.model
    )


def _background(
    found: Checkpoint, dataset: DataSet, kind: str, contrast: str | None, group: Group
) -> AnyBackground:
    from qfusion import explain as method
    from qfusion.explain import backgrounds
    from qfusion.training import checkpoint

    if contrast is not None:
        return method.background(
            found.model, inputs(dataset, [dataset.row(contrast)]), "contrast", label=contrast
        )
    return backgrounds.background_of(
        found.model, dataset, dataset.rows(checkpoint.training_split(found.card)), kind, group=group
    )


def _sample(explanation: Explanation, dataset: DataSet, row: int, index: int) -> dict[str, Any]:
    names = explanation.coalitions
    truth = (
        dataset.y[row]
        if dataset.target.kind == "regression"
        else dataset.target.classes[dataset.y[row]]
    )
    return {
        "sample": dataset.ids[row],
        "output": explanation.outputs[index],
        "truth": truth,
        "prediction": explanation.prediction[0, index],
        "baseline": explanation.baseline[index],
        "coalitions": dict(zip(names, explanation.values[0, :, index], strict=True)),
        "dividends": dict(zip(names, explanation.dividends[0, :, index], strict=True)),
        "shapley": dict(zip(explanation.modalities, explanation.shapley[0, :, index], strict=True)),
        "interaction": {
            "+".join(explanation.modalities[m] for m in pair): explanation.interaction[
                0, pair[0], pair[1], index
            ]
            for pair in combinations(range(len(explanation.modalities)), 2)
        },
        "background": explanation.background,
        "background_size": explanation.background_size,
    }


def _verdict(explanation: Explanation, output: int, doubt: Doubt | None) -> dict[str, Any]:
    from qfusion.explain import verdicts

    found = verdicts.verdict(explanation, 0, output, doubt)
    conflict = verdicts.conflict(found)
    return found.record() | {
        "says": [
            f"{verdicts.decided(found)} {verdicts.largest_part(found.dividends)}.",
            f"Did the modalities conflict? {conflict}",
        ]
    }


def _table(
    explanation: Explanation, dataset: DataSet, rows: np.ndarray, output: int, doubt: Doubt | None
) -> pd.DataFrame:
    """A row a sample: its contributions, how its modalities relate, and which of them leads."""
    from qfusion.explain.verdicts import judge

    found = judge(explanation, output, doubt)
    return (
        explanation.frame(dataset.ids[rows].tolist(), output=output)
        .reset_index()
        .assign(relation=found.relation, leader=found.leaders)
    )


def _print_sample(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(result)
        return
    truth = result["truth"] if isinstance(result["truth"], str) else number(result["truth"])
    title = (
        f"{result['sample']}: {result['output']} {number(result['prediction'])}, truth {truth}, "
        f"{result['disturbance']}, against {_against(result)}"
    )
    rows = [
        [
            name or "(none)",
            number(result["coalitions"][name]),
            _signed(value),
            _signed(result["shapley"].get(name)),
        ]
        for name, value in result["dividends"].items()
    ]
    print_table(
        ["Modalities", "Score with these", "Contribution", "Shapley value"], rows, title=title
    )
    for sentence in result["verdict"]["says"]:
        typer.echo(sentence)
    if "cut" in result:
        _cuts.print_curves(result["cut"])
    if "physics" in result:
        _physics.print_matrix(result)


def _print_split(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(result)
    elif "physics" in result:
        _physics.print_matrix(result)


def _against(result: dict[str, Any]) -> str:
    name, size = result["background"], result["background_size"]
    return f"{name} of {size:,} training samples" if name in ("joint", "product") else name


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.3f}"


def track(
    model: Model,
    sample: Annotated[str, typer.Option("--sample", metavar="ID", help="Id of the sample.")],
    out: Annotated[Path, typer.Option(help="The table to write (.csv or .parquet), a row a time.")],
    times: Annotated[int, typer.Option(help="How many times, evenly from 0 to the end.")] = 101,
    trajectories: Annotated[
        int,
        typer.Option(
            help="Sample so many quantum-jump trajectories too, by the canonical jump operators."
        ),
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the trajectories.")] = 0,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Follow a sample's state through the evolution with QuTiP: entropies, negativity, purity over time."""
    check(
        2 <= times <= MAX_TIMES,
        f"Argument `--times` must lie between 2 and {MAX_TIMES}, but is {times}. Give a number in that range.",
    )
    check(
        0 <= trajectories <= MAX_TRAJECTORIES,
        f"Argument `--trajectories` must lie between 0 and {MAX_TRAJECTORIES}, but is {trajectories}. Give a number "
        "in that range.",
    )
    table_path(out)
    found, dataset = load(model, data)
    row = dataset.row(sample)
    from qfusion import track as tracking
    from qfusion.models import require

    physics = require(found.model, "time", "to track", f"Model '{model}'")
    system = physics.system()
    psi = physics.product_state(physics.encode(inputs(dataset, row)))[0].detach()
    tracked = tracking.track(
        system, psi, np.linspace(0, system.duration, times), trajectories=trajectories, seed=seed
    )
    write_table(tracking.to_frame(tracked).assign(**_trajectory_columns(tracked)), out)
    if as_json:
        jumps = [
            [{"t": t, "jump": k} for t, k in zip(run.jump_times, run.jump_operators, strict=True)]
            for run in tracked.trajectories
        ]
        print_json(
            {
                "model": model,
                "data": dataset.name,
                "sample": sample,
                "times": times,
                "out": str(out),
                "trajectories": jumps,
            }
        )


def _trajectory_columns(tracked: Track) -> dict[str, Any]:
    """Returns the mean over trajectories of each of their measures, with its standard error from two of them on."""
    runs, mean = tracked.trajectories, tracked.ensemble
    if mean is None:
        return (
            {f"trajectories:{name}": values for name, values in runs[0].measures.columns().items()}
            if runs
            else {}
        )
    errors = mean.measures_error.columns()
    return {
        f"trajectories:{name}{end}": found
        for name, values in mean.measures.columns().items()
        for end, found in (("", values), (":error", errors[name]))
    }
