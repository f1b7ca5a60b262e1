"""Contributions, parameters and entanglement of models while they are trained."""

from collections.abc import Container, Mapping, Sequence

import pandas as pd

from qfusion._checks import choose
from qfusion.analysis import text
from qfusion.analysis.run_settings import count_rows
from qfusion.analysis.runs import Seen
from qfusion.analysis.training_curves import (
    CLEAR,
    PASSED,
    Curve,
    Onset,
    group_by_modalities,
    onsets,
    passes,
    watched_run_curves,
)
from qfusion.figures import share_curves, style, training_charts
from qfusion.panels import panel
from qfusion.panels.learning_curves import (
    epoch_table,
    list_last_values,
    require_history,
    run_colours,
)
from qfusion.views import alt_text
from qfusion.wording.evidence import INERT
from qfusion.wording.training_curves import describe_order

# Runs side by side: their curves, what their models do inside while they are trained, and what came out.

# By the first of the two norms: the second, title, unit, what the two are, what is shown.
NORMS = {
    "H": (
        "L",
        "Strength of Hamiltonian and dissipation",
        "norm",
        ("norm of H", "norm of all L"),
        "Frobenius norms of the traceless operators, divided by the square root of the dimension: "
        "the strengths of H and of dissipation (L).",
    ),
    "tables": (
        "circuit",
        "Angles of truth tables and circuit",
        "root mean square (rad)",
        ("truth tables, from undecided", "angles of the network"),
        "root mean square difference of the tables' angles from undecided, and of the network's "
        "angles, in radians.",
    ),
}
_NO_ATTRIBUTION = (
    "which modality decides, since entanglement measures correlation, not attribution."
)


def dividends(
    runs: Sequence[Seen], theme: style.Theme = "light", *, group: int | str = 0
) -> panel.PanelFigure:
    """Draw the contributions of single modalities and their combinations by epoch, for models that can be explained.

    Args:
        runs: that are shown.
        theme: of the figure.
        group: number, from 0, of a group of runs that have the same modalities.
    """
    groups = group_by_modalities(runs)
    modalities, result = groups[int(choose("Group", str(group), map(str, range(len(groups)))))]
    drawn = {name: _largest_curves(terms) for name, terms in result.items()}
    left_out = max(len(terms) - len(drawn[name]) for name, terms in result.items())
    if int(group):
        panel_name = f"train-dividends-{group}"
    else:
        panel_name = "train-dividends"
    figure = training_charts.modality_curves(
        drawn,
        dict.fromkeys(result, modalities),
        y_title="mean size of the contribution",
        marks={
            name: PASSED * sum(float(values[-1]) for _, values in terms.values())
            for name, terms in result.items()
        },
        theme=theme,
    )
    not_shown = "the sign of the contributions, nor whether they are right: see the loss."
    if left_out:
        not_shown += f" The CSV contains {left_out} smaller joint terms."
    alt = "Mean size of the contributions by epoch. " + " ".join(
        f"{name}: {list_last_values(terms)}." for name, terms in result.items()
    )
    lead = "  \n".join(describe_onsets(name, terms) for name, terms in result.items())
    return panel.PanelFigure(
        panel_name,
        "Use of each modality during training",
        figure,
        shows="how much each modality adds on its own (solid) and each combination beyond its parts (dashed, dotted): "
        f"mean size over {_watched_rows(runs, result, 0, against=True)} and all outputs, after some epochs. Dotted "
        f"level: {PASSED:.0%} of all terms together by now.",
        not_shown=not_shown,
        alt=alt,
        table=lambda: _table_by_term(result),
        lead=lead,
    )


def parameter_norms(
    runs: Sequence[Seen], theme: style.Theme = "light", *, of: str = "H"
) -> panel.PanelFigure:
    """Draw how large the parameters of the fusion are by epoch; only of models that have such.

    Args:
        runs: that are shown.
        theme: of the figure.
        of: "H" (Hamiltonian and jump operators) or "tables" (truth tables and circuit, in radians).
    """
    other, title, unit, kinds, shows = NORMS[choose("Norms", of, NORMS)]
    result = watched_run_curves(runs, "norm")
    solid, dashed = (
        {name: terms[key] for name, terms in result.items() if key in terms} for key in (of, other)
    )
    figure = training_charts.run_curves(
        solid,
        dashed,
        hues=run_colours(require_history(runs)),
        y_title=unit,
        kinds=kinds,
        theme=theme,
    )
    alt = f"{kinds[0]}: {list_last_values(solid)}. {kinds[1]}: {list_last_values(dashed)}."

    def table() -> pd.DataFrame:
        return epoch_table({kinds[0]: solid, kinds[1]: dashed})

    return panel.PanelFigure(
        f"train-norm-{of}",
        title,
        figure,
        shows=f"{shows} Computed from the parameters, without samples.",
        not_shown="single couplings: see the Dynamics or Circuit page of the trained model.",
        alt=alt,
        table=table,
    )


def negativity(runs: Sequence[Seen], theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the log-negativity of each modality with the others by epoch, for models that evolve in time."""
    result = {
        name: terms
        for name, terms in watched_run_curves(runs, "entanglement").items()
        if "fused" not in terms
    }
    figure = training_charts.modality_curves(
        result,
        {name: list(terms) for name, terms in result.items()},
        y_title="logarithmic negativity (bits)",
        theme=theme,
    )
    alt = "Log-negativity by epoch. " + " ".join(
        f"{name}: {list_last_values(terms)}." for name, terms in result.items()
    )
    return panel.PanelFigure(
        "train-negativity",
        "Log-negativity of each modality with the others",
        figure,
        shows=f"logarithmic negativity at the end of the evolution, mean over {_watched_rows(runs, result, 1)}.",
        not_shown=_NO_ATTRIBUTION,
        alt=alt,
        table=lambda: _table_by_term(result),
    )


def replay(runs: Sequence[Seen], theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the joint part of the contributions and entanglement by epoch, of the first run that watched both: which
    came first.
    """
    run, known = next((run, pair) for run in runs if len(pair := modality_onsets(run)) == 2)
    lines = {
        name: tuple(
            (one.values + side * CLEAR * one.error) / max(float(one.values[-1]), 1e-300)
            for side in (0, -1, 1)
        )
        for name, one in known.items()
    }
    ends = {name: float(one.values[-1]) for name, one in known.items()}
    title = (
        f"{text.escape_markdown(run.name)}: {describe_order(known['joint'], known['entanglement'])}"
    )
    figure = share_curves.banded_curves(
        next(iter(known.values())).epochs,
        lines,
        hues={"joint": style.VERMILLION, "entanglement": style.BLUE},
        x_title="epoch",
        y_title="share of its last value",
        marks={name: one.first for name, one in known.items() if one.first is not None},
        theme=theme,
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {"epoch": next(iter(known.values())).epochs}
            | {name: one.values for name, one in known.items()}
            | {f"{name}_error": one.error for name, one in known.items()}
        )

    return panel.PanelFigure(
        "train-replay",
        title,
        figure,
        shows="the share of joint terms in all contributions, and the entanglement (log-negativity "
        "of a modality with the others in bits, or entanglement entropy of a fused qubit in nats), each relative to "
        f"its last value: {alt_text.list_terms(ends, '.3g')}. Bands: 95% over the few watched validation rows. "
        "Dotted: half of the last value.",
        not_shown="a causal relation, nor values between watched epochs.",
        alt=f"Last values: {alt_text.list_terms(ends, '.3g')}.",
        table=table,
    )


def modality_onsets(run: Seen) -> dict[str, Onset]:
    """Return when joint terms and entanglement of a run began; empty where they were not recorded."""
    return {} if run.record is None else onsets(run.record)


def fused_entropy(runs: Sequence[Seen], theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the entropy of a fused qubit by epoch; only of models that fuse by rules."""
    result = {
        name: terms["fused"]
        for name, terms in watched_run_curves(runs, "entanglement").items()
        if "fused" in terms
    }
    return panel.PanelFigure(
        "train-fused",
        "Entanglement entropy of the fused qubits",
        training_charts.run_curves(
            result,
            hues=run_colours(require_history(runs)),
            y_title="entanglement entropy of a fused qubit (nats)",
            theme=theme,
        ),
        shows=f"entanglement entropy of a fused qubit, mean over qubits and "
        f"{_watched_rows(runs, result, 0)}; 0 is a product, 0.69 the most. {INERT}",
        not_shown=_NO_ATTRIBUTION,
        alt=f"Entropy of a fused qubit by epoch: {list_last_values(result)}.",
        table=lambda: epoch_table({"entropy": result}),
    )


def _watched_rows(
    runs: Sequence[Seen], names: Container[str], which: int, against: bool = False
) -> str:
    """Return how many rows a watched number of some of the runs is averaged over, and how many rows its background
    has.
    """
    words = dict.fromkeys(
        f"{result[2][which]} validation rows"
        + (f" against {result[2][2]} training rows" if against else "")
        for run in runs
        if run.name in names and (result := count_rows(run))
    )
    return " or ".join(words) or "at most 32 validation rows"


def _largest_curves(terms: Mapping[str, Curve]) -> dict[str, Curve]:
    """Return the single modalities, and the joint terms that are largest by now."""
    joint = sorted(
        (term for term in terms if "+" in term), key=lambda term: -float(terms[term][1][-1])
    )[:6]
    return {term: result for term, result in terms.items() if "+" not in term or term in joint}


def describe_onsets(name: str, terms: Mapping[str, Curve]) -> str:
    """Return when each modality and the joint terms came to matter, as a sentence."""
    epochs = next(iter(terms.values()))[0]
    if len(epochs) < 2:
        return (
            f"**{text.escape_markdown(name)}**: measured once so far, after epoch {int(epochs[0])}."
        )
    words = []
    for group, epoch in passes(terms).items():
        whose = "the joint terms together" if group == "joint" else text.escape_markdown(group)
        words.append(
            f"{whose} not yet"
            if epoch is None
            else f"{whose} at epoch {epoch}"
            if epoch > epochs[0]
            else f"{whose} from the first measurement (epoch {epoch})"
        )
    return (
        f"**{text.escape_markdown(name)}** reaches {PASSED:.0%} of what all terms add by epoch {int(epochs[-1])}: "
        f"{', '.join(words)}. Measured after {len(epochs)} of {int(epochs[-1])} epochs."
    )


def _table_by_term(curves: Mapping[str, Mapping[str, Curve]]) -> pd.DataFrame:
    return pd.concat(
        [
            pd.DataFrame({"run": name, "term": term, "epoch": epochs.astype(int), "value": values})
            for name, terms in curves.items()
            for term, (epochs, values) in terms.items()
        ]
    )
