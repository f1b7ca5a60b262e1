"""Options of explanations: the background, which replaces absent modalities, and disturbances of the features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

import qfusion
from qfusion._checks import check, choose, read_pairs, require_number

if TYPE_CHECKING:
    pass


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
