"""The smallest changes of states and parameters that flip a decision. Distances of states are in radians, those of
features in the units of these."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion._sentences import count
from qfusion.analysis import decision_flips, text
from qfusion.analysis.sample import Sample
from qfusion.analysis.study import Study
from qfusion.figures import state_changes
from qfusion.models import terms
from qfusion.models.live_model import LiveModel
from qfusion.models.protocols import Evolution, KetStates, StateModel
from qfusion.models.terms import Search
from qfusion.views import View
from qfusion.wording import answers
from qfusion.wording.operators import name_parameter
from qfusion.wording.parameter_changes import describe_ranges


def nearest_flips(sample: Sample) -> View:
    """For each modality the nearest state that flips the decision, and the nearest sample with such a state."""
    study = sample.study
    result = decision_flips.what_would_flip(study, sample.row)
    farthest, unit, how = _distance_terms(study, result)
    first = next(iter(result.values()))
    now = answers.format_decision_value(study, first.state.before)
    distances = [
        f"{name} {flip.state.distance:.2f}" if flip.state.possible else f"{name} none"
        for name, flip in result.items()
    ]
    return View(
        state_changes.flip_distances(
            list(result),
            [flip.state.distance for flip in result.values()],
            [flip.donor.distance for flip in result.values()],
            study.modalities,
            farthest=farthest,
            unit=unit,
            radians=study.model.part(StateModel) is not None,
        ),
        f"What would flip it? {answers.describe_flips(study, result)}",
        caption=f"the smallest change of one modality's state that flips the decision, now {now}, with the others "
        f"unchanged; {how}. Diamonds: the nearest of {first.donor.tried:,} samples whose state of this modality does "
        f"so. {_describe_checks(study, result)}",
        limits="whether any words, sound or picture lead to that state, nor changes of several modalities at once.",
        table=_flip_table(sample, result),
        alternative=f"Distances to a flip: {', '.join(distances)}.",
        name="flips",
    )


def _describe_checks(study: Study, flips: Mapping[str, decision_flips.Flip]) -> str:
    """Return whether the flips were confirmed, and which modalities cannot flip the decision."""
    never = [text.escape_markdown(name) for name, flip in flips.items() if not flip.state.possible]
    unsure = [
        text.escape_markdown(name)
        for name, flip in flips.items()
        if flip.state.possible and not flip.state.verified
    ]
    words = ""
    if unsure:
        words = f"**Not confirmed by running the model again: {', '.join(unsure)}.**"
    elif len(never) < len(flips):
        words = "Each change was confirmed by running the model again."
    if never and study.model.part(StateModel):
        words += f" No state of {', '.join(never)} can flip it."
    elif never:
        words += f" No such state of {', '.join(never)} was found."
    return words


def _flip_table(sample: Sample, flips: Mapping[str, decision_flips.Flip]) -> pd.DataFrame:
    """Return the table of flips, a modality a row."""
    suffix = "_rad" if sample.study.model.part(StateModel) else ""
    rows = []
    for name, flip in flips.items():
        state = flip.state
        donor = flip.donor
        rows.append(
            {
                "sample": sample.id,
                "modality": name,
                "possible": state.possible,
                f"distance{suffix}": state.distance,
                "optimum": "exact" if state.exact else "best found",
                "decision_after": answers.format_decision(sample.study, state.after)
                if state.possible
                else "",
                "verified": state.verified,
                "room": state.reach,
                "nearest_sample": flip.donor_id,
                f"its_distance{suffix}": donor.distance,
                "samples_that_flip": donor.turning,
                "samples_tried": donor.tried,
            }
        )
    return pd.DataFrame(rows)


def _distance_terms(
    study: Study, flips: Mapping[str, decision_flips.Flip]
) -> tuple[float, str, str]:
    """Return the largest possible distance, its name, and the method that finds the smallest distance."""
    if study.model.part(KetStates):
        return (
            math.pi / 2,
            "Fubini–Study angle",
            "exact, by a secular equation, and the cosine squared of each distance is the fidelity",
        )
    if study.model.part(StateModel):
        return (
            math.pi * math.sqrt(study.model.elements),
            "norm of the change of the angles θ",
            "the best of many starts; existence is exact",
        )
    return (
        max(
            [
                part
                for flip in flips.values()
                for part in (flip.state.distance, flip.donor.distance)
                if math.isfinite(part)
            ],
            default=1.0,
        ),
        "norm of the change of the features, in their own units"
        if isinstance(study.model, LiveModel)
        else "norm of the change of the encoding",
        "the best found by gradients and other samples; nearer ones may exist, and changes of modalities with other "
        "units do not compare",
    )


def parameter_flips(sample: Sample) -> View:
    """The smallest change of each parameter or angle that flips the decision."""
    study = sample.study
    search = decision_flips.parameters_that_flip(study, sample.row)
    ranges = describe_ranges(search)
    check(
        bool(search.changes),
        f"None of the {search.tried} knobs flips this decision on its own ({ranges}).",
    )
    result = search.changes
    names = [name_parameter(study, change) for change in result]
    axis = "change of the angle that flips the decision (rad)"
    if study.model.part(Evolution):
        axis = "relative change that flips the decision"
    sizes = [f"{name} {change.size:.3f}" for name, change in zip(names, result, strict=True)]
    confirmed = sum(change.verified for change in result)
    return View(
        state_changes.turn_sizes(names, np.array([change.size for change in result]), axis=axis),
        describe_smallest_turn(
            result, names, answers.format_decision(study, result[0].after), search.tried
        ),
        caption="for each parameter the smallest change that flips the decision on this sample, all others as learned "
        f"({ranges}); {_describe_search(search)} {confirmed} of {len(result)} were confirmed by running the model "
        "with the change.",
        limits="the effect of the change on other samples: see the test metrics on the Dynamics and Circuit pages.",
        table=pd.DataFrame(
            [
                {
                    "sample": sample.id,
                    "kind": change.kind,
                    "knob": change.name,
                    "learned": change.learned,
                    "flips_at": change.value,
                    "size": change.size,
                    "decision_after": answers.format_decision(study, change.after),
                    "verified": change.verified,
                }
                for change in result
            ]
        ),
        alternative=f"Smallest changes of parameters: {', '.join(sizes)}.",
        name="knob-flips",
    )


def describe_smallest_turn(
    parameter_changes: Sequence[terms.ParameterChange],
    names: Sequence[str],
    to: str,
    tried: int,
) -> str:
    """Describe which knob flips a decision by the smallest turn, of those found, the smallest first.

    Args:
        parameter_changes: one at least. names: of their knobs. to: the decision after the first one, as markdown.
        tried: how many knobs were turned.
    """
    first = parameter_changes[0]
    places = next(
        n for n in range(2, 17) if n == 16 or f"{first.learned:.{n}f}" != f"{first.value:.{n}f}"
    )
    alike = [
        text.escape_markdown(name)
        for name, change in zip(names, parameter_changes, strict=True)
        if f"{change.size:.3f}" == f"{first.size:.3f}"
    ]
    if len(alike) == 1:
        smallest = "Smallest turn"
    else:
        smallest = f"Smallest turn, as small as {count(len(alike) - 1, 'other')}"
    if first.verified:
        flips = "flips it"
    else:
        flips = "should flip it, not confirmed by running the model,"
    return (
        f"{smallest}: {alike[0]}, from {first.learned:.{places}f} to {first.value:.{places}f}, {flips} to {to}; "
        f"{len(parameter_changes)} of {count(tried, 'knob')} can"
    )


def _describe_search(search: Search) -> str:
    if search.resolution == 0:
        return "exact, since every output is a + b cos φ + c sin φ in one angle."
    return (
        "found on an interpolant through 13 settings of each parameter (last coefficients "
        f"{search.resolution:.0e} of the largest), then on the model itself; a closer pair of "
        "crossings can be missed."
    )
