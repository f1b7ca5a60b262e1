"""Labels of basis states."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from qfusion import data
from qfusion.models import QuantumJump
from qfusion.training import checkpoint, checkpoint_cards


@pytest.fixture
def qubits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A checkpoint whose modalities are single qubits, untrained."""
    source = next(
        folder for folder in checkpoint_cards.folders() if (folder / "qj-planted.json").is_file()
    )
    torch.manual_seed(0)
    model = QuantumJump(data.load("planted").input_specs, ("score",), dims=2, jumps=1, hidden=4)
    card = checkpoint.load("qj-planted").card | {"name": "qubits", "settings": model.settings}
    checkpoint.save(tmp_path / "qubits", model, card)
    monkeypatch.setattr(checkpoint_cards, "folders", lambda: [source, tmp_path])
    return "qubits"
