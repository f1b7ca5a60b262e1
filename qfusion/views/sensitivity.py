"""The effect of every term of a model, and of edited fusion rules, on a decision."""

from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion._sentences import capitalise, count, size
from qfusion.explain import fusion
from qfusion.explain.sensitivity import Response, Sensitivity
from qfusion.figures import term_effects
from qfusion.figures.circuits.fusion import class_bars, describe_drawn_classes, fusion_tables
from qfusion.models.network import gate_angles
from qfusion.models.protocols import Evolution, Physics, TruthTables
from qfusion.models.terms import Parameter
from qfusion.study import physics_terms, text
from qfusion.study.sample import Sample
from qfusion.views import decision
from qfusion.views.pages.choices import needs
from qfusion.views.pages.params import SelectParam, SwitchParam, whole_number
from qfusion.views.view import View, terms_table
from qfusion.views.words import answers, rules
from qfusion.views.words.decisions import describe_baseline, describe_comparison
from qfusion.views.words.rules import (
    agree_verb,
    cite_sample,
    describe_calibration,
    describe_softmax,
    name_explained_class,
)

MAX_TERMS = 16  # terms drawn


class EffectSensitivity(NamedTuple):
    """Slopes and removals of every term for one effect, with the rows they are computed over and the full range of
    the effect, 1% of which is the threshold.
    """

    rows: np.ndarray
    sensitivity: Sensitivity
    reach: float

    def followable_terms(self) -> dict[str, Parameter]:
        """Return the terms that can be followed, by title; the one most worth it first."""
        return {
            self.sensitivity.parameters[i].title: self.sensitivity.parameters[i]
            for i in physics_terms.worth_following(self.sensitivity, self.reach)
        }


HAS_TERMS = needs(Physics)
EFFECT = SelectParam(
    "effect",
    "Effect on",
    "That on the explained output is shown.",
    "The quantity on which the terms act: the log-odds or score, a part of it, or a state's entropy or log-negativity.",
    physics_terms.targets,
    present=physics_terms.present_name,
    fits=HAS_TERMS,
)
Effect = Annotated[str, EFFECT]

COHORT = SelectParam(
    "over",
    "Samples",
    "This sample is shown.",
    "This sample, or the mean over several.",
    physics_terms.cohorts,
    fits=HAS_TERMS,
)
Over = Annotated[str, COHORT]

GROUP = SelectParam(
    "terms",
    "Terms",
    "All terms are shown.",
    "The parts of the model that are weakened and removed.",
    lambda study: physics_terms.GROUPS[study.model.part(Evolution) is not None],
    fits=HAS_TERMS,
)

HALF = SwitchParam(
    "half",
    "Slope half-way too",
    "It is not computed.",
    "The slope of every term at half its strength: diamonds beside the right bars. It approximates the mean slope "
    "on the way much better than the slope at its end. Takes a second or more.",
    fits=HAS_TERMS,
)

FOLLOWED = SelectParam(
    "term",
    "Response to one term, from removed to its present strength",
    help="All strengths of one part, from removed to the present one.",
    checked=False,
    fits=HAS_TERMS,
)


_RULED = needs(TruthTables)
ELEMENT = SelectParam(
    "element",
    "Element",
    "The first is shown.",
    values=lambda study: study.backend.elements,
    fits=_RULED,
)

STAGE = SelectParam(
    "stage",
    "Stage of the chain",
    "The first is shown.",
    values=lambda study: map(str, range(gate_angles.table_shape(study.model).stages)),
    meanings=whole_number("stage", 0, 1000),
    fits=_RULED,
)

OUTCOME = SelectParam(
    "outcome",
    "Outcome of the qubits",
    "The most probable outcome of this sample is shown.",
    "One digit per qubit, in the order above the heat map; 1 = yes.",
    lambda study: gate_angles.edited_patterns(gate_angles.table_shape(study.model)),
    fits=_RULED,
)


def effect_sensitivity(
    sample: Sample, effect: str = "", over: str = physics_terms.THIS
) -> EffectSensitivity:
    """Return the influence of every term on an effect, over a cohort. Both are given by the names that `tornado`
    takes.
    """
    study = sample.study
    known = physics_terms.targets(sample.study)
    target = known[choose("Effect", effect or sample.quantity, known)]
    rows = physics_terms.cohort_rows(study, sample.row, over, lambda: study.frame(sample.output))
    return EffectSensitivity(
        rows,
        physics_terms.measure(study, rows, sample.tweak, sample.output, target),
        physics_terms.full_range(study, target, sample.output),
    )


def half_slopes(sample: Sample, effect: str = "", over: str = physics_terms.THIS) -> np.ndarray:
    """Return the effect of removing each term as predicted by the slope at half of its strength, (P,)."""
    rows, result, _ = effect_sensitivity(sample, effect, over)
    return physics_terms.half_way(
        sample.study, rows, sample.tweak, sample.output, result.targets[0]
    )


def tornado(
    sample: Sample,
    *,
    effect: Effect = "",
    over: Over = physics_terms.THIS,
    group: Annotated[str, GROUP] = physics_terms.EVERY,
    half: Annotated[bool, HALF] = False,
) -> View:
    """The slope and removal of every term, the largest first; without a figure where none of them moves the effect.

    Args:
        sample: a sample of a model that consists of terms.
        effect: what the terms act on, of `study.physics_terms.targets`; the explained output by default.
        over: this sample or the mean over several, of `study.physics_terms.cohorts`.
        group: the terms that are drawn, of `study.physics_terms.GROUPS`.
        half: with the slope half-way, which takes a second or more.
    """
    study = sample.study
    timed = study.model.part(Evolution) is not None
    effect = effect or sample.quantity
    rows, result, reach = effect_sensitivity(sample, effect, over)
    places = physics_terms.rank_terms(
        result, choose("Terms", group, physics_terms.GROUPS[timed]), timed
    )
    shown = places[:MAX_TERMS]
    target = result.targets[0]
    parameters = [result.parameters[i] for i in shown]
    bends = physics_terms.large(result, reach) & ~result.agrees()[:, 0]
    middle = half_slopes(sample, effect, over) if half else None
    figure = None
    if len(shown):
        figure = term_effects.tornado(
            [_describe_strength(parameter) for parameter in parameters],
            -0.1 * result.slopes[shown, 0],
            result.effects[shown, 0],
            ["+".join(parameter.modalities) for parameter in parameters],
            study.modalities,
            bends=[bool(bends[i]) for i in shown],
            half=None if middle is None else middle[shown],
            unit=physics_terms.unit(study, target, sample.output),
        )
    caption = (
        f"what each term does to the {text.escape_markdown(effect)} ({result.values[0]:+.3f} now; "
        f"{_sample_phrase(sample, result, over, len(rows))}): left by its exact slope, right by its removal, which is "
        "its mean slope on the way to nothing. The right scale is ten times the left: equal bars, straight answer."
    )
    if len(places) > len(shown):
        caption += f" The {len(shown)} of {len(places)} terms that do most."
    if target.startswith("dividend"):
        caption += f" {describe_comparison(study.background)}"
    removal = "Convolution removed: its angles at 0, which leaves only the block's fixed gates."
    if timed:
        removal = "T: removed means read out at once."
    effects = [
        f"{parameter.title} {change:+.3f}"
        for parameter, change in zip(parameters[:6], result.effects[shown[:6], 0], strict=True)
    ]
    return View(
        figure,
        _sensitivity_title(result, places, effect, group),
        caption=caption,
        limits="Does not show what a model trained without the term would say; nor what two terms do together: "
        "removals do not "
        f"add up. {removal}",
        table=result.frame(target).assign(
            **({} if middle is None else {"slope_half_way_says": middle}),
            samples=int(result.samples[0]),
            background=result.background,
            background_size=result.background_size,
        ),
        alternative=f"Tornado: {'; '.join(effects)}.",
    )


def _describe_strength(parameter: Parameter) -> str:
    """Return the title of a term, with its factor where that is not 1."""
    factor = "" if parameter.value == 1 else f" (× {parameter.value:g})"
    return f"{parameter.title}{factor}"


def term_response(
    sample: Sample,
    *,
    effect: Effect = "",
    over: Over = physics_terms.THIS,
    term: Annotated[str, FOLLOWED] = "",
) -> View:
    """The effect of one term as its strength goes from removed to its current value.

    Args:
        sample: a sample of a model that consists of terms.
        effect, over: as of `tornado`.
        term: title of the term that is followed, of those that do not act linearly; the one most worth it by default.
    """
    study = sample.study
    timed = study.model.part(Evolution) is not None
    effect = effect or sample.quantity
    rows, result, _ = terms = effect_sensitivity(sample, effect, over)
    titles = terms.followable_terms()
    check(
        bool(titles),
        "Every term acts linearly here or is removed already, so that none can be followed. "
        "See the table of all terms.",
    )
    parameter = titles[choose("Term", term or next(iter(titles)), titles)]
    target = result.targets[0]
    along = physics_terms.term_response(
        study, rows, sample.tweak, sample.output, target, parameter.key
    )
    return View(
        term_effects.term_response(
            along.factors,
            along.values,
            along.slopes,
            "+".join(parameter.modalities),
            study.modalities,
            what="factor of the term (0: removed, 1: as learned)",
            unit=physics_terms.unit(study, target, sample.output),
        ),
        _response_title(along, parameter, effect),
        caption=f"the {text.escape_markdown(effect)} ({_sample_phrase(sample, result, over, len(rows))}) for every "
        f"strength of this term, all others as they stand. The mean slope on the way is (by quadrature) "
        f"{along.mean_slope:+.3g}: times the way ({parameter.value:g}) it is what removal takes away "
        f"({-along.effect:+.3g}).",
        limits=f"Does not show strengths beyond the {'present' if timed else 'learned'} one.",
        table=pd.DataFrame({"factor": along.factors, "value": along.values, "slope": along.slopes}),
        alternative=f"{parameter.title}: from {along.values[0]:+.3f} without it to {along.values[-1]:+.3f} now.",
        usage="Move the slider of the term for other strengths." if timed else "",
        name="way",
    )


def _sample_phrase(sample: Sample, sensitivity: Sensitivity, over: str, whole: int) -> str:
    """Describe the samples in use. The cohort has `whole` samples, of which only some may be used."""
    taken = int(sensitivity.samples[0])
    if sample.study.classes and sensitivity.targets[0].startswith(("score", "dividend")):
        of_class = name_explained_class(sample)
    else:
        of_class = ""
    if over == physics_terms.THIS:
        sentence = f"sample {text.escape_markdown(sample.id)}"
    else:
        sentence = f"the mean over {cohort_words(sample, over, taken, whole)}"
    sentence += of_class
    return sentence


def cohort_words(sample: Sample, over: str, taken: int, whole: int) -> str:
    """Return those `taken` of a cohort of `whole` samples, in words: one outside the test split is added to those like
    it.
    """
    added = over != physics_terms.ALL and sample.row not in sample.dataset.rows("test")
    tests = over.removeprefix("all ")
    if taken < whole:
        sentence = f"{taken:,} of "
    else:
        sentence = ""
    if added:
        sentence += "this sample and "
    sentence += count(whole - added, tests.replace("samples", "sample"), tests)
    return sentence


def _sensitivity_title(
    sensitivity: Sensitivity, places: np.ndarray, effect: str, group: str
) -> str:
    if not len(places) or np.abs(sensitivity.effects[places, 0]).max() < 1e-9:
        return f"No term of these moves the {text.escape_markdown(effect)}"
    first = max(places, key=lambda i: abs(sensitivity.effects[i, 0]))
    change = sensitivity.effects[first, 0]
    name = _term_phrase(sensitivity.parameters[first])
    if group != physics_terms.EVERY:
        name = f"of the terms “{group}”, {name}"
    return capitalise(
        f"{name} matters most: without it the {text.escape_markdown(effect)} {agree_verb(effect)} {abs(change):.2g} "
        f"{'higher' if change > 0 else 'lower'}"
    )


def _term_phrase(parameter: Parameter) -> str:
    """Return a term in a sentence, as markdown: "H: text + audio", "the duration T"."""
    title = text.escape_markdown(parameter.title)
    return title if parameter.kind in ("coupling", "dissipation") else f"the {title}"


def _response_title(along: Response, parameter: Parameter, effect: str) -> str:
    name = text.escape_markdown(parameter.title)
    slope = along.slopes[-1] * parameter.value
    if not np.isfinite(slope) or abs(slope) < 1e-9 or abs(along.effect) < 1e-9:
        return f"The {text.escape_markdown(effect)} and the strength of {_term_phrase(parameter)}"
    if np.sign(-slope) == np.sign(along.effect):
        return f"{name}: less of it and none of it move the {text.escape_markdown(effect)} the same way"
    first, then = ("raises", "lowers") if slope < 0 else ("lowers", "raises")
    return (
        f"Non-monotonic in {name}: a little less of it {first}, none at all {then} the "
        f"{text.escape_markdown(effect)}"
    )


SAME = 1e-9  # angles that differ less are the same


def likeliest_pattern(reading: fusion.FusionEvidence, element: int) -> str:
    """Return the most likely readout of the qubits of the first stage for this sample, such as "011"."""
    return reading.patterns[int(np.argmax(reading.weights[element, 0]))]


def rule_name(rule: str) -> str:
    """Return a rule as people write it."""
    return rule.upper() if rule in ("and", "or") else rule


FAR = 0.25  # distance from a named rule from which on a table is not called like it: 0.5 is that of an undecided table


def describe_likeness(whose: str, rule: str, distance: float) -> str:
    """Describe which named rule a fusion table is like, if any.

    The distance to the nearest, root mean square, 0 to 1.
    """
    if round(distance, 2) == 0:
        return f"{whose} fuses as {rule_name(rule)} does (distance {size(distance)})"
    if distance >= FAR:
        return f"{whose} fuses like no named rule; the nearest is {rule_name(rule)} (distance {distance:.2f})"
    return f"{whose} fuses most like {rule_name(rule)} (distance {distance:.2f})"


def tables(
    sample: Sample,
    *,
    element: Annotated[str, ELEMENT] = "",
    stage: Annotated[int, STAGE] = 0,
    outcome: Annotated[str, OUTCOME] = "",
) -> View:
    """The fusion's truth tables as a heat map.

    Args:
        sample: a sample of a model with fusion rules.
        element: the row that is marked; the first by default.
        stage: of the chain of fusions, from 0.
        outcome: the marked column, one digit for each qubit, such as "011". Default: the outcome that this sample
            reads most.
    """
    sample.model.require(TruthTables)
    reading = sample.reading
    row = reading.elements.index(
        choose("Element", element or reading.elements[0], reading.elements)
    )
    last = len(reading.controls) - 1
    check(0 <= stage <= last, f"Argument `stage` must be from 0 to {last}, but is {stage}.")
    column = reading.patterns.index(
        choose("Outcome", outcome or likeliest_pattern(reading, row), reading.patterns)
    )
    phi, learned = (
        model.phi.detach().double()[:, stage] for model in (sample.model, sample.study.model)
    )
    name = text.escape_markdown(reading.elements[row])
    mass = float(reading.tables[row, stage, column])
    return View(
        fusion_tables(
            reading.tables[:, stage],
            reading.weights[:, stage],
            reading.patterns,
            reading.elements,
            angles=phi.numpy(),
            controls=reading.controls[stage],
            chosen=(row, column),
            edited=((phi - learned).abs() > SAME).numpy(),
        ),
        describe_likeness(
            f"‘{name}’" if reading.elements_are_classes else name, *reading.rules[row]
        ),
        caption="for each element (row) the mass of the fused qubit if the modality qubits read the pattern "
        "above. A corner marks edited cells. Distance: root mean square "
        "over the table, 0 to 1. The same for every sample.",
        limits="A pattern need not be probable for this sample.",
        table=_list_cells(reading),
        alternative=f"Truth tables of {len(reading.elements)} elements over {len(reading.patterns)} patterns. Marked: "
        f"element {reading.elements[row]}, pattern {reading.patterns[column]}, mass {mass:.2f}. Pickers below choose "
        "another.",
        usage="Click a cell to edit it, or point at it for the probability of its pattern.",
    )


def _list_cells(reading: fusion.FusionEvidence) -> pd.DataFrame:
    """Return a row for each cell of the truth tables."""
    return pd.DataFrame(
        [
            {
                "element": reading.elements[i],
                "stage": k,
                "pattern": reading.patterns[b],
                "mass": reading.tables[i, k, b],
                "probability_in_this_sample": reading.weights[i, k, b],
                "rule": reading.rules[i][0],
                "distance": reading.rules[i][1],
            }
            for i, k, b in np.ndindex(*reading.tables.shape)
        ]
    )


def waterfall_edited(sample: Sample) -> View:
    """The decision with the edited tables, term by term."""
    now = sample.dividends
    learned = list(sample.untweaked.dividends.values())
    return View(
        decision.draw_waterfall(sample, now),
        answers.title_decision(sample.verdict, sample),
        caption=f"the exact sum baseline + single modalities + joint terms (hatched) = {sample.quantity}, with these "
        f"tables.{cite_sample(sample)} {describe_baseline(sample.study.background)}",
        limits="These values include your edits: reset all cells to see the learned tables.",
        table=terms_table(now).assign(as_learned=learned),
        alternative=f"Waterfall of the decision with these tables: {rules.list_terms(now)}.",
    )


def describe_edit_effect(was: str, now: str, sure: str, changed: bool) -> str:
    """Describe whether an edit of the tables turns the decision between classes; `sure` says how sure it is by now."""
    if was != now:
        return f"The edit flips the decision from ‘{text.escape_markdown(was)}’ to ‘{text.escape_markdown(now)}’"
    return f"Decision {'stays' if changed else 'is'} ‘{text.escape_markdown(now)}’ ({sure})"


def probabilities(sample: Sample) -> View:
    """The softmax of the classes with the edited tables; of models that choose among classes."""
    classes = sample.study.classes
    check(
        bool(classes),
        f"Model '{sample.study.name}' predicts a number, not classes. See the waterfall.",
    )
    now = sample.probabilities
    base = sample.untweaked
    best = int(sample.scores.argmax())
    was = int(base.scores.argmax())
    changed = bool(sample.tweak)
    sure = describe_softmax(float(now[best]))
    diamonds = "; diamonds: as learned" if changed else ""
    return View(
        class_bars(
            now,
            classes,
            truth=sample.true_class,
            before=base.probabilities if changed else None,
            follows=True,
        ),
        describe_edit_effect(classes[was], classes[best], sure, changed),
        caption=f"{describe_drawn_classes(classes, sample.true_class)} with these tables{diamonds}. "
        f"{describe_calibration(sample.study)}{cite_sample(sample)}",
        limits="Other samples change differently: see the test accuracy above.",
        table=pd.DataFrame(
            {"class": classes, "probability": now, "as_learned": base.probabilities}
        ),
        alternative=f"Softmax of the classes: {rules.list_numbers(classes, now)}.",
    )


UNDEFINED_SLOPES = (
    "Some slopes are undefined, because the state is pure: entropy has an infinite slope there, and negativity is not "
    "differentiable."
)


def describe_undefined_slopes(sensitivity: Sensitivity) -> str:
    """Return why some slopes are undefined; empty where all are defined."""
    return UNDEFINED_SLOPES if sensitivity.has_undefined_slopes else ""
