"""`export`: a trained model, tweaked or not, for use elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qfusion._checks import check, choose
from qfusion._files import atomic
from qfusion.commands._load import Data, Model, load
from qfusion.commands._output import Json, print_json, say

SETTINGS_HELP = (
    "What to change in the model: H.text-audio=0.5, D.text=2 or T=1.2 of a quantum-jump model; 2.011=1.57, 3:and or "
    "all:or of an entangled-qcnn. May be given several times."
)


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
            help="checkpoint, torch, qutip, openqasm3, openqasm2, quantikz or numpy.",
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
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help=SETTINGS_HELP)
    ] = None,
    precision: Annotated[
        str, typer.Option(help="Of a torch program: double or single.")
    ] = "double",
    as_json: Json = False,
) -> None:
    """Write a model, as trained or tweaked, as a checkpoint, a program of torch, QuTiP objects, OpenQASM or NumPy
    arrays."""
    from qfusion import model_export
    from qfusion.model_export import program, weights

    wanted = model_export.FORMATS[choose("Format", kind, model_export.FORMATS)]
    choose("Precision", precision, program.PRECISIONS)
    endings = (".json", ".zip") if kind == "checkpoint" else (wanted.ending,)
    check(
        out.suffix.lower() in endings,
        f"Argument `--out` must end in {' or '.join(endings)} for format {kind}, but is {out.name!r}.",
    )
    check(
        wanted.of_sample or sample is None,
        f"Format '{kind}' is of the model, not of one sample. Leave `--sample` out.",
    )
    found, dataset = load(model, data)
    tweak = ",".join(set_ or [])
    if kind == "checkpoint" and out.suffix.lower() == ".json":
        weights.save(out, found, tweak, dataset)
    else:
        content = model_export.make(
            kind,
            found,
            dataset,
            tweak=tweak,
            sample=sample or "",
            model_name=out.stem if kind == "checkpoint" else "",
            precision=precision,
        )
        with atomic(out) as part:
            part.write_bytes(content)
    if as_json:
        print_json(
            {
                "model": model,
                "data": dataset.name,
                "format": kind,
                "sample": sample,
                "tweak": tweak,
                "out": str(out),
            }
        )
        return
    say(f"{wanted.title} of {model}{f', tweaked by {tweak}' if tweak else ''} written to {out}")
