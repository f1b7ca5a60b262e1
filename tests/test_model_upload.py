"""Uploaded programs run in a limited process of their own, and refused ones leave no files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from qfusion import cli, data
from qfusion.analysis import model_import as aside
from qfusion.errors import InvalidInput
from qfusion.models import program_card
from qfusion.training import checkpoint, checkpoint_folders
from tests.support import importable, near
from tests.support.app import plain, visit

DATA, WIDE = "small-set", {"text": 4, "audio": 3}


class Products(nn.Module):
    """Two modalities, multiplied."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.out = nn.Linear(4, 6), nn.Linear(3, 6), nn.Linear(6, 3)

    def forward(self, text: Tensor, audio: Tensor) -> Tensor:
        return self.out(self.first(text).tanh() * self.second(audio).tanh())


class Misnamed(Products):
    """Whose inputs tell nothing: as wide as each other, and called a and b."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(7, 6), nn.Linear(7, 6)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return super().forward(a, b)


class Greedy(Products):
    """Which makes two gigabytes of every row."""

    def forward(self, text: Tensor, audio: Tensor) -> Tensor:
        scores = super().forward(text, audio)
        return (
            scores
            + 0
            * (scores[:, :1].expand(-1, 16384)[..., None] * torch.ones(16384)).sum((1, 2))[:, None]
        )


def exported(module: nn.Module, path: Path, widths: tuple[int, ...] = (4, 3)) -> Path:
    rows = tuple(torch.randn(4, size, dtype=torch.float64) for size in widths)
    program = torch.export.export(
        module.double().eval(), rows, dynamic_shapes=({0: torch.export.Dim.DYNAMIC},) * 2
    )
    torch.export.save(program, path)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Programs, and a data set of two modalities and three classes."""
    found = tmp_path_factory.mktemp("programs")
    for name, module, widths in (
        ("products", Products(), (4, 3)),
        ("misnamed", Misnamed(), (7, 7)),
        ("greedy", Greedy(), (4, 3)),
    ):
        exported(module, found / f"{name}.pt2", widths)
    (found / "junk.pt2").write_bytes(b"PK\x03\x04" + bytes(300))
    importable.tables(found / "tables")
    return found


@pytest.fixture(autouse=True)
def own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folders of models and of imported sets, of these tests alone."""
    monkeypatch.setenv("QFUSION_MODELS", str(folder / "models"))
    monkeypatch.setenv("QFUSION_IMPORTED", str(folder / "imported"))
    if not (folder / "imported").is_dir():
        with pytest.raises(SystemExit):
            cli.main(["data", "import", str(folder / "tables"), "--name", DATA])
    return folder / "models"


class Here:
    """Stands for the process of an import, and does what its order says at once: what a process of its own may and does
    is asked where there is one, in this file too."""

    def __init__(self, words: list[str], **settings: Any):
        self.returncode = 0
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(subprocess, "Popen", near.Process)
            patch.setattr(
                aside, "limit_process", lambda memory, seconds: None
            )  # of this process for good
            patch.setattr(sys, "argv", words[-2:])
            aside.main()

    def poll(self) -> int:
        """It has ended."""
        return self.returncode


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Imports run in this process."""
    monkeypatch.setattr(subprocess, "Popen", Here)


def kept() -> list[str]:
    place = Path(os.environ["QFUSION_MODELS"])
    return sorted(path.name for path in place.iterdir()) if place.is_dir() else []


def ended(running: aside.Import) -> dict[str, Any]:
    """What an import says once it has ended."""
    while not running.done:
        time.sleep(0.1)
    return running.result()


def test_uploaded_model_equals_the_program(
    folder: Path, here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a process of its own one comes in in tests/test_browser_data.py."""
    found = ended(aside.Import(folder / "products.pt2", DATA, "mine", title="Mine & yours"))
    monkeypatch.setattr(subprocess, "Popen", near.Process)  # for what is loaded here
    assert [each["modality"] for each in found["card"]["input"]] == [["text"], ["audio"]]
    assert found["first"]["rows"] == len(data.load(DATA).rows("train"))
    assert found["sample"] in data.load(DATA).ids
    assert [each.name for each in program_card.read(found["toml"], "card").inputs] == [
        "text",
        "audio",
    ]
    loaded = checkpoint.load("mine")
    dataset = data.load(DATA)
    inputs = dataset.inputs(dataset.rows("test"), torch.float64)
    torch.manual_seed(0)
    with torch.no_grad():
        wanted = Products().double()(inputs["text"], inputs["audio"])
        assert torch.allclose(loaded.model(inputs), wanted, atol=1e-12, rtol=0)
    assert loaded.card["title"] == "Mine & yours"
    with pytest.raises(InvalidInput, match="There is a model 'mine' already"):
        aside.Import(folder / "products.pt2", DATA, "mine")
    app = visit("Train", **{"train.import": "true"})
    app.selectbox(key="_model.gone").set_value("mine").run()
    by_label(app.button, "Remove it from this machine").click().run()
    assert "mine was removed" in plain(app.success[0].value)
    assert "mine" not in checkpoint_folders.available()


@pytest.mark.parametrize(
    ("file", "name", "limits", "message"),
    [
        ("greedy.pt2", "x", {"MEMORY": 1 << 30}, "more than 1 GiB of memory"),
        ("greedy.pt2", "x", {"SECONDS": 1}, "more than 1 seconds of the processor"),
        ("products.pt2", "x", {"PATIENCE": 0.2}, "more than 0 seconds"),
        ("tables/text.csv", "x", {}, "must be an .onnx or .pt2 file"),
        ("products.pt2", "../x", {}, "name"),
        ("products.pt2", "qj-planted", {}, "not imported and is not replaced|There is a model"),
    ],
)
def test_refused_upload_leaves_no_files(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    name: str,
    limits: dict[str, Any],
    message: str,
) -> None:
    for key, value in limits.items():
        monkeypatch.setattr(aside, key, value)
    before = kept()
    with pytest.raises(InvalidInput, match=message):
        ended(aside.Import(folder / file, DATA, name))
    assert kept() == before


def test_unloadable_upload_leaves_no_files(folder: Path, here: None) -> None:
    before = kept()
    with pytest.raises(InvalidInput, match=r"junk\.pt2"):
        ended(aside.Import(folder / "junk.pt2", DATA, "x"))
    assert kept() == before


def test_remote_torch_program_is_refused(folder: Path, here: None) -> None:
    before = kept()
    (folder / "named.onnx").write_bytes((folder / "products.pt2").read_bytes())
    for name in ("products.pt2", "named.onnx"):
        with pytest.raises(
            InvalidInput,
            match=f"`{name}` is one of torch.export, which is loaded only for readers on",
        ):
            ended(aside.Import(folder / name, DATA, "x", only_onnx=True))
    assert kept() == before


def test_upload_can_be_cancelled(folder: Path) -> None:
    running = aside.Import(folder / "greedy.pt2", DATA, "ended")
    place = Path(running.folder.name)
    assert not running.done
    assert place.is_dir()
    running.cancel()
    assert running.process.poll() == -signal.SIGKILL
    assert not place.exists()
    assert "ended.json" not in kept()


def by_label(elements: Any, label: str) -> Any:
    return next(each for each in elements if each.label == label)
