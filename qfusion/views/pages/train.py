"""The Train page: its panels and choices, and the settings of a new training."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from qfusion import runs
from qfusion._settings import bounds, choices
from qfusion.models import FUSION
from qfusion.runs import plans
from qfusion.study.trainings import (
    MAX_SEEDS,
    RunStatus,
    group_by_modalities,
    runs_with_history,
    runs_with_losses,
    watched_run_curves,
)
from qfusion.views import learning, learning_inside
from qfusion.views.pages import address, page_state, params
from qfusion.views.pages.panel import make_panel, panels, variants


def data_choice(key: str) -> params.SelectParam:
    """Return the choice of the data set to train on."""
    return params.SelectParam(
        key,
        "Data",
        "The first is taken.",
        values=lambda _: address.sources_with_features(),
        titles=address.data_names,
    )


def kind_choice(key: str) -> params.SelectParam:
    """Return the choice of the kind of model to train."""
    return params.SelectParam(key, "Kind of model", "The first is taken.", values=FUSION)


NEW_DATA, NEW_KIND = data_choice("new.data"), kind_choice("new.kind")


def setting_choices(view: page_state.PageState, _: Any = None) -> list[params.Param]:
    """Return the choices of a new training's settings, of the data set and kind of model that an address says."""
    name = view.option(NEW_DATA.key, address.sources_with_features())
    kind = view.option(NEW_KIND.key, list(FUSION))
    return [
        setting_choice(name, kind, key, default)
        for key, default in plans.default_settings(name, kind).items()
    ]


# The settings that the form shows first, after epochs and learning rate.
MAIN = {
    "quantum-jump": ("dims", "jumps", "dropout"),
    "entangled-qcnn": ("elements", "rule", "dropout"),
}


def setting_choice(
    name: str, kind: str, key: str, begin: Any, values: Iterable[str] = ()
) -> params.Param:
    """Return a setting of a new training. Each kind of model and data set has its own setting, since the default values
    differ.

    Args:
        name, kind: of data set and model. key: of the setting.
        begin: its value unless another is chosen. values: which words it may be, all of its own by default.
    """
    field = plans.setting_fields(kind)[key]
    words = (
        f"new.{kind}.{name}.{key}",
        field.title or key,
        "The usual is taken.",
        field.description or "",
    )
    if choices(field):
        return params.SelectParam(*words, values=values or choices(field), default=str(begin))
    if isinstance(begin, bool):
        return params.SwitchParam(*words, default=begin, look="box")
    if field.annotation not in (int, float):
        return params.TextParam(*words, most=60, style={"value": setting_text(begin)})
    low, high = bounds(field)
    whole = field.annotation is int
    start = begin
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


def setting_text(value: Any) -> str:
    """Return a setting as it is typed: several numbers with commas between them."""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


VIEWS = ("Progress", "Inside the model", "Settings and results")


def has_watched(runs: Sequence[RunStatus]) -> bool:
    """Return whether some run looked into its model while it was trained."""
    return any(
        row["watched"]
        for entry in runs_with_history(runs)
        if entry.record is not None
        for row in entry.record.history
    )


def modality_groups(runs: Sequence[RunStatus]) -> int:
    """Return how many groups of runs with the same modalities followed their dividends."""
    return len(group_by_modalities(runs))


def entanglement_kinds(runs: Sequence[RunStatus]) -> list[Any]:
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
    "Epochs to replay",
    "No epochs are kept.",
    "Number of epochs, evenly spaced, after which the model is saved. A cursor then shows these "
    "models on every page.",
    high=plans.MOST_KEPT,
    whole=True,
    look="box",
)
BOTH = params.SwitchParam(
    "new.both",
    "Train both QiNN-QJ and QCNN",
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


CONTROLS = (
    *(RUNS, IMPORT, VIEW, NEW_DATA, NEW_KIND, SEEDS, FIRST, REPLAY, BOTH),
    setting_choices,
)
is_tab_open = VIEW.is_one_of


_SEEN, _INSIDE, _RESULTS = map(VIEW.is_one_of, VIEWS)


def _has_norms(runs: Sequence[RunStatus], of: str) -> bool:
    """Return whether a run recorded the norms of a part of its model."""
    return any(of in terms for terms in watched_run_curves(runs, "norm").values())


def _has_negativity(runs: Sequence[RunStatus]) -> bool:
    """Return whether a run recorded the entanglement of each modality with the others."""
    return any("fused" not in terms for terms in entanglement_kinds(runs))


def _has_fused_entropy(runs: Sequence[RunStatus]) -> bool:
    """Return whether a run recorded the entropy of a fused qubit."""
    return any("fused" in terms for terms in entanglement_kinds(runs))


# They are drawn anew each time, since runs change while they are trained.
_progress = partial(panels, cached=False, opens=_SEEN)
_inside = partial(panels, cached=False, opens=_INSIDE)
PANELS = {
    **_progress(learning.train_loss, fits=lambda runs: bool(runs_with_losses(runs))),
    **_progress(learning.train_metric, fits=lambda runs, **_: bool(learning.common_metrics(runs))),
    **_progress(
        learning.train_gradient,
        learning.train_rate,
        fits=lambda runs: bool(runs_with_history(runs)),
    ),
    **_inside(
        {"train-dividends": partial(learning_inside.train_dividends, group="0")},
        fits=lambda runs, **_: modality_groups(runs) > 0,
    ),
    **_inside(
        variants(learning_inside.parameter_norms, "train-norm-{}", of=learning_inside.NORMS),
        fits=_has_norms,
    ),
    **_inside(
        learning_inside.train_replay,
        fits=lambda runs: any(len(learning_inside.modality_onsets(run)) == 2 for run in runs),
    ),
    **_inside(learning_inside.train_negativity, fits=_has_negativity),
    **_inside(learning_inside.train_fused, fits=_has_fused_entropy),
    **panels(learning.train_results, cached=False, opens=_RESULTS),
}
NAMED = {
    "train-dividends-": make_panel(
        learning_inside.train_dividends,
        cached=False,
        opens=_INSIDE,
        rest="group",
        endings=lambda view, runs: [str(group) for group in range(1, modality_groups(runs))],
    )
}
