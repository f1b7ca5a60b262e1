"""Calls whose results ship with the package, see `scripts/ship_results.py`."""

from collections.abc import Callable, Iterator
from typing import Any

from qfusion.plugins.review.students import student_data
from qfusion.study.study import Study

TAUGHT = "qcnn-parity"  # the model whose students tests teach again; of others they take a minute


def shipped_calls(study: Study) -> Iterator[tuple[Callable[..., Any], tuple[Any, ...]]]:
    """Yield functions, each with its arguments but the study."""
    if not student_data.find_obstacle(study):
        yield student_data.teach_students, (0,)


def is_slow(study: Study, function: Callable[..., Any]) -> bool:
    """Return whether tests leave a call out."""
    return study.name != TAUGHT
