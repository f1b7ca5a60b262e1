"""How a user's model is tried before it is opened: its time, its scatter, and whether rows depend on each other.

The quickest call that gives the same is found: circuits for all rows at once, several processes, or as it is."""

from __future__ import annotations

import contextlib
import functools
import inspect
import math
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from qfusion import _progress
from qfusion._checks import check
from qfusion.adapters import calls
from qfusion.adapters.calls import ModelCall
from qfusion.data import DataSet
from qfusion.data.target_spec import Target
from qfusion.errors import InvalidInput
from qfusion.models import evaluation, live_model
from qfusion.models.protocols import CircuitSource

ROWS = 10  # by which a model is tried


QUICK = 0.1  # seconds that a model is timed for


MANY = 200  # times these rows, at most, which are timed at once


TIMINGS = 3  # of which the smallest counts: another program may slow down any of them


MAX_SECONDS = 1800.0  # for the scores of all samples


LONG = 60.0  # seconds of opening that a user is warned of


RUNS = 2  # of every sample while it is opened


ZERO = 1e-30  # probability: amplitudes that should cancel leave some 1e-32


def time_call(
    called: live_model.Call, rows: Mapping[str, Any]
) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Return the columns (B, K) that two calls give for a few rows, and the seconds that a row takes: of a quick model,
    in a large batch.
    """
    columns, first = clocked(called, rows)
    again, second = clocked(called, rows)
    seconds, times = min(first, second), 1
    while times < MANY and seconds < QUICK / 2:
        times = min(MANY, int(times * QUICK / max(seconds, 1e-6)))
        many = evaluation.nested_tiled(dict(rows), times)
        seconds = min(clocked(called, many)[1] for _ in range(TIMINGS))
    return columns, again, seconds / (times * len(columns))


def quickest_call(
    model: Any,
    source: CircuitSource | None,
    called: calls.ModelCall,
    rows: Mapping[str, Any],
    columns: torch.Tensor,
    seconds: float,
) -> tuple[live_model.Call, float]:
    """Return the quickest call of a model that gives the same, and the seconds that a row takes: with its circuits
    evaluated for all rows at once, in several processes, or as it is.
    """
    quick = None if source is None else quick_call(source, rows, columns)
    if quick is not None:
        _, _, quick_seconds = time_call(quick, rows)
        if quick_seconds < seconds:
            return quick, quick_seconds
    if hasattr(model, "circuit_source"):  # which is evaluated in batches
        return called, seconds
    return parallel_call(called, seconds, rows, columns), seconds


def clocked(called: live_model.Call, rows: Mapping[str, Any]) -> tuple[torch.Tensor, float]:
    """Return the columns (B, K) of rows, and the seconds that the call took."""
    began = time.perf_counter()
    columns = called(rows)
    return columns, time.perf_counter() - began


def check_duration(seconds: float, dataset: DataSet) -> None:
    """Check that the scores of all samples do not take too long.

    Args:
        seconds: that a row takes.
    """
    expected = seconds * len(dataset)
    check(
        expected <= MAX_SECONDS,
        f"The model takes {seconds:.2g} seconds for a row, so that the scores of {len(dataset):,} samples would take "
        f"{expected / 60:,.0f} minutes. Give fewer samples: at most {int(MAX_SECONDS / seconds):,}.",
    )


def largest_difference(first: torch.Tensor, second: torch.Tensor) -> float:
    """Return the largest difference of two tensors where both are finite; 0 where they nowhere are."""
    both = first.isfinite() & second.isfinite()
    return float((first - second)[both].abs().max()) if bool(both.any()) else 0.0


def check_independent(
    model: Any,
    called: calls.ModelCall,
    rows: Mapping[str, Any],
    together: torch.Tensor,
    size: float,
) -> None:
    """Check that rows get the same scores alone, in threes and all together."""
    for step in (1, 3):
        parts = []
        for start in range(0, len(together), step):
            some = evaluation.nested_part(dict(rows), slice(start, start + step))
            try:
                parts.append(called(some))
            except InvalidInput:
                check_evaluates(model)
                raise
        check(
            all(part.shape[1] == together.shape[1] for part in parts),
            f"The model returns {together.shape[1]} numbers a row for {len(together)} rows, but "
            f"{parts[0].shape[1]} for {step}. Its output must have one shape for any number of rows.",
        )
        apart = largest_difference(torch.cat(parts), together)
        if apart > size:
            check_evaluates(model)
        check(
            apart <= size,
            f"The scores of a row depend on the other rows of a batch, by up to {apart:.2g}, as with batch "
            "normalisation in training mode. Call `model.eval()`, or score rows one by one; circuits with shots need a "
            "simulator without a fixed seed.",
        )


def has_certainty(called: calls.ModelCall, holds: str, dataset: DataSet, seconds: float) -> bool:
    """Return whether a model gives probabilities of 0 or 1 for training rows, as many as a second allows."""
    if holds not in ("probabilities", "log-probabilities"):
        return False
    smallest = ZERO if holds == "probabilities" else math.log(ZERO)
    rows = dataset.rows("train")[: max(ROWS, int(1 / max(seconds, 1e-6)))]
    for block in dataset.blocks(rows):
        columns = called(dataset.inputs(block, torch.float64))
        if columns.shape[1] == 1:
            whole = 1 - columns if holds == "probabilities" else (-columns.expm1()).log()
            columns = torch.cat([columns, whole], 1)
        if bool((columns <= smallest).any()):
            return True
    return False


def clip(columns: torch.Tensor, holds: str, least: float) -> torch.Tensor:
    """Return probabilities, or their logarithms, that are at least so large and so far from 1."""
    ends = (least, 1 - least) if holds == "probabilities" else (math.log(least), math.log1p(-least))
    return columns.clamp(*ends)


def class_probability(columns: torch.Tensor, holds: str, count: int, place: int) -> torch.Tensor:
    """Return the probability (B, 1) of one of so many classes."""
    scores = live_model.columns_to_scores(columns, holds, count)
    return scores.softmax(1)[:, [place]]


def probability_data(dataset: DataSet, name: str) -> DataSet:
    """Return a data set of classes as one of amounts: 1 where a sample is of a class, and 0 elsewhere."""
    y = (dataset.y == dataset.target.classes.index(name)).astype(float)
    target = Target(
        "regression", f"probability of ‘{name}’", (0.0, 1.0), unit="probability", convention="plain"
    )
    return replace(dataset, target=target, y=np.where(dataset.is_annotated, y, np.nan))


def describe_clipping(least: float, dataset: DataSet) -> str:
    """Return the sentences on a model that gives probabilities of 0 or 1."""
    classes = dataset.target.classes
    return (
        f"It gives probabilities of 0 or 1, whose log-odds are infinite. They are clipped at {least:.2g} and "
        f"{1 - least:.6g}: 1 / (2n + {len(classes)}) is the estimate by Krichevsky and Trofimov (1981) of "
        f"the probability of a class that none of n = {len(dataset.rows('train')):,} training rows has. For "
        f"contributions to a probability itself open it with `probability={classes[-1]!r}`."
    )


def warn_of_time(seconds: float, dataset: DataSet) -> None:
    """Warn where opening takes long: every sample is run twice, for the metrics and for the lists of samples."""
    expected = RUNS * seconds * len(dataset)
    if expected > LONG:
        warnings.warn(
            f"The model takes {seconds:.2g} s a row, so opening {len(dataset):,} samples takes up to "
            f"{expected / 60:.0f} minutes. Interrupt it and give a part of the data for a faster start.",
            stacklevel=4,
        )


EQUAL = 1e-6  # relative difference of two evaluations that are the same, also of a model in single precision


def quick_call(
    source: CircuitSource, rows: Mapping[str, Any], columns: Tensor
) -> live_model.Call | None:
    """Return a call of a model that evaluates its circuits for all rows at once; None where that gives other scores.

    Args:
        source: of its circuit.
        rows: features of some rows. columns: what the model itself gives for these.
    """
    make: Any = getattr(source, "quick_call", None)
    with contextlib.suppress(Exception):  # of a circuit that cannot be evaluated otherwise
        quick: QuickCall | None = make and make(rows)
        if quick is None:
            return None
        apart = (quick(rows) - columns).abs().max()
        if float(apart) <= EQUAL * (1 + float(columns.abs().max())):
            return quick
    return None


class QuickCall:
    """A call of a model whose circuits are evaluated otherwise.

    Args:
        call: of the model. context: makes a context manager for features, inside which they are.

    Attributes:
        model: the user's.
    """

    def __init__(self, call: Any, context: Callable[[Any], contextlib.AbstractContextManager[Any]]):
        self._call, self._context = call, context
        self.model = getattr(call, "model", None)

    def __call__(self, features: Mapping[str, Any]) -> Tensor:
        """Return the columns (B, K) of features."""
        with self._context(features):
            columns: Tensor = self._call(features)
            return columns

    def slopes(self, features: Mapping[str, Any], weights: Tensor) -> dict[str, Tensor]:
        """Return the gradients of the sum of columns times `weights` (B, K), by modality; empty where it has none."""
        slopes: dict[str, Tensor] = self._call.slopes(features, weights)
        return slopes


SLOW = 0.02  # seconds of a row from which on it is worth while
CHUNK = 0.5  # seconds of work that a process is given at a time


class ParallelCall:
    """A model whose rows are shared among processes.

    Args:
        call: of the model. seconds: that a row takes.
        processes: how many.
    """

    def __init__(self, call: ModelCall, seconds: float, processes: int):
        self.model, self.style, self.dtype = call.model, call.style, call.dtype
        self._call, self._processes = call, processes
        self._rows = max(1, round(CHUNK / seconds))

    def __call__(self, features: Mapping[str, Any]) -> Tensor:
        """Return the columns (B, K)."""
        count = evaluation.nested_length(next(iter(features.values())))
        if count < 2 * self._processes:
            return self._call(features)
        step = max(1, min(self._rows, -(-count // self._processes)))
        parts = [
            evaluation.nested_part(dict(features), slice(start, start + step))
            for start in range(0, count, step)
        ]
        run = Parallel(n_jobs=self._processes, return_as="generator")
        results = run(delayed(_columns)(self._call, part) for part in parts)
        done = _progress.progress_over(results, "Evaluating the model", count, len)
        return torch.from_numpy(np.concatenate(list(done)))

    def slopes(self, features: Mapping[str, Any], weights: Tensor) -> dict[str, Tensor]:
        """Return the gradients of the sum of columns times `weights` (B, K), by modality."""
        return self._call.slopes(features, weights)


def _columns(call: ModelCall, features: Mapping[str, Any]) -> np.ndarray:
    torch.set_num_threads(1)
    return np.asarray(call(features).numpy())


def parallel_call(
    call: ModelCall, seconds: float, rows: Mapping[str, Any], columns: Tensor
) -> ModelCall | ParallelCall:
    """Return a model that runs in several processes if it is slow and can be copied to them, or the model itself.

    Args:
        call: of the model. seconds: that a row takes.
        rows: features of a few rows. columns: of these, which the processes must return too.
    """
    processes = os.cpu_count() or 1
    if seconds < SLOW or processes < 2:
        return call
    try:
        (again,) = Parallel(n_jobs=processes)([delayed(_columns)(call, rows)])
    except Exception:  # whatever a model raises that cannot be copied
        return call
    same = again.shape == tuple(columns.shape) and np.allclose(again, columns.numpy(), atol=1e-6)
    return ParallelCall(call, seconds, processes) if same else call


CHANGED_BY_MODE = (_DropoutNd, _BatchNorm, nn.MultiheadAttention, nn.RNNBase)


def check_evaluates(function: Any) -> None:
    """Check that no module that a function uses is in training mode.

    Args:
        function: of a user; a module itself is copied in evaluation mode, and passes.

    Raises:
        InvalidInput: naming the module.
    """
    for name, module in _modules_of(function):
        is_training = any(
            part.training and isinstance(part, CHANGED_BY_MODE) for part in module.modules()
        )
        check(
            not is_training,
            f"The function runs `{name}` in training mode, so its scores change by dropout or with the batch. Call "
            f"`{name}.eval()` first.",
        )


def _modules_of(function: Any) -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules that a function is bound to, encloses, or names among its globals."""
    if isinstance(function, nn.Module):
        return
    if isinstance(function, functools.partial):
        values: dict[str, Any] = {"model": function.func, **function.keywords}
        values |= {f"argument {place}": value for place, value in enumerate(function.args)}
    else:
        values = {"model": getattr(function, "__self__", None)}
        plain = getattr(function, "__func__", function)
        if inspect.isfunction(plain):
            values |= {**inspect.getclosurevars(plain).nonlocals}
            values |= {**inspect.getclosurevars(plain).globals}
        else:
            values |= getattr(function, "__dict__", {})
    for name, value in values.items():
        if isinstance(value, nn.Module):
            yield name, value
        elif value is not function:
            yield from _modules_of_plain(value)


def _modules_of_plain(function: Any) -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules of a function that another one calls, and not those of functions that it calls in turn."""
    if isinstance(function, functools.partial):
        function = function.func
    if isinstance(function, nn.Module):
        yield type(function).__name__, function
    elif inspect.isfunction(function):
        variables = inspect.getclosurevars(function)
        for name, value in {**variables.nonlocals, **variables.globals}.items():
            if isinstance(value, nn.Module):
                yield name, value
