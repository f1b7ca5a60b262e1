"""How far scores from sampled quantum-jump trajectories are from the master equation's."""

import copy
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch

from qfusion._checks import check
from qfusion.data import DataSet
from qfusion.models import FusionModel, TimeModel
from qfusion.quantum.states import expectation

SAMPLES, REPEATS = 32, 64


@dataclass(frozen=True)
class Sampling:
    """The error of sampled scores against the exact ones, root mean squares over samples and outputs.

    Attributes:
        trajectories: N, of every score.
        error: standard deviation of a score over repeats: its standard error.
        one: that of a score from a single trajectory, sigma, measured apart; the law of large numbers says error =
            sigma / sqrt(N).
        bias: of the scores' mean against the master equation, from the first-order steps; what the repeats' own spread
            explains is taken off.
        spread: standard deviation of the exact scores over samples.
        samples: how many were measured.
    """

    trajectories: int
    error: float
    one: float
    bias: float
    spread: float
    samples: int

    @property
    def expected(self) -> float:
        """sigma / sqrt(N)."""
        return self.one / self.trajectories**0.5


@torch.no_grad()
def measure_sampling(
    model: TimeModel, inputs: dict[str, Any], seed: int = 0, repeats: int = REPEATS
) -> Sampling:
    """Return how far the sampled scores of a model are from the exact ones.

    Args:
        model: with dynamics="jumps".
        inputs: of some samples.
        seed: of the trajectories; the global random state stays as it is.
        repeats: how often each score is sampled.

    Raises:
        InvalidInput: when the model does not sample, or `repeats` is below 2.
    """
    check(
        model.samples,
        "Argument `model` must sample trajectories, but solves the master equation. Train it with dynamics='jumps'.",
    )
    check(repeats >= 2, f"Argument `repeats` must be at least 2, but is {repeats}.")
    model = copy.deepcopy(model).eval()
    psi = model.product_state(model.encode(inputs))
    exact = expectation(model.observables(), psi)
    count = int(model.settings["trajectories"])
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        many = torch.stack([model.sampled(psi, count) for _ in range(repeats)])
        single = torch.stack([model.sampled(psi, 1) for _ in range(repeats)])
    variance = many.var(0)
    off = (many.mean(0) - exact).square() - variance / repeats
    return Sampling(
        count,
        float(variance.mean().sqrt()),
        float(single.var(0).mean().sqrt()),
        max(0.0, float(off.mean())) ** 0.5,
        float(exact.std(0, correction=0).square().mean().sqrt()),
        len(psi),
    )


def model_sampling(model: torch.nn.Module, dataset: DataSet) -> Sampling | None:
    """Return a trained model's sampling error over some validation rows; None where nothing is sampled."""
    if not isinstance(model, FusionModel) or model.family != "evolution" or not model.samples:
        return None
    rows = dataset.rows("valid")
    first = next(model.parameters())
    chosen = rows[np.linspace(0, len(rows) - 1, min(SAMPLES, len(rows))).astype(int)]
    on_cpu = cast(TimeModel, copy.deepcopy(model).cpu())
    return measure_sampling(on_cpu, dataset.inputs(chosen, first.dtype))
