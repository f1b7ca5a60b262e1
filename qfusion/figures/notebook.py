"""Figures by name, for notebooks and scripts: a model and a sample in, a plotly figure out.

    from qfusion import figures
    figures.contributions("qj-planted", "p0031")                     # a model by name, folder or loaded, and a sample
    one = figures.open_sample("qj-planted", "p0031", background="mixed")    # the same, opened once for several figures
    figures.over_time(one, theme="dark")
    figures.numbers.over_time(one)                                   # the numbers of a figure: a pandas table

Everything but `theme` and what is named below goes to `qfusion.analysis.open_sample`: `data`, `output`, `background`,
`contrast`, `tweak`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from qfusion.figures import building, circuit, decision, dynamics, numbers, states, trust
from qfusion.figures.numbers import Asked
from qfusion.figures.style import Theme
from qfusion.quantum.measures import KINDS, split


def contributions(
    model: Asked, sample: str | None = None, *, theme: Theme = "light", **chosen: Any
) -> go.Figure:
    """Returns the waterfall from the baseline through every term to the score."""
    result = numbers.subject(model, sample, **chosen)
    return decision.waterfall(
        result.dividends, result.modalities, truth=result.target, unit=result.unit, theme=theme
    )


def shapley(
    model: Asked, sample: str | None = None, *, theme: Theme = "light", **chosen: Any
) -> go.Figure:
    """Returns the Shapley value of every modality with its share."""
    result = numbers.subject(model, sample, **chosen)
    return decision.shapley_bars(
        result.shapley, result.shares, result.modalities, unit=result.unit, theme=theme
    )


def over_time(
    model: Asked, sample: str | None = None, *, theme: Theme = "light", **chosen: Any
) -> go.Figure:
    """Returns entropies and terms of the decision through the evolution, or along the network's layers."""
    result = numbers.subject(model, sample, **chosen)
    draw: Any = dynamics.decision_lines if result.can("time") else dynamics.decision_layers
    return draw(
        result.places, *numbers.through(result), result.modalities, unit=result.unit, theme=theme
    )


def columns(table: pd.DataFrame, head: str) -> dict[str, np.ndarray]:
    """Returns the columns `head[name]` of a table by name; "all" and "baseline" are the empty coalition."""
    named = {name: split(str(name)) for name in table.columns if "[" in str(name)}
    return {
        "" if inner in ("all", "baseline") else inner: table[name].to_numpy()
        for name, (kind, inner) in named.items()
        if kind == head
    }


def entropies(
    model: Asked,
    sample: str | None = None,
    *,
    measure: str = "entropy",
    theme: Theme = "light",
    **chosen: Any,
) -> go.Figure:
    """Returns a measure of the modalities' states over time, or the entropy of a network's fused qubits; see
    `numbers.entropies`."""
    result = numbers.subject(model, sample, **chosen)
    if not result.can("rules"):
        times, series = numbers.measured(result, measure)
        about = KINDS[measure]
        return dynamics.measure_lines(
            times, series, result.modalities, about.short_axis, between=about.between, theme=theme
        )
    table = numbers.entropies(result, measure=measure)
    return circuit.bars(
        table["entropy"].to_numpy(),
        table["element"].tolist(),
        KINDS["entropy"].short_axis,
        theme=theme,
    )


def masses(
    model: Asked, sample: str | None = None, *, theme: Theme = "light", **chosen: Any
) -> go.Figure:
    """Returns the mass that each modality gives each element of a network, and what the fusion makes of it."""
    result = numbers.subject(model, sample, **chosen)
    read = numbers.reading(result)
    names = (
        read.elements
        if read.elements_are_classes
        else tuple(str(i) for i in range(len(read.elements)))
    )
    marked = (
        result.classes.index(str(result.truth))
        if result.classes and read.elements_are_classes
        else None
    )
    return decision.masses(
        read.masses, read.fused, read.modalities, names, marked=marked, theme=theme
    )


def diagram(
    model: Asked,
    sample: str | None = None,
    *,
    dt: float | None = None,
    theme: Theme = "light",
    **chosen: Any,
) -> go.Figure:
    """Returns the circuit, a step `dt` of the evolution, or the whole, with each qubit's state at its end."""
    replay, _ = numbers.circuit(numbers.subject(model, sample, **chosen), dt)
    return circuit.diagram(
        replay.near(replay.count),
        replay.wires,
        replay.count,
        replay.bloch[-1],
        replay.entropy[-1],
        theme=theme,
    )


def populations(
    model: Asked,
    sample: str | None = None,
    *,
    at: float = 1.0,
    theme: Theme = "light",
    **chosen: Any,
) -> go.Figure:
    """Returns the probability of every joint basis state at the time `at` times T."""
    result = numbers.subject(model, sample, **chosen)
    return states.populations(
        numbers.populations(result, at=at)["probability"].to_numpy(), result.model.dims, theme=theme
    )


def density_matrix(
    model: Asked,
    sample: str | None = None,
    *,
    at: float = 1.0,
    part: str = "modulus",
    theme: Theme = "light",
    **chosen: Any,
) -> go.Figure:
    """Returns the density matrix at the time `at` times T: "modulus" or "phase" of its entries."""
    result = numbers.subject(model, sample, **chosen)
    return states.density_matrix(
        numbers.state(result, at), result.model.dims, part=part, theme=theme
    )


def verdict(
    model: Asked, sample: str | None = None, *, theme: Theme = "light", **chosen: Any
) -> go.Figure:
    """Returns prediction and truth on the range of the target, or the probability of every class."""
    result = numbers.subject(model, sample, **chosen)
    if result.classes:
        return decision.class_bars(
            numbers.verdict(result)["probability"].to_numpy(),
            result.classes,
            truth=result.classes.index(str(result.truth)),
            theme=theme,
        )
    y = result.dataset.y
    low, high = result.dataset.target.range or (float(y.min()), float(y.max()))
    return decision.on_scale(
        float(result.truth), result.score, low, high, unit=result.unit, theme=theme
    )


def deletion(
    model: Asked,
    sample: str | None = None,
    *,
    samples: int = 200,
    insertion: bool = False,
    theme: Theme = "light",
    **chosen: Any,
) -> go.Figure:
    """Returns how fast the score moves as modalities are taken away (or given back), beside random orders, over test
    samples."""
    result = numbers.subject(model, sample, **chosen)
    return deletion_of(numbers.curves(result, samples), insertion=insertion, theme=theme)


def deletion_of(result: Any, *, insertion: bool = False, theme: Theme = "light") -> go.Figure:
    """Returns the figure of curves that are worked out already."""
    ours, random = (
        (result.insertion, result.random_insertion)
        if insertion
        else (result.deletion, result.random_deletion)
    )
    return trust.curves(
        result.shares,
        ours,
        random,
        what="modalities given back" if insertion else "modalities taken away",
        unit="mean |change| of the score",
        theme=theme,
    )


def stability(
    model: Asked, sample: str | None = None, *, theme: Theme = "light", **chosen: Any
) -> go.Figure:
    """Returns a test sample's terms by every training seed, as far as they are shipped."""
    result = numbers.subject(model, sample, **chosen)
    table = numbers.stability(result)
    return trust.seed_dots(
        table.to_numpy(),
        list(table.columns),
        result.modalities,
        table.index.tolist(),
        unit="score of the true class" if result.classes else result.unit,
        theme=theme,
    )


def built(
    model: Asked, sample: str | None = None, *, theme: Theme = "light", **chosen: Any
) -> go.Figure:
    """Returns what each coupling and dissipation built of each contribution, as a matrix."""
    result = numbers.subject(model, sample, **chosen)
    made = numbers.building_of(result)
    titles, _ = building.terms_of(made.terms, made.modalities)
    return building.matrix(
        made.dividends, titles, made.parts, made.start, made.end, unit=result.unit, theme=theme
    )


def built_over_time(
    model: Asked,
    sample: str | None = None,
    *,
    dividend: str | None = None,
    cursor: float | None = None,
    theme: Theme = "light",
    **chosen: Any,
) -> go.Figure:
    """Returns one contribution over time, split into what each term of the dynamics added to it; see
    `numbers.built_over_time`."""
    result = numbers.subject(model, sample, **chosen)
    made = numbers.building_of(result)
    titles, hues = building.terms_of(made.terms, made.modalities)
    s = made.row(made.most_built() if dividend is None else dividend)
    return building.areas(
        made.times,
        made.over_time[:, s],
        titles,
        hues,
        made.dividends[s],
        start=float(made.start[s]),
        cursor=cursor,
        unit=result.unit,
        theme=theme,
    )


def built_flow(
    model: Asked, sample: str | None = None, *, theme: Theme = "light", **chosen: Any
) -> go.Figure:
    """Returns the way from the modalities through couplings and dissipation to the contributions and the score."""
    result = numbers.subject(model, sample, **chosen)
    made = numbers.building_of(result)
    titles, hues = building.terms_of(made.terms, made.modalities)
    return building.flow(
        made.dividends,
        titles,
        hues,
        made.acts,
        made.parts,
        made.start,
        made.end,
        made.modalities,
        unit=result.unit,
        theme=theme,
    )


def cut(
    model: Asked,
    sample: str | None = None,
    *,
    times: int = 21,
    cursor: float | None = None,
    theme: Theme = "light",
    **chosen: Any,
) -> go.Figure:
    """Returns the score if correlations of a modality are taken away at a time, all of them or entanglement alone."""
    result = numbers.subject(model, sample, **chosen)
    table = numbers.cut(result, times=times)
    return building.curves(
        table["t"].to_numpy(),
        _kinds(table),
        float(table["undisturbed"].iloc[0]),
        result.modalities,
        unit=result.unit,
        cursor=cursor,
        theme=theme,
    )


def cut_terms(
    model: Asked,
    sample: str | None = None,
    *,
    modality: str | None = None,
    times: int = 21,
    cursor: float | None = None,
    theme: Theme = "light",
    **chosen: Any,
) -> go.Figure:
    """Returns the sizes of the terms if the correlations of a modality are taken away at a time; see
    `numbers.cut_terms`."""
    result = numbers.subject(model, sample, **chosen)
    table = numbers.cut_terms(result, modality=modality, times=times)
    return building.terms(
        table["t"].to_numpy(),
        _kinds(table),
        result.modalities,
        whose=str(table["modality"].iloc[0]),
        unit=result.unit,
        cursor=cursor,
        theme=theme,
    )


def _kinds(table: pd.DataFrame) -> dict[str, dict[str, np.ndarray]]:
    """The columns of each kind of cut that a table has."""
    result = {kind: columns(table, kind) for kind in building.KINDS}
    return {kind: values for kind, values in result.items() if values}


def cut_test(
    model: Asked,
    sample: str | None = None,
    *,
    samples: int = 200,
    times: int = 11,
    theme: Theme = "light",
    **chosen: Any,
) -> go.Figure:
    """Returns accuracy, or R2 (Acc-2 of CH-SIMS), of test samples if the correlations of a modality are taken away at a
    time in all of them."""
    from qfusion.explain.cuts import METRICS, kind_of

    result = numbers.subject(model, sample, **chosen)
    return cut_test_of(
        numbers.cut_test(result, samples=samples, times=times),
        result.modalities,
        METRICS[kind_of(result.dataset.target)][0],
        theme=theme,
    )


def cut_test_of(
    table: pd.DataFrame,
    modalities: Sequence[str],
    metric: str,
    *,
    levels: Mapping[str, float] | None = None,
    cursor: float | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """Returns the figure of a table of `numbers.cut_table`; `levels` are further lines across, such as a model without
    evolution."""
    from qfusion.training import metrics

    bounded = any(str(key).endswith(":low") for key in table)
    result = {
        kind: {
            name: building.Band(
                table[head].to_numpy(),
                *(table[f"{head}:{end}"].to_numpy() for end in ("low", "high") if bounded),
            )
            for name in modalities
            if (head := f"{kind}[{name}]") in table
        }
        for kind in building.KINDS
    }
    before, chance = (float(table[name].iloc[0]) for name in ("undisturbed", "chance"))
    lost = max(
        (
            float(np.abs(band.value - before).max())
            for bands in result.values()
            for band in bands.values()
        ),
        default=0.0,
    )
    near = lost > 0.2 * abs(before - chance)  # farther away it would flatten every line
    across = (
        {"undisturbed": before}
        | ({"one answer for all": chance} if near else {})
        | dict(levels or {})
    )
    return building.metric(
        table["t"].to_numpy(),
        {kind: bands for kind, bands in result.items() if bands},
        across,
        modalities,
        y_title=f"{metrics.describe[metric].short}, n = {int(table['n'].iloc[0]):,}",
        cursor=cursor,
        theme=theme,
    )
