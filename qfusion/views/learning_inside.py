"""Contributions, parameters and entanglement of models while they are trained."""

from collections.abc import Container, Mapping, Sequence
from typing import Literal

import pandas as pd

from qfusion._checks import choose
from qfusion.figures import style, training_charts
from qfusion.study import text
from qfusion.study.seeds import count_rows
from qfusion.study.trainings import (
    CLEAR,
    PASSED,
    Curve,
    Onset,
    Order,
    RunStatus,
    group_by_modalities,
    onsets,
    order_onsets,
    passes,
    watched_run_curves,
)
from qfusion.views.learning import epoch_table, list_last_values, require_history, run_colours
from qfusion.views.view import View
from qfusion.views.words import rules
from qfusion.views.words.names import INERT

EPOCHS = "the joint share reaches half of its last value in epoch {joint}, entanglement in epoch {entanglement}"
ORDERS: dict[Order, str] = {
    Order.NEVER_FUSES: "The joint share is zero at the end of training",
    Order.NEVER_ENTANGLES: "Entanglement is zero at the end of training",
    Order.ENTANGLEMENT_FIRST: "Entanglement rises first: " + EPOCHS,
    Order.JOINT_FIRST: "The joint share rises first: " + EPOCHS,
    Order.UNDECIDED: "The order of onset is not significant: " + EPOCHS,
}

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
_NO_ATTRIBUTION = "Does not show which modality decides, since entanglement measures correlation, not attribution."


def train_dividends(runs: Sequence[RunStatus], group: str = "0") -> View:
    """The contributions of single modalities and their combinations by epoch, for models that can be explained.

    Args:
        runs: that are shown.
        group: number, from 0, of a group of runs that have the same modalities.
    """
    groups = group_by_modalities(runs)
    place = int(choose("Group", group, map(str, range(len(groups)))))
    modalities, result = groups[place]
    drawn = {name: _largest_curves(terms) for name, terms in result.items()}
    left_out = max(len(terms) - len(drawn[name]) for name, terms in result.items())
    levels = {
        name: PASSED * sum(float(values[-1]) for _, values in terms.values())
        for name, terms in result.items()
    }
    smaller = f" The CSV contains {left_out} smaller joint terms." if left_out else ""
    rows = _watched_rows(runs, result, 0, against=True)
    return View(
        training_charts.modality_curves(
            drawn,
            dict.fromkeys(result, modalities),
            y_title="mean size of the contribution",
            marks=levels,
        ),
        "Use of each modality during training",
        caption="how much each modality adds on its own (solid) and each combination beyond its parts (dashed, "
        f"dotted): mean size over {rows} and all outputs, after some epochs. Dotted level: {PASSED:.0%} of all terms "
        "together by now.",
        limits=f"Does not show the sign of the contributions, nor whether they are right: see the loss.{smaller}",
        table=_table_by_term(result),
        alternative=f"Mean size of the contributions by epoch. {_list_runs(result)}",
        lead="  \n".join(describe_onsets(name, terms) for name, terms in result.items()),
        name=f"train-dividends-{group}" if place else "",
    )


def parameter_norms(runs: Sequence[RunStatus], of: Literal["H", "tables"] = "H") -> View:
    """How large the parameters of the fusion are by epoch; only of models that have such.

    Args:
        runs: that are shown.
        of: H (Hamiltonian and jump operators) or truth tables and circuit, in radians.
    """
    other, title, unit, kinds, shows = NORMS[choose("Norms", of, NORMS)]
    result = watched_run_curves(runs, "norm")
    solid, dashed = (
        {name: terms[key] for name, terms in result.items() if key in terms} for key in (of, other)
    )
    return View(
        training_charts.run_curves(
            solid, dashed, hues=run_colours(require_history(runs)), y_title=unit, kinds=kinds
        ),
        title,
        caption=f"{shows} Computed from the parameters, without samples.",
        limits="For single couplings, see the Dynamics or Circuit page of the trained model.",
        table=epoch_table({kinds[0]: solid, kinds[1]: dashed}),
        alternative=f"{kinds[0]}: {list_last_values(solid)}. {kinds[1]}: {list_last_values(dashed)}.",
        name=f"train-norm-{of}",
    )


def train_negativity(runs: Sequence[RunStatus]) -> View:
    """The log-negativity of each modality with the others by epoch, for models that evolve in time."""
    result = {
        name: terms
        for name, terms in watched_run_curves(runs, "entanglement").items()
        if "fused" not in terms
    }
    rows = _watched_rows(runs, result, 1)
    return View(
        training_charts.modality_curves(
            result,
            {name: list(terms) for name, terms in result.items()},
            y_title="log-negativity (bits)",
        ),
        "Log-negativity of each modality with the others",
        caption=f"logarithmic negativity at the end of the evolution, mean over {rows}.",
        limits=_NO_ATTRIBUTION,
        table=_table_by_term(result),
        alternative=f"Log-negativity by epoch. {_list_runs(result)}",
    )


def train_replay(runs: Sequence[RunStatus]) -> View:
    """The joint share of the contributions and entanglement by epoch, of the first run that watched both: which came
    first.
    """
    run, known = next((run, pair) for run in runs if len(pair := modality_onsets(run)) == 2)
    epochs = next(iter(known.values())).epochs
    lines = {
        name: tuple(
            (one.values + side * CLEAR * one.error) / max(float(one.values[-1]), 1e-300)
            for side in (0, -1, 1)
        )
        for name, one in known.items()
    }
    ends = rules.list_terms({name: float(one.values[-1]) for name, one in known.items()}, ".3g")
    order = describe_order(known["joint"], known["entanglement"])
    return View(
        training_charts.banded_curves(
            epochs,
            lines,
            hues={"joint": style.VERMILLION, "entanglement": style.BLUE},
            x_title="epoch",
            y_title="share of its last value",
            marks={name: one.first for name, one in known.items() if one.first is not None},
        ),
        f"{text.escape_markdown(run.name)}: {order}",
        caption="the joint share of the contributions, and the entanglement (log-negativity of a modality "
        "with the others in bits, or entanglement entropy of a fused qubit in nats), each relative to its last value: "
        f"{ends}. Bands: 1.96 standard errors over the few watched validation rows. Dotted: half of the last value.",
        limits="This is a correlation over watched epochs, not a causal relation.",
        table=pd.DataFrame(
            {"epoch": epochs}
            | {name: one.values for name, one in known.items()}
            | {f"{name}_error": one.error for name, one in known.items()}
        ),
        alternative=f"Last values: {ends}.",
    )


def modality_onsets(run: RunStatus) -> dict[str, Onset]:
    """Return when joint terms and entanglement of a run began; empty where they were not recorded."""
    return {} if run.record is None else onsets(run.record)


def train_fused(runs: Sequence[RunStatus]) -> View:
    """The entropy of a fused qubit by epoch; only of models that fuse by rules."""
    result = {
        name: terms["fused"]
        for name, terms in watched_run_curves(runs, "entanglement").items()
        if "fused" in terms
    }
    rows = _watched_rows(runs, result, 0)
    return View(
        training_charts.run_curves(
            result,
            hues=run_colours(require_history(runs)),
            y_title="entanglement entropy of a fused qubit (nats)",
        ),
        "Entanglement entropy of the fused qubits",
        caption=f"entanglement entropy of a fused qubit, mean over qubits and {rows}; 0 is a product, 0.69 the most. "
        f"{INERT}",
        limits=_NO_ATTRIBUTION,
        table=epoch_table({"entropy": result}),
        alternative=f"Entropy of a fused qubit by epoch: {list_last_values(result)}.",
    )


def _watched_rows(
    runs: Sequence[RunStatus], names: Container[str], which: int, against: bool = False
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


def _list_runs(curves: Mapping[str, Mapping[str, Curve]]) -> str:
    """Return the last values of every run's curves, a sentence a run."""
    return " ".join(f"{name}: {list_last_values(terms)}." for name, terms in curves.items())


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


def describe_order(joint: Onset, entanglement: Onset) -> str:
    """Return whether a model was entangled before it fused, as a sentence without its end."""
    template = ORDERS[order_onsets(joint, entanglement)]
    return template.format(joint=joint.first, entanglement=entanglement.first)
