"""The physics behind a decision: what the generator is made of, what each part of it did to it, and states and terms
before and after a change."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.decision import hatched
from qfusion.figures.dynamics import graph
from qfusion.figures.guards import drawing
from qfusion.figures.style import (
    BLUE,
    GREY,
    INK,
    LINE,
    PAPER,
    QUIET,
    VERMILLION,
    Theme,
    bare_axis,
    base,
    faded,
    in_circle,
    in_rows,
    label,
    split_term,
    term_colour,
    term_title,
)

_WIDEST = 15.0  # pixels of the strongest coupling
_GAP = 0.12  # of the width, between two graphs


@drawing()
def couplings(
    parts: Mapping[str, Mapping[str, float]],
    modalities: Sequence[str],
    units: Mapping[str, str],
    theme: Theme = "light",
) -> go.Figure:
    """Graphs side by side: modalities are nodes, as large as what acts on one alone; pairs are lines, as wide as they
    are strong; what couples more is a star.

    Args:
        parts: by the name of each graph, strengths by coalition, not negative; each graph has a scale of its own.
        modalities: in the model's order.
        units: by the name of each graph, the unit of its strengths.
        theme: of the figure.
    """
    check(
        len(parts) > 0 and len(modalities) > 0,
        "Arguments `parts` and `modalities` must not be empty.",
    )
    figure = base(theme, 380, left=10, right=10, top=34, bottom=10)
    count = len(parts)
    places = in_circle(modalities)
    heights = [place[1] for place in places.values()]
    span = [min(heights) - 0.75, max(heights) + 0.6]
    axes: dict[str, object] = {}
    for n, (name, strengths) in enumerate(parts.items()):
        number = "" if n == 0 else str(n + 1)
        to = {"xaxis": f"x{number}", "yaxis": f"y{number}"}
        left, right = (
            n / count + (_GAP / 2 if n else 0),
            (n + 1) / count - (_GAP / 2 if n < count - 1 else 0),
        )
        axes |= {
            f"xaxis{number}": bare_axis()
            | {"domain": [left, right], "range": [-1.7, 1.7], "anchor": f"y{number}"},
            f"yaxis{number}": bare_axis() | {"range": span, "anchor": f"x{number}"},
        }
        most, unit = max(strengths.values(), default=0.0) or 1.0, label(units[name])
        joint = {term: value for term, value in strengths.items() if len(split_term(term)) > 1}
        own = {modality: strengths.get(modality, 0.0) for modality in modalities}
        graph(
            figure,
            places,
            [
                (
                    split_term(term),
                    max(_WIDEST * value / most, 0.6),
                    f"{value:.2g}",
                    f"{term_title(term)}: {value:.3g} {unit}",
                )
                for term, value in sorted(joint.items(), key=lambda entry: entry[1])
            ],
            {
                modality: (
                    26 + 30 * value / most,
                    f"{value:.2g}",
                    f"{label(modality)} alone: {value:.3g} {unit}",
                )
                for modality, value in own.items()
            },
            theme,
            **to,
        )
        figure.add_annotation(
            x=(left + right) / 2,
            y=1,
            xref="paper",
            yref="paper",
            yanchor="bottom",
            showarrow=False,
            text=label(name),
            font={"size": 13, "color": QUIET[theme]},
        )
    return figure.update_layout(**axes)


@drawing(free="D+", coupled="D+")
def levels(free: np.ndarray, coupled: np.ndarray, theme: Theme = "light") -> go.Figure:
    """Two ladders of energy levels: of the modalities by themselves, and with their couplings.

    Args:
        free, coupled: ascending, (D,) each.
        theme: of the figure.
    """
    figure = base(theme, 380, top=12, right=16)
    for (start, end), values, name, colour in (
        ((0.0, 0.8), free, "each modality by itself", GREY),
        ((1.2, 2.0), coupled, "with couplings", BLUE),
    ):
        figure.add_scatter(
            x=[start, end, None] * len(values),
            y=[point for value in values.tolist() for point in (value, value, None)],
            mode="lines",
            line={"color": colour, "width": 1.6},
            hoverinfo="skip",
        ).add_scatter(
            x=np.full(len(values), (start + end) / 2),
            y=values,
            mode="markers",
            marker={"size": 12, "opacity": 0, "color": colour},
            customdata=list(range(1, len(values) + 1)),
            hovertemplate=f"{name}, level %{{customdata}}: %{{y:.4f}}<extra></extra>",
        )
    return (
        figure.add_scatter(
            x=[0.8, 1.2, None] * len(free),
            y=[point for ends in np.stack([free, coupled], 1).tolist() for point in (*ends, None)],
            mode="lines",
            line={"color": faded(LINE[theme], 0.8), "width": 1},
            hoverinfo="skip",
        )
        .update_xaxes(
            tickvals=[0.4, 1.6],
            ticktext=["each modality by itself", "with couplings"],
            ticks="",
            showline=False,
            range=[-0.1, 2.1],
        )
        .update_yaxes(title={"text": "energy (ħ = 1)"}, nticks=8)
    )


@drawing(names="N+", terms="N+", values="N+")
def letters(
    names: Sequence[str],
    terms: Sequence[str],
    values: np.ndarray,
    modalities: Sequence[str],
    theme: Theme = "light",
) -> go.Figure:
    """The largest coefficients of an operator as bars, the largest on top: signed where it is Hermitian, else by size.

    Args:
        names: letters of each term. terms: the coalition on which it acts.
        values: coefficients, real or complex, (N,).
        modalities: in the model's order. theme: of the figure.
    """
    real = not np.iscomplexobj(values) or bool(
        np.abs(values.imag).max() <= 1e-9 * np.abs(values).max()
    )
    return (
        base(theme, 74 + 21 * len(names), left=10, right=20, top=8, bottom=46)
        .add_bar(
            x=np.real(values) if real else np.abs(values),
            y=list(range(len(names))),
            orientation="h",
            customdata=[
                f"{label(name)}: {value.real:+.4f}" + ("" if real else f" {value.imag:+.4f} i")
                for name, value in zip(names, np.asarray(values, complex), strict=True)
            ],
            marker={
                "color": [term_colour(term, modalities) for term in terms],
                "line": {"width": 0},
            },
            hovertemplate="%{customdata}<extra></extra>",
        )
        .update_layout(bargap=0.25)
        .update_xaxes(
            title={"text": "coefficient" if real else "size of the coefficient"},
            nticks=7,
            zeroline=True,
            zerolinecolor=LINE[theme],
        )
        .update_yaxes(
            **in_rows([label(name, 48) for name in names]),
        )
    )


@drawing(values="N+")
def modes(values: np.ndarray, gap: float, theme: Theme = "light") -> go.Figure:
    """The generator's eigenvalues in the complex plane, the spectral gap marked.

    Args:
        values: complex, (D^2,). gap: distance of the slowest decaying mode from the imaginary axis.
        theme: of the figure.
    """
    figure = base(theme, 380, top=22, right=16)
    still = values.real > -1e-9 * max(float(np.abs(values).max()), 1e-300)
    figure.add_traces(
        [
            {
                "type": "scatter",
                "x": values.real[chosen],
                "y": values.imag[chosen],
                "mode": "markers",
                "marker": {"size": size, "color": faded(colour, 0.75)},
                "hovertemplate": f"{name}: rate %{{x:.3f}}, frequency %{{y:.3f}}<extra></extra>",
            }
            for name, chosen, colour, size in (
                ("decays", ~still, BLUE, 5),
                ("stays", still, VERMILLION, 9),
            )
        ]
    )
    if gap > 0:
        figure.add_vline(
            x=-gap, line={"color": QUIET[theme], "width": 1.5, "dash": "dash"}
        ).add_annotation(
            x=-gap,
            y=1,
            yref="paper",
            yanchor="bottom",
            showarrow=False,
            text=f"gap {gap:.3g}",
            font={"size": 12, "color": QUIET[theme]},
        )
    return figure.update_xaxes(title={"text": "real part: rate (1 / time)"}, nticks=7).update_yaxes(
        title={"text": "imaginary part: frequency"}, nticks=7
    )


# What physics did it: a tornado of slopes and knock-outs, and the way from a removed term to where it stands.

ROW = 22  # pixels a term
_DOMAINS = ((0.0, 0.47), (0.53, 1.0))


@drawing("weaker", "half", titles="P", weaker="P", removed="P", terms="P")
def tornado(
    titles: Sequence[str],
    weaker: np.ndarray,
    removed: np.ndarray,
    terms: Sequence[str],
    modalities: Sequence[str],
    *,
    bends: Sequence[bool] = (),
    half: np.ndarray | None = None,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """Two bars a term, in the order given: what 10 % less of it does (left, by its slope), and what its removal does
    (right).

    The right scale is ten times the left one: a term whose answer is a straight line has two bars of one length.

    Args:
        titles: names of the terms, (P,).
        weaker: change of the target for -10 % of what was learned, (P,); not a number where there is no slope.
        removed: change of the target when the term is removed, (P,).
        terms: the modalities that each is about, joined by "+"; "" for none in particular.
        modalities: in the model's order; fixes the colours.
        bends: terms to mark with that word because the two differ in sign.
        half: what the slope half-way says that removal does, (P,), as diamonds beside the right bars; NaN draws none.
        unit: of the target, for the axes.
    """
    P = len(titles)
    figure = base(theme, 96 + ROW * max(P, 1), left=10, right=14, top=44, bottom=46)
    hues = [term_colour(term, modalities) if term else GREY for term in terms]
    joint = ["+" in term for term in terms]
    finite = np.where(np.isfinite(weaker), weaker, 0.0)
    reach = 1.6 * max(
        float(np.abs(removed).max(initial=0)), 10 * float(np.abs(finite).max(initial=0)), 1e-9
    )
    for side, values in enumerate((finite, np.asarray(removed))):
        text = [
            words if side or np.isfinite(slope) else "no slope"
            for words, slope in zip(_numbers(values), weaker, strict=True)
        ]
        figure.add_bar(
            y=list(range(P)),
            x=values,
            orientation="h",
            width=0.66,
            xaxis="x" if side == 0 else "x2",
            marker=hatched(hues, joint, theme, rim=1.2),
            text=text,
            textposition="outside",
            cliponaxis=False,
            constraintext="none",
            textangle=0,
            textfont={"size": 11, "color": INK[theme]},
            customdata=[label(title) for title in titles],
            hovertemplate="%{customdata}: "
            + ("10 % weaker" if side == 0 else "removed")
            + " %{x:+.4f}<extra></extra>",
        )
    if half is not None:
        figure.add_scatter(
            x=half,
            y=list(range(P)),
            xaxis="x2",
            mode="markers",
            connectgaps=False,
            hovertemplate="slope half-way: %{x:+.4f}<extra></extra>",
            marker={
                "symbol": "diamond-open",
                "size": 8,
                "color": INK[theme],
                "line": {"width": 1.6},
            },
        )
    figure.update_layout(
        xaxis={
            "domain": _DOMAINS[0],
            "range": [-reach / 10, reach / 10],
            "nticks": 3,
            "tickangle": 0,
        },
        xaxis2={
            **figure.layout.xaxis.to_plotly_json(),
            "domain": _DOMAINS[1],
            "range": [-reach, reach],
            "anchor": "y",
            "nticks": 3,
            "tickangle": 0,
        },
        yaxis={
            "range": [P - 0.5, -0.5],
            "showline": False,
            "ticks": "",
            "tickvals": list(range(P)),
            "ticktext": [label(title, 44) for title in titles],
            "tickfont": {"size": 12},
        },
    )
    above = [
        {
            "x": sum(domain) / 2,
            "y": 1,
            "xanchor": "center",
            "yanchor": "bottom",
            "yshift": 8,
            "text": f"<b>{head}</b>",
            "font": {"size": 12, "color": QUIET[theme]},
        }
        for domain, head in zip(_DOMAINS, ("10 % weaker", "removed"), strict=True)
    ]
    below = {
        "x": 0.5,
        "y": 0,
        "xanchor": "center",
        "yanchor": "top",
        "yshift": -24,
        "text": f"change of {label(unit)}",
        "font": {"size": 13, "color": QUIET[theme]},
    }
    bent = [
        {
            "x": 0,
            "y": int(row),
            "xref": "x2",
            "yref": "y",
            "text": "bends",
            # on the free side of the bar
            **(
                {"xanchor": "right", "xshift": -3}
                if removed[row] > 0
                else {"xanchor": "left", "xshift": 3}
            ),
            "font": {"size": 11, "color": QUIET[theme]},
        }
        for row in np.flatnonzero(bends)
    ]
    return figure.update_layout(
        annotations=[
            {"xref": "paper", "yref": "paper", "showarrow": False} | note
            for note in (*above, below, *bent)
        ],
        shapes=[
            {
                "type": "line",
                "x0": 0,
                "x1": 0,
                "y0": 0,
                "y1": 1,
                "xref": axis,
                "yref": "paper",
                "layer": "below",
                "line": {"color": LINE[theme], "width": 1},
            }
            for axis in ("x", "x2")
        ],
    )


def _numbers(values: np.ndarray) -> list[str]:
    """All with the decimals that give the largest three digits."""
    largest = float(np.abs(values).max(initial=0))
    decimals = int(np.clip(2 - np.floor(np.log10(largest)), 0, 9)) if largest > 0 else 0
    return [f"{value:+.{decimals}f}" if abs(value) > 1e-12 else "0" for value in values]


@drawing("slopes")
def way(
    factors: np.ndarray,
    values: np.ndarray,
    slopes: np.ndarray,
    term: str,
    modalities: Sequence[str],
    *,
    what: str = "factor of the term",
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """The target against the factor of one term, from removed to where it stands, with the tangent there.

    Args:
        factors, values, slopes: at the points worked out, (n,), in order; between them the curve is the cubic that has
            these slopes.
        term: the modalities it is about, joined by "+".
    """
    hue = term_colour(term, modalities) if term else INK[theme]
    x, y = _smooth(factors, values, slopes)
    figure = (
        base(theme, 250, left=66, right=20, top=14, bottom=46, legend=True)
        .add_scatter(
            x=x,
            y=y,
            mode="lines",
            line={"color": hue, "width": 2.5},
            name="exact",
            hoverinfo="skip",
        )
        .add_scatter(
            x=factors,
            y=values,
            mode="markers",
            marker={"color": hue, "size": 6},
            showlegend=False,
            hovertemplate="× %{x:.2f}: %{y:.4f}<extra></extra>",
        )
    )
    if np.isfinite(slopes[-1]):
        figure.add_scatter(
            x=factors[[0, -1]],
            y=values[-1] + slopes[-1] * (factors[[0, -1]] - factors[-1]),
            mode="lines",
            name="as the slope says",
            line={"color": QUIET[theme], "width": 1.5, "dash": "dash"},
            hoverinfo="skip",
        )
    return (
        figure.add_scatter(
            x=[factors[-1]],
            y=[values[-1]],
            mode="markers",
            name="now",
            hovertemplate="now: %{y:.3f}<extra></extra>",
            marker={"color": PAPER[theme], "size": 11, "line": {"color": hue, "width": 2.5}},
        )
        .update_xaxes(title={"text": what})
        .update_yaxes(title={"text": label(unit, 40)})
    )


def _smooth(x: np.ndarray, y: np.ndarray, slopes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cubic Hermite curve through the points with these slopes; straight pieces where one is not finite."""
    t, h = np.linspace(0, 1, 12), np.diff(x)[:, None]
    a, b = y[:-1, None], y[1:, None]
    known = (np.isfinite(slopes[:-1]) & np.isfinite(slopes[1:]))[:, None]
    m0, m1 = (np.where(known, part[:, None], 0.0) for part in (slopes[:-1], slopes[1:]))
    cubic = (
        (1 + 2 * t) * (1 - t) ** 2 * a
        + t * (1 - t) ** 2 * h * m0
        + t**2 * (3 - 2 * t) * b
        + t**2 * (t - 1) * h * m1
    )
    return (x[:-1, None] + t * h).ravel(), np.where(known, cubic, a + t * (b - a)).ravel()


# Before and after a change: states, Bloch vectors, and how far the nearest flips are.


@drawing(names="N", before="N", after="N")
def numbers(
    before: np.ndarray,
    after: np.ndarray,
    names: Sequence[str],
    *,
    axis: str,
    across: str,
    hue: str,
    theme: Theme = "light",
) -> go.Figure:
    """Populations or masses in [0, 1] after a change as bars, before it as hollow diamonds.

    Args:
        before, after: (n,).
    """
    places = list(range(len(names)))
    return (
        base(theme, 230, left=52, right=10, top=6, bottom=44, legend=True)
        .add_bar(
            x=places,
            y=after,
            width=0.6,
            name="with the change",
            marker={"color": hue},
            hovertemplate="%{y:.3f}<extra>with the change</extra>",
        )
        .add_scatter(
            x=places,
            y=before,
            mode="markers",
            name="as it is",
            marker={
                "symbol": "diamond-open",
                "size": 10,
                "color": INK[theme],
                "line": {"width": 2},
            },
            hovertemplate="%{y:.3f}<extra>as it is</extra>",
        )
        .update_xaxes(
            tickvals=places,
            ticktext=[label(name, 14) for name in names],
            title={"text": label(across)},
        )
        .update_yaxes(title={"text": label(axis)}, range=[0, 1.04])
    )


@drawing(before="3", after="3")
def bloch(before: np.ndarray, after: np.ndarray, *, hue: str, theme: Theme = "light") -> go.Figure:
    """Bloch vectors of a qubit before and after a change, seen from the side (x, z) and from above (x, y).

    Args:
        before, after: (x, y, z) of length at most 1.
    """
    figure = base(theme, 262, left=10, right=10, top=10, bottom=4, legend=True)
    circle = np.linspace(0, 2 * np.pi, 121)
    for across, up, place, title, top, bottom in (
        (0, 2, "", "seen from the side", "|0⟩", "|1⟩"),
        (0, 1, "2", "seen from above", "y", ""),
    ):
        on = {"xaxis": f"x{place}", "yaxis": f"y{place}"}
        figure.add_scatter(
            x=np.cos(circle),
            y=np.sin(circle),
            mode="lines",
            line={"color": LINE[theme], "width": 1.2},
            hoverinfo="skip",
            showlegend=False,
            **on,
        ).add_scatter(
            x=[-1, 1, None, 0, 0],
            y=[0, 0, None, -1, 1],
            mode="lines",
            hoverinfo="skip",
            showlegend=False,
            line={"color": LINE[theme], "width": 0.8, "dash": "dot"},
            **on,
        ).add_traces(
            [
                {
                    "type": "scatter",
                    "x": [0, vector[across]],
                    "y": [0, vector[up]],
                    "mode": "lines+markers",
                    "name": name,
                    "showlegend": not place,
                    "line": {"color": colour, "width": 3},
                    "marker": {
                        "symbol": symbol,
                        "size": [0, 12],
                        "color": colour,
                        "line": {"width": 2, "color": colour},
                    },
                    "hovertemplate": f"{name}: ({vector[0]:.2f}, {vector[1]:.2f}, "
                    f"{vector[2]:.2f})<extra></extra>",
                    **on,
                }
                for vector, name, colour, symbol in (
                    (before, "as it is", INK[theme], "diamond-open"),
                    (after, "with the change", hue, "circle"),
                )
            ]
        )
        for words, x, y in ((top, 0, 1.17), (bottom, 0, -1.17), ("x", 1.14, 0), (title, 0, -1.5)):
            figure.add_annotation(
                text=words,
                x=x,
                y=y,
                xref=f"x{place}",
                yref=f"y{place}",
                showarrow=False,
                font={"size": 12, "color": QUIET[theme]},
            )
    across_box, up_box = (
        bare_axis() | {"range": reach, "constrain": "domain"}
        for reach in ([-1.3, 1.3], [-1.65, 1.35])
    )
    return figure.update_layout(
        xaxis=across_box | {"domain": [0, 0.49]},
        xaxis2=across_box | {"domain": [0.51, 1]},
        yaxis=up_box | {"scaleanchor": "x"},
        yaxis2=up_box | {"scaleanchor": "x2", "anchor": "x2"},
    )


@drawing("states", "donors")
def ways(
    names: Sequence[str],
    states: Sequence[float],
    donors: Sequence[float],
    modalities: Sequence[str],
    *,
    farthest: float,
    unit: str,
    theme: Theme = "light",
) -> go.Figure:
    """How far, for each modality, the nearest state is that turns the decision (bar), and the nearest that a sample has
    (diamond).

    Args:
        names: of the modalities. states, donors: distances in radians, infinite where there is none.
        farthest: the largest possible distance.
    """
    rows = list(range(len(names)))
    reached = [float(s) if np.isfinite(s) else 0.0 for s in states]
    held = [(d, row) for d, row in zip(donors, rows, strict=True) if np.isfinite(d)]
    return (
        base(theme, 84 + 38 * len(names), left=10, right=20, top=6, bottom=44, legend=True)
        .add_bar(
            x=reached,
            y=rows,
            orientation="h",
            width=0.5,
            name="nearest of all states",
            marker={"color": [term_colour(n, modalities) for n in names]},
            hovertemplate="%{x:.4f} rad<extra>nearest of all states</extra>",
        )
        .add_scatter(
            x=[d for d, _ in held],
            y=[row for _, row in held],
            mode="markers",
            name="nearest that a sample has",
            marker={
                "symbol": "diamond-open",
                "size": 11,
                "color": INK[theme],
                "line": {"width": 2},
            },
            hovertemplate="%{x:.4f} rad<extra>nearest that a sample has</extra>",
        )
        .add_scatter(
            x=[max(s, d if np.isfinite(d) else 0.0) for s, d in zip(reached, donors, strict=True)],
            y=rows,
            mode="text",
            text=["\u2002\u2002" + _distances(s, d) for s, d in zip(states, donors, strict=True)],
            textposition="middle right",
            textfont={"color": INK[theme], "size": 12},
            cliponaxis=False,
            showlegend=False,
            hoverinfo="skip",
        )
        .update_yaxes(
            **in_rows([label(name, 24) for name in names]),
        )
        .update_xaxes(
            title={"text": f"distance: {label(unit)} (rad; at most {farthest:.2f})"},
            range=[0, 1.75 * max([*reached, *(d for d, _ in held), 0.1 * farthest])],
        )
    )


def _distances(state: float, donor: float) -> str:
    """Both distances in words, beyond bar and diamond."""
    if not np.isfinite(state):
        return "no state of it"
    return f"{state:.2f} rad" + (f"; a sample’s {donor:.2f}" if np.isfinite(donor) else "")


@drawing()
def sizes(
    names: Sequence[str], values: np.ndarray, *, axis: str, most: int = 12, theme: Theme = "light"
) -> go.Figure:
    """The smallest turns of parameters, smallest first."""
    shown = [float(v) for v in values[:most]]
    return (
        base(theme, 62 + 24 * len(shown), left=10, right=16, top=6, bottom=44)
        .add_bar(
            x=shown,
            y=list(range(len(shown))),
            orientation="h",
            width=0.6,
            marker={"color": INK[theme]},
            text=[f"{v:.3f}" for v in shown],
            textposition="outside",
            cliponaxis=False,
            constraintext="none",
            textfont={"size": 11, "color": INK[theme]},
            hovertemplate="%{x:.4f}<extra></extra>",
        )
        .update_yaxes(
            **in_rows([label(name, 56) for name in names[:most]]),
        )
        .update_xaxes(title={"text": label(axis, 90)}, range=[0, 1.25 * max([*shown, 1e-9])])
    )
