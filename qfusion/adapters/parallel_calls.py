"""Calls of a slow model in several processes: rows are shared among them, with progress.

A model that takes long for a row usually evaluates circuits one by one, on a device that does not broadcast. Workers
get the model by value (joblib with cloudpickle, so that models of a notebook work too). A model that cannot be copied
so runs in its own process.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from torch import Tensor

from qfusion import _sentences
from qfusion.adapters.calls import ModelCall
from qfusion.models import evaluation

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
        done = _sentences.progress_over(results, "Evaluating the model", count, len)
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
