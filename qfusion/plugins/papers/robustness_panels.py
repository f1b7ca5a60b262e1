"""Robustness on the leaderboard: results with noise on a modality, without it, and with another sample's."""

from collections.abc import Sequence

import pandas as pd

from qfusion._checks import check, choose
from qfusion.plugins.papers import benchmark_board, figures as leaderboard_charts
from qfusion.plugins.papers.result_panels import model_family
from qfusion.study import text
from qfusion.views.view import View
from qfusion.views.words import rules

ALL = "all"


def robustness(
    board: benchmark_board.Board,
    *,
    data: str = "",
    part: str = ALL,
    models: Sequence[str] | None = None,
) -> View:
    """Draw the effect of noise on a modality, of its absence and of its exchange on models, if that was measured.

    Args:
        board: the leaderboard.
        data: name of a data set on the board, the first by default.
        part: the modality that is corrupted, or "all".
        models: as the board calls them; all but the ablations by default.
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
    title = rules.describe_extremum(
        noisiest,
        one="With the most noise on {what}, {names} is best: {short} {value:.3f}, {quiet:.3f} without noise (first "
        "seed)",
        some="With the most noise on {what}, {names} are equally good: {short} {value:.3f} (first seeds)",
        many="{count} models",
        places=3,
        smallest=smallest,
        what=text.escape_markdown(what),
        short=short,
        quiet=curves[best][1][0],
    )
    figure = leaderboard_charts.robustness(
        curves,
        {label: (board.role(model), model_family(board, model)) for label, model in shown.items()},
        f"test {short}",
        what,
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
    numbers = [
        f"{label} from {values[0]:.3f} to {values[-1]:.3f}"
        for label, (_, values, _) in curves.items()
    ]
    alt = f"Curves over noise: {', '.join(numbers)}."

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            [
                {"model": label, **record}
                for label, model in shown.items()
                for record in board.whole["robustness"][name][model]
            ]
        )

    return View(
        name="board-robustness",
        title=title,
        figure=figure,
        caption=shows,
        limits="One seed per model. No model was trained for this noise; if a recipe trains with noise, all its models "
        "did.",
        alternative=alt,
        table=table,
    )
