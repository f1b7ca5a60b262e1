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
    opened = numbers.subject(model, sample, **chosen)
    return decision.waterfall(
        opened.dividends, opened.modalities, truth=opened.target, unit=opened.unit, theme=theme
    )


def shapley(
    model: Asked, sample: str | None = None, *, theme: Theme = "light", **chosen: Any
) -> go.Figure:
    """Returns the Shapley value of every modality with its share."""
    opened = numbers.subject(model, sample, **chosen)
    return decision.shapley_bars(
        opened.shapley, opened.shares, opened.modalities, unit=opened.unit, theme=theme
    )


def over_time(
    model: Asked, sample: str | None = None, *, theme: Theme = "light", **chosen: Any
) -> go.Figure:
    """Returns entropies and terms of the decision through the evolution, or along the network's layers."""
    opened = numbers.subject(model, sample, **chosen)
    draw: Any = dynamics.decision_lines if opened.can("time") else dynamics.decision_layers
    return draw(
        opened.places, *numbers.through(opened), opened.modalities, unit=opened.unit, theme=theme
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
    opened = numbers.subject(model, sample, **chosen)
    if not opened.can("rules"):
        times, series = numbers.measured(opened, measure)
        about = KINDS[measure]
        return dynamics.measure_lines(
            times, series, opened.modalities, about.short_axis, between=about.between, theme=theme
        )
    table = numbers.entropies(opened, measure=measure)
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
    opened = numbers.subject(model, sample, **chosen)
    read = numbers.reading(opened)
    names = (
        read.elements
        if read.elements_are_classes
        else tuple(str(i) for i in range(len(read.elements)))
    )
    marked = (
        opened.classes.index(str(opened.truth))
        if opened.classes and read.elements_are_classes
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
    opened = numbers.subject(model, sample, **chosen)
    return states.populations(
        numbers.populations(opened, at=at)["probability"].to_numpy(), opened.model.dims, theme=theme
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
    opened = numbers.subject(model, sample, **chosen)
    return states.density_matrix(
        numbers.state(opened, at), opened.model.dims, part=part, theme=theme
    )


def verdict(
    model: Asked, sample: str | None = None, *, theme: Theme = "light", **chosen: Any
) -> go.Figure:
    """Returns prediction and truth on the range of the target, or the probability of every class."""
    opened = numbers.subject(model, sample, **chosen)
    if opened.classes:
        return decision.class_bars(
            numbers.verdict(opened)["probability"].to_numpy(),
            opened.classes,
            truth=opened.classes.index(str(opened.truth)),
            theme=theme,
        )
    y = opened.dataset.y
    low, high = opened.dataset.target.range or (float(y.min()), float(y.max()))
    return decision.on_scale(
        float(opened.truth), opened.score, low, high, unit=opened.unit, theme=theme
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
    return deletion_of(
        numbers.curves(numbers.subject(model, sample, **chosen), samples),
        insertion=insertion,
        theme=theme,
    )


def deletion_of(curves: Any, *, insertion: bool = False, theme: Theme = "light") -> go.Figure:
    """Returns the figure of curves that are worked out already."""
    ours, random = (
        (curves.insertion, curves.random_insertion)
        if insertion
        else (curves.deletion, curves.random_deletion)
    )
    return trust.curves(
        curves.shares,
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
    opened = numbers.subject(model, sample, **chosen)
    table = numbers.stability(opened)
    return trust.seed_dots(
        table.to_numpy(),
        list(table.columns),
        opened.modalities,
        table.index.tolist(),
        unit="score of the true class" if opened.classes else opened.unit,
        theme=theme,
    )


def built(
    model: Asked, sample: str | None = None, *, theme: Theme = "light", **chosen: Any
) -> go.Figure:
    """Returns what each coupling and dissipation built of each contribution, as a matrix."""
    opened = numbers.subject(model, sample, **chosen)
    made = numbers.building_of(opened)
    titles, _ = building.terms_of(made.terms, made.modalities)
    return building.matrix(
        made.dividends, titles, made.parts, made.start, made.end, unit=opened.unit, theme=theme
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
    opened = numbers.subject(model, sample, **chosen)
    made = numbers.building_of(opened)
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
        unit=opened.unit,
        theme=theme,
    )


def built_flow(
    model: Asked, sample: str | None = None, *, theme: Theme = "light", **chosen: Any
) -> go.Figure:
    """Returns the way from the modalities through couplings and dissipation to the contributions and the score."""
    opened = numbers.subject(model, sample, **chosen)
    made = numbers.building_of(opened)
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
        unit=opened.unit,
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
    opened = numbers.subject(model, sample, **chosen)
    table = numbers.cut(opened, times=times)
    return building.curves(
        table["t"].to_numpy(),
        _kinds(table),
        float(table["undisturbed"].iloc[0]),
        opened.modalities,
        unit=opened.unit,
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
    opened = numbers.subject(model, sample, **chosen)
    table = numbers.cut_terms(opened, modality=modality, times=times)
    return building.terms(
        table["t"].to_numpy(),
        _kinds(table),
        opened.modalities,
        whose=str(table["modality"].iloc[0]),
        unit=opened.unit,
        cursor=cursor,
        theme=theme,
    )


def _kinds(table: pd.DataFrame) -> dict[str, dict[str, np.ndarray]]:
    """The columns of each kind of cut that a table has."""
    lines = {kind: columns(table, kind) for kind in building.KINDS}
    return {kind: values for kind, values in lines.items() if values}


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

    opened = numbers.subject(model, sample, **chosen)
    return cut_test_of(
        numbers.cut_test(opened, samples=samples, times=times),
        opened.modalities,
        METRICS[kind_of(opened.dataset.target)][0],
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
    lines = {
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
            for bands in lines.values()
            for band in bands.values()
        ),
        default=0.0,
    )
    near = lost > 0.2 * abs(before - chance)  # farther away it would flatten every line
    return building.metric(
        table["t"].to_numpy(),
        {kind: bands for kind, bands in lines.items() if bands},
        {"undisturbed": before}
        | ({"one answer for all": chance} if near else {})
        | dict(levels or {}),
        modalities,
        y_title=f"{metrics.describe[metric].short}, n = {int(table['n'].iloc[0]):,}",
        cursor=cursor,
        theme=theme,
    )
