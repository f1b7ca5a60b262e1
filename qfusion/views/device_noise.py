"""The decision of a circuit on a noisy device, with the standard errors of a number of shots."""

from typing import Annotated

import numpy as np
import pandas as pd

from qfusion._sentences import capitalise
from qfusion.analysis import circuit_changes, sample_circuits, text
from qfusion.analysis.sample import Sample
from qfusion.figures import decision_charts, evidence_fusion, result_tables
from qfusion.views import Slider, View, alt_text
from qfusion.wording.backgrounds import describe_comparison
from qfusion.wording.samples import cite_sample, name_explained_class

SHOTS = 1000
Probability = Annotated[float, Slider(0.0, 1.0)]


def noisy_outcome(
    sample: Sample,
    depolarising: float = 0.0,
    damping: float = 0.0,
    readout: float = 0.0,
    shots: int = SHOTS,
) -> sample_circuits.Noisy:
    """Return the output of the noisy circuit for the sample."""
    return circuit_changes.run_with_noise(sample, (depolarising, damping, readout), shots)


def noisy_scores(
    sample: Sample,
    *,
    depolarising: Probability = 0.0,
    damping: Probability = 0.0,
    readout: Probability = 0.0,
    shots: int = SHOTS,
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
        evidence_fusion.class_bars(
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
        limits="drift and cross-talk of a real device.",
        table=pd.DataFrame(
            {
                "class": names,
                quantity.replace("-", "_"): result.scores,
                "standard_error": result.errors,
                "exact": sample.scores,
            }
        ),
        alternative=f"{capitalise(quantity)} under noise: {alt_text.list_numbers(names, result.scores, '+.2f')}.",
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
    depolarising: Probability = 0.0,
    damping: Probability = 0.0,
    readout: Probability = 0.0,
    shots: int = SHOTS,
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
        limits="the baseline: it is in the table.",
        table=result_tables.terms_table(values).assign(
            standard_error=list(errors.values()), exact=list(before.values())
        ),
        alternative=f"Contributions under noise: {alt_text.list_terms(values)}.",
    )
