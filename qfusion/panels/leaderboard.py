"""The panels of the leaderboard: every model on one data set, by a metric, by its size, with a modality corrupted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from qfusion._checks import check, choose
from qfusion.analysis import text
from qfusion.analysis.learning import standings
from qfusion.analysis.learning.standings import Board
from qfusion.errors import QFusionError
from qfusion.figures.draw import leaderboard as figures
from qfusion.figures.style import Theme
from qfusion.panels.core import allowed as say
from qfusion.panels.core.panel import Panel, Picture, word
from qfusion.panels.core.view import View

SIZES = AFTER_ENCODERS, IN_TOTAL = ("after the encoders", "in total")
ALL = "all"


def results(board: Board, theme: Theme = "light", *, data: str = "", metric: str = "") -> Picture:
    """Every model's mean on the test rows with its interval, and single seeds.

    Args:
        board: the leaderboard.
        theme: of the figure.
        data: name of a data set on the board, the first unless told.
        metric: as the board calls it, such as "MAE"; the headline unless told.
    """
    name, key = _asked(board, data, metric)
    table, short = board.table(name, key), board.metric(key).short
    return Picture(
        "board", f"{short}, best on top", figures.dots(_entries(board, name, key, table), f"test {short}", theme),
        shows="the mean over seeds with its 95 % interval; small dots are single seeds. Blue: QiNN-QJ, red: QCNN, "
              "rings: their ablations, grey squares: baselines.",
        not_shown="how results would differ on other test rows.",
        alt="Dot plot of " + ", ".join(f"{r.label} {r.mean:.3f}" for r in table.itertuples()) + ".",
        table=lambda: table)


def against_size(board: Board, theme: Theme = "light", *, data: str = "", metric: str = "",
                 size: str = AFTER_ENCODERS) -> Picture:
    """Every model's mean against its number of trained parameters.

    Args:
        board: the leaderboard.
        theme: of the figure.
        data: name of a data set on the board, the first unless told.
        metric: as the board calls it, such as "MAE"; the headline unless told.
        size: "after the encoders" or "in total", which parameters are counted.
    """
    name, key = _asked(board, data, metric)
    table, short = board.table(name, key), board.metric(key).short
    column = {AFTER_ENCODERS: AFTER_ENCODERS, IN_TOTAL: "parameters"}[choose("Parameters", size, SIZES)]
    return Picture(
        "board-size", f"{short} against size",
        figures.against_size(_entries(board, name, key, table, column), f"test {short}", size, theme),
        shows=f"the same means against the number of trained parameters {size}, on a logarithmic axis; none is drawn "
              "at 1.",
        not_shown="what a smaller or larger network of the same kind would reach: every model was trained at one size.",
        alt="Parameters and results: "
            + ", ".join(f"{r.label} {r.parameters:.0f}, {r.mean:.3f}" for r in table.itertuples()) + ".",
        table=lambda: table)


def robustness(board: Board, theme: Theme = "light", *, data: str = "", part: str = ALL,
               models: Sequence[str] | None = None) -> Picture:
    """What noise on a modality, its absence and its exchange do to models; only where that was measured.

    Args:
        board: the leaderboard.
        theme: of the figure.
        data: name of a data set on the board, the first unless told.
        part: the modality that is corrupted, or "all".
        models: as the board calls them; all but the ablations unless told.
    """
    name = data or board.names[0]
    entry, keys, measured = board.of(name), board.robust_metrics(name), board.measured(name)
    check(bool(keys), f"Robustness is not measured on data set '{name}'.")
    choose("Modality", part, (ALL, *entry["modalities"]))
    wanted = board.default(name) if models is None else models
    shown = {label: measured[choose("Model", label, measured)] for label in wanted}
    check(bool(shown), "Argument `models` must hold at least one model, but is empty.")
    short, what = board.metric(keys[0]).short, "every modality" if part == ALL else part
    curves = {label: board.curve(name, model, part, keys[0]) for label, model in shown.items()}
    families = {label: (board.role(model), _family(model)) for label, model in shown.items()}
    losses = {label: values[-1] - values[0] for label, (_, values, _) in curves.items()}
    least = min(losses, key=lambda label: abs(losses[label]))
    records = board.whole["robustness"][name]
    return Picture(
        "board-robustness",
        f"With the most noise on {text.plain(what)}, {text.plain(least)} changes least ({losses[least]:+.3f})",
        figures.robustness(curves, families, f"test {short}", what, theme),
        shows=f"{short} on {entry['test']:,} test rows of each model's first seed: noise in standard deviations of "
              f"every feature over {entry['trained_on']:,} training rows (mean of three draws); right, the modality "
              "absent or another sample's. Absent, for our two systems, is the mean score over all training rows in "
              "its place, exactly; for all others the training mean of its features.",
        not_shown="other seeds, and noise that was trained for: where a recipe trains with noise, all its models did.",
        alt="Curves over noise: "
            + ", ".join(f"{label} from {v[0]:.3f} to {v[-1]:.3f}" for label, (_, v, _) in curves.items()) + ".",
        table=lambda: pd.DataFrame([{"model": label, **record}
                                    for label, model in shown.items() for record in records[model]]))


def _asked(board: Board, data: str, metric: str) -> tuple[str, str]:
    name = data or board.names[0]
    return name, board.key(name, metric)


def _entries(board: Board, name: str, key: str, table: pd.DataFrame,
             column: str = AFTER_ENCODERS) -> list[figures.Entry]:
    rows = [(str(row["model"]), row) for _, row in table.iterrows()]
    return [figures.Entry(str(row["label"]), str(row["role"]), _family(model), float(row["mean"]), float(row["low"]),
                          float(row["high"]), board.values(name, model, key), float(row[column]))
            for model, row in rows]


def _family(model: str) -> str:
    start = model.partition("-")[0]
    return start if start in ("qj", "qcnn") else ""


def _models(view: View) -> list[str] | None:
    """The models that are drawn; every data set has its own."""
    return view.all(f"board.models.{view.get('board') or standings.open_board().names[0]}") or None


def measured(board: Board, data: str = "", models: Sequence[str] | None = None, **_: Any) -> bool:
    """Whether robustness is measured on a data set, and some model is drawn."""
    return bool(board.robust_metrics(data or board.names[0])) and models != [""]


def allowed(view: View, work: Any = None) -> dict[str, say.Allowed]:
    """What an address may say of the board."""
    try:
        found = standings.open_board()
    except QFusionError:
        return {}
    name = view.one_of("board", found.names)
    shorts = [found.metric(key).short for key in found.metrics(name)]
    return {"board": say.options("Data set", found.names, "The first is shown."),
            "board.by": say.options("Metric", shorts, "The first is shown."),
            "board.size": say.options("Parameters", SIZES, "Those after the encoders are shown."),
            "board.of": say.options("Modality", (ALL, *found.of(name)["modalities"]), "All are shown."),
            f"board.models.{name}": say.options("Model", found.measured(name), "The usual ones are drawn.", many=True),
            "board.published": say.switch("Published figures", "They stay folded.")}


_WHERE = {"data": word("board"), "metric": word("board.by")}
PANELS = {
    "board": Panel(results, _WHERE), "board-size": Panel(against_size, {**_WHERE, "size": word("board.size")}),
    "board-robustness": Panel(robustness, {"data": word("board"), "part": word("board.of"), "models": _models},
                              fits=measured),
}
