"""Charts of the operators of a generator: couplings, levels of H, terms in a basis, and eigenvalues."""

from collections.abc import Mapping, Sequence

import numpy as np

from qfusion._checks import check
from qfusion.figures import information_charts
from qfusion.figures.guards import Figure, checks_arrays
from qfusion.figures.parts import add_head, add_line, add_marks, add_note
from qfusion.figures.style import (
    BLUE,
    GREY,
    LINE,
    QUIET,
    VERMILLION,
    bare_axis,
    base_figure,
    circle_positions,
    fade_colour,
    label,
    split_term,
    term_colour,
    term_title,
)

_WIDEST = 15.0  # pixels of the strongest coupling
_GAP = 0.12  # of the width, between two graphs


@checks_arrays()
def coupling_matrix(
    parts: Mapping[str, Mapping[str, float]], modalities: Sequence[str], units: Mapping[str, str]
) -> Figure:
    """Draw graphs side by side. Modalities are nodes, whose size is the strength of the terms that act on one modality
    alone.

    Pairs are lines, as wide as they are strong; what couples more is a star.

    Args:
        parts: by the name of each graph, strengths by coalition, not negative; each graph has a scale of its own.
        modalities: in the model's order.
        units: by the name of each graph, the unit of its strengths.
    """
    check(
        len(parts) > 0 and len(modalities) > 0,
        "Arguments `parts` and `modalities` must not be empty.",
    )
    figure = base_figure(380, left=10, right=10, top=34, bottom=10)
    count = len(parts)
    places = circle_positions(modalities)
    heights = [place[1] for place in places.values()]
    span = [min(heights) - 0.75, max(heights) + 0.6]
    axes: dict[str, object] = {}
    for n, (name, strengths) in enumerate(parts.items()):
        number = "" if n == 0 else str(n + 1)
        to = {"xaxis": f"x{number}", "yaxis": f"y{number}"}
        left = n / count + (_GAP / 2 if n else 0)
        right = (n + 1) / count - (_GAP / 2 if n < count - 1 else 0)
        axes |= {
            f"xaxis{number}": bare_axis()
            | {"domain": [left, right], "range": [-1.7, 1.7], "anchor": f"y{number}"},
            f"yaxis{number}": bare_axis() | {"range": span, "anchor": f"x{number}"},
        }
        most = max(strengths.values(), default=0.0) or 1.0
        unit = label(units[name])
        joint = {term: value for term, value in strengths.items() if len(split_term(term)) > 1}
        own = {modality: strengths.get(modality, 0.0) for modality in modalities}
        information_charts.mutual_information_graph(
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
            **to,
        )
        add_note(
            figure,
            label(name),
            (left + right) / 2,
            1,
            size=13,
            hue=QUIET,
            xref="paper",
            yref="paper",
            yanchor="bottom",
        )
    figure.update_layout(**axes)
    return figure


@checks_arrays(free="D+", coupled="D+")
def energy_levels(free: np.ndarray, coupled: np.ndarray) -> Figure:
    """Draw two ladders of energy levels: of the modalities by themselves, and with their couplings.

    Args:
        free, coupled: ascending, (D,) each.
    """
    figure = base_figure(
        380,
        y_title="energy (ħ = 1)",
        x_axis={
            "tickvals": [0.4, 1.6],
            "ticktext": ["each modality by itself", "with couplings"],
            "ticks": "",
            "showline": False,
            "range": [-0.1, 2.1],
        },
        y_axis={"nticks": 8},
    )
    for (start, end), values, name, colour in (
        ((0.0, 0.8), free, "each modality by itself", GREY),
        ((1.2, 2.0), coupled, "with couplings", BLUE),
    ):
        add_line(
            figure,
            [start, end, None] * len(values),
            [point for value in values.tolist() for point in (value, value, None)],
            colour,
            1.6,
            hoverinfo="skip",
        )
        add_marks(
            figure,
            np.full(len(values), (start + end) / 2),
            values,
            colour,
            12,
            opacity=0,
            customdata=list(range(1, len(values) + 1)),
            hovertemplate=f"{name}, level %{{customdata}}: %{{y:.4f}}<extra></extra>",
        )
    add_line(
        figure,
        [0.8, 1.2, None] * len(free),
        [point for ends in np.stack([free, coupled], 1).tolist() for point in (*ends, None)],
        fade_colour(LINE, 0.8),
        1,
        hoverinfo="skip",
    )
    return figure


@checks_arrays(names="N+", terms="N+", values="N+")
def operator_coefficients(
    names: Sequence[str], terms: Sequence[str], values: np.ndarray, modalities: Sequence[str]
) -> Figure:
    """Draw the largest coefficients of an operator as bars, the largest on top: signed where it is Hermitian, else by
    size.

    Args:
        names: letters of each term. terms: the coalition on which it acts.
        values: coefficients, real or complex, (N,).
        modalities: in the model's order.
    """
    size = np.abs(values)
    is_real = not np.iscomplexobj(values) or bool(np.abs(values.imag).max() <= 1e-9 * size.max())
    if is_real:
        lengths = np.real(values)
        axis_title = "coefficient"
    else:
        lengths = size
        axis_title = "size of the coefficient"
    tips = []
    for name, value in zip(names, np.asarray(values, complex), strict=True):
        tip = f"{label(name)}: {value.real:+.4f}"
        if not is_real:
            tip += f" {value.imag:+.4f} i"
        tips.append(tip)
    figure = base_figure(
        74 + 21 * len(names),
        left=10,
        right=20,
        top=8,
        bottom=46,
        x_title=axis_title,
        x_axis={"nticks": 7, "zeroline": True, "zerolinecolor": LINE},
        rows=[label(name, 48) for name in names],
    )
    figure.add_bar(
        x=lengths,
        y=list(range(len(names))),
        orientation="h",
        customdata=tips,
        marker={
            "color": [term_colour(term, modalities) for term in terms],
            "line": {"width": 0},
        },
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure.update_layout(bargap=0.25)
    return figure


@checks_arrays(values="N+")
def decay_modes(values: np.ndarray, gap: float) -> Figure:
    """Draw the generator's eigenvalues in the complex plane, the spectral gap marked.

    Args:
        values: complex, (D^2,). gap: distance of the slowest decaying mode from the imaginary axis.
    """
    figure = base_figure(
        380,
        top=22,
        x_title="real part: rate (1 / time)",
        y_title="imaginary part: frequency",
        x_axis={"nticks": 7},
        y_axis={"nticks": 7},
    )
    still = values.real > -1e-9 * max(float(np.abs(values).max()), 1e-300)
    for name, chosen, colour, size in (
        ("decays", ~still, BLUE, 5),
        ("stays", still, VERMILLION, 9),
    ):
        add_marks(
            figure,
            values.real[chosen],
            values.imag[chosen],
            fade_colour(colour, 0.75),
            size,
            hovertemplate=f"{name}: rate %{{x:.3f}}, frequency %{{y:.3f}}<extra></extra>",
        )
    if gap > 0:
        figure.add_vline(x=-gap, line={"color": QUIET, "width": 1.5, "dash": "dash"})
        add_head(figure, f"gap {gap:.3g}", -gap, hue=QUIET)
    return figure


# Who shares how much with whom at a time: a triangle, or polygon, of the modalities, and the same over time.
