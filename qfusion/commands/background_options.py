"""Options that choose the background, which replaces absent modalities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qfusion._checks import check, choose

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
