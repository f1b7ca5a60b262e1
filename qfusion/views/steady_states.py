"""How fast states of different inputs converge, and what remains of a sample in the steady state."""

import math

import numpy as np
import pandas as pd

from qfusion.analysis import steady_states, text
from qfusion.analysis.sample import Sample
from qfusion.figures import distance_chart, state_charts
from qfusion.simulate.steady_state import MIXED, Contraction
from qfusion.views import View, alt_text
from qfusion.wording.samples import cite_sample


def long_time_limit(sample: Sample) -> steady_states.Settling:
    """Return the long-time end of a sample's evolution; its steady state is None where nothing dissipates."""
    return steady_states.attract(sample.study, sample.row, sample.tweak)


def distance(sample: Sample) -> View:
    """How fast inputs become alike within T, beside the distance to the steady state beyond it."""
    settled = long_time_limit(sample)
    attractor = settled.attractor
    pairs = settled.contraction
    T = float(sample.places[-1])
    near = others = ""
    lines, random_rates = None, None
    table = pd.DataFrame({"t": settled.times, "trace_distance": attractor.distance}).round({"t": 9})
    if pairs is not None:
        lines, random_rates = (pairs.times, pairs.distances), pairs.random_rates
        columns = {f"to_sample_{i}": values for i, values in enumerate(pairs.distances.T, 1)}
        table = table.merge(
            pd.DataFrame({**columns, "t": pairs.times.round(9)}), how="left", on="t"
        )
        near = f"; lines up to T: to the states of {len(columns)} other test samples; grey: random generators"
        first, last = pairs.distances[0].mean(), pairs.distances[-1].mean()
        others = f"; to other samples, mean, from {first:.2f} to {last:.2f} at T"
    lead = (
        describe_random_comparison(pairs),
        describe_approach_rate(settled, T),
        describe_mixing_time(pairs, T),
        describe_readout_dependence(settled.spread[:, sample.output], sample.unit),
    )
    return View(
        distance_chart.distance_line(
            settled.times,
            attractor.distance,
            attractor.gap,
            T,
            pairs=lines,
            random_rates=random_rates,
        ),
        describe_contraction(pairs, attractor.gap),
        caption=f"trace distance of ρ(t) to the steady state (bold){near}; dashed: the slope of the spectral gap (± "
        f"{attractor.gap_error:.1e}), which is the asymptotic rate; it meets the tail of the bold "
        f"line.{cite_sample(sample)}",
        limits="whether the read-out depends on the lost information. No trace distance can grow under a channel, so "
        "their decrease alone is no finding.",
        table=table,
        alternative=f"Trace distance to the steady state from {attractor.distance[0]:.2f} to "
        f"{attractor.distance[-1]:.2g}{others}.",
        heading="Rate at which the input is forgotten",
        lead=" ".join(filter(None, lead)),
    )


def steady(sample: Sample) -> View:
    """The populations of the steady state, and of the sample at T; only where something dissipates."""
    settled = long_time_limit(sample)
    attractor = settled.attractor
    dims = sample.model.dims
    mass = np.real(np.diag(attractor.steady))
    final = np.real(np.diag(settled.final))
    labels = state_charts.basis_labels(dims)
    return View(
        state_charts.populations(
            mass,
            dims,
            reference=final,
            name="steady state",
            reference_name="this sample at T",
        ),
        "Steady state of every input" if attractor.unique else "One of several steady states",
        caption=f"populations of the steady state (residual {attractor.residual:.0e}) and of this sample at T.",
        limits="coherences of the steady state.",
        table=pd.DataFrame({"state": labels, "steady": mass, "sample_at_T": final}),
        alternative=f"Populations of the steady state: {alt_text.list_numbers(labels, mass)}.",
    )


def describe_contraction(pairs: Contraction | None, gap: float) -> str:
    """Return the measured contraction within T and, apart from it, the asymptotic rate."""
    if pairs is None:
        return f"Inputs are forgotten at the asymptotic rate {gap:.3g}, the spectral gap"
    rates = pairs.rates
    return (
        f"States of inputs converge at rate {rates.mean():.3g} up to T ({rates.min():.2g} to "
        f"{rates.max():.2g} over {len(rates)} pairs), later at the spectral gap {gap:.3g}"
    )


def describe_random_comparison(pairs: Contraction | None) -> str:
    """Describe whether the pairs contract faster or slower than under every random generator of equal norms, or
    neither.
    """
    if pairs is None:
        return ""
    rate = float(pairs.rates.mean())
    random = pairs.random_rates
    if rate > random.max():
        word = "faster than under each"
    elif rate < random.min():
        word = "slower than under each"
    else:
        word = "within the range"
    left = pairs.distances[-1] / pairs.distances[0]
    return (
        "**How much is forgotten by T?** Of the trace distance between this sample's state and those "
        f"of {len(pairs.rates)} other test samples {left.mean():.1%} remains at T ({left.min():.1%} "
        f"to {left.max():.1%}), a rate of {rate:.3g}: {word} of {len(random)} random generators with "
        "the same number of jump operators and the same Hilbert-Schmidt norms of H and of the "
        f"dissipator ({random.min():.3g} to {random.max():.3g})."
    )


def describe_approach_rate(settled: steady_states.Settling, T: float) -> str:
    """Return the asymptotic rate beside that at which this sample approaches the steady state within T."""
    distance = settled.attractor.distance
    at_T = float(np.interp(T, settled.times, distance))
    return (
        "**And later?** The steady state is approached at a mean rate of "
        f"{math.log(distance[0] / max(at_T, 1e-12)) / T:.3g} up to T, and at an asymptotic rate of "
        f"{settled.attractor.gap:.3g}."
    )


def describe_mixing_time(pairs: Contraction | None, T: float) -> str:
    """Return the mixing time of the measured pairs against T."""
    if pairs is None:
        return ""
    if pairs.mixing_time is None:
        return f"These pairs are not all closer than {MIXED:g} after a thousand T."
    return (
        f"The last of these pairs is closer than {MIXED:g} from t = {pairs.mixing_time:.3g} on, "
        f"{pairs.mixing_time / T:.3g} T."
    )


def describe_readout_dependence(spread: np.ndarray, unit: str) -> str:
    """Describe how far the scores at 0, at T and at a unique steady state depend on the input."""
    return (
        "**What would be the final output?** At the steady state the output is the same for every "
        f"input. Its standard deviation over the test samples is {spread[1]:.3g} at T ({text.escape_markdown(unit)}) "
        f"and {spread[0]:.3g} at t = 0."
    )
