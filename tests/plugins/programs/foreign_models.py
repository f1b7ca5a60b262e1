"""Models that the repository has never seen: a program of torch.export, an ONNX file and a factory with its weights;
what they explain, by plain loops."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save_file
from torch import Tensor, nn

from qfusion import data

DATA, NAMES, WIDE, CLASSES = "own-set", ("text", "audio"), {"text": 4, "audio": 3}, 3
FACTORY = """
from torch import nn
class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.t, self.a, self.out = nn.Linear(4, 5), nn.Linear(3, 5), nn.Linear(5, 3)
    def forward(self, text, audio):
        return self.out(self.t(text).tanh() * self.a(audio).sigmoid())
def make(): return Gated().double()
"""


class Products(nn.Module):
    """Two modalities, multiplied."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.parts = nn.ModuleDict({name: nn.Linear(size, 6) for name, size in WIDE.items()})
        self.out = nn.Linear(6, CLASSES)

    def forward(self, text: Tensor, audio: Tensor) -> Tensor:
        return self.out(self.parts["text"](text).tanh() * self.parts["audio"](audio).tanh())


def program(path: Path) -> Callable[..., Tensor]:
    """A .pt2 file; returns the module."""
    module = Products().double().eval()
    rows = tuple(torch.randn(4, size, dtype=torch.float64) for size in WIDE.values())
    free = tuple({0: torch.export.Dim.DYNAMIC} for _ in rows)
    torch.export.save(torch.export.export(module, rows, dynamic_shapes=free), path)
    return module


def network(path: Path, names: tuple[str, str] = NAMES) -> Callable[..., Tensor]:
    """An ONNX file in single precision, with inputs of these names; returns what it calculates."""
    rng = np.random.default_rng(2)
    weights = {
        "T": rng.normal(size=(4, 6)),
        "A": rng.normal(size=(3, 6)),
        "U": rng.normal(size=(6, CLASSES)),
    }
    nodes = [
        helper.make_node("MatMul", [names[0], "T"], ["t"]),
        helper.make_node("MatMul", [names[1], "A"], ["a"]),
        helper.make_node("Mul", ["t", "a"], ["p"]),
        helper.make_node("Tanh", ["p"], ["h"]),
        helper.make_node("MatMul", ["h", "U"], ["y"]),
    ]
    kind = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "g",
        [
            helper.make_tensor_value_info(name, kind, ["n", size])
            for name, size in zip(names, WIDE.values(), strict=True)
        ],
        [helper.make_tensor_value_info("y", kind, ["n", CLASSES])],
        [
            numpy_helper.from_array(value.astype(np.float32), name)
            for name, value in weights.items()
        ],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path
    )
    T, A, U = (torch.from_numpy(value.astype(np.float32)).double() for value in weights.values())
    return lambda text, audio: ((text @ T) * (audio @ A)).tanh() @ U


def factory(folder: Path) -> Callable[..., Tensor]:
    """A module with its weights beside it; returns the model."""
    (folder / "own_factory.py").write_text(FACTORY)
    importlib.invalidate_caches()
    module = importlib.import_module("own_factory").make()
    torch.manual_seed(4)
    for each in module.parameters():
        nn.init.normal_(each)
    save_file(module.state_dict(), folder / "gated.safetensors")
    return module.eval()  # type: ignore[no-any-return]


def looped(forward: Callable[..., Tensor], dataset: Any, row: int) -> tuple[int, dict[str, float]]:
    """The predicted class, and the dividends of its log-odds, by forward passes one combination of background rows at a
    time: each modality is drawn on its own."""
    own, rows = (
        dataset.inputs([row], torch.float64),
        dataset.inputs(dataset.rows("train"), torch.float64),
    )
    values: dict[tuple[str, ...], np.ndarray] = {}
    N = len(rows[NAMES[0]])
    with torch.no_grad():
        for S in ((), *((name,) for name in NAMES), NAMES):
            each = [
                forward(
                    *(
                        own[name] if name in S else rows[name][n : n + 1]
                        for name, n in zip(NAMES, pair, strict=True)
                    )
                ).numpy()[0]
                for pair in itertools.product(range(N), repeat=len(NAMES))
            ]
            z = np.mean(each, 0)
            values[S] = z - (z.sum() - z) / (len(z) - 1)
    output = int(values[NAMES].argmax())
    dividends = {
        S: sum(
            (-1) ** (len(S) - size) * values[part][output]
            for size in range(len(S) + 1)
            for part in itertools.combinations(S, size)
        )
        for S in values
    }
    return output, {" + ".join(S) or "baseline": float(value) for S, value in dividends.items()}


def assert_explained(
    shown: dict[str, float],
    title: str,
    wanted: tuple[int, dict[str, float]],
    dataset: data.DataSet,
    within: float,
) -> None:
    """Compares the terms on Samples with those of plain loops."""
    output, terms = wanted
    assert set(shown) == set(terms)
    assert shown == pytest.approx(terms, abs=within)
    assert f"‘{dataset.target.classes[output]}’" in title
