"""Panels and choices of the Train page, and the results of runs as a table."""

from collections.abc import Sequence
from typing import Any

from qfusion import runs
from qfusion.analysis import text
from qfusion.analysis.run_results import collect_results
from qfusion.analysis.runs import MAX_SEEDS, Seen, runs_with_history
from qfusion.analysis.training_curves import group_by_modalities, watched_run_curves
from qfusion.figures import style
from qfusion.panels import panel, params
from qfusion.panels.learning_curves import (
    common_metrics,
    gradient,
    has_epochs,
    has_losses,
    loss,
    metric,
    rate,
)
from qfusion.panels.learning_inside import (
    NORMS,
    dividends,
    fused_entropy,
    modality_onsets,
    negativity,
    parameter_norms,
    replay,
)
from qfusion.panels.training_settings import NEW_DATA, NEW_KIND
from qfusion.runs import plans
from qfusion.training import metrics


def results(runs: Sequence[Seen], theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the epochs, the time, and the metrics of the saved weights as a table."""
    result = collect_results(runs)
    sizes = "; ".join(
        f"{text.escape_markdown(name)}: {valid:,} validation, {test:,} test rows"
        for name, (valid, test) in result.sizes.items()
    )
    shows = f"metrics of the kept weights at the end of the run{f' ({sizes})' if sizes else ''}. "
    if result.seeds_only:
        shows += "The runs differ only in their seed."
    return panel.PanelFigure(
        "train-results",
        "Results",
        None,
        shows=shows,
        not_shown="the best settings: test rows used for choosing are no longer unseen.",
        alt=f"Epochs, time and parameters of {len(result.table)} runs.",
        table=lambda: result.table,
    )


VIEWS = ("Progress", "Inside the model", "Settings and results")


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
    """Return the curves of the watched entanglement of each run."""
    return list(watched_run_curves(runs, "entanglement").values())


RUNS = params.SelectParam(
    "run",
    "Run",
    "Running trainings, or else the newest, are shown.",
    values=lambda _: [run.name for run in runs.list_runs()],
    many=True,
)
IMPORT = params.SwitchParam("train.import", "Bring a model", "It stays folded.")
VIEW = params.SelectParam("train.view", "View", "The first is shown.", values=VIEWS, look="tabs")
METRIC = params.SelectParam(
    "train.metric",
    "Metric",
    "The usual one is shown.",
    values=metrics.LABELS,
    style={"label_visibility": "collapsed", "width": 170},
)
SEEDS = params.NumberParam(
    "new.seeds",
    "Runs",
    "One is started.",
    "One run per seed: the same training with other random numbers, named NAME-0, NAME-1 and so "
    "on.",
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
    "Number of epochs, evenly spaced, after which the model is saved. A cursor then shows these "
    "models on every page.",
    high=plans.MOST_KEPT,
    whole=True,
    look="box",
)
BOTH = params.SwitchParam(
    "new.both",
    "Both systems",
    "One is trained.",
    "Also trains the other system, QiNN-QJ or the network, with the same seeds. Common settings, "
    "such as encoders and schedule, are the same; others have their defaults.",
    look="box",
)
FIRST = params.NumberParam(
    "new.first",
    "First seed",
    "0 is taken.",
    "Seed of all random numbers. The same seed gives the same weights.",
    high=10**6,
    whole=True,
    look="box",
)


CONTROLS = (RUNS, IMPORT, VIEW, METRIC, NEW_DATA, NEW_KIND, SEEDS, FIRST, REPLAY, BOTH)


_SEEN, _INSIDE, _RESULTS = map(VIEW.is_one_of, VIEWS)


def _has_norms(runs: Sequence[Seen], of: str) -> bool:
    """Return whether a run recorded the norms of a part of its model."""
    return any(of in terms for terms in watched_run_curves(runs, "norm").values())


def _has_negativity(runs: Sequence[Seen]) -> bool:
    """Return whether a run recorded the entanglement of each modality with the others."""
    return any("fused" not in terms for terms in entanglement_kinds(runs))


def _has_fused_entropy(runs: Sequence[Seen]) -> bool:
    """Return whether a run recorded the entropy of a fused qubit."""
    return any("fused" in terms for terms in entanglement_kinds(runs))


_NORM_PANELS = {
    f"train-norm-{of}": panel.Panel(
        parameter_norms, fixed={"of": of}, fits=_has_norms, opens=_INSIDE, scope="runs"
    )
    for of in NORMS
}
PANELS = {
    "train-loss": panel.Panel(loss, fits=has_losses, opens=_SEEN, scope="runs"),
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
    **_NORM_PANELS,
    "train-replay": panel.Panel(
        replay,
        fits=lambda runs: any(len(modality_onsets(run)) == 2 for run in runs),
        opens=_INSIDE,
        scope="runs",
    ),
    "train-negativity": panel.Panel(
        negativity,
        fits=_has_negativity,
        opens=_INSIDE,
        scope="runs",
    ),
    "train-fused": panel.Panel(
        fused_entropy,
        fits=_has_fused_entropy,
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
