"""A learning rate from one short run in which the rate grows (Smith 2017, "Cyclical learning rates", WACV, section
3.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from qfusion._checks import check, require_number
from qfusion.data import DataSet
from qfusion.training import losses
from qfusion.training.loop import Fit, prepare
from qfusion.training.options import Options, default_options

LOWEST, HIGHEST, STEPS = 1e-6, 1.0, 120
PROBE = 512  # training rows whose loss is looked at after every step: single batches differ more than the rates
MEMORY = 0.8  # of the running mean of the losses
WINDOW = 9  # steps over which a slope is taken
FLAT = 1e-9  # a slope over the logarithm of the rate that is less, beside the loss, is rounding
EXPLODED = 2.0  # a loss so many times its whole fall above the lowest one ends the search


@dataclass(frozen=True)
class RateSearch:
    """What was found.

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
    """Trains a fresh model for some steps, each with a higher learning rate, until the loss explodes, and suggests a
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
        rates, found = _ramp(fit, np.geomspace(low, high, steps), on_step)
    check(
        len(found) > WINDOW,
        f"Training diverged after {len(found)} steps, at a rate of {rates[-1] if len(rates) else low:.2g}. Lower "
        "`low`, or choose other settings.",
    )
    smoothed = smooth(found)
    return RateSearch(rates, found, smoothed, steepest(rates, smoothed))


def _ramp(
    fit: Fit[Any], rates: np.ndarray, on_step: Callable[[int, int], object]
) -> tuple[np.ndarray, np.ndarray]:
    probe = fit.rows.take(torch.linspace(0, len(fit.rows) - 1, min(PROBE, len(fit.rows))).long())
    found = [_loss(fit, probe)]
    waiting: list[torch.Tensor] = []
    for n, rate in enumerate(rates):
        waiting = waiting or list(
            torch.randperm(len(fit.rows), generator=fit.order).split(fit.options.batch)
        )
        for group in fit.optimiser.param_groups:
            group["lr"] = rate
        fit.model.train()
        fit.step(waiting.pop(0))
        loss = _loss(fit, probe)
        if not np.isfinite(loss):
            break
        found.append(loss)
        on_step(n + 1, len(rates))
        if loss > min(found) + EXPLODED * (found[0] - min(found)) and loss > found[0]:
            break
    return rates[: len(found) - 1], np.array(found[1:])


@torch.no_grad()
def _loss(fit: Fit[Any], probe: tuple[dict[str, Any], torch.Tensor]) -> float:
    fit.model.eval()
    return float(losses.mean(fit.model(probe[0]), probe[1], fit.options.loss, fit.weights))


def smooth(values: np.ndarray) -> np.ndarray:
    """Returns the running mean of losses (n,), corrected for its start."""
    means, mean = np.empty(len(values)), 0.0
    for n, loss in enumerate(values):
        mean = MEMORY * mean + (1 - MEMORY) * float(loss)
        means[n] = mean / (1 - MEMORY ** (n + 1))
    return means


def steepest(rates: np.ndarray, smoothed: np.ndarray) -> float:
    """Returns the rate, of rates (n,), at which a smoothed loss (n,) falls most steeply over log rate, by lines through
    nine points each.

    The running mean lags behind the losses by MEMORY / (1 - MEMORY) steps; the rate is taken so many steps earlier.

    Raises:
        InvalidInput: when the loss falls nowhere.
    """
    logs, best, place = np.log(rates), 0.0, 0
    for start in range(max(1, int(smoothed.argmin()) + 2 - WINDOW)):
        x, y = logs[start : start + WINDOW], smoothed[start : start + WINDOW]
        slope = float(np.polyfit(x - x.mean(), y, 1)[0])
        if slope < best:
            best, place = slope, start + WINDOW // 2
    check(
        best < -FLAT * float(np.abs(smoothed).max()),
        "The loss did not fall at any rate: no rate can be suggested. Look at the model's settings and the data.",
    )
    return float(rates[max(0, place - round(MEMORY / (1 - MEMORY)))])
