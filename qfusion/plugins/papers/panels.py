"""The leaderboard page: its choices and its panels."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from qfusion.errors import default_on_error
from qfusion.plugins.papers import benchmark_board
from qfusion.plugins.papers.paper_panels import PAPER, reproduced_paper, result_on
from qfusion.plugins.papers.resource_panels import resources
from qfusion.plugins.papers.result_panels import (
    SIZES,
    draw_size_tradeoff,
    joint_shares,
    planted_agreement,
    results,
)
from qfusion.plugins.papers.robustness_panels import ALL, robustness
from qfusion.plugins.why.audit import audit
from qfusion.views.pages import address, page_state, panel, params
from qfusion.views.pages.page_state import Call
from qfusion.views.words.names import with_id


def default_board(board: benchmark_board.Board, data: str) -> str:
    """Return the name of the board that is shown first: that of the data set, or the first where it has none."""
    return board.board_of(data) or board.names[0]


def chosen_data(view: page_state.PageState) -> str:
    """Return the data set that the reader has picked, or that of the model where a link names only this."""
    return view.get(address.DATA.key) or _data_of(view.get(address.MODEL.key))


@default_on_error("")
def _data_of(model: str) -> str:
    return address.own_data(model or address.models()[0])


def chosen_board(view: page_state.PageState) -> str:
    """Return the name of the board that a page's state shows."""
    board = benchmark_board.open_board()
    name = view.get(BOARD.key)
    return name if name in board.names else default_board(board, chosen_data(view))


def chosen_paper(view: page_state.PageState) -> str:
    """Return the results on a paper that a page's state shows: those on the board's data set are the first."""
    board = benchmark_board.open_board()
    return view.get(PAPER.key) or result_on(str(board.of(chosen_board(view))["source"]))


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


def board_names() -> dict[str, str]:
    """Return the names in lists of the boards, by id."""
    board = benchmark_board.open_board()
    return {name: with_id(str(board.of(name)["title"]), name) for name in board.names}


BOARD = params.SelectParam(
    "board",
    "Data set",
    "The board of the data set of this session is shown, or else the first.",
    "Opens on the data set of this session where it has a board. Any other can be chosen.",
    lambda _: benchmark_board.open_board().names,
    style={"width": 260},
    titles=board_names,
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
    "Parameters after the encoders or in total, or processor seconds of a training. Encoders are "
    "the same for all models, so parameters after them compare the fusions.",
    SIZES,
    look="segments",
)
PART = params.SelectParam(
    "board.of",
    "Corrupted",
    "All are shown.",
    "The modality that is noisy or absent.",
    look="segments",
)
TABLE = params.SwitchParam("board.table", "As a table, with p-values", "It stays folded.")
VIEWS = RESULTS, CLAIMS, PAPERS, NOISE = ("Results", "Claims", "Papers", "Noise")
VIEW = params.SelectParam("board.view", "View", "The results are shown.", values=VIEWS, look="tabs")


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
def _controls(view: page_state.PageState, _: Any = None) -> tuple[params.Param, ...]:
    """Return the choices of the page."""
    board = benchmark_board.open_board()
    return BOARD, VIEW, SIZE, TABLE, PAPER, *board_choices(board, chosen_board(view))


_WHERE: dict[str, Callable[[page_state.PageState], Any]] = {"data": chosen_board, "metric": METRIC}


def _open_board(_: page_state.PageState) -> Call:
    return Call("qfusion.plugins.papers.benchmark_board", "open_board")


SCOPES = {"board": _open_board}
_BY_VIEW = {
    RESULTS: {
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
            planted_agreement, {"data": chosen_board}, fits=is_planted, scope="board"
        ),
    },
    CLAIMS: {
        "board-audit": panel.Panel(
            resources, {"data": chosen_board}, fits=is_audited, scope="board"
        ),
    },
    PAPERS: {
        "board-papers": panel.Panel(reproduced_paper, {"paper": chosen_paper}, scope="board"),
    },
    NOISE: {
        "board-robustness": panel.Panel(
            robustness,
            {
                "data": chosen_board,
                "part": PART,
                # every data set has its own models
                "models": lambda view: view.all(f"board.models.{chosen_board(view)}") or None,
            },
            fits=has_robustness,
            scope="board",
        ),
    },
}
PANELS = {
    name: replace(one, opens=VIEW.is_one_of(view))
    for view, group in _BY_VIEW.items()
    for name, one in group.items()
}
CONTROLS = (_controls,)
