"""Samples like the open one, on the Samples page."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from qfusion._sentences import listed
from qfusion.analysis import backgrounds, text
from qfusion.analysis.cohort import coordinates
from qfusion.analysis.cohort import similar as measured
from qfusion.analysis.sample import Sample
from qfusion.analysis.subject import Workspace
from qfusion.figures.draw.many import places as place_figures
from qfusion.figures.style import Theme
from qfusion.panels.core import allowed as say
from qfusion.panels.core.panel import Panel, Picture, kept

MAX_NAMED = 3  # samples that a title names


@kept
def similar(sample: Sample, theme: Theme = "light", *, by: str = coordinates.DIVIDENDS) -> Picture:
    """The test samples nearest to one.

    Args:
        sample: of any model.
        theme: of the figure.
        by: what is compared, see `similar.ways`.
    """
    found, work = measured.nearest(sample, by), sample.work
    ids = [str(name) for name in work.dataset.ids[found.rows]]
    said, right = answers(work, found.rows)
    agree = [_same(work, row, sample.row) for row in found.rows]
    what = coordinates.TITLES[by]
    title = nearest(
        dict(zip(ids, found.distances.tolist(), strict=True)), what, sum(agree), bool(work.classes)
    )
    return Picture(
        "similar",
        title,
        place_figures.nearest(
            [f"{name}: {words}" for name, words in zip(ids, said, strict=True)],
            found.distances,
            right,
            axis=measured.TITLES[by],
            typical=found.median,
            theme=theme,
        ),
        shows=f"the {len(ids)} of {found.among:,} test samples nearest to sample {text.plain(sample.id)}: "
        "annotated → predicted"
        + ("; orange, hatched: predicted wrongly" if work.classes else "")
        + ". Click a bar to open it."
        + (f" {backgrounds.against(work.bulk_background)}" if by == coordinates.DIVIDENDS else ""),
        not_shown="why they are alike: set them side by side.",
        alt="Nearest: "
        + "; ".join(f"{name} {value:.3g}" for name, value in zip(ids, found.distances, strict=True))
        + ".",
        table=lambda: pd.DataFrame(
            {
                "id": ids,
                "truth": _truths(work, found.rows),
                "prediction": _predictions(work, found.rows),
                "distance": found.distances,
            }
        ),
    )


def nearest(distances: Mapping[str, float], what: str, agree: int, classes: bool) -> str:
    """Which samples are nearest, and how many of those shown are predicted alike.

    Args:
        distances: by sample, of those shown. what: is compared, in words. agree: how many are predicted alike.
        classes: whether the model chooses among classes.
    """
    if not distances:
        return f"No other test sample to compare the {what} with"
    least = min(distances.values())
    first = [
        text.plain(name) for name, value in distances.items() if f"{value:.3g}" == f"{least:.3g}"
    ]
    same = "alike" if classes else "with the same sign"
    are = (
        "it is"
        if len(distances) == 1
        else f"{agree} of the {len(distances)} nearest {'is' if agree == 1 else 'are'}"
    )
    if len(distances) == 1:
        are = f"it is{'' if agree else ' not'}"
    tail = f"{are} predicted {same}"
    if len(first) == 1:
        return f"Sample {first[0]} is nearest by its {what}; {tail}"
    whose = f"Samples {listed(first)}" if len(first) <= MAX_NAMED else f"{len(first)} samples"
    return f"{whose} are equally near by their {what}; {tail}"


def answers(work: Workspace, rows: np.ndarray) -> tuple[list[str], list[bool | None]]:
    """Returns "annotated → predicted" of some rows, and whether each is right; None of a regression."""
    if not work.classes:
        return [
            f"{a:+.2f} → {b:+.2f}"
            for a, b in zip(_truths(work, rows), _predictions(work, rows), strict=True)
        ], [None] * len(rows)
    pairs = list(zip(_truths(work, rows), _predictions(work, rows), strict=True))
    return [f"{a} → {b}" for a, b in pairs], [a == b for a, b in pairs]


def _truths(work: Workspace, rows: np.ndarray) -> list[str] | list[float]:
    y = work.dataset.y[rows]
    return [work.classes[int(each)] for each in y] if work.classes else [float(each) for each in y]


def _predictions(work: Workspace, rows: np.ndarray) -> list[str] | list[float]:
    if work.classes:
        return [work.classes[int(each)] for each in work.predicted[rows]]
    return [float(each) for each in work.scores[rows, 0]]


def _same(work: Workspace, row: int, other: int) -> bool:
    if work.classes:
        return bool(work.predicted[row] == work.predicted[other])
    return bool(np.sign(work.scores[row, 0]) == np.sign(work.scores[other, 0]))


def _allowed_similar(work: Workspace) -> dict[str, say.Allowed]:
    """What an address may say of similar samples."""
    known = map(coordinates.TITLES.__getitem__, measured.ways(work))
    return {"similar": say.options("Similarity", known, "Contributions are compared.")}


SIMILAR = {
    "similar": Panel(similar, {"by": lambda view: coordinates.KEYS.get(view.get("similar"))})
}
