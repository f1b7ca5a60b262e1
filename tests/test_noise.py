"""Noise: the same in the effective observables, in density matrices and in PennyLane."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from qfusion import explain
from qfusion.errors import InvalidInput
from qfusion.models import EntangledQCNN
from qfusion.models.network.truth_tables import fuse
from qfusion.quantum.decomposition import subsets, transfer_matrix
from qfusion.simulate.circuit_run import run_circuit
from qfusion.simulate.fusion_gates import Noise, noisy_vectors, with_noise
from tests.support.entangled import angles_of, masses_of, model_of, scores_of

KINDS = [
    Noise(depolarising=0.2),
    Noise(damping=0.3),
    Noise(readout=0.25),
    Noise(0.1, 0.2, 0.3),
    Noise(1, 0, 0),
    Noise(0, 1, 0),
    Noise(0, 0, 1),
]


@pytest.mark.parametrize("noise", KINDS, ids=str)
def test_kraus_operators_keep_the_trace(noise: Noise) -> None:
    for kraus in (noise.gate_kraus(), noise.readout_kraus()):
        assert ((kraus.mH @ kraus).sum(0) - torch.eye(2)).abs().max() < 1e-14


def test_channels_by_hand() -> None:
    """Acting on (I, X, Y, Z): depolarising shrinks, damping pulls towards |0>."""
    s, g = 0.2, 0.36
    assert transfer_matrix(Noise(depolarising=s).gate_kraus()).diag() == pytest.approx(
        np.array([1, 1 - s, 1 - s, 1 - s])
    )
    R = transfer_matrix(Noise(damping=g).gate_kraus())
    assert R.diag() == pytest.approx(np.array([1, 0.8, 0.8, 1 - g]))
    assert float(R[3, 0]) == pytest.approx(g)
    assert transfer_matrix(Noise(readout=0.5).readout_kraus()).diag() == pytest.approx(
        np.array([1, 1, 0.5, 0.5])
    )
    ones = torch.tensor([[1.0, 0.0, -1.0]], dtype=torch.float64)
    assert noisy_vectors(ones, Noise(damping=1)).tolist() == [[1, 0, 1]]


@torch.no_grad()
def noisy_scores(
    model: EntangledQCNN, masses: dict[str, torch.Tensor], noise: Noise
) -> torch.Tensor:
    return with_noise(model, noise).scores(masses)


@pytest.mark.parametrize(
    ("n", "M", "form", "noise"),
    [
        *((3, 2, "elements", noise) for noise in KINDS),
        *((2, 2, "whole", noise) for noise in KINDS),
        *((n, M, "elements", KINDS[3]) for n, M in ((5, 3), (2, 4))),
    ],
    ids=str,
)
def test_pennylane_agrees(n: int, M: int, form: str, noise: Noise) -> None:
    model = model_of(n, M)
    theta = angles_of(model)
    answer = run_circuit(model, theta, "default.mixed", noise=noise, form=form)
    ours = noisy_scores(model, masses_of(theta), noise)[0].numpy()
    assert answer.scores == pytest.approx(ours, abs=1e-10)
    assert np.abs(ours - scores_of(model, theta).numpy()).max() > 1e-3


@pytest.mark.parametrize(
    ("n", "block"), [(2, "su4"), (5, "so4"), (6, "circuit14"), (7, "circuit9")]
)
def test_density_matrices_agree(n: int, block: str) -> None:
    model = with_noise(model_of(n, 3, block=block), Noise(0.05, 0.1, 0.15))
    masses = masses_of(angles_of(model))
    assert model.direct_scores(masses).detach().numpy() == pytest.approx(
        model.scores(masses).detach().numpy(), abs=1e-12
    )


def test_zero_noise_has_no_effect() -> None:
    model = model_of(3)
    assert with_noise(model, Noise()) is model
    faint = noisy_scores(model, masses_of(angles_of(model)), Noise(1e-9, 1e-9, 1e-9))
    assert faint[0] == pytest.approx(scores_of(model, angles_of(model)).numpy(), abs=1e-6)


def test_full_depolarisation_removes_the_sample() -> None:
    model = model_of(4)
    for noise in (Noise(depolarising=1), Noise(damping=1), Noise(readout=1)):
        scores = [noisy_scores(model, masses_of(angles_of(model, seed)), noise) for seed in (0, 1)]
        assert scores[0] == pytest.approx(scores[1].numpy(), abs=1e-12)


@pytest.mark.parametrize("M", [2, 4])
def test_contributions_under_noise_equal_those_of_noisy_scores(M: int) -> None:
    model, noise = model_of(3, M), Noise(0.1, 0.1, 0.2)
    noisy_model = with_noise(model, noise)
    assert isinstance(noisy_model, EntangledQCNN)
    inputs = {name: torch.randn(4, 3, dtype=torch.float64) for name in model.modalities}
    rows = {name: torch.randn(5, 3, dtype=torch.float64) for name in model.modalities}
    found = explain.explain(noisy_model, inputs, explain.background(model, rows, "joint"))
    with torch.no_grad():
        here, there = model.encode(inputs), model.encode(rows)
    for s, subset in enumerate(subsets(M)):
        mixed = {
            name: here[name][:, None].expand(-1, 5, -1).flatten(0, 1)
            if m in subset
            else there[name].repeat(4, 1)
            for m, name in enumerate(model.modalities)
        }
        expected = noisy_scores(model, mixed, noise).view(4, 5, -1).mean(1)
        assert found.values[:, s] == pytest.approx(expected.numpy(), abs=1e-10)


def test_noise_in_a_chain_equals_noise_on_masses() -> None:
    """By hand: a fused qubit with mass p that then controls has the mass (1 - <Z>') / 2 of its noisy state."""
    model, noise = model_of(2, 4), Noise(0.2, 0.3)
    masses = torch.stack([*masses_of(angles_of(model)).values()], -1)
    p = fuse(masses[..., :2], model.phi[:, :1])[1][..., 0]
    for stage in (1, 2):
        p = ((1 - 0.2) * p + 0.1) * (1 - 0.3)
        vectors, after = fuse(
            torch.stack([p, masses[..., stage + 1]], -1), model.phi[:, stage : stage + 1]
        )
        p = after[..., 0]
    noisy_fused = with_noise(model, noise).fuse(masses_of(angles_of(model)))[0]
    assert noisy_fused.detach() == pytest.approx(vectors.detach().numpy(), abs=1e-12)


def test_single_precision() -> None:
    model = model_of(3).float()
    scores = noisy_scores(
        model,
        {name: p.float() for name, p in masses_of(angles_of(model)).items()},
        Noise(0.1, 0.1, 0.1),
    )
    assert scores.dtype == torch.float32
    exact = noisy_scores(model.double(), masses_of(angles_of(model)), Noise(0.1, 0.1, 0.1))
    assert scores == pytest.approx(exact.numpy(), abs=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depolarising": 1.1}, "`depolarising` must lie between 0 and 1, but is 1.1"),
        ({"damping": float("nan")}, "`damping` must lie between"),
        ({"readout": "much"}, "`readout` must be a number"),
    ],
)
def test_invalid_strengths_are_refused(options: dict, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Noise(**options)


def test_noise_needs_mixed_states() -> None:
    model = model_of(2)
    with pytest.raises(
        InvalidInput, match=r"`device` must be 'default.mixed' with noise, but is 'default.qubit'"
    ):
        run_circuit(model, angles_of(model), noise=Noise(0.1))


def test_shots_with_noise_have_errors() -> None:
    model, noise = model_of(2), Noise(0.1, 0.1, 0.2)
    exact = noisy_scores(model, masses_of(angles_of(model)), noise)[0].numpy()
    answers = [
        run_circuit(
            model, angles_of(model), "default.mixed", 400, seed, noise=noise, form="elements"
        )
        for seed in range(20)
    ]
    deviations = np.stack([(answer.scores - exact) / answer.errors for answer in answers])
    assert np.abs(deviations.mean(0)).max() < 4 / 20**0.5
    assert deviations.std(0) == pytest.approx(np.ones(3), abs=0.4)
