"""Spectra and profiles of samples as small line charts."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.analysis import text
from qfusion.analysis.sample import Sample
from qfusion.analysis.study import Study
from qfusion.data.sample_content import Series
from qfusion.errors import InvalidInput
from qfusion.figures import evidence_fusion, style
from qfusion.panels import page_state, panel


def curve(
    study: Study,
    theme: style.Theme = "light",
    *,
    row: int,
    modality: str,
    card: str = "main",
) -> panel.PanelFigure:
    """Draw a spectrum or profile of a sample as a small line chart in its modality's colour.

    Args:
        study: a model on data with such curves.
        theme: of the figure.
        row: of the sample.
        modality: whose curve.
        card: tells figures of one sample apart that a page shows twice.
    """
    check(
        0 <= row < len(study.dataset.ids),
        f"The data have {len(study.dataset)} samples, but none in row {row}.",
    )
    piece: Any = study.dataset.content(row).get(modality)
    check(
        isinstance(piece, Series),
        f"The data have no curve of modality '{modality[:60]}' of this sample.",
    )
    title = (
        f"{text.escape_markdown(modality)} of sample {text.escape_markdown(study.dataset.ids[row])}"
    )
    figure = evidence_fusion.curve(
        piece.values,
        piece.x,
        piece.x_label,
        piece.y_label,
        style.term_colour(modality, study.modalities),
        theme=theme,
    )
    shows = f"{text.escape_markdown(piece.y_label)} over {text.escape_markdown(piece.x_label)}."
    alt = (
        f"Curve: {modality} of the sample, {len(piece.values)} values from {np.min(piece.values):.3g} to "
        f"{np.max(piece.values):.3g}."
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame({piece.x_label: piece.x, piece.y_label: piece.values})

    return panel.PanelFigure(
        f"content-{card}-{row}-{modality}",
        title,
        figure,
        shows=shows,
        not_shown="",
        alt=alt,
        table=table,
    )


def draw_sample_curve(
    sample: Sample, theme: style.Theme = "light", **options: Any
) -> panel.PanelFigure:
    """Draw a spectrum or profile of any sample of the same data, see `curve`."""
    return curve(sample.study, theme, **options)


def parse_curve_name(view: page_state.PageState, rest: str) -> dict[str, Any]:
    """Return card, row and modality by the end of a panel's name."""
    names = "|".join(map(re.escape, view.modalities))
    parts = re.fullmatch(rf"(.*)-(\d+)-({names})", rest)
    if parts is None:
        raise InvalidInput(
            f"Panel 'content-{rest[:60]}' is of no modality of this model. Open the page again."
        )
    return {"row": int(parts[2]), "modality": parts[3], "card": parts[1]}


def curve_names(
    study: Study, rows: Iterable[int], card: str, only: Sequence[str] = ()
) -> list[str]:
    """Return the ends of the names of the curves that the data have of some samples, on one card, of all modalities or
    `only` some.
    """
    return [
        f"{card}-{row}-{name}"
        for row in rows
        for name in study.modalities
        if name in (only or study.modalities)
        and isinstance(study.dataset.content(row).get(name), Series)
    ]
