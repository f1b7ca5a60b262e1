"""Search of a learning rate: one short run in which the rate grows.

After Smith 2017, "Cyclical learning rates for training neural networks", WACV, section 3.3.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor

from qfusion._checks import check, require_number
from qfusion.data import DataSet
from qfusion.training.loop import Fit, prepare
from qfusion.training.options import Options, default_options

LOWEST, HIGHEST, STEPS = 1e-6, 1.0, 120
MEMORY = 0.8  # of the running mean of the losses
WINDOW = 9  # steps over which a slope is taken


@dataclass(frozen=True)
class RateSearch:
    """Result of a learning rate search.

    Attributes:
        rates: learning rates, rising by a constant factor, (n,).
        losses: after the step with each rate, over the same training rows without dropout, (n,).
        smoothed: their running mean, corrected for its start, (n,).
        suggestion: the rate at which the smoothed loss falls most steeply over the logarithm of the rate.
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggestion: float


def find_rate(
    kind: str,
    dataset: DataSet,
    settings: Mapping[str, Any] | None = None,
    options: Options | None = None,
    seed: int = 0,
    *,
    low: float = LOWEST,
    high: float = HIGHEST,
    steps: int = STEPS,
    on_step: Callable[[int, int], object] = lambda done, total: None,
) -> RateSearch:
    """Train a fresh model for some steps, each with a higher learning rate, until the loss explodes, and suggests a
    rate.

    A suggestion is a point to start from, not an optimum: it depends on the batch size, and knows nothing of the
    schedule.

    Args:
        kind, dataset, settings, options, seed: as for `train`.
        low, high: where the rate begins and ends.
        steps: how many there are at most.
        on_step: called after each.

    Raises:
        InvalidInput: when the range is empty, or the loss is not a number within the first steps.
    """
    require_number("low", low, 1e-12, 100)
    require_number("high", high, low * 2, 1000)
    require_number("steps", steps, 20, 100_000)
    options = replace(options or default_options(dataset), schedule="constant", average=0.0)
    with torch.random.fork_rng():
        fit = prepare(kind, dataset, settings, options, seed)
        check(
            not fit.convex,
            f"A model of kind {kind} is trained without a learning rate: its loss is minimised over all rows at once. "
            "Train it, or choose another kind.",
        )
        rates, losses = _ramp(
            fit,
            np.geomspace(low, high, steps),
            on_step,
        )
    check(
        len(losses) > WINDOW,
        f"Training diverged after {len(losses)} steps, at a rate of {rates[-1] if len(rates) else low:.2g}. Lower "
        "`low`, or choose other settings.",
    )
    smoothed = smooth(losses)
    return RateSearch(rates, losses, smoothed, steepest(rates, smoothed))


def _ramp(
    fit: Fit[Any], rates: np.ndarray, on_step: Callable[[int, int], object]
) -> tuple[np.ndarray, np.ndarray]:
    # rows whose loss is looked at after every step: single batches differ more than the rates
    inputs, y = fit.rows.take(torch.linspace(0, len(fit.rows) - 1, min(512, len(fit.rows))).long())

    @torch.no_grad()
    def probe() -> float:
        return float(fit.loss(fit.model.eval()(inputs), y))

    losses = [probe()]
    batches: list[Tensor] = []
    for n, rate in enumerate(rates, 1):
        batches = batches or list(
            torch.randperm(len(fit.rows), generator=fit.order).split(fit.options.batch)
        )
        for group in fit.optimiser.param_groups:
            group["lr"] = rate
        fit.model.train()
        fit.step(batches.pop(0))
        loss = probe()
        if not np.isfinite(loss):
            break
        losses.append(loss)
        on_step(n, len(rates))
        # it explodes where it is twice its whole fall above the lowest one, and not by what a single batch does
        fall = losses[0] - min(losses)
        if loss > max(losses[0], min(losses) + max(2.0 * fall, 0.1 * abs(losses[0]))):
            break
    return rates[: len(losses) - 1], np.array(losses[1:])


def smooth(values: np.ndarray) -> np.ndarray:
    """Return the running mean of losses (n,), corrected for its start."""
    return pd.Series(values).ewm(alpha=1 - MEMORY).mean().to_numpy()


def steepest(rates: np.ndarray, smoothed: np.ndarray) -> float:
    """Return the rate, of rates (n,), at which a smoothed loss (n,) falls most steeply over log rate, by lines through
    nine points each.

    The running mean lags behind the losses by MEMORY / (1 - MEMORY) steps; the rate is taken so many steps earlier.

    Raises:
        InvalidInput: when the loss falls nowhere.
    """
    falling = slice(max(WINDOW, int(smoothed.argmin()) + 1))
    x, y = (sliding_window_view(values[falling], WINDOW) for values in (np.log(rates), smoothed))
    away = x - x.mean(1, keepdims=True)
    slopes = (away * y).sum(1) / (away * away).sum(1)
    check(
        slopes.min() < -1e-9 * float(np.abs(smoothed).max()),  # a slope that is less is rounding
        "The loss did not fall at any rate: no rate can be suggested. Look at the model's settings and the data.",
    )
    at = int(slopes.argmin()) + WINDOW // 2 - round(MEMORY / (1 - MEMORY))
    return float(rates[max(0, at)])
