"""How a user's model is called with the modalities of a data set, and what it returns as a table of numbers.

a function or module   in one of the styles of `arrangements`, with the arrays in the form that the user gave them
a scikit-learn model   with all features side by side, by `predict_proba`, `decision_function` or `predict`"""

from __future__ import annotations

import contextlib
import copy
import inspect
import sys
import threading
import types
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from qfusion._checks import check, choose
from qfusion._sentences import listed
from qfusion.adapters import arguments, gates
from qfusion.adapters.arguments import STORED, STYLES, Arrange, Forms, arrange_by, likely_styles
from qfusion.data import Modality
from qfusion.errors import InvalidInput, QFusionError

OUTPUTS = ("logits", "scores", "probabilities", "probs", "predictions", "prediction", "output", "M")


@dataclass(frozen=True, eq=False)
class ModelCall:
    """A user's model as a function from features to columns.

    Attributes:
        model: that is called; a module is a copy in evaluation mode and double precision where it runs in that.
        style: of STYLES, or the method of a scikit-learn model.
        dtype: of the features that it takes.
        forms: in which it takes them.
        taken: the one of its outputs that is taken, see `find_columns`; empty where it returns nothing else.
        finish: what is made of its columns, if anything.
    """

    model: Any
    style: str
    dtype: torch.dtype
    _arrange: Arrange
    forms: Forms = STORED
    taken: str = ""
    finish: Callable[[Tensor], Tensor] | None = None

    def __call__(self, features: Mapping[str, Any]) -> Tensor:
        """Return the columns (B, K), float64, for features by modality.

        Raises:
            InvalidInput: when the model raises, or returns no table with one row a sample.
        """
        return self._finished(self.find_output(features)[1])

    def find_output(
        self, features: Mapping[str, Any], counts: Container[int] = ()
    ) -> tuple[str, Tensor]:
        """Return the output that is taken, and its columns (B, K), see `find_columns`."""
        rows = len(_values(next(iter(features.values()))))
        arguments, named = self._arrange(_copied(features, self.dtype))
        with silenced_output():
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
        return find_columns(result, rows, counts, self.taken)

    def _finished(self, columns: Tensor) -> Tensor:
        return columns if self.finish is None else self.finish(columns)

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
            with torch.enable_grad(), silenced_output():
                arguments, named = self._arrange(_copied(tracked, self.dtype))
                result = self.model(*arguments, **named)
                columns = find_columns(result, len(weights), (), self.taken, detach=False)[1]
                columns = self._finished(columns)
            if not columns.requires_grad:
                return {}
            slopes = torch.autograd.grad(
                columns, list(leaves.values()), weights, allow_unused=True, materialize_grads=True
            )
        except Exception:  # whatever a model raises that is not differentiable
            return {}
        return dict(zip(leaves, slopes, strict=True))


def call_model(
    model: Any,
    modalities: Sequence[Modality],
    rows: Mapping[str, Any],
    style: str = "",
    classes: Sequence[str] | None = None,
) -> ModelCall:
    """Return a user's model as a function from features to columns.

    Of the ways to call it, the first is taken in which it runs and returns as many columns as there are classes, or one
    for two classes or an amount; else the first in which it runs.

    Args:
        model: a function, a `torch.nn.Module`, or an estimator or pipeline of scikit-learn.
        modalities: of the data set, in their order.
        rows: features of a few rows, by which the way of calling is tried.
        style: of STYLES; found unless given.
        classes: names of the classes, in their order; None for a regression.

    Raises:
        InvalidInput: when no way of calling it works.
        NotFound: when there is no such style.
    """
    if style:
        choose("Argument `call`", style, STYLES)
    names = [part.name for part in modalities]
    if arguments.is_estimator(model):
        return _call_estimator(model, modalities, rows, classes)
    for opener in gates.openers():
        model = opener.as_function(model)
    is_class = isinstance(model, type)
    described = f"a {type(model).__name__}"
    advice = ""
    if is_class:
        described = f"the class {model.__name__}"
        advice = " Make an instance of it."
    check(
        callable(model) and not is_class,
        "Argument `model` must be a function, a torch.nn.Module, a scikit-learn estimator or a model of qfusion, but "
        f"is {described}.{advice}",
    )
    # what torch.compile made is explained as it was written: it would compile again for every number of rows
    model = getattr(model, "_orig_mod", getattr(model, "_torchdynamo_orig_callable", model))
    counts = {1} if classes is None else {len(classes), *([1] if len(classes) == 2 else [])}
    styles = [style] if style else likely_styles(model, names)
    first: ModelCall | None = None
    problem = ""
    for own, dtype in _precisions(model):
        for likely in styles:
            for forms in _forms(modalities) if likely != "joined" else [STORED]:
                call = ModelCall(own, likely, dtype, arrange_by(model, likely, names, forms), forms)
                try:
                    taken, columns = call.find_output(rows, counts)
                except InvalidInput as error:
                    problem = problem or f"{error} {_describe_given(rows, forms)}"
                    continue
                call = replace(call, taken=taken)
                if columns.shape[1] in counts:
                    return call
                first = first or call
        if first is not None:
            return first
    raise InvalidInput(problem or "The model cannot be called.")


def _call_estimator(
    model: Any,
    modalities: Sequence[Modality],
    rows: Mapping[str, Any],
    classes: Sequence[str] | None,
) -> ModelCall:
    columns = [feature for part in modalities for feature in part.feature_names]
    predict, method = arguments.estimator_method(model, columns, classes)
    names = [part.name for part in modalities]
    call = ModelCall(predict, method, torch.float64, arrange_by(predict, "joined", names))
    try:
        call(rows)
    except InvalidInput as error:
        lacking = arguments.lacking_columns(model, columns)
        hint = f"It was given a matrix of the {len(columns)} features of {listed(names)}, in this order."
        if lacking:
            hint += f" It was fitted on column '{lacking[0]}', which no modality holds: encode it as numbers first."
        raise InvalidInput(f"{error} {hint}") from error
    return call


def _precisions(model: Any) -> Iterator[tuple[Any, torch.dtype]]:
    """Yield copies of a model in double precision and as it is, with the type of features that each takes."""
    if inspect.ismethod(model) and isinstance(model.__self__, nn.Module):
        for owner, dtype in _precisions(model.__self__):
            yield types.MethodType(model.__func__, owner), dtype
        return
    if not isinstance(model, nn.Module):
        yield model, torch.float64
        yield model, torch.float32
        return
    own = next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)
    places = {str(parameter.device) for parameter in model.parameters()}
    check(
        "meta" not in places,
        "The model's weights are on the device meta, so they have no values. Load them first.",
    )
    check(
        places <= {"cpu"},
        f"The model's weights are on {', '.join(sorted(places))}. Move it to the CPU with `model.cpu()` first; it is "
        "explained there.",
    )
    with contextlib.suppress(Exception):  # a model that cannot be copied is called as it is
        exact = copy.deepcopy(model).double().eval()
        for opener in gates.openers():
            opener.make_exact(exact)
        yield exact, torch.float64
        yield copy.deepcopy(model).eval(), own
        return
    check(
        not model.training,
        "The model is in training mode and cannot be copied. Call `model.eval()` first.",
    )
    yield model, own


def _forms(modalities: Sequence[Modality]) -> list[Forms]:
    """Return the forms in which a model may take its features, the likeliest first: as a user gave them, with token
    numbers as whole numbers, and as a data set stores them.
    """
    given = {part.name: part.given for part in modalities if part.given is not None}
    whole = frozenset(name for name, form in given.items() if form.whole)
    forms = [Forms(given), Forms(given, whole), STORED] if whole else [Forms(given), STORED]
    return forms if given else [STORED]


def _values(features: Any) -> Tensor:
    return features[0] if isinstance(features, tuple) else features


def _copied(features: Mapping[str, Any], dtype: torch.dtype) -> dict[str, Any]:
    """Return a copy of features for one call, which a model may write into."""
    return {
        name: (value[0].to(dtype, copy=True), value[1].clone())
        if isinstance(value, tuple)
        else value.to(dtype, copy=True)
        for name, value in features.items()
    }


def _describe_given(features: Mapping[str, Any], forms: Forms) -> str:
    """Return sentences on the arrays that a model was given."""
    shapes = [
        f"{name} {tuple(forms.values(name, value).shape)}" for name, value in features.items()
    ]
    sentence = f"It was given {listed(shapes)}."
    sequences = [name for name, value in features.items() if isinstance(value, tuple)]
    if sequences:
        sentence += (
            f" The mask of {sequences[0]} is given to an argument called `{sequences[0]}_mask`."
        )
    return sentence


def find_columns(
    result: Any, rows: int, counts: Container[int], taken: str = "", detach: bool = True
) -> tuple[str, Tensor]:
    """Return which output of a model is taken, such as "`logits`" or "2 of 3", and its columns (B, K), float64.

    Args:
        result: a tensor or array (B,) or (B, K), of which the name is empty; or a dictionary, a data class or an output
            of `transformers`, of which the entry of a name of `OUTPUTS` is taken, else the first such that has as many
            columns as `counts`, else the first such; or a list or tuple of them.
        rows: B.
        counts: numbers of columns that fit the targets.
        taken: the output, where it was found before.
        detach: whether gradients end here.

    Raises:
        InvalidInput: when there is no such array.
    """
    others: list[tuple[str, Tensor]] = []
    for name, value in _candidates(result):
        if taken and name != taken:
            continue
        columns = torch.as_tensor(np.array(value) if isinstance(value, np.ndarray) else value)
        columns = columns.detach().cpu() if detach else columns
        if columns.is_complex():
            continue
        columns = columns.double()
        if columns.ndim == 0 and rows == 1:
            columns = columns[None]
        if columns.ndim >= 1 and len(columns) == rows:
            columns = columns.reshape(rows, -1) if rows else columns.reshape(0, 1)
        elif columns.ndim == 1 and rows == 1:
            columns = columns[None]
        else:
            continue
        if columns.shape[1] in counts or name.strip("`") in OUTPUTS:
            return name, columns
        others.append((name, columns))
    if others:
        return others[0]
    raise InvalidInput(
        f"The model must return scores with one row for each of {rows} samples, (B,) or (B, K), but returns "
        f"{_describe(result)}."
    )


def _candidates(result: Any) -> Iterator[tuple[str, Any]]:
    """Yield the arrays in what a model returned that may be its scores with their names, the likeliest first."""
    if isinstance(result, (Tensor, np.ndarray, float, int)):
        yield "", result
        return
    by_name = result if isinstance(result, Mapping) else getattr(result, "__dict__", {})
    if not isinstance(result, (list, tuple)) or hasattr(result, "_fields"):
        named = {name: by_name.get(name, getattr(result, name, None)) for name in OUTPUTS}
        for name, value in named.items():
            if isinstance(value, (Tensor, np.ndarray)):
                yield f"`{name}`", value
    if isinstance(result, (list, tuple)):
        entries = {f"{k + 1} of {len(result)}": entry for k, entry in enumerate(result)}
    else:
        entries = {f"`{name}`": entry for name, entry in by_name.items()}
    values = list(entries.values())
    if values and all(isinstance(entry, (float, int)) for entry in values):
        yield "", np.asarray(values, dtype=float)
        return
    if values and all(isinstance(entry, (list, tuple)) for entry in values):
        with contextlib.suppress(ValueError, TypeError):  # rows of lists that are no numbers
            yield "", np.asarray(values, dtype=float)
        return
    if values and isinstance(result, (list, tuple)) and _are_columns(values):
        yield "", torch.stack([torch.as_tensor(entry) for entry in values], -1)
        return
    for name, entry in sorted(entries.items(), key=lambda item: "att" in item[0].lower()):
        if isinstance(entry, (Tensor, np.ndarray)) and np.ndim(entry) > 0:
            yield name if len(entries) > 1 else "", entry
    if hasattr(result, "__array__"):
        yield "", np.asarray(result)


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


_lock = threading.Lock()
_silent: dict[int, int] = {}  # threads whose output is dropped, with the number of their calls


class _Output:
    """Standard output that drops what threads in `_silent` write.

    Args:
        original: that others write to.
    """

    def __init__(self, original: Any):
        self.original = original

    def write(self, text: str) -> int:
        """Write text, or drop it."""
        if threading.get_ident() in _silent:
            return len(text)
        return int(self.original.write(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.original, name)


@contextmanager
def silenced_output() -> Iterator[None]:
    """Context manager that drops what this thread writes to standard output."""
    thread = threading.get_ident()
    with _lock:
        _silent[thread] = _silent.get(thread, 0) + 1
        if not isinstance(sys.stdout, _Output):
            sys.stdout = _Output(sys.stdout)
    try:
        yield
    finally:
        with _lock:
            _silent[thread] -= 1
            if not _silent[thread]:
                del _silent[thread]
            if not _silent and isinstance(sys.stdout, _Output):
                sys.stdout = sys.stdout.original
