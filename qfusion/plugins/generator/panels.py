"""What the generator does beyond its gap: spectrum, distances by modes, entropy production, simpler generators."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from qfusion._memory_cache import find_result
from qfusion._sentences import count
from qfusion.errors import InvalidInput
from qfusion.figures import model_charts, style
from qfusion.models.protocols import Evolution
from qfusion.plugins.generator import (
    figures,
    operator_parts,
    operator_views,
    summary,
    words,
)
from qfusion.plugins.generator.operator_views import model_caption
from qfusion.plugins.generator.real_generators import MAX_DIMENSION
from qfusion.study import text
from qfusion.study.sample import Sample
from qfusion.views.pages import panel
from qfusion.views.pages.choices import TIMED
from qfusion.views.pages.dynamics import VIEW
from qfusion.views.view import View
from qfusion.views.words import rules
from qfusion.views.words.rules import cite_sample, name_metric

NAMES = {
    summary.LOCAL: "nearest local",
    summary.HAMILTONIAN: "nearest Hamiltonian",
    summary.NONE: "no evolution",
}


def evolves(sample: Sample) -> bool:
    """Return whether the sample evolves under a generator whose simpler ones can be found."""
    model = sample.study.model
    return model.part(Evolution) is not None and 1 < math.prod(model.dims) <= summary.EVOLVED


def has_modes(sample: Sample) -> bool:
    """Return whether the modes of the generator are at hand, or computed within a minute."""
    if not evolves(sample):
        return False
    D = math.prod(sample.study.model.dims)
    if D > MAX_DIMENSION:
        return False
    arguments = sample.study, sample.tweak_text
    return (
        D <= summary.LIVE_DIMENSION
        or find_result(summary.describe_spectrum, *arguments) is not None
    )


def has_shares(sample: Sample) -> bool:
    """Return whether modes are at hand, and divide the distances of samples to one steady state."""
    return has_modes(sample) and not _shares_obstacle(sample)


def _shares_obstacle(sample: Sample) -> str:
    """Return why distances are not divided by modes; "" where they are."""
    attractor = summary.find_attractor(sample.study, sample.tweak_text)
    if attractor.steady is None or not attractor.unique:
        return words.NO_SHARES
    try:
        summary.share_modes(sample.study, sample.tweak_text)
    except InvalidInput as error:
        return text.escape_markdown(str(error))
    return ""


def produces_entropy(sample: Sample) -> bool:
    """Return whether the entropy production of the sample is defined."""
    return evolves(sample) and not _entropy(sample).reason


def describe_missing_parts(sample: Sample) -> str:
    """Return why parts of the section are not drawn, as markdown; "" where all are."""
    reasons = []
    dimension = math.prod(sample.study.model.dims)
    if has_modes(sample):
        reasons.append(_shares_obstacle(sample))
    else:
        reasons.append(
            words.describe_missing_modes(dimension, sample.study.name, sample.tweak_text)
        )
        if dimension > MAX_DIMENSION and evolves(sample):
            simpler = summary.simplify(sample.study, sample.tweak_text)
            reasons.append(f"{words.describe_strong_symmetries(simpler)}.")
    if evolves(sample) and not produces_entropy(sample):
        reasons.append(_entropy(sample).reason)
    return " ".join(filter(None, reasons))


def mode_shares(sample: Sample) -> View:
    """Draw the distance of test samples to the steady state by bands of modes, with the slope of the gap."""
    shares = summary.share_modes(sample.study, sample.tweak_text)
    gap = float(shares.rates[0])
    names = [_band_name(shares, place, gap) for place in range(len(shares.rates))]
    parts = shares.shares * shares.distance[:, None]
    figure = figures.distance_by_modes(
        shares.times, shares.distance, parts, names, gap, shares.duration
    )
    at_end = shares.shares_at_end
    end_distance = float(np.interp(shares.duration, shares.times, shares.distance))
    ends = f"t = {shares.duration:.3g}, where the mean rate ends" if shares.is_cut else "T"

    def table() -> pd.DataFrame:
        columns = {"t": shares.times, "distance": shares.distance}
        columns |= {f"share of {name}": shares.shares[:, i] for i, name in enumerate(names)}
        return pd.DataFrame(columns)

    return View(
        name="generator-shares",
        title=words.title_gap(shares),
        figure=figure,
        heading="Does the gap mislead?",
        lead=" ".join(words.describe_shares(shares)),
        caption=f"the mean trace distance of {count(shares.samples, 'test sample')} to the steady state, and the part "
        "that each band of modes has in it, its mean share times the mean distance: with S the sign of the difference "
        "δ of the states, |δ| = Tr[S δ] is a sum over modes. Dashed: the slope of the gap; dotted: "
        f"{ends}.{model_caption(sample)}",
        limits="Parts that are negative or below 10⁻⁷ are not drawn. Modes are not orthogonal, so parts can cancel.",
        alternative=f"Distance from {shares.distance[0]:.2f} to {end_distance:.2g} at t = {shares.duration:.3g}. "
        "Shares then: " + rules.list_numbers(names, at_end) + ".",
        table=table,
    )


def _band_name(shares: summary.BandShares, place: int, gap: float) -> str:
    low = float(shares.low[place])
    high = float(shares.high[place])
    number = int(shares.counts[place])
    if low == high:
        return "slowest mode" if number == 1 else "slowest modes"
    if high < 0:
        return f"from {low / gap:.3g} gaps ({number:,})"
    return f"{low / gap:.3g} to {high / gap:.3g} gaps ({number:,})"


def spectrum(sample: Sample) -> View:
    """Draw the eigenvalues with the numerical range, and pseudospectra around the slow ones."""
    found_modes = summary.describe_spectrum(sample.study, sample.tweak_text)
    figure = figures.pseudospectra(
        found_modes.real,
        found_modes.imag,
        found_modes.range_real,
        found_modes.range_imag,
        found_modes.grid_real,
        found_modes.grid_imag,
        found_modes.resolvent,
        found_modes.gap,
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {
                "rate": -found_modes.real,
                "frequency": found_modes.imag,
                "condition": np.where(found_modes.conditions < 0, np.inf, found_modes.conditions),
            }
        )

    return View(
        name="generator-spectrum",
        title=words.title_normality(found_modes),
        figure=figure,
        heading="How far from normal",
        lead=" ".join(words.describe_spectrum(found_modes)),
        caption=f"all {found_modes.side:,} eigenvalues of the generator on traceless operators, with the numerical "
        "range "
        "(dashed); right, those near the gap (dotted); colours: ε is the size, in the spectral norm, of the smallest "
        "change of the generator's matrix that puts an eigenvalue there. Around an eigenvalue of a normal generator it "
        "is the distance to that. Rates are in 1 / time, as H with ħ = 1."
        f"{model_caption(sample)}",
        limits="A mode need not occur in any sample. The smallest change to another Lindblad generator may have to be "
        "larger.",
        alternative=f"{found_modes.side:,} eigenvalues, gap {found_modes.gap:.3g}; departure from normality "
        f"{found_modes.departure:.3g} of norm {found_modes.norm:.3g}; numerical abscissa {found_modes.abscissa:.3g}.",
        table=table,
    )


def _entropy(sample: Sample) -> summary.SampleEntropy:
    return summary.produce_entropy(sample.study, sample.row, sample.tweak_text)


def entropy_production(sample: Sample) -> View:
    """Draw the entropy production along the evolution of the sample, and its total so far."""
    result = _entropy(sample)
    production = result.production
    assert production is not None, "`produces_entropy` asks first"
    rates, produced = production.rates[0], production.produced[0]
    whole = float(production.relative[0, 0])
    figure = figures.entropy_lines(production.times, rates, produced, whole)

    def table() -> pd.DataFrame:
        return pd.DataFrame({"t": production.times, "rate": rates, "produced": produced})

    return View(
        name="generator-entropy",
        title=words.title_entropy(result),
        figure=figure,
        heading="Entropy production",
        lead=f"{words.describe_entropy(result)}.",
        caption="Spohn's entropy production σ = −Tr[L(ρ)(ln ρ − ln ρₛₛ)], in nats per time, and its sum until t, which "
        "is S(ρ(0)‖ρₛₛ) − S(ρ(t)‖ρₛₛ); dashed: S(ρ(0)‖ρₛₛ). "
        + (
            "At t = 0 the state is pure and σ infinite, with a finite sum. "
            if np.isinf(rates[0])
            else ""
        )
        + f"An integral of σ differs from the relative entropies by {abs(result.integral - result.closed):.0e} nats."
        f"{cite_sample(sample)}",
        limits="This is not heat, and there is no temperature: the steady state need not be thermal.",
        alternative=f"Produced until T: {produced[-1]:.3f} of {whole:.3f} nats; rate at T {rates[-1]:.3g}.",
        table=table,
    )


def simpler_generators(sample: Sample) -> View:
    """Draw what the nearest local and Hamiltonian generators, and none, cost on the test rows."""
    result = summary.simplify(sample.study, sample.tweak_text)
    others = [one for one in result.generators if one.name != summary.LEARNED]
    values = np.array([one.loss or (one.change, np.nan, np.nan) for one in others])
    names = [NAMES[one.name] for one in others]
    metric = name_metric(result.metric) if result.metric else ""
    figure = model_charts.interval_dots(
        names,
        {metric or "output": values},
        hues=[style.BLUE, style.VERMILLION, style.GREY],
        x_title=f"loss of {metric}" if metric else "change of the output (root mean square)",
    )

    def table() -> pd.DataFrame:
        rows = []
        for one in result.generators:
            row: dict[str, object] = {
                "generator": one.name,
                "distance": one.distance,
                "change": one.change,
            }
            if one.loss:
                row |= dict(
                    zip((metric, f"{metric}:low", f"{metric}:high"), one.metric, strict=True)
                )
                row |= dict(zip(("loss", "loss:low", "loss:high"), one.loss, strict=True))
            rows.append(row)
        return pd.DataFrame(rows)

    return View(
        name="generator-simpler",
        title=words.title_simpler(result),
        figure=figure,
        heading="Would a simpler generator do?",
        lead=" ".join(words.describe_simplifications(result)),
        caption=f"what the model loses on {result.rows:,} test rows with another generator and nothing trained again"
        + (", with 95% intervals. " if result.metric else ". ")
        + "Local: the nearest sum of Lindblad generators of single modalities, in the Hilbert-Schmidt norm; "
        f"Hamiltonian: H alone.{model_caption(sample)}",
        limits="A model trained with the simpler generator may behave differently.",
        alternative=rules.list_numbers(names, values[:, 0], "+.3f") + ".",
        table=table,
    )


_OPEN = VIEW.is_one_of("Generator")
_OPERATORS_OPEN = VIEW.is_one_of("H and L")
PANELS = {
    **panel.panels(
        operator_views.couplings,
        operator_views.levels,
        {"letters": operator_views.operator_coefficients},
        fits=TIMED,
        opens=_OPERATORS_OPEN,
    ),
    **panel.panels(
        {"modes": operator_views.decay_modes},
        fits=operator_parts.has_modes,
        opens=_OPERATORS_OPEN,
    ),
    "generator-shares": panel.Panel(mode_shares, fits=has_shares, opens=_OPEN),
    "generator-simpler": panel.Panel(simpler_generators, fits=evolves, opens=_OPEN),
    "generator-entropy": panel.Panel(entropy_production, fits=produces_entropy, opens=_OPEN),
    "generator-spectrum": panel.Panel(spectrum, fits=has_modes, opens=_OPEN),
}
