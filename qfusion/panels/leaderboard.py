"""The panels of the leaderboard: every model on one data set, by a metric, by its size, with a modality corrupted."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from qfusion._checks import check, choose
from qfusion.analysis import audit, audit_plan, benchmark_board, text
from qfusion.errors import default_on_error
from qfusion.figures import leaderboard_charts, style
from qfusion.panels import page_state, panel, params, quantum_resources
from qfusion.wording import extrema

SIZES = AFTER_ENCODERS, IN_TOTAL, TRAINING = ("after the encoders", "in total", "training time")
_COLUMNS = {
    AFTER_ENCODERS: ("after the encoders", "parameters after the encoders"),
    IN_TOTAL: ("parameters", "parameters in total"),
    TRAINING: ("seconds", "training, processor seconds"),
}
ALL = "all"


def results(
    board: benchmark_board.Board, theme: style.Theme = "light", *, data: str = "", metric: str = ""
) -> panel.PanelFigure:
    """Draw every model's mean on the test rows with its interval, and single seeds.

    Args:
        board: the leaderboard.
        theme: of the figure.
        data: name of a data set on the board, the first unless told.
        metric: as the board calls it, such as "MAE"; the headline unless told.
    """
    name, key, table, short = _results(board, data, metric)
    figure = leaderboard_charts.result_dots(
        _entries(board, name, key, table), f"test {short}", theme
    )
    alt = "Dot plot of " + ", ".join(f"{r.label} {r.mean:.3f}" for r in table.itertuples()) + "."
    return panel.PanelFigure(
        "board",
        f"{short}, best on top",
        figure,
        shows="the mean over seeds with its 95 % interval; small dots are single seeds. Blue: QiNN-QJ, red: QCNN, "
        "rings: their ablations, green triangles: neighbours, grey squares: baselines.",
        not_shown="how results would differ on other test rows.",
        alt=alt,
        table=lambda: table,
    )


def draw_size_tradeoff(
    board: benchmark_board.Board,
    theme: style.Theme = "light",
    *,
    data: str = "",
    metric: str = "",
    size: str = AFTER_ENCODERS,
) -> panel.PanelFigure:
    """Draw every model's mean against its number of trained parameters, or against the time its training took.

    Args:
        board: the leaderboard.
        theme: of the figure.
        data: name of a data set on the board, the first unless told.
        metric: as the board calls it, such as "MAE"; the headline unless told.
        size: of SIZES: which parameters are counted, or "training time".
    """
    name, key, table, short = _results(board, data, metric)
    column, title = _COLUMNS[choose("Size", size, SIZES)]
    heading = f"{short} against {'training time' if size == TRAINING else 'size'}"
    figure = leaderboard_charts.result_scatter(
        _entries(board, name, key, table, column), f"test {short}", title, theme
    )
    if size == TRAINING:
        shows = (
            "the same means against the processor seconds of a training, the median over seeds, on a logarithmic "
            "axis."
        )
    else:
        shows = (
            f"the same means against the number of trained parameters {size}, on a logarithmic axis; none is "
            "drawn at 1."
        )
    if size == TRAINING:
        not_shown = "a quiet machine: other work ran beside most trainings."
    else:
        not_shown = (
            "what a smaller or larger network of the same kind would reach: every model was trained at one "
            "size."
        )
    alt = (
        f"{title.capitalize()} and results: "
        + ", ".join(
            f"{row['label']} {row[column]:.0f}, {row['mean']:.3f}" for _, row in table.iterrows()
        )
        + "."
    )
    return panel.PanelFigure(
        "board-size",
        heading,
        figure,
        shows=(shows),
        not_shown=(not_shown),
        alt=alt,
        table=lambda: table,
    )


def joint_shares(
    board: benchmark_board.Board, theme: style.Theme = "light", *, data: str = "", metric: str = ""
) -> panel.PanelFigure:
    """Draw every model's mean against how much of its decisions modalities make only jointly: who fuses, who only adds.

    Args:
        board: the leaderboard.
        theme: of the figure.
        data: name of a data set on the board, the first unless told.
        metric: as the board calls it, such as "MAE"; the headline unless told.
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
        "joint share of the decisions, %",
        theme,
        log=False,
        marked=None if planted is None else (100 * planted, "as planted"),
    )
    alt = (
        "Joint shares and results: "
        + ", ".join(f"{r.label} {r.percent:.0f} %, {r.mean:.3f}" for r in table.itertuples())
        + "."
    )
    return panel.PanelFigure(
        "board-joint",
        describe_joint_share(table, short),
        figure,
        shows="the part of all terms' sizes that belongs to terms of several modalities, over test rows and outputs: 0 "
        "for a sum of one output a modality. 100 test rows against 50 training rows, drawn at random, the same "
        "for all models; the mean over the seeds that were measured.",
        not_shown="whether what is said jointly is right: see the metric, and where contributions are planted, their "
        "agreement.",
        alt=alt,
        table=lambda: table,
    )


def describe_joint_share(table: pd.DataFrame, metric: str) -> str:
    """Return how much of its decisions the model with the best result makes jointly, or those with results written
    alike, and the range over all.

    Args:
        table: a row a model with `label`, `mean` and `percent`, the best result first. metric: what the result is.
    """
    percent = table["percent"]
    written = table["mean"].map("{:.3f}".format)
    best = table[written == written.iloc[0]]
    if len(best) == 1:
        name = text.escape_markdown(best["label"].iloc[0])
        words = f"{name}, the best by {metric}, decides {percent.iloc[0]:.0f} % jointly"
    else:
        words = (
            f"The {len(best)} best by {metric}, alike, decide {best['percent'].min():.0f} to "
            f"{best['percent'].max():.0f} % jointly"
        )
    if len(table) == 1:
        return words
    return f"{words}; all models {percent.min():.0f} to {percent.max():.0f} %"


def planted_agreement(
    board: benchmark_board.Board, theme: style.Theme = "light", *, data: str = ""
) -> panel.PanelFigure:
    """Draw how every model's contributions correlate with the planted ones.

    Args:
        board: the leaderboard.
        theme: of the figure.
        data: name of a data set on the board, the first unless told.
    """
    name = data or board.names[0]
    result = board.agreement(name)
    check(bool(result), f"Data set '{name}' has no planted contributions, or none were compared.")
    frame = pd.DataFrame(result).T
    frame.insert(0, "mean", frame.mean(axis=1))
    frame = frame.sort_values("mean", ascending=False)
    labels = [board.label(str(model)) for model in frame.index]
    title = extrema.describe_extremum(
        dict(zip(labels, frame["mean"].tolist(), strict=True)),
        one="{names} finds the planted contributions best (mean correlation {value:.2f})",
        some="{names} find the planted contributions best, alike (mean correlation {value:.2f})",
        many="{count} models",
    )
    figure = leaderboard_charts.planted_agreement(
        labels, list(frame.columns), frame.to_numpy(float), theme
    )
    alt = (
        "Mean correlations with planted contributions: "
        + ", ".join(
            f"{label} {value:.2f}" for label, value in zip(labels, frame["mean"], strict=True)
        )
        + "."
    )

    def table() -> pd.DataFrame:
        return frame.assign(model=labels).reset_index(drop=True)

    return panel.PanelFigure(
        "board-agreement",
        title,
        figure,
        shows="the correlation, over 100 test rows, of a model's contribution of each modality and combination with "
        "the planted one; the mean over seeds, and in the first column that over all combinations. 0 also where "
        "a model has no such term.",
        not_shown="sizes: a contribution of half the planted size correlates as well as one of its size.",
        alt=alt,
        table=table,
    )


def robustness(
    board: benchmark_board.Board,
    theme: style.Theme = "light",
    *,
    data: str = "",
    part: str = ALL,
    models: Sequence[str] | None = None,
) -> panel.PanelFigure:
    """Draw the effect of noise on a modality, of its absence and of its exchange on models, if that was measured.

    Args:
        board: the leaderboard.
        theme: of the figure.
        data: name of a data set on the board, the first unless told.
        part: the modality that is corrupted, or "all".
        models: as the board calls them; all but the ablations unless told.
    """
    name = data or board.names[0]
    entry = board.of(name)
    keys = board.robust_metrics(name)
    measured = board.measured(name)
    check(bool(keys), f"Robustness is not measured on data set '{name}'.")
    choose("Modality", part, (ALL, *entry["modalities"]))
    shown = {
        label: measured[choose("Model", label, measured)]
        for label in (board.default(name) if models is None else models)
    }
    check(bool(shown), "Argument `models` must hold at least one model, but is empty.")
    short = board.metric(keys[0]).short
    what = "every modality" if part == ALL else part
    curves = {label: board.curve(name, model, part, keys[0]) for label, model in shown.items()}
    noisiest = {label: float(values[-1]) for label, (_, values, _) in curves.items()}
    smallest = not board.metric(keys[0]).higher_is_better
    best = (min if smallest else max)(noisiest, key=noisiest.__getitem__)
    title = extrema.describe_extremum(
        noisiest,
        one="With the most noise on {what}, {names} is best: {short} {value:.3f}, {quiet:.3f} without noise",
        some="With the most noise on {what}, {names} are best, alike: {short} {value:.3f}",
        many="{count} models",
        places=3,
        smallest=smallest,
        what=text.escape_markdown(what),
        short=short,
        quiet=curves[best][1][0],
    )
    figure = leaderboard_charts.robustness(
        curves,
        {label: (board.role(model), _family(board, model)) for label, model in shown.items()},
        f"test {short}",
        what,
        theme,
    )
    shows = (
        f"{short} on {entry['test']:,} test rows of each model's first seed: noise in standard deviations of "
        f"every feature over {entry['trained_on']:,} training rows (mean of three draws); right, the modality "
        "absent or another sample's. Absent is the mean output over training rows in its place: over all of "
        "them, exactly, for our two systems, over 50 drawn at random for all others"
    )
    if any("joint" not in entry["rows"][model] for model in shown.values()):
        shows += "; rows without a joint share are older and have the training mean of the features instead."
    else:
        shows += "."
    alt = (
        "Curves over noise: "
        + ", ".join(
            f"{label} from {v[0]:.3f} to {v[-1]:.3f}" for label, (_, v, _) in curves.items()
        )
        + "."
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            [
                {"model": label, **record}
                for label, model in shown.items()
                for record in board.whole["robustness"][name][model]
            ]
        )

    return panel.PanelFigure(
        "board-robustness",
        title,
        figure,
        shows=shows,
        not_shown="other seeds, and noise that was trained for: where a recipe trains with noise, all its models did.",
        alt=alt,
        table=table,
    )


def _results(
    board: benchmark_board.Board, data: str, metric: str
) -> tuple[str, str, pd.DataFrame, str]:
    """Return a data set, the key of a metric, the models' results in it, and the metric's short name."""
    name = data or board.names[0]
    key = board.key(name, metric)
    return name, key, board.table(name, key), board.metric(key).short


def _entries(
    board: benchmark_board.Board,
    name: str,
    key: str,
    table: pd.DataFrame,
    column: str = AFTER_ENCODERS,
) -> list[leaderboard_charts.Entry]:
    return [
        leaderboard_charts.Entry(
            str(row["label"]),
            str(row["role"]),
            _family(board, str(row["model"])),
            float(row["mean"]),
            float(row["low"]),
            float(row["high"]),
            board.of(name)["rows"][str(row["model"])]["test"][key]["values"],
            float(row[column]),
        )
        for _, row in table.iterrows()
    ]


def _family(board: benchmark_board.Board, model: str) -> str:
    start = model.partition("-")[0]
    if start in ("qj", "qcnn"):
        return start
    if board.role(model) == "neighbour":
        return "neighbour"
    return ""


_SYSTEMS = {audit_plan.QJ: ("QiNN-QJ", style.BLUE), audit_plan.QCNN: ("QCNN", style.VERMILLION)}


def resources(
    board: benchmark_board.Board, theme: style.Theme = "light", *, data: str = ""
) -> panel.PanelFigure:
    """Draw the value of each quantum resource of both systems: full models minus twins without the resource, trained in
    the same way.

    Args:
        board: the leaderboard.
        theme: of the figure.
        data: name of a data set on the board, the first unless told.
    """
    entry = audit.load_shipped_audit(data or board.names[0])
    check(bool(entry), f"Which quantum resources matter is not measured on data set '{data}'.")
    systems = [_SYSTEMS[row["system"]] for row in entry["rows"]]
    names = [
        f"{system}: {row['resource']}"
        for (system, _), row in zip(systems, entry["rows"], strict=True)
    ]
    return quantum_resources.resource_comparison(
        "board-audit", entry, names, theme, [hue for _, hue in systems]
    )


def is_audited(board: benchmark_board.Board, data: str = "", **_: Any) -> bool:
    """Return whether there is an audit of quantum resources on a data set."""
    return bool(audit.load_shipped_audit(data or board.names[0]))


def has_robustness(
    board: benchmark_board.Board, data: str = "", models: Sequence[str] | None = None, **_: Any
) -> bool:
    """Return whether robustness is measured on a data set, and some model is drawn."""
    return bool(board.robust_metrics(data or board.names[0])) and models != [""]


def is_planted(board: benchmark_board.Board, data: str = "", **_: Any) -> bool:
    """Return whether contributions were planted in a data set and compared."""
    return bool(board.agreement(data or board.names[0]))


BOARD = params.SelectParam(
    "board",
    "Data set",
    "The first is shown.",
    "Not that of the bar on top: the board holds all.",
    lambda _: benchmark_board.open_board().names,
    style={"width": 220},
)
METRIC = params.SelectParam(
    "board.by",
    "Metric",
    "The first is shown.",
    "The compared metric. The Glossary page defines each.",
    style={"width": 220},
)
SIZE = params.SelectParam(
    "board.size",
    "Size",
    "Those after the encoders are shown.",
    "Parameters after the encoders or in total, or processor seconds of a training. Encoders are the same for all "
    "models: without them, the fusions are compared.",
    SIZES,
    look="segments",
)
PART = params.SelectParam(
    "board.of",
    "Corrupted",
    "All are shown.",
    "The modality that gets noise or is left out.",
    look="segments",
)
TABLE = params.SwitchParam("board.table", "As a table, with p-values", "It stays folded.")
PUBLISHED = params.SwitchParam(
    "board.published", "Published figures on MOSI, as context", "They stay folded."
)


def board_choices(
    board: benchmark_board.Board, name: str
) -> tuple[params.SelectParam, params.SelectParam, params.SelectParam]:
    """Return the parameters for the metric, the corrupted modality and the models of a data set. The models have a
    separate key.
    """
    return (
        replace(METRIC, values=[board.metric(key).short for key in board.metrics(name)]),
        replace(PART, values=(ALL, *board.of(name)["modalities"])),
        params.SelectParam(
            f"board.models.{name}",
            "Models",
            "The usual ones are drawn.",
            values=board.measured(name),
            many=True,
        ),
    )


@default_on_error(())
def controls(view: page_state.PageState, _: Any = None) -> tuple[params.Param, ...]:
    """Return the choices of the page."""
    board = benchmark_board.open_board()
    return BOARD, SIZE, TABLE, PUBLISHED, *board_choices(board, view.one_of(BOARD.key, board.names))


_WHERE = {"data": BOARD, "metric": METRIC}
PANELS = {
    "board": panel.Panel(results, _WHERE, scope="board"),
    "board-size": panel.Panel(draw_size_tradeoff, {**_WHERE, "size": SIZE}, scope="board"),
    "board-joint": panel.Panel(
        joint_shares,
        _WHERE,
        fits=lambda board, data="", **_: any(
            "joint" in row for row in board.of(data or board.names[0])["rows"].values()
        ),
        scope="board",
    ),
    "board-agreement": panel.Panel(
        planted_agreement, {"data": BOARD}, fits=is_planted, scope="board"
    ),
    "board-audit": panel.Panel(resources, {"data": BOARD}, fits=is_audited, scope="board"),
    "board-robustness": panel.Panel(
        robustness,
        {
            "data": BOARD,
            "part": PART,
            # every data set has its own models
            "models": lambda view: (
                view.all(
                    f"board.models.{view.get('board') or benchmark_board.open_board().names[0]}"
                )
                or None
            ),
        },
        fits=has_robustness,
        scope="board",
    ),
}
