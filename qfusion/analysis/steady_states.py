"""The steady state of a sample's evolution, and how fast inputs become alike on the way."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from qfusion import simulate
from qfusion._memory_cache import memo
from qfusion.analysis.sample_evolution import exact_states
from qfusion.analysis.tasks import Task
from qfusion.models.tweak import Tweak

STEPS = 12  # per T, at which distances are drawn
PAIRS = 8  # test samples whose states are followed beside that of the one that is read
MOST_SPREAD = 1000  # test samples over which the spread of scores is taken


@dataclass(frozen=True, eq=False)
class Settling:
    """End of a sample's evolution, and the speed at which inputs become alike on the way.

    Attributes:
        times: (nT,), from 0 to beyond T. final: the state at T, (D, D).
        attractor: as `simulate.attractor` gives it, its distances at `times`.
        contraction: as `simulate.contraction` gives it, between this sample and others of the test split; None where
            nothing evolves or no other test sample has another state.
        spread: standard deviation over the test samples of every score, read out at 0 and at T, (2, C).
    """

    times: np.ndarray
    final: np.ndarray
    attractor: Any
    contraction: Any
    spread: np.ndarray


@memo(16, background=False, task=Task.FIND_STEADY_STATE)
@torch.no_grad()
def attract(study: Any, row: int, tweak: Tweak, reach: float = 5.0) -> Settling:
    """Steady state, spectral gap, the sample's distance to it up to `reach` times T, and contraction within T."""
    model = study.model.tweaked(tweak)
    system = model.system()
    times = np.linspace(0.0, reach * max(system.duration, 1e-6), STEPS * round(reach) + 1)
    rho = exact_states(study, row, tweak, times.tolist())
    test = study.dataset.rows("test")
    others = test[test != row]
    others = others[np.linspace(0, len(others) - 1, min(PAIRS, len(others))).astype(int)]
    pairs = None
    if system.duration > 0 and len(others):
        kets = study.space.kets(np.array([row, *others]))
        if float((kets[1:] @ kets[0].conj()).abs().min()) < 1 - 1e-6:
            pairs = simulate.contraction(system, kets[0], kets[1:], steps=STEPS + 1)
    scores = []
    for observable in model.observables([0.0, float(model.duration)]):
        scores.append(study.space.observable_scores(test[:MOST_SPREAD], observable, model.bias))
    return Settling(
        times,
        rho[STEPS].numpy(),
        simulate.attractor(system, rho),
        pairs,
        np.std(scores, axis=1),
    )
