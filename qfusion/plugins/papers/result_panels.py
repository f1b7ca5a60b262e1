"""Results on the leaderboard: every model on one data set, by a metric, by its size, by its joint share, and by the
agreement of its contributions with planted ones.
"""

from collections.abc import Sequence

import pandas as pd

from qfusion._checks import check, choose
from qfusion._sentences import listed
from qfusion.plugins.papers import benchmark_board, figures as leaderboard_charts
from qfusion.plugins.papers.best_models import JOINT_SHARE, describe_best
from qfusion.plugins.papers.shipped_papers import PublishedResult, published_results
from qfusion.study import text
from qfusion.views.view import View
from qfusion.views.words import rules

AFTER_ENCODERS = "after the encoders"
IN_TOTAL = "in total"
TRAINING = "training time"
SIZES = (AFTER_ENCODERS, IN_TOTAL, TRAINING)
_COLUMNS = {
    AFTER_ENCODERS: ("after the encoders", "parameters after the encoders"),
    IN_TOTAL: ("parameters", "parameters in total"),
    TRAINING: ("seconds", "training, processor seconds"),
}


def results(board: benchmark_board.Board, *, data: str = "", metric: str = "") -> View:
    """Draw every model's mean on the test rows with its interval, and single seeds.

    Args:
        board: the leaderboard.
        data: name of a data set on the board, the first by default.
        metric: as the board calls it, such as "MAE"; the headline by default.
    """
    name, key, table, short = _results(board, data, metric)
    published = published_results(board, name, key)
    figure = leaderboard_charts.result_dots(
        [*_entries(board, name, key, table), *_published_entries(published)], f"test {short}"
    )
    numbers = [f"{row.label} {row.mean:.3f}" for row in table.itertuples()]
    numbers += [f"{one.model} as published {one.value:.3f}" for one in published]
    alt = f"Dot plot of {', '.join(numbers)}."
    title = rules.describe_extremum(
        dict(zip(table["label"], table["mean"], strict=True)),
        one="{names} has the best {short}: {value:.3f}",
        some="{names} have the best {short}: {value:.3f}",
        many="{count} models",
        places=3,
        smallest=not board.metric(key).higher_is_better,
        short=short,
    )
    return View(
        name="board",
        title=title,
        figure=figure,
        caption="the mean over the seeds of the board's training with its 95% interval; small dots are single seeds. "
        "Models of the menu have a training of their own. Blue: QiNN-QJ, red: QCNN, green: neighbours, "
        f"grey: baselines.{_name_sources(published)}",
        limits="Other test rows would give other results; this variation is not shown.",
        alternative=alt,
        table=lambda: table,
    )


def draw_size_tradeoff(
    board: benchmark_board.Board, *, data: str = "", metric: str = "", size: str = AFTER_ENCODERS
) -> View:
    """Draw every model's mean against its number of trained parameters, or against the time its training took.

    Args:
        board: the leaderboard.
        data: name of a data set on the board, the first by default.
        metric: as the board calls it, such as "MAE"; the headline by default.
        size: of SIZES: which parameters are counted, or "training time".
    """
    name, key, table, short = _results(board, data, metric)
    column, title = _COLUMNS[choose("Size", size, SIZES)]
    figure = leaderboard_charts.result_scatter(
        _entries(board, name, key, table, column), f"test {short}", title
    )
    if size == TRAINING:
        unit = "processor seconds for a training"
        shows = (
            "the same means against the processor seconds of a training, the median over seeds, on a logarithmic "
            "axis."
        )
        limits = "Does not show times of an idle machine: other work ran beside most trainings."
    else:
        unit = f"parameters {size}"
        shows = (
            f"the same means against the number of trained parameters {size}, on a logarithmic axis; none is "
            "drawn at 1. Models of the menu may have another size."
        )
        limits = (
            "Does not show results of smaller or larger networks of the same kind: every model was trained at one "
            "size."
        )
    numbers = [
        f"{row['label']} {row[column]:.0f}, {row['mean']:.3f}" for _, row in table.iterrows()
    ]
    alt = f"{title.capitalize()} and results: {', '.join(numbers)}."
    return View(
        name="board-size",
        title=describe_best(table, short, column, one="{amount} " + unit),
        figure=figure,
        caption=shows,
        limits=limits,
        alternative=alt,
        table=lambda: table,
    )


def joint_shares(board: benchmark_board.Board, *, data: str = "", metric: str = "") -> View:
    """Draw every model's mean against how much of its decisions modalities make only jointly: who fuses, who only adds.

    Args:
        board: the leaderboard.
        data: name of a data set on the board, the first by default.
        metric: as the board calls it, such as "MAE"; the headline by default.
    """
    name, key, table, short = _results(board, data, metric)
    planted = board.of(name).get("planted_joint")
    table = table.dropna(subset="joint share").assign(
        percent=lambda entry: 100 * entry["joint share"]
    )
    check(len(table) > 0, f"Joint shares are not measured on data set '{name}'.")
    figure = leaderboard_charts.result_scatter(
        _entries(board, name, key, table, "percent"),
        f"test {short}",
        "joint share over all outputs, %",
        log=False,
        marked=None if planted is None else (100 * planted, "as planted"),
    )
    numbers = [f"{row.label} {row.percent:.0f}%, {row.mean:.3f}" for row in table.itertuples()]
    alt = f"Joint shares and results: {', '.join(numbers)}."
    return View(
        name="board-joint",
        title=describe_best(table, short, "percent", one=JOINT_SHARE, unit="%"),
        figure=figure,
        caption="the share of joint terms in the sizes of all terms, over test rows and outputs; 0 for a sum "
        "of one output per modality. 100 test rows against 50 training rows, drawn at random, the "
        "same for all models; mean over the measured seeds. Models of the menu have a training of their own, and "
        "Cohorts take all their test rows.",
        limits="A large joint share does not mean that joint terms are correct: see the metric and, for planted "
        "contributions, their agreement.",
        alternative=alt,
        table=lambda: table,
    )


def planted_agreement(board: benchmark_board.Board, *, data: str = "") -> View:
    """Draw how every model's contributions correlate with the planted ones.

    Args:
        board: the leaderboard.
        data: name of a data set on the board, the first by default.
    """
    name = data or board.names[0]
    result = board.agreement(name)
    check(bool(result), f"Data set '{name}' has no planted contributions, or none were compared.")
    frame = pd.DataFrame(result).T
    frame.insert(0, "mean", frame.mean(axis=1))
    frame = frame.sort_values("mean", ascending=False)
    labels = [board.label(str(model)) for model in frame.index]
    title = rules.describe_extremum(
        dict(zip(labels, frame["mean"].tolist(), strict=True)),
        one="{names} finds the planted contributions best (mean correlation {value:.2f})",
        some="{names} find the planted contributions best, equally (mean correlation {value:.2f})",
        many="{count} models",
    )
    figure = leaderboard_charts.planted_agreement(
        labels, list(frame.columns), frame.to_numpy(float)
    )
    numbers = [f"{label} {value:.2f}" for label, value in zip(labels, frame["mean"], strict=True)]
    alt = f"Mean correlations with planted contributions: {', '.join(numbers)}."

    def table() -> pd.DataFrame:
        return frame.assign(model=labels).reset_index(drop=True)

    return View(
        name="board-agreement",
        title=title,
        figure=figure,
        caption="the correlation, over 100 test rows, of a model's contribution of each modality and combination with "
        "the planted one; the mean over seeds, and in the first column that over all combinations drawn. 0 also where "
        "a model has no such term. Combinations whose planted contributions are constant have no correlation and are "
        "left out.",
        limits="Correlation ignores size: a contribution of half the planted size has the same correlation.",
        alternative=alt,
        table=table,
    )


def _results(
    board: benchmark_board.Board, data: str, metric: str
) -> tuple[str, str, pd.DataFrame, str]:
    """Return a data set, the key of a metric, the models' results in it, and the metric's short name."""
    name = data or board.names[0]
    key = board.key(name, metric)
    return name, key, board.table(name, key), board.metric(key).short


def _published_entries(published: Sequence[PublishedResult]) -> list[leaderboard_charts.Entry]:
    """Return published results as entries of a chart."""
    nothing = float("nan")
    return [
        leaderboard_charts.Entry(
            f"{one.model}, published",
            leaderboard_charts.PUBLISHED,
            "",
            one.value,
            nothing,
            nothing,
            (),
            nothing,
        )
        for one in published
    ]


def _name_sources(published: Sequence[PublishedResult]) -> str:
    """Return where published results are from, as a sentence; empty for none."""
    if not published:
        return ""
    sources = listed(list(dict.fromkeys(one.source for one in published)))
    return (
        f" Stars: published, with other features or test rows, so they are context and no comparison "
        f"(sources: {text.escape_markdown(sources, 900)})."
    )


def _entries(
    board: benchmark_board.Board,
    name: str,
    key: str,
    table: pd.DataFrame,
    column: str = AFTER_ENCODERS,
) -> list[leaderboard_charts.Entry]:
    models = board.of(name)["rows"]
    entries = []
    for _, row in table.iterrows():
        model = str(row["model"])
        entry = leaderboard_charts.Entry(
            str(row["label"]),
            str(row["role"]),
            model_family(board, model),
            float(row["mean"]),
            float(row["low"]),
            float(row["high"]),
            models[model]["test"][key]["values"],
            float(row[column]),
        )
        entries.append(entry)
    return entries


def model_family(board: benchmark_board.Board, model: str) -> str:
    """Return "qj" or "qcnn" for the two systems and their ablations, "neighbour", or "" for baselines."""
    start = model.partition("-")[0]
    if start in ("qj", "qcnn"):
        return start
    if board.role(model) == "neighbour":
        return "neighbour"
    return ""
