"""Every page that shows a model opens with each shipped model and with an imported one, one after another."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import Tensor, nn

from qfusion import data
from qfusion.analysis import trust
from qfusion.training import checkpoint_folders, imports
from tests.support import exporting
from tests.support.app import FILES, visit
from tests.support.third_model import PAGES

WALK = [*PAGES, "Leaderboard"]
PATIENCE = (
    600  # seconds for a page: all of its panels, whose results are computed for the first time
)


@pytest.fixture(autouse=True)
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measures on few rows: whether a page opens does not depend on their number."""
    monkeypatch.setattr(trust, "INSIDE", 4)
    exporting.few_rows(monkeypatch)


def walk(model: str) -> None:
    """Opens the pages in the order of the menu, as by clicks in it."""
    app = visit(WALK[0], model=model)
    for title in WALK[1:]:
        app.switch_page(FILES[title]).run(timeout=PATIENCE)
        assert_opens(app, title)


def assert_opens(app: AppTest, title: str) -> None:
    assert app.title[0].value == title
    for problems in (app.exception, app.error):
        assert not problems, (title, [problem.value for problem in problems])


@pytest.mark.parametrize("model", sorted(checkpoint_folders.available()))
def test_every_page_opens_with_a_shipped_model(model: str) -> None:
    try:
        walk(model)
    except AssertionError as error:
        if "is not available" in str(error):
            pytest.skip(f"the data of {model} are not here")
        raise


class Product(nn.Module):
    """Scores two classes by a product of both digits' features."""

    def __init__(self, size: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.left, self.right, self.out = nn.Linear(size, 4), nn.Linear(size, 4), nn.Linear(4, 2)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return self.out(torch.tanh(self.left(left)) * torch.tanh(self.right(right)))


def test_every_page_opens_with_an_imported_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QFUSION_MODELS", str(tmp_path / "models"))
    dataset = data.load("parity")
    size = dataset.modalities[0].size
    free = {0: torch.export.Dim.DYNAMIC}
    program = torch.export.export(
        Product(size).double().eval(),
        tuple(torch.randn(4, size, dtype=torch.float64) for _ in dataset.names),
        dynamic_shapes=(free, free),
    )
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    path = tmp_path / "product.pt2"
    path.write_bytes(buffer.getvalue())
    imports.keep(imports.take(str(path), dataset), dataset, "product")
    walk("product")
