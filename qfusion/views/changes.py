"""The decision on a sample before and after a change: of its modalities, or of the device that runs the circuit."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import numpy as np
import pandas as pd

from qfusion._checks import check, choose, require_number
from qfusion._sentences import capitalise, listed
from qfusion.explain import counterfactual, verdicts
from qfusion.figures import decision_charts, decision_pairs, state_changes, style
from qfusion.figures.circuits import fusion
from qfusion.models.protocols import Circuit, EditableCircuit, StateModel, TruthTables
from qfusion.quantum import statevector
from qfusion.study import circuits, text, what_if
from qfusion.study.sample import Sample
from qfusion.views.pages.page_state import PageState
from qfusion.views.pages.params import NumberParam, Param, SelectParam, whole_number
from qfusion.views.view import View, terms_table
from qfusion.views.words import answers, rules
from qfusion.views.words.decisions import describe_baseline, describe_comparison
from qfusion.views.words.rules import cite_sample, describe_calibration, name_explained_class

BEFORE: Final = "as it is"
AFTER: Final = "with the changes"
SAME = 1e-6  # angles below it, in radians, are rounding


TITLES = {
    what_if.KEPT: "leave it as it is",
    what_if.SWAP: "another sample's",
    what_if.DROP: "leave it out",
    what_if.INPUT: "edit the raw input",
    what_if.STATE: "edit its state",
    what_if.FLIP: "nearest state that flips the decision",
}  # as the address says them


def parse_changes(view: PageState) -> dict[str, dict[str, Any]] | None:
    """Return the change of each modality that the address requests, or None if all are unchanged."""
    actions = {title: action for action, title in TITLES.items()}
    values = {name: actions.get(view.get(f"do.{name}"), what_if.KEPT) for name in view.modalities}
    return {
        name: {"action": action} | _action_arguments(view, name, action)
        for name, action in values.items()
        if action != what_if.KEPT
    } or None


def _action_arguments(view: PageState, name: str, action: str) -> dict[str, Any]:
    match action, name:
        case what_if.SWAP, _:
            donor, share = view.get(f"with.{name}"), view.get(f"mix.{name}")
            return ({"donor": donor} if donor else {}) | (
                {"share": require_number(f"mix.{name}", share, 0, 1)} if share else {}
            )
        case what_if.INPUT, "text":
            return {"words": view.get("say")} if view.all("say") else {}
        case what_if.INPUT, _:
            return {"controls": _numbers(view, "voice." if name == "audio" else "face.")}
        case what_if.STATE, _:
            numbers = _numbers(view, f"set.{name}.").items()
            return {"state": {int(at): value for at, value in numbers if at.isdecimal()}}
    return {}


def _numbers(view: PageState, start: str) -> dict[str, float]:
    return {
        key.removeprefix(start): require_number(key[:60], view.get(key) or 0.0, -1e6, 1e6)
        for key in view.values
        if key.startswith(start)
    }


Changes = Annotated[what_if.Edits | None, parse_changes]


def both_decisions(
    sample: Sample, changes: what_if.Edits | None = None
) -> tuple[what_if.Result, what_if.Result, dict[str, str]]:
    """Return the model's results for the sample without and with the changes, and the action on each modality that
    changes.
    """
    stored, wanted = (
        what_if.wanted_changes(sample.study, sample.row, part) for part in ({}, changes or {})
    )
    before, after = (
        what_if.apply_changes(sample.study, sample.row, part) for part in (stored, wanted)
    )
    return (
        before,
        after,
        {
            name: entry.action
            for name, entry in zip(sample.modalities, wanted, strict=True)
            if entry.action != what_if.KEPT
        },
    )


def probabilities(sample: Sample, *, changes: Changes = None) -> View:
    """Both decisions as softmax of the classes; of a model of classes.

    Args:
        sample: whose modalities change.
        changes: by modality, see `study.what_if`.
    """
    study = sample.study
    check(bool(study.classes), "This model predicts a number, not classes. Look at `waterfall`.")
    before, now, done = both_decisions(sample, changes)
    drawn = fusion.describe_drawn_classes(study.classes, sample.true_class)
    diamonds = " with the changes; diamonds: without them" if done else ""
    return View(
        fusion.class_bars(
            now.probabilities,
            study.classes,
            truth=sample.true_class,
            before=before.probabilities if done else None,
            before_name=BEFORE,
        ),
        f"Decision: {answers.format_decision_value(study, now.outcome.scores)}",
        caption=f"{drawn}{diamonds}. {describe_calibration(study)}{cite_sample(sample)}",
        limits="This is not the probability of being right: see the calibration on the Cohorts page.",
        table=pd.DataFrame(
            {
                "sample": sample.id,
                "class": study.classes,
                "as_it_is": before.probabilities,
                "changed": now.probabilities,
            }
        ),
        alternative=f"Softmax of the classes: {rules.list_numbers(study.classes, now.probabilities)}.",
        name="what-if-probabilities",
    )


def waterfall(
    sample: Sample,
    when: Literal["as it is", "with the changes"] = BEFORE,
    *,
    changes: Changes = None,
) -> View:
    """One of both decisions term by term, on an axis that serves both.

    Args:
        sample: whose modalities change.
        when: which of both.
        changes: by modality, see `study.what_if`.
    """
    study = sample.study
    before, now, done = both_decisions(sample, changes)
    choose("Decision", when, (BEFORE, AFTER))
    terms = (before if when == BEFORE else now).terms(study, sample.output)
    figure = decision_charts.waterfall(
        terms,
        study.modalities,
        truth=sample.target if when == BEFORE else now.truth,
        pale=sample.untweaked.verdict.within_spread if when == BEFORE else (),
        unit=sample.unit,
        quantity=sample.quantity,
    )
    if done:
        figure.update_xaxes(
            range=decision_pairs.common_range(
                *(result.terms(study, sample.output) for result in (before, now))
            )
        )
    verdict = sample.untweaked.verdict
    if when == AFTER:
        verdict = verdicts.verdict_of_terms(terms, study.modalities, study.boundary)
    finding = _within_sentence(answers.title_decision(verdict, sample))
    numbers = [f"{style.term_title(term)} {value:+.2f}" for term, value in terms.items()]
    return View(
        figure,
        f"{when}, {finding}",
        caption=f"the exact sum baseline + single modalities + joint terms (hatched) = {sample.quantity}, {when}."
        f"{cite_sample(sample)} {describe_baseline(study.background)} Terms of a modality that is left out are zero.",
        limits="Such a combination may not occur in data: changed modalities may not match.",
        table=terms_table(terms, sample=sample.id, when=when).assign(
            background=study.background.name
        ),
        alternative=f"Waterfall {when}: {', '.join(numbers)}.",
        name=f"what-if-{'as-it-is' if when == BEFORE else 'changed'}",
    )


def differences(sample: Sample, *, changes: Changes = None) -> View:
    """The effect of the changes on each term; the choices are those of `probabilities`."""
    before, now, _ = both_decisions(sample, changes)
    old = before.terms(sample.study, sample.output)
    new = now.terms(sample.study, sample.output)
    change = {term: new[term] - old[term] for term in old if term}
    numbers = [f"{style.term_title(term)} {value:+.2f}" for term, value in change.items()]
    return View(
        decision_pairs.differences(
            old,
            new,
            sample.modalities,
            what="change",
            baseline=False,
            unit=sample.unit,
            quantity=sample.quantity,
        ),
        describe_mechanism(change),
        caption=f"each term with the changes minus the same term without them{name_explained_class(sample)}; "
        f"the differences sum to the change of the {sample.quantity}. "
        f"{describe_comparison(sample.study.background)}",
        limits="Terms without a changed modality cannot change and are not drawn.",
        table=pd.DataFrame(
            {
                "sample": sample.id,
                "term": list(old),
                "as_it_is": list(old.values()),
                "changed": list(new.values()),
            }
        ),
        alternative=f"Differences: {', '.join(numbers)}.",
        name="what-if-differences",
    )


def describe_mechanism(change: Mapping[str, float]) -> str:
    """Describe which terms a change acts through, by how much each term changes."""
    return rules.describe_extremum(
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


def modality_state(sample: Sample, modality: str, *, changes: Changes = None) -> View:
    """The state of one modality before and with the changes.

    Args:
        sample: whose modalities change.
        modality: whose state.
        changes: by modality, see `study.what_if`.
    """
    sample.model.require(StateModel, "to be drawn")
    choose("Modality", modality, sample.modalities)
    before, now = (result.states[modality] for result in both_decisions(sample, changes)[:2])
    far = float(counterfactual.distance(before[0], now[0]))
    name = text.escape_markdown(modality)
    hue = style.term_colour(modality, sample.modalities)
    old, new = (np.array(what_if.shown_state(part)) for part in (before, now))
    measure = "Fubini–Study angle; its cosine squared is the fidelity"
    inputs = "whether any input would give"
    if not before.is_complex():
        backend: Any = sample.study.backend
        names = list(backend.elements)
        figure = state_changes.number_bars(
            old,
            new,
            [element.removeprefix("element ") for element in names],
            axis="mass",
            across="element",
            hue=hue,
        )
        measure = "norm of the change of the angles θ = 2 arcsin √mass"
        limits = f"Does not show {inputs} these masses."
    elif len(old) == 2:
        names = ["θ", "φ"]
        figure = state_changes.bloch_change(
            *(statevector.bloch_vectors(ket).numpy()[0, 0] for ket in (before, now)), hue=hue
        )
        limits = f"Does not show {inputs} this state."
    else:
        names = [f"|{k}⟩" for k in range(len(old))]
        figure = state_changes.number_bars(
            old, new, names, axis="population", across="basis state", hue=hue
        )
        limits = f"Does not show the phases, which a swap or the nearest flip changes too, and {inputs} this state."
    return View(
        figure,
        describe_state_change(name, far),
        caption=f"the state of {name} before and with the change. Distance: {measure}.{cite_sample(sample)}",
        limits=limits,
        table=pd.DataFrame(
            {
                "sample": sample.id,
                "modality": modality,
                "part": names,
                "as_it_is": old,
                "changed": new,
            }
        ),
        alternative=f"State of {modality} before and with the change, {far:.2f} rad apart.",
        name=f"what-if-state-{modality}",
    )


def describe_outcome(changed: Sequence[str], before: str, after: str, turned: bool) -> str:
    """Describe the outcome of a decision.

    Args:
        changed: modalities, at least one. before, after: the decision, as markdown. turned: whether it is another one
            after.
    """
    return (
        f"Changing {listed([text.escape_markdown(name) for name in changed])} {'**flips**' if turned else 'keeps'} the "
        f"decision: {before} → {after}"
    )


def _within_sentence(finding: str) -> str:
    """Return a sentence to follow a colon. A name of one letter at its beginning stays as it is."""
    return finding[:1].lower() + finding[1:] if finding[1:2].isalpha() else finding


SHOTS = 1000


def can_be_noisy(of: Any) -> bool:
    """Return whether the model of a study or sample has a circuit to which noise can be added."""
    model = getattr(of, "study", of).model
    return model.part(Circuit) is not None and (
        model.part(TruthTables) is not None or model.part(EditableCircuit) is not None
    )


NOISE: dict[str, Param] = {
    kind: NumberParam(
        f"noise.{kind}",
        title,
        "0 is used.",
        words,
        step=0.01,
        fits=can_be_noisy,
        style={"format": "%.2f"},
    )
    for kind, title, words in (
        (
            "depolarising",
            "Depolarising",
            "Probability that a qubit is replaced by the maximally mixed state after each operation on "
            "several qubits",
        ),
        (
            "damping",
            "Amplitude damping",
            "Probability that |1⟩ decays to |0⟩ after each operation on several qubits",
        ),
        ("readout", "Read-out", "Probability that a read bit is replaced by a random bit"),
    )
} | {
    "shots": SelectParam(
        "shots",
        "Shots",
        "1000 are used.",
        "Number of runs of each circuit",
        ("100", "200", "500", "1000", "2000", "5000", "10000", "100000"),
        default="1000",
        look="steps",
        meanings=whole_number("shots", 1, 10**9),
        fits=can_be_noisy,
    )
}


def noisy_outcome(
    sample: Sample,
    depolarising: float = 0.0,
    damping: float = 0.0,
    readout: float = 0.0,
    shots: int = SHOTS,
) -> circuits.Noisy:
    """Return the output of the noisy circuit for the sample."""
    return circuits.run_with_noise(sample, (depolarising, damping, readout), shots)


def noisy_scores(
    sample: Sample,
    *,
    depolarising: Annotated[float, NOISE["depolarising"]] = 0.0,
    damping: Annotated[float, NOISE["damping"]] = 0.0,
    readout: Annotated[float, NOISE["readout"]] = 0.0,
    shots: Annotated[int, NOISE["shots"]] = SHOTS,
) -> View:
    """Log-odds of the classes, or the score, under noise, beside those of the exact circuit.

    Args:
        sample: a sample of a model with a circuit to which noise can be added.
        depolarising: probability that a qubit is replaced by the maximally mixed state after each operation on several
            qubits.
        damping: probability that |1⟩ decays to |0⟩ after each operation on several qubits.
        readout: probability that a read bit is replaced by a random bit.
        shots: how often each circuit is run.
    """
    study = sample.study
    quantity = sample.quantity
    result = noisy_outcome(sample, depolarising, damping, readout, shots)
    names = study.classes or study.model.outputs
    head = f"{result.scores[0]:.2f} ± {result.errors[0]:.2f} at {shots:,} shots"
    if len(names) > 1:
        first, second = np.argsort(-result.scores)[:2]
        head = describe_lead(
            text.escape_markdown(names[first]),
            float(study.logits(result.scores[first] - result.scores[second])),
            float(study.logits(np.asarray(result.lead_error))),
            shots,
        )
    return View(
        fusion.class_bars(
            result.scores,
            names,
            truth=sample.true_class,
            before=sample.scores,
            before_name="exact",
            errors=result.errors,
            unit="log-odds (nats)" if study.classes else sample.unit,
        ),
        head,
        caption=f"the {quantity} under this noise; error bars: one standard error at this number of shots; "
        "diamonds: the exact circuit. All bars use the same shots, so overlapping bars do not imply "
        "an insignificant lead: the title uses the standard error of the difference."
        f"{cite_sample(sample)}",
        limits="A real device also has drift and cross-talk.",
        table=pd.DataFrame(
            {
                "class": names,
                quantity.replace("-", "_"): result.scores,
                "standard_error": result.errors,
                "exact": sample.scores,
            }
        ),
        alternative=f"{capitalise(quantity)} under noise: {rules.list_numbers(names, result.scores, '+.2f')}.",
    )


def describe_lead(name: str, gap: float, error: float, shots: int) -> str:
    """Return how far the first class is ahead of the next, in standard errors of their difference over the same shots.

    That nothing scatters where it does not.
    """
    if error <= 1e-9 * max(abs(gap), 1e-300):
        return f"‘{name}’ leads by {gap:.2f}, without shot noise"
    words = f"‘{name}’ leads by {gap / error:.1f} standard errors of the difference"
    if gap / error < 2:
        return f"Not significant at {shots:,} shots: {words}"
    return f"{words} at {shots:,} shots"


def noisy_terms(
    sample: Sample,
    *,
    depolarising: Annotated[float, NOISE["depolarising"]] = 0.0,
    damping: Annotated[float, NOISE["damping"]] = 0.0,
    readout: Annotated[float, NOISE["readout"]] = 0.0,
    shots: Annotated[int, NOISE["shots"]] = SHOTS,
) -> View:
    """The contributions under noise, beside those of the exact circuit; choices as of `noisy_scores`."""
    study = sample.study
    c = sample.output
    result = noisy_outcome(sample, depolarising, damping, readout, shots)
    before = sample.dividends
    values, errors = (
        {term: float(part[i, c]) for i, term in enumerate(study.coalitions)}
        for part in (result.dividends, result.dividend_errors)
    )
    sure = sum(bool(term) and abs(values[term]) > 2 * errors[term] for term in values)
    return View(
        decision_charts.term_bars(values, errors, before, sample.modalities, unit=sample.unit),
        f"{sure} of {len(values) - 1} terms exceed the noise of the shots{name_explained_class(sample)}",
        caption="contributions under this noise, with standard errors for this number of shots per coalition; "
        f"diamonds: exact.{cite_sample(sample)} {describe_comparison(study.background)}",
        limits="The baseline is in the table.",
        table=terms_table(values).assign(
            standard_error=list(errors.values()), exact=list(before.values())
        ),
        alternative=f"Contributions under noise: {rules.list_terms(values)}.",
    )
