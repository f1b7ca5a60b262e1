"""Estimators and pipelines of scikit-learn as functions from a matrix to scores, in the order of the classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.data.targets import class_name
from qfusion.errors import InvalidInput

METHODS = ("predict_proba", "decision_function", "predict")
Predict = Callable[[Tensor], Any]


def is_estimator(model: Any) -> bool:
    """Whether a model is an estimator or a pipeline of scikit-learn, or has its methods."""
    if isinstance(model, (nn.Module, type)):
        return False
    tells = hasattr(model, "predict_proba") or hasattr(model, "decision_function")
    return tells or (hasattr(model, "predict") and not callable(model))


def estimator_method(
    model: Any, columns: Sequence[str], classes: Sequence[str] | None
) -> tuple[Predict, str]:
    """Return a function from a matrix (B, F) to scores, and the name of the method that it calls.

    Args:
        model: an estimator that is fitted.
        columns: names of the F columns. An estimator that was fitted on a table of just these takes them in its order.
        classes: names of the classes, in their order; None for a regression.

    Raises:
        InvalidInput: when an estimator for classes tells no probabilities, one for amounts is given classes, or its
            classes are others.
    """
    if classes is None:
        known = "predict"
    else:
        known = next(name for name in METHODS if hasattr(model, name))
        _check_classifies(model, known)
    method = getattr(model, known)
    names = [str(name) for name in getattr(model, "feature_names_in_", ())]
    has_names = bool(names) and set(names) == set(columns) and len(names) == len(columns)
    own = [] if classes is None else column_classes(model, classes)
    order = [] if classes is None or own == [*classes] else [own.index(name) for name in classes]

    def predict(matrix: Tensor) -> Any:
        table: Any = matrix.numpy()
        if has_names:
            table = pd.DataFrame(table, columns=list(columns))[names]
        result = np.asarray(method(table))
        if not order:
            return result
        if result.ndim == 2 and result.shape[1] == len(order):
            return result[:, order]
        return -result  # of two classes in the other order

    return predict, known


def lacking_columns(model: Any, columns: Sequence[str]) -> list[str]:
    """Return the names of the columns that an estimator was fitted on and that are not among `columns`."""
    names = [str(name) for name in getattr(model, "feature_names_in_", ())]
    return [name for name in names if name not in columns] if set(names) & set(columns) else []


def _check_classifies(model: Any, method: str) -> None:
    if method != "predict":
        return
    kind = getattr(model, "_estimator_type", "") or _estimator_type(model)
    if kind == "regressor":
        raise InvalidInput(
            "The model is a regressor, but the targets are whole numbers or words, which are taken for classes. Give "
            "amounts as floating-point numbers, such as `y.astype(float)`."
        )
    raise InvalidInput(
        "The scikit-learn model only predicts classes, without probabilities. Train one with `predict_proba` or "
        "`decision_function`, or wrap it in `sklearn.calibration.CalibratedClassifierCV`."
    )


def _estimator_type(model: Any) -> str:
    try:
        return str(model.__sklearn_tags__().estimator_type)
    except Exception:  # of a model that only looks like one of scikit-learn
        return ""


def column_classes(model: Any, classes: Sequence[str]) -> list[str]:
    """Return the classes of an estimator's columns in their order: its `classes_`, where these are not just numbers.

    Args:
        model: an estimator, or another model, whose columns are taken to have the order of the data set.
        classes: names of the classes of the data set, in their order.

    Raises:
        InvalidInput: when an estimator of named classes lacks some of the data set.
    """
    own = [class_name(label) for label in getattr(model, "classes_", ())]
    if set(own) == set(classes):
        return own
    numbered = own == [str(place) for place in range(len(own))]
    check(
        not own or (numbered and len(own) == len(classes)),
        f"The scikit-learn model knows the classes {', '.join(own[:10])}, but the targets have "
        f"{', '.join(list(classes)[:10])}. Give the targets that it was fitted on, or name its classes in `classes`.",
    )
    return list(classes)
