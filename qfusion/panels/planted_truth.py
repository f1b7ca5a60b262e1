"""Exact against planted contributions."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from qfusion._checks import check, check_present
from qfusion._sentences import count, listed
from qfusion.analysis import text, trust
from qfusion.analysis.sample import Sample
from qfusion.figures import style, trust_charts
from qfusion.panels import panel
from qfusion.wording import extrema
from qfusion.wording.backgrounds import background_markdown


def planted_truth(sample: Sample, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw exact against planted contributions of the test samples; only of data with a planted truth."""
    study = trust.with_training_background(sample.study)
    against_truth = check_present(
        trust.compare_with_truth(study),
        f"The data set '{study.dataset.name}' has no planted truth. Choose 'planted' or 'scenes'.",
    )
    rows = trust.explained_test_rows(study)
    place = np.flatnonzero(rows == sample.row)
    varying = np.isfinite(against_truth.rank)
    check(bool(varying.any()), "No term varies in truth, so that none can be compared with it.")
    same = [term for term, varies in zip(against_truth.terms, varying, strict=True) if not varies]
    if same:
        constant = (
            f" {text.escape_markdown(listed(same)).capitalize()} are constant in the truth or in the "
            "model and not drawn."
        )
    else:
        constant = ""
    if study.classes:
        of_classes = f", for ‘{text.escape_markdown(study.classes[0])}’: 1 where it is right and −1 where not"
    else:
        of_classes = ""
    figure = trust_charts.truth_scatter(
        against_truth.true[:, varying],
        against_truth.ours[:, varying],
        [term for term in against_truth.terms if term not in same],
        against_truth.rank[varying],
        study.modalities,
        ids=study.dataset.ids[rows].tolist(),
        chosen=int(place[0]) if len(place) else None,
        unit=study.score_unit(0),
        theme=theme,
    )
    shows = (
        f"each term of {len(rows):,} test samples: the term of the model and the planted term{of_classes}. "
        f"The background is {background_markdown(study.explanation_background)} for the model and all "
        f"samples for the truth. ρ is the rank correlation; the ring is this sample.{constant}"
    )
    alt = (
        "Scatter of true contributions and those of the model: "
        + ", ".join(
            f"{t} {r:.2f}"
            for t, r in zip(against_truth.terms, against_truth.rank, strict=True)
            if np.isfinite(r)
        )
        + "."
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {"sample": study.dataset.ids[rows]}
            | {
                f"true[{t}]": v
                for t, v in zip(against_truth.terms, against_truth.true.T, strict=True)
            }
            | {
                f"exact[{t}]": v
                for t, v in zip(against_truth.terms, against_truth.ours.T, strict=True)
            }
        )

    return panel.PanelFigure(
        "truth",
        describe_truth_correlation(
            dict(zip(against_truth.terms, against_truth.rank.tolist(), strict=True))
        ),
        figure,
        shows=shows,
        not_shown="data with unknown truth: use the other views there.",
        alt=alt,
        table=table,
    )


def describe_truth_correlation(rank: Mapping[str, float]) -> str:
    """Describe how well terms follow the planted truth.

    Rank correlations by coalition, NaN where a term is constant.
    """
    known = {term: value for term, value in rank.items() if np.isfinite(value)}
    if not known:
        return "No term varies, so correlations are undefined"
    constant = len(rank) - len(known)
    words = extrema.describe_extremum(
        known,
        smallest=True,
        only="Rank correlation with the truth: {value:.2f}",
        one="Rank correlations with the truth from {value:.2f} ({names}) to {high:.2f}",
        some="Rank correlations with the truth from {value:.2f} ({names}) to {high:.2f}",
        every="Rank correlations with the truth: {value:.2f}",
        name=text.term,
        high=max(known.values()),
    )
    if not constant:
        return words
    return f"{words}; {count(constant, 'term')} {'is' if constant == 1 else 'are'} constant"
