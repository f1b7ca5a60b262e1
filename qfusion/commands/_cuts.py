"""The options of `explain` that take the correlations of a modality away at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from qfusion._checks import check
from qfusion.commands._output import number, print_table

if TYPE_CHECKING:
    from qfusion.explain import AnyBackground
    from qfusion.models import FusionModel

MAX_TIMES = 1001
ALL = "all"
Cut = Annotated[
    list[str] | None,
    typer.Option(
        "--cut",
        metavar="MODALITY",
        help="Take the correlations of this modality away at a time, "
        "evolve on and read; may be given several times, or "
        "all.",
    ),
]
Times = Annotated[
    int | None,
    typer.Option(
        "--times", help="With --cut: how many times, evenly from 0 to the end; 21 unless given."
    ),
]


def require(
    cut: list[str] | None, times: int | None, sample: str | None, missing: list[str] | None
) -> None:
    """Raises InvalidInput where the options do not fit each other."""
    check(
        times is None or bool(cut),
        "Argument `--times` says at how many times to cut. Give --cut MODALITY too, or leave it out.",
    )
    check(
        times is None or 2 <= times <= MAX_TIMES,
        f"Argument `--times` must lie between 2 and {MAX_TIMES}, but is {times}. Give a number in that range.",
    )
    check(
        not cut or sample is not None,
        "Argument `--cut` follows one sample, but none is given. Add --sample ID.",
    )
    check(
        not cut or not missing,
        "Arguments `--cut` and `--missing` cannot be combined: a modality that is left out has no state to cut. Give "
        "one of them.",
    )


def curves(
    model: FusionModel,
    features: Mapping[str, Any],
    behind: AnyBackground,
    cut: Sequence[str],
    times: int | None,
    output: int,
) -> dict[str, Any]:
    """Returns times, undisturbed scores and dividends, and by modality and kind the scores, changes and dividends after
    the cut."""
    from qfusion.explain import cuts as method

    moments = np.linspace(0.0, float(getattr(model, "duration", 0.0)), times or method.TIMES)
    found = method.cuts(
        model,
        features,
        moments,
        modalities=None if ALL in cut else cut,
        kinds=tuple(method.KINDS),
        background=behind,
    )
    names, after, before = found.outputs, found.dividends, found.dividends_before
    assert after is not None
    assert before is not None

    def one(k: int, m: int) -> dict[str, Any]:
        return {
            "scores": dict(zip(names, found.scores[k, m, :, 0].T, strict=True)),
            "changes": dict(zip(names, found.changes[k, m, :, 0].T, strict=True)),
            "dividends": dict(zip(found.coalitions, after[k, m, :, 0, :, output].T, strict=True)),
        }

    return {
        "times": found.times,
        "background": "mean state of every modality",
        "output": names[output],
        "undisturbed": {
            "scores": dict(zip(names, found.before[0], strict=True)),
            "dividends": dict(zip(found.coalitions, before[0, :, output], strict=True)),
        },
        "modalities": {
            name: {kind: one(k, m) for k, kind in enumerate(found.kinds)}
            for m, name in enumerate(found.modalities)
        },
    }


def print_curves(result: Mapping[str, Any]) -> None:
    """Prints the score after each cut, a table a modality and a row a time."""
    output = result["output"]
    for name, kinds in result["modalities"].items():
        rows = [
            [number(t), *(number(found["scores"][output][i]) for found in kinds.values())]
            for i, t in enumerate(result["times"])
        ]
        print_table(
            ["t", *(f"{kind} at t" if kind != "held" else "held until t" for kind in kinds)],
            rows,
            title=f"{output} after the correlations of {name} are taken away, undisturbed "
            f"{number(result['undisturbed']['scores'][output])}",
        )
