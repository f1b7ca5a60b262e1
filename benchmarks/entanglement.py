"""Does entanglement go with joint deciding? Correlations over the test samples of every shipped model whose data are
here.

    QFUSION_DATA=FOLDER python benchmarks/entanglement.py

The Cohorts page draws the same. Writes the rank correlations of entropy as the table `entanglement` of docs/cohorts.md;
prints all measures. Intervals: 95 % bootstrap over the clusters that the data set names, else over samples, 2,000
resamples, seed 0. Takes about a minute.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

import tables  # noqa: E402

from qfusion import data, plugin  # noqa: E402
from qfusion.explain import bootstrap  # noqa: E402
from qfusion.models.protocols import Evolution  # noqa: E402
from qfusion.study import cohorts, opening, performance as measures  # noqa: E402
from qfusion.training import checkpoint  # noqa: E402

PAGE = ROOT / "docs" / "cohorts.md"
SHOWN = "entropy"
SAID = {cohorts.JOINT: "size of the joint terms", cohorts.JOINT_SHARE: "joint share"}
HEADER = ["Model", "Test rows", "Measure at T", "Against", "Pearson's r", "Spearman's r"]


def rows_of(name: str) -> list[list[str]]:
    """Returns the rows of one model: one for each measure and strength."""
    found = checkpoint.load(name)
    study = opening.build_study(
        name, found.card, found.model, data.load(found.card["data"]["name"])
    )
    table = cohorts.cohort_table(study, None)
    rows = table[(table["split"] == "test") & table[cohorts.JOINT].notna()]
    columns = {
        measure: measures.entropies(study, rows, measure)
        for measure in measures.measure_titles(study)
        if not measures.is_slow(measure)
    }
    if study.model.part(Evolution):
        columns |= measures.correlations(
            study, np.array([study.dataset.row(sample) for sample in rows.index])
        )
    lines = []
    for measure, x in columns.items():
        for strength in cohorts.STRENGTHS:
            r = bootstrap.correlation(
                x,
                rows[strength].to_numpy(dtype=float),
                clusters=cohorts.row_clusters(study.dataset, study.dataset.find_rows(rows.index)),
            )
            lines.append(
                [
                    f"`{name}`",
                    f"{len(rows):,}",
                    measure,
                    SAID[strength],
                    *(f"{one.value:+.2f} [{one.low:+.2f}, {one.high:+.2f}]" for one in r.values()),
                ]
            )
    return lines


def main() -> None:
    """Prints the rows of every shipped model whose data are here, and writes the rank correlations of entropy."""
    torch.set_num_threads(1)
    here = {source.name for source in data.available() if source.available}
    shipped = [path.stem for path in plugin.glob_assets("models", "*.json")]
    lines: list[list[str]] = []
    for name in shipped:
        if checkpoint.load(name).card["data"]["name"] in here:
            lines += rows_of(name)
    print(tables.markdown(HEADER, lines))
    shown: dict[str, list[str]] = {}
    for model, rows, measure, _, _, rank in lines:
        if measure == SHOWN:
            shown.setdefault(model, [model, rows]).append(rank)
    table = tables.markdown(["Model", "Test rows", *SAID.values()], [*shown.values()])
    tables.write("entanglement", f"{table}\n\n{tables.provenance('entanglement.py')}", PAGE)


if __name__ == "__main__":
    main()
