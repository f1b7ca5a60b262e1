"""The decision on a sample before and after modalities are changed. Distances of states are in radians."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check, choose, require_number
from qfusion._sentences import listed
from qfusion.analysis import changed_samples, text
from qfusion.analysis.sample import Sample
from qfusion.explain import counterfactual, verdicts
from qfusion.figures import decision_charts, decision_pairs, evidence_fusion, state_changes, style
from qfusion.figures.result_tables import terms_table
from qfusion.models.protocols import StateModel
from qfusion.panels import page_state, panel
from qfusion.quantum import statevector
from qfusion.views import alt_text
from qfusion.wording import answers, extrema
from qfusion.wording.backgrounds import describe_baseline, describe_comparison
from qfusion.wording.samples import cite_sample, describe_calibration, name_explained_class

TITLES = {
    changed_samples.KEPT: "leave it as it is",
    changed_samples.SWAP: "another sample's",
    changed_samples.DROP: "leave it out",
    changed_samples.INPUT: "edit the raw input",
    changed_samples.STATE: "edit its state",
    changed_samples.FLIP: "nearest state that flips the decision",
}  # as the address says them
BEFORE = "as it is"
AFTER = "with the changes"
SAME = 1e-6  # angles below it, in radians, are rounding


def both_decisions(
    sample: Sample, changes: changed_samples.Edits | None = None
) -> tuple[changed_samples.Result, changed_samples.Result, dict[str, str]]:
    """Return the model's results for the sample without and with the changes, and the action on each modality that
    changes.
    """
    stored, wanted = (
        changed_samples.wanted_changes(sample.study, sample.row, part)
        for part in ({}, changes or {})
    )
    before, after = (
        changed_samples.apply_changes(sample.study, sample.row, part) for part in (stored, wanted)
    )
    return (
        before,
        after,
        {
            name: entry.action
            for name, entry in zip(sample.modalities, wanted, strict=True)
            if entry.action != changed_samples.KEPT
        },
    )


def probabilities(
    sample: Sample, theme: style.Theme = "light", *, changes: changed_samples.Edits | None = None
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
        shows += " with the changes; diamonds: without them. "
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
        f"Decision: {answers.format_decision_value(study, now.outcome.scores)}",
        figure,
        shows=shows,
        not_shown="the probability of being right: see the calibration on the Cohorts page.",
        alt=f"Softmax of the classes: {alt_text.list_numbers(study.classes, now.probabilities)}.",
        table=table,
    )


def waterfall(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    when: str = BEFORE,
    changes: changed_samples.Edits | None = None,
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
    learned = sample.untweaked.verdict
    changed = verdicts.verdict_of_terms(terms, study.modalities, study.boundary)
    finding = answers.title_decision(learned if when == BEFORE else changed, sample)
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
        f"{when}, {_within_sentence(finding)}",
        drawn,
        shows=shows,
        not_shown="whether such a combination occurs in data: changed modalities may not match.",
        alt=alt,
        table=table,
    )


def differences(
    sample: Sample, theme: style.Theme = "light", *, changes: changed_samples.Edits | None = None
) -> panel.PanelFigure:
    """Draw the effect of the changes on each term; the options are those of `probabilities`."""
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
        f"each term with the changes minus the same term without them{name_explained_class(sample)}; "
        f"the differences sum to the change of the {sample.quantity}. "
        f"{describe_comparison(sample.study.background)}"
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
    return extrema.describe_extremum(
        change,
        by_size=True,
        none="No term changes by 0.01 or more",
        one="{names} changes most",
        some="{names} change most, equally",
        every="{names} change equally",
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
    changes: changed_samples.Edits | None = None,
) -> panel.PanelFigure:
    """Draw the state of one modality before and with the changes.

    Args:
        sample: whose modalities change.
        theme: of the figure.
        modality: whose state.
        changes: by modality, see the head of this module.
    """
    sample.model.require(StateModel, "to be drawn")
    choose("Modality", modality, sample.modalities)
    before, now = (result.states[modality] for result in both_decisions(sample, changes)[:2])
    far = float(counterfactual.distance(before[0], now[0]))
    name = text.escape_markdown(modality)
    hue = style.term_colour(modality, sample.modalities)
    old, new = (np.array(changed_samples.shown_state(part)) for part in (before, now))
    inputs = "whether any input would give"
    if before.is_complex():
        qubit = len(old) == 2
        measure = "Fubini–Study angle; its cosine squared is the fidelity"
        names = ["θ", "φ"] if qubit else [f"|{k}⟩" for k in range(len(old))]
        if qubit:
            drawn = state_changes.bloch_change(
                *(statevector.bloch_vectors(ket).numpy()[0, 0] for ket in (before, now)),
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
        shows=f"the state of {name} before and with the change. Distance: {measure}.{cite_sample(sample)}",
        not_shown=not_shown,
        alt=f"State of {modality} before and with the change, {far:.2f} rad apart.",
        table=table,
    )


def parse_changes(view: page_state.PageState) -> dict[str, dict[str, Any]] | None:
    """Return the change of each modality that the address requests, or None if all are unchanged."""
    actions = {title: action for action, title in TITLES.items()}
    values = {
        name: actions.get(view.get(f"do.{name}"), changed_samples.KEPT) for name in view.modalities
    }
    return {
        name: {"action": action} | _action_arguments(view, name, action)
        for name, action in values.items()
        if action != changed_samples.KEPT
    } or None


def _action_arguments(view: page_state.PageState, name: str, action: str) -> dict[str, Any]:
    match action, name:
        case changed_samples.SWAP, _:
            donor, share = view.get(f"with.{name}"), view.get(f"mix.{name}")
            return ({"donor": donor} if donor else {}) | (
                {"share": require_number(f"mix.{name}", share, 0, 1)} if share else {}
            )
        case changed_samples.INPUT, "text":
            return {"words": view.get("say")} if view.all("say") else {}
        case changed_samples.INPUT, _:
            return {"controls": _numbers(view, "voice." if name == "audio" else "face.")}
        case changed_samples.STATE, _:
            numbers = _numbers(view, f"set.{name}.").items()
            return {"state": {int(at): value for at, value in numbers if at.isdecimal()}}
    return {}


def _numbers(view: page_state.PageState, start: str) -> dict[str, float]:
    return {
        key.removeprefix(start): require_number(key[:60], view.get(key) or 0.0, -1e6, 1e6)
        for key in view.values
        if key.startswith(start)
    }


def describe_outcome(changed: Sequence[str], before: str, after: str, turned: bool) -> str:
    """Describe the outcome of a decision.

    Args:
        changed: modalities, none where nothing changes. before, after: the decision, as markdown. turned: whether it is
            another one after.
    """
    if not changed:
        return f"Decision: {before}. Change a modality to see the effect"
    return (
        f"Changing {listed([text.escape_markdown(name) for name in changed])} {'**flips**' if turned else 'keeps'} the "
        f"decision: {before} → {after}"
    )


def has_changes(sample: Sample, changes: changed_samples.Edits | None = None, **_: Any) -> bool:
    """Return whether the changes leave a modality otherwise than it is."""
    return bool(both_decisions(sample, changes)[2])


def _within_sentence(finding: str) -> str:
    """Return a sentence to follow a colon. A name of one letter at its beginning stays as it is."""
    return finding[:1].lower() + finding[1:] if finding[1:2].isalpha() else finding
