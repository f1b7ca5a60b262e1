"""How the features of a data set become the arguments of a user's model.

Estimators and pipelines of scikit-learn are functions from one matrix to scores, in the order of the classes."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.data.modality_spec import GivenForm, restore, round_whole
from qfusion.data.targets import class_name
from qfusion.errors import InvalidInput

STYLES = ("names", "order", "joined", "dict")
Arguments = tuple[tuple[Any, ...], dict[str, Any]]
Arrange = Callable[[Mapping[str, Any]], Arguments]


@dataclass(frozen=True)
class Forms:
    """The forms in which a model takes the features of modalities; those of a data set unless named.

    Attributes:
        given: by modality, the form that a user gave it in.
        whole: modalities that the model takes as whole numbers, int64.
    """

    given: Mapping[str, GivenForm]
    whole: frozenset[str] = frozenset()

    def values(self, name: str, features: Any) -> Tensor:
        """Return the values of one modality as the model takes them."""
        values: Tensor = features[0] if isinstance(features, tuple) else features
        form = self.given.get(name)
        if form is not None:
            values = restore(values, form, isinstance(features, tuple))
        return round_whole(values) if name in self.whole else values


STORED = Forms({})


def likely_styles(model: Any, modalities: Sequence[str]) -> list[str]:
    """Return the styles by which a model may be called, the likeliest first."""
    parameters = parameters_of(model)
    names = {p.name for p in parameters}
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    required = [
        p
        for p in parameters
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    if set(modalities) <= names:
        return ["names"]
    if takes_any and not required:
        return ["names", "order", "joined", "dict"]
    if len(required) == 1:
        return ["joined", "dict"]
    return ["order", "joined", "dict"]


def parameters_of(model: Any) -> list[inspect.Parameter]:
    """Return the parameters of a function, a module's `forward`, or another callable; none where they are unknown."""
    called = model.forward if isinstance(model, nn.Module) else model
    if not isinstance(called, functools.partial) and not inspect.isroutine(called):
        called = getattr(called, "func", called)
    try:
        return list(inspect.signature(called).parameters.values())
    except (TypeError, ValueError):
        return []


def arrange_by(model: Any, style: str, modalities: Sequence[str], forms: Forms = STORED) -> Arrange:
    """Return how features by modality become the arguments of a call.

    Args:
        model: that is called. style: of `STYLES`.
        modalities: names, in their order.
        forms: in which the model takes them; side by side they are as stored.
    """
    if style == "names":
        return _by_names(model, modalities, forms)
    if style == "order":
        return lambda features: (
            tuple(forms.values(name, features[name]) for name in modalities),
            {},
        )
    if style == "dict":
        return lambda features: (
            ({name: _with_mask(name, features[name], forms) for name in modalities},),
            {},
        )
    return lambda features: ((joined_features(features, modalities),), {})


def _by_names(model: Any, modalities: Sequence[str], forms: Forms) -> Arrange:
    parameters = parameters_of(model)
    names = {p.name for p in parameters}
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)

    def arrange(features: Mapping[str, Any]) -> Arguments:
        sequences = [name for name in modalities if isinstance(features[name], tuple)]
        named: dict[str, Any] = {}
        for name in modalities:
            if name in names or takes_any:
                named[name] = forms.values(name, features[name])
        for name in sequences:
            mask = features[name][1]
            own = (f"{name}_", "") if len(sequences) == 1 else (f"{name}_",)
            for start in own:
                extra = {
                    f"{start}mask": mask,
                    f"{start}attention_mask": mask.long(),
                    f"{start}lengths": mask.sum(1),
                }
                named |= {key: value for key, value in extra.items() if key in names}
        return (), named

    return arrange


def _with_mask(name: str, features: Any, forms: Forms) -> Any:
    values = forms.values(name, features)
    return (values, features[1]) if isinstance(features, tuple) else values


def joined_features(features: Mapping[str, Any], modalities: Sequence[str]) -> Tensor:
    """Return the features of all modalities side by side, (B, F), sequences by the means over their steps."""
    parts = []
    for name in modalities:
        values = features[name]
        if isinstance(values, tuple):
            steps, mask = values
            values = (steps * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).clamp_min(1)
        parts.append(values)
    return torch.cat(parts, 1)


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
