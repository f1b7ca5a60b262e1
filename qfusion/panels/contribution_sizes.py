"""Sizes of the contributions to a decision, without what gives the decision away."""

from __future__ import annotations

import numpy as np
import pandas as pd

from qfusion.analysis import decision_game
from qfusion.analysis.study import Study
from qfusion.figures import label_charts, style
from qfusion.panels import alt_text, panel


def contribution_sizes(
    study: Study, sample: str, theme: style.Theme = "light"
) -> panel.PanelFigure:
    """Draw the size of every contribution to a sample's decision as a share of all, without signs and total.

    Args:
        study: a model on its data. sample: its id. theme: of the figure.
    """
    sizes = decision_game.contribution_sizes(study, sample)
    dots = np.full((len(sizes), 3), np.nan)
    dots[:, 0] = list(sizes.values())
    figure = label_charts.interval_dots(
        list(sizes),
        {"size": dots},
        hues=[style.term_colour(term, study.modalities) for term in sizes],
        x_title="size of the contribution, share of all",
        percent=True,
        theme=theme,
    )
    figure.update_xaxes(range=[-0.02, 1.02])

    def table() -> pd.DataFrame:
        return pd.DataFrame({"term": list(sizes), "size": list(sizes.values())})

    return panel.PanelFigure(
        "contribution-sizes",
        "Sizes of the contributions",
        figure,
        shows="sizes of the contributions to the model's decision, as shares of their sum",
        not_shown="",
        alt=f"Sizes: {alt_text.list_terms(sizes, '.2f')}.",
        table=table,
    )
