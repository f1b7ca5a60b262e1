"""Circuits from gates."""

from __future__ import annotations

from typing import Any

import torch

from tests.plugins.papers.published_models import model_of, rows_of


def of(kind: str, M: int, **more: Any) -> tuple[Any, dict[str, torch.Tensor]]:
    model = model_of(kind, M, **more)
    with torch.no_grad():
        return model, model.encode(rows_of(M, 1))
