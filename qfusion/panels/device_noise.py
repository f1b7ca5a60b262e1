"""The decision of an entangled-fusion network on a noisy device, with the standard errors of a number of shots."""

from typing import Any

import numpy as np
import pandas as pd

from qfusion._sentences import capitalise
from qfusion.analysis import circuit_changes, sample_circuits, text
from qfusion.analysis.sample import Sample
from qfusion.figures import decision_charts, evidence_fusion, result_tables, style
from qfusion.models.protocols import Circuit, EditableCircuit, TruthTables
from qfusion.panels import page_state, panel, params
from qfusion.panels.circuit import NOISE_SWITCH, PART
from qfusion.views import alt_text
from qfusion.wording.backgrounds import describe_comparison
from qfusion.wording.samples import cite_sample, name_explained_class

SHOTS = 1000


def noisy_outcome(
    sample: Sample,
    depolarising: float = 0.0,
    damping: float = 0.0,
    readout: float = 0.0,
    shots: int = SHOTS,
) -> sample_circuits.Noisy:
    """Return the output of the noisy circuit for the sample."""
    return circuit_changes.run_with_noise(sample, (depolarising, damping, readout), shots)


def scores(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    depolarising: float = 0.0,
    damping: float = 0.0,
    readout: float = 0.0,
    shots: int = SHOTS,
) -> panel.PanelFigure:
    """Draw log-odds of the classes, or the score, under noise, beside those of the exact circuit.

    Args:
        sample: a sample of an entangled-fusion network.
        theme: of the figure.
        depolarising, damping, readout: probabilities, see above.
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
    figure = evidence_fusion.class_bars(
        result.scores,
        names,
        truth=sample.true_class,
        before=sample.scores,
        before_name="exact",
        errors=result.errors,
        unit="log-odds (nats)" if study.classes else sample.unit,
        theme=theme,
    )
    alt = f"{capitalise(quantity)} under noise: {alt_text.list_numbers(names, result.scores, '+.2f')}."

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {
                "class": names,
                quantity.replace("-", "_"): result.scores,
                "standard_error": result.errors,
                "exact": sample.scores,
            }
        )

    return panel.PanelFigure(
        "noisy-scores",
        head,
        figure,
        shows=f"the {quantity} under this noise; error bars: one standard error at this number of shots; "
        "diamonds: the exact circuit. All bars use the same shots, so overlapping bars do not imply "
        "an insignificant lead: the title uses the standard error of the difference."
        + cite_sample(sample),
        not_shown="drift and cross-talk of a real device.",
        alt=alt,
        table=table,
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


def terms(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    depolarising: float = 0.0,
    damping: float = 0.0,
    readout: float = 0.0,
    shots: int = SHOTS,
) -> panel.PanelFigure:
    """Draw the contributions under noise, beside those of the exact circuit; arguments as of `scores`."""
    study = sample.study
    c = sample.output
    result = noisy_outcome(sample, depolarising, damping, readout, shots)
    before = sample.dividends
    values, errors = (
        {term: float(part[i, c]) for i, term in enumerate(study.coalitions)}
        for part in (result.dividends, result.dividend_errors)
    )
    sure = sum(bool(term) and abs(values[term]) > 2 * errors[term] for term in values)
    figure = decision_charts.term_bars(
        values, errors, before, sample.modalities, unit=sample.unit, theme=theme
    )

    def table() -> pd.DataFrame:
        return result_tables.terms_table(values).assign(
            standard_error=list(errors.values()), exact=list(before.values())
        )

    return panel.PanelFigure(
        "noisy-terms",
        f"{sure} of {len(values) - 1} terms exceed the noise of the shots{name_explained_class(sample)}",
        figure,
        shows="contributions under this noise, with standard errors for this number of shots per "
        "coalition; diamonds: exact."
        + cite_sample(sample)
        + " "
        + describe_comparison(study.background),
        not_shown="the baseline: it is in the table.",
        alt=f"Contributions under noise: {alt_text.list_terms(values)}.",
        table=table,
    )


def can_be_noisy(of: Any) -> bool:
    """Return whether the model of a study or sample has a circuit to which noise can be added."""
    model = getattr(of, "study", of).model
    return model.part(Circuit) is not None and (
        model.part(TruthTables) is not None or model.part(EditableCircuit) is not None
    )


NOISE: dict[str, params.Param] = {
    kind: params.NumberParam(
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
    "shots": params.SelectParam(
        "shots",
        "Shots",
        "1000 are used.",
        "Number of runs of each circuit",
        ("100", "200", "500", "1000", "2000", "5000", "10000", "100000"),
        default="1000",
        look="steps",
        meanings=params.whole_number("shots", 1, 10**9),
        fits=can_be_noisy,
    )
}
_VIEW_OPEN = PART.is_one_of("Noise and shots")


def noise_open(view: page_state.PageState) -> bool:
    """Return whether the reader looks at noise: in a view of a fusion network, or unfolded below a circuit of gates."""
    return NOISE_SWITCH.opens(view) if view.has_part(EditableCircuit) else _VIEW_OPEN(view)
