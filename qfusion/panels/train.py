"""The panels of runs side by side: their curves, what their models do inside while they are trained, and what came out.

A run that has no epoch yet is left out of the curves. Losses and metrics are of validation rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from qfusion import runs as run_files
from qfusion._checks import check, choose
from qfusion._sentences import listed
from qfusion.analysis import text
from qfusion.analysis.learning import run_curves, run_results
from qfusion.analysis.learning.run_curves import PASSED, Curve, Seen
from qfusion.explain.evidence import INERT
from qfusion.figures.draw import training as figures
from qfusion.figures.style import Theme
from qfusion.panels.core import allowed as say
from qfusion.panels.core.opened import sources
from qfusion.panels.core.panel import Panel, Picture, within, word
from qfusion.panels.core.view import View
from qfusion.panels.data import _allowed_set
from qfusion.panels.sweeps import _allowed_sweep
from qfusion.runs import plans
from qfusion.runs.settings import KINDS, SETTINGS
from qfusion.training import metrics

_JOINT = 6  # joint terms that are drawn
# By the first of the two norms: the second, title, unit, what the two are, what is shown.
NORMS = {
    "H": (
        "L",
        "How strong are Hamiltonian and dissipation?",
        "norm",
        ("norm of H", "norm of all L"),
        "Frobenius norms over the square root of the dimension, of traceless operators: how strong coherent coupling "
        "(H) and dissipation (L) are.",
    ),
    "tables": (
        "circuit",
        "How far do truth tables and circuit turn?",
        "root mean square (rad)",
        ("truth tables, from undecided", "angles of the network"),
        "root mean square of the tables' angles away from undecided, and of the network's angles, in radians.",
    ),
}
_NO_ATTRIBUTION = "which modality decides: entanglement is correlation, not attribution."


def loss(runs: Sequence[Seen], theme: Theme = "light") -> Picture:
    """Validation and training loss by epoch."""
    drawn = _drawn(runs)
    valid, train = _curves(drawn, "valid_loss"), _curves(drawn, "train_loss")
    losses = sorted({run_curves.loss_of(each) for each in drawn} - {""})
    sets = {each.plan.data for each in drawn if each.plan is not None}
    lead = (
        "These runs are not on the same data or make different losses small: their heights cannot be compared."
        if len(sets) > 1 or len(losses) > 1
        else ""
    )
    return Picture(
        "train-loss",
        "Loss" if lead else lowest({name: values for name, (_, values) in valid.items()}),
        figures.curves(
            valid,
            train,
            hues=_hues(drawn),
            y_title=f"loss ({' or '.join(losses) or 'its own'})",
            kinds=("validation", "training"),
            kept=_kept(drawn),
            theme=theme,
        ),
        shows=f"mean loss of each epoch ({_rows(drawn)}); the ring marks the epoch whose weights are kept.",
        not_shown="test rows. The training loss is taken with dropout on and of the weights as they go, so it may lie "
        "above the other.",
        alt=f"Loss by epoch. Validation: {_last(valid)}. Training: {_last(train)}.",
        table=lambda: _table({"validation loss": valid, "training loss": train}),
        lead=lead,
    )


def lowest(losses: Mapping[str, np.ndarray]) -> str:
    """Which runs had the lowest validation loss of an epoch; losses of each run by epoch, one of them not a number
    where the run diverged."""
    best = {
        name: float(values[np.isfinite(values)].min())
        for name, values in losses.items()
        if np.isfinite(values).any()
    }
    if len(losses) < 2 or not best:
        return "Loss"
    written = {name: f"{value:.4g}" for name, value in best.items()}
    least = written[min(best, key=lambda name: best[name])]
    first = [text.plain(name) for name, words in written.items() if words == least]
    if len(first) == len(losses):
        return f"All {len(first)} runs have the same lowest validation loss so far ({least})"
    return f"Lowest validation loss so far: {listed(first)} ({least}{' each' if len(first) > 1 else ''})"


def metric(runs: Sequence[Seen], theme: Theme = "light", *, metric: str = "") -> Picture:
    """A metric on the validation rows by epoch.

    Args:
        runs: that are shown.
        theme: of the figure.
        metric: one that all of them have, such as "mae"; accuracy or the mean absolute error unless told.
    """
    drawn = _drawn(runs)
    known = run_curves.metric_names([each.record for each in drawn if each.record is not None])
    check(
        bool(known),
        "The runs have no metric in common: one predicts a number, another one classes.",
    )
    key = choose("Metric", metric, known) if metric else run_curves.main_metric(known)
    about = metrics.labels(known).get(key, metrics.Label(key, ""))
    found = _curves(drawn, f"valid.{key}")
    return Picture(
        "train-metric",
        f"{about.short} on the validation rows",
        figures.curves(
            found, hues=_hues(drawn), y_title=about.short, kept=_kept(drawn), theme=theme
        ),
        shows=f"{about.help} {'More' if about.higher_is_better else 'Less'} is better ({_rows(drawn)}).",
        not_shown="test rows: they are measured once the run ends, see Settings and results.",
        alt=f"{about.short} on the validation rows by epoch: {_last(found)}.",
        table=lambda: _table({key: found}),
    )


def gradient(runs: Sequence[Seen], theme: Theme = "light") -> Picture:
    """Norm of the gradient by epoch."""
    drawn = _drawn(runs)
    found = _curves(drawn, "gradient_norm")
    return Picture(
        "train-gradient",
        "Gradient norm",
        figures.curves(
            found, hues=_hues(drawn), y_title="gradient norm (log scale)", log=True, theme=theme
        ),
        shows=f"mean over the steps of an epoch, before clipping ({_rows(drawn)}); one that grows warns of divergence.",
        not_shown="single steps, nor which part of the model the gradient is of.",
        alt=f"Gradient norm by epoch: {_last(found)}.",
        table=lambda: _table({"gradient norm": found}),
    )


def rate(runs: Sequence[Seen], theme: Theme = "light") -> Picture:
    """Learning rate by epoch."""
    drawn = _drawn(runs)
    found = _curves(drawn, "rate")
    return Picture(
        "train-rate",
        "Learning rate",
        figures.curves(found, hues=_hues(drawn), y_title="learning rate", theme=theme),
        shows="the step size at the end of each epoch, as the schedule has it.",
        not_shown="whether it is a good one: look at the loss.",
        alt=f"Learning rate by epoch: {_last(found)}.",
        table=lambda: _table({"learning rate": found}),
    )


def dividends(runs: Sequence[Seen], theme: Theme = "light", *, group: int | str = 0) -> Picture:
    """What single modalities and their combinations add by epoch; only of models that can be explained.

    Args:
        runs: that are shown.
        theme: of the figure.
        group: number, from 0, of a group of runs that have the same modalities.
    """
    groups = run_curves.by_modalities(runs)
    modalities, found = groups[int(choose("Group", str(group), map(str, range(len(groups)))))]
    those = [each for each in runs if each.name in found]
    totals = {
        name: PASSED * sum(float(values[-1]) for _, values in terms.values())
        for name, terms in found.items()
    }
    drawn = {name: _largest(terms) for name, terms in found.items()}
    left_out = max(len(terms) - len(drawn[name]) for name, terms in found.items())
    return Picture(
        f"train-dividends-{group}" if int(group) else "train-dividends",
        "When does the model start to use each modality?",
        figures.by_modality(
            drawn,
            dict.fromkeys(found, modalities),
            y_title="mean size of the contribution (score)",
            marks=totals,
            theme=theme,
        ),
        shows="how much each modality adds on its own (solid) and each combination beyond its parts (dashed, dotted): "
        f"mean size over {_watched_rows(those, 0, against=True)} and all outputs, after some epochs. Dotted "
        f"level: {PASSED:.0%} of all terms together by now.",
        not_shown="the sign, nor whether what is added is right: look at the loss."
        + (f" {left_out} smaller joint terms are in the CSV." if left_out else ""),
        alt="Mean size of the contributions by epoch. "
        + " ".join(f"{name}: {_last(terms)}." for name, terms in found.items()),
        table=lambda: _table_by_term(found),
        lead="  \n".join(_passing(name, terms) for name, terms in found.items()),
    )


def norms(runs: Sequence[Seen], theme: Theme = "light", *, of: str = "H") -> Picture:
    """How large the parameters of the fusion are by epoch; only of models that have such.

    Args:
        runs: that are shown.
        theme: of the figure.
        of: "H" (Hamiltonian and jump operators) or "tables" (truth tables and circuit, in radians).
    """
    other, title, unit, kinds, shows = NORMS[choose("Norms", of, NORMS)]
    found = run_curves.watched_by(runs, "norm")
    solid, dashed = (
        {name: terms[key] for name, terms in found.items() if key in terms} for key in (of, other)
    )
    return Picture(
        f"train-norm-{of}",
        title,
        figures.curves(
            solid, dashed, hues=_hues(_drawn(runs)), y_title=unit, kinds=kinds, theme=theme
        ),
        shows=f"{shows} Of the model alone, no samples.",
        not_shown="which coupling it is: the Dynamics or Circuit page of the trained model does.",
        alt=f"{kinds[0]}: {_last(solid)}. {kinds[1]}: {_last(dashed)}.",
        table=lambda: _table({kinds[0]: solid, kinds[1]: dashed}),
    )


def negativity(runs: Sequence[Seen], theme: Theme = "light") -> Picture:
    """Entanglement of each modality with the others by epoch; only of models that evolve in time."""
    entangled = run_curves.watched_by(runs, "entanglement")
    found = {name: terms for name, terms in entangled.items() if "fused" not in terms}
    those = [each for each in runs if each.name in found]
    return Picture(
        "train-negativity",
        "Entanglement of each modality with the others",
        figures.by_modality(
            found,
            {name: list(terms) for name, terms in found.items()},
            y_title="logarithmic negativity (bits)",
            theme=theme,
        ),
        shows=f"logarithmic negativity at the end of the evolution, mean over {_watched_rows(those, 1)}.",
        not_shown=_NO_ATTRIBUTION,
        alt="Entanglement by epoch. "
        + " ".join(f"{name}: {_last(terms)}." for name, terms in found.items()),
        table=lambda: _table_by_term(found),
    )


def fused(runs: Sequence[Seen], theme: Theme = "light") -> Picture:
    """Entropy of a fused qubit by epoch; only of models that fuse by rules."""
    entangled = run_curves.watched_by(runs, "entanglement")
    found = {name: terms["fused"] for name, terms in entangled.items() if "fused" in terms}
    those = [each for each in runs if each.name in found]
    return Picture(
        "train-fused",
        "Entanglement that the fusion makes",
        figures.curves(
            found, hues=_hues(_drawn(runs)), y_title="entropy of a fused qubit (nats)", theme=theme
        ),
        shows=f"entropy of a fused qubit, mean over qubits and {_watched_rows(those, 0)}; 0 is a product, 0.69 the "
        f"most. {INERT}",
        not_shown=_NO_ATTRIBUTION,
        alt=f"Entropy of a fused qubit by epoch: {_last(found)}.",
        table=lambda: _table({"entropy": found}),
    )


def results(runs: Sequence[Seen], theme: Theme = "light") -> Picture:
    """Epochs, time, and the metrics of the kept weights: a table."""
    found = run_results.of(runs)
    sizes = "; ".join(
        f"{text.plain(name)}: {valid:,} validation, {test:,} test rows"
        for name, (valid, test) in found.sizes.items()
    )
    seeds = (
        "The runs differ in their seed alone: mean ± standard deviation over seeds."
        if found.seeds_only
        else ""
    )
    return Picture(
        "train-results",
        "What came out",
        None,
        shows=f"the kept weights measured when the run ended{f' ({sizes})' if sizes else ''}. {seeds}",
        not_shown="which settings to choose: whoever chooses by test rows no longer measures on unseen ones.",
        alt=f"Epochs, time and parameters of {len(found.table)} runs.",
        table=lambda: found.table,
    )


def _drawn(runs: Sequence[Seen]) -> list[Seen]:
    found = run_curves.with_history(runs)
    check(bool(found), "None of the runs has an epoch to draw.")
    return found


def _curves(runs: Sequence[Seen], key: str) -> dict[str, Curve]:
    return {
        each.name: run_curves.curve(each.record, key) for each in runs if each.record is not None
    }


def _kept(runs: Sequence[Seen]) -> dict[str, int]:
    return {each.name: each.record.kept for each in runs if each.record is not None}


def _hues(runs: Sequence[Seen]) -> dict[str, str]:
    return {each.name: figures.hue_of(place) for place, each in enumerate(runs)}


def _rows(runs: Sequence[Seen]) -> str:
    """The rows behind a curve, of every data set."""
    said = {}
    for each in runs:
        found = run_curves.counted(each)
        if each.plan is not None and found:
            where = text.plain(each.plan.data)
            said[where] = f"{where}: {found[0]:,} rows trained on, {found[1]:,} validation rows"
            if each.plan.options.get("refit"):
                said[where] += " (among those trained on)"
    return "; ".join(said.values()) or "rows unknown, as the data are not here"


def _watched_rows(runs: Sequence[Seen], which: int, against: bool = False) -> str:
    """How many rows a watched number is the mean of, and its background."""
    said = dict.fromkeys(
        f"{found[2][which]} validation rows"
        + (f" against {found[2][2]} training rows" if against else "")
        for each in runs
        if (found := run_curves.counted(each))
    )
    return " or ".join(said) or "at most 32 validation rows"


def _last(curves: Mapping[str, Curve]) -> str:
    return ", ".join(
        f"{name} {values[-1]:.4g} at epoch {epochs[-1]:.0f}"
        for name, (epochs, values) in curves.items()
        if len(values)
    )


def _largest(terms: Mapping[str, Curve]) -> dict[str, Curve]:
    """The single modalities, and the joint terms that are largest by now."""
    joint = sorted(
        (term for term in terms if "+" in term), key=lambda term: -float(terms[term][1][-1])
    )[:_JOINT]
    return {term: found for term, found in terms.items() if "+" not in term or term in joint}


def _passing(name: str, terms: Mapping[str, Curve]) -> str:
    """When each modality and the joint terms came to matter, as a sentence."""
    epochs = next(iter(terms.values()))[0]
    if len(epochs) < 2:
        return f"**{text.plain(name)}**: measured once so far, after epoch {int(epochs[0])}."
    said = []
    for group, epoch in run_curves.passes(terms).items():
        whose = "the joint terms together" if group == "joint" else text.plain(group)
        said.append(
            f"{whose} not yet"
            if epoch is None
            else f"{whose} at epoch {epoch}"
            if epoch > epochs[0]
            else f"{whose} from the first measurement (epoch {epoch})"
        )
    return (
        f"**{text.plain(name)}** reaches {PASSED:.0%} of what all terms add by epoch {int(epochs[-1])}: "
        f"{', '.join(said)}. Measured after {len(epochs)} of {int(epochs[-1])} epochs."
    )


def _table(curves: Mapping[str, Mapping[str, Curve]]) -> pd.DataFrame:
    """Curves as rows, by what they are of and then by run."""
    return pd.concat(
        [
            pd.DataFrame(
                {"run": name, "epoch": epochs.astype(int), "measure": what, "value": values}
            )
            for what, found in curves.items()
            for name, (epochs, values) in found.items()
        ]
    )


def _table_by_term(found: Mapping[str, Mapping[str, Curve]]) -> pd.DataFrame:
    return pd.concat(
        [
            pd.DataFrame({"run": name, "term": term, "epoch": epochs.astype(int), "value": values})
            for name, terms in found.items()
            for term, (epochs, values) in terms.items()
        ]
    )


VIEWS = ("Progress", "Inside the model", "Settings and results")


def begun(runs: Sequence[Seen]) -> bool:
    """Whether some run has an epoch to draw."""
    return bool(run_curves.with_history(runs))


def metrics_of(runs: Sequence[Seen]) -> list[str]:
    """The metrics that all runs with an epoch have."""
    drawn = run_curves.with_history(runs)
    return (
        run_curves.metric_names([each.record for each in drawn if each.record is not None])
        if drawn
        else []
    )


def watched(runs: Sequence[Seen]) -> bool:
    """Whether some run looked into its model while it was trained."""
    return any(
        row["watched"]
        for each in run_curves.with_history(runs)
        if each.record is not None
        for row in each.record.history
    )


def groups_of(runs: Sequence[Seen]) -> int:
    """How many groups of runs with the same modalities followed their dividends."""
    return len(run_curves.by_modalities(run_curves.with_history(runs))) if watched(runs) else 0


def has_norm(runs: Sequence[Seen], of: str) -> bool:
    """Whether some run followed the norm `of` what acts in its model."""
    return watched(runs) and any(
        of in terms
        for terms in run_curves.watched_by(run_curves.with_history(runs), "norm").values()
    )


def entangled(runs: Sequence[Seen]) -> list[Any]:
    """What each run followed of the entanglement in its model."""
    return (
        list(run_curves.watched_by(run_curves.with_history(runs), "entanglement").values())
        if watched(runs)
        else []
    )


def _allowed_runs(view: View) -> dict[str, say.Allowed]:
    """What an address may say of the runs that are shown, and of the form of a new one, all but its name."""
    known = sources()
    found = {
        "run": say.options(
            "Run",
            [run.name for run in run_files.runs()],
            "Those that are trained now, else the newest, are shown.",
            many=True,
        ),
        "train.import": say.switch("Bring a model", "It stays folded."),
        "train.view": say.options("View", VIEWS, "The first is shown."),
        "train.metric": say.options("Metric", metrics.describe, "The usual one is shown."),
        "new.data": say.options("Data set", known, "The first is taken."),
        "new.kind": say.options("Kind of model", KINDS, "The first is taken."),
        "new.seeds": say.number("Runs", 1, run_curves.MAX_SEEDS, "One is started."),
        "new.first": say.number("First seed", 0, 10**6, "0 is taken."),
    }
    if not known:
        return found
    name, kind = view.one_of("new.data", known), view.one_of("new.kind", list(KINDS))
    return found | {
        setting_key(name, kind, key): _setting(key, default)
        for key, default in plans.known(name, kind).items()
        if key in SETTINGS
    }


def allowed(view: View, _: Any = None) -> dict[str, say.Allowed]:
    """What an address may say of Data, of Train and of Sweeps."""
    if view.page == "data":
        return _allowed_set()
    return _allowed_sweep() if view.page == "sweeps" else _allowed_runs(view)


def setting_key(name: str, kind: str, setting: str) -> str:
    """Key of a setting; each kind of model and data set has its own, since the default values differ."""
    return f"new.{kind}.{name}.{setting}"


def _setting(key: str, default: Any) -> say.Allowed:
    setting, words = SETTINGS[key], "The usual is taken."
    if setting.choices:
        return say.options(setting.title, setting.choices, words)
    if isinstance(default, bool):
        return say.switch(setting.title, words)
    if isinstance(default, int | float) and key not in TYPED:
        return say.number(setting.title, setting.low, setting.high, words)
    return say.words(setting.title, MAX_TEXT, words)


MAX_TEXT, TYPED = 60, ("dims",)  # dims: one number or several, so typed as text


_SEEN, _INSIDE, _RESULTS = (within("train.view", VIEWS, name) for name in VIEWS)
PANELS = {
    "train-loss": Panel(loss, fits=begun, opens=_SEEN, subject="runs"),
    "train-metric": Panel(
        metric,
        {"metric": word("train.metric")},
        fits=lambda runs, **_: bool(metrics_of(runs)),
        opens=_SEEN,
        subject="runs",
    ),
    "train-gradient": Panel(gradient, fits=begun, opens=_SEEN, subject="runs"),
    "train-rate": Panel(rate, fits=begun, opens=_SEEN, subject="runs"),
    "train-dividends": Panel(
        dividends, fits=lambda runs: groups_of(runs) > 0, opens=_INSIDE, subject="runs"
    ),
    **{
        f"train-norm-{of}": Panel(
            norms, fixed={"of": of}, fits=has_norm, opens=_INSIDE, subject="runs"
        )
        for of in NORMS
    },
    "train-negativity": Panel(
        negativity,
        fits=lambda runs: any("fused" not in terms for terms in entangled(runs)),
        opens=_INSIDE,
        subject="runs",
    ),
    "train-fused": Panel(
        fused,
        fits=lambda runs: any("fused" in terms for terms in entangled(runs)),
        opens=_INSIDE,
        subject="runs",
    ),
    "train-results": Panel(results, opens=_RESULTS, subject="runs"),
}
NAMED = {
    "train-dividends-": Panel(
        dividends,
        rest="group",
        opens=_INSIDE,
        endings=lambda view, runs: [str(group) for group in range(1, groups_of(runs))],
        subject="runs",
    )
}
