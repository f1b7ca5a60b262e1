"""Curves of the runs that are shown, and what their models do inside while they are trained."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from qfusion import data
from qfusion._checks import choose
from qfusion.analysis import run_curves, text
from qfusion.analysis.run_curves import Curve, Seen
from qfusion.errors import QFusionError
from qfusion.figures.draw import training as figures
from qfusion.figures.style import Theme
from qfusion.training import default_options, metrics
from qfusion.ui.frame import cache, state
from qfusion.ui.panel import panels

METRIC = "train.metric"
JOINT = 6  # joint terms that are drawn


def allowed() -> dict[str, state.Allowed]:
    """What a link may say about the curves."""
    return {METRIC: state.options("Metric", metrics.describe, "The usual one is shown.")}


def dataset_of(name: str) -> data.DataSet:
    """The data that a run was trained on.

    Raises:
        NotFound: when they are a file given by its path, or are not among the data sets here.
    """
    return cache.dataset(choose("Data set", name, [source.name for source in data.available()]))


def loss_of(each: Seen) -> str:
    """What a run makes small."""
    assert each.plan is not None
    try:
        usual = default_options(dataset_of(each.plan.data)).loss
    except QFusionError:
        usual = ""
    return str(each.plan.options.get("loss", usual))


def counted(each: Seen) -> tuple[int, int, tuple[int, int, int]] | None:
    """See `run_curves.sizes_of`; None where the data are not here."""
    assert each.plan is not None
    try:
        return run_curves.sizes_of(dataset_of(each.plan.data), "train+valid" if each.plan.options.get("refit") else "train")
    except QFusionError:
        return None


def rows_of(shown: list[Seen]) -> str:
    """The rows behind a curve, of every data set."""
    said = {}
    for each in shown:
        found = counted(each)
        if each.plan is not None and found:
            where = text.plain(each.plan.data)
            said[where] = f"{where}: {found[0]:,} rows trained on, {found[1]:,} validation rows"
            if each.plan.options.get("refit"):
                said[where] += " (among those trained on)"
    return "; ".join(said.values()) or "rows unknown, as the data are not here"


def watched_rows(shown: list[Seen], which: int, against: bool = False) -> str:
    """How many rows a watched number is the mean of, and its background."""
    said = dict.fromkeys(f"{found[2][which]} validation rows" + (f" against {found[2][2]} training rows" if against else "")
                         for each in shown if (found := counted(each)))
    return " or ".join(said) or "at most 32 validation rows"


def hues(shown: list[Seen]) -> dict[str, str]:
    """A colour for each run."""
    return {each.name: figures.hue_of(i) for i, each in enumerate(shown)}


def _table(curves: Mapping[str, Mapping[str, Curve]]) -> pd.DataFrame:
    """Curves as rows, by what they are of and then by run."""
    parts = [pd.DataFrame({"run": name, "epoch": epochs.astype(int), "measure": what, "value": values})
             for what, found in curves.items() for name, (epochs, values) in found.items()]
    return pd.concat(parts) if parts else pd.DataFrame(columns=["run", "epoch", "measure", "value"])


def _last(curves: Mapping[str, Curve]) -> str:
    return ", ".join(f"{name} {values[-1]:.4g} at epoch {epochs[-1]:.0f}" for name, (epochs, values) in curves.items() if len(values))


def _with_history(shown: list[Seen]) -> list[Seen]:
    found = [each for each in shown if each.record is not None and each.record.history]
    if not found:
        st.info("No epoch is over yet." if any(each.alive for each in shown) else "Of the runs shown, none has an epoch to draw.",
                icon=":material/hourglass_top:")
    return found


def progress(theme: Theme, shown: list[Seen]) -> None:
    """Loss, metrics, learning rate, gradient norm."""
    shown = _with_history(shown)
    if not shown:
        return
    colours = hues(shown)
    records = {each.name: each.record for each in shown if each.record is not None}
    left, right = st.columns(2, gap="medium")
    with left:
        _loss(theme, shown, colours)
    with right:
        _metric(theme, shown, colours)
    rates = {name: run_curves.curve(record, "rate") for name, record in records.items()}
    norms = {name: run_curves.curve(record, "gradient_norm") for name, record in records.items()}
    left, right = st.columns(2, gap="medium")
    with left:
        panels.panel("train-gradient", "Gradient norm", figures.curves(norms, hues=colours, y_title="gradient norm (log scale)", log=True,
                                                                       theme=theme),
                     shows=f"mean over the steps of an epoch, before clipping ({rows_of(shown)}); one that grows warns of divergence.",
                     not_shown="single steps, nor which part of the model the gradient is of.",
                     alt=f"Gradient norm by epoch: {_last(norms)}.", numbers=lambda: _table({"gradient norm": norms}))
    with right:
        panels.panel("train-rate", "Learning rate", figures.curves(rates, hues=colours, y_title="learning rate", theme=theme),
                     shows="the step size at the end of each epoch, as the schedule has it.",
                     not_shown="whether it is a good one: look at the loss.",
                     alt=f"Learning rate by epoch: {_last(rates)}.", numbers=lambda: _table({"learning rate": rates}))


def _loss(theme: Theme, shown: list[Seen], colours: dict[str, str]) -> None:
    records = {each.name: each.record for each in shown if each.record is not None}
    valid = {name: run_curves.curve(record, "valid_loss") for name, record in records.items()}
    train = {name: run_curves.curve(record, "train_loss") for name, record in records.items()}
    losses = sorted({loss_of(each) for each in shown} - {""})
    sets = {each.plan.data for each in shown if each.plan is not None}
    lead = "These runs are not on the same data or make different losses small: their heights cannot be compared." \
        if len(sets) > 1 or len(losses) > 1 else ""
    best = min(records, key=lambda name: float(valid[name][1].min()))
    title = f"Lowest validation loss so far: {text.plain(best)}" if len(records) > 1 and not lead else "Loss"
    panels.panel(
        "train-loss", title, figures.curves(valid, train, hues=colours, y_title=f"loss ({' or '.join(losses) or 'its own'})",
                                            kinds=("validation", "training"),
                                            kept={name: record.kept for name, record in records.items()}, theme=theme),
        shows=f"mean loss of each epoch ({rows_of(shown)}); the ring marks the epoch whose weights are kept.",
        not_shown="test rows. The training loss is taken with dropout on and of the weights as they go, so it may lie above the other.",
        alt=f"Loss by epoch. Validation: {_last(valid)}. Training: {_last(train)}.",
        numbers=lambda: _table({"validation loss": valid, "training loss": train}), lead=lead)


def _metric(theme: Theme, shown: list[Seen], colours: dict[str, str]) -> None:
    records = {each.name: each.record for each in shown if each.record is not None}
    known = run_curves.metric_names(list(records.values()))
    if not known:
        st.info("The runs shown have no metric in common: one predicts a number, another one classes. Choose runs of one kind.",
                icon=":material/help:")
        return
    usual = run_curves.main_metric(known)
    if state.get(METRIC) not in (None, *known):
        state.put(METRIC, usual)  # of another data set
    with st.container(border=True, key="panel-train-metric", gap="xxsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            panels.heading("Metric on the validation rows")
            metric = st.selectbox("Metric", known, index=known.index(usual), label_visibility="collapsed", width=170, **state.bound(METRIC))
        about = metrics.describe.get(metric, metrics.Label(metric, ""))
        found = {name: run_curves.curve(record, f"valid.{metric}") for name, record in records.items()}
        shown_figure = panels.figure("train-metric", figures.curves(found, hues=colours, y_title=about.short, theme=theme,
                                                     kept={name: record.kept for name, record in records.items()}),
                      f"{about.short} on the validation rows by epoch: {_last(found)}.")
        panels.footer("train-metric", f"{about.help} {'More' if about.higher_is_better else 'Less'} is better ({rows_of(shown)}).",
                      "test rows: they are measured once the run ends, see Settings and results.", lambda: _table({metric: found}),
                      title=f"{about.short} on the validation rows", shown=shown_figure)


def inside(theme: Theme, shown: list[Seen]) -> None:
    """Strength of the couplings, entanglement, and what single modalities and their combinations contribute."""
    shown = _with_history(shown)
    watched = [each for each in shown if each.record is not None and any(row["watched"] for row in each.record.history)]
    without = [text.plain(each.name) for each in shown if not each.explorable]
    if without:
        st.caption(f"{', '.join(without)}: a baseline has neither couplings nor states of its modalities to look at.")
    if not watched:
        return
    _dividends(theme, watched)
    colours = {each.name: hue for each, hue in zip(shown, hues(shown).values(), strict=True)}
    left, right = st.columns(2, gap="medium")
    with left:
        _norms(theme, watched, colours, "H", "L", "How strong are Hamiltonian and jump operators?", "norm",
               ("norm of H", "norm of all L"),
               "Frobenius norms over the square root of the dimension: how strong coherent coupling (H) and jumps (L) are.")
    with left:
        _norms(theme, watched, colours, "tables", "circuit", "How far do truth tables and circuit turn?",
               "root mean square (rad)", ("truth tables, from undecided", "angles of the network"),
               "root mean square of the tables' angles away from undecided, and of the network's angles, in radians.")
    with right:
        _entanglement(theme, watched, colours)


def _dividends(theme: Theme, shown: list[Seen]) -> None:
    found = {each.name: run_curves.watched(each.record, "dividend") for each in shown if each.record is not None}
    kinds: dict[tuple[str, ...], dict[str, Mapping[str, Curve]]] = {}
    for name, terms in found.items():
        if terms:
            kinds.setdefault(tuple(term for term in terms if "+" not in term), {})[name] = terms
    for number, (modalities, those) in enumerate(kinds.items()):
        _dividends_of(theme, [each for each in shown if each.name in those], modalities, those, f"-{number}" if number else "")


def _dividends_of(theme: Theme, shown: list[Seen], modalities: tuple[str, ...], found: dict[str, Mapping[str, Curve]], turn: str) -> None:
    """Of runs with the same modalities."""
    totals = {name: run_curves.PASSED * sum(float(values[-1]) for _, values in terms.values()) for name, terms in found.items()}
    lead = "  \n".join(_passing(name, terms) for name, terms in found.items())
    drawn = {name: _largest(terms) for name, terms in found.items()}
    left_out = max(len(terms) - len(drawn[name]) for name, terms in found.items())
    panels.panel(
        f"train-dividends{turn}", "When does the model start to use each modality?",
        figures.by_modality(drawn, dict.fromkeys(found, modalities), y_title="mean size of the dividend (score)", marks=totals,
                            theme=theme),
        shows=f"how much each modality adds on its own (solid) and each combination beyond its parts (dashed, dotted): mean size over "
              f"{watched_rows(shown, 0, against=True)} and all outputs, after some epochs. Dotted level: {run_curves.PASSED:.0%} of all "
              "terms together by now.",
        not_shown="the sign, nor whether what is added is right: look at the loss."
                  + (f" {left_out} smaller joint terms are in the CSV." if left_out else ""),
        alt="Mean size of the dividends by epoch. " + " ".join(f"{name}: {_last(terms)}." for name, terms in found.items()),
        numbers=lambda: _table_by_term(found), lead=lead)


def _largest(terms: Mapping[str, Curve]) -> dict[str, Curve]:
    """The single modalities, and the joint terms that are largest by now."""
    joint = sorted((term for term in terms if "+" in term), key=lambda term: -float(terms[term][1][-1]))[:JOINT]
    return {term: found for term, found in terms.items() if "+" not in term or term in joint}


def _passing(name: str, terms: Mapping[str, Curve]) -> str:
    """When each modality and the joint terms came to matter, as a sentence."""
    epochs = next(iter(terms.values()))[0]
    if len(epochs) < 2:
        return f"**{text.plain(name)}**: measured once so far, after epoch {int(epochs[0])}."
    said = []
    for group, epoch in run_curves.passes(terms).items():
        whose = "the joint terms together" if group == "joint" else text.plain(group)
        said.append(f"{whose} not yet" if epoch is None else f"{whose} at epoch {epoch}"
                    if epoch > epochs[0] else f"{whose} from the first measurement (epoch {epoch})")
    return (f"**{text.plain(name)}** reaches {run_curves.PASSED:.0%} of what all terms add by epoch {int(epochs[-1])}: "
            f"{', '.join(said)}. Measured after {len(epochs)} of {int(epochs[-1])} epochs.")


def _table_by_term(found: Mapping[str, Mapping[str, Curve]]) -> pd.DataFrame:
    return pd.concat([pd.DataFrame({"run": name, "term": term, "epoch": epochs.astype(int), "value": values})
                      for name, terms in found.items() for term, (epochs, values) in terms.items()])


def _norms(theme: Theme, shown: list[Seen], colours: dict[str, str], first: str, second: str, title: str, unit: str,
           kinds: tuple[str, str], shows: str) -> None:
    solid, dashed = ({each.name: terms[key] for each in shown if each.record is not None
                      and key in (terms := run_curves.watched(each.record, "norm"))} for key in (first, second))
    if not solid:
        return
    panels.panel(f"train-norm-{first}", title, figures.curves(solid, dashed, hues=colours, y_title=unit, kinds=kinds, theme=theme),
                 shows=f"{shows} Of the model alone, no samples.",
                 not_shown="which coupling it is: the Dynamics or Circuit page of the trained model does.",
                 alt=f"{kinds[0]}: {_last(solid)}. {kinds[1]}: {_last(dashed)}.",
                 numbers=lambda: _table({kinds[0]: solid, kinds[1]: dashed}))


def _entanglement(theme: Theme, shown: list[Seen], colours: dict[str, str]) -> None:
    found = {each.name: run_curves.watched(each.record, "entanglement") for each in shown if each.record is not None}
    jump = {name: terms for name, terms in found.items() if terms and "fused" not in terms}
    fused = {name: terms["fused"] for name, terms in found.items() if "fused" in terms}
    if jump:
        those = [each for each in shown if each.name in jump]
        panels.panel(
            "train-negativity", "Entanglement of each modality with the others",
            figures.by_modality(jump, {name: list(terms) for name, terms in jump.items()}, y_title="logarithmic negativity (nats)",
                                theme=theme),
            shows=f"logarithmic negativity at the end of the evolution, mean over {watched_rows(those, 1)}.",
            not_shown="which modality decides: entanglement is correlation, not attribution.",
            alt="Entanglement by epoch. " + " ".join(f"{name}: {_last(terms)}." for name, terms in jump.items()),
            numbers=lambda: _table_by_term(jump))
    if fused:
        those = [each for each in shown if each.name in fused]
        panels.panel(
            "train-fused", "Entanglement that the fusion makes",
            figures.curves(fused, hues=colours, y_title="entropy of a fused qubit (nats)", theme=theme),
            shows=f"entropy of a fused qubit, mean over qubits and {watched_rows(those, 0)}; 0 is a product, 0.69 the most.",
            not_shown="which modality decides: entanglement is correlation, not attribution.",
            alt=f"Entropy of a fused qubit by epoch: {_last(fused)}.", numbers=lambda: _table({"entropy": fused}))
