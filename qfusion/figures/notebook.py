"""Figures by name, for notebooks and scripts: a model and a sample in, a plotly figure out.

    from qfusion import figures
    figures.contributions("qj-planted", "p0031")                     # a model by name, folder or loaded, and a sample
    one = figures.open_sample("qj-planted", "p0031", background="mixed")    # the same, opened once for several figures
    figures.over_time(one, theme="dark")
    figures.numbers.over_time(one)                                   # the numbers of a figure: a pandas table

Everything but `theme` and what is named below goes to `qfusion.study.open_sample`: `data`, `output`, `background`,
`contrast`, `tweak`.
"""

from typing import Any

import plotly.graph_objects as go

from qfusion.figures import (
    decision_charts,
    evolution_charts,
    generator_attribution,
    numbers,
    state_charts,
    term_effects,
    trust_charts,
)
from qfusion.figures.circuits import charts, diagram as circuit_diagram, fusion
from qfusion.models.protocols import Evolution, TruthTables
from qfusion.quantum.measure_kinds import KINDS
from qfusion.study.sample import Sample


@numbers.accepts_sample
def contributions(sample: Sample) -> go.Figure:
    """Return the waterfall from the baseline through every term to the log-odds of the class, or to the score."""
    return decision_charts.waterfall(
        sample.dividends,
        sample.modalities,
        truth=sample.target,
        errors=sample.term_errors or None,
        unit=sample.unit,
        quantity=sample.quantity,
    )


@numbers.accepts_sample
def shapley(sample: Sample) -> go.Figure:
    """Return the Shapley value of every modality with its share."""
    return decision_charts.shapley_bars(
        sample.shapley, sample.shares, sample.modalities, unit=sample.unit
    )


@numbers.accepts_sample
def over_time(sample: Sample) -> go.Figure:
    """Return entropies and terms of the decision through the evolution, or along the network's layers."""
    if sample.model.part(Evolution):
        draw: Any = evolution_charts.decision_lines
    else:
        draw = evolution_charts.decision_layers
    return draw(
        sample.places, *numbers.layer_entropies(sample), sample.modalities, unit=sample.unit
    )


@numbers.accepts_sample
def entropies(sample: Sample, *, measure: str = "entropy") -> go.Figure:
    """Return a measure of the modalities' states over time, or the entropy of a network's fused qubits.

    See `numbers.entropies`.
    """
    if not sample.model.part(TruthTables):
        times, series = numbers.measure_over_time(sample, measure)
        about = KINDS[measure]
        return evolution_charts.measure_lines(
            times, series, sample.modalities, about.short_axis, between=about.between
        )
    table = numbers.entropies(sample, measure=measure)
    return charts.qubit_bars(
        table["entropy"].to_numpy(), table["element"].tolist(), KINDS["entropy"].short_axis
    )


@numbers.accepts_sample
def masses(sample: Sample) -> go.Figure:
    """Return a figure of the mass that each modality gives to each element of a network, and the result of their
    fusion.
    """
    read = numbers.fusion_reading(sample)
    return fusion.masses(
        read.masses,
        read.fused,
        read.modalities,
        read.elements
        if read.elements_are_classes
        else tuple(str(i) for i in range(len(read.elements))),
        marked=sample.true_class if read.elements_are_classes else None,
    )


@numbers.accepts_sample
def diagram(sample: Sample, *, dt: float | None = None) -> go.Figure:
    """Return the circuit, a step `dt` of the evolution, or the whole, with each qubit's state at its end."""
    replay, _ = numbers.circuit_replay(sample, dt)
    return circuit_diagram.diagram(
        replay.visible_boxes(replay.count),
        replay.wires,
        replay.count,
        replay.bloch[-1],
        replay.entropy[-1],
    )


@numbers.accepts_sample
def populations(sample: Sample, *, at: float = 1.0) -> go.Figure:
    """Return the probability of every joint basis state at the time `at` times T."""
    return state_charts.populations(
        numbers.populations(sample, at=at)["probability"].to_numpy(), sample.model.dims
    )


@numbers.accepts_sample
def density_matrix(sample: Sample, *, at: float = 1.0, part: str = "modulus") -> go.Figure:
    """Return the density matrix at the time `at` times T: "modulus" or "phase" of its entries."""
    return state_charts.density_matrix(
        numbers.evolved_state(sample, at), sample.model.dims, part=part
    )


@numbers.accepts_sample
def verdict(sample: Sample) -> go.Figure:
    """Return prediction and truth on the range of the target, or the probability of every class."""
    if sample.classes:
        return fusion.class_bars(
            numbers.verdict(sample)["probability"].to_numpy(),
            sample.classes,
            truth=sample.true_class,
        )
    low, high = sample.study.scale
    return decision_charts.target_scale(sample.target, sample.score, low, high, unit=sample.unit)


@numbers.accepts_sample
def deletion(sample: Sample, *, samples: int = 200, insertion: bool = False) -> go.Figure:
    """Return how fast the decision moves as modalities are taken away (or given back), beside random orders, over test
    samples.
    """
    return draw_deletion(numbers.deletion_curves(sample, samples), insertion=insertion)


def draw_deletion(curves: Any, *, insertion: bool = False) -> go.Figure:
    """Draw deletion or insertion curves that are already computed."""
    if insertion:
        ours, random = (curves.insertion, curves.random_insertion)
    else:
        ours, random = (curves.deletion, curves.random_deletion)
    return trust_charts.deletion_curves(
        curves.shares,
        ours,
        random,
        what="modalities given back" if insertion else "modalities taken away",
        unit=f"mean |change| of the {curves.unit}",
    )


@numbers.accepts_sample
def stability(sample: Sample) -> go.Figure:
    """Return a figure of a test sample's terms for every training seed, as far as these are shipped."""
    table = numbers.stability(sample)
    return trust_charts.seed_dots(
        table.to_numpy(),
        list(table.columns),
        sample.modalities,
        table.index.tolist(),
        unit="log-odds of the true class (nats)" if sample.classes else sample.unit,
    )


@numbers.accepts_sample
def built(sample: Sample) -> go.Figure:
    """Return a figure of the contribution of each coupling and dissipation to each dividend, as a matrix."""
    made = numbers.path_attribution(sample)
    titles, _ = generator_attribution.term_styles(made.terms, made.modalities)
    return generator_attribution.attribution_matrix(
        made.dividends,
        titles,
        made.parts,
        made.start,
        made.end,
        unit=sample.unit,
        quantity=sample.quantity,
    )


@numbers.accepts_sample
def built_over_time(
    sample: Sample, *, dividend: str | None = None, cursor: float | None = None
) -> go.Figure:
    """Return a figure of one contribution over time, split by the terms of the dynamics.

    See `numbers.built_over_time`.
    """
    made = numbers.path_attribution(sample)
    titles, hues = generator_attribution.term_styles(made.terms, made.modalities)
    s = made.row(made.largest_changed_dividend() if dividend is None else dividend)
    return term_effects.attribution_areas(
        made.times,
        made.over_time[:, s],
        titles,
        hues,
        made.dividends[s],
        start=float(made.start[s]),
        cursor=cursor,
        unit=sample.unit,
    )


@numbers.accepts_sample
def built_flow(sample: Sample) -> go.Figure:
    """Return the way from the modalities through couplings and dissipation to the contributions and their sum."""
    made = numbers.path_attribution(sample)
    titles, hues = generator_attribution.term_styles(made.terms, made.modalities)
    return generator_attribution.attribution_flow(
        made.dividends,
        titles,
        hues,
        made.acts,
        made.parts,
        made.start,
        made.end,
        made.modalities,
        unit=sample.unit,
        quantity=sample.quantity,
    )
