"""What if: the decision on a sample with changed modalities, before and after. Distances of states are in radians.

What is done is asked for by modality, those that are not named stay as they are:

    {"text": {"action": "swap", "donor": "p0004"}, "audio": {"action": "drop"},
     "vision": {"action": "edit state", "state": {1: 0.4}}}
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check, choose, require_number
from qfusion._sentences import count, listed
from qfusion.analysis import changes as interventions, decision_flips, text
from qfusion.analysis.sample import Sample
from qfusion.analysis.study import Study
from qfusion.data.synthetic import opinion_texts, planted_editing
from qfusion.explain import counterfactual
from qfusion.figures import decision_charts, decision_pairs, evidence_fusion, state_changes, style
from qfusion.figures.numbers import terms_table
from qfusion.models import require, terms
from qfusion.models.abilities import can
from qfusion.models.terms import Search
from qfusion.panels import page_state, panel, params
from qfusion.quantum import circuits
from qfusion.wording import answers
from qfusion.wording.backgrounds import describe_baseline, describe_comparison
from qfusion.wording.operators import name_parameter
from qfusion.wording.samples import cite_sample, describe_calibration, name_explained_class

TITLES = {
    interventions.KEPT: "leave it as it is",
    interventions.SWAP: "another sample's",
    interventions.DROP: "leave it out",
    interventions.INPUT: "edit the raw input",
    interventions.STATE: "edit its state",
    interventions.FLIP: "nearest state that flips the decision",
}  # as the address says them
BEFORE = "as it is"
AFTER = "with the changes"
SAME = 1e-6  # angles below it, in radians, are rounding


def both_decisions(
    sample: Sample, changes: interventions.Asked | None = None
) -> tuple[interventions.Result, interventions.Result, dict[str, str]]:
    """Return what the model says of the sample as it is and with the changes, and what is done to each that changes."""
    stored, wanted = (
        interventions.wanted_changes(sample.study, sample.row, part) for part in ({}, changes or {})
    )
    before, after = (
        interventions.apply_changes(sample.study, sample.row, part) for part in (stored, wanted)
    )
    return (
        before,
        after,
        {
            name: entry.action
            for name, entry in zip(sample.modalities, wanted, strict=True)
            if entry.action != interventions.KEPT
        },
    )


def probabilities(
    sample: Sample, theme: style.Theme = "light", *, changes: interventions.Asked | None = None
) -> panel.PanelFigure:
    """Draw both decisions as softmax of the classes; of a model of classes.

    Args:
        sample: whose modalities change.
        theme: of the figure.
        changes: by modality, see the head of this module.
    """
    study = sample.study
    check(bool(study.classes), "This model predicts a number, not classes. Look at `waterfall`.")
    before, now, done = both_decisions(sample, changes)
    figure = evidence_fusion.class_bars(
        now.probabilities,
        study.classes,
        truth=sample.true_class,
        before=before.probabilities if done else None,
        before_name=BEFORE,
        theme=theme,
    )
    shows = evidence_fusion.describe_drawn_classes(study.classes, sample.true_class)
    if done:
        shows += " with the changes; diamonds: as the sample is. "
    else:
        shows += ". "
    shows += f"{describe_calibration(study)}{cite_sample(sample)}"

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {
                "sample": sample.id,
                "class": study.classes,
                "as_it_is": before.probabilities,
                "changed": now.probabilities,
            }
        )

    return panel.PanelFigure(
        "what-if-probabilities",
        f"Decision: {answers.numbered(study, now.outcome.scores)}",
        figure,
        shows=shows,
        not_shown="the probability of being right: see the calibration on the Cohorts page.",
        alt=f"Softmax of the classes: {panel.list_numbers(study.classes, now.probabilities)}.",
        table=table,
    )


def waterfall(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    when: str = BEFORE,
    changes: interventions.Asked | None = None,
) -> panel.PanelFigure:
    """Draw one of both decisions term by term, on an axis that serves both.

    Args:
        sample: whose modalities change.
        theme: of the figure.
        when: "as it is" or "with the changes".
        changes: by modality, see the head of this module.
    """
    study = sample.study
    before, now, done = both_decisions(sample, changes)
    choose("Decision", when, (BEFORE, AFTER))
    terms = (before if when == BEFORE else now).terms(study, sample.output)
    drawn = decision_charts.waterfall(
        terms,
        study.modalities,
        truth=sample.target if when == BEFORE else now.truth,
        unit=sample.unit,
        quantity=sample.quantity,
        theme=theme,
    )
    if done:
        drawn.update_xaxes(
            range=decision_pairs.common_range(
                *(result.terms(study, sample.output) for result in (before, now))
            )
        )
    finding = answers.finding_for(sample, terms)
    name = f"what-if-{'as-it-is' if when == BEFORE else 'changed'}"
    shows = (
        f"the exact sum baseline + single modalities + joint terms (hatched) = {sample.quantity}, {when}."
        f"{cite_sample(sample)} {describe_baseline(study.background)} Terms of a modality that is left out are zero."
    )
    alt = (
        f"Waterfall {when}: "
        + ", ".join(f"{term or 'baseline'} {value:+.2f}" for term, value in terms.items())
        + "."
    )

    def table() -> pd.DataFrame:
        return terms_table(terms, sample=sample.id, when=when).assign(
            background=study.background.name
        )

    return panel.PanelFigure(
        name,
        f"{when}: {finding[:1].lower()}{finding[1:]}",
        drawn,
        shows=shows,
        not_shown="whether such a combination occurs: changed modalities may not belong together.",
        alt=alt,
        table=table,
    )


def differences(
    sample: Sample, theme: style.Theme = "light", *, changes: interventions.Asked | None = None
) -> panel.PanelFigure:
    """Draw what the changes do to each term; the options are those of `probabilities`."""
    before, now, _ = both_decisions(sample, changes)
    old = before.terms(sample.study, sample.output)
    new = now.terms(sample.study, sample.output)
    change = {term: new[term] - old[term] for term in old if term}
    figure = decision_pairs.differences(
        old,
        new,
        sample.modalities,
        what="change",
        baseline=False,
        unit=sample.unit,
        quantity=sample.quantity,
        theme=theme,
    )
    shows = (
        f"each term with the changes minus the same term as the sample is{name_explained_class(sample)}; they add "
        "up to "
        f"the change of the {sample.quantity}. {describe_comparison(sample.study.background)}"
    )
    alt = (
        "Differences: " + ", ".join(f"{term} {value:+.2f}" for term, value in change.items()) + "."
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {
                "sample": sample.id,
                "term": list(old),
                "as_it_is": list(old.values()),
                "changed": list(new.values()),
            }
        )

    return panel.PanelFigure(
        "what-if-differences",
        describe_mechanism(change),
        figure,
        shows=shows,
        not_shown="terms that do not contain a changed modality, which cannot change.",
        alt=alt,
        table=table,
    )


def describe_mechanism(change: Mapping[str, float]) -> str:
    """Describe which terms a change acts through, by how much each term changes."""
    return panel.superlative(
        change,
        by_size=True,
        none="The change moves no term by 0.01 or more",
        one="The change acts most through {names}",
        some="The change acts most, alike, through {names}",
        every="The change acts alike through {names}",
        name=lambda term: f"{text.term(term)} ({change[term]:+.2f})",
    )


def describe_state_change(name: str, angle: float) -> str:
    """Describe how far a modality's state moved, in radians; its name as markdown."""
    if round(angle, 2) == 0:
        return f"The state of {name} is {'' if angle < SAME else 'all but '}as it was (moved by {angle:.2f} rad)"
    return f"The state of {name} moved by {angle:.2f} rad"


def modality_state(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    modality: str,
    changes: interventions.Asked | None = None,
) -> panel.PanelFigure:
    """Draw the state of one modality before and with the changes.

    Args:
        sample: whose modalities change.
        theme: of the figure.
        modality: whose state.
        changes: by modality, see the head of this module.
    """
    require(sample.model, "states", "to be drawn")
    choose("Modality", modality, sample.modalities)
    before, now = (result.states[modality] for result in both_decisions(sample, changes)[:2])
    far = float(counterfactual.distance(before[0], now[0]))
    name = text.escape_markdown(modality)
    hue = style.term_colour(modality, sample.modalities)
    old, new = (np.array(interventions.shown_state(part)) for part in (before, now))
    inputs = "whether any input would give"
    if before.is_complex():
        qubit = len(old) == 2
        measure = "Fubini–Study angle; its cosine squared is the fidelity"
        names = ["θ", "φ"] if qubit else [f"|{k}⟩" for k in range(len(old))]
        if qubit:
            drawn = state_changes.bloch_change(
                *(circuits.bloch_vectors(ket).numpy()[0, 0] for ket in (before, now)),
                hue=hue,
                theme=theme,
            )
        else:
            drawn = state_changes.number_bars(
                old, new, names, axis="population", across="basis state", hue=hue, theme=theme
            )
        if qubit:
            not_shown = f"{inputs} this state."
        else:
            not_shown = f"the phases, which a swap or the nearest flip changes too, and {inputs} this state."
    else:
        space: Any = sample.study.space
        measure = "norm of the change of the angles θ = 2 arcsin √mass"
        names = list(space.elements)
        drawn = state_changes.number_bars(
            old,
            new,
            [name.removeprefix("element ") for name in names],
            axis="mass",
            across="element",
            hue=hue,
            theme=theme,
        )
        not_shown = f"{inputs} these masses."

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {
                "sample": sample.id,
                "modality": modality,
                "part": names,
                "as_it_is": old,
                "changed": new,
            }
        )

    return panel.PanelFigure(
        f"what-if-state-{modality}",
        describe_state_change(name, far),
        drawn,
        shows=f"what the model makes of {name}, before and with the change. Distance: {measure}.{cite_sample(sample)}",
        not_shown=not_shown,
        alt=f"State of {modality} before and with the change, {far:.2f} rad apart.",
        table=table,
    )


def parse_changes(view: page_state.PageState) -> dict[str, dict[str, Any]] | None:
    """Return what the address says is done to each modality; None where all stay as they are."""
    actions = {title: action for action, title in TITLES.items()}
    values = {
        name: actions.get(view.get(f"do.{name}"), interventions.KEPT) for name in view.modalities
    }
    return {
        name: {"action": action} | _action_arguments(view, name, action)
        for name, action in values.items()
        if action != interventions.KEPT
    } or None


def _action_arguments(view: page_state.PageState, name: str, action: str) -> dict[str, Any]:
    match action, name:
        case interventions.SWAP, _:
            return {"donor": view.get(f"with.{name}")} if view.get(f"with.{name}") else {}
        case interventions.INPUT, "text":
            return {"words": view.get("say")} if view.all("say") else {}
        case interventions.INPUT, _:
            return {"controls": _numbers(view, "voice." if name == "audio" else "face.")}
        case interventions.STATE, _:
            numbers = _numbers(view, f"set.{name}.").items()
            return {"state": {int(at): value for at, value in numbers if at.isdecimal()}}
    return {}


def _numbers(view: page_state.PageState, start: str) -> dict[str, float]:
    return {
        key.removeprefix(start): require_number(key[:60], view.get(key) or 0.0, -1e6, 1e6)
        for key in view.values
        if key.startswith(start)
    }


def nearest_flips(sample: Sample, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw for each modality the nearest state that flips the decision, and the nearest sample with such a state."""
    study = sample.study
    result = decision_flips.what_would_flip(sample.study, sample.row)
    farthest, unit, how = _distance_terms(study, result)
    never = [text.escape_markdown(name) for name, flip in result.items() if not flip.state.possible]
    unsure = [
        text.escape_markdown(name)
        for name, flip in result.items()
        if flip.state.possible and not flip.state.verified
    ]
    first = next(iter(result.values()))
    figure = state_changes.flip_distances(
        list(result),
        [flip.state.distance for flip in result.values()],
        [flip.donor.distance for flip in result.values()],
        study.modalities,
        farthest=farthest,
        unit=unit,
        theme=theme,
    )
    shows = (
        "the smallest change of one modality's state, the others as they are, that turns the decision, now "
        f"{answers.numbered(study, first.state.before)}; {how}. Diamonds: the nearest of {first.donor.tried:,} "
        "samples whose state of it does so. "
    )
    if unsure:
        shows += f"**Not confirmed by running the model again: {', '.join(unsure)}.**"
    elif len(never) < len(result):
        shows += "Each was set in the model, the model run again, and the decision seen to change."
    if never and can(study.model, "states"):
        shows += f" No state whatever of {', '.join(never)} can do it."
    elif never:
        shows += f" None was found of {', '.join(never)}."
    distances = []
    for name, flip in result.items():
        distance = f"{flip.state.distance:.2f}" if flip.state.possible else "none"
        distances.append(f"{name} {distance}")
    alt = f"Distances to a flip: {', '.join(distances)}."

    def table() -> pd.DataFrame:
        rows = []
        for name, flip in result.items():
            state = flip.state
            donor = flip.donor
            rows.append(
                {
                    "sample": sample.id,
                    "modality": name,
                    "possible": state.possible,
                    "distance_rad": state.distance,
                    "optimum": "exact" if state.exact else "best found",
                    "decision_after": answers.verdict(study, state.after) if state.possible else "",
                    "verified": state.verified,
                    "room": state.reach,
                    "nearest_sample": flip.donor_id,
                    "its_distance_rad": donor.distance,
                    "samples_that_flip": donor.turning,
                    "samples_tried": donor.tried,
                }
            )
        return pd.DataFrame(rows)

    return panel.PanelFigure(
        "flips",
        f"What would flip it? {answers.flip(study, result)}",
        figure,
        shows=shows,
        not_shown="whether any words, sound or picture would give that state; changes of several modalities at once.",
        alt=alt,
        table=table,
    )


def _distance_terms(
    study: Study, flips: Mapping[str, decision_flips.Flip]
) -> tuple[float, str, str]:
    """Return the largest distance there can be, what it is called, and how the smallest is found."""
    if can(study.model, "kets"):
        return math.pi / 2, "Fubini–Study angle", "exact, by a secular equation"
    if can(study.model, "states"):
        return (
            math.pi * math.sqrt(study.model.elements),
            "norm of the change of the angles θ",
            "the best of many starts; whether there is any is exact",
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
        "norm of the change of what its encoder gives",
        "the best that gradients and other samples led to; there may be nearer ones",
    )


def parameter_flips(sample: Sample, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the smallest change of each parameter or angle that flips the decision."""
    study = sample.study
    search = decision_flips.parameters_that_flip(sample.study, sample.row)
    check(
        bool(search.changes),
        f"None of the {search.tried} knobs flips this decision on its own ({search.ranges}).",
    )
    result = search.changes
    names = [name_parameter(study, change) for change in result]
    title = describe_smallest_turn(
        result, names, answers.verdict(study, result[0].after), search.tried
    )
    figure = state_changes.turn_sizes(
        names,
        np.array([change.size for change in result]),
        theme=theme,
        axis="relative change that flips the decision"
        if can(study.model, "time")
        else "change of the angle that flips the decision (rad)",
    )
    shows = (
        "for each knob the smallest change that turns the decision on this sample, all others as learned "
        f"({search.ranges}); {_describe_search(search)} "
        f"{sum(change.verified for change in result)} of {len(result)} were confirmed by running the model with "
        "the knob turned."
    )
    alt = (
        "Smallest changes of knobs: "
        + ", ".join(f"{name} {change.size:.3f}" for name, change in zip(names, result, strict=True))
        + "."
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            [
                {
                    "sample": sample.id,
                    "kind": change.kind,
                    "knob": change.name,
                    "learned": change.learned,
                    "flips_at": change.value,
                    "size": change.size,
                    "decision_after": answers.verdict(study, change.after),
                    "verified": change.verified,
                }
                for change in result
            ]
        )

    return panel.PanelFigure(
        "knob-flips",
        title,
        figure,
        shows=shows,
        not_shown="what the turned knob does to other samples: the Dynamics and Circuit pages show their test metrics.",
        alt=alt,
        table=table,
    )


def describe_outcome(changed: Sequence[str], before: str, after: str, turned: bool) -> str:
    """Describe what becomes of a decision.

    Args:
        changed: modalities, none where nothing changes. before, after: the decision, as markdown. turned: whether it is
            another one after.
    """
    if not changed:
        return f"Decision: {before}. Change a modality to see what becomes of it"
    return (
        f"Changing {listed([text.escape_markdown(name) for name in changed])} {'**flips**' if turned else 'keeps'} the "
        f"decision: {before} → {after}"
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
        flips = "should flip it, which running the model did not confirm,"
    return (
        f"{smallest}: {alike[0]}, from {first.learned:.{places}f} to {first.value:.{places}f}, {flips} to {to}; "
        f"{len(parameter_changes)} of {count(tried, 'knob')} can"
    )


def _describe_search(search: Search) -> str:
    if search.resolution == 0:
        return "exact, since every output is a + b cos φ + c sin φ in one angle."
    return (
        f"found on an interpolant through 13 settings of each knob (last coefficients {search.resolution:.0e} of "
        "the largest), then on the model itself; a pair of crossings closer than that can be missed."
    )


def has_changes(sample: Sample, changes: interventions.Asked | None = None, **_: Any) -> bool:
    """Return whether the changes leave a modality otherwise than it is."""
    return bool(both_decisions(sample, changes)[2])


def _changed_states(view: page_state.PageState, sample: Sample) -> list[str]:
    """Return the modalities that have another state."""
    if not can(sample.study.model, "states"):
        return []
    return [
        name
        for name, action in both_decisions(sample, parse_changes(view))[2].items()
        if action != interventions.DROP
    ]


PREFIXES = ("do.", "with.", "set.", "voice.", "face.")  # of what is said of a modality
KNOBS = params.SwitchParam("knobs", "Knobs", "They stay folded.")
WORDS = params.TextParam(
    "say",
    "Sentence",
    "The sample's own words are used.",
    f"At most {opinion_texts.MAX_WORDS} words of the vocabulary below, with one 'and' or 'but' at most.",
    most=400,
    test=lambda study, value: planted_editing.parse(value),
)


def action_choice(study: Study, modality: str) -> params.SelectParam:
    """Return what is done to a modality."""
    return params.SelectParam(
        f"do.{modality}",
        f"What is done to {modality}",
        "It is left as it is.",
        "What is done to this modality before the model sees it. Several can be changed at once.",
        meanings={TITLES[action]: action for action in interventions.actions(study, modality)},
    )


def donor_choice(modality: str) -> params.SampleParam:
    """Return the sample that lends a modality."""
    return params.SampleParam(
        f"with.{modality}",
        "of sample",
        "Another sample is taken.",
        "Any sample of the data; it opens on one with another decision.",
    )


def number_choices(study: Study, modality: str) -> list[params.NumberParam]:
    """Return the numbers of a modality's state."""
    if not can(study.model, "states"):
        return []
    kets = can(study.model, "kets")
    size = study.model.dims[study.modalities.index(modality)] if kets else study.model.elements
    ranges = [(0.0, math.pi), (-math.pi, math.pi)] if kets and size == 2 else [(0.0, 1.0)] * size
    return [
        params.NumberParam(
            f"set.{modality}.{place}",
            f"set.{modality}.{place}",
            "The sample's own is used.",
            low=low,
            high=high,
            step=interventions.STEP,
            style={"format": "%.3f"},
        )
        for place, (low, high) in enumerate(ranges)
    ]


def input_choices(study: Study, modality: str) -> list[params.NumberParam]:
    """Return the numbers that make a modality's raw input, of data that were made so."""
    if planted_editing.recipe_of(study.dataset) is None:
        return []
    return [
        params.NumberParam(
            f"{'voice' if modality == 'audio' else 'face'}.{setting.name}",
            f"{setting.title} ({setting.unit})",
            "0 is used.",
            low=setting.low,
            high=setting.high,
            step=0.05,
            style={"format": "%+.2f"},
        )
        for setting in planted_editing.CONTROLS.get(modality, ())
    ]


def change_choices(view: page_state.PageState, study: Study) -> list[params.Param]:
    """Return what a reader may choose; also names modalities and numbers that this model does not have."""
    known: list[params.Param] = [KNOBS, WORDS]
    for name in study.modalities:
        known += [
            action_choice(study, name),
            donor_choice(name),
            *number_choices(study, name),
            *input_choices(study, name),
        ]
    keys = [one.key for one in known]
    return [
        *known,
        *params.unknown_params(view, PREFIXES, keys, lambda key, *_: choose("Control", key, keys)),
    ]


_CHANGES = {"changes": parse_changes}
PANELS = {
    "flips": panel.Panel(nearest_flips),
    "what-if-probabilities": panel.Panel(
        probabilities, _CHANGES, fits=lambda sample, **_: bool(sample.study.classes)
    ),
    "what-if-as-it-is": panel.Panel(waterfall, _CHANGES, {"when": BEFORE}),
    "what-if-changed": panel.Panel(waterfall, _CHANGES, {"when": AFTER}, fits=has_changes),
    "what-if-differences": panel.Panel(differences, _CHANGES, fits=has_changes),
    "knob-flips": panel.Panel(
        parameter_flips,
        fits=lambda sample: (
            can(sample.study.model, "terms")
            and bool(decision_flips.parameters_that_flip(sample.study, sample.row).changes)
        ),
        opens=KNOBS.opens,
    ),
}
NAMED = {
    "what-if-state-": panel.Panel(
        modality_state, _CHANGES, rest="modality", endings=_changed_states
    )
}
