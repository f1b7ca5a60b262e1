"""ONNX models are imported on the Train page; refused files leave nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from qfusion import cli, data
from qfusion.training import checkpoint, checkpoint_cards
from tests.plugins.programs import foreign_models
from tests.support import importable
from tests.support.app import plain, said, visit

DATA = "small-set"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Programs, and a data set of two modalities and three classes."""
    folder = tmp_path_factory.mktemp("programs")
    foreign_models.program(folder / "products.pt2")
    importable.tables(folder / "tables")
    return folder


@pytest.fixture(autouse=True)
def own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folders of models and of imported sets, of these tests alone."""
    monkeypatch.setenv("QFUSION_MODELS", str(folder / "models"))
    monkeypatch.setenv("QFUSION_IMPORTED", str(folder / "imported"))
    if not (folder / "imported").is_dir():
        with pytest.raises(SystemExit):
            cli.main(["data", "import", str(folder / "tables"), "--name", DATA])
    return folder / "models"


def model_files() -> list[str]:
    place = Path(os.environ["QFUSION_MODELS"])
    return sorted(path.name for path in place.glob("[!.]*"))


def by_label(elements: Any, label: str) -> Any:
    return next(element for element in elements if element.label == label)


def bring(app: Any, path: Path, name: str, inputs: str = "") -> None:
    app.selectbox(key="_model.data").set_value(DATA)
    app.file_uploader(key="_model.file").upload(
        path.name, path.read_bytes(), "application/octet-stream"
    )
    app.text_input(key="_model.name").set_value(name)
    app.text_input(key="_model.inputs").set_value(inputs)
    by_label(app.button, "Check and import").click()
    app.run(timeout=60)


def test_a_model_is_imported_and_removed_on_the_page(folder: Path) -> None:
    forward = foreign_models.network(folder / "net.onnx", names=("x", "audio"))
    app = visit("Train", **{"train.import": "true"})
    by_label(app.button, "Check and import").click().run()
    assert "Choose an .onnx file first" in plain(said(app))
    bring(app, folder / "net.onnx", "both")
    assert "nothing says which modality of 'small-set' `x` takes" in plain(app.error[0].value)
    assert "--input x=MODALITY" in plain(app.error[0].value)
    assert model_files() == []
    bring(app, folder / "net.onnx", "both", "x=text")
    assert not app.exception
    assert "both is now one of the models" in plain(app.success[0].value).replace("**", "")
    assert "Accuracy" in plain(said(app))
    dataset = data.load(DATA)
    inputs = dataset.inputs(dataset.rows("test"), torch.float64)
    scores = checkpoint.load("both").model(inputs)
    torch.testing.assert_close(scores, forward(inputs["text"], inputs["audio"]), atol=1e-5, rtol=0)
    app = visit("Train", **{"train.import": "true"})
    app.selectbox(key="_model.gone").set_value("both").run()
    by_label(app.button, "Remove it from this machine").click().run()
    assert "both was removed" in plain(app.success[0].value)
    assert "both" not in checkpoint_cards.available()


def test_programs_whose_loading_runs_code_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what a file holds, whatever it is called."""
    monkeypatch.setattr(torch.export, "load", None)  # it is never called
    (folder / "named.onnx").write_bytes((folder / "products.pt2").read_bytes())
    app = visit("Train", **{"train.import": "true"})
    assert app.file_uploader(key="_model.file").proto.type == [".onnx"]
    bring(app, folder / "named.onnx", "mine")
    message = plain(app.error[0].value)
    assert (
        "`named.onnx` is one of torch.export, and loading it runs the code that it holds" in message
    )
    assert "python -m qfusion model import named.onnx --data small-set --name mine" in message
    assert model_files() == []


@pytest.mark.parametrize(
    ("name", "message"), [("../x", "must be 1 to 64 letters"), ("qj-planted", "There is a model")]
)
def test_bad_names_are_refused(folder: Path, name: str, message: str) -> None:
    foreign_models.network(folder / "net.onnx")
    app = visit("Train", **{"train.import": "true"})
    bring(app, folder / "net.onnx", name)
    assert message in plain(app.error[0].value)
    assert model_files() == []
