"""Our own print engine, `plotly_print`, beside plotly in Chrome, on every figure of the gallery: time, size of the
files, and what each needs.

    python benchmarks/print_engines.py

Both draw the same figures in the same style, alternating, after one drawing that is not counted (Chrome is started by
it and stays open). Writes the table `engines` of docs/figures.md.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]
os.environ.setdefault("STREAMLIT_LOGGER_LEVEL", "error")

import tables  # noqa: E402

from qfusion.figures import export  # noqa: E402
from qfusion.figures.recipe import parse  # noqa: E402
from qfusion.panels import reproduction  # noqa: E402

FORMATS = ("svg", "pdf", "png")
ENGINES = {"qfusion": "qfusion's renderer", "chrome": "plotly in Chrome (kaleido)"}


def main() -> None:
    """Draws everything twice and writes the table."""
    figures = [
        reproduction.reproduce(parse(export.read_recipe(path.read_bytes()))).figure
        for path in sorted((ROOT / "docs/gallery").glob("*.svg"))
    ]
    seconds = {(engine, form): [] for engine in ENGINES for form in FORMATS}
    sizes = {key: [] for key in seconds}
    for form in FORMATS:
        for number, figure in enumerate([figures[0], *figures]):
            for engine in ENGINES:
                style = export.ExportStyle(format=form, size="double", engine=engine)
                start = time.perf_counter()
                data = export.save(figure, style)
                if number:
                    seconds[engine, form].append(time.perf_counter() - start)
                    sizes[engine, form].append(len(data))
    rows = []
    for form in FORMATS:
        for engine, name in ENGINES.items():
            taken, large = np.array(seconds[engine, form]), np.array(sizes[engine, form]) / 1024
            rows.append(
                [
                    form.upper(),
                    name,
                    f"{np.median(taken):.2f} s",
                    f"{taken.max():.2f} s",
                    f"{np.median(large):.0f} KiB",
                ]
            )
    table = tables.markdown(["Format", "drawn by", "median", "slowest", "median size"], rows)
    tables.write(
        "engines",
        f"{table}\n\n{len(figures)} figures of the gallery, double column. "
        f"{tables.provenance('print_engines.py')}",
    )


if __name__ == "__main__":
    main()
