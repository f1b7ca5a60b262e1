"""Random models, states and tweaks beside QuTiP, a few of those of benchmarks/against_qutip.py; and what is refused."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch

from qfusion.errors import InvalidInput
from qfusion.quantum import lindblad
from tests.support.lindblad_systems import system

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))
import against_qutip as trials


def test_random_models_equal_qutip_within_and_beyond_slider_ranges():
    rng, worst, refused = np.random.default_rng(7), defaultdict(float), Counter()
    torch.manual_seed(7)
    for trial in range(30):
        if trial % 3 == 2:
            trials.stiff(rng, worst, refused)
        else:
            trials.ordinary(rng, worst)
    off = {
        name: value
        for name, value in worst.items()
        if value > trials.ALLOWED and not name.endswith("seconds")
    }
    assert off == {}
    assert max(value for name, value in worst.items() if name.endswith("seconds")) < 10


def test_matrices_that_are_no_states_are_refused():
    rng = np.random.default_rng(3)
    for trial in range(60):
        dims = ((2, 2), (3, 2), (4, 2))[trial % 3]
        bad = trials.spoilt(trials.drawn_state(int(np.prod(dims)), rng), rng)
        for door in trials.doors(dims, ("a", "b")).values():
            with pytest.raises(InvalidInput):
                door(bad)


def test_long_evolutions_are_refused_and_small_stiff_ones_exponentiated():
    H, L = system(16, 2, 1.0, 1.0)
    rho = torch.eye(16, dtype=H.dtype) / 16
    with pytest.raises(InvalidInput, match=r"too long or too strong to be followed: [\d,]+ steps"):
        lindblad.evolve_states(H * 1e4, L, rho, [100.0])
    H, L = system(4, 2, 1.0, 1.0)
    scale = torch.tensor(3e3, dtype=torch.float64, requires_grad=True)
    rho = torch.zeros(4, 4, dtype=H.dtype)
    rho[0, 0] = 1
    found = lindblad.evolve_states(H * scale, L, rho, [0.0, 1.0, 2.0])
    assert (found[0] - rho).abs().max() < 1e-12
    again = lindblad.evolve_states(H * scale, L, found[1], [1.0])[0]
    assert (found[2] - again).abs().max() < 1e-9
    found[2, 0, 0].real.backward()
    assert torch.isfinite(scale.grad)
