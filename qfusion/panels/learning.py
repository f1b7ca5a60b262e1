"""Training runs side by side: curves, what their models do while they are trained, and results."""

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from qfusion import runs
from qfusion._checks import check, choose
from qfusion._sentences import listed
from qfusion.analysis import text
from qfusion.analysis.run_results import collect_results
from qfusion.analysis.run_settings import count_rows, run_loss
from qfusion.analysis.runs import MAX_SEEDS, Seen, runs_with_history
from qfusion.analysis.training_curves import (
    CLEAR,
    PASSED,
    Curve,
    Onset,
    curve,
    group_by_modalities,
    main_metric,
    metric_names,
    onsets,
    passes,
    watched_run_curves,
)
from qfusion.figures import fusion_evidence, style, training_charts
from qfusion.models import FUSION
from qfusion.panels import page_state, panel, params, pickers
from qfusion.panels.sweep_panels import NEW_DATA, NEW_KIND
from qfusion.runs import plans
from qfusion.training import metrics
from qfusion.wording import setting_texts
from qfusion.wording.evidence import INERT
from qfusion.wording.metrics import describe_metric
from qfusion.wording.training import describe_order

# Runs side by side: their curves, what their models do inside while they are trained, and what came out.

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


def loss(runs: Sequence[Seen], theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the validation and training loss by epoch."""
    drawn = _require_history(runs)
    valid = _curves(drawn, "valid_loss")
    train = _curves(drawn, "train_loss")
    losses = sorted({run_loss(entry) for entry in drawn} - {""})
    sets = {entry.plan.data for entry in drawn if entry.plan is not None}
    if len(sets) > 1 or len(losses) > 1:
        lead = "These runs are not on the same data or make different losses small: their heights cannot be compared."
    else:
        lead = ""
    if lead:
        title = "Loss"
    else:
        title = describe_lowest_loss({name: values for name, (_, values) in valid.items()})
    figure = training_charts.run_curves(
        valid,
        train,
        hues=_hues(drawn),
        y_title=f"loss ({' or '.join(losses) or 'its own'})",
        kinds=("validation", "training"),
        best_epochs=_best_epochs(drawn),
        theme=theme,
    )
    return panel.PanelFigure(
        "train-loss",
        title,
        figure,
        shows=f"mean loss of each epoch ({_rows(drawn)}); the ring marks the epoch whose weights are kept.",
        not_shown="test rows. The training loss is taken with dropout on and of the weights as they go, so it may lie "
        "above the other.",
        alt=f"Loss by epoch. Validation: {_list_last_values(valid)}. Training: {_list_last_values(train)}.",
        table=lambda: _table({"validation loss": valid, "training loss": train}),
        lead=lead,
    )


def describe_lowest_loss(losses: Mapping[str, np.ndarray]) -> str:
    """Describe which runs had the lowest validation loss of an epoch.

    Losses of each run by epoch, one of them not a number where the run diverged.
    """
    best = {
        name: float(values[np.isfinite(values)].min())
        for name, values in losses.items()
        if np.isfinite(values).any()
    }
    if len(losses) < 2 or not best:
        return "Loss"
    least = f"{min(best.values()):.4g}"
    first = [text.escape_markdown(name) for name, value in best.items() if f"{value:.4g}" == least]
    if len(first) == len(losses):
        return f"All {len(first)} runs have the same lowest validation loss so far ({least})"
    return f"Lowest validation loss so far: {listed(first)} ({least}{' each' if len(first) > 1 else ''})"


def metric(
    runs: Sequence[Seen], theme: style.Theme = "light", *, metric: str = ""
) -> panel.PanelFigure:
    """Draw a metric on the validation rows by epoch.

    Args:
        runs: that are shown.
        theme: of the figure.
        metric: one that all of them have, such as "mae"; accuracy or the mean absolute error unless told.
    """
    drawn = _require_history(runs)
    known = common_metrics(runs)
    check(
        bool(known),
        "The runs have no metric in common: one predicts a number, another one classes.",
    )
    key = choose("Metric", metric, known) if metric else main_metric(known)
    about = metrics.labels(known).get(key, metrics.Label(key))
    better = "More" if about.higher_is_better else "Less"
    return _draw_epochs(
        drawn,
        f"valid.{key}",
        "train-metric",
        f"{about.short} on the validation rows",
        shows=f"{describe_metric(key, known)} {better} is better ({_rows(drawn)}).",
        not_shown="test rows: they are measured once the run ends, see Settings and results.",
        measure=key,
        y_title=about.short,
        best_epochs=_best_epochs(drawn),
        theme=theme,
    )


def gradient(runs: Sequence[Seen], theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the norm of the gradient by epoch."""
    drawn = _require_history(runs)
    return _draw_epochs(
        drawn,
        "gradient_norm",
        "train-gradient",
        "Gradient norm",
        shows=f"mean over the steps of an epoch, before clipping ({_rows(drawn)}); one that grows warns of divergence.",
        not_shown="single steps, nor which part of the model the gradient is of.",
        measure="gradient norm",
        y_title="gradient norm (log scale)",
        log=True,
        theme=theme,
    )


def rate(runs: Sequence[Seen], theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the learning rate by epoch."""
    return _draw_epochs(
        _require_history(runs),
        "rate",
        "train-rate",
        "Learning rate",
        shows="the step size at the end of each epoch, as the schedule has it.",
        not_shown="whether it is a good one: look at the loss.",
        measure="learning rate",
        y_title="learning rate",
        theme=theme,
    )


def _draw_epochs(
    runs: Sequence[Seen],
    key: str,
    name: str,
    title: str,
    *,
    shows: str,
    not_shown: str,
    measure: str,
    **look: Any,
) -> panel.PanelFigure:
    """Draw what runs have under a key of their records, a curve a run.

    `look` as of `figures.training_charts.run_curves`.
    """
    curves = _curves(runs, key)
    return panel.PanelFigure(
        name,
        title,
        training_charts.run_curves(curves, hues=_hues(runs), **look),
        shows=shows,
        not_shown=not_shown,
        alt=f"{title} by epoch: {_list_last_values(curves)}.",
        table=lambda: _table({measure: curves}),
    )


def dividends(
    runs: Sequence[Seen], theme: style.Theme = "light", *, group: int | str = 0
) -> panel.PanelFigure:
    """Draw what single modalities and their combinations add by epoch; only of models that can be explained.

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
    not_shown = "the sign, nor whether what is added is right: look at the loss."
    if left_out:
        not_shown += f" {left_out} smaller joint terms are in the CSV."
    alt = "Mean size of the contributions by epoch. " + " ".join(
        f"{name}: {_list_last_values(terms)}." for name, terms in result.items()
    )
    lead = "  \n".join(_describe_onsets(name, terms) for name, terms in result.items())
    return panel.PanelFigure(
        panel_name,
        "When does the model start to use each modality?",
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
        solid, dashed, hues=_hues(_require_history(runs)), y_title=unit, kinds=kinds, theme=theme
    )
    alt = f"{kinds[0]}: {_list_last_values(solid)}. {kinds[1]}: {_list_last_values(dashed)}."

    def table() -> pd.DataFrame:
        return _table({kinds[0]: solid, kinds[1]: dashed})

    return panel.PanelFigure(
        f"train-norm-{of}",
        title,
        figure,
        shows=f"{shows} Of the model alone, no samples.",
        not_shown="which coupling it is: the Dynamics or Circuit page of the trained model does.",
        alt=alt,
        table=table,
    )


def negativity(runs: Sequence[Seen], theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the entanglement of each modality with the others by epoch; only of models that evolve in time."""
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
    alt = "Entanglement by epoch. " + " ".join(
        f"{name}: {_list_last_values(terms)}." for name, terms in result.items()
    )
    return panel.PanelFigure(
        "train-negativity",
        "Entanglement of each modality with the others",
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
    run, known = next((run, pair) for run in runs if len(pair := _modality_onsets(run)) == 2)
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
    figure = fusion_evidence.banded_curves(
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
        shows="the joint terms' part of all contributions, and the entanglement (logarithmic negativity of a modality "
        "with the others, or entropy of a fused qubit), each as a share of its last value: "
        f"{panel.list_terms(ends, '.3g')}. Bands: 95 % over the validation rows, of which few are watched. Dotted: "
        "half of "
        "the last value.",
        not_shown="that one brought the other about; nor what happened between watched epochs.",
        alt=f"Last values: {panel.list_terms(ends, '.3g')}.",
        table=table,
    )


def _modality_onsets(run: Seen) -> dict[str, Onset]:
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
        "Entanglement that the fusion makes",
        training_charts.run_curves(
            result,
            hues=_hues(_require_history(runs)),
            y_title="entropy of a fused qubit (nats)",
            theme=theme,
        ),
        shows=f"entropy of a fused qubit, mean over qubits and {_watched_rows(runs, result, 0)}; 0 is a product, 0.69 "
        f"the most. {INERT}",
        not_shown=_NO_ATTRIBUTION,
        alt=f"Entropy of a fused qubit by epoch: {_list_last_values(result)}.",
        table=lambda: _table({"entropy": result}),
    )


def results(runs: Sequence[Seen], theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the epochs, time, and the metrics of the kept weights: a table."""
    result = collect_results(runs)
    sizes = "; ".join(
        f"{text.escape_markdown(name)}: {valid:,} validation, {test:,} test rows"
        for name, (valid, test) in result.sizes.items()
    )
    shows = f"the kept weights measured when the run ended{f' ({sizes})' if sizes else ''}. "
    if result.seeds_only:
        shows += "The runs differ in their seed alone."
    return panel.PanelFigure(
        "train-results",
        "What came out",
        None,
        shows=shows,
        not_shown="which settings to choose: whoever chooses by test rows no longer measures on unseen ones.",
        alt=f"Epochs, time and parameters of {len(result.table)} runs.",
        table=lambda: result.table,
    )


def _require_history(runs: Sequence[Seen]) -> list[Seen]:
    result = runs_with_history(runs)
    check(bool(result), "None of the runs has an epoch to draw.")
    return result


def _curves(runs: Sequence[Seen], key: str) -> dict[str, Curve]:
    return {run.name: curve(run.record, key) for run in runs if run.record is not None}


def _best_epochs(runs: Sequence[Seen]) -> dict[str, int]:
    return {run.name: run.record.best_epoch for run in runs if run.record is not None}


def _hues(runs: Sequence[Seen]) -> dict[str, str]:
    return {entry.name: training_charts.run_colour(place) for place, entry in enumerate(runs)}


def _rows(runs: Sequence[Seen]) -> str:
    """Return the rows behind a curve, of every data set."""
    words = {
        run.plan.data: f"{text.escape_markdown(run.plan.data)}: {rows[0]:,} rows trained on, {rows[1]:,} validation "
        "rows" + (" (among those trained on)" if run.plan.options.get("refit") else "")
        for run in runs
        if run.plan is not None and (rows := count_rows(run))
    }
    return "; ".join(words.values()) or "rows unknown, as the data are not here"


def _watched_rows(
    runs: Sequence[Seen], names: Container[str], which: int, against: bool = False
) -> str:
    """Return how many rows a watched number of some of the runs is the mean of, and its background."""
    words = dict.fromkeys(
        f"{result[2][which]} validation rows"
        + (f" against {result[2][2]} training rows" if against else "")
        for run in runs
        if run.name in names and (result := count_rows(run))
    )
    return " or ".join(words) or "at most 32 validation rows"


def _list_last_values(curves: Mapping[str, Curve]) -> str:
    return ", ".join(
        f"{name} {values[-1]:.4g} at epoch {epochs[-1]:.0f}"
        for name, (epochs, values) in curves.items()
        if len(values)
    )


def _largest_curves(terms: Mapping[str, Curve]) -> dict[str, Curve]:
    """Return the single modalities, and the joint terms that are largest by now."""
    joint = sorted(
        (term for term in terms if "+" in term), key=lambda term: -float(terms[term][1][-1])
    )[:6]
    return {term: result for term, result in terms.items() if "+" not in term or term in joint}


def _describe_onsets(name: str, terms: Mapping[str, Curve]) -> str:
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


def _table(curves: Mapping[str, Mapping[str, Curve]]) -> pd.DataFrame:
    """Return curves as rows, by what they are of and then by run."""
    return pd.concat(
        [
            pd.DataFrame(
                {"run": name, "epoch": epochs.astype(int), "measure": what, "value": values}
            )
            for what, result in curves.items()
            for name, (epochs, values) in result.items()
        ]
    )


def _table_by_term(curves: Mapping[str, Mapping[str, Curve]]) -> pd.DataFrame:
    return pd.concat(
        [
            pd.DataFrame({"run": name, "term": term, "epoch": epochs.astype(int), "value": values})
            for name, terms in curves.items()
            for term, (epochs, values) in terms.items()
        ]
    )


VIEWS = ("Progress", "Inside the model", "Settings and results")


def has_epochs(runs: Sequence[Seen]) -> bool:
    """Return whether some run has an epoch to draw."""
    return bool(runs_with_history(runs))


def common_metrics(runs: Sequence[Seen]) -> list[str]:
    """Return the metrics that all runs with an epoch have."""
    return metric_names([entry.record for entry in runs if entry.record is not None])


def has_watched(runs: Sequence[Seen]) -> bool:
    """Return whether some run looked into its model while it was trained."""
    return any(
        row["watched"]
        for entry in runs_with_history(runs)
        if entry.record is not None
        for row in entry.record.history
    )


def modality_groups(runs: Sequence[Seen]) -> int:
    """Return how many groups of runs with the same modalities followed their dividends."""
    return len(group_by_modalities(runs))


def entanglement_kinds(runs: Sequence[Seen]) -> list[Any]:
    """Return what each run followed of the entanglement in its model."""
    return list(watched_run_curves(runs, "entanglement").values())


RUNS = params.SelectParam(
    "run",
    "Run",
    "Those that are trained now, else the newest, are shown.",
    values=lambda _: [run.name for run in runs.list_runs()],
    many=True,
)
IMPORT = params.SwitchParam(
    "train.import", "Bring a model that was trained elsewhere", "It stays folded."
)
VIEW = params.SelectParam("train.view", "View", "The first is shown.", values=VIEWS, look="tabs")
METRIC = params.SelectParam(
    "train.metric",
    "Metric",
    "The usual one is shown.",
    values=metrics.describe,
    style={"label_visibility": "collapsed", "width": 170},
)
SEEDS = params.NumberParam(
    "new.seeds",
    "Runs",
    "One is started.",
    "One run a seed: the same training from other random numbers, named NAME-0, NAME-1 and so on.",
    low=1,
    high=MAX_SEEDS,
    default=1,
    whole=True,
    look="box",
)
REPLAY = params.NumberParam(
    "new.replay",
    "Replay",
    "No epochs are kept.",
    "Keeps the model after so many epochs, evenly spread, as models of their own: a cursor then leads every page "
    "through the training.",
    high=plans.MOST_KEPT,
    whole=True,
    look="box",
)
BOTH = params.SwitchParam(
    "new.both",
    "Both systems",
    "One is trained.",
    "Also trains the other system, QiNN-QJ or the network, with the same seeds: what both have, such as encoders and "
    "schedule, is the same, the rest is as it is by default.",
    look="box",
)
FIRST = params.NumberParam(
    "new.first",
    "First seed",
    "0 is taken.",
    "Of every random number: the same seed gives the same weights.",
    high=10**6,
    whole=True,
    look="box",
)


def setting_choices(view: page_state.PageState, _: Any = None) -> list[params.Param]:
    """Return the choices of a new training's settings, of the data set and kind of model that an address says."""
    name = view.one_of(NEW_DATA.key, pickers.sources())
    kind = view.one_of(NEW_KIND.key, list(FUSION))
    return [
        setting_choice(name, kind, key, default)
        for key, default in plans.default_settings(name, kind).items()
        if key in setting_texts.SETTINGS
    ]


def setting_choice(
    name: str, kind: str, key: str, begin: Any, values: Iterable[str] = ()
) -> params.Param:
    """Return a setting of a new training; each kind of model and data set has its own, since the default values differ.

    Args:
        name, kind: of data set and model. key: of the setting.
        begin: its value unless another is chosen. values: which words it may be, all of its own unless told.
    """
    about = setting_texts.SETTINGS[key]
    words = (f"new.{kind}.{name}.{key}", about.title, "The usual is taken.", about.says)
    if about.choices:
        return params.SelectParam(*words, values=values or about.choices, default=str(begin))
    if isinstance(begin, bool):
        return params.SwitchParam(*words, default=begin, look="box")
    if key == "dims" or isinstance(begin, str):  # dims: one number or several, so typed as text
        value = ", ".join(map(str, begin)) if isinstance(begin, list) else str(begin)
        return params.TextParam(*words, most=60, style={"value": value})
    low = about.low
    high = about.high
    whole = isinstance(begin, int)
    start = min(max(begin, low), high)
    step = 1 if whole else min(abs(start) / 4, (high - start) / 2) or 0.05
    return params.NumberParam(
        *words,
        low,
        high,
        start,
        step,
        whole,
        look="box",
        style={} if whole else {"format": "%g"},
    )


CONTROLS = (RUNS, IMPORT, VIEW, METRIC, NEW_DATA, NEW_KIND, SEEDS, FIRST, REPLAY, BOTH)


_SEEN, _INSIDE, _RESULTS = map(VIEW.chosen, VIEWS)
PANELS = {
    "train-loss": panel.Panel(loss, fits=has_epochs, opens=_SEEN, scope="runs"),
    "train-metric": panel.Panel(
        metric,
        {"metric": METRIC},
        fits=lambda runs, **_: bool(common_metrics(runs)),
        opens=_SEEN,
        scope="runs",
    ),
    "train-gradient": panel.Panel(gradient, fits=has_epochs, opens=_SEEN, scope="runs"),
    "train-rate": panel.Panel(rate, fits=has_epochs, opens=_SEEN, scope="runs"),
    "train-dividends": panel.Panel(
        dividends, fits=lambda runs: modality_groups(runs) > 0, opens=_INSIDE, scope="runs"
    ),
    **{
        f"train-norm-{of}": panel.Panel(
            parameter_norms,
            fixed={"of": of},
            fits=lambda runs, of: any(
                of in terms for terms in watched_run_curves(runs, "norm").values()
            ),
            opens=_INSIDE,
            scope="runs",
        )
        for of in NORMS
    },
    "train-replay": panel.Panel(
        replay,
        fits=lambda runs: any(len(_modality_onsets(run)) == 2 for run in runs),
        opens=_INSIDE,
        scope="runs",
    ),
    "train-negativity": panel.Panel(
        negativity,
        fits=lambda runs: any("fused" not in terms for terms in entanglement_kinds(runs)),
        opens=_INSIDE,
        scope="runs",
    ),
    "train-fused": panel.Panel(
        fused_entropy,
        fits=lambda runs: any("fused" in terms for terms in entanglement_kinds(runs)),
        opens=_INSIDE,
        scope="runs",
    ),
    "train-results": panel.Panel(results, opens=_RESULTS, scope="runs"),
}
NAMED = {
    "train-dividends-": panel.Panel(
        dividends,
        rest="group",
        opens=_INSIDE,
        endings=lambda view, runs: [str(group) for group in range(1, modality_groups(runs))],
        scope="runs",
    )
}
