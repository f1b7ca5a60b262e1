"""What a change of a parameter does: the score along an angle, and the smallest changes that flip a decision."""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion._sentences import capitalise, count, share, size, top
from qfusion.explain.angle_response import angle_names
from qfusion.figures import evolution_charts, model_charts, state_changes, style
from qfusion.figures.lines import now_meta
from qfusion.models import terms
from qfusion.models.live_model import LiveModel
from qfusion.models.network import gate_angles
from qfusion.models.protocols import Circuit, Evolution, KetStates, StateModel, TruthTables
from qfusion.models.terms import FlipSearch
from qfusion.study import angles, circuits, text, what_if
from qfusion.study.angles import AngleCurve
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from qfusion.views.pages.params import SelectParam
from qfusion.views.view import View
from qfusion.views.words import answers, rules
from qfusion.views.words.decisions import describe_comparison
from qfusion.views.words.names import name_parameter, name_table_angle
from qfusion.views.words.rules import cite_sample, name_explained_class


def can_follow(study: Study) -> bool:
    """Return whether the model's circuit has angles that can be set, and is shown on the Circuit page."""
    return study.model.part(Circuit) is not None and bool(angle_names(study.model))


ANGLE = SelectParam(
    "angle",
    "Angle",
    "The one whose smallest turn changes the decision is shown.",
    "The angle of one gate, or one that the gates of a layer share, by its name in edits.",
    lambda study: angle_names(study.model),
    checked=False,
    fits=can_follow,
)


def nearest_flips(sample: Sample) -> View:
    """For each modality the nearest state that flips the decision, and the nearest sample with such a state."""
    study = sample.study
    result = what_if.what_would_flip(study, sample.row)
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
        f"What would flip it? {title_flips(study, result)}",
        caption=f"the smallest change of one modality's state that flips the decision, now {now}, with the others "
        f"unchanged; {how}. Diamonds: the nearest of {first.donor.tried:,} samples whose state of this modality does "
        f"so. {_describe_checks(study, result)}",
        limits="Possibly no words, sound or picture lead to that state. One modality changes at a time.",
        table=_flip_table(sample, result),
        alternative=f"Distances to a flip: {', '.join(distances)}.",
        name="flips",
    )


def title_flips(study: Study, flips: Mapping[str, what_if.Flip]) -> str:
    """Return how many changes of one modality flip the decision, how many of them are verified, and the smallest.

    Args:
        flips: by modality, from `what_would_flip`.
    """
    able = {name: flip.state for name, flip in flips.items() if flip.state.possible}
    if not able:
        return answers.describe_flips(study, flips)
    distances = {name: state.distance for name, state in able.items()}
    names = top(distances, smallest=True)
    ends = dict.fromkeys(answers.format_decision(study, able[name].after) for name in names)
    moved = " or of ".join(map(text.escape_markdown, names))
    shortest = min(distances.values())
    way = ""
    if study.model.part(StateModel):
        farthest, _, _ = _distance_terms(study, flips)
        of = "way to an orthogonal state" if study.model.part(KetStates) else "largest distance"
        way = f" ({share(shortest / farthest)} of the {of})"
    unit = answers.name_flip_unit(study, names)
    smallest = f"{moved} by {size(shortest)}{unit}{way}"
    which = f"that of {smallest}" if len(able) == 1 else f"the smallest, of {smallest},"
    return (
        f"{count(len(able), 'change')} of one modality, {_count_verified(able)}: {which} leads to "
        f"{' or '.join(ends)}"
    )


def _count_verified(able: Mapping[str, Any]) -> str:
    """Return how many changes were confirmed by running the model again."""
    confirmed = sum(state.verified for state in able.values())
    if confirmed < len(able):
        return f"{confirmed} of {len(able)} verified"
    return {1: "verified", 2: "both verified"}.get(confirmed, "all verified")


def _describe_checks(study: Study, flips: Mapping[str, what_if.Flip]) -> str:
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


def _flip_table(sample: Sample, flips: Mapping[str, what_if.Flip]) -> pd.DataFrame:
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


def _distance_terms(study: Study, flips: Mapping[str, what_if.Flip]) -> tuple[float, str, str]:
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
    search = what_if.parameters_that_flip(study, sample.row)
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
        limits="Other samples change too: see the test metrics on the Dynamics and Circuit pages.",
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
    parameter_changes: Sequence[terms.ParameterFlip],
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


def _describe_search(search: FlipSearch) -> str:
    if search.resolution == 0:
        return "exact, since every output is a + b cos φ + c sin φ in one angle."
    return (
        "found on an interpolant through 13 settings of each parameter (last coefficients "
        f"{search.resolution:.0e} of the largest), then on the model itself; a closer pair of "
        "crossings can be missed."
    )


def angle(sample: Sample, *, angle: Annotated[str, ANGLE] = "") -> View:
    """The explained score and its contributions over a full period of one angle, all others as they are.

    Args:
        sample: of a model whose angles can be set.
        angle: name of the angle, such as "3.011"; the one whose smallest turn changes the decision by default.
    """
    names = angles.rank_angles(sample.study, sample.row)
    check(
        bool(names),
        f"Model '{sample.name}' has no angles of gates that can be set, so that none can be followed.",
    )
    name = choose("Angle", angle or names[0], names)
    curve = angles.angle_curve(sample.study, sample.row, sample.output, sample.tweak, name)
    quantity = text.escape_markdown(sample.quantity)
    label = name_angle(sample.study, name)
    words = text.escape_markdown(label)
    explained = name_explained_class(sample)
    decided = _decisions(sample, curve)
    turns = bool(decided) and len(curve.flips) > 0
    if turns:
        after = _decision_after(curve, decided)
        title = describe_flip(curve, words, text.escape_markdown(after))
    else:
        title = describe_range(curve, words, quantity + explained)
        if decided:
            title += "; no value of it changes the decision"
    gate = f" ({curve.gate})" if curve.gate else ""
    figure = evolution_charts.angle_curve(
        curve.angles,
        curve.scores,
        curve.dividends,
        sample.modalities,
        present=(curve.present, curve.present_score),
        learned=curve.learned,
        flips=curve.flips if decided else curve.flips[:0],
        decisions=decided if len(curve.flips) else (),
        unit=sample.unit,
        x_title=f"{label}{gate} (rad)",
    )
    figure.update_traces(meta=now_meta(name), selector={"name": "now"})
    above = below = against = ""
    untold = (
        " Nor contributions: so many evaluations of all coalitions take long. They are drawn for angles that fewer "
        "gates share."
    )
    if curve.dividends:
        above, below = "above, ", "Below, the contributions that add up to it. "
        against = f" {describe_comparison(sample.study.background)}"
        untold = ""
    dashed = ""
    if turns:
        dashed = (
            "Dashed lines mark where the decision changes, and the words above them what it is. "
        )
    change = ""
    if decided:
        change = "; the decision does not change"
    if turns:
        places = ", ".join(f"{flip:.2f}" for flip in curve.flips)
        change = f"; the decision changes at {places} rad"
    return View(
        figure,
        title,
        caption=f"{above}the {quantity}{explained} for every value of this angle, all others as they stand; the ring "
        f"is the value now, {curve.present:.2f} rad. {dashed}{below}{describe_polynomial(curve)}"
        f"{cite_sample(sample)}{against}",
        limits="Does not show the results of a model trained with another value: the other angles were trained with "
        "this one."
        f"{untold}",
        table=curve.frame().rename(columns={"score": sample.quantity}),
        alternative=f"{sample.quantity} over {label}: from {curve.scores.min():+.3f} to {curve.scores.max():+.3f}, "
        f"now {curve.present_score:+.3f} at {curve.present:.2f} rad{change}.",
    )


def _decisions(sample: Sample, curve: angles.AngleCurve) -> tuple[str, ...]:
    """Return the decisions along a curve in words; none of a score that nothing is decided by."""
    if sample.classes:
        return tuple(sample.classes[place] for place in curve.decided)
    if not sample.study.decides_by_sign:
        return ()
    return tuple("positive" if place else "negative" for place in curve.decided)


def _decision_after(curve: angles.AngleCurve, decided: tuple[str, ...]) -> str:
    """Return the decision on the other side of the nearest flip."""
    nearest = int(abs(curve.distances).argmin())
    return f"‘{decided[nearest + 1 if curve.distances[nearest] > 0 else nearest]}’"


def layer_shapley(sample: Sample) -> View:
    """The Shapley values of the layers of a circuit of a user's own; of a model that is an `EditableCircuit`."""
    result = circuits.layer_shapley(sample.study, sample.row, sample.output, sample.tweak)
    names = [
        f"{name} ({count} gate{'s' * (count > 1)})"
        for name, count in zip(result.layers, result.gates, strict=True)
    ]
    shown = [text.escape_markdown(name) for name in result.layers]
    change = result.whole - result.empty
    largest = describe_layers(dict(zip(shown, result.shapley.tolist(), strict=True)))
    return View(
        model_charts.interval_dots(
            names,
            {"layers": np.stack([result.shapley] * 3, 1)},
            hues=[style.SKY if name.startswith("layer") else style.BLUE for name in result.layers],
            x_title=f"Shapley value ({sample.unit})",
        ),
        f"{capitalise(largest)}{name_explained_class(sample)}",
        caption="the exact Shapley value of every layer over all coalitions of layers; a layer outside is replaced by "
        f"the identity. They sum to {change:+z.3f}, from {result.empty:z.3f} without any layer to {result.whole:z.3f}."
        f"{cite_sample(sample)}",
        limits="A model trained without a layer may do better: the others were trained together with it.",
        table=result.frame(),
        alternative=f"Shapley values: {rules.list_numbers(shown, result.shapley, '+.3f')}.",
    )


def describe_layers(values: dict[str, float]) -> str:
    """Describe which layer changes the explained score most, by their Shapley values."""
    sizes = {name: abs(value) for name, value in values.items()}
    return rules.describe_extremum(
        sizes,
        none="No layer changes the score by as much as 0.01",
        one="{names} changes the score most ({value:.2f})",
        some="{names} change the score most, alike ({value:.2f})",
        every="All layers change the score alike ({value:.2f})",
        many="{count:,} layers alike",
    )


RANGES = "couplings and dissipation × 0 to {factor:g}, T from 0 to {duration:g}"
ALL_ANGLES = "every angle of the truth tables, over the full circle"


def describe_ranges(search: FlipSearch) -> str:
    """Return the ranges of a search."""
    if search.largest_duration is None:
        return ALL_ANGLES
    return RANGES.format(factor=search.largest_factor, duration=search.largest_duration)


SMALL = 5e-3  # of a score, in nats or the unit of the target: a smaller range is written as none


def name_angle(study: Any, name: str) -> str:
    """Return the name of an angle in words, not escaped: "angle 2 of the pooling of layer 0"."""
    if not study.model.part(TruthTables):
        gate, _, angle = name.partition(".")
        return f"{angle if angle != 'angle' else 'the angle'} of gate {gate}"
    if part := gate_angles.network_part(name):
        kind = {"convolution": "convolution block", "pooling": "pooling"}[part[0]]
        return f"angle {part[2]} of the {kind} of layer {part[1]}"
    return name_table_angle(study, *gate_angles.table_entry(name))


def describe_range(curve: AngleCurve, angle: str, quantity: str) -> str:
    """Return the finding of a curve whose decision does not change, as the head of a figure.

    Args:
        curve: of a sample. angle, quantity: their names as Markdown, such as "log-odds".
    """
    low, high = float(curve.scores.min()), float(curve.scores.max())
    if high - low < SMALL:
        return capitalise(f"{angle} does not change the {quantity} of this sample")
    best = float(curve.angles[int(np.argmax(curve.scores))])
    return capitalise(
        f"{angle} moves the {quantity} between {low:+.2f} and {high:+.2f}, highest at {best:.2f} rad"
    )


def describe_flip(curve: AngleCurve, angle: str, decided: str) -> str:
    """Return the finding of a curve on which the decision changes, as the head of a figure.

    Args:
        angle: its name as Markdown. decided: how the decision is called after the nearest change.
    """
    turn = float(curve.distances[int(np.argmin(np.abs(curve.distances)))])
    return capitalise(
        f"A turn of {angle} by {turn:+.2f} rad, to {curve.nearest_flip:.2f}, changes the decision to {decided}"
    )


def describe_polynomial(curve: AngleCurve) -> str:
    """Return a sentence on how the curve was computed."""
    frequencies = list_frequencies(curve.frequencies)
    if curve.is_linear:
        return (
            f"Exact at every angle, from {curve.evaluations} evaluations of the model: a trigonometric polynomial "
            f"with {frequencies}."
        )
    return (
        f"Exact at every angle: the results of the circuit follow from {curve.evaluations} evaluations, as "
        f"trigonometric polynomials with {frequencies}, and what the model computes from them is run."
    )


def list_frequencies(frequencies: tuple[float, ...]) -> str:
    """Return frequencies in words: "frequency 1", "frequencies 1/2 and 1", "8 frequencies up to 8"."""
    texts = [_fraction(value) for value in frequencies]
    if len(texts) == 1:
        return f"frequency {texts[0]}"
    if len(texts) == 2:
        return f"frequencies {texts[0]} and {texts[1]}"
    return f"{len(texts)} frequencies" + (f" up to {texts[-1]}" if texts else "")


def _fraction(value: float) -> str:
    halves = round(2 * value)
    if not math.isclose(halves, 2 * value, abs_tol=1e-9):
        return f"{value:.3g}"
    return str(halves // 2) if halves % 2 == 0 else f"{halves}/2"
