"""The targets of a data set, on the Data page."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from qfusion import data
from qfusion._sentences import count
from qfusion.analysis import text
from qfusion.data.row_splits import SPLITS
from qfusion.figures import style, target_charts
from qfusion.panels import panel, params, pickers
from qfusion.views import alt_text

_MAX_SHOWN = 60  # classes in a figure


def open_data_set(name: str = "") -> data.DataSet:
    """Return a data set by name. The default is the first one that is available.

    Raises:
        NotFound, DataUnavailable: when there is none of that name, or it is not here.
    """
    return data.load(name or next(source.name for source in data.available() if source.available))


def class_counts(dataset: data.DataSet, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw samples of every class; only of a data set with classes."""
    names = dataset.target.classes
    counts = {
        split: np.bincount(_known_targets(dataset, split), minlength=len(names)) for split in SPLITS
    }
    whole = np.sum(list(counts.values()), axis=0)
    if len(names) <= _MAX_SHOWN:
        order = np.arange(len(names))
    else:
        order = np.argsort(-whole, kind="stable")[:_MAX_SHOWN]
    figure = target_charts.class_counts(
        {split: result[order].tolist() for split, result in counts.items()},
        [names[i] for i in order],
        theme=theme,
    )
    shows = f"how many of {len(dataset):,} samples are of which class, by part of the split"
    if len(names) > _MAX_SHOWN:
        shows += f", the {_MAX_SHOWN} most frequent of {len(names)} classes."
    else:
        shows += "."

    def table() -> pd.DataFrame:
        return pd.DataFrame({"class": list(names)} | counts)

    return panel.PanelFigure(
        "data-classes",
        describe_class_sizes(names, whole),
        figure,
        shows=shows,
        not_shown="how hard the classes are to tell apart.",
        alt=f"Samples by class: {alt_text.list_numbers(names, whole, '.0f')}.",
        table=table,
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


def target_histogram(dataset: data.DataSet, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw how the number that is to be predicted is spread; only of a data set without classes."""
    about = dataset.target
    values = {split: _known_targets(dataset, split) for split in SPLITS}
    edges = target_charts.histogram_edges(values)
    known = dataset.y[dataset.is_annotated]
    mean = float(known.mean())
    spread = float(known.std())
    title = (
        f"{text.escape_markdown(about.name)} is {mean:+z.2f} ± {spread:.2f} (standard deviation) over all "
        f"{count(len(known), 'sample')}"
    )
    figure = target_charts.target_histogram(
        values, f"{about.name} {f'({about.unit})' if about.unit else ''}".strip(), theme=theme
    )
    alt = (
        "Histograms of the target: mean "
        + alt_text.list_terms({split: part.mean() for split, part in values.items() if len(part)})
        + "."
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {"from": edges[:-1], "to": edges[1:]}
            | {split: np.histogram(part, edges)[0] for split, part in values.items()}
        )

    return panel.PanelFigure(
        "data-target",
        title,
        figure,
        shows=f"how the target is spread in each part of the split, in {target_charts.BINS} bins; "
        f"mean ± deviation above.",
        not_shown="whether the parts are alike in anything but the target.",
        alt=alt,
        table=table,
    )


def _known_targets(dataset: data.DataSet, split: str) -> np.ndarray:
    rows = dataset.rows(split)
    return np.asarray(dataset.y[rows[dataset.is_annotated[rows]]])


def has_classes(dataset: data.DataSet) -> bool:
    """Return whether classes are to be predicted, and some are known."""
    return dataset.target.kind == "classification" and bool(dataset.is_annotated.any())


def has_numbers(dataset: data.DataSet) -> bool:
    """Return whether a number is to be predicted, and some are known."""
    return dataset.target.kind == "regression" and bool(dataset.is_annotated.any())


SET = params.SelectParam(
    "set",
    "Data set",
    "The first one is shown.",
    "The data sets that are available on this machine.",
    lambda _: data.names(),
    titles=pickers.data_names,
)
DATA = {
    "data-classes": panel.Panel(class_counts, fits=has_classes, scope="dataset"),
    "data-target": panel.Panel(target_histogram, fits=has_numbers, scope="dataset"),
}
