"""Coalition values of batched samples equal those of single samples, which are computed differently."""

from __future__ import annotations

import pytest
import torch

from qfusion.models.network import contractions
from tests.support.entangled import model_of


@pytest.mark.parametrize(("n", "M"), [(4, 2), (4, 3), (4, 4), (5, 3), (2, 3)])
@pytest.mark.parametrize("limit", [100, 10_000_000])
def test_batched_rows_equal_single_rows(
    n: int, M: int, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contractions, "MAX_NUMBERS", limit)
    model = model_of(n, M)
    generator = torch.Generator().manual_seed(M)
    samples = torch.rand(12, n, M, dtype=torch.float64, generator=generator)
    background = torch.rand(20, n, M, dtype=torch.float64, generator=generator)
    with torch.no_grad():
        together = contractions.row_values(model, samples, background)
        alone = torch.cat(
            [contractions.row_values(model, sample[None], background) for sample in samples]
        )
    assert torch.allclose(together, alone, rtol=0, atol=1e-12)
