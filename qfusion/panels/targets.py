"""The data set of the Data page, and its panels."""

from qfusion import data
from qfusion.panels import panel, params, pickers
from qfusion.panels.views import drawn
from qfusion.views import targets


def open_data_set(name: str = "") -> data.DataSet:
    """Return a data set by name. The default is the first one that is available.

    Raises:
        NotFound, DataUnavailable: when there is none of that name, or it is not here.
    """
    return data.load(name or next(source.name for source in data.available() if source.available))


SET = params.SelectParam(
    "set",
    "Data set",
    "The first one is shown.",
    "The data sets that are available on this machine.",
    lambda _: data.names(),
    titles=pickers.data_names,
)
DATA = {
    "data-classes": panel.Panel(
        drawn(targets.data_classes), fits=targets.has_classes, scope="dataset"
    ),
    "data-target": panel.Panel(
        drawn(targets.data_target), fits=targets.has_numbers, scope="dataset"
    ),
}
