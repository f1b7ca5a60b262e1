"""`track`: follow the state of one sample through the evolution."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

import qfusion
from qfusion.commands.common import Data, Model, inputs, load
from qfusion.commands.printing import Json, print_result
from qfusion.commands.table_files import table_path, write_table


def track(
    model: Model,
    sample: Annotated[str, typer.Option("--sample", metavar="ID", help="Id of the sample.")],
    out: Annotated[Path, typer.Option(help="The table to write (.csv or .parquet), a row a time.")],
    times: Annotated[
        int, typer.Option(min=2, max=10_001, help="How many times, evenly from 0 to the end.")
    ] = 101,
    trajectories: Annotated[
        int,
        typer.Option(
            min=0,
            max=10_000,
            help="Sample so many quantum-jump trajectories too, by the canonical jump operators.",
        ),
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the trajectories.")] = 0,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Follow a sample's state through the evolution with QuTiP: entropies, negativity, purity over time."""
    table_path(out)
    trained, dataset = load(model, data)
    physics = trained.model.require(qfusion.models.Evolution, "to track", f"Model '{model}'")
    system = physics.system()
    psi = physics.product_state(physics.encode(inputs(dataset, dataset.row(sample))))[0].detach()
    tracked = qfusion.simulate.track(
        system, psi, np.linspace(0, system.duration, times), trajectories=trajectories, seed=seed
    )
    write_table([qfusion.simulate.to_frame(tracked).assign(**_trajectory_columns(tracked))], out)
    jumps = []
    for run in tracked.trajectories:
        pairs = zip(run.jump_times, run.jump_operators, strict=True)
        jumps.append([{"t": t, "jump": k} for t, k in pairs])
    record = {
        "model": model,
        "data": dataset.name,
        "sample": sample,
        "times": times,
        "out": str(out),
        "trajectories": jumps,
    }
    print_result(record, as_json)


def _trajectory_columns(tracked: qfusion.simulate.Track) -> dict[str, Any]:
    """Return the mean over trajectories of each of their measures, with its standard error from two of them on."""
    runs, mean = tracked.trajectories, tracked.ensemble
    if mean is None:
        return (
            {f"trajectories:{name}": values for name, values in runs[0].measures.columns().items()}
            if runs
            else {}
        )
    return {
        f"trajectories:{name}{end}": values
        for end, measures in (("", mean.measures), (":error", mean.measures_error))
        for name, values in measures.columns().items()
    }
