"""What physics did it and what each term of it built, for a workspace: targets, cohorts and terms by a page's names for
them. Free of streamlit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from qfusion._checks import choose
from qfusion.analysis.memo import memo
from qfusion.analysis.subject import Workspace
from qfusion.explain import building
from qfusion.explain import sensitivity as method
from qfusion.models import Tweak
from qfusion.models.tweak import LEARNED
from qfusion.quantum.measures import KINDS, split

THIS, ALL, CLASS, REGIME, RELATION = (
    "this sample",
    "all test samples",
    "test samples of its class",
    "test samples of its planted type",
    "test samples of its relation",
)
EVERY = "all terms"
GROUPS: dict[bool, dict[str, tuple[str, ...]]] = {  # by whether the model evolves in time
    True: {
        EVERY: (),
        "dynamics": ("coupling", "dissipation", "duration"),
        "measurement": ("measurement",),
    },
    False: {
        EVERY: (),
        "fusion": ("fusion",),
        "weight of a modality": ("say",),
        "circuit": ("convolution", "pooling"),
        "head": ("head",),
    },
}
LINEAR = ("measurement", "head")
THRESHOLD = 0.01  # of the target's range: removals below are not asked for their sign
Where = Tweak | str  # sliders, or edited truth tables


def cohorts(work: Workspace) -> tuple[str, ...]:
    """Over which samples can be averaged."""
    regime = (REGIME,) if "regime" in work.dataset.table.columns else ()
    return THIS, ALL, *((CLASS,) if work.classes else ()), *regime, RELATION


def rows_of(
    work: Workspace, row: int, cohort: str, frame: Callable[[], pd.DataFrame]
) -> np.ndarray:
    """The rows of a cohort; never empty: a sample outside the test split is added to those like it.

    Args:
        frame: makes the workspace's table, which relations are read from.

    Raises:
        NotFound: when there is no such cohort.
    """
    choose("Samples", cohort, cohorts(work))
    tests, data = work.dataset.rows("test"), work.dataset
    if cohort == THIS:
        return np.array([row])
    if cohort == ALL:
        return tests
    values = (
        data.y
        if cohort == CLASS
        else data.table["regime"].to_numpy()
        if cohort == REGIME
        else frame()["relation"].to_numpy()
    )
    alike = tests[values[tests] == values[row]]
    return alike if row in alike else np.append(alike, row)


def targets(work: Workspace) -> dict[str, str]:
    """Names on the page -> names of `explain.sensitivity`."""
    found: dict[str, str] = {}
    for name in method.target_names(work.model):
        kind, inner = split(name)
        if kind == "entropy":
            words = (
                f"entropy of {inner} at T"
                if work.can("time")
                else f"entropy of fused qubit ‘{work.elements[int(inner)]}’"  # type: ignore[attr-defined]
            )
        else:
            words = {
                "score": "score",
                "dividend": f"contribution of {' + '.join(inner.split('+'))}"
                if inner
                else "baseline",
                "negativity": f"entanglement of {inner} at T",
            }[kind]
        found[words] = name
    return found


def unit(work: Workspace, target: str, output: int) -> str:
    """Axis name of a target."""
    kind, _ = split(target)
    if kind in KINDS:
        return KINDS[kind].short_axis
    return (
        work.unit_of(output) if target == method.SCORE else f"contribution ({work.unit_of(output)})"
    )


def full_range(work: Workspace, target: str, output: int) -> float:
    """What 1 % is measured against: range of a regression's target, spread of a class's score over the test set,
    largest entropy."""
    kind, inner = split(target)
    if kind in KINDS:
        levels = work.model.dims[work.modalities.index(inner)] if work.can("kets") else 2
        return math.log(levels) if kind == "entropy" else math.log2(levels)
    if work.classes:
        return float(np.ptp(work.scores[work.dataset.rows("test"), output]))
    return float(work.scale[1] - work.scale[0])


@memo(64, says="Taking the physics apart …")
def measure(
    work: Workspace, rows: np.ndarray, where: Where, output: int, target: str
) -> method.Sensitivity:
    """Slopes and knock-outs of one target, averaged over the rows."""
    inputs = work.inputs(rows)
    return method.sensitivity(
        work.model.tweaked(where), inputs, work.background, output=output, targets=[target]
    )


@memo(64, says="Halving every term in turn …")
def half_way(
    work: Workspace, rows: np.ndarray, where: Where, output: int, target: str
) -> np.ndarray:
    """What the slope at half of each factor says that removal does, (P,)."""
    inputs = work.inputs(rows)
    return method.half_way(
        work.model.tweaked(where), inputs, work.background, target, output=output
    )


@memo(64, says="Following the term …")
def follow(
    work: Workspace, rows: np.ndarray, where: Where, output: int, target: str, key: str
) -> method.Response:
    """One target on the way from a removed term to where it stands."""
    inputs = work.inputs(rows)
    return method.response(
        work.model.tweaked(where), inputs, work.background, key, target, output=output, nodes=5
    )


@memo(64)
def built(
    work: Any, rows: Sequence[int] | np.ndarray, output: int, tweak: Tweak = LEARNED
) -> building.Built:
    """What each term built, of one row or the mean over rows: about 0.2 s at D = 64, however many."""
    inputs = work.inputs(list(rows))
    return building.built(work.model.tweaked(tweak), inputs, work.background, output)


@memo(16, says="Removing every term in turn, on all test samples …")
def metrics_without(work: Workspace, where: Where) -> pd.DataFrame:
    """Test metrics with each term removed from all scores, one row a term by key; the first row, "", is with all of
    them."""
    rows = work.dataset.rows("test")
    inputs, model = work.inputs(rows), work.model.tweaked(where)
    with torch.no_grad():
        system = method.system(model, work.inputs(rows[:1]), work.background)
        scores = [model(inputs).numpy(), *system.scores_without(inputs)]
    keys = pd.Index(["", *(term.key for term in system.parameters)], name="key")
    return pd.DataFrame([work.of_split(each) for each in scores], index=keys)


def chosen(found: method.Sensitivity, group: str, timed: bool) -> np.ndarray:
    """Places of the terms in a group that do anything, by the size of it, the largest first."""
    kinds = GROUPS[timed][group]
    size = np.maximum(np.abs(found.effects[:, 0]), np.nan_to_num(np.abs(found.slopes[:, 0])))
    places = [
        i
        for i, parameter in enumerate(found.parameters)
        if size[i] > 1e-12 and (not kinds or parameter.kind in kinds)
    ]
    return np.array(sorted(places, key=lambda i: -size[i]), dtype=int)


def large(found: method.Sensitivity, reach: float) -> np.ndarray:
    """Which terms move the target by more than 1 % of its range when removed, (P,)."""
    return np.abs(found.effects[:, 0]) > THRESHOLD * reach


def worth_following(found: method.Sensitivity, reach: float) -> list[int]:
    """Terms that do not act linearly and are not removed already: first those whose slope and removal disagree, by
    size."""
    bent = [
        i
        for i, parameter in enumerate(found.parameters)
        if parameter.kind not in LINEAR and parameter.value != 0
    ]
    differs = large(found, reach) & ~found.agrees()[:, 0]
    return sorted(bent, key=lambda i: (not differs[i], -abs(found.effects[i, 0])))
