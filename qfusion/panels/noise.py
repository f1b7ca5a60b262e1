"""The decision of an entangled-fusion network on a noisy device, with the standard errors that so many shots leave.

Noise is told by three probabilities: of a qubit to be replaced by the maximally mixed state, and to decay, after each
operation on several qubits; of a read bit to be lost to a coin toss.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from qfusion.analysis import backgrounds, text
from qfusion.analysis.dynamics import circuit_evolution
from qfusion.analysis.dynamics.circuit_evolution import Noisy
from qfusion.analysis.sample import Sample
from qfusion.figures.draw import decision
from qfusion.figures.draw import evidence as figures
from qfusion.figures.numbers import terms_table
from qfusion.figures.style import Theme
from qfusion.panels.circuit import NETWORK_VIEWS
from qfusion.panels.core import allowed as say
from qfusion.panels.core import spoken
from qfusion.panels.core.panel import Panel, Picture, can, number, whole, within

NOISES = ("depolarising", "damping", "readout")
SHOTS = 1000


def noisy(
    sample: Sample,
    depolarising: float = 0.0,
    damping: float = 0.0,
    readout: float = 0.0,
    shots: int = SHOTS,
) -> Noisy:
    """What the noisy circuit says of the sample."""
    return circuit_evolution.with_noise(
        sample.work, sample.row, sample.tweak, (depolarising, damping, readout), shots
    )


def scores(
    sample: Sample,
    theme: Theme = "light",
    *,
    depolarising: float = 0.0,
    damping: float = 0.0,
    readout: float = 0.0,
    shots: int = SHOTS,
) -> Picture:
    """Scores under noise, beside those of the exact circuit.

    Args:
        sample: a sample of an entangled-fusion network.
        theme: of the figure.
        depolarising, damping, readout: probabilities, see above.
        shots: how often each circuit is run.
    """
    work, exact = sample.work, circuit_evolution.answer(sample.work, sample.row, sample.tweak)
    found, names = (
        noisy(sample, depolarising, damping, readout, shots),
        work.classes or work.model.outputs,
    )
    order = np.argsort(-found.scores)
    if len(order) > 1:
        gap = float(found.scores[order[0]] - found.scores[order[1]])
        head = lead(text.plain(names[order[0]]), gap, found.lead_error, shots)
    else:
        head = f"{found.scores[0]:.2f} ± {found.errors[0]:.2f} at {shots:,} shots"
    return Picture(
        "noisy-scores",
        head,
        figures.class_bars(
            found.scores,
            names,
            truth=int(work.dataset.y[sample.row]) if work.classes else None,
            before=exact.scores,
            before_name="exact",
            errors=found.errors,
            unit="score",
            theme=theme,
        ),
        shows="scores under this noise; error bars: one standard error of that many shots; diamonds: the exact "
        "circuit. All scores come from the same shots, so bars that overlap do not say that a lead is within "
        "chance: the title counts errors of the difference." + sample.of,
        not_shown="drift and cross-talk of a real device.",
        alt=f"Scores under noise: {spoken.listed(names, found.scores, '+.2f')}.",
        table=lambda: pd.DataFrame(
            {
                "class": names,
                "score": found.scores,
                "standard_error": found.errors,
                "exact": exact.scores,
            }
        ),
    )


def lead(name: str, gap: float, error: float, shots: int) -> str:
    """Returns how far the highest score is ahead of the next, in standard errors of their difference over the same
    shots; that nothing scatters where it does not."""
    if error <= 1e-9 * max(abs(gap), 1e-300):
        return f"‘{name}’ leads by {gap:.2f}; its shots do not scatter"
    ahead = gap / error
    if ahead < 2:
        return f"{shots:,} shots do not settle it: ‘{name}’ leads by {ahead:.1f} standard errors of the difference"
    return f"‘{name}’ leads by {ahead:.1f} standard errors of the difference at {shots:,} shots"


def terms(
    sample: Sample,
    theme: Theme = "light",
    *,
    depolarising: float = 0.0,
    damping: float = 0.0,
    readout: float = 0.0,
    shots: int = SHOTS,
) -> Picture:
    """Contributions under noise, beside those of the exact circuit; arguments as of `scores`."""
    work, c = sample.work, sample.output
    found = noisy(sample, depolarising, damping, readout, shots)
    before = circuit_evolution.answer(work, sample.row, sample.tweak).terms(work, c)
    values, errors = (
        {term: float(each[i, c]) for i, term in enumerate(work.coalitions)}
        for each in (found.dividends, found.dividend_errors)
    )
    sure = [term for term in values if term and abs(values[term]) > 2 * errors[term]]
    return Picture(
        "noisy-terms",
        f"{len(sure)} of {len(values) - 1} terms stand out from the shots{sample.whose}",
        decision.term_bars(
            values, errors, before, sample.modalities, unit=sample.unit, theme=theme
        ),
        shows="contributions under this noise with standard errors when every coalition's circuit is run that often; "
        "diamonds: exact." + sample.of + " " + backgrounds.against(work.background),
        not_shown="the baseline: it is in the table.",
        alt=f"Contributions under noise: {spoken.terms(values)}.",
        table=lambda: terms_table(values).assign(
            standard_error=list(errors.values()), exact=list(before.values())
        ),
    )


SHOT_CHOICES = (100, 200, 500, 1000, 2000, 5000, 10_000, 100_000)


def _allowed_noise(work: Any) -> dict[str, say.Allowed]:
    """What an address may say of noise and shots."""
    if not work.can("rules"):
        return {}
    found = {f"noise.{kind}": say.number(f"noise.{kind}", 0, 1, "0 is used.") for kind in NOISES}
    return found | {
        "shots": say.options("Number of shots", map(str, SHOT_CHOICES), "1000 are used.")
    }


_NOISE = {kind: number(f"noise.{kind}", 0, 1) for kind in NOISES} | {
    "shots": whole("shots", 1, 10**9)
}
_NOISE_OPEN = within("part", NETWORK_VIEWS, "Noise and shots")
_NOISY = {
    "noisy-scores": Panel(scores, _NOISE, fits=can("rules", "circuit"), opens=_NOISE_OPEN),
    "noisy-terms": Panel(terms, _NOISE, fits=can("rules", "circuit"), opens=_NOISE_OPEN),
}
