"""Options that several commands take, and the trained model and the data set that these name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

import qfusion
from qfusion import _user_folders
from qfusion._checks import check
from qfusion.commands.printing import print_remark

Folders = Annotated[
    list[Path] | None,
    typer.Option(
        "--model",
        metavar="FOLDER",
        help="Open this model too, where it lies: the folder that `train --out` "
        "made, or a card. May be given several times.",
    ),
]

Model = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="MODEL",
        help="A model that `models` lists, or the folder or card of one.",
    ),
]

Output = Annotated[
    str | None,
    typer.Option(
        help="The class that is explained, against all others; A:B explains class A rather than B. "
        "Default: the predicted class."
    ),
]

Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="NAME",
        help="Data set, or path of a .mat or .npz file; the one the model was "
        "trained on by default.",
    ),
]

Address = Annotated[
    str,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="Share the work with the workers of this Dask scheduler, such as tcp://HOST:8786.",
    ),
]

Split = Annotated[str, typer.Option("--split", metavar="SPLIT", help="train, valid or test.")]


def load(
    model: str, data: str | None
) -> tuple[qfusion.training.checkpoint.Checkpoint, qfusion.data.DataSet]:
    """Return a trained model and the data set to use it on, by default the one of its card.

    Raises:
        NotFound: when either does not exist.
        InvalidInput: when the model was trained on a file and `data` does not say which.
    """
    trained, dataset = qfusion.analysis.opening.load_model_and_data(model, data)
    if qfusion.analysis.opening.is_other_version(trained, dataset):
        warning = qfusion.views.words.names.describe_other_version(trained, dataset)
        print_remark(f"qfusion: warning: {warning}")
    return trained, dataset


def inputs(dataset: qfusion.data.DataSet, rows: Any) -> dict[str, Any]:
    """Return the inputs of `rows` in double precision, as trained models are loaded."""
    import torch

    return dataset.inputs(rows, dtype=torch.float64)


def add_models(models: list[Path] | None) -> None:
    """Add models to those that are found by name. Each must be a model, under a name that is free."""
    for place in models or []:
        name, card = qfusion.training.checkpoint_cards.locate_card(place)
        check(
            card.is_file(),
            f"Argument `--model` must name the folder that `train --out` made, or a card, but "
            f"{place} holds no {card.name}. A training that has not ended has no model yet.",
        )
        qfusion.runs.run_names.check_free(name)
        qfusion.training.checkpoint.load(card)
        check(
            os.pathsep not in str(card.absolute()),
            f"Argument `--model` must name a folder whose path is without '{os.pathsep}', but is {place}. Rename it.",
        )
        os.environ[_user_folders.OPENED] = os.pathsep.join(
            [*map(str, _user_folders.opened_places()), str(card.absolute())]
        )
