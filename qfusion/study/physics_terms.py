"""Which terms of a model's physics cause a decision: slopes and removals, and what each term has built up of it."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from qfusion._checks import check, choose
from qfusion._memory_cache import memo
from qfusion.explain import path_attribution, sensitivity
from qfusion.models import terms
from qfusion.models.tweak import LEARNED, Tweak
from qfusion.quantum.measure_kinds import KINDS, split_column
from qfusion.study import text
from qfusion.study.jobs import Task
from qfusion.study.study import Study

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


def cohorts(study: Study) -> tuple[str, ...]:
    """Over which samples can be averaged."""
    able = {CLASS: bool(study.classes), REGIME: "regime" in study.dataset.table.columns}
    return tuple(name for name in (THIS, ALL, CLASS, REGIME, RELATION) if able.get(name, True))


def cohort_rows(
    study: Study, row: int, cohort: str, frame: Callable[[], pd.DataFrame]
) -> np.ndarray:
    """The rows of a cohort; never empty: a sample outside the test split is added to those like it.

    Args:
        frame: makes the study's table, which relations are read from.

    Raises:
        NotFound: when there is no such cohort.
        InvalidInput: when it is of samples like a visitor's own, of which neither class nor type is known, or of the
            relation of a sample that is not explained.
    """
    choose("Samples", cohort, cohorts(study))
    tests, data = study.dataset.rows("test"), study.dataset
    check(
        not data.is_own(row) or cohort in (THIS, ALL),
        f"Of sample {data.ids[row]}, which a visitor made, no truth is known: there are no {cohort}. Choose "
        f"{THIS} or {ALL}.",
    )
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
    check(
        cohort != RELATION or values[row] != "",
        f"Sample {data.ids[row]} is not among those that are explained together, so that its relation is not known: "
        f"there are no {RELATION}. Choose {THIS} or {ALL}.",
    )
    alike = tests[values[tests] == values[row]]
    return alike if row in alike else np.append(alike, row)


def targets(study: Any) -> dict[str, str]:
    """Return a map from the names on the page to the names of `explain.sensitivity`."""
    texts: dict[str, str] = {}
    for name in sensitivity.target_names(study.model):
        kind, inner = split_column(name)
        match kind:
            case "score":
                words = study.quantity
            case "dividend":
                words = f"contribution of {inner.replace('+', ' + ')}" if inner else "baseline"
            case "entropy":
                words = f"entropy of {study.backend.entropy_part(inner)}"
            case _:
                words = f"log-negativity of {inner} at T"
        texts[words] = name
    return texts


def present_name(effect: str) -> str:
    """Return the present name of a target for one of an older link, and any other name as it is."""
    former = re.fullmatch(r"entanglement of (.+) at T", effect, re.DOTALL)
    return f"log-negativity of {former[1]} at T" if former else effect


def unit(study: Study, target: str, output: int) -> str:
    """Axis name of a target."""
    kind, _ = split_column(target)
    if kind in KINDS:
        return KINDS[kind].short_axis
    return (
        study.score_unit(output)
        if target == terms.SCORE
        else text.with_unit("contribution", study.score_unit(output))
    )


def full_range(study: Study, target: str, output: int) -> float:
    """Return the range that 1% refers to: the range of a regression's target, the spread of a class's log-odds over
    the test set, or the largest entropy.
    """
    kind, inner = split_column(target)
    if kind in KINDS:
        return study.backend.max_measure(kind, inner)
    if study.classes:
        return float(np.ptp(study.scores[study.dataset.rows("test"), output]))
    return float(np.ptp(study.scale))


@memo(64, task=Task.MEASURE_SENSITIVITY)
def measure(
    study: Study, rows: np.ndarray, where: Where, output: int, target: str
) -> sensitivity.Sensitivity:
    """Slopes and knock-outs of one target, averaged over the rows."""
    return sensitivity.sensitivity(
        study.model.tweaked(where),
        study.inputs(rows),
        study.background,
        output=output,
        targets=[target],
    )


@memo(64, task=Task.HALVE_TERMS)
def half_way(study: Study, rows: np.ndarray, where: Where, output: int, target: str) -> np.ndarray:
    """Return the effect of removal that the slope at half of each factor predicts, (P,)."""
    return sensitivity.half_way(
        study.model.tweaked(where), study.inputs(rows), study.background, target, output=output
    )


@memo(64, task=Task.TRACE_TERM)
def term_response(
    study: Study, rows: np.ndarray, where: Where, output: int, target: str, key: str
) -> sensitivity.Response:
    """Return the response of one target as a term goes from removed to its current value."""
    return sensitivity.response(
        study.model.tweaked(where),
        study.inputs(rows),
        study.background,
        key,
        target,
        output=output,
        nodes=5,
    )


@memo(64)
def generator_attribution(
    study: Any, rows: Sequence[int] | np.ndarray, output: int, tweak: Tweak = LEARNED
) -> path_attribution.PathAttribution:
    """Return the contribution built by each term, for one row or the mean over rows. This takes about 0.2 s at D =
    64, whatever the number of rows.
    """
    return path_attribution.aumann_shapley(
        study.model.tweaked(tweak), study.inputs(list(rows)), study.background, output
    )


@memo(16, task=Task.REMOVE_TERMS)
@torch.no_grad()
def removal_metrics(study: Study, where: Where) -> pd.DataFrame:
    """Test metrics with each term removed from all scores, one row a term by key; the first row, "", is with all of
    them."""
    rows = study.dataset.rows("test")
    model = study.model.tweaked(where)
    inputs = study.inputs(rows)
    system = sensitivity.collect_terms(model, study.inputs(rows[:1]), study.background)
    scores = [model(inputs).numpy(), *system.scores_without(inputs)]
    keys = ["", *(term.key for term in system.parameters)]
    return pd.DataFrame(
        [study.split_metrics(of_term) for of_term in scores],
        index=pd.Index(keys, name="key"),
    )


def rank_terms(result: sensitivity.Sensitivity, group: str, timed: bool) -> np.ndarray:
    """Places of the terms in a group that do anything, by the size of it, the largest first."""
    kinds = GROUPS[timed][group]
    size = np.maximum(np.abs(result.effects[:, 0]), np.nan_to_num(np.abs(result.slopes[:, 0])))
    places = []
    for place, parameter in enumerate(result.parameters):
        in_group = not kinds or parameter.kind in kinds
        if size[place] > 1e-12 and in_group:
            places.append(place)
    places.sort(key=lambda place: -size[place])
    return np.array(places, dtype=int)


def large(result: sensitivity.Sensitivity, reach: float) -> np.ndarray:
    """Return which terms move the target by more than 1% of its range when removed, bool (P,)."""
    return np.abs(result.effects[:, 0]) > THRESHOLD * reach


def worth_following(result: sensitivity.Sensitivity, reach: float) -> list[int]:
    """Return the terms that do not act linearly and are not removed already. Those whose slope and removal disagree
    come first, and each group is sorted by size.
    """
    bent = [
        i
        for i, parameter in enumerate(result.parameters)
        if parameter.kind not in LINEAR and parameter.value != 0
    ]
    differ = large(result, reach) & ~result.agrees()[:, 0]
    return sorted(bent, key=lambda i: (not differ[i], -abs(result.effects[i, 0])))
