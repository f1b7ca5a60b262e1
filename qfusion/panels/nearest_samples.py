"""Samples similar to the open one, on the Samples page."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from qfusion._sentences import listed
from qfusion.analysis import (
    sample_coordinates,
    sample_similarity,
    sample_words,
    text,
)
from qfusion.analysis.sample import Sample
from qfusion.figures import scatter_map, style
from qfusion.panels import panel, params
from qfusion.views.samples import describe_outcomes, truth_and_prediction
from qfusion.wording import extrema
from qfusion.wording.backgrounds import describe_comparison


@panel.cached
def similar_samples(
    sample: Sample, theme: style.Theme = "light", *, by: str = sample_coordinates.DIVIDENDS
) -> panel.PanelFigure:
    """Draw the test samples nearest to one.

    Args:
        sample: of any model.
        theme: of the figure.
        by: what is compared, see `similar.ways`.
    """
    result = sample_similarity.nearest(sample, by)
    study = sample.study
    ids = [str(name) for name in study.dataset.ids[result.rows]]
    sentence, right = describe_outcomes(study, result.rows)
    notes = sample_words.describe_samples(study.dataset, result.rows)
    verdicts = study.predicted if study.classes else np.sign(study.scores[:, 0])
    title = describe_nearest(
        dict(zip(ids, result.distances.tolist(), strict=True)),
        sample_coordinates.TITLES[by],
        int((verdicts[result.rows] == verdicts[sample.row]).sum()),
        bool(study.classes),
    )
    figure = scatter_map.nearest_bars(
        [f"{name}: {words}" for name, words in zip(ids, sentence, strict=True)],
        result.distances,
        right,
        notes=notes,
        axis=sample_similarity.TITLES[by],
        typical=result.median,
        theme=theme,
    )
    shows = (
        f"the {len(ids)} of {result.among:,} test samples nearest to sample {text.escape_markdown(sample.id)}: "
        "annotated → predicted"
    )
    if study.classes:
        shows += "; orange, hatched: wrong predictions"
    shows += "."
    if by == sample_coordinates.DIVIDENDS:
        shows += f" {describe_comparison(study.explanation_background)}"
    alt = (
        "Nearest: "
        + "; ".join(
            f"{name} {value:.3g}" for name, value in zip(ids, result.distances, strict=True)
        )
        + "."
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {
                "id": ids,
                **dict(
                    zip(
                        ("truth", "prediction"),
                        truth_and_prediction(study, result.rows),
                        strict=True,
                    )
                ),
                "distance": result.distances,
                **({"text": notes} if any(notes) else {}),
            }
        )

    return panel.PanelFigure(
        "similar",
        title,
        figure,
        shows=shows,
        not_shown="why they are similar: compare them side by side.",
        alt=alt,
        table=table,
        usage="Click a bar to open the sample.",
    )


def describe_nearest(distances: Mapping[str, float], what: str, agree: int, classes: bool) -> str:
    """Describe which samples are nearest, and how many of those shown are predicted alike.

    Args:
        distances: by sample, of those shown. what: is compared, in words. agree: how many are predicted alike.
        classes: whether the model chooses among classes.
    """
    if not distances:
        return "There is no other test sample"
    least = f"{min(distances.values()):.3g}"
    first = [
        text.escape_markdown(name) for name, value in distances.items() if f"{value:.3g}" == least
    ]
    same = "predicted alike" if classes else "predicted with the same sign"
    if len(distances) == 1:
        are = f"it is{'' if agree else ' not'}"
    else:
        are = f"{agree} of the {len(distances)} nearest {'is' if agree == 1 else 'are'}"
    whose = (
        f"Samples {listed(first)}" if len(first) <= extrema.MAX_NAMED else f"{len(first)} samples"
    )
    return extrema.choose_template(
        first,
        distances,
        one=f"Sample {first[0]} is nearest by its {what}; {are} {same}",
        some=f"{whose} are equally near by their {what}; {are} {same}",
    )


SIMILAR_BY = params.SelectParam(
    "similar",
    "Similar by",
    "Contributions are compared.",
    values=lambda study: [
        sample_coordinates.TITLES[kind] for kind in sample_similarity.ways(study)
    ],
    look="segments",
    meanings=sample_coordinates.KEYS,
)
SIMILAR = {"similar": panel.Panel(similar_samples, {"by": SIMILAR_BY})}
