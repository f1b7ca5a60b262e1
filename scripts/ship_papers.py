"""Write the results of papers that ship with the package, and time each run.

    QFUSION_DATA=FOLDER python scripts/ship_papers.py [PAPER/DATA ...] [--jobs 2]

Trainings that are stored are not repeated, as for `python -m qfusion reproduce`.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from qfusion.plugins.papers.paper_results import reproduce_paper
from qfusion.plugins.papers.shipped_papers import FOLDER

SHIPPED = (
    "qinn-qj/mosi",
    "entangled-qcnn/digits",
    "qd-msa/mosi",
    "leaderboard/mosi",
)
SEEDS = 5


def main() -> None:
    """Reproduce every paper and write a file for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(SHIPPED)}; default all")
    parser.add_argument("--jobs", type=int, default=1, help="processes that train at the same time")
    arguments = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    for name in arguments.names or SHIPPED:
        start = time.perf_counter()
        paper, data = name.split("/")
        result = reproduce_paper(paper, data, SEEDS, jobs=arguments.jobs)
        result.write(FOLDER / f"{paper}-{data}.json")
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
