"""Calls whose results ship with the package, see `scripts/ship_results.py`."""

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

from qfusion.plugins.generator import summary
from qfusion.study.study import Study

MODELS = (  # whose modes ship: each takes up to five minutes of a core
    "qj-avagree",
    "qj-avparity",
    "qj-easyvqa",
    "qj-parity",
    "qj-planted",
    "qj-scenes",
)
QUICK_DIMENSION = 16  # largest D of a system whose modes are computed within seconds


def shipped_calls(study: Study) -> Iterator[tuple[Callable[..., Any], tuple[Any, ...]]]:
    """Yield functions, each with its arguments but the study."""
    if study.name in MODELS:
        yield summary.share_modes, ("",)
        yield summary.describe_spectrum, ("",)


def is_slow(study: Study, function: Callable[..., Any]) -> bool:
    """Return whether tests leave a call out."""
    return prod(study.model.dims) > QUICK_DIMENSION
