"""How a user's model is called with the modalities of a data set, and what it returns as a table of numbers.

a function or module   by the names of its arguments: `text`, `audio`, with `text_mask` and `text_lengths` where it
                       takes them; else in the order of the modalities; else with one argument, all features side
                       by side or a dictionary
a scikit-learn model   with all features side by side, by `predict_proba`, `decision_function` or `predict`
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from qfusion._checks import check, choose
from qfusion.errors import InvalidInput, QFusionError
from qfusion.live import silence

STYLES = ("names", "order", "joined", "dict")
Arranged = Callable[[Mapping[str, Any]], tuple[tuple[Any, ...], dict[str, Any]]]


@dataclass(frozen=True, eq=False)
class ModelCall:
    """A user's model as a function from features to columns.

    Attributes:
        model: that is called; a module is a copy in evaluation mode and double precision where it runs in that.
        style: of STYLES, or the method of a scikit-learn model.
        dtype: of the features that it takes.
    """

    model: Any
    style: str
    dtype: torch.dtype
    _arrange: Arranged

    def __call__(self, features: Mapping[str, Any]) -> Tensor:
        """Return the columns (B, K), float64, for features by modality.

        Raises:
            InvalidInput: when the model raises, or returns no table with one row a sample.
        """
        rows = len(_values(next(iter(features.values()))))
        arguments, named = self._arrange(_cast(features, self.dtype))
        with silence.silenced_output():
            try:
                with torch.no_grad():
                    result = self.model(*arguments, **named)
            except QFusionError:
                raise
            except Exception as error:  # whatever a user's model raises
                raise InvalidInput(
                    f"The model fails on {rows} rows ({type(error).__name__}: {str(error)[:300]}). Correct it, or how "
                    "it is called (`call`)."
                ) from error
        return to_columns(result, rows)

    def slopes(self, features: Mapping[str, Any], weights: Tensor) -> dict[str, Tensor]:
        """Return the gradients of the sum of columns times `weights` (B, K), by modality; empty where the model has no
        gradients of torch.
        """
        leaves = {
            name: _values(value).detach().clone().requires_grad_()
            for name, value in features.items()
        }
        tracked = {
            name: (leaves[name], value[1]) if isinstance(value, tuple) else leaves[name]
            for name, value in features.items()
        }
        try:
            with torch.enable_grad(), silence.silenced_output():
                arguments, named = self._arrange(_cast(tracked, self.dtype))
                columns = to_columns(self.model(*arguments, **named), len(weights), detach=False)
            if not columns.requires_grad:
                return {}
            slopes = torch.autograd.grad(
                columns, list(leaves.values()), weights, allow_unused=True, materialize_grads=True
            )
        except Exception:  # whatever a model raises that is not differentiable
            return {}
        return dict(zip(leaves, slopes, strict=True))


def call_model(
    model: Any, modalities: Sequence[str], rows: Mapping[str, Any], style: str = ""
) -> ModelCall:
    """Return a user's model as a function from features to columns.

    Args:
        model: a function, a `torch.nn.Module`, or an estimator or pipeline of scikit-learn.
        modalities: names, in their order.
        rows: features of a few rows, by which the way of calling is tried.
        style: of STYLES; found unless given.

    Raises:
        InvalidInput: when no way of calling it works.
        NotFound: when there is no such style.
    """
    if style:
        choose("Argument `call`", style, STYLES)
    if _is_estimator(model):
        return _call_estimator(model, modalities, rows)
    model = _network_function(model)
    check(
        callable(model),
        f"Argument `model` must be a function, a torch.nn.Module, a scikit-learn estimator or a model of qfusion, but "
        f"is a {type(model).__name__}.",
    )
    styles = [style] if style else _likely_styles(model, modalities)
    problem = ""
    for own, dtype in _precisions(model):
        for likely in styles:
            call = ModelCall(own, likely, dtype, _arranged(own, likely, modalities))
            try:
                columns = call(rows)
            except InvalidInput as error:
                problem = problem or str(error)
                continue
            check(
                columns.ndim == 2,
                f"The model returns an array of shape {tuple(columns.shape)}.",
            )
            return call
    raise InvalidInput(problem or "The model cannot be called.")


def _network_function(model: Any) -> Any:
    """Return a quantum neural network of Qiskit as a function of its inputs; any other model as it is.

    Raises:
        InvalidInput: when it has weights, which it does not hold itself.
    """
    if callable(model) or not (hasattr(model, "num_weights") and hasattr(model, "forward")):
        return model
    check(
        model.num_weights == 0,
        f"Argument `model` is a {type(model).__name__}, which does not hold its {model.num_weights} weights. Give "
        "`TorchConnector(network, weights)`, or a function such as `lambda x: network.forward(x, weights)`.",
    )
    return lambda inputs: model.forward(inputs.numpy(), None)


def _precisions(model: Any) -> Iterator[tuple[Any, torch.dtype]]:
    """Yield copies of a model in double precision and as it is, with the type of features that each takes."""
    if not isinstance(model, nn.Module):
        yield model, torch.float64
        yield model, torch.float32
        return
    own = next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)
    places = {str(parameter.device) for parameter in model.parameters()}
    check(
        places <= {"cpu"},
        f"The model's weights are on {', '.join(sorted(places))}. Move it to the CPU with `model.cpu()` first; it is "
        "explained there.",
    )
    with contextlib.suppress(Exception):  # a model that cannot be copied is called as it is
        exact = copy.deepcopy(model).double().eval()
        if "qiskit_machine_learning" in sys.modules:
            from qfusion.live import qiskit_calls

            qiskit_calls.make_exact(exact)
        yield exact, torch.float64
    with contextlib.suppress(Exception):
        yield copy.deepcopy(model).eval(), own
    check(
        not model.training,
        "The model is in training mode and cannot be copied. Call `model.eval()` first.",
    )
    yield model, own


def _likely_styles(model: Any, modalities: Sequence[str]) -> list[str]:
    """Return the styles by which a model may be called, the likeliest first."""
    parameters = _parameters(model)
    names = {p.name for p in parameters}
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    required = [
        p
        for p in parameters
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    if set(modalities) <= names or (takes_any and not required):
        return ["names"]
    if len(required) == 1 < len(modalities) or (len(required) == 1 == len(modalities)):
        return ["joined", "dict"]
    return ["order", "joined", "dict"]


def _parameters(model: Any) -> list[inspect.Parameter]:
    called = model.forward if isinstance(model, nn.Module) else model
    called = getattr(called, "func", called) if not inspect.isfunction(called) else called
    try:
        return list(inspect.signature(called).parameters.values())
    except (TypeError, ValueError):
        return []


def _arranged(model: Any, style: str, modalities: Sequence[str]) -> Arranged:
    """Return how features become the arguments of a call."""
    if style == "names":
        parameters = _parameters(model)
        names = {p.name for p in parameters}
        takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)

        def by_names(features: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
            named: dict[str, Any] = {}
            for name in modalities:
                if name in names or takes_any:
                    named[name] = _values(features[name])
                if isinstance(features[name], tuple):
                    mask = features[name][1]
                    extra = {f"{name}_mask": mask, f"{name}_lengths": mask.sum(1)}
                    named |= {key: value for key, value in extra.items() if key in names}
            return (), named

        return by_names
    if style == "order":
        return lambda features: (tuple(_values(features[name]) for name in modalities), {})
    if style == "dict":
        return lambda features: (({name: features[name] for name in modalities},), {})
    return lambda features: ((joined_features(features, modalities),), {})


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


def _values(features: Any) -> Tensor:
    return features[0] if isinstance(features, tuple) else features


def _cast(features: Mapping[str, Any], dtype: torch.dtype) -> dict[str, Any]:
    return {
        name: (value[0].to(dtype), value[1]) if isinstance(value, tuple) else value.to(dtype)
        for name, value in features.items()
    }


def _is_estimator(model: Any) -> bool:
    return not isinstance(model, (nn.Module, type)) and hasattr(model, "predict")


def _call_estimator(model: Any, modalities: Sequence[str], rows: Mapping[str, Any]) -> ModelCall:
    known = [
        name for name in ("predict_proba", "decision_function", "predict") if hasattr(model, name)
    ]
    method = getattr(model, known[0])

    def predict(matrix: Tensor) -> Any:
        return method(matrix.numpy())

    call = ModelCall(
        predict, known[0], torch.float64, lambda f: ((joined_features(f, modalities),), {})
    )
    call(rows)
    return call


def to_columns(result: Any, rows: int, detach: bool = True) -> Tensor:
    """Return what a model returned as columns (B, K), float64.

    Args:
        result: a tensor or array (B,) or (B, K); a dictionary or list whose first such entry is taken; or an output of
            `transformers` with `logits`.
        rows: B.
        detach: whether gradients end here.

    Raises:
        InvalidInput: when there is no such array.
    """
    for value in _candidates(result):
        columns = torch.as_tensor(value)
        columns = columns.detach().cpu() if detach else columns
        if columns.is_complex():
            continue
        columns = columns.double()
        if columns.ndim == 0 and rows == 1:
            columns = columns[None]
        if columns.ndim >= 1 and len(columns) == rows:
            return columns.reshape(rows, -1) if rows else columns.reshape(0, 1)
        if columns.ndim == 1 and rows == 1:
            return columns[None]
    raise InvalidInput(
        f"The model must return scores with one row for each of {rows} samples, (B,) or (B, K), but returns "
        f"{_describe(result)}."
    )


def _candidates(result: Any) -> Iterator[Any]:
    if hasattr(result, "logits"):
        yield result.logits
        return
    if isinstance(result, (Tensor, np.ndarray, float, int)):
        yield result
        return
    values = result.values() if isinstance(result, Mapping) else result
    if isinstance(values, (list, tuple)) or isinstance(result, Mapping):
        entries = list(values)
        if entries and all(isinstance(entry, (float, int)) for entry in entries):
            yield np.asarray(entries, dtype=float)
            return
        if entries and isinstance(result, (list, tuple)) and _are_columns(entries):
            yield torch.stack([torch.as_tensor(entry) for entry in entries], -1)
        for entry in entries:
            if isinstance(entry, (Tensor, np.ndarray)):
                yield entry
    elif hasattr(result, "__array__"):
        yield np.asarray(result)


def _are_columns(entries: list[Any]) -> bool:
    """Whether entries are expectations, one array (B,) or number each, as QNodes return them."""
    shapes = {
        tuple(np.shape(entry)) for entry in entries if isinstance(entry, (Tensor, np.ndarray))
    }
    return (
        len(shapes) == 1
        and len(next(iter(shapes))) <= 1
        and all(isinstance(entry, (Tensor, np.ndarray)) for entry in entries)
    )


def _describe(result: Any) -> str:
    shape = getattr(result, "shape", None)
    kind = type(result).__name__
    return f"a {kind} of shape {tuple(shape)}" if shape is not None else f"a {kind}"
