"""Results of papers that ship with the package, one file for each paper and data set, and what others published.

`scripts/ship_papers.py` makes them.
"""

from typing import NamedTuple

from qfusion._memory_cache import file_stamp, memo
from qfusion.plugins.papers import ASSETS
from qfusion.plugins.papers.benchmark_board import Board
from qfusion.plugins.papers.paper_list import find_paper, papers
from qfusion.plugins.papers.paper_results import Reproduction, read_reproduction

FOLDER = ASSETS / "papers"


@memo(1, stamp=lambda: tuple((path.name, file_stamp(path)) for path in FOLDER.glob("*.json")))
def shipped_reproductions() -> dict[str, Reproduction]:
    """Return the results that ship with the package, by "PAPER/DATA", in the order of the papers; read anew when a file
    changes.

    Raises:
        IntegrityError: when a file does not hold results.
    """
    results = [read_reproduction(path) for path in sorted(FOLDER.glob("*.json"))]
    order = list(papers())
    results.sort(key=lambda one: (order.index(one.paper), one.data))
    return {f"{one.paper}/{one.data}": one for one in results if one.paper in order}


class PublishedResult(NamedTuple):
    """A number that others published: their model, its value, and where it is from."""

    model: str
    value: float
    source: str


def published_results(board: Board, name: str, key: str) -> list[PublishedResult]:
    """Return what others published on a data set as a metric, or what may be this metric, best first.

    Args:
        board: the leaderboard. name: of the data set on it. key: of the metric.
    """
    source = board.of(name)["source"]
    tables = board.whole["published"]
    results = [
        PublishedResult(model, float(row[key]), str(tables["source"]))
        for model, row in tables["rows"].items()
        if source == tables["data"] and key in row
    ]
    results += [
        PublishedResult(find_paper(one.paper).name, figure.value, figure.source)
        for one in shipped_reproductions().values()
        for figure in one.figures
        if source == one.data
        and not figure.same_rows
        and key in {comparison.metric for comparison in figure.comparisons}
    ]
    return sorted(results, key=lambda one: one.value, reverse=board.metric(key).higher_is_better)
