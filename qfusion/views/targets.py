"""The targets of a data set: how many samples each class has, or how the number to be predicted is spread."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from qfusion._sentences import count
from qfusion.analysis import text
from qfusion.data import DataSet
from qfusion.data.row_splits import SPLITS
from qfusion.figures import target_charts
from qfusion.views import View, alt_text

_MAX_SHOWN = 60  # classes in a figure


def data_classes(dataset: DataSet) -> View:
    """Samples of every class; only of a data set with classes."""
    names = dataset.target.classes
    counts = {
        split: np.bincount(_known_targets(dataset, split), minlength=len(names)) for split in SPLITS
    }
    whole = np.sum(list(counts.values()), axis=0)
    order = np.arange(len(names))
    shown = ""
    if len(names) > _MAX_SHOWN:
        order = np.argsort(-whole, kind="stable")[:_MAX_SHOWN]
        shown = f", the {_MAX_SHOWN} most frequent of {len(names)} classes"
    figure = target_charts.class_counts(
        {split: result[order].tolist() for split, result in counts.items()},
        [names[i] for i in order],
    )
    return View(
        figure,
        describe_class_sizes(names, whole),
        caption=f"how many of {len(dataset):,} samples are of which class, by part of the split{shown}.",
        limits="how hard the classes are to tell apart.",
        table=pd.DataFrame({"class": list(names)} | counts),
        alternative=f"Samples by class: {alt_text.list_numbers(names, whole, '.0f')}.",
    )


def describe_class_sizes(names: Sequence[str], samples: np.ndarray) -> str:
    """Describe how many samples classes have; samples (C,) of all parts of the split."""
    least = int(samples.min())
    most = int(samples.max())
    if len(names) == 1:
        return f"Its only class has {count(most, 'sample')}"
    if least == most:
        return f"Each of its {len(names)} classes has {count(most, 'sample')}"
    return f"Its {len(names)} classes have {least:,} to {count(most, 'sample')}"


def data_target(dataset: DataSet) -> View:
    """How the number that is to be predicted is spread; only of a data set without classes."""
    about = dataset.target
    values = {split: _known_targets(dataset, split) for split in SPLITS}
    edges = target_charts.histogram_edges(values)
    known = dataset.y[dataset.is_annotated]
    mean = float(known.mean())
    spread = float(known.std())
    name = text.escape_markdown(about.name)
    samples = count(len(known), "sample")
    unit = f"({about.unit})" if about.unit else ""
    means = {split: part.mean() for split, part in values.items() if len(part)}
    counts = {split: np.histogram(part, edges)[0] for split, part in values.items()}
    return View(
        target_charts.target_histogram(values, f"{about.name} {unit}".strip()),
        f"{name} is {mean:+z.2f} ± {spread:.2f} (standard deviation) over all {samples}",
        caption=f"how the target is spread in each part of the split, in {target_charts.BINS} bins; mean ± deviation "
        "above.",
        limits="whether the parts are alike in anything but the target.",
        table=pd.DataFrame({"from": edges[:-1], "to": edges[1:]} | counts),
        alternative=f"Histograms of the target: mean {alt_text.list_terms(means)}.",
    )


def _known_targets(dataset: DataSet, split: str) -> np.ndarray:
    rows = dataset.rows(split)
    return np.asarray(dataset.y[rows[dataset.is_annotated[rows]]])


def has_classes(dataset: DataSet) -> bool:
    """Return whether classes are to be predicted, and some are known."""
    return dataset.target.kind == "classification" and bool(dataset.is_annotated.any())


def has_numbers(dataset: DataSet) -> bool:
    """Return whether a number is to be predicted, and some are known."""
    return dataset.target.kind == "regression" and bool(dataset.is_annotated.any())
