"""Classifiers whose scores are log-odds, so that what is explained is the decision.

Softmax does not change when one number is added to the scores of all classes, so a single raw score says nothing about
the decision. For C classes with raw scores z the functions here return a model with the same probabilities whose
scores are

    s_c = z_c - mean of z_k over k != c        log-odds of class c against the others (for two classes: the log-odds)
    s_c = z_c - z_b                            log-odds of class c against class b

in nats. Both are linear in z. Where a model has a linear head the map is applied to its weights, so observables,
coalitions, slopes and circuits follow without other code; elsewhere it is applied to the scores.
"""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.models.base import FusionModel

Model = TypeVar("Model", bound=FusionModel)

AGAINST_OTHERS = "log-odds against the other classes"


def log_odds_against_others(model: Model) -> Model:
    """Return a classifier whose scores are the log-odds of each class against the mean of the others.

    Args:
        model: of C outputs. A model of one output is returned as it is, as is one whose scores are log-odds already.

    Returns:
        A model that shares the weights of `model` except its head. Multiply its scores by `logit_scale` before a
        softmax.
    """
    C = len(model.outputs)
    if C < 2 or model.score_kind:
        return model
    return _map_scores(model, others_matrix(C), (C - 1) / C, AGAINST_OTHERS)


def log_odds_against_class(model: Model, reference: int) -> Model:
    """Return a classifier whose scores are the log-odds of each class against one class.

    Args:
        model: of C >= 2 outputs; its scores may be raw or log-odds against the others.
        reference: number of the class to compare with.

    Raises:
        InvalidInput: when there is no such class.
    """
    C = len(model.outputs)
    check(
        C >= 2 and 0 <= reference < C,
        f"Argument `reference` must number one of the {C} classes from 0, but is {reference}.",
    )
    difference = torch.eye(C, dtype=torch.float64)
    difference[:, reference] -= 1
    matrix = model.logit_scale * difference
    return _map_scores(model, matrix, 1.0, f"log-odds against class {reference}")


def centre_scores(model: Model) -> Model:
    """Return a classifier with the same probabilities whose raw scores add up to 0.

    What all classes share, the mean of their weights, is subtracted from its head.

    Args:
        model: of C >= 2 outputs, with a linear head.

    Raises:
        InvalidInput: when it has one output, or no such head.
    """
    C = len(model.outputs)
    check(
        C >= 2,
        "A model of one output has no classes that share a part of their scores. Leave `centre_scores` out.",
    )
    check(
        bool(model.head_parameters()),
        f"A model of kind {model.kind} has no linear head from which a part that all classes share can be "
        "subtracted. Leave `centre_scores` out.",
    )
    matrix = torch.eye(C, dtype=torch.float64) - 1 / C
    return _map_scores(model, matrix, model.logit_scale, model.score_kind)


def others_matrix(C: int) -> Tensor:
    """Return the matrix (C, C) from raw scores to the log-odds of each class against the others."""
    return (C * torch.eye(C, dtype=torch.float64) - 1) / (C - 1)


@torch.no_grad()
def _map_scores(model: Model, matrix: Tensor, logit_scale: float, kind: str) -> Model:
    """Return a model whose scores are matrix @ scores of the given model."""
    other = copy.copy(model)
    other.logit_scale = logit_scale
    other.score_kind = kind
    paths = model.head_parameters()
    if not paths:
        other.map_scores(matrix)
        return other
    for path in paths:
        _replace_parameter(other, path.split("."), matrix)
    return other


def _replace_parameter(module: nn.Module, path: list[str], matrix: Tensor) -> None:
    """Replace a parameter by its product with a matrix along the first axis, in copies of the modules on its path."""
    name = path[0]
    if len(path) > 1:
        child = copy.copy(module._modules[name])
        assert child is not None
        module._modules = {**module._modules, name: child}
        _replace_parameter(child, path[1:], matrix)
        return
    weights = module._parameters[name]
    assert weights is not None
    mapped = torch.tensordot(matrix.to(weights), weights, 1)
    module._parameters = {**module._parameters, name: nn.Parameter(mapped, requires_grad=False)}
