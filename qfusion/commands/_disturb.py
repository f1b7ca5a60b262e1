"""The options of `evaluate` and `explain` that take a modality away or corrupt it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from qfusion._checks import check

if TYPE_CHECKING:
    from qfusion.explain.interventions import Disturbance

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


def disturbance(
    modalities: Sequence[str],
    missing: list[str] | None,
    swap: list[str] | None,
    noise: list[str] | None,
    seed: int,
) -> Disturbance:
    """Returns what the options ask for.

    Raises:
        NotFound, InvalidInput: when a modality does not exist, or a level is no number.
    """
    from qfusion.explain.interventions import Disturbance

    levels = {}
    for word in noise or []:
        name, _, text = word.rpartition("=")
        try:
            level = float(text)
        except ValueError:
            level = math.nan
        check(
            bool(name) and math.isfinite(level),
            f"Argument `--noise` must have the form MODALITY=LEVEL, but is {word[:80]!r}. Write --noise "
            f"{modalities[0]}=0.5, say.",
        )
        check(
            name not in levels,
            f"Argument `--noise` names {name[:80]!r} twice. Give one level for each modality.",
        )
        levels[name] = level
    asked = Disturbance(
        tuple(dict.fromkeys(missing or [])),
        swapped=tuple(dict.fromkeys(swap or [])),
        noise=levels,
        seed=seed,
    )
    asked.validate(modalities)
    return asked
