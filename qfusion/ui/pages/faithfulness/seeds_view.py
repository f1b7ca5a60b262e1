"""Would another training seed explain the same?"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from qfusion.analysis import faithful, text
from qfusion.analysis.subject import Workspace
from qfusion.explain.trust.caution import STABLE
from qfusion.explain.trust.stability import Stability
from qfusion.figures.draw import faithfulness as figures
from qfusion.ui.frame.shell import Here
from qfusion.ui.panel import panels
from qfusion.ui.shared import through_view


def tab(here: Here, work: Workspace, seeds: Stability | None, missing: str) -> None:
    """Rank correlation between seeds, and the current sample by every seed."""
    if seeds is None:
        st.info(f"Not measured for this model. {missing}", icon=":material/help:")
        return
    what = through_view.which_terms()
    count, whose = len(seeds.seeds), " of the true class's score" if seeds.of_true_class else ""
    ranks = seeds.rank_correlations(what)
    least = min(ranks, key=lambda name: ranks[name][0])
    left, right = st.columns(2, gap="medium")
    with left:
        panels.panel(
            "seed-ranks", f"Least stable: {text.plain(' + '.join(least.split('+')))} (rank correlation {ranks[least][0]:.2f})",
            figures.rank_bars(ranks, work.modalities, floor=STABLE, theme=here.theme,
                              x_title=f"rank correlation of {what} between seeds (dotted: {STABLE:g})"),
            shows=f"whether {count} models that differ in their training seed alone order {seeds.dividends.shape[1]:,} test samples alike: "
                  f"mean over all pairs of seeds, the tick the lowest. {what.capitalize()}{whose} against {seeds.background_size:,} "
                  "training samples.",
            not_shown="other training data, settings or libraries.",
            alt="Rank correlation between seeds: " + ", ".join(f"{name} {mean:.2f}" for name, (mean, _) in ranks.items()) + ".",
            numbers=lambda: pd.DataFrame([{"term": name, "mean": mean, "lowest": low} for name, (mean, low) in ranks.items()]))
    with right:
        _sample(here, work, seeds, what)
    st.caption(f"Two seeds name the same modality as the most important one in {seeds.leader_agreement():.0%} of the test samples.")


def _sample(here: Here, work: Workspace, seeds: Stability, what: str) -> None:
    """The current sample by every seed."""
    found = faithful.seed_values(work, seeds, here.row, what)
    if found is None:
        st.info(f"Sample {text.plain(here.sample)} is not a test sample: seeds are compared on these. Pick a test sample.",
                icon=":material/help:")
        return
    values = found.to_numpy()
    unsure = [name for name, column in zip(found.columns, values.T, strict=True) if column.min() < 0 < column.max()]
    said = f"Sample {text.plain(here.sample)}: {len(unsure)} of {len(found.columns)} terms change sign with the seed" if unsure \
        else f"Sample {text.plain(here.sample)}: every term keeps its sign over the seeds"
    of_class = f"score of the true class ‘{work.classes[int(work.dataset.y[here.row])]}’" if seeds.of_true_class else work.unit_of(0)
    panels.panel(
        "seed-sample", said,
        figures.seed_dots(values, list(found.columns), work.modalities, seeds.seeds, unit=of_class, theme=here.theme),
        shows=f"{what} of this sample by each of {len(seeds.seeds)} training seeds; the filled dot is the model shown on the other pages.",
        not_shown="which seed is right: where they differ, the data do not decide.",
        alt="Terms by seed: " + ", ".join(f"{name} {column.min():+.2f} to {column.max():+.2f}"
                                          for name, column in zip(found.columns, values.T, strict=True)) + ".",
        numbers=lambda: found.reset_index())
