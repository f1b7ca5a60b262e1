"""Does entanglement go with joint deciding? Correlations over the test samples of every shipped model whose data are
here.

    python -m benchmarks.entanglement            prints a Markdown table; takes about a minute

The Cohorts page draws the same. Intervals: 95 % percentile bootstrap, 2,000 resamples, seed 0.
"""

from __future__ import annotations

import numpy as np
import torch

from qfusion import data
from qfusion.analysis import subjects
from qfusion.analysis.cohort import cohort_measures
from qfusion.explain.trust import resampling
from qfusion.training import checkpoint


def main() -> None:
    """Prints one row for each model, measure and strength."""
    torch.set_num_threads(1)
    here = {source.name for source in data.available() if source.available}
    print("| model | n | measure | strength | Pearson r | Spearman r |\n|---|---|---|---|---|---|")
    for name in checkpoint.available():
        found = checkpoint.load(name)
        if found.card["data"]["name"] not in here:
            continue
        work = subjects.build(name, found.card, found.model, data.load(found.card["data"]["name"]))
        table = cohort_measures.table(work, work.frame())
        rows = table[(table["split"] == "test") & table[cohort_measures.JOINT].notna()]
        columns = {measure: cohort_measures.entropies(work, rows, measure)
                   for measure in cohort_measures.measure_titles(work) if measure not in cohort_measures.SLOW}
        if work.has_time:
            columns |= cohort_measures.correlations(work, np.array([work.dataset.row(sample) for sample in rows.index]))
        for measure, x in columns.items():
            for strength in cohort_measures.STRENGTHS:
                r = resampling.correlation(x, rows[strength].to_numpy(dtype=float))
                print(f"| {name} | {len(rows)} | {measure} | {strength} | " + " | ".join(
                    f"{one.value:+.2f} ({one.low:+.2f} to {one.high:+.2f})" for one in r.values()) + " |")


if __name__ == "__main__":
    main()
