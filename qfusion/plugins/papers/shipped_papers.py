"""Results of papers that ship with the package, one file for each paper and data set.

`scripts/ship_papers.py` makes them.
"""

from qfusion._memory_cache import file_stamp, memo
from qfusion.plugins.papers import ASSETS
from qfusion.plugins.papers.paper_list import papers
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
