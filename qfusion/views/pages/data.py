"""The data set of the Data page, and its panels."""

from qfusion import data
from qfusion.views import learning
from qfusion.views.pages import address, params
from qfusion.views.pages.panel import panels


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
    titles=address.data_names,
)
CONTROLS = (SET,)
PANELS = {
    **panels(learning.data_classes, fits=learning.has_classes),
    **panels(learning.data_target, fits=learning.has_numbers),
}
