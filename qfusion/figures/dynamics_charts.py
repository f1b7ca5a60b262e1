"""Quantum-jump trajectories, their ensemble and jumps, and the distance of a state from its steady state."""

from collections.abc import Sequence

import numpy as np

from qfusion._checks import check
from qfusion.figures.guards import Figure, checks_arrays
from qfusion.figures.lines import JUMP_SYMBOLS, TIME, legend_entry
from qfusion.figures.parts import add_band, add_line, add_marks, add_note
from qfusion.figures.style import (
    DASHES,
    GREY,
    INK,
    QUIET,
    STATE_HUES,
    axis,
    base_figure,
    fade_colour,
    label,
    log_ticks,
)


@checks_arrays(curves="R", jumps="R")
def single_runs(
    times: np.ndarray,
    curves: Sequence[tuple[np.ndarray, np.ndarray]],
    jumps: Sequence[Sequence[tuple[float, int]]],
    mean: np.ndarray | None,
    y_title: str,
    *,
    channels: int,
    mean_name: str = "mean of all runs",
) -> Figure:
    """Draw one curve a trajectory, a marker where a jump ended (its shape says which operator), the mean bold.

    Args:
        times: (nT,), of the mean.
        curves: per trajectory its times and values; the time of a jump stands twice, just before and just after it.
        jumps: per trajectory its (time, operator index) pairs.
        mean: (nT,) over all runs, if there is one.
        y_title: of the axis.
        channels: number of jump operators K.
        mean_name: of the mean in the legend.
    """
    figure = base_figure(
        320,
        legend=True,
        x_title=TIME,
        y_title=label(y_title),
        x_axis={"range": [0, float(times[-1])]},
    )
    for i, (own_times, values) in enumerate(curves):
        add_line(
            figure,
            own_times,
            values,
            STATE_HUES[i % len(STATE_HUES)],
            1.4,
            name=f"run {i + 1}",
            hovertemplate="%{y:.3f}",
        )
    if mean is not None:
        add_line(figure, times, mean, INK, 3, name=label(mean_name), hovertemplate="%{y:.3f}")
    for channel in range(channels):
        marks = [
            (when, _value_after(curve, when))
            for curve, own in zip(curves, jumps, strict=True)
            for when, which in own
            if which == channel
        ]
        if marks:
            add_marks(
                figure,
                [when for when, _ in marks],
                [height for _, height in marks],
                INK,
                9,
                symbol=JUMP_SYMBOLS[channel % len(JUMP_SYMBOLS)],
                rim=0,
                name=f"jump by L{channel + 1}",
                hovertemplate=f"jump by L{channel + 1} at t = %{{x:.3f}}, to %{{y:.3f}}<extra></extra>",
            )
    return figure


def _value_after(curve: tuple[np.ndarray, np.ndarray], when: float) -> float:
    """Return the value of a curve just after a jump, where its times have that of the jump twice."""
    times, values = curve
    return float(values[np.searchsorted(times, when, side="right") - 1])


@checks_arrays(mean="T P", error="T P", master="T P")
def ensemble(
    times: np.ndarray,
    mean: np.ndarray,
    error: np.ndarray,
    master: np.ndarray,
    names: Sequence[str],
    runs: int,
) -> Figure:
    """Draw the populations: mean of the trajectories with a band of 2 standard errors, over the master equation's line.

    The legend names the states by their colours, and the three kinds of marks in grey.

    Args:
        mean, error, master: (nT, P) for the P populations named in `names`.
    """
    figure = base_figure(
        320,
        legend=True,
        x_title=TIME,
        y_title="probability",
        x_axis={"range": [0, float(times[-1])]},
        y_axis={"rangemode": "tozero"},
    )
    for i, name in enumerate(names):
        hue = STATE_HUES[i % len(STATE_HUES)]
        spread = 2 * error[:, i]
        add_band(
            figure,
            times,
            mean[:, i] - spread,
            mean[:, i] + spread,
            fade_colour(hue, 0.25),
            showlegend=False,
        )
        add_line(
            figure,
            times,
            mean[:, i],
            hue,
            1.5,
            dash="dot",
            showlegend=False,
            name=f"mean of {runs} runs",
            hovertemplate="%{y:.3f}",
        )
        add_line(
            figure, times, master[:, i], hue, 2.5, name=f"|{label(name)}⟩", hovertemplate="%{y:.3f}"
        )
    figure.add_traces(
        [
            legend_entry("master equation", {"color": GREY, "width": 2.5}),
            legend_entry(f"mean of {runs} runs", {"color": GREY, "width": 1.5, "dash": "dot"}),
            legend_entry("± 2 standard errors", {"color": fade_colour(GREY, 0.4), "width": 9}),
        ]
    )
    return figure


@checks_arrays()
def raster(
    records: Sequence[tuple[np.ndarray, np.ndarray]],
    edges: np.ndarray,
    values: np.ndarray,
    errors: np.ndarray,
    times: np.ndarray,
    exact: np.ndarray,
) -> Figure:
    """Return a raster of jumps above the rates at which they come.

    Args:
        records: of each trajectory the times of its jumps and the operators that jumped, from 0 on; drawn from top to
            bottom; those without a jump may be left out.
        edges: of the spans in which jumps were counted, (B + 1,).
        values: jumps per trajectory and time in each, (K, B), of each operator.
        errors: their standard errors, (K, B).
        times: (nT,). exact: Tr(L_k^+ L_k rho(t)), (K, nT).

    Raises:
        InvalidInput: when the shapes do not fit.
    """
    check(
        values.shape == errors.shape == (len(exact), len(edges) - 1)
        and exact.shape[1:] == times.shape
        and len(exact) > 0,
        f"Arguments `values`, `errors` and `exact` must have shapes (K, {len(edges) - 1}) twice and "
        f"(K, {len(times)}), but have {values.shape}, {errors.shape} and {exact.shape}.",
    )
    figure = base_figure(
        560, legend=True, x_title=TIME, y_title=label("trajectory, by its first jump")
    )
    for k, rates in enumerate(exact):
        hue = STATE_HUES[k % len(STATE_HUES)]
        name = f"L{k + 1}"
        marks = [
            (float(when), row)
            for row, (whens, which) in enumerate(records, 1)
            for when, one in zip(whens, which, strict=True)
            if one == k
        ]
        add_marks(
            figure,
            [when for when, _ in marks],
            [row for _, row in marks],
            hue,
            6,
            symbol=JUMP_SYMBOLS[k % len(JUMP_SYMBOLS)],
            rim=0,
            name=name,
            legendgroup=name,
            hovertemplate=f"{name} at t = %{{x:.3f}}, trajectory %{{y}}<extra></extra>",
        )
        steps = np.repeat(edges, 2)[1:-1]
        low, high = (np.repeat(values[k] + sign * errors[k], 2).clip(min=0.0) for sign in (-1, 1))
        add_band(
            figure,
            steps,
            low,
            high,
            fade_colour(hue, 0.14),
            line={"width": 0, "color": hue},
            yaxis="y2",
            legendgroup=name,
            showlegend=False,
        )
        add_line(
            figure,
            steps,
            np.repeat(values[k], 2),
            fade_colour(hue, 0.6),
            1.2,
            yaxis="y2",
            legendgroup=name,
            showlegend=False,
            name=f"{name}, counted",
            customdata=np.repeat(errors[k], 2),
            hovertemplate=f"{name}, counted: %{{y:.3f}} ± %{{customdata:.3f}}<extra></extra>",
        )
        add_line(
            figure,
            times,
            rates,
            hue,
            2.8,
            dash=DASHES[k % len(DASHES)],
            yaxis="y2",
            name=f"{name}, exact",
            legendgroup=name,
            showlegend=False,
            hovertemplate=f"{name}, exact: %{{y:.3f}}<extra></extra>",
        )
    figure.add_traces(
        [
            legend_entry("exact rate", {"color": GREY, "width": 2.8}),
            legend_entry("counted", {"color": fade_colour(GREY, 0.6), "width": 1.2}),
            legend_entry("± 1 standard error", {"color": fade_colour(GREY, 0.3), "width": 9}),
        ]
    )
    figure.update_layout(
        xaxis={
            "range": [float(edges[0]), float(edges[-1])],
            "anchor": "y2",
        },
        yaxis={
            "domain": [0.38, 1.0],
            "range": [max(len(records), 8) + 1, 0],
            "nticks": 6,
        },
        yaxis2=axis("rate (1 / time)")
        | {"domain": [0.0, 0.28], "rangemode": "tozero", "nticks": 4},
    )
    return figure


FLOOR = 1e-10  # distances below are dominated by rounding errors


@checks_arrays()
def distance_line(
    times: np.ndarray,
    distance: np.ndarray,
    gap: float,
    end: float,
    *,
    pairs: tuple[np.ndarray, np.ndarray] | None = None,
    random_rates: np.ndarray | None = None,
) -> Figure:
    """Draw the trace distance to the steady state on a logarithmic axis, and the slope of the spectral gap.

    The gap predicts the slope for long times: its line meets the curve at the last point above `FLOOR`.

    Args:
        times, distance: (nT,). gap: spectral gap, 1 / time. end: T.
        pairs: times within T and distances of pairs of inputs, (nT,) and (nT, P).
        random_rates: of contraction under random generators, drawn as a band from the mean of the pairs.
    """
    figure = base_figure(340, legend=True, y_title="trace distance (0 to 1)", x_title=TIME)
    seen = np.maximum(np.asarray(distance, dtype=float), 1e-16)
    every = [seen]
    if pairs is not None and random_rates is not None:
        within, apart = pairs
        band = float(apart[0].mean()) * np.exp(
            -np.outer(within, [random_rates.max(), random_rates.min()])
        )
        add_band(
            figure,
            within,
            band[:, 1],
            band[:, 0],
            fade_colour(GREY, 0.35),
            name="random generators",
        )
        for i, values in enumerate(apart.T):
            add_line(
                figure,
                within,
                np.maximum(values, 1e-16),
                STATE_HUES[1],
                1.2,
                name="to other test samples",
                legendgroup="pairs",
                showlegend=i == 0,
                hovertemplate="t = %{x:.2f}: %{y:.3f}<extra></extra>",
            )
        every += [np.maximum(apart.ravel(), 1e-16), band.ravel()]
    add_line(
        figure,
        times,
        seen,
        INK,
        2.5,
        name="to the steady state",
        hovertemplate="t = %{x:.2f}: %{y:.2e}<extra></extra>",
    )
    if np.isfinite(gap) and gap > 0:
        tail = int(np.flatnonzero(seen >= FLOOR)[-1])
        figure.add_scatter(
            x=times,
            y=seen[tail] * np.exp(-gap * (np.asarray(times) - times[tail])),
            mode="lines",
            name=f"exp(−gap·t), gap = {gap:.3g}",
            line={"color": GREY, "dash": "dash"},
            hoverinfo="skip",
        )
    figure.update_yaxes(type="log", **log_ticks(np.concatenate(every)))
    figure.add_vline(x=end, line={"color": QUIET, "dash": "dot"})
    add_note(
        figure, "read-out T", end, 1, size=11, hue=QUIET, yref="paper", xanchor="left", xshift=4
    )
    return figure
