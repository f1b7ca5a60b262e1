"""Papers, reproduced: the results that ship, as a table and as a figure of one paper on one data set."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from qfusion._checks import choose
from qfusion._sentences import capitalise, true_minus
from qfusion.plugins.papers import (
    benchmark_board,
    paper_list,
    paper_page,
    paper_words as words,
    shipped_papers,
)
from qfusion.plugins.papers.paper_results import ModelResult, Reproduction
from qfusion.study import text
from qfusion.views.pages import params
from qfusion.views.view import View
from qfusion.views.words.names import with_id

MAX_TEXT = 2500  # letters of a sentence
MAX_METRICS = 2  # in a cell of the table
NONE = "–"
UNKNOWN_FIGURE = "unknown to us"
BEST = "Best rival on the test rows"


def result_names() -> list[str]:
    """Return the names of the results that ship, "PAPER/DATA"."""
    return list(shipped_papers.shipped_reproductions())


def result_titles() -> dict[str, str]:
    """Return the titles in lists of the results that ship, by name."""
    return {
        name: with_id(f"{paper_list.find_paper(one.paper).name} on {one.title}", name)
        for name, one in shipped_papers.shipped_reproductions().items()
    }


PAPER = params.SelectParam(
    "board.paper",
    "Paper",
    "The first is shown.",
    "A paper and the data set that our reading of it was run on.",
    lambda _: result_names(),
    style={"width": 420},
    titles=result_titles,
)


def shipped_result(name: str = "") -> Reproduction:
    """Return results that ship, by name; the first by default.

    Raises:
        NotFound: when there are none of that name.
    """
    results = shipped_papers.shipped_reproductions()
    return results[choose("Results", name, results) if name else next(iter(results))]


def result_on(data: str) -> str:
    """Return the name of the first results that ship on a data set, or of the first at all."""
    results = shipped_papers.shipped_reproductions()
    return next((name for name, one in results.items() if one.data == data), next(iter(results)))


def papers_table() -> pd.DataFrame:
    """Return a row for each paper and data set: the published figure, ours, the rival that is best
    on the test rows, the verdict in a few words, and the command that repeats it. A paper without results that ship has
    a row that says so.
    """
    results = shipped_papers.shipped_reproductions()
    rows = [_result_row(one) for one in results.values()]
    there = {one.paper for one in results.values()}
    rows += [
        {
            "Paper": paper.name,
            "Reference": UNKNOWN_FIGURE if not paper.figures else words.list_figures(paper),
            "Ours": NONE,
            BEST: NONE,
            "Verdict": "Not run for this page.",
            "Command": f"reproduce {key}",
        }
        for key, paper in paper_list.papers().items()
        if key not in there
    ]
    return pd.DataFrame(rows)


def _result_row(result: Reproduction) -> dict[str, str]:
    paper = paper_list.find_paper(result.paper)
    first, best = result.readings[0], result.best_rival()
    keys = paper_page.chart_metrics(result)[:MAX_METRICS]
    return {
        "Paper": f"{paper.name} on {result.title}",
        "Reference": words.list_compared(result) or UNKNOWN_FIGURE,
        "Ours": _list_metrics(result, first, keys),
        BEST: NONE if best is None else f"{best.label}: {_list_metrics(result, best, keys)}",
        "Verdict": f"{capitalise(words.shorten_verdict(result, paper))}.",
        "Command": result.command.removeprefix("python -m qfusion "),
    }


def _list_metrics(result: Reproduction, model: ModelResult, keys: Sequence[str]) -> str:
    return "; ".join(
        f"{paper_page.name_metric(result, key)} {paper_page.format_cell(model.metrics[key])}"
        for key in keys
    )


def papers_markdown() -> str:
    """Return the table of all papers as markdown."""
    table = papers_table()
    lines = [f"| {' | '.join(table.columns)} |", f"|{'---|' * len(table.columns)}"]
    for row in table.itertuples(index=False):
        *cells, command = (str(cell) for cell in row)
        shown = [text.escape_markdown(true_minus(cell), MAX_TEXT) for cell in cells]
        lines.append(f"| {' | '.join(shown)} | `{command}` |")
    return "\n".join(lines)


def list_findings(result: Reproduction) -> str:
    """Return all findings on a paper as markdown, the verdict first."""
    paper = paper_list.find_paper(result.paper)
    verdict, *others = (
        text.escape_markdown(true_minus(sentence), MAX_TEXT)
        for sentence in words.describe_reproduction(result, paper)
    )
    return f"**{verdict}**\n\n" + "\n".join(f"- {sentence}" for sentence in others)


def reproduced_paper(board: benchmark_board.Board, *, paper: str = "") -> View:
    """Draw the published figure of a paper, our readings and plain rivals with the same budget.

    Args:
        board: the leaderboard.
        paper: results that ship, "PAPER/DATA"; the first by default.
    """
    result = shipped_result(paper)
    known = paper_list.find_paper(result.paper)
    title = words.title_result(result, known)  # ours, so without markup
    budget = words.describe_budget(result)
    return View(
        name="board-papers",
        title=title,
        figure=paper_page.draw_results(result),
        lead=list_findings(result),
        caption=f"{paper_page.explain_chart(result)} {budget}. Run on {result.date} by `{result.command}`.",
        limits=words.describe_unknown(result, known),
        alternative=paper_page.describe_chart(result),
        table=result.frame,
    )
