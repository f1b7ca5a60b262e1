"""Options that several commands take, and the trained model, the data set and the background that these name.

Processes and workers share the rows of an opened model."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

import qfusion
from qfusion import _user_folders
from qfusion._checks import check, choose, read_pairs, require_number
from qfusion._memory_cache import memo
from qfusion.commands.printing import print_remark

OTHER_VERSION = (
    "model {model} was trained on another version of data set {data} ({trained_on:.12}, here {here:.12}): figures may "
    "differ."
)

MISSING = "without {name}"
MEAN = "{name} at its training mean"
SWAPPED = "{name} of another sample"
NOISE = "noise of {level:g} standard deviations on {name}"
UNDISTURBED = "as recorded"

if TYPE_CHECKING:
    import numpy as np


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
    trained, dataset = qfusion.study.opening.load_model_and_data(model, data)
    if qfusion.study.opening.is_other_version(trained, dataset):
        warning = describe_other_version(trained, dataset)
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
        qfusion.runs.folder.check_free(name)
        qfusion.training.checkpoint.load(card)
        check(
            os.pathsep not in str(card.absolute()),
            f"Argument `--model` must name a folder whose path is without '{os.pathsep}', but is {place}. Rename it.",
        )
        os.environ[_user_folders.OPENED] = os.pathsep.join(
            [*map(str, _user_folders.opened_places()), str(card.absolute())]
        )


DEFAULT_BACKGROUND = "product"  # of explain.backgrounds, which is not loaded here
Kind = Annotated[
    str,
    typer.Option(
        "--background",
        metavar="KIND",
        help="What absent modalities are replaced by: product (training samples, each modality on "
        "its own), joint (training samples as they occur), mixed or zero.",
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


def check_background(background: str, contrast: str | None) -> None:
    """Raise NotFound or InvalidInput if there is no such background, or if one is given together with a contrast."""
    choose("Background", background, ("product", "joint", "mixed", "zero"))
    check(
        contrast is None or background == DEFAULT_BACKGROUND,
        "Give either `--contrast ID` or `--background KIND`: a contrast is a background.",
    )


Missing = Annotated[
    list[str] | None,
    typer.Option(
        "--missing", metavar="MODALITY", help="Leave a modality out; may be given several times."
    ),
]
Swap = Annotated[
    list[str] | None,
    typer.Option(
        "--swap",
        metavar="MODALITY",
        help="Take a modality from another sample of the split; may be given several times.",
    ),
]
Noise = Annotated[
    list[str] | None,
    typer.Option(
        "--noise",
        metavar="MODALITY=LEVEL",
        help="Add Gaussian noise, in standard deviations of each feature; may be given several "
        "times.",
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of noise and swaps.")]


def parse_disturbance(
    modalities: Sequence[str],
    missing: list[str] | None,
    swap: list[str] | None,
    noise: list[str] | None,
    seed: int,
) -> qfusion.explain.disturbances.Disturbance:
    """Return the disturbance that the options specify.

    Raises:
        NotFound, InvalidInput: when a modality does not exist, or a level is no number.
    """
    levels = read_pairs(
        noise or [], "Argument `--noise`", "MODALITY=LEVEL", f"--noise {modalities[0]}=0.5"
    )
    strengths = {}
    for name, level in levels.items():
        strengths[name] = require_number(
            f"noise[{name}]", level, 0.0, qfusion.explain.disturbances.MAX_NOISE
        )
    wanted = qfusion.explain.disturbances.Disturbance(
        tuple(dict.fromkeys(missing or [])),
        swapped=tuple(dict.fromkeys(swap or [])),
        noise=strengths,
        seed=seed,
    )
    wanted.validate(modalities)
    return wanted


def open_model(
    model: str,
    data: str | None,
    method: str = "auto",
    background: str = DEFAULT_BACKGROUND,
    contrast: str | None = None,
    group: qfusion.training.batches.Group | None = None,
    digests: str = "",
) -> OpenedModel:
    """Return a trained model on its data, as the options of commands name them.

    Args:
        method: how the evolution is computed, see `models.jump.time_model.METHODS`.
        digests: the digests that model and data must have; not checked if empty.

    Raises:
        NotFound, InvalidInput: see `load`; also when the model has no evolution in time, or when the digests differ.
    """
    trained, dataset = load(model, data)
    if method != "auto":
        evolving = trained.model.require(
            qfusion.models.Evolution, "whose method could be chosen", "Option `--method`: the model"
        )
        trained = replace(trained, model=evolving.with_method(method))
    arguments = (_absolute_place(model), _absolute_place(data), method, background, contrast)
    result = OpenedModel(trained, dataset, arguments, group or qfusion.training.batches.ALONE)
    check(
        digests in ("", result.digests),
        f"Model or data of that name are others there: their digests are {result.digests}, not {digests}.",
    )
    return result


@dataclass(frozen=True)
class OpenedModel:
    """A trained model on a data set against a background.

    Attributes:
        arguments: the arguments of `open_model` by which a worker opens the same.
        group: the processes that share the rows.
    """

    trained: qfusion.training.checkpoint.Checkpoint
    dataset: qfusion.data.DataSet
    arguments: tuple[Any, ...]
    group: qfusion.training.batches.Group

    @cached_property
    def explained_model(self) -> qfusion.models.FusionModel:
        """Model whose scores are explained. The scores of a classifier become log-odds."""
        return cast(
            "qfusion.models.FusionModel",
            qfusion.study.opening.explained_model(self.trained.model, self.dataset),
        )

    @cached_property
    def background(self) -> qfusion.explain.Background:
        """The values that replace absent modalities: of training rows, or of one other sample."""
        model, dataset = self.trained.model, self.dataset
        *_, kind, contrast = self.arguments
        if contrast is None:
            return qfusion.explain.backgrounds.make_background(
                model, dataset, dataset.rows(self.training_split), kind, group=self.group
            )
        return qfusion.explain.background(
            model, inputs(dataset, [dataset.row(contrast)]), "contrast", label=contrast
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes; empty for a regression."""
        target = self.dataset.target
        return target.classes if target.kind == "classification" else ()

    @property
    def training_split(self) -> str:
        """The split that the model was trained on."""
        return qfusion.training.checkpoint_cards.training_split(self.trained.card)

    @property
    def digests(self) -> str:
        """Digests that distinguish model and data from others of the same names."""
        return f"{self.trained.card['weights_sha256'][:12]} and {self.dataset.digest[:12]}"

    def split_rows(self, rows: np.ndarray) -> np.ndarray:
        """Return all rows of the split that `rows` belong to; modalities are swapped among these."""
        return self.dataset.rows(str(self.dataset.split[rows[0]]))

    def map_chunks(self, work: Any, rows: np.ndarray, client: Any) -> Iterator[tuple[int, Any]]:
        """Yield number and result of each chunk of rows, in their order.

        One process computes its own chunks, a cluster computes all of them.

        Args:
            work: function of this object and of the rows of a chunk. For a cluster it must be a function of a module,
                possibly with bound arguments.
            client: see `runs.cluster.connect`.
        """
        parts = qfusion.explain.backgrounds.chunks(rows, self.group)
        if client is None:
            return ((place, work(self, part)) for place, part in parts)
        return qfusion.runs.cluster.map_parts(
            client,
            _run_on_worker,
            ((work, self.digests, self.arguments, part) for _, part in parts),
        )


def _absolute_place(name: str | None) -> str | None:
    """Return the absolute path of a file or of a trained model's folder, and any other name unchanged."""
    path = Path(name or "")
    is_place = path.is_file() or (path / qfusion.training.checkpoint_cards.CARD).is_file()
    return str(path.absolute()) if is_place else name


def _run_on_worker(work: Any, digests: str, arguments: Any, rows: Any) -> Any:
    return work(_open_once(digests, *arguments), rows)


@memo(1)
def _open_once(digests: str, *arguments: Any) -> OpenedModel:
    """Return the model that a worker keeps open between chunks of rows."""
    model, data, method, background, contrast = arguments
    return open_model(model, data, method, background, contrast, digests=digests)


def describe_disturbance(disturbance: qfusion.explain.disturbances.Disturbance) -> str:
    """Return a description of a disturbance: `"without audio, noise of 0.5 standard deviations on text"`."""
    parts = [
        *(MISSING.format(name=name) for name in disturbance.missing),
        *(MEAN.format(name=name) for name in disturbance.mean),
        *(SWAPPED.format(name=name) for name in disturbance.swapped),
        *(NOISE.format(name=name, level=level) for name, level in disturbance.noise.items()),
    ]
    return ", ".join(parts) or UNDISTURBED


def describe_other_version(
    trained: qfusion.training.checkpoint.Checkpoint, dataset: qfusion.data.DataSet
) -> str:
    """Return the warning about a data set whose digest is not the one that a model was trained on."""
    return OTHER_VERSION.format(
        model=qfusion.study.opening.model_name(trained),
        data=dataset.name,
        trained_on=trained.card["data"]["digest"],
        here=dataset.digest,
    )
