"""Models that the repository has never seen, in Chromium: a program of torch.export, an ONNX file and a factory with
its weights are imported into the running app's folders and explored on every page; numbers are those of plain loops."""

from __future__ import annotations

import base64
import importlib.util
import itertools
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save_file
from torch import Tensor, nn

from qfusion import cli, data
from scripts import serving, visits
from tests.support import charts, importable
from tests.support.app import plain, said, visit

pytestmark = pytest.mark.browser
DATA, NAMES, WIDE, CLASSES = "own-set", ("text", "audio"), {"text": 4, "audio": 3}, 3
# One more page in Chromium, of the model that is uploaded there; the others on one model by Streamlit's test runner:
# past the door all three are of one class (models/imported.py), and each format's numbers are read on Samples.
PAGE = "Faithfulness"
OTHERS = (
    "Overview",
    "Dynamics",
    "Train",
    "Decision operators",
    "Leaderboard",
    "Data",
    "Cohorts",
    "Circuit",
    "Why fuse",
    "What if",
    "Compare",
)
WHY = {
    "Dynamics": "no evolution in time",
    "Circuit": "no circuit of gates",
    "Decision operators": "decision of this model is not linear in states",
}
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
WRONG = '[data-testid="stAlertContentError"], [data-testid="stAlertContentWarning"]'
# Terms of the waterfall and their sizes.
TERMS = """() => { const plot = document.querySelector('[class*="st-key-panel-waterfall"] .js-plotly-plot'), found = {};
  const bars = plot._fullData.find(trace => trace.type === 'bar');
  bars.customdata.slice(0, -1).forEach((said, i) => found[said[0]] = bars.x[i]);  // the last is their sum
  return found; }"""


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


def network(path: Path) -> Callable[..., Tensor]:
    """An ONNX file in single precision; returns what it calculates."""
    rng = np.random.default_rng(2)
    weights = {
        "T": rng.normal(size=(4, 6)),
        "A": rng.normal(size=(3, 6)),
        "U": rng.normal(size=(6, CLASSES)),
    }
    nodes = [
        helper.make_node("MatMul", ["text", "T"], ["t"]),
        helper.make_node("MatMul", ["audio", "A"], ["a"]),
        helper.make_node("Mul", ["t", "a"], ["p"]),
        helper.make_node("Tanh", ["p"], ["h"]),
        helper.make_node("MatMul", ["h", "U"], ["y"]),
    ]
    kind = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(name, kind, ["n", size]) for name, size in WIDE.items()],
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


@pytest.fixture(scope="module")
def imported(
    server: serving.Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """Models by name, in the folders that the running app looks into: the first is uploaded there by the first test,
    the others are imported by the command line."""
    folder, theirs = tmp_path_factory.mktemp("imported"), server.log.parent
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MODELS", "IMPORTED"):
            patch.setenv(f"QFUSION_{name}", str(theirs / name.lower()))
        patch.chdir(folder)
        patch.syspath_prepend(str(folder))
        run(
            "data", "import", str(importable.tables(folder / "tables")), "--name", DATA, "--replace"
        )
        found = {
            "own-program": program(folder / "products.pt2"),
            "own-network": network(folder / "crossed.onnx"),
            "own-factory": factory(folder),
        }
        sources = {
            "own-network": ["crossed.onnx"],
            "own-factory": ["own_factory:make", "--weights", "gated.safetensors"],
        }
        for name, words in sources.items():
            run("model", "import", *words, "--data", DATA, "--name", name, "--replace")
        yield {name: (forward, data.load(DATA)) for name, forward in found.items()}
        sys.modules.pop("own_factory", None)


def run(*words: str) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert not ended.value.code, words


def looped(forward: Callable[..., Tensor], dataset: Any, row: int) -> tuple[int, dict[str, float]]:
    """The predicted class, and the dividends of its log-odds, by forward passes one background row at a time; rows of
    the second modality are shuffled, as the background draws each modality on its own."""
    own, rows = (
        dataset.inputs([row], torch.float64),
        dataset.inputs(dataset.rows("train"), torch.float64),
    )
    values: dict[tuple[str, ...], np.ndarray] = {}
    N = len(rows[NAMES[0]])
    rows[NAMES[1]] = rows[NAMES[1]][np.random.default_rng(0).permutation(N)]
    with torch.no_grad():
        for S in ((), *((name,) for name in NAMES), NAMES):
            each = [
                forward(
                    *(own[name] if name in S else rows[name][n : n + 1] for name in NAMES)
                ).numpy()[0]
                for n in range(N)
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


def test_a_model_is_uploaded_and_explored(
    page: Any, server: serving.Server, imported: dict[str, Any]
) -> None:
    forward, dataset = imported["own-program"]
    upload(page, server, "own-program", Path("products.pt2"))
    sample = page.locator(".st-key-sample input").input_value()
    title = page.inner_text('[class*="st-key-panel-waterfall"] h4')
    row = list(dataset.ids).index(sample)
    assert_explained(page.evaluate(TERMS), title, looped(forward, dataset, row), dataset, 1e-10)
    page.locator('[data-testid="stSidebar"]').get_by_role("link", name=PAGE, exact=True).click()
    page.wait_for_selector(f"h1:has-text('{PAGE}')")
    visits.still(page)
    assert page.locator(WRONG).count() == 0, (PAGE, page.inner_text("body"))
    assert page.locator(".st-key-model input").input_value() == "own-program"
    assert page.locator(".st-key-sample input").input_value() == sample


@pytest.mark.parametrize(("name", "within"), [("own-network", 1e-5), ("own-factory", 1e-10)])
def test_a_model_is_found_and_explored(
    imported: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str, within: float
) -> None:
    """Also where the module of its factory is not to be had, as in a server that runs elsewhere."""
    forward, dataset = imported[name]
    monkeypatch.delitem(sys.modules, "own_factory")
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each != str(Path.cwd())])
    assert importlib.util.find_spec("own_factory") is None
    row = int(dataset.rows("test")[1])
    app = visit("Samples", whole=False, model=name, data=DATA, sample=dataset.ids[row])
    nodes = [each for each in app.main if each.type in ("markdown", "bidi_component")]
    place = [charts.key_of(each) for each in nodes].index("figure-waterfall")
    title = nodes[place - 1]  # its panel is headed by it
    bars = next(
        trace
        for trace in json.loads(charts.figures(app)["figure-waterfall"])["data"]
        if trace["type"] == "bar"
    )
    sizes = np.frombuffer(base64.b64decode(bars["x"]["bdata"]), bars["x"]["dtype"])
    terms = [words[0] for words in bars["customdata"]]
    shown = dict(zip(terms[:-1], sizes[:-1], strict=True))  # the last is their sum
    assert_explained(shown, plain(title.value), looped(forward, dataset, row), dataset, within)


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


def upload(page: Any, server: serving.Server, name: str, path: Path) -> None:
    """Imports a file on the Train page, and opens it on Samples; another model on other data was open before."""
    visits.open_page(page, server.url + "/what_if?model=qj-parity&data=parity")
    page.locator('[data-testid="stSidebar"]').get_by_role("link", name="Train", exact=True).click()
    page.get_by_text("Import a model trained elsewhere").click()
    form = page.locator('[data-testid="stForm"]', has_text="Data set of its modalities")
    form.locator('input[type="file"]').set_input_files(path)
    form.get_by_text(path.name).wait_for()
    form.locator('[data-testid="stSelectbox"] input').click()
    page.keyboard.type(DATA)
    page.keyboard.press("Enter")
    form.get_by_label("Name", exact=True).fill(name)
    form.get_by_role("button", name="Check and import").click()
    page.get_by_text("is now one of the models").wait_for(timeout=60_000)
    page.get_by_role("link", name="Open it on Samples").click()
    page.wait_for_selector("h1:has-text('Samples')")
    page.wait_for_selector('[class*="st-key-panel-waterfall"] .js-plotly-plot')
    visits.still(page)
    assert page.locator(".st-key-model input").input_value() == name


@pytest.mark.parametrize("title", OTHERS)
def test_every_other_page_shows_it_or_says_why_not(title: str, imported: dict[str, Any]) -> None:
    dataset = imported["own-factory"][1]
    row = dataset.ids[dataset.rows("test")[1]]
    app = visit(title, model="own-factory", data=DATA, sample=row)
    assert not app.error
    assert not app.warning
    assert WHY.get(title, "") in plain(said(app))
    if title not in ("Data", "Train", "Leaderboard"):
        assert app.selectbox(key="model").value == "own-factory"
        assert app.selectbox(key="sample").value == row
