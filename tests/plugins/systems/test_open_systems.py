"""Hamiltonians and Lindblad systems, opened with `qfusion.open` and shown from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import qutip

import qfusion
from qfusion.errors import InvalidInput
from qfusion.plugins.systems.lindblad_model import lindblad_model
from tests.support import own_models
from tests.support.shown_studies import check_shown_from_files


def test_lindblad_systems_open_with_and_without_data() -> None:
    H = qutip.tensor(qutip.sigmax(), qutip.qeye(2)) + qutip.tensor(qutip.sigmaz(), qutip.sigmaz())
    alone = qfusion.open(H)
    assert len(alone.modalities) == 2
    assert len(alone.sample(str(alone.dataset.ids[0])).entropies) >= 2

    def encode(features: dict[str, Any]) -> dict[str, np.ndarray]:
        angles = {name: np.asarray(values)[:, 0] for name, values in features.items()}
        return {
            name: np.stack([np.cos(a), np.sin(a)], 1).astype(complex) for name, a in angles.items()
        }

    model = lindblad_model(
        H,
        [0.3 * qutip.tensor(qutip.qeye(2), qutip.destroy(2))],
        encode,
        {"0": (qutip.sigmaz(), 0), "1": (-qutip.sigmaz(), 0)},
        T=1.5,
        names=["left", "right"],
    )
    study = qfusion.open(model, own_models.two_modalities())
    sample = study.sample("sample-0003")
    assert sum(sample.dividends.values()) == pytest.approx(sample.score, abs=1e-10)
    assert set(sample.entropies) >= {"left", "right"}


def test_a_hamiltonian_with_data_is_refused() -> None:
    with pytest.raises(InvalidInput, match="takes no data"):
        qfusion.open(qutip.sigmax(), own_models.two_modalities())


def test_a_system_alone_is_shown_from_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    H = qutip.tensor(qutip.sigmax(), qutip.qeye(2)) + qutip.tensor(qutip.sigmaz(), qutip.sigmaz())
    check_shown_from_files(qfusion.open(H), tmp_path, monkeypatch)
