"""What a paper claims of a model: figures by metric and needed resources, and its rivals and other seeds."""

import re
from dataclasses import dataclass, field

from qfusion._checks import check, choose
from qfusion.data import DataSet
from qfusion.errors import InvalidInput
from qfusion.training import metrics

_CLAIM = re.compile(r"\s*([A-Za-z0-9_]{1,20})\s*=\s*(\d{0,3}(?:\.\d{0,6})?)\s*(%?)\s*")
UNBOUNDED = (
    "mae",
    "nll",
    "corr",
    "r2",
)  # metrics that are no shares, so that 88 is not .88 of them
MOST = 20  # claims


@dataclass(frozen=True)
class ClaimedFigure:
    """A reported figure.

    Attributes:
        metric: name of the metric, such as "acc2_non0". value: as a share, not in percent.
        rounding: half a unit of the last digit that is reported.
    """

    metric: str
    value: float
    rounding: float

    def matches(self, value: float) -> bool:
        """Return whether a value rounds to the reported figure."""
        return abs(value - self.value) <= self.rounding * (1 + 1e-9)


@dataclass(frozen=True)
class Claims:
    """What is claimed of a model, and what is reported beside it.

    Attributes:
        figures: reported of the test rows.
        resources: names of quantum resources that are said to be needed, see `resources.offered_resources`.
        rivals: names of trained models that the model is compared with.
        seeds: names of models trained in the same way from other seeds.
        groups: columns of the data set's table whose values must not be on both sides of the split.
    """

    figures: tuple[ClaimedFigure, ...] = ()
    resources: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()
    groups: tuple[str, ...] = field(default=())


def parse_figure(text: str, dataset: DataSet) -> ClaimedFigure:
    """Return a reported figure from text such as "acc2_non0=0.79", "acc2_non0 = 79.1 %" or "mae=.71".

    Shares may be in percent: a value above 1 counts as such.

    Raises:
        InvalidInput: when the text has another form or the value is out of range. NotFound: when the data set has no
            such metric.
    """
    match = _CLAIM.fullmatch(text)
    if match is None or not any(letter.isdigit() for letter in match[2]):
        raise InvalidInput(
            f"A reported figure is written like {metrics.names(dataset)[0]}=0.79 or "
            f"{metrics.names(dataset)[0]}=79.1%, but {text[:60]!r} was given."
        )
    metric = choose("Metric", match[1], metrics.names(dataset))
    digits = len(match[2].partition(".")[2])
    value = float(match[2])
    rounding = 0.5 * 10.0**-digits
    if match[3] or (value > 1 and metric not in UNBOUNDED):
        value = value / 100
        rounding = rounding / 100
    check(
        metric in UNBOUNDED or value <= 1,
        f"The reported figure of {metric} must be a share or a percentage, but is {text[:60]!r}.",
    )
    return ClaimedFigure(metric, value, rounding)
