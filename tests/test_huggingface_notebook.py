"""The notebook on models of Hugging Face runs without a network, and its numbers equal those computed by hand."""

from __future__ import annotations

import contextlib
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import qfusion
from qfusion.adapters import showing
from qfusion.data import Image, Text
from tests.support.app import said, visit

DOCS = Path(__file__).resolve().parent.parent / "docs"
NOTEBOOK = DOCS / "notebooks" / "huggingface.ipynb"
NAME = "review-and-face"


def _cells(kind: str) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == kind]


def test_the_notebook_has_no_outputs() -> None:
    assert all(cell["outputs"] == [] for cell in _cells("code"))


@pytest.fixture(scope="module")
def ran() -> Any:
    """Returns the variables of the notebook after its cells have run, without the server of its last cell."""
    pytest.importorskip("transformers", reason="the notebook builds its model of transformers")
    names: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setattr(qfusion, "show", lambda study, **_: study)
        for cell in _cells("code"):
            exec(compile("".join(cell["source"]), NOTEBOOK.name, "exec"), names)
    return names


def _log_odds(names: dict[str, Any], text: Any, mask: Any, picture: Any) -> np.ndarray:
    """Returns the mean log-odds of the decided class against each other one, of the model in double precision."""
    import copy

    model = copy.deepcopy(names["model"]).double()
    with torch.no_grad():
        scores = model(text.double(), picture.double().reshape(-1, 1, 16, 16), mask)
    own = scores[:, names["sample"].output]
    others = scores[:, [k for k in range(3) if k != names["sample"].output]]
    return (own - others.mean(1)).numpy()


def test_the_model_has_learned(ran: Any) -> None:
    assert ran["right"].double().mean() > 0.9
    assert ran["study"].classes == ("complaint", "irony", "praise")
    verdict = ran["sample"].verdict
    assert verdict.relation.value == "prior"  # of texts and faces that are drawn independently
    assert verdict.before[1] == max(verdict.before) > 0
    assert verdict.dividends["text+picture"] > 1


def test_contributions_equal_brute_force(ran: Any) -> None:
    study, row = ran["study"], ran["chosen"]
    background = study.sample_background
    text, mask = background.states["text"]
    own_text, own_mask = study.dataset.inputs([row], torch.float64)["text"]
    count = background.size
    values = {}
    for inside in ((), ("text",), ("picture",), ("text", "picture")):
        here = (own_text, own_mask) if "text" in inside else (text, mask)
        seen = torch.from_numpy(ran["faces"][row].reshape(1, -1)).expand(count, -1)
        values[inside] = _log_odds(
            ran,
            here[0].expand(count, -1, -1),
            here[1].expand(count, -1),
            seen if "picture" in inside else background.states["picture"],
        ).mean()
    expected = {
        "+".join(inside): sum(
            (-1) ** (len(inside) - len(other)) * values[other]
            for size in range(len(inside) + 1)
            for other in itertools.combinations(inside, size)
        )
        for inside in values
    }
    assert ran["sample"].dividends == pytest.approx(expected, abs=1e-8)


def _training_means(ran: Any) -> tuple[torch.Tensor, torch.Tensor]:
    rows = ran["study"].dataset.rows("train")
    steps = np.concatenate([ran["steps"][row] for row in rows])
    return torch.from_numpy(steps.mean(0)), torch.from_numpy(
        np.stack([ran["faces"][row] for row in rows]).mean(0)
    )


@pytest.mark.parametrize("modality", ["text", "picture"])
def test_words_and_patches_add_up(ran: Any, modality: str) -> None:
    row = ran["chosen"]
    text = torch.from_numpy(ran["steps"][row])[None]
    picture = torch.from_numpy(ran["faces"][row])[None]
    mask = torch.ones(text.shape[:2], dtype=torch.bool)
    mean_step, mean_picture = _training_means(ran)
    starts = {"text": (mean_step.expand_as(text), picture), "picture": (text, mean_picture[None])}
    start, end = (
        float(_log_odds(ran, one, mask, other)[0])
        for one, other in (starts[modality], (text, picture))
    )
    if modality == "text":
        values = ran["by_word"].to_numpy()
        assert len(values) == len(ran["reviews"][row])
    else:
        values = ran["by_patch"]
        assert values.shape == (4, 4)
    assert values.sum() == pytest.approx(end - start, rel=0.01, abs=1e-5)


def test_words_and_features_have_names(ran: Any) -> None:
    dataset, row = ran["study"].dataset, ran["chosen"]
    content = dataset.content(row)
    words = tuple(ran["reviews"][row])
    assert content["text"] == Text(" ".join(words), words)
    assert isinstance(content["picture"], Image)
    assert content["picture"].pixels.shape == (16, 16)
    assert dataset.modalities[0].feature_names == tuple(ran["VOCABULARY"])
    assert any(word in ran["words"].title for word in words)


@pytest.mark.parametrize("modality", ["text", "picture"])
def test_the_page_of_samples_shows_words_and_pixels(
    ran: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, modality: str
) -> None:
    sample = ran["sample"]
    with contextlib.ExitStack() as stack:
        for name, value in showing.place_variables(tmp_path, NAME).items():
            monkeypatch.setenv(name, value)
        showing.place_study(ran["study"], tmp_path, stack)
        app = visit(
            "Samples",
            model=NAME,
            data="data",
            sample=sample.id,
            inside="true",
            **{"inside.of": modality},
        )
        assert not app.exception, app.exception
        assert " ".join(ran["reviews"][ran["chosen"]]) in said(app)
        titles = {"text": "In text, ‘", "picture": "In picture, "}
        assert titles[modality] in said(app)
