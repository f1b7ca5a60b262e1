"""`export` and `track`: write a trained model, one sample of it, or its evolution, for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

import qfusion
from qfusion._checks import check, choose
from qfusion._files import write_file
from qfusion.commands.common import Data, Model, inputs, load
from qfusion.commands.printing import Json, print_remark, print_result, table_path, write_table


def export(
    model: Model,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="FILE",
            help="What to write; of a checkpoint the card, or a .zip with card and weights.",
        ),
    ],
    kind: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="checkpoint, qutip, openqasm3, openqasm2, quantikz, numpy, or a format of a plugin, such as torch.",
        ),
    ],
    data: Data = None,
    sample: Annotated[
        str | None,
        typer.Option(
            "--sample",
            metavar="ID",
            help="Id of the sample, for qutip, openqasm, quantikz and numpy.",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="What to change in the model: H.text-audio=0.5, D.text=2 or T=1.2 of a quantum-jump model; "
            "2.011=1.57, 3:and or all:or of an entangled-qcnn. May be given several times.",
        ),
    ] = None,
    precision: Annotated[
        str, typer.Option(help="Of the numbers in a format of a plugin: double or single.")
    ] = "double",
    centred: Annotated[
        bool,
        typer.Option(
            "--centred",
            help="Subtract what all classes share from the scores of a classifier; probabilities stay as they are.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a model, as trained or tweaked, as a checkpoint, QuTiP objects, OpenQASM, NumPy arrays, or a format of a
    plugin."""
    formats = qfusion.model_export
    wanted = formats.FORMATS[choose("Format", kind, formats.FORMATS)]
    choose("Precision", precision, formats.PRECISIONS)
    check(
        bool(wanted.write) or precision == "double",
        f"Argument `--precision` does not fit format '{kind}', which is written in double precision. Leave it out.",
    )
    endings = (".json", ".zip") if kind == "checkpoint" else (wanted.ending,)
    check(
        out.suffix.lower() in endings,
        f"Argument `--out` must end in {' or '.join(endings)} for format {kind}, but is {out.name!r}.",
    )
    check(
        wanted.of_sample or sample is None,
        f"Format '{kind}' is of the model, not of one sample. Leave `--sample` out.",
    )
    trained, dataset = load(model, data)
    tweak = ",".join(set_ or [])
    reason = formats.unsupported_reason(kind, trained)
    check(not reason, reason)
    if kind == "checkpoint" and out.suffix.lower() == ".json":
        formats.save_checkpoint(out, trained, tweak, dataset, centred)
    else:
        write_file(
            out,
            formats.file_bytes(
                kind,
                trained,
                dataset,
                tweak=tweak,
                sample=sample or "",
                model_name=out.stem if kind == "checkpoint" else "",
                precision=precision,
                centred=centred,
            ),
        )
    print_result(
        {
            "model": model,
            "data": dataset.name,
            "format": kind,
            "sample": sample,
            "tweak": tweak,
            "centred": centred,
            "out": str(out),
        },
        as_json,
    )
    print_remark(
        f"{wanted.title} of {model}{f', tweaked by {tweak}' if tweak else ''} written to {out}"
    )


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
