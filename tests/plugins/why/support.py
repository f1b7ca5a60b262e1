"""Small systems whose correlations are cut, and small learners for the information of data."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import pytest
import torch
from torch import Tensor

from qfusion.explain import bootstrap
from qfusion.models import InputSpec, QuantumJump
from qfusion.plugins.why import evidence
from qfusion.plugins.why.fusion import fusion_tests
from qfusion.plugins.why.information import (
    information,
    information_estimate,
    information_parts,
    label_leak,
)
from qfusion.plugins.why.pieces import generator_pruning, patching
from tests.support import exporting

NAMES = ("text", "audio", "vision")


def problem(
    dims: tuple[int, ...],
    *,
    B: int = 2,
    C: int = 2,
    seed: int = 0,
    scale: float = 1.5,
    **settings: Any,
) -> tuple[QuantumJump, dict[str, Tensor]]:
    """A model with dynamics strong enough to matter, and features of B samples."""
    torch.manual_seed(seed)
    names = NAMES[: len(dims)]
    outputs = [f"y{c}" for c in range(C)]
    model = (
        QuantumJump(
            {name: InputSpec(3) for name in names}, outputs, dims=dims, hidden=4, **settings
        )
        .double()
        .eval()
    )
    with torch.no_grad():
        for parameter, _ in model.couplings():
            parameter *= scale
        model.bias += 0.3
    generator = torch.Generator().manual_seed(seed + 1)
    return model, {
        name: 2 * torch.randn(B, 3, dtype=torch.float64, generator=generator) for name in names
    }


def few_trees(patch: pytest.MonkeyPatch) -> None:
    """Few trees, small networks that learn fast, few shuffles and resamples, where it is asked how results are put
    together and not how sharp they are."""
    whole = label_leak.make_model
    smaller: dict[str, dict[str, Any]] = {
        label_leak.TREES: {"n_estimators": 10},
        label_leak.NETWORK: {
            "hidden_layer_sizes": (64, 32),
            "learning_rate_init": 6e-3,
            "batch_size": 256,
            "n_iter_no_change": 3,
            "tol": 2e-3,
        },
    }

    def small(member: str, classes: int) -> Any:
        return whole(member, classes).set_params(**smaller.get(member, {}))

    patch.setattr(label_leak, "make_model", small)
    patch.setattr(information_parts, "SHUFFLES", 3)
    resamples(patch, 400)


def resamples(patch: pytest.MonkeyPatch, count: int) -> None:
    """So many of them for every interval."""
    patch.setattr(bootstrap, "RESAMPLES", count)
    patch.setitem(bootstrap.means.__kwdefaults__, "resamples", count)
    patch.setitem(bootstrap.mean.__kwdefaults__, "resamples", count)


def few_rows(patch: pytest.MonkeyPatch) -> None:
    """What a set needs and which piece of a model does it are measured on few rows, by small learners, in few steps,
    where nobody asks how precisely."""
    exporting.few_rows(patch)
    removed = functools.cache(inspect.unwrap(evidence.remove_joint_terms))
    patch.setattr(evidence, "remove_joint_terms", removed)
    few_trees(patch)
    patch.setattr(
        information_estimate,
        "estimate_information",
        functools.cache(functools.partial(information.estimate, rows=100)),
    )
    for name in ("ablate_gate_groups", "prune_terms"):
        patch.setattr(patching, name, functools.cache(inspect.unwrap(getattr(patching, name))))
    patch.setattr(fusion_tests, "DRAWS", 2)
    patch.setattr(patching, "MOST_ROWS", 100)
    patch.setattr(generator_pruning, "GATE_STEPS", 50)
