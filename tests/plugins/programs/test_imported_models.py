"""Foreign models (.pt2, ONNX, factories) are imported, explained and compared with loops of forward passes; faulty
ones are refused."""

from __future__ import annotations

import importlib.util
import io
import json
import re
import sys
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import load_file, save_file, save_model
from torch import Tensor, nn

from qfusion import cli, data, explain
from qfusion.data import DataSet, Modality, Target, registry
from qfusion.data.array_chunks import numbered_ids
from qfusion.data.sources import Source
from qfusion.errors import DataUnavailable, InvalidInput, NotFound, QFusionError
from qfusion.explain import attribution, counterfactual
from qfusion.models import base, evaluation, live_model, terms
from qfusion.models.protocols import StateModel
from qfusion.models.weight_files import load_state
from qfusion.plugins.programs import imports, program_card, program_inputs
from qfusion.plugins.programs.program_card import Input, Output
from qfusion.plugins.programs.program_files import open_program
from qfusion.plugins.programs.words import describe_remark
from qfusion.quantum.decomposition import subsets
from qfusion.study.opening import open_sample
from qfusion.training import checkpoint, checkpoint_cards
from qfusion.training.batches import sample_rows
from qfusion.views.words.systems import describe_notes
from qfusion.views.words.verdicts import name_decision
from tests.support import common_parts
from tests.support.two_views import A, N, T, Two, V

FREE = torch.export.Dim.DYNAMIC


def named(classes: int) -> tuple[str, ...]:
    return ("no", "yes", "both")[:classes] if classes < 4 else tuple(ascii_lowercase[:classes])


def said_set(classes: int = 0) -> DataSet:
    """Sequences `audio` (5, 3), vectors `vision` (4,) that are pictures (2, 2)."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, T + 1, N)
    audio = rng.normal(size=(N, T, A)) * (np.arange(T)[None, :, None] < lengths[:, None, None])
    target = (
        Target("classification", "kind", None, named(classes))
        if classes
        else Target("regression", "score")
    )
    y = rng.integers(0, classes, N) if classes else rng.normal(size=N)
    ids, parts = numbered_ids("row", N), np.array(["train"] * 40 + ["valid"] * 8 + ["test"] * 12)
    vision = Modality("vision", rng.normal(size=(N, V)), None, tuple("wxyz"), (2, 2))
    modalities = (Modality("audio", audio, lengths, ("a", "b", "c")), vision)
    return DataSet(
        f"said{classes}",
        f"Said {classes}",
        "",
        "",
        "",
        modalities,
        target,
        y,
        ids,
        parts,
        pd.DataFrame(index=ids),
    )


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QFUSION_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    known = {
        f"said{c}": Source(f"said{c}", "Said", lambda c=c: said_set(c), made="is made here")
        for c in (0, 2, 3, 26)
    }
    monkeypatch.setattr(registry, "sources", lambda before=registry.sources: {**before(), **known})


def example(rows: int = 4, dtype: torch.dtype = torch.float64) -> tuple[Tensor, ...]:
    return (
        torch.randn(rows, T, A, dtype=dtype),
        torch.randn(rows, V, dtype=dtype),
        torch.ones(rows, T, dtype=torch.bool),
    )


def exported(module: nn.Module, inputs: tuple[Any, ...], free: bool = True) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shapes = tuple({0: FREE} for _ in inputs) if free else None
        torch.export.save(torch.export.export(module, inputs, dynamic_shapes=shapes), buffer)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def two() -> tuple[Two, bytes]:
    module = Two().double().eval()
    return module, exported(module, example())


def kept(name: str, content: bytes | str) -> str:
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return name


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    return int(ended.value.code or 0)


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().err.split())


def refused(source: str, words: str, name: str = "said0", **more: Any) -> None:
    """An import ends with one line that holds these words, and nothing of it is kept."""
    with pytest.raises(QFusionError) as caught:
        imports.save_program(
            imports.load_program(source, data.load(name), **more), data.load(name), "refused"
        )
    assert words in str(caught.value), str(caught.value)
    assert "\n" not in str(caught.value)
    assert "refused" not in checkpoint_cards.available()
    assert not list(Path().glob("models/*"))


def looped(
    forward: Callable[[dict[str, Any]], Tensor],
    names: tuple[str, ...],
    x: dict[str, Any],
    rows: dict[str, Any],
) -> np.ndarray:
    """v(S), (2^M, C), of one sample, by the module's own forward passes, one row at a time."""

    def value(S: tuple[int, ...], n: int) -> np.ndarray:
        return forward(
            {
                name: x[name] if m in S else evaluation.nested_part(rows[name], [n])
                for m, name in enumerate(names)
            }
        )[0].numpy()

    with torch.no_grad():
        return np.array(
            [
                np.mean([value(S, n) for n in range(evaluation.nested_length(rows[names[0]]))], 0)
                for S in subsets(len(names))
            ]
        )


def require_values(name: str, forward: Callable[[dict[str, Any]], Tensor], within: float) -> None:
    """Coalition values of a kept model are those of the module that it came from."""
    found, dataset = (
        checkpoint.load(name),
        data.load(str(checkpoint_cards.load_card(name)["data"]["name"])),
    )
    x, rows = (
        dataset.inputs([50], torch.float64),
        dataset.inputs(dataset.rows("train"), torch.float64),
    )
    told = explain.explain(found.model, x, explain.background(found.model, rows, "joint"))
    wanted = looped(forward, found.model.modalities, x, rows)
    assert np.abs(told.values[0] - wanted).max() < within
    assert told.dividends.sum(1) == pytest.approx(told.prediction, abs=1e-10)


def test_a_program_is_imported_listed_explained_and_removed(
    two: tuple[Two, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    module, content = two
    kept("two.pt2", content)
    assert run("model", "import", "two.pt2", "--data", "said0", "--name", "two", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [(each["name"], each["modality"], each["gives"]) for each in told["card"]["input"]] == [
        ("audio", ["audio"], "values"),
        ("vision", ["vision"], "values"),
        ("audio_mask", ["audio"], "mask"),
    ]
    assert told["remarks"] == [
        "Output `0` is used as the score of a regression, since the target is a number."
    ]
    assert told["warnings"] == []
    assert told["parameters"] == sum(p.numel() for p in module.parameters())
    assert "two" in checkpoint_cards.available()
    assert program_card.parse(told["card"]) == checkpoint.load("two").model.card
    require_values("two", lambda x: module(x["audio"][0], x["vision"], x["audio"][1]), 1e-10)
    for words in (
        ("explain", "--model", "two", "--sample", "row-0050", "--json"),
        ("evaluate", "--model", "two"),
        ("models",),
        ("report", "--model", "two", "--sample", "row-0050", "--out", "r.html"),
        (
            "figure",
            "--model",
            "two",
            "--sample",
            "row-0050",
            "--view",
            "waterfall",
            "--out",
            "f.svg",
        ),
        ("export", "--model", "two", "--sample", "row-0050", "--format", "numpy", "--out", "n.npz"),
    ):
        assert run(*words) == 0, said(capsys)
    assert run("export", "--model", "two", "--format", "torch", "--out", "n.pt2") == 1
    assert "its program is a file already, two.pt2" in said(capsys)
    assert run("model", "import", "two.pt2", "--data", "said0", "--name", "two") == 1
    assert "There is a model 'two' already" in said(capsys)
    assert (
        run(
            "model",
            "import",
            "two.pt2",
            "--data",
            "said0",
            "--name",
            "two",
            "--replace",
            "--title",
            "Again",
        )
        == 0
    )
    assert checkpoint.load("two").card["title"] == "Again"
    assert run("model", "remove", "two") == 0
    assert "two" not in checkpoint_cards.available()
    assert not list(Path("models").glob("[!.]*"))
    assert run("model", "remove", "qj-planted") == 1
    assert "was not imported" in said(capsys)


def test_features_flips_and_pages_of_an_imported_model(two: tuple[Two, bytes]) -> None:
    dataset = data.load("said0")
    imports.save_program(imports.load_program(kept("two.pt2", two[1]), dataset), dataset, "two")
    sample = open_sample("two", "row-0050")
    model, inputs = sample.model, dataset.inputs([50], torch.float64)
    for name in model.modalities:
        found = attribution.attribute(model, inputs, sample.study.background, name)
        assert found.relative_error < 0.01
        assert found.end == pytest.approx(float(model(inputs)[0, 0]), abs=1e-10)
    means = dataset.modalities[1].values[dataset.rows("train")].mean(0)
    assert model.encoders["vision"].standardise.mean.numpy() == pytest.approx(means, abs=1e-6)
    everyone = counterfactual.encode_samples(model, dataset.inputs(dtype=torch.float64))
    turned = counterfactual.nearest_state(
        model, counterfactual.encode_samples(model, inputs), "vision", everyone["vision"]
    )
    assert turned.possible
    assert turned.verified
    assert not model.part(StateModel)
    assert len(sample.study.explanation.dividends) == len(dataset.rows("test"))
    first = sample.study.memo_key()
    left = replace(
        model.card, inputs=(replace(model.card.inputs[0], pad="left"), *model.card.inputs[1:])
    )
    imports.save_program(imports.load_program("two.pt2", dataset, left), dataset, "other")
    assert (
        open_sample("other", "row-0050").study.memo_key()[0] != first[0]
    )  # the same program, read differently


TURNED = """
[[input]]
name = "sound"
modality = ["audio"]
axes = ["steps", "rows", "features"]
dtype = "float64"
steps = 6
pad = "left"
[[input]]
name = "face"
modality = ["vision"]
axes = ["rows", 1, 2, 2]
dtype = "float64"
[[input]]
name = "sound_padding"
modality = ["audio"]
gives = "padding"
axes = ["rows", "steps"]
dtype = "bool"
steps = 6
pad = "left"
[output]
holds = "regression"
"""


def test_sequence_with_another_axis_order(two: tuple[Two, bytes]) -> None:
    class Turned(nn.Module):
        """Takes (T, B, F), zeros first, what is padded, one step more than there is, and a picture."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = two[0]

        def forward(self, sound: Tensor, face: Tensor, sound_padding: Tensor) -> Tensor:
            return self.inner(sound.transpose(0, 1), face.flatten(1), ~sound_padding)

    audio, vision, _ = example()
    rows = torch.export.Dim("rows", min=1)
    given = (
        nn.functional.pad(audio, (0, 0, 1, 0)).transpose(0, 1).contiguous(),
        vision.view(-1, 1, 2, 2),
        torch.zeros(4, T + 1, dtype=torch.bool),
    )
    buffer = io.BytesIO()
    torch.export.save(
        torch.export.export(Turned(), given, dynamic_shapes=({1: rows}, {0: rows}, {0: rows})),
        buffer,
    )
    dataset = data.load("said0")
    card = program_card.read(TURNED, "turned.toml")
    kept("turned.pt2", buffer.getvalue())
    imports.save_program(imports.load_program("turned.pt2", dataset, card), dataset, "turned")
    require_values("turned", lambda x: two[0](x["audio"][0], x["vision"], x["audio"][1]), 1e-10)


def test_input_specification() -> None:
    values, mask = (
        torch.arange(12.0).view(2, 3, 2),
        torch.tensor([[True, True, False], [True, False, False]]),
    )
    states: Any = {"a": (values * mask[..., None], mask), "b": torch.ones(2, 4)}
    assert program_inputs.fed_array(
        Input("x", ("a",), "lengths", ("rows",), "int64"), states
    ).tolist() == [
        2,
        1,
    ]
    assert program_inputs.fed_array(
        Input("x", ("a", "b"), "mean", ("rows", "features")), states
    ).tolist() == [
        [1, 2, 1, 1, 1, 1],
        [6, 7, 1, 1, 1, 1],
    ]
    left = program_inputs.fed_array(
        Input("x", ("a",), "values", ("rows", "features", "steps"), steps=4, pad="left"), states
    )
    assert left[0].tolist() == [[0, 0, 0, 2], [0, 0, 1, 3]]
    assert program_inputs.fed_array(
        Input("x", ("a",), "mask", ("rows", "steps"), "float32", steps=2), states
    ).tolist() == [[1, 1], [1, 0]]
    with pytest.raises(InvalidInput, match="takes 1 steps, but a sample of `a` has 2"):
        program_inputs.fed_array(
            Input("x", ("a",), "values", ("rows", "steps", "features"), steps=1), states
        )


# ONNX


def scored(
    nodes: list[Any],
    weights: dict[str, np.ndarray],
    inputs: dict[str, list[Any]],
    output: list[Any],
    opset: int = 17,
    kind: int = TensorProto.FLOAT,
    domain: str = "",
    **more: Any,
) -> bytes:
    """An ONNX model of these nodes, whose output is `y`."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info("y", kind, output)],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    opsets = [helper.make_opsetid("", opset), *([helper.make_opsetid(domain, 1)] if domain else [])]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, **more).SerializeToString()


def joined_nodes() -> tuple[list[Any], dict[str, np.ndarray]]:
    """Audio (B, T, F) is averaged over steps, joined with vision, and multiplied out to two columns."""
    rng = np.random.default_rng(1)
    nodes = [
        helper.make_node("ReduceMean", ["audio"], ["m"], axes=[1], keepdims=0),
        helper.make_node("Concat", ["m", "vision"], ["c"], axis=1),
        helper.make_node("Gemm", ["c", "W", "b"], ["h"]),
        helper.make_node("Tanh", ["h"], ["t"]),
        helper.make_node("MatMul", ["t", "U"], ["y"]),
    ]
    return nodes, {
        "W": rng.normal(size=(A + V, 6)).astype(np.float32),
        "b": rng.normal(size=6).astype(np.float32),
        "U": rng.normal(size=(6, 2)).astype(np.float32),
    }


def onnx_two(inputs: dict[str, list[Any]] | None = None, **more: Any) -> bytes:
    nodes, weights = joined_nodes()
    return scored(
        nodes, weights, inputs or {"audio": ["n", T, A], "vision": ["n", V]}, ["n", 2], **more
    )


def test_an_onnx_model_and_its_differences() -> None:
    dataset = data.load("said2")
    taken = imports.load_program(kept("two.onnx", onnx_two()), dataset)
    assert taken.model.card.output == Output("y", "scores", ("no", "yes"))
    assert taken.model.card.inputs[0].steps == T
    imports.save_program(taken, dataset, "two")
    assert checkpoint_cards.load_card("two")["weights"] == "two.onnx"
    weights = {name: torch.from_numpy(value).double() for name, value in joined_nodes()[1].items()}

    def forward(x: dict[str, Any]) -> Tensor:
        return (
            torch.tanh(
                torch.cat([x["audio"][0].mean(1), x["vision"]], 1) @ weights["W"] + weights["b"]
            )
            @ weights["U"]
        )

    require_values("two", forward, 1e-5)
    model = checkpoint.load("two").model
    x = dataset.inputs([50], torch.float64)
    vision = x["vision"].clone().requires_grad_()
    slopes = [
        torch.autograd.grad(each({**x, "vision": vision})[0, 1], vision)[0]
        for each in (model, forward)
    ]
    assert slopes[0] == pytest.approx(slopes[1].numpy(), abs=2e-3)
    found = attribution.attribute(
        model,
        x,
        explain.background(model, dataset.inputs([1, 2], torch.float64), "joint"),
        "vision",
        output=1,
    )
    assert found.relative_error < 0.02
    study = open_sample("two", "row-0050").study
    assert study.explanation_background.size >= 40


def test_probabilities_classes_in_another_order_and_one_column() -> None:
    nodes, weights = joined_nodes()
    soft = [
        *nodes[:-1],
        helper.make_node("MatMul", ["t", "U"], ["z"]),
        helper.make_node("Softmax", ["z"], ["y"], axis=1),
    ]
    dataset, ports = data.load("said2"), {"audio": ["n", T, A], "vision": ["n", V]}
    taken = imports.load_program(kept("soft.onnx", scored(soft, weights, ports, ["n", 2])), dataset)
    assert taken.model.card.output.holds == "probabilities"
    rows = dataset.inputs(dataset.rows("test"), torch.float64)
    logits = imports.load_program(kept("two.onnx", onnx_two()), dataset).model(rows)
    assert taken.model(rows).softmax(1) == pytest.approx(logits.softmax(1).numpy(), abs=1e-5)
    other = imports.load_program(
        "soft.onnx",
        dataset,
        replace(taken.model.card, output=Output("y", "probabilities", ("yes", "no"))),
    )
    assert other.model(rows) == pytest.approx(taken.model(rows).flip(1).numpy())
    one = {**weights, "U": weights["U"][:, 1:] - weights["U"][:, :1]}
    single = imports.load_program(kept("one.onnx", scored(nodes, one, ports, ["n", 1])), dataset)
    assert single.model(rows).softmax(1) == pytest.approx(logits.softmax(1).numpy(), abs=1e-5)
    refused(
        "two.onnx",
        "to give probabilities, but these go from -",
        "said2",
        card=replace(taken.model.card, program="two.onnx"),
    )


def test_a_scikit_learn_pipeline() -> None:
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    dataset = data.load("said3")
    x = dataset.inputs(dtype=torch.float64)
    values, mask = x["audio"]
    flat = (
        torch.cat([(values * mask[..., None]).sum(1) / mask.sum(1, keepdim=True), x["vision"]], 1)
        .float()
        .numpy()
    )
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(flat, dataset.y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain, mapped = (
            to_onnx(fitted, flat[:1], options={"zipmap": zipped}).SerializeToString()
            for zipped in (False, True)
        )
    refused(
        kept("sk.onnx", plain),
        "takes X (?, 7) float32, but nothing says which modality of 'said3' `X` takes (audio, vision). Say so: "
        "`qfusion model import sk.onnx --data said3 --name NAME --input X=MODALITY`, or MODALITY:GIVES",
        "said3",
    )
    together = {"X": "audio,vision:mean"}
    refused("sk.onnx", "Say which holds the scores: --output NAME", "said3", inputs=together)
    refused(
        "sk.onnx", "Input 'x' does not exist. Choose one of ['X']", "said3", inputs={"x": "audio"}
    )
    taken = imports.load_program("sk.onnx", dataset, inputs=together, output="probabilities")
    assert taken.model.card.inputs == (
        Input("X", ("audio", "vision"), "mean", ("rows", "features"), "float32"),
    )
    assert taken.model(x).exp() == pytest.approx(fitted.predict_proba(flat), abs=1e-5)
    refused(
        kept("map.onnx", mapped),
        "options={'zipmap': False}",
        "said3",
        inputs=together,
        output="output_probability",
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (lambda: onnx_two(opset=99), "Export it again, for another operator set"),
        (
            lambda: scored(
                [helper.make_node("Quux", ["vision"], ["y"])], {}, {"vision": ["n", V]}, ["n", 2]
            ),
            "cannot be loaded by ONNX Runtime",
        ),
        (lambda: b"\x08\x08" + b"\xff" * 40, "cannot be read by onnx"),
        (lambda: onnx_two()[:-30], "cannot be read by onnx"),
        (
            lambda: scored(
                [
                    helper.make_node("Reshape", ["vision", "s"], ["r"]),
                    helper.make_node("ReduceSum", ["r"], ["a"], keepdims=0),
                    helper.make_node("Add", ["vision", "a"], ["v"]),
                    helper.make_node("Slice", ["v", "i", "j", "k"], ["y"]),
                ],
                {"s": np.array([-1]), "i": np.array([0]), "j": np.array([2]), "k": np.array([1])},
                {"vision": ["n", V]},
                ["n", 2],
            ),
            "No input takes the values of modality `audio`",
        ),
    ],
)
def test_onnx_files_that_cannot_be_run_are_refused(
    content: Callable[[], bytes], words: str
) -> None:
    refused(kept("bad.onnx", content()), words, "said2")


def test_external_tensors_are_refused() -> None:
    model = onnx.load_from_string(onnx_two())
    outside = model.graph.initializer[0]
    outside.ClearField("raw_data")
    outside.data_location = TensorProto.EXTERNAL
    outside.external_data.add(key="location", value="/etc/passwd")
    refused(kept("bad.onnx", model.SerializeToString()), "keeps `W` in another file", "said2")
    assert open_program(onnx_two(), "two.onnx").parameters == (A + V) * 6 + 6 + 12


def test_fixed_batch_size() -> None:
    nodes, weights = joined_nodes()
    baked = [
        *nodes[:-1],
        helper.make_node("MatMul", ["t", "U"], ["z"]),
        helper.make_node("Reshape", ["z", "s"], ["y"]),
    ]
    content = scored(
        baked,
        {**weights, "s": np.array([4, 2])},
        {"audio": ["n", T, A], "vision": ["n", V]},
        ["n", 2],
    )
    dataset = data.load("said2")
    refused(
        kept("baked.onnx", content), "set `batch` to the rows that it was exported with", "said2"
    )
    card = imports.load_program(kept("two.onnx", onnx_two()), dataset).model.card
    taken = imports.load_program("baked.onnx", dataset, replace(card, batch=4))
    assert "takes exactly 4 rows at once" in describe_remark(taken.warnings[0])
    rows = dataset.inputs(dataset.rows("train"), torch.float64)
    assert taken.model(rows) == pytest.approx(
        imports.load_program("two.onnx", dataset).model(rows).numpy(), abs=1e-6
    )


@pytest.mark.parametrize("lacking", ["onnx", "onnxruntime"])
def test_onnx_without_its_runtime(lacking: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == lacking else found(name)
    )
    with pytest.raises(DataUnavailable, match="An ONNX model needs the extra `onnx`"):
        open_program(onnx_two(), "two.onnx")


# Factories

CODE = """
import torch
from torch import nn
from tests.support.two_views import A, V, Two
def make(): return Two().double()
def broken(): raise RuntimeError("no file")
def wrong(): return 3
class Mmsa(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.a, self.v, self.o = nn.LSTM(A, 4, batch_first=True), nn.Linear(V, 4), nn.Linear(8, 1)
    def forward(self, audio, video):
        audio, lengths = audio
        found = self.a(audio)[0].gather(1, (lengths - 1)[:, None, None].expand(-1, 1, 4))[:, 0]
        return {"Feature_f": found, "M": self.o(torch.cat([found, self.v(video)], 1)), "none": None}
class Bench(nn.Module):
    def __init__(self, has_padding=True):
        super().__init__()
        torch.manual_seed(0)
        self.e, self.h = nn.ModuleList([nn.Linear(A, 3), nn.Linear(V, 3)]), nn.Linear(6, 3)
        self.has_padding = has_padding
    def forward(self, inputs):
        values, lengths = inputs
        sound = self.e[0](values[0]).cumsum(1).gather(1, (lengths[0] - 1)[:, None, None].expand(-1, 1, 3))[:, 0]
        return self.h(torch.cat([sound, self.e[1](values[1])], 1).tanh())
class Dict(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Two()
    def forward(self, inputs):
        values, mask = inputs["audio"]
        return self.inner(values, inputs["vision"], mask)
class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.o = nn.Linear(V, 1)
    def forward(self, vision, audio):
        return self.o(vision) if vision.sum() > 0 else self.o(-vision)
"""


@pytest.fixture
def code() -> Iterator[Any]:
    kept("foreign.py", CODE)
    sys.modules.pop("foreign", None)
    sys.path.insert(0, str(Path.cwd()))
    importlib.invalidate_caches()
    yield importlib.import_module("foreign")
    sys.path.remove(str(Path.cwd()))
    sys.modules.pop("foreign", None)


def test_factory_with_weights_is_traced_without_its_code(code: Any) -> None:
    torch.manual_seed(3)
    trained = Two().double()
    nn.init.normal_(trained.out.weight)
    save_file(trained.state_dict(), "weights.safetensors")
    assert (
        run(
            "model",
            "import",
            "foreign:make",
            "--weights",
            "weights.safetensors",
            "--data",
            "said0",
            "--name",
            "made",
        )
        == 0
    )
    Path("foreign.py").unlink()
    trained.eval()
    require_values("made", lambda x: trained(x["audio"][0], x["vision"], x["audio"][1]), 1e-10)
    sys.modules.pop("foreign")
    checkpoint.load("made")
    assert "foreign" not in sys.modules


class Tied(nn.Module):
    """Two layers with the same weight, the second of which is compiled."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(width, width), nn.Linear(width, width, bias=False)
        self.last.weight = self.first.weight
        self.norm = nn.BatchNorm1d(width)


@pytest.mark.parametrize("width", [2, 5])
@pytest.mark.parametrize("wrapped", ["module.", "_orig_mod.module.", "module._orig_mod.", ""])
def test_weights_of_wrapped_models_and_tied_weights_are_loaded(width: int, wrapped: str) -> None:
    torch.manual_seed(width)
    trained, made = Tied(width), Tied(width)
    made.norm = torch.nn.Sequential(made.norm)  # type: ignore[assignment]
    trained.norm = torch.compile(torch.nn.Sequential(trained.norm))  # type: ignore[assignment]
    torch.nn.init.normal_(trained.norm.get_parameter("_orig_mod.0.bias"))
    save_model(trained, "tied.safetensors")
    state = {wrapped + name: values for name, values in load_file("tied.safetensors").items()}
    assert len(state) == len(trained.state_dict()) - 1
    load_state(made, state, "Weights")
    for one, other in zip(made.state_dict().values(), trained.state_dict().values(), strict=True):
        torch.testing.assert_close(one, other)
    assert made.last.weight is made.first.weight


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"first.weight": None}, r"2 weights of it are missing \(first.weight, last.weight\)"),
        ({"n_averaged": torch.ones(1)}, r"1 weight is unknown to it \(module.n_averaged\)"),
        (
            {"first.bias": None, "net.bias": torch.ones(2)},
            r"missing \(first.bias\) and 1 weight is unknown to it \(module.net.bias\)",
        ),
        ({"first.bias": torch.ones(7)}, r"size mismatch for first.bias.*\[7\].*\[2\]"),
    ],
)
def test_weights_of_another_model_are_refused_with_every_cause(
    changed: dict[str, Tensor | None], words: str
) -> None:
    made = Tied(2)
    state = {f"module.{name}": values for name, values in made.state_dict().items()}
    del state["module.last.weight"]
    state |= {f"module.{name}": values for name, values in changed.items()}
    with pytest.raises(InvalidInput, match=words):
        load_state(made, {k: v for k, v in state.items() if v is not None}, "Weights w")


def test_adapters_for_other_libraries(code: Any) -> None:
    cases: tuple[Any, ...] = (
        (
            "Mmsa",
            "mmsa",
            "said0",
            lambda m, x: m((x["audio"][0], x["audio"][1].sum(1)), x["vision"])["M"],
            ("audio", "vision", "audio_lengths"),
        ),
        (
            "Bench",
            "multibench",
            "said3",
            lambda m, x: m([[x["audio"][0], x["vision"]], [x["audio"][1].sum(1), None]]),
            ("audio", "vision", "audio_lengths"),
        ),
        ("Dict", "dict", "said0", lambda m, x: m(x), ("audio", "vision", "audio_mask")),
    )
    for name, adapter, dataset, call, ports in cases:
        output = "M" if adapter == "mmsa" else ""
        taken = imports.load_program(
            f"foreign:{name}", data.load(dataset), adapter=adapter, output=output
        )
        assert tuple(each.name for each in taken.model.card.inputs) == ports
        assert tuple(port.name for port in taken.model.program.inputs) == ports
        imports.save_program(taken, data.load(dataset), name)
        module = getattr(code, name)().double().eval()

        def single(x: dict[str, Any], module: Any = module, call: Any = call) -> Tensor:
            return call(module, x)

        require_values(name, single, 1e-5)
    # by the card of one it is taken again
    again = imports.load_program(f"foreign:{name}", data.load(dataset), taken.model.card)
    assert again.data[:2] == b"PK"


@pytest.mark.parametrize(
    ("source", "words", "more"),
    [
        ("nowhere.at_all:make", "there is none called `nowhere`", {}),
        ("foreign:nothing", "Module `foreign` has no `nothing`", {}),
        ("foreign:broken", "Factory `foreign:broken` fails (no file)", {}),
        ("foreign:wrong", "must make a torch.nn.Module, but makes a int", {}),
        (
            "foreign:make",
            "Weights other.safetensors are not those of this model",
            {"weights": Path("other.safetensors")},
        ),
        ("foreign:make", "are no safetensors", {"weights": Path("foreign.py")}),
        ("foreign:make", "are not there", {"weights": Path("gone.safetensors")}),
        ("foreign:Mmsa", "nothing says which modality of 'said0' `video` takes", {}),
        ("foreign:Mmsa", "Name another --adapter", {"inputs": {"video": "vision"}}),
        ("foreign:Branching", "cannot be traced by torch.export", {}),
    ],
)
def test_failing_factories_are_reported(
    code: Any, source: str, words: str, more: dict[str, Any]
) -> None:
    save_file({"x": torch.ones(1)}, "other.safetensors")
    refused(source, words, **more)


# What is wrong with programs


def test_non_deterministic_or_row_dependent_scores_are_refused(two: tuple[Two, bytes]) -> None:
    class Normal(Two):
        def forward(self, audio: Tensor, vision: Tensor, audio_mask: Tensor) -> Tensor:
            return super().forward(audio, vision - vision.mean(0), audio_mask)

    class Noisy(Two):
        def forward(self, audio: Tensor, vision: Tensor, audio_mask: Tensor) -> Tensor:
            return super().forward(audio, vision + torch.rand_like(vision), audio_mask)

    class Nan(Two):
        def forward(self, audio: Tensor, vision: Tensor, audio_mask: Tensor) -> Tensor:
            return super().forward(audio, vision, audio_mask).log()

    class Batch(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.norm = Two(), nn.BatchNorm1d(V)

        def forward(self, audio: Tensor, vision: Tensor, audio_mask: Tensor) -> Tensor:
            return self.inner(audio, self.norm(vision), audio_mask)

    refused(
        kept("left.pt2", exported(Two().double().train(), example())),
        "dropout is left on. Call `model.eval()`",
    )
    refused(
        kept("normal.pt2", exported(Normal().double().eval(), example())),
        "depend on the other rows of a batch",
    )
    refused(
        kept("noisy.pt2", exported(Noisy().double().eval(), example())),
        "draws at random (operator `aten.rand",
    )
    refused(
        kept("nan.pt2", exported(Nan().double().eval(), example())),
        "gives NaN or infinity for some rows",
    )
    batch = Batch().double()
    batch.inner.eval()
    refused(kept("batch.pt2", exported(batch, example())), "model.eval()")


def test_one_modality_warns_and_fixed_batches_run_in_pieces(
    two: tuple[Two, bytes],
) -> None:
    class One(Two):
        def forward(self, audio: Tensor, vision: Tensor, audio_mask: Tensor) -> Tensor:
            return super().forward(audio * 0, vision, audio_mask)

    dataset = data.load("said0")
    taken = imports.load_program(
        kept("one.pt2", exported(One().double().eval(), example())), dataset
    )
    assert [describe_remark(remark) for remark in taken.warnings] == [
        "On the ten rows tested, the scores depend only on `vision`, so `audio` contribute 0 to them."
    ]
    fixed = imports.load_program(
        kept("fixed.pt2", exported(two[0], example(7), free=False)), dataset
    )
    assert "takes exactly 7 rows at once" in describe_remark(fixed.warnings[0])
    imports.save_program(fixed, dataset, "fixed")
    assert "takes exactly 7 rows at once" in describe_notes(checkpoint_cards.load_card("fixed"))
    require_values("fixed", lambda x: two[0](x["audio"][0], x["vision"], x["audio"][1]), 1e-10)


def test_incompatible_cards_are_refused(two: tuple[Two, bytes]) -> None:
    dataset = data.load("said0")
    good = imports.load_program(kept("two.pt2", two[1]), dataset).model.card
    audio, vision, mask = good.inputs

    def bad(words: str, source: str = "two.pt2", name: str = "said0", **changes: Any) -> None:
        refused(source, words, name, card=replace(good, **changes))

    bad("names an input `sound`", inputs=(replace(audio, name="sound"), vision, mask))
    bad("does not say what input `audio_mask", inputs=(audio, vision))
    bad(
        "Modality 'smell' does not exist",
        inputs=(audio, replace(vision, modality=("smell",)), mask),
    )
    bad("`axes` of input `vision` are", inputs=(audio, replace(vision, axes=("rows", 3)), mask))
    bad(
        "is given an array of shape",
        inputs=(replace(audio, axes=("rows", "features", "steps")), vision, mask),
    )
    bad("Correct its `dtype`", inputs=(audio, replace(vision, dtype="float32"), mask))
    bad(
        "has 2 sides, but its card gives it",
        inputs=(audio, replace(vision, axes=("rows", 2, 2)), mask),
    )
    bad("names an output `logits`", output=Output("logits", "regression"))
    bad("the data set's target is a number: regression", output=Output("0", "scores"))
    bad("of data set 'said0', but the program is imported for 'said3'", name="said3")
    refused("two.pt2", "gives 1 numbers a row, but the target has 3", "said3")
    with pytest.raises(InvalidInput, match="is not TOML"):
        program_card.read("program = ", "c.toml")
    for said_wrong, words in (
        ({"inputs": []}, "Did you mean 'input'"),
        ({"input": []}, "must have an"),
        ({"input": [{"gives": "x"}]}, "`gives` of input"),
        ({"input": [{"axes": ["steps"]}]}, "rows once"),
        ({"input": [{"dtype": "int4"}]}, "`dtype` of input"),
        ({"input": [{}], "batch": -1}, "`batch`"),
    ):
        with pytest.raises((InvalidInput, NotFound), match=words):
            program_card.parse(said_wrong)


# What an output holds


class Chances(Two):
    """Scores turned into what a card can say that an output holds."""

    def __init__(self, outputs: int, holds: str = "scores", shared: bool = False):
        super().__init__(outputs)
        self.holds, self.shared = holds, shared
        self.common = nn.Sequential(nn.Linear(A + V, 8), nn.Tanh(), nn.Linear(8, 1))

    def raw(self, audio: Tensor, vision: Tensor, audio_mask: Tensor) -> Tensor:
        return 4 * super().forward(audio, vision, audio_mask)

    def forward(self, audio: Tensor, vision: Tensor, audio_mask: Tensor) -> Tensor:
        z = self.raw(audio, vision, audio_mask)
        if self.shared:
            z = z + 5 * self.common(torch.cat([audio.sum(1), vision], 1))
        match self.holds:
            case "probabilities":
                return z.softmax(1)
            case "log-probabilities":
                return z.log_softmax(1)
            case "one probability":
                return z.softmax(1)[:, 1:]
            case "sigmoids":
                return z.sigmoid()
            case "certain":
                return (z == z.amax(1, keepdim=True)).to(z.dtype)
            case "impossible":
                return (z == z.amax(1, keepdim=True)).to(z.dtype).log()
            case "alike":
                return 0 * z
        return z


def chances(C: int, holds: str, **more: Any) -> tuple[Any, imports.LoadedProgram]:
    """A module, and what is taken of it."""
    module = Chances(C, holds, **more).double().eval()
    path = kept(f"{holds.replace(' ', '-')}.pt2", exported(module, example()))
    return module, imports.load_program(path, data.load(f"said{C}"))


def scores_by_hand(module: Chances, dataset: DataSet) -> np.ndarray:
    """The log-odds of each class against the others, (N, C)."""
    x = dataset.inputs(dtype=torch.float64)
    with torch.no_grad():
        z = module.raw(x["audio"][0], x["vision"], x["audio"][1]).numpy()
    return z - (z.sum(1, keepdims=True) - z) / (z.shape[1] - 1)


@pytest.mark.parametrize(
    ("C", "holds"),
    [
        *product((2, 3), ("scores", "log-probabilities", "probabilities")),
        (2, "one probability"),
    ],
)
def test_output_type_is_guessed_and_log_odds_are_explained(C: int, holds: str) -> None:
    module, taken = chances(C, holds)
    dataset = data.load(f"said{C}")
    assert taken.model.card.output.holds == holds.replace("one probability", "probabilities")
    assert not taken.warnings
    first = describe_remark(taken.remarks[0])
    assert (
        f"is used as {taken.model.card.output.holds} of {C} classes, a guess from 10 rows" in first
    )
    assert len(taken.remarks) == (1 if holds == "scores" else 2)
    study = open_sample(imports.save_program(taken, dataset, "one"), "row-0050", dataset).study
    wanted = scores_by_hand(module, dataset)
    assert np.abs(study.scores - wanted).max() < 1e-9
    if C == 2:
        x = dataset.inputs(dtype=torch.float64)
        with torch.no_grad():
            p = module.raw(x["audio"][0], x["vision"], x["audio"][1]).softmax(1).numpy()
        decided = p.argmax(1)[:, None]
        ours = np.take_along_axis(study.scores, decided, 1)
        assert ours == pytest.approx(np.log(p.max(1) / p.min(1))[:, None], abs=1e-9)
        assert (ours > 0).all()
    assert first in describe_notes(checkpoint_cards.load_card("one"))


def test_log_odds_are_taken_row_by_row_before_the_mean() -> None:
    module, taken = chances(3, "probabilities")
    dataset = data.load("said3")
    sample = open_sample(
        imports.save_program(taken, dataset, "one"), "row-0050", dataset, background="joint"
    )
    names = taken.model.modalities
    rows = dataset.inputs(dataset.rows("train"), torch.float64)
    own = dataset.inputs([dataset.row("row-0050")], torch.float64)

    def log_odds(x: dict[str, Any]) -> Tensor:
        p = module(x["audio"][0], x["vision"], x["audio"][1])
        return torch.stack(
            [p[:, c].log() - p[:, [k for k in range(3) if k != c]].log().mean(1) for c in range(3)],
            1,
        )

    wanted = looped(log_odds, names, own, rows)
    assert np.abs(sample.explanation.values[0] - wanted).max() < 1e-9


def everything(name: str, sample: str, dataset: str) -> dict[str, Any]:
    """All that the pages show, by page and panel."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(common_parts, "DATA", dataset)
        return common_parts.everything(name, sample)


def test_common_part_of_all_outputs_has_no_effect() -> None:
    """Every panel of every page is the same when a network of all modalities is added to the scores of all classes."""
    dataset = data.load("said3")
    pages, raw = [], []
    for shared in (False, True):
        _, taken = chances(3, "scores", shared=shared)
        raw.append(taken.model(dataset.inputs(dtype=torch.float64)))
        imports.save_program(taken, dataset, "one", replace_it=shared)
        pages.append(everything("one", "row-0050", "said3"))
    assert float((raw[0] - raw[1]).std()) > 1
    assert sum(isinstance(picture, dict) for picture in pages[0].values()) > 20
    for key, picture in pages[0].items():
        common_parts.assert_same(picture, pages[1][key], key)


@pytest.mark.parametrize("holds", ["certain", "impossible"])
def test_probabilities_of_exactly_0_and_1(holds: str) -> None:
    _, taken = chances(3, holds)
    dataset = data.load("said3")
    wanted = "log-probabilities" if holds == "impossible" else "probabilities"
    assert taken.model.card.output.holds == wanted
    assert describe_remark(taken.remarks[1]).endswith(
        "before the log-odds of each row are computed, which changes 10 of 10 rows."
    )
    sample = open_sample(imports.save_program(taken, dataset, "one"), "row-0050", dataset)
    size = -np.log(1e-12)
    assert np.abs(sample.study.scores).max() == pytest.approx(size)
    assert np.abs(sample.study.scores).min() == pytest.approx(size / 2)
    assert sample.score == pytest.approx(size)
    assert np.isfinite(sample.explanation.values).all()
    assert np.isfinite(sample.study.probabilities).all()


def test_log_probabilities_that_are_finite_are_not_clipped() -> None:
    rows = torch.tensor([[-100.0, 0.0], [-torch.inf, 0.0]], dtype=torch.float64)
    scores = live_model.class_scores(rows, "log-probabilities")
    assert scores.tolist() == [[-100.0, 0.0], [pytest.approx(np.log(1e-12)), 0.0]]
    single = live_model.class_scores(rows[:, :1] - 1, "log-probabilities")
    assert single[:, 1].tolist() == pytest.approx([-101.0, np.log(1e-12)])


def test_outputs_with_other_sums_are_reported() -> None:
    module, taken = chances(3, "sigmoids")
    assert taken.model.card.output.holds == "scores"
    x = sample_rows(data.load("said3"))
    with torch.no_grad():
        sums = module(x["audio"][0], x["vision"], x["audio"][1]).sum(1)
    assert len(taken.warnings) == 1
    warning = describe_remark(taken.warnings[0])
    assert "Output `0` lies in [0, 1], but sums to" in warning
    assert f"{float(sums.min()):.3g} to {float(sums.max()):.3g} in each row" in warning
    assert "Export the scores before the last softmax or sigmoid" in warning
    card_of = replace(
        taken.model.card, output=replace(taken.model.card.output, holds="probabilities")
    )
    refused("sigmoids.pt2", "add up to", "said3", card=card_of)
    as_logarithms = replace(card_of, output=replace(card_of.output, holds="log-probabilities"))
    refused("sigmoids.pt2", "their exponentials add up to", "said3", card=as_logarithms)
    _, sure = chances(3, "probabilities")
    as_scores = replace(sure.model.card, output=replace(sure.model.card.output, holds="scores"))
    again = imports.load_program("probabilities.pt2", data.load("said3"), as_scores)
    assert "as stated" in describe_remark(again.remarks[0])
    assert "state that it holds probabilities" in describe_remark(again.warnings[0])


@pytest.mark.parametrize("holds", ["scores", "probabilities"])
def test_classes_that_never_occur(holds: str) -> None:
    dataset = data.load("said26")
    assert len(np.unique(dataset.y[dataset.rows("train")])) < 26
    module, taken = chances(26, holds)
    sample = open_sample(imports.save_program(taken, dataset, "one"), "row-0050", dataset)
    assert np.abs(sample.study.scores - scores_by_hand(module, dataset)).max() < 1e-9
    assert sum(sample.dividends.values()) == pytest.approx(sample.score)
    assert sample.score > 0
    for name, picture in everything("one", "row-0050", "said26").items():
        words = picture if isinstance(picture, str) else f"{picture['title']} {picture['caption']}"
        assert not re.search(r"\bnan\b", words), f"{name}: {words}"


def test_ties_have_no_decision(capsys: pytest.CaptureFixture[str]) -> None:
    _, taken = chances(3, "alike")
    sample = open_sample(
        imports.save_program(taken, data.load("said3"), "one"), "row-0050", data.load("said3")
    )
    assert terms.is_tied(sample.scores)
    words = name_decision(sample.scores, sample.classes)
    assert words == "a tie between ‘no’, ‘yes’ and ‘both’"
    assert run("explain", "--model", "one", "--sample", "row-0050") == 0, said(capsys)


def test_only_the_largest_scores_tie() -> None:
    z = np.random.default_rng(0).normal(size=26)
    z[[3, 7]] = 5.3
    ours = base.others_matrix(26).numpy() @ z  # equal to rounding
    for scores, classes in ((z, [3, 7]), (ours, [3, 7]), (z + 1e6, [3, 7])):
        assert terms.leading(scores) == classes
        assert terms.is_tied(scores)
    z[3] += 1e-6
    assert terms.leading(z) == [3]
    z[[0, 1]] = -9.0
    for scores in (z, np.array([0.0]), np.array([0.1, 0.2])):
        assert not terms.is_tied(scores)
    names = ascii_lowercase
    assert name_decision(ours, names) == "a tie between ‘d’ and ‘h’"
    assert name_decision(z, names) == "‘d’"


def test_unknown_output_types_are_refused() -> None:
    with pytest.raises(InvalidInput, match="`holds` in the card must be one of scores, log-prob"):
        program_card.parse({"input": [{"modality": ["audio"]}], "output": {"holds": "odds"}})


# Damaged files


def edited(content: bytes, **members: Callable[[bytes], bytes] | bytes | None) -> bytes:
    """A .pt2 with members changed, added, or left out (None); their names without folders, `__` for `/`."""
    buffer = io.BytesIO()
    wanted = {name.replace("__", "/"): change for name, change in members.items()}
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
        for each in old.infolist():
            short = next((name for name in wanted if each.filename.endswith(name)), "")
            change = wanted.pop(short, old.read(each))
            if change is not None:
                new.writestr(each.filename, change(old.read(each)) if callable(change) else change)
        for name, change in wanted.items():
            new.writestr(f"archive/{name}", change if isinstance(change, bytes) else b"")
    return buffer.getvalue()


def in_json(edit: Callable[[dict[str, Any]], Any]) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        said_here = json.loads(content)
        edit(said_here)
        return json.dumps(said_here).encode()

    return change


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"models__model.json": b"{"}, "cannot be loaded by torch"),
        ({"models__model.json": None}, "cannot be loaded by"),
        (
            {"models__model.json": in_json(lambda p: p["schema_version"].update(major=6))},
            "cannot be loaded by torch",
        ),
        (
            {"models__model.json": in_json(lambda p: p["graph_module"]["graph"]["inputs"].pop())},
            "cannot be loaded by",
        ),
    ],
)
def test_archives_that_torch_cannot_load(
    two: tuple[Two, bytes], members: dict[str, Any], words: str
) -> None:
    refused(kept("bad.pt2", edited(two[1], **members)), words)


def test_gradients_equal_the_module(two: tuple[Two, bytes]) -> None:
    audio, vision, mask = example()
    slopes = []
    for forward in (lambda *given: open_program(two[1], "two.pt2").run(given, 0), two[0]):
        moved = [audio.clone().requires_grad_(), vision.clone().requires_grad_()]
        score = (forward(*moved, mask) * torch.arange(4.0)[:, None]).sum()
        slopes.append(torch.autograd.grad(score, moved, create_graph=True))
    for ours, theirs in zip(*slopes, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-14, rtol=0)


def test_damaged_and_foreign_files_are_refused(two: tuple[Two, bytes]) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("archive/models/model.json", b"0" * 10**6)
    refused(kept("bomb.pt2", packed.getvalue()), "cannot be loaded by torch")
    refused(
        kept("text.pt2", b"hello there"),
        "is neither a program of torch.export (.pt2) nor an ONNX model",
    )
    refused(kept("cut.pt2", two[1][:-200]), "cannot be loaded by torch")
    refused("gone.pt2", "is no file, nor a factory")
    torch.save({"a": torch.ones(1)}, "weights.pt")
    refused("weights.pt", "cannot be loaded by torch")

    class Wide(Two):
        def forward(self, audio: Tensor, vision: Tensor, audio_mask: Tensor) -> Tensor:
            return super().forward(audio, vision, audio_mask) + torch.zeros(10**6, 10**6).sum()

    refused(
        kept("wide.pt2", exported(Wide().double().eval(), example())),
        "Program `wide.pt2` fails (",
    )
    refused(kept("two.pt2", two[1]), "belong to a factory", adapter="mmsa")


def test_altered_model_is_not_loaded(two: tuple[Two, bytes]) -> None:
    dataset = data.load("said0")
    imports.save_program(imports.load_program(kept("two.pt2", two[1]), dataset), dataset, "two")
    path = Path("models/two.json")
    said_here = json.loads(path.read_text())
    said_here["settings"]["program"]["input"][0]["pad"] = "left"
    path.write_text(json.dumps(said_here))
    with pytest.raises(QFusionError, match="SHA-256 differs"):
        checkpoint.load("two")
    Path("models/two.pt2").unlink()
    with pytest.raises(NotFound, match=r"two\.pt2 are missing"):
        checkpoint.load("two")


def test_recurrent_layers_and_core_operators() -> None:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.v = (
                nn.LSTM(A, 4, batch_first=True, bidirectional=True),
                nn.GRU(V, 3, batch_first=True),
            )
            self.norm, self.out = nn.BatchNorm1d(8), nn.Linear(11, 1)

        def forward(self, audio: Tensor, vision: Tensor) -> Tensor:
            zero = torch.empty_like(vision[:, :1]).zero_()
            return (
                self.out(
                    torch.cat(
                        [self.norm(self.a(audio)[0][:, -1]), self.v(vision[:, None])[0][:, 0]], 1
                    )
                )
                + zero
            )

    module = Recurrent().double().eval()
    content = exported(module, example()[:2])
    taken = imports.load_program(kept("recurrent.pt2", content), data.load("said0"))
    rows = data.load("said0").inputs(dtype=torch.float64)
    with torch.no_grad():
        assert taken.model(rows) == pytest.approx(
            module(rows["audio"][0], rows["vision"]).numpy(), abs=1e-12
        )
        program = torch.export.load(io.BytesIO(content)).run_decompositions()
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    core = imports.load_program(kept("core.pt2", buffer.getvalue()), data.load("said0"))
    assert core.model(rows) == pytest.approx(taken.model(rows).numpy(), abs=1e-12)
